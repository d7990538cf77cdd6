//! The columns of a batch beside those of earlier data: without a contract these are the contract, and their values show what no
//! type shows.

use std::fmt::Write;

use crate::support::{CHECK, Place, Run};

const RULES: &str = "dataset: orders\nbaseline: { path: b.json }\nrules: [{ rows: { min: 1 } }]\n";

/// What a column holds in a row.
type Written = fn(u32) -> String;

/// Rows of `columns`, each made of the row's number.
fn csv(columns: &[(&str, Written)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut text = names.join(",") + "\n";
    for row in 0..400 {
        let values: Vec<String> = columns.iter().map(|(_, of)| of(row)).collect();
        writeln!(text, "{}", values.join(",")).expect("text");
    }
    text
}

/// Numbers that look as if drawn by lot.
fn lot(row: u32) -> f64 {
    f64::from(row.wrapping_mul(2_654_435_761) >> 8) / f64::from(1u32 << 24)
}

fn price(row: u32) -> String {
    format!("{:.2}", (3.0 + 2.0 * lot(row)).exp())
}

fn code(row: u32) -> String {
    format!("A{:03}-{}", row % 7, row % 1000)
}

fn state(row: u32) -> String {
    ["new", "paid", "sent"][row as usize % 3].to_owned()
}

const COLUMNS: [(&str, Written); 4] = [("id", |row| row.to_string()), ("price", price), ("code", code), ("state", state)];

/// A place with a baseline of [`COLUMNS`].
fn learned(rules: &str) -> Place {
    let place = Place::with(rules, &csv(&COLUMNS));
    let run = place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "b.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    place
}

fn check(place: &Place, data: &str) -> Run {
    place.write("d.csv", data);
    place.run(&CHECK)
}

fn changes(run: &Run) -> Vec<String> {
    let changes = run.report()["schema_changes"].as_array().expect("changes");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let mark = |c: &serde_json::Value| if c["compatible"] == true { "" } else { "! " };
    changes.iter().map(|c| format!("{}{} {}", mark(c), text(&c["path"]), text(&c["kind"]))).collect()
}

fn message(run: &Run) -> String {
    run.finding("schema")["message"].as_str().expect("a message").to_owned()
}

#[test]
fn without_a_contract_the_baselines_columns_are_the_contract() {
    let place = learned(RULES);
    let same = place.run(&CHECK);
    assert_eq!((same.code, changes(&same)), (0, Vec::new()), "{}", same.stderr);
    assert_eq!(message(&same), "the columns are as those of the baseline b.json");
    let fewer = check(&place, &csv(&[COLUMNS[0], COLUMNS[2], COLUMNS[3], ("note", |row| format!("n{row}"))]));
    assert_eq!((fewer.code, changes(&fewer)), (0, vec!["price column_removed".into(), "note column_added".into()]), "{}", fewer.stderr);
    let other = check(&place, &csv(&[("id", |row| format!("x{row}")), COLUMNS[1], COLUMNS[2], COLUMNS[3]]));
    assert_eq!((other.code, changes(&other)), (1, vec!["! id type_changed".to_owned()]), "{}", other.stderr);
    // The table and the rule file's own contract come first.
    place.write("r.yaml", format!("{RULES}schema: {{ columns: {{ id: string, price: float64, code: string, state: string }} }}\n"));
    let own = place.run(&CHECK);
    assert_eq!((own.code, changes(&own), message(&own)), (0, Vec::new(), "the columns are as the contract says".to_owned()));
}

#[test]
fn types_that_values_happen_to_have_are_no_change() {
    let place = learned(RULES);
    // Whole prices, codes that look like numbers, a column without a value.
    let run = check(
        &place,
        &csv(&[COLUMNS[0], ("price", |row| (20 + row % 90).to_string()), ("code", |row| row.to_string()), ("state", |_| String::new())]),
    );
    let kinds = changes(&run);
    assert!(!kinds.iter().any(|change| change.contains("type_")), "{kinds:?}");
}

#[test]
fn prices_times_a_hundred_are_found_whatever_the_contract_says() {
    let cents: fn(u32) -> String = |row| format!("{:.0}", 100.0 * price(row + 400).parse::<f64>().expect("a number"));
    let data = csv(&[COLUMNS[0], ("price", cents), COLUMNS[2], COLUMNS[3]]);
    let place = learned(RULES);
    let run = check(&place, &data);
    assert_eq!((run.code, run.verdict(), changes(&run)), (1, "reject", vec!["! price scale_shifted".to_owned()]), "{}", run.stderr);
    let said = message(&run);
    assert!(said.starts_with("the baseline b.json: `price` was about 5") && said.ends_with(", 100 times as much"), "{said}");
    assert_eq!(run.report()["schema_changes"][0]["code"], "schema/scale-shifted");
    place.write("r.yaml", format!("{RULES}schema: {{ columns: {{ price: float64 }} }}\n"));
    let own = check(&place, &data);
    assert!(changes(&own).contains(&"! price scale_shifted".to_owned()), "{}", message(&own));
    place.write("r.yaml", format!("{RULES}schema: {{ evolution: any }}\n"));
    assert_eq!(check(&place, &data).code, 0);
    // Masked values are compared with nothing.
    place.write("r.yaml", format!("{RULES}schema: {{ columns: {{ price: {{ type: float64, mask: partial }} }} }}\n"));
    let masked = check(&place, &data);
    assert!(!changes(&masked).iter().any(|change| change.contains("price")), "{}", message(&masked));
}

#[test]
fn a_column_of_another_name_and_place_is_known_by_its_values() {
    let place = learned(RULES);
    let run = check(&place, &csv(&[("total", price), COLUMNS[3], COLUMNS[0], COLUMNS[2]]));
    let kinds: Vec<String> = changes(&run).into_iter().filter(|change| !change.contains("reordered")).collect();
    assert_eq!((run.code, kinds), (0, vec!["price column_renamed".to_owned()]), "{}", message(&run));
    assert!(message(&run).contains("`price` probably renamed to `total` (their values are 100 % alike)"), "{}", message(&run));
    // In the same place, but of quite other values: one is gone and another came.
    let run = check(&place, &csv(&[COLUMNS[0], ("weight", |row| format!("{:.4}", 0.001 * lot(row))), COLUMNS[2], COLUMNS[3]]));
    assert_eq!(changes(&run), ["price column_removed", "weight column_added"], "{}", message(&run));
}

#[test]
fn texts_that_are_written_otherwise_are_a_change_of_format() {
    let place = learned(RULES);
    let run = check(&place, &csv(&[COLUMNS[0], COLUMNS[1], ("code", |row| format!("A{:03}/{}", row % 7, row % 1000)), COLUMNS[3]]));
    assert_eq!((run.code, changes(&run)), (1, vec!["! code format_changed".to_owned()]), "{}", run.stderr);
    assert!(
        message(&run).contains("`code` is written like `a999/999` and was like `a999-999` in the baseline b.json"),
        "{}",
        message(&run)
    );
}

#[test]
fn a_baseline_that_is_yet_to_be_learned_blocks_nothing_and_is_said() {
    let place = Place::with(&RULES.replace("b.json", "b.json, first: learn"), &csv(&COLUMNS));
    let run = place.run(&CHECK);
    assert_eq!((run.code, run.verdict()), (0, "accept"), "{}", run.stderr);
    assert_eq!((run.finding("schema")["outcome"].as_str(), run.finding("schema")["warming_up"].as_bool()), (Some("no_data"), Some(true)));
    // Without `learn` it is a fault.
    place.write("r.yaml", RULES);
    assert_eq!(place.run(&CHECK).code, 2);
}

#[test]
fn without_a_baseline_the_last_recorded_run_that_passed_is_the_contract() {
    let place = Place::with("dataset: orders\nrules: [{ rows: { min: 1 } }]\n", &csv(&COLUMNS));
    let record = |data: &str, day: u32, batch: &str| {
        place.write("d.csv", data);
        let now = format!("2026-03-{day:02}T00:00:00Z");
        place.run(&[&CHECK[..], &["--record", "runs", "--now", &now, "--batch-id", batch]].concat())
    };
    let first = record(&csv(&COLUMNS), 1, "a");
    assert!(first.code == 0 && changes(&first).is_empty(), "{}", first.stderr);
    let same = record(&csv(&COLUMNS), 2, "b");
    assert_eq!((same.code, message(&same)), (0, "the columns are as those of the last run a".to_owned()), "{}", same.stderr);
    let wrong = csv(&[("id", |row| format!("x{row}")), COLUMNS[1], COLUMNS[2], COLUMNS[3]]);
    // What was rejected is no contract: it is rejected again.
    for day in [3, 4] {
        let run = record(&wrong, day, "c");
        assert_eq!((run.code, changes(&run)), (1, vec!["! id type_changed".to_owned()]), "{}", run.stderr);
        assert!(message(&run).starts_with("the last run b: `id` changed from int64 to string"), "{}", message(&run));
    }
    // The batch itself is not what it is compared with.
    let again = record(&csv(&COLUMNS), 5, "b");
    assert_eq!(message(&again), "the columns are as those of the last run a");
}

#[test]
fn the_contract_may_be_that_of_other_data_by_name() {
    let rules =
        |against: &str, more: &str| format!("dataset: orders\nschema: {{ against: {against} }}\nrules: [{{ rows: {{ min: 1 }} }}]\n{more}");
    let place = Place::with(&rules("before.csv", ""), &csv(&COLUMNS));
    // Of all values there, the last one alone says that numbers may have a fraction.
    place.write("before.csv", format!("{}3.5,1.00,A1,CA\n", csv(&COLUMNS)));
    let same = place.run(&CHECK);
    assert_eq!((same.code, message(&same)), (0, "the columns are as those of before.csv".to_owned()), "{}{}", same.stdout, same.stderr);
    let wrong = csv(&[("id", |row| format!("x{row}")), COLUMNS[1], COLUMNS[2], COLUMNS[3]]);
    let run = check(&place, &wrong);
    assert_eq!((run.code, changes(&run)), (1, vec!["! id type_changed".to_owned()]), "{}", run.stderr);
    assert!(message(&run).starts_with("before.csv: `id` changed from float64 to string"), "{}", message(&run));
    // By the name of a source, and a file that is not there.
    place.write("r.yaml", rules("yesterday", "sources: { yesterday: before.csv }\n"));
    assert_eq!(changes(&place.run(&CHECK)), ["! id type_changed"]);
    place.write("r.yaml", rules("gone.csv", ""));
    let run = place.run(&CHECK);
    assert!(run.code == 2 && run.stderr.contains("gone.csv: no such file"), "{}", run.stderr);
    // A baseline in the place of the table; what the table cannot take is not published all the same.
    place.write("d.csv", csv(&COLUMNS));
    let capture = place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "b.json"]);
    assert_eq!(capture.code, 2, "the rule file names data that is not there");
    place.write("r.yaml", "dataset: orders\nrules: [{ rows: { min: 1 } }]\n");
    assert_eq!(place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "b.json"]).code, 0);
    place.write("r.yaml", rules("{ baseline: b.json }", "gate: { publish: out, quarantine: aside }\n"));
    assert_eq!(message(&place.run(&CHECK)), "the columns are as those of the baseline b.json");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml"]).code, 0);
    place.write("r.yaml", rules("before.csv", "gate: { publish: out, quarantine: aside }\n"));
    place.write("before.csv", &wrong);
    place.write("d.csv", &wrong);
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert_eq!((run.code, run.finding("schema-table")["outcome"].as_str()), (1, Some("fail")), "{}{}", run.stdout, run.stderr);
    // What is published, and recorded runs that there are not enough of.
    place.write("r.yaml", rules("published", "gate: { publish: out, quarantine: aside }\n"));
    let run = place.run(&CHECK);
    assert!(message(&run).contains("the published batch"), "{}", message(&run));
    assert_eq!(changes(&run), ["! id type_changed"]);
    place.write("r.yaml", rules("before.csv", "").replace("against: before.csv", "against: before.csv, columns: { id: int64 }"));
    let run = place.run(&CHECK);
    assert!(run.code == 2 && run.stderr.contains("`columns` and `against` both say what the columns should be"), "{}", run.stderr);
}
