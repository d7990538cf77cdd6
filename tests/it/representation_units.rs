//! `representation` with `unit`: people are counted, not events.

use serde_json::Value as Json;
use sluicegate::statistics::{newcombe_interval, wilson_interval};

use crate::support::{CHECK, Place, Run};

fn check(data: &str, rule: &str) -> Run {
    Place::with(&rules(rule), data).run(&CHECK)
}

fn rules(rule: &str) -> String {
    format!("dataset: t\nsource: {{ missing_values: [\"\"] }}\nrules:\n  - representation: {{ id: r, groups: [g], unit: who, {rule} }}\n")
}

fn group<'a>(run: &'a Run, name: &str) -> &'a Json {
    let groups = run.finding("r")["groups"].as_array().expect("groups");
    groups.iter().find(|g| g["group"] == serde_json::json!([name])).unwrap_or_else(|| panic!("no group {name} in {groups:?}"))
}

fn message(run: &Run) -> &str {
    run.finding("r")["message"].as_str().expect("a message")
}

#[track_caller]
fn close(found: &Json, expected: f64) {
    let number = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    assert!((number - expected).abs() <= 1e-9 * expected.abs(), "{number} where {expected} is expected");
}

/// So many people of each group, who come so many times each.
fn visits(groups: &[(&str, usize, usize)]) -> String {
    let mut csv = String::from("g,who\n");
    for (group, people, times) in groups {
        (0..people * times).for_each(|i| csv.push_str(&format!("{group},{group}{}\n", i % people)));
    }
    csv
}

#[test]
fn who_comes_often_counts_once() {
    let data = visits(&[("f", 100, 10), ("m", 100, 1)]);
    let run = check(&data, "reference: { f: 50%, m: 50% }, tolerance: 10 points");
    assert_eq!(run.finding("r")["outcome"], "pass", "{}", message(&run));
    assert_eq!(run.finding("r")["figures"]["distinct"], 200);
    let f = &group(&run, "f")["figures"];
    assert_eq!((&f["count"], &f["share"]), (&Json::from(100), &Json::from(0.5)));
    // statsmodels: proportion_confint(100, 200, method="wilson").
    close(&f["interval_low"], 0.43136085960389187);
    // By events it is another matter.
    let of_events =
        Place::with(&rules("reference: { f: 50%, m: 50% }, tolerance: 10 points").replace("unit: who, ", ""), &data).run(&CHECK);
    assert_eq!(of_events.finding("r")["outcome"], "fail");
    // An unseen group is unseen among people, however often these came.
    let run = check(&visits(&[("m", 298, 3)]), "reference: { m: 99%, x: 1% }, tolerance: 5 points");
    assert!(
        message(&run).contains("x: unseen in 298 different `who`, 1.0% ± 5 points expected: too few `who` to tell, 299 would do"),
        "{}",
        message(&run)
    );
    let run = check(&visits(&[("m", 299, 1)]), "reference: { m: 99%, x: 1% }, tolerance: 5 points");
    assert_eq!(group(&run, "x")["outcome"], "fail");
}

#[test]
fn people_in_several_groups_and_rows_of_nobody_are_told() {
    let data = format!("{}f,m0\nf,m1\nf,\nm,\n,m2\n", visits(&[("f", 98, 2), ("m", 100, 2)]));
    let run = check(&data, "reference: { f: 50%, m: 50% }, tolerance: 10 points");
    assert_eq!(run.finding("r")["outcome"], "pass", "{}", message(&run));
    assert!(
        message(&run).contains("3 of 198 different `who` are in several groups; 2 rows without `who` are left out"),
        "{}",
        message(&run)
    );
    assert_eq!((&group(&run, "f")["figures"]["count"], &group(&run, "m")["figures"]["count"]), (&Json::from(100), &Json::from(100)));
    let run = check("g,who\nf,\n", "reference: equal, tolerance: 10 points");
    assert_eq!((run.code, run.finding("r")["outcome"].as_str()), (2, Some("no_data")), "{}", message(&run));
    // Fewer people than `min_rows`, of however many rows.
    let run = check(&visits(&[("f", 40, 50), ("m", 60, 1)]), "reference: { f: 50%, m: 50% }, tolerance: 20 points, min_rows: 50");
    assert_eq!(group(&run, "f")["outcome"], "not_judged");
    assert!(message(&run).contains("1 group has fewer `who` than 50, not judged: f"), "{}", message(&run));
}

#[test]
fn what_is_estimated_widens_the_interval() {
    let run = check(&visits(&[("f", 15_000, 1), ("m", 15_000, 1)]), "reference: { f: 50%, m: 50% }, tolerance: 5 points");
    assert_eq!(run.finding("r")["outcome"], "pass", "{}", message(&run));
    assert!(message(&run).contains("`who` are counted by estimate, with a standard error of 0.8%"), "{}", message(&run));
    let [f, m] = ["f", "m"].map(|name| group(&run, name)["figures"]["count"].as_u64().expect("a count"));
    assert!(f.abs_diff(15_000) < 500 && m.abs_diff(15_000) < 500, "{f} and {m}");
    let share = f as f64 / (f + m) as f64;
    // z from scipy: norm.ppf(0.975); the error of 2^14 registers: 1.04/sqrt(2^14).
    let off = 1.959963984540054 * share * (1.0 - share) * 2f64.sqrt() * 1.04 / 128.0;
    let (low, high) = wilson_interval(f, f + m, 0.95);
    close(&group(&run, "f")["figures"]["interval_low"], share - (share - low).hypot(off));
    close(&group(&run, "f")["figures"]["interval_high"], share + (high - share).hypot(off));
    // Of integers close together no estimate is needed.
    let numbers: String = (0..30_000).map(|i| format!("{},{i}\n", if i % 2 == 0 { "f" } else { "m" })).collect();
    let run = check(&format!("g,who\n{numbers}"), "reference: { f: 50%, m: 50% }, tolerance: 5 points");
    assert_eq!(group(&run, "f")["figures"]["count"], 15_000);
    close(&group(&run, "f")["figures"]["interval_low"], wilson_interval(15_000, 30_000, 0.95).0);
}

#[test]
fn people_are_compared_with_people_of_a_file_and_of_a_baseline() {
    let place = Place::with(&rules("against: old.csv, tolerance: 5 points"), &visits(&[("f", 30, 9), ("m", 70, 1)]));
    place.write("old.csv", visits(&[("f", 48, 1), ("m", 52, 7)]));
    let of_file = place.run(&CHECK);
    let f = &group(&of_file, "f")["figures"];
    assert_eq!((&f["count"], &f["share"], &f["reference"]), (&Json::from(30), &Json::from(0.3), &Json::from(0.48)));
    let (low, high) = newcombe_interval((30, 100), (48, 100), 0.95);
    close(&f["interval_low"], 0.48 + low);
    close(&f["interval_high"], 0.48 + high);
    assert_eq!(place.run(&["baseline", "capture", "old.csv", "-r", "r.yaml", "-o", "b.json", "-q", "--anyway"]).code, 0);
    place.write("r.yaml", rules("against: { baseline: b.json }, tolerance: 5 points"));
    let of_baseline = place.run(&CHECK);
    assert_eq!(of_baseline.finding("r")["groups"], of_file.finding("r")["groups"]);
}
