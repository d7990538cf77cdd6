//! The example `examples/streaming-recommendations`: the same events as a file and through a topic, and what is learned from them.

use std::process::Command;

use serde_json::{Value as Json, json};

use crate::brokers::Brokers;
use crate::support::{Place, Run, project, skipped};

fn scene() -> Option<(Place, Vec<String>)> {
    let Ok(python) = std::env::var("SLUICEGATE_PYTHON") else {
        skipped("python (the example's events)");
        return None;
    };
    let place = Place::new();
    for file in ["rules.yaml", "events.py", "train.py"] {
        place.write(file, std::fs::read(project("examples/streaming-recommendations").join(file)).expect("a file"));
    }
    let made = Command::new(python).arg("events.py").current_dir(place.path(".")).output().expect("python");
    let events = String::from_utf8(made.stdout).expect("text").lines().map(str::to_owned).collect();
    Some((place, events))
}

/// What the page says.
fn page() -> String {
    std::fs::read_to_string(project("examples/streaming-recommendations/README.md")).expect("the page")
}

fn trained(place: &Place) -> String {
    let python = std::env::var("SLUICEGATE_PYTHON").expect("python");
    let trained = Command::new(python).args(["train.py", "lake/viewing"]).current_dir(place.path(".")).output().expect("python");
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    String::from_utf8(trained.stdout).expect("text")
}

fn rows(run: &Run) -> [u64; 4] {
    ["read", "published", "quarantined", "filtered"].map(|what| run.rows(what))
}

#[test]
fn the_events_of_the_example_become_what_its_page_says() {
    let Some((place, events)) = scene() else { return };
    place.write("events.ndjson", events.join("\n"));
    let run = place.run(&["gate", "events.ndjson", "-r", "rules.yaml", "--report", "r.json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let [read, published, quarantined, filtered] = rows(&run);
    let page = page();
    for (what, number) in [("makes", read), ("| all others", published), ("| broken", quarantined), ("| of test accounts", filtered)] {
        let line = page.lines().find(|line| line.contains(what)).expect("a line");
        assert!(line.replace(',', "").contains(&number.to_string()), "{what}: {number}");
    }
    assert!(page.contains(&trained(&place)), "{}", trained(&place));
}

#[test]
fn through_a_topic_the_same_events_pass() {
    let Some((place, events)) = scene() else { return };
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    brokers.produce(0, events.iter().map(|event| json!({"value": event})).collect::<Vec<_>>().into());
    let run = place.run(&["gate", &brokers.url(), "-r", "rules.yaml", "--rows", "2000", "--drain", "--record", "runs"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let mut totals = [0; 4];
    let recorded = glob::glob(&place.path("runs/**/*.json").display().to_string()).expect("a pattern").flatten();
    for report in recorded.filter_map(|path| serde_json::from_slice::<Json>(&std::fs::read(path).expect("a file")).ok()) {
        for (total, what) in totals.iter_mut().zip(["read", "published", "quarantined", "filtered"]) {
            *total += report["rows"][what].as_u64().unwrap_or(0);
        }
    }
    place.write("events.ndjson", events.join("\n"));
    let whole = place.run(&["gate", "events.ndjson", "-r", "rules.yaml", "--publish", "other", "--report", "r.json"]);
    assert_eq!(totals, rows(&whole));
    assert!(run.stdout.contains("window 2026-11-01T18:00:00Z to 2026-11-01T19:00:00Z accept"), "{}", run.stdout);
    assert!(page().contains(&trained(&place)), "{}", trained(&place));
}
