//! Partitioned Delta tables: a file for each value, and all that is known of a batch stays known.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::beside_others::Other;
use crate::crash::Kind;
use crate::summary_files::{coverage, store_of};
use crate::support::{Place, Run, project, skipped};

const RULES: &str = "dataset: t
schema: { columns: { id: { type: int64 }, day: { type: date } } }
rules: [{ missing: { column: id } }]
gate: { partition_by: [day] }
";

/// A place with the rule file `r.yaml`.
pub fn place(rules: &str) -> Place {
    let place = Place::new();
    place.write("r.yaml", rules);
    place
}

/// Gates `data` as the batch `name`.
pub fn gate(place: &Place, kind: Kind, name: &str, data: &str, more: &[&str]) -> Run {
    let file = format!("{name}.csv");
    place.write(&file, data);
    let destination = kind.arguments(place);
    let arguments = ["gate", &file, "-r", "r.yaml", "--batch-id", name].into_iter().chain(destination.iter().map(String::as_str));
    place.run(&arguments.chain(more.iter().copied()).collect::<Vec<_>>())
}

/// Rows of (id, day of March).
fn days(rows: &[(i64, u32)]) -> String {
    rows.iter().fold("id,day,v\n".to_owned(), |text, (id, day)| text + &format!("{id},2026-03-{day:02},{}\n", id * 10))
}

fn kinds() -> Vec<Kind> {
    crate::crash::kinds().into_iter().filter(|kind| matches!(kind, Kind::Delta | Kind::S3)).collect()
}

fn state(run: &Run) -> &str {
    run.report()["publication"]["state"].as_str().unwrap_or_else(|| panic!("{}", run.stderr))
}

/// What other programs read; none where they are not installed.
pub fn readers(place: &Place, wanted: Option<&str>) -> Option<Json> {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import deltalake, duckdb_extensions, polars, pyarrow, pytz"]).output();
    if !has.is_ok_and(|o| o.status.success()) {
        skipped("Python with deltalake, polars, pyarrow and duckdb");
        return None;
    }
    let read = Command::new(&python).arg(project("tests/delta_rows.py")).arg(place.path("out")).args(wanted).output().expect("python runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    Some(serde_json::from_slice(&read.stdout).expect("JSON"))
}

#[test]
fn a_batch_is_a_file_for_each_day_and_comes_once() {
    for kind in kinds() {
        let place = place(RULES);
        let first = days(&[(1, 1), (2, 2), (3, 1), (4, 3)]);
        let run = gate(&place, kind, "a", &first, &[]);
        assert_eq!((run.code, state(&run), run.rows("published")), (0, "published", 4), "{kind:?} {}", run.stderr);
        assert_eq!(kind.visible(&place), [1, 2, 3, 4], "{kind:?}");
        assert_eq!(state(&gate(&place, kind, "a", &first, &[])), "unchanged", "{kind:?}");
        let run = gate(&place, kind, "b", &days(&[(5, 2)]), &[]);
        assert_eq!(run.code, 0, "{kind:?} {}", run.stderr);
        // Another content takes the place of all files of the batch, whatever their days.
        let refused = gate(&place, kind, "a", &days(&[(6, 2)]), &[]);
        assert!(refused.code == 2 && refused.stderr.contains("already published with other content"), "{kind:?} {}", refused.stderr);
        let run = gate(&place, kind, "a", &days(&[(6, 2), (7, 4)]), &["--supersede"]);
        assert_eq!((run.code, state(&run)), (0, "superseded"), "{kind:?} {}", run.stderr);
        assert_eq!(kind.visible(&place), [5, 6, 7], "{kind:?}");
        let found = coverage(store_of(kind, &place).as_ref());
        let batches: BTreeSet<String> = found.valid.iter().map(|name| name.batch_id.clone()).collect();
        assert_eq!((batches, found.without), (BTreeSet::from(["a".to_owned(), "b".to_owned()]), vec![]), "{kind:?}");
        if kind == Kind::Delta {
            let directories = |day: &str| place.path(&format!("out/day=2026-03-{day}")).is_dir();
            assert!(directories("01") && directories("04"));
        }
    }
}

/// deltalake for Python reads no negative decimals here: it takes -1.05 for `-1.-5`.
#[test]
fn every_type_is_read_by_others_as_it_was_written() {
    let columns = [
        ("text", "type: string", vec!["a/b c%", "50%&=?#", "é'\"", "x"], vec!["a/b c%", "50%&=?#", "é'\"", "x"]),
        ("n", "type: int32", vec!["-7", "0", "2147483647", ""], vec!["-7", "0", "2147483647", ""]),
        ("day", "type: date", vec!["2026-03-01", "1969-12-31", "0001-01-01", ""], vec!["2026-03-01", "1969-12-31", "0001-01-01", ""]),
        ("flag", "type: boolean", vec!["true", "false", "", "true"], vec!["True", "False", "", "True"]),
        ("price", "type: \"decimal(9,2)\"", vec!["1.05", "0.00", "12.30", ""], vec!["1.05", "0.00", "12.30", ""]),
        (
            "at",
            "type: \"timestamp(us, UTC)\"",
            vec!["2026-03-01T01:02:03.000004Z", "1969-12-31T23:59:59Z", "", "2026-03-01T01:02:03Z"],
            vec!["2026-03-01 01:02:03.000004+00:00", "1969-12-31 23:59:59+00:00", "", "2026-03-01 01:02:03+00:00"],
        ),
        (
            "local",
            "type: timestamp",
            vec!["2026-03-01T01:02:03.000004", "1969-12-31T23:59:59", "", "2026-03-01T01:02:03"],
            vec!["2026-03-01 01:02:03.000004", "1969-12-31 23:59:59", "", "2026-03-01 01:02:03"],
        ),
    ];
    for (name, contract, written, read) in columns {
        let rules = format!(
            "dataset: t\nschema: {{ columns: {{ id: {{ type: int64 }}, {name}: {{ {contract} }} }} }}\n\
             rules: [{{ missing: {{ column: id }} }}]\ngate: {{ partition_by: {name} }}\n"
        );
        let place = place(&rules);
        let quoted = |text: &str| if text.is_empty() { String::new() } else { format!("\"{}\"", text.replace('"', "\"\"")) };
        let rows = written.iter().zip(1..).fold(format!("id,{name}\n"), |text, (value, id)| text + &format!("{id},{}\n", quoted(value)));
        let run = gate(&place, Kind::Delta, "a", &rows, &[]);
        assert_eq!((run.code, run.rows("published")), (0, 4), "{name}: {} {}", run.stdout, run.stderr);
        assert_eq!(state(&gate(&place, Kind::Delta, "a", &rows, &[])), "unchanged", "{name}");
        let Some(found) = readers(&place, None) else { return };
        let values: Vec<&str> = found["rows"].as_array().expect("rows").iter().map(|row| row[name].as_str().unwrap_or_default()).collect();
        assert_eq!(values, read, "{name}: {found}");
    }
}

#[test]
fn readers_open_the_files_of_the_wanted_day_alone() {
    let place = place(RULES);
    for (name, first) in [("a", 1), ("b", 4)] {
        assert_eq!(gate(&place, Kind::Delta, name, &days(&[(first, 1), (first + 1, 2), (first + 2, 3)]), &[]).code, 0);
    }
    let Some(found) = readers(&place, Some("day=2026-03-02")) else { return };
    let ids: Vec<&str> = found["rows"].as_array().expect("rows").iter().map(|row| row["id"].as_str().expect("id")).collect();
    assert_eq!((ids, found["files"].as_u64()), (vec!["2", "5"], Some(2)), "{found}");
}

#[test]
fn a_day_that_comes_anew_takes_whole_files_and_opens_no_others() {
    for kind in kinds() {
        let place = place(&RULES.replace("partition_by: [day]", "partition_by: [day], replace: { partition: day }"));
        for (name, rows) in [("a", vec![(1, 1), (2, 2)]), ("b", vec![(3, 2), (4, 3)])] {
            assert_eq!(gate(&place, kind, name, &days(&rows), &[]).code, 0, "{kind:?}");
        }
        if kind == Kind::Delta {
            // Day 1 is not looked at.
            let day_1 = glob::glob(&place.path("out/day=2026-03-01/*.parquet").display().to_string()).expect("a pattern").flatten().next();
            let (path, bytes) = (day_1.clone().expect("a file"), std::fs::read(day_1.expect("a file")).expect("bytes"));
            std::fs::write(&path, "not Parquet").expect("write");
            let run = gate(&place, kind, "c", &days(&[(5, 2)]), &[]);
            assert_eq!((run.code, &run.report()["publication"]["replaced_rows"]), (0, &1.into()), "{kind:?} {}", run.stderr);
            std::fs::write(&path, bytes).expect("write");
        } else {
            assert_eq!(gate(&place, kind, "c", &days(&[(5, 2)]), &[]).code, 0, "{kind:?}");
        }
        assert_eq!(kind.visible(&place), [1, 4, 5], "{kind:?}");
        // What is left of the others is theirs.
        for (name, rows) in [("a", vec![(1, 1), (2, 2)]), ("b", vec![(3, 2), (4, 3)])] {
            assert_eq!(state(&gate(&place, kind, name, &days(&rows), &[])), "unchanged", "{kind:?}");
        }
        assert_eq!(kind.visible(&place), [1, 4, 5], "{kind:?}");
        let found = coverage(store_of(kind, &place).as_ref());
        assert_eq!(found.valid.iter().map(|name| name.batch_id.as_str()).collect::<Vec<_>>(), ["c"], "{kind:?} the others are not whole");
    }
}

#[test]
fn keys_are_looked_up_among_all_days_and_partition_columns_may_be_keys() {
    for key in ["id", "day", "id, day"] {
        let place =
            place(&RULES.replace("{ missing: { column: id } }", &format!("{{ duplicates: {{ key: [{key}], across: published }} }}")));
        assert_eq!(gate(&place, Kind::Delta, "a", &days(&[(1, 1), (2, 2)]), &[]).code, 0);
        let run = gate(&place, Kind::Delta, "b", &days(&[(1, 5), (2, 2), (3, 3), (4, 1)]), &[]);
        let aside = match key {
            "id" => 2,
            "day" => 2,
            _ => 1,
        };
        assert_eq!((run.code, run.rows("quarantined")), (0, aside), "{key}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn replayed_rows_join_their_batch_in_the_files_of_their_days() {
    for kind in kinds() {
        let place = place(&RULES.replace("{ missing: { column: id } }", "{ range: { column: v, max: 25 } }"));
        let data = days(&[(1, 1), (2, 2), (3, 2), (4, 4)]);
        let run = gate(&place, kind, "a", &data, &[]);
        assert_eq!((run.code, run.rows("published"), run.rows("quarantined")), (0, 2, 2), "{kind:?} {}", run.stderr);
        place.write("r.yaml", RULES.replace("{ missing: { column: id } }", "{ range: { column: v, max: 40 } }"));
        let destination = kind.arguments(&place);
        let run = place.run(&["replay", "-r", "r.yaml"].into_iter().chain(destination.iter().map(String::as_str)).collect::<Vec<_>>());
        assert_eq!(run.code, 0, "{kind:?} {}{}", run.stdout, run.stderr);
        assert_eq!(kind.visible(&place), [1, 2, 3, 4], "{kind:?} {}", run.stdout);
        let found = coverage(store_of(kind, &place).as_ref());
        assert_eq!((found.valid.len(), found.without.len()), (1, 0), "{kind:?}");
    }
}

#[test]
fn killed_at_any_step_a_batch_of_several_days_is_there_whole_or_not_at_all() {
    for kind in kinds() {
        for step in 1.. {
            let place = place(RULES);
            let (before, data) = (vec![1, 2], days(&[(3, 2), (4, 3), (5, 1), (6, 2)]));
            assert_eq!(gate(&place, kind, "a", &days(&[(1, 1), (2, 2)]), &[]).code, 0);
            place.write("b.csv", &data);
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.current_dir(place.path(".")).args(["gate", "b.csv", "-r", "r.yaml", "--batch-id", "b"]).args(kind.arguments(&place));
            command.args(["--die-at-step", &step.to_string()]).envs(crate::s3::variables());
            let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("runs").code().is_some();
            let (seen, after) = (kind.visible(&place), vec![1, 2, 3, 4, 5, 6]);
            assert!(seen == before || seen == after, "{kind:?} step {step}: {seen:?}");
            let again = gate(&place, kind, "b", &data, &[]);
            assert_eq!(state(&again), if seen == after { "unchanged" } else { "published" }, "{kind:?} step {step}");
            assert_eq!(kind.visible(&place), after, "{kind:?} step {step}");
            let left: Vec<String> = place.files().into_iter().filter(|f| f.contains(".staged")).collect();
            assert!(left.is_empty(), "{kind:?} step {step}: {left:?}");
            if ended {
                assert!(step > 12, "{kind:?} has only {step} steps");
                break;
            }
        }
    }
}

#[test]
fn racing_gates_of_one_table_publish_every_batch_once() {
    for kind in kinds() {
        let place = place(RULES);
        std::thread::scope(|threads| {
            for racer in 0..5 {
                let place = &place;
                threads.spawn(move || {
                    let rows: Vec<(i64, u32)> = (0..4).map(|i| (racer * 10 + i, 1 + i as u32)).collect();
                    let run = gate(place, kind, &format!("b{racer}"), &days(&rows), &[]);
                    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{kind:?}");
                });
            }
        });
        let all: Vec<i64> = (0..5).flat_map(|racer| (0..4).map(move |i| racer * 10 + i)).collect();
        assert_eq!(kind.visible(&place), all, "{kind:?}");
    }
}

#[test]
fn a_table_that_others_partitioned_is_taken_and_theirs_and_ours_stay_apart() {
    let place = place(
        &RULES.replace("gate: { partition_by: [day] }", "").replace("id: { type: int64 }", "id: { type: int64 }, v: { type: int64 }"),
    );
    let Some(mut other) = Other::at(&place.path("out")) else { return };
    other.does("partition day 2026-03-01 100");
    let run = gate(&place, Kind::Delta, "a", &days(&[(1, 1), (2, 2)]), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(kind_ids(&place), [1, 2, 100]);
    other.does("partition day 2026-03-02 101");
    other.does("compact 0");
    assert_eq!(state(&gate(&place, Kind::Delta, "a", &days(&[(1, 1), (2, 2)]), &[])), "unchanged", "compaction moves rows");
    let gone = gate(&place, Kind::Delta, "a", &days(&[(9, 1)]), &["--supersede"]);
    assert!(gone.code == 2 && gone.stderr.contains("cannot be told from others"), "{}", gone.stderr);
    assert_eq!(gate(&place, Kind::Delta, "b", &days(&[(3, 1), (4, 5)]), &[]).code, 0);
    other.does("delete day = '2026-03-01'");
    assert_eq!(kind_ids(&place), [2, 4, 101]);
    assert_eq!(state(&gate(&place, Kind::Delta, "b", &days(&[(3, 1), (4, 5)]), &[])), "unchanged");
    assert_eq!(kind_ids(&place), [2, 4, 101], "what was deleted on purpose does not come back");
    let run = gate(&place, Kind::Delta, "b", &days(&[(5, 1)]), &["--supersede"]);
    assert_eq!((run.code, kind_ids(&place)), (0, vec![2, 5, 101]), "{}", run.stderr);
}

fn kind_ids(place: &Place) -> Vec<i64> {
    Kind::Delta.visible(place)
}

#[test]
fn what_cannot_be_partitioned_so_is_said_with_what_to_do() {
    let refused = |rules: &str, data: &str, says: &[&str]| {
        let place = place(rules);
        let run = gate(&place, Kind::Delta, "a", data, &[]);
        assert_eq!(run.code, 2, "{}", run.stdout);
        says.iter().for_each(|says| assert!(run.stderr.contains(says), "{says}: {}", run.stderr));
        assert!(kind_ids(&place).is_empty());
    };
    refused(&RULES.replace("[day]", "[dya]"), &days(&[(1, 1)]), &["no column `dya` to partition by", "`day`"]);
    refused(&RULES.replace("[day]", "[id, day, v]"), &days(&[(1, 1)]), &["every column is one to partition by"]);
    refused(&RULES.replace("[day]", "w"), "id,day,w\n1,2026-03-01,0.5\n", &["`w` is of type float64", "partition by a date"]);
    let many: Vec<String> = (0..501).map(|id| format!("{id},2026-03-01,1\n")).collect();
    refused(&RULES.replace("[day]", "id"), &format!("id,day,v\n{}", many.concat()), &["more than 500 values of `id`", "cut the batch"]);
    let text = RULES.replace("day: { type: date }", "day: { type: string }").replace("gate:", "source: { missing_values: [NA] }\ngate:");
    refused(&text, "id,day,v\n1,,2\n", &["is the empty text", "nullif"]);
    // The table says how it is partitioned.
    let place = place(RULES);
    assert_eq!(gate(&place, Kind::Delta, "a", &days(&[(1, 1)]), &[]).code, 0);
    place.write("r.yaml", RULES.replace("[day]", "[v]"));
    let run = gate(&place, Kind::Delta, "b", &days(&[(2, 1)]), &[]);
    assert!(run.code == 2 && run.stderr.contains("is partitioned by [day], and `partition_by` asks for [v]"), "{}", run.stderr);
    let check = place.run(&["check", "b.csv", "-r", "r.yaml"]);
    assert_eq!(check.code, 0, "it does not publish: {}", check.stderr);
    // One file, or plain parts, are never partitioned.
    place.write("r.yaml", RULES.replace("gate: {", "gate: { publish: one.parquet,"));
    let run = place.run(&["gate", "b.csv", "-r", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("only a Delta table can be partitioned"), "{}", run.stderr);
}
