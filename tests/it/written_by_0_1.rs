//! What version 0.1 wrote is known, and batches that it could not tell apart are told apart now.

use std::fs;
use std::path::Path;

use crate::crash::Kind;
use crate::support::{Place, Run, project};

/// A copy of the folder in which version 0.1 ran.
fn place() -> Place {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a directory");
        for entry in fs::read_dir(from).expect("a list").flatten() {
            match entry.path() {
                path if path.is_dir() => copy(&path, &to.join(entry.file_name())),
                path => _ = fs::copy(path, to.join(entry.file_name())).expect("a copy"),
            }
        }
    }
    let place = Place::new();
    copy(&project("fixtures/written-by-0.1"), &place.path("."));
    place
}

fn gate(place: &Place, data: &str, more: &[&str]) -> Run {
    place.run(&[&["gate", data, "-r", "rules.yaml"], more].concat())
}

fn state(run: &Run) -> &str {
    run.report()["publication"]["state"].as_str().expect("a state")
}

#[test]
fn its_batches_are_known_in_every_kind_of_destination() {
    let place = place();
    let parts = ["--batch-id", "c", "--publish", "parts", "--publish-format", "parquet", "--quarantine", "parts_aside"];
    let known: [(&str, &[&str]); 4] =
        [("a.parquet", &[]), ("c.csv", &["--batch-id", "c"]), ("c.csv", &parts), ("a.parquet", &["--publish", "one.parquet"])];
    let before = place.files();
    for (data, more) in known {
        let again = gate(&place, data, more);
        assert_eq!((again.code, state(&again)), (0, "unchanged"), "{data} {more:?}: {}", again.stderr);
    }
    assert_eq!(place.files(), before);
}

#[test]
fn another_batch_with_the_same_footer_is_another_batch() {
    let place = place();
    let other = gate(&place, "b.parquet", &[]);
    assert_eq!((other.code, state(&other)), (0, "published"), "{}", other.stderr);
    assert_eq!(Kind::Delta.visible_at(&place.path("lake")), [1, 1, 2, 2, 3, 3, 4, 4, 11]);
    assert_eq!(state(&gate(&place, "b.parquet", &[])), "unchanged");
    assert_eq!(state(&gate(&place, "a.parquet", &[])), "unchanged");
    // Where days are replaced, the second batch once took the first one's id, and all its rows went.
    let rules = fs::read_to_string(place.path("rules.yaml")).expect("rules");
    place.write("rules.yaml", rules.replace("gate: { publish: lake", "gate: { replace: { partition: day }, publish: days"));
    assert_eq!(gate(&place, "a.parquet", &[]).code, 0);
    let day_2 = gate(&place, "b.parquet", &[]);
    assert_eq!((day_2.code, state(&day_2)), (0, "published"), "{}", day_2.stderr);
    assert_eq!(day_2.report()["publication"]["replaced_rows"], 4);
    assert_eq!(Kind::Delta.visible_at(&place.path("days")), [1, 2, 3, 4]);
}

#[test]
fn its_quarantine_is_listed_and_replayed() {
    let place = place();
    let list = place.run(&["quarantine", "list", "aside"]);
    assert!(list.code == 0 && list.stdout.contains("range-id 1"), "{}{}", list.stdout, list.stderr);
    let rules = fs::read_to_string(place.path("rules.yaml")).expect("rules");
    place.write("rules.yaml", rules.replace("max: 100", "max: 1000"));
    for destination in [&[][..], &["--publish", "parts", "--publish-format", "parquet", "--quarantine", "parts_aside"]] {
        let replay = place.run(&[&["replay", "c", "-r", "rules.yaml"], destination].concat());
        assert!(replay.code == 0 && replay.stdout.contains("c: 1 row published"), "{}{}", replay.stdout, replay.stderr);
    }
    assert_eq!(Kind::Delta.visible_at(&place.path("lake")), [1, 2, 3, 4, 11, 500]);
}
