//! What people read: in the terminal, in the HTML report, in messages.

use std::process::Command;

use chrono::{DateTime, Utc};

use crate::support::{Place, project};

fn place(rules: &str, data: &str) -> Place {
    let place = Place::new();
    place.write("r.yaml", rules);
    place.write("d.csv", data);
    place
}

const CHECK: [&str; 4] = ["check", "d.csv", "-r", "r.yaml"];

#[test]
fn a_report_says_when_the_run_began() {
    let place = place("dataset: d\nrules:\n  - missing: { column: a }\n", "a\n1\n");
    let set = place.run(&[&CHECK[..], &["--now", "2026-11-27T08:00:59.5Z", "--report", "r.html"]].concat());
    assert_eq!(set.report()["began"], "2026-11-27T08:00:59.500Z");
    assert!(set.stdout.starts_with("ACCEPT  d (checked 2026-11-27 08:00 UTC)\n"), "{}", set.stdout);
    let html = std::fs::read_to_string(place.path("r.html")).expect("the page");
    assert!(html.contains("<dt>Began</dt><dd title=\"2026-11-27T08:00:59.500Z\">2026-11-27 08:00 UTC</dd>"), "{html}");
    let gated = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "o.parquet", "--now", "2026-11-27T09:00:00+01:00"]);
    assert_eq!(gated.report()["began"], "2026-11-27T08:00:00Z");
    assert!(gated.stdout.starts_with("ACCEPT  d (gated 2026-11-27 08:00 UTC)\n"), "{}", gated.stdout);
    // Nothing could be judged: the report has its time all the same.
    let faulty = place.run(&["check", "absent.csv", "-r", "r.yaml", "--now", "2026-11-27"]);
    assert_eq!((faulty.code, faulty.report()["began"].as_str()), (2, Some("2026-11-27T00:00:00Z")));
}

#[test]
fn without_now_a_run_begins_by_the_clock() {
    let place = place("dataset: d\nrules: []\n", "a\n1\n");
    let before = Utc::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    let output = command.current_dir(place.path("")).args(CHECK).args(["--report", "r.json"]).output().expect("it runs");
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("r.json")).expect("a report")).expect("JSON");
    let began: DateTime<Utc> = report["began"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    assert!((began - before).num_seconds().abs() < 60, "{began} {before}");
    assert!(report["as_of"].is_null());
}

#[test]
fn a_report_of_0_1_has_no_time_and_keeps_none() {
    let text = std::fs::read_to_string(project("fixtures/written-by-0.1/report.json")).expect("the fixture");
    let old = sluicegate::report::read(&text, "report.json").unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(old.began, None);
    assert!(!sluicegate::report::json(&old).contains("began"));
}
