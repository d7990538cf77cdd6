//! What version 0.1 wrote is known, and batches that it could not tell apart are told apart now.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use crate::crash::{Kind, delta_files};
use crate::gate::read;
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
    // What is new are the summaries that version 0.1 did not know.
    let is_summary = |file: &String| file.contains("sluicegate/summaries/");
    let (summaries, others): (Vec<String>, Vec<String>) = place.files().into_iter().partition(is_summary);
    assert_eq!((summaries.len(), others), (4, before));
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

/// Where the batch `c` was published, with one row of three set aside for each cause.
const DESTINATIONS: [&[&str]; 3] = [
    &[],
    &["--publish", "parts", "--publish-format", "parquet", "--quarantine", "parts_aside"],
    &["--publish", "single.parquet", "--quarantine", "single_aside"],
];

/// Lets ids up to 1,000 pass, and rows without one if `missing`.
fn let_pass(place: &Place, missing: bool) {
    let rules = fs::read_to_string(place.path("rules.yaml")).expect("rules").replace("max: 100 ", "max: 1000 ");
    let rules = if missing { rules.replace("  - missing: { column: id }\n", "") } else { rules };
    place.write("rules.yaml", rules);
}

/// The ids that are published as `c` where `destination` says, ascending; 0 for none.
fn ids(place: &Place, destination: &[&str]) -> Vec<i64> {
    let files = match destination.get(1) {
        Some(file) if file.ends_with(".parquet") => vec![place.path(file)],
        Some(directory) if directory.ends_with("parts") => vec![place.path(directory).join("c.parquet")],
        other => delta_files(&place.path(other.unwrap_or(&"lake"))),
    };
    let of_c = files.iter().filter(|file| file.file_name().is_some_and(|name| !name.to_string_lossy().starts_with("5d3c")));
    let of_file = |file: &PathBuf| read(file).column_by_name("id").expect("ids").as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
    let mut ids: Vec<i64> = of_c.flat_map(of_file).map(Option::unwrap_or_default).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn its_quarantine_is_listed_and_replayed() {
    let place = place();
    let list = place.run(&["quarantine", "list", "aside"]);
    assert!(list.code == 0 && list.stdout.contains("range-id 1"), "{}{}", list.stdout, list.stderr);
    let_pass(&place, false);
    for destination in DESTINATIONS {
        let replay = place.run(&[&["replay", "c", "-r", "rules.yaml"], destination].concat());
        assert!(replay.code == 0 && replay.stdout.contains("c: 1 row published"), "{}{}", replay.stdout, replay.stderr);
        assert_eq!(ids(&place, destination), [11, 500], "{destination:?}");
    }
    assert_eq!(Kind::Delta.visible_at(&place.path("lake")), [1, 2, 3, 4, 11, 500]);
}

#[test]
fn rows_of_its_quarantine_are_mended() {
    let place = place();
    for (destination, aside) in DESTINATIONS.iter().zip(["aside", "parts_aside", "single_aside"]) {
        let name = format!("{aside}.csv");
        let export = place.run(&["quarantine", "export", aside, "c", "--to", &name]);
        assert_eq!(export.code, 0, "{}", export.stderr);
        let text = fs::read_to_string(place.path(&name)).expect("rows").replace("500,", "50,");
        place.write(&name, text);
        let replay = place.run(&[&["replay", "c", "-r", "rules.yaml", "--mended", &name], *destination].concat());
        assert!(replay.code == 0 && replay.stdout.contains("c: 1 mended row published"), "{}{}", replay.stdout, replay.stderr);
        assert_eq!(ids(&place, destination), [11, 50], "{destination:?}");
    }
}

#[test]
fn what_it_replayed_is_known_and_replayed_further() {
    let place = place();
    let destinations: [&[&str]; 2] = [
        &["--publish", "replayed/lake", "--quarantine", "replayed/aside"],
        &["--publish", "replayed/parts", "--publish-format", "parquet", "--quarantine", "replayed/parts_aside"],
    ];
    for destination in destinations {
        assert_eq!(ids(&place, destination), [11, 500], "{destination:?}");
        let again = gate(&place, "c.csv", &[&["--batch-id", "c"], destination].concat());
        assert_eq!((again.code, state(&again)), (0, "unchanged"), "{destination:?}: {}", again.stderr);
        assert_eq!(ids(&place, destination), [11, 500], "{destination:?}");
    }
    let_pass(&place, true);
    for destination in destinations {
        let replay = place.run(&[&["replay", "c", "-r", "rules.yaml"], destination].concat());
        assert!(replay.code == 0 && replay.stdout.contains("c: 1 row published"), "{}{}", replay.stdout, replay.stderr);
        assert_eq!(ids(&place, destination), [0, 11, 500], "{destination:?}");
    }
}
