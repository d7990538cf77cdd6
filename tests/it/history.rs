//! The history: what is recorded of runs, and what has changed since the last one.

use serde_json::Value as Json;

use crate::support::{Place, Run};

const RULES: &str = "dataset: orders\nrules:\n  - range: { column: price, above: 0, tolerate: 50% }\n  - missing: { columns: [site], on_fail: warn }\n  - statistic: { column: price, of: mean, max: 100 }\n";

/// Runs `check` over rows of price and site on a day of November.
fn check(place: &Place, day: u32, rows: &str) -> Run {
    check_with(place, day, rows, &[])
}

fn check_with(place: &Place, day: u32, rows: &str, more: &[&str]) -> Run {
    place.write("d.csv", format!("price,site\n{rows}"));
    let now = format!("2026-11-{day:02}T06:00:00Z");
    place.run(&[&["check", "d.csv", "-r", "r.yaml", "--record", "runs", "--now", &now], more].concat())
}

fn place() -> Place {
    Place::with(RULES, "")
}

fn recorded(place: &Place) -> Vec<String> {
    place.files().into_iter().filter(|file| file.starts_with("runs/")).collect()
}

/// Finding and change, in the report's order.
fn changes(since: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().expect("text").to_owned();
    since["findings"].as_array().expect("findings").iter().map(|f| (text(&f["id"]), text(&f["change"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, change)| ((*id).to_owned(), (*change).to_owned())).collect()
}

#[test]
fn each_run_is_one_file_whose_name_sorts_by_time_and_holds_the_report() {
    let place = place();
    let first = check(&place, 9, "5,a\n");
    let second = check(&place, 10, "500,a\n");
    assert_eq!((first.code, second.verdict()), (0, "reject"), "{}", second.stdout);
    let files = recorded(&place);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files[0].starts_with("runs/orders/20261109T060000.000Z.00-") && files[0].ends_with(".accept.json"), "{files:?}");
    assert!(files[1].starts_with("runs/orders/20261110T060000.000Z.00-") && files[1].ends_with(".reject.json"), "{files:?}");
    let text = std::fs::read_to_string(place.path(&files[1])).expect("a run");
    assert_eq!(&serde_json::from_str::<Json>(&text).expect("JSON"), second.report());
}

#[test]
fn the_same_run_is_recorded_once_and_a_run_that_came_out_otherwise_again() {
    let place = place();
    let of = |rows: &str| check_with(&place, 9, rows, &["--batch-id", "monday"]);
    for rows in ["5,a\n", "5,a\n", "-1,a\n5,a\n", "-1,a\n5,a\n", "5,a\n"] {
        of(rows);
    }
    let files = recorded(&place);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files[0].contains(".00-monday-") && files[1].contains(".01-monday-"), "{files:?}");
}

#[test]
fn undecided_runs_and_runs_that_could_not_judge_are_recorded_with_their_verdict() {
    let place = place();
    assert_eq!(check(&place, 9, "").code, 2);
    std::fs::remove_file(place.path("d.csv")).expect("removed");
    let missing = place.run(&["check", "d.csv", "-r", "r.yaml", "--record", "runs"]);
    assert_eq!(missing.code, 2);
    let files = recorded(&place);
    assert_eq!(files.iter().filter(|file| file.ends_with(".undecided.json")).count(), 2, "{files:?}");
}

#[test]
fn a_dry_run_records_nothing_and_says_what_has_changed() {
    let place = place();
    check(&place, 9, "5,a\n");
    place.write("d.csv", "price,site\n500,a\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out", "--record", "runs", "--dry-run"]);
    assert_eq!(recorded(&place).len(), 1);
    let history = &run.report()["history"];
    assert_eq!(changes(&history["since_last_run"]), pairs(&[("statistic-price", "new")]), "{history}");
}

#[test]
fn a_run_says_what_is_new_worse_better_recovered_and_gone_since_the_last_run() {
    let place = place();
    let first = check(&place, 9, "-1,a\n5,\n5,a\n5,a\n");
    assert_eq!(first.report()["history"]["runs"], 0);
    assert!(first.report()["history"].get("since_last_run").is_none());
    let second = check(&place, 10, "-1,a\n-1,a\n5,a\n900,a\n");
    let since = &second.report()["history"]["since_last_run"];
    let expected = [("statistic-price", "new"), ("missing-site", "recovered")];
    assert_eq!(changes(since), pairs(&expected), "{since:#}");
    let of = |since: &Json, id: &str| since["findings"].as_array().expect("list").iter().find(|f| f["id"] == id).expect("there").clone();
    let mean = of(since, "statistic-price");
    // (-1 + 5 + 5 + 5) / 4 and (-1 - 1 + 5 + 900) / 4.
    assert_eq!((mean["then"]["observed"].as_f64(), mean["now"]["observed"].as_f64()), (Some(3.5), Some(225.75)), "{mean}");
    assert_eq!((since["verdict"].as_str(), since["same_rules"].as_bool()), (Some("accept"), Some(true)), "{since:#}");
}
