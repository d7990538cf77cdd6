//! The README's pipelines, as anyone would run them.

use std::process::Command;

use crate::support::{Place, project, run_in, skipped};

#[test]
fn batch_yesterdays_orders() {
    let place = Place::new();
    let (publish, quarantine) = (place.path("orders_daily.parquet"), place.path("aside"));
    let run = run_in(
        &project(""),
        &[
            "gate",
            "-r",
            "rules/orders.yaml",
            "--publish",
            &publish.display().to_string(),
            "--quarantine",
            &quarantine.display().to_string(),
        ],
    );
    assert_eq!((run.code, run.verdict()), (0, "quarantine"), "{}", run.stderr);
    assert_eq!(run.rows("read"), 202);
    assert_eq!(run.rows("filtered"), 8);
    assert_eq!(run.rows("malformed"), 1);
    assert_eq!(run.rows("quarantined"), 7);
    assert_eq!(run.rows("published"), 187);
    for (finding, rows) in [("missing-email", 3), ("range-price", 1), ("range-age", 1), ("duplicates-order_id", 1), ("malformed", 1)] {
        assert_eq!(run.finding(finding)["failing_rows"], rows, "{finding}");
    }
    let ragged = &run.finding("malformed")["samples"][0];
    assert_eq!(ragged["raw"], "10999,2026-11-20T11:58:00Z,c007,nobody@example.com");
    let published = crate::gate::read(&publish);
    assert_eq!(published.num_rows(), 187);
    assert!(published.column_by_name("revenue").is_some());
}

#[test]
fn training_set_of_people_far_from_the_population() {
    let run = run_in(&project(""), &["check", "-r", "rules/people.yaml"]);
    assert_eq!((run.code, run.verdict()), (1, "reject"));
    let gender = run.finding("gender");
    assert_eq!(gender["outcome"], "fail");
    let women = gender["groups"].as_array().expect("groups").iter().find(|g| g["group"][0] == "f").expect("women");
    let figure = |name: &str| women["figures"][name].as_f64().expect("a figure");
    assert!(figure("interval_low") < figure("share") && figure("share") < figure("interval_high"));
    assert!(figure("interval_high") < figure("reference") - 0.05);
}

#[test]
fn the_fixtures_are_what_their_script_makes() {
    let Ok(output) = Command::new("python3").arg("--version").output() else {
        return skipped("python3");
    };
    assert!(output.status.success());
    let place = Place::new();
    place.write("orders/x", "");
    place.write("people/x", "");
    std::fs::copy(project("fixtures/make.py"), place.path("make.py")).expect("copy");
    let made = Command::new("python3").arg(place.path("make.py")).status().expect("runs");
    assert!(made.success());
    for file in ["orders/2026-11-20.csv", "people/train.csv"] {
        let (made, kept) = (std::fs::read(place.path(file)).expect("made"), std::fs::read(project("fixtures").join(file)).expect("kept"));
        assert!(made == kept, "{file} differs from what fixtures/make.py makes");
    }
}
