//! Small files of a table put together: fewer files, the same rows, and each batch as well known as before.

use std::process::{Command, Stdio};

use crate::beside_others::Other;
use crate::crash::Kind;
use crate::partitioned::{gate, place, readers};
use crate::summary_files::{coverage, store_of};
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
schema: { columns: { id: { type: int64 }, day: { type: date } } }
rules: [{ missing: { column: id } }]
gate: { compact: { files: 3 } }
";

/// Two rows of two days: `10 × n` and the one behind it.
fn rows(n: i64) -> String {
    format!("id,day,v\n{},2026-03-01,1\n{},2026-03-02,2\n", n * 10, n * 10 + 1)
}

fn ids(batches: impl IntoIterator<Item = i64>) -> Vec<i64> {
    batches.into_iter().flat_map(|n| [n * 10, n * 10 + 1]).collect()
}

fn kinds() -> Vec<Kind> {
    crate::crash::kinds().into_iter().filter(|kind| matches!(kind, Kind::Delta | Kind::S3)).collect()
}

fn state(run: &Run) -> &str {
    run.report()["publication"]["state"].as_str().unwrap_or_else(|| panic!("{}", run.stderr))
}

/// The files of the table now.
fn files(place: &Place) -> usize {
    crate::crash::delta_files(&place.path("out")).len()
}

#[test]
fn batches_of_one_file_stay_known_one_by_one() {
    for kind in kinds() {
        for rules in [RULES.to_owned(), RULES.replace("compact:", "partition_by: day, compact:")] {
            let place = place(&rules);
            for n in 0..7 {
                let run = gate(&place, kind, &format!("b{n}"), &rows(n), &[]);
                assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{kind:?} {n}");
            }
            assert_eq!(kind.visible(&place), ids(0..7), "{kind:?}");
            if kind == Kind::Delta {
                let partitions = if rules.contains("partition_by") { 2 } else { 1 };
                assert!(files(&place) <= 3 * partitions, "{} files", files(&place));
            }
            for n in 0..7 {
                assert_eq!(state(&gate(&place, kind, &format!("b{n}"), &rows(n), &[])), "unchanged", "{kind:?} {n}");
            }
            let found = coverage(store_of(kind, &place).as_ref());
            assert_eq!((found.valid.len(), found.without), (7, vec![]), "{kind:?}: each has its summary");
            // One of them is superseded, and the others stay.
            let run = gate(&place, kind, "b1", &rows(100), &["--supersede"]);
            assert_eq!((run.code, state(&run)), (0, "superseded"), "{kind:?} {}", run.stderr);
            assert_eq!(kind.visible(&place), ids([0, 2, 3, 4, 5, 6, 100]), "{kind:?}");
            for n in [0, 2, 6] {
                assert_eq!(state(&gate(&place, kind, &format!("b{n}"), &rows(n), &[])), "unchanged", "{kind:?} {n}");
            }
            let found = coverage(store_of(kind, &place).as_ref());
            assert_eq!((found.valid.len(), found.without), (7, vec![]), "{kind:?}");
        }
    }
}

#[test]
fn rows_that_were_set_aside_join_their_batch_in_a_file_of_several() {
    let place = place(&RULES.replace("{ missing: { column: id } }", "{ range: { column: v, max: 1 } }"));
    for n in 0..3 {
        let run = gate(&place, Kind::Delta, &format!("b{n}"), &rows(n), &[]);
        assert_eq!((run.code, run.rows("published"), run.rows("quarantined")), (0, 1, 1), "{}", run.stderr);
    }
    // A column that came later is in the file too.
    assert_eq!(gate(&place, Kind::Delta, "later", "id,day,v,w\n70,2026-03-01,1,5\n", &[]).code, 0);
    place.write("r.yaml", RULES);
    let destination = Kind::Delta.arguments(&place);
    let run = place.run(&["replay", "-r", "r.yaml"].into_iter().chain(destination.iter().map(String::as_str)).collect::<Vec<_>>());
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(Kind::Delta.visible(&place), [0, 1, 10, 11, 20, 21, 70]);
    let found = coverage(store_of(Kind::Delta, &place).as_ref());
    assert_eq!((found.valid.len(), found.without), (4, vec![]));
}

#[test]
fn rows_are_replaced_and_looked_up_in_files_of_several_batches() {
    let place = place(&RULES.replace("compact:", "replace: { partition: day }, compact:"));
    for n in 0..3 {
        let data = format!("id,day,v\n{n},2026-03-0{},1\n", n + 1);
        assert_eq!(gate(&place, Kind::Delta, &format!("b{n}"), &data, &[]).code, 0);
    }
    assert_eq!((files(&place), Kind::Delta.visible(&place)), (1, vec![0, 1, 2]));
    let run = gate(&place, Kind::Delta, "c", "id,day,v\n9,2026-03-02,1\n", &[]);
    assert_eq!((run.code, &run.report()["publication"]["replaced_rows"]), (0, &1.into()), "{}", run.stderr);
    assert_eq!(Kind::Delta.visible(&place), [0, 2, 9]);
    let found = coverage(store_of(Kind::Delta, &place).as_ref());
    assert_eq!(found.valid.iter().map(|name| name.batch_id.as_str()).collect::<Vec<_>>(), ["b0", "b2", "c"]);
    assert_eq!(state(&gate(&place, Kind::Delta, "b1", "id,day,v\n1,2026-03-02,1\n", &[])), "unchanged", "it does not come back");
    place.write("r.yaml", RULES.replace("{ missing: { column: id } }", "{ duplicates: { key: [id], across: published } }"));
    let run = gate(&place, Kind::Delta, "b0", "id,day,v\n0,2026-03-01,1\n", &["--supersede"]);
    assert_eq!((run.code, run.rows("published")), (0, 1), "its own rows are no others': {}{}", run.stdout, run.stderr);
}

#[test]
fn killed_at_any_step_of_putting_files_together_no_row_is_lost_or_doubled() {
    for kind in kinds() {
        for step in 1.. {
            let place = place(RULES);
            for n in 0..2 {
                assert_eq!(gate(&place, kind, &format!("b{n}"), &rows(n), &[]).code, 0);
            }
            place.write("b2.csv", rows(2));
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.current_dir(place.path(".")).args(["gate", "b2.csv", "-r", "r.yaml", "--batch-id", "b2"]).args(kind.arguments(&place));
            command.args(["--die-at-step", &step.to_string()]).envs(crate::s3::variables());
            let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("runs").code().is_some();
            let seen = kind.visible(&place);
            assert!(seen == ids(0..2) || seen == ids(0..3), "{kind:?} step {step}: {seen:?}");
            let again = gate(&place, kind, "b2", &rows(2), &[]);
            assert_eq!(state(&again), if seen == ids(0..3) { "unchanged" } else { "published" }, "{kind:?} step {step}");
            assert_eq!(kind.visible(&place), ids(0..3), "{kind:?} step {step}");
            if ended {
                assert!(step > 14, "{kind:?} has only {step} steps");
                break;
            }
        }
    }
}

#[test]
fn other_programs_read_the_same_and_may_compact_and_delete_too() {
    let place = place(RULES);
    for n in 0..4 {
        assert_eq!(gate(&place, Kind::Delta, &format!("b{n}"), &rows(n), &[]).code, 0);
    }
    let Some(mut other) = Other::at(&place.path("out")) else { return };
    if let Some(found) = readers(&place, None) {
        assert_eq!(found["rows"].as_array().expect("rows").len(), 8);
    }
    other.does("compact 0");
    assert_eq!(state(&gate(&place, Kind::Delta, "b1", &rows(1), &[])), "unchanged");
    other.does("delete id = 10");
    assert_eq!(state(&gate(&place, Kind::Delta, "b1", &rows(1), &[])), "unchanged");
    let run = gate(&place, Kind::Delta, "b1", &rows(9), &["--supersede"]);
    assert!(run.code == 2 && run.stderr.contains("cannot be told from others"), "{}", run.stderr);
    assert_eq!(Kind::Delta.visible(&place), [0, 1, 11, 20, 21, 30, 31]);
}

#[test]
fn a_policy_that_cannot_be_is_refused() {
    let place = place(&RULES.replace("files: 3", "files: 1"));
    let run = gate(&place, Kind::Delta, "a", &rows(0), &[]);
    assert!(run.code == 2 && run.stderr.contains("two files together at the least"), "{}", run.stderr);
    place.write("r.yaml", RULES.replace("gate: {", "gate: { publish: one.parquet,"));
    let run = place.run(&["gate", "a.csv", "-r", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("only a Delta table"), "{}", run.stderr);
}
