//! `compare`: two data sets without a rule file.

use serde_json::Value as Json;

use crate::support::{Place, Run};

/// Six hundred rows of A and four hundred of B, whose amounts are distributed otherwise.
fn table(rows: u64, first: u64, country: &[&str], split: &str, amount: impl Fn(u64) -> u64) -> String {
    let row = |i: u64| format!("{},{},{split},{}\n", first + i, country[i as usize % country.len()], amount(i));
    format!("id,country,split,amount\n{}", (0..rows).map(row).collect::<String>())
}

fn compared(place: &Place, more: &[&str]) -> (Run, Json) {
    let run = place.run(&[&["compare", "a.csv", "b.csv", "--report", "r.json", "--now", "2026-11-22"], more].concat());
    let report = std::fs::read_to_string(place.path("r.json")).unwrap_or_else(|_| panic!("{}", run.stderr));
    (run, serde_json::from_str(&report).expect("JSON"))
}

fn finding<'a>(report: &'a Json, id: &str) -> &'a Json {
    let all = report["findings"].as_array().expect("findings");
    all.iter().find(|f| f["id"] == id).unwrap_or_else(|| panic!("no {id} among {:?}", all.iter().map(|f| &f["id"]).collect::<Vec<_>>()))
}

#[test]
fn data_are_like_themselves() {
    let place = Place::new();
    let data = table(600, 0, &["DE", "FR"], "x", |i| i * i % 997);
    place.write("a.csv", &data);
    place.write("b.csv", &data);
    let (run, report) = compared(&place, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(report["mode"], "compare");
    assert!(run.stdout.starts_with("ALIKE"), "{}", run.stdout);
    assert_eq!(finding(&report, "compare-key-id")["observed"], 600);
}

#[test]
fn drift_keys_values_and_what_tells_the_split_are_named() {
    let place = Place::new();
    place.write("a.csv", table(600, 0, &["DE", "FR", "IT"], "train", |i| i * i % 997));
    place.write("b.csv", table(400, 500, &["DE", "FR", "ES"], "test", |i| (i * i * 3 + 50) % 1200));
    let (run, report) = compared(&place, &[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("DIFFERENT"), "{}", run.stdout);
    // `scipy.stats.ks_2samp(a, b, method="asymp")` of the amounts.
    let drift = finding(&report, "drift-amount");
    let figure = |name: &str| drift["figures"][name].as_f64().unwrap_or_else(|| panic!("no {name}: {drift}"));
    assert!((figure("effect") - 0.14).abs() < 1e-12, "{drift}");
    assert!((figure("p_value") / 0.0001446314641707676 - 1.0).abs() < 1e-6, "{drift}");
    let says = |id: &str| finding(&report, id)["message"].as_str().expect("a message").to_owned();
    assert_eq!(says("compare-key-id"), "keys: 100 in both (25.0% of those of B), 500 only in A, 300 only in B");
    assert_eq!(says("compare-row-count"), "600 rows in A, 400 in B");
    assert_eq!(says("compare-values-country"), "1 of 3 different values of A do not occur in B");
    assert_eq!(says("compare-values-split"), "no value is in both: it tells which data a row is from");
}

#[test]
fn training_and_test_data_must_share_no_row() {
    let place = Place::new();
    place.write("a.csv", table(500, 0, &["DE", "FR"], "x", |i| i * i % 997));
    place.write("b.csv", table(500, 0, &["DE", "FR"], "x", |i| i * i % 997));
    let (run, report) = compared(&place, &["--disjoint"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert_eq!(finding(&report, "compare-rows")["outcome"], "warn");
    assert_eq!(finding(&report, "compare-key-id")["outcome"], "warn");
}

#[test]
fn columns_that_differ_and_data_that_cannot_be_read_are_told() {
    let place = Place::new();
    place.write("a.csv", "id,x\n1,2\n2,3\n");
    place.write("b.csv", "id,y\n1,2\n2,3\n");
    let (run, report) = compared(&place, &[]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    let changes = report["schema_changes"].as_array().expect("changes");
    assert!(!changes.is_empty(), "{report}");
    assert_eq!(place.run(&["compare", "a.csv", "absent.csv"]).code, 2);
}
