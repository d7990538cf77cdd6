//! Change data merged into a table by key: the newest row of each key counts, whenever it comes.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use crate::beside_others::Other;
use crate::crash::{Kind, delta_files};
use crate::gate::read;
use crate::partitioned::readers;
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
schema: { columns: { id: { type: int64 }, seq: { type: int64 }, op: { type: string }, day: { type: date } } }
rules: [{ missing: { columns: [id, seq] } }]
gate: { merge: { key: [id], sequence: seq, delete: \"op = 'd'\" } }
";

/// A row of change data: id, sequence, operation.
type Change = (i64, i64, &'static str);

fn place(rules: &str) -> Place {
    let place = Place::new();
    place.write("r.yaml", rules);
    place
}

fn text(changes: &[Change]) -> String {
    let row = |(id, seq, op): &Change| format!("{id},{seq},{op},2026-03-{:02}\n", 1 + (id + seq) % 3);
    "id,seq,op,day\n".to_owned() + &changes.iter().map(row).collect::<String>()
}

fn gate(place: &Place, kind: Kind, name: &str, changes: &[Change], more: &[&str]) -> Run {
    let file = format!("{name}.csv");
    place.write(&file, text(changes));
    let destination = kind.arguments(place);
    let arguments = ["gate", &file, "-r", "r.yaml", "--batch-id", name].into_iter().chain(destination.iter().map(String::as_str));
    place.run(&arguments.chain(more.iter().copied()).collect::<Vec<_>>())
}

/// (id, sequence) of each row in the table.
fn table(place: &Place) -> Vec<(i64, i64)> {
    let mut rows = Vec::new();
    for file in delta_files(&place.path("out")) {
        let batch = read(&file);
        let column = |name: &str| batch.column_by_name(name).expect("a column").as_primitive::<Int64Type>().clone();
        rows.extend(column("id").iter().zip(column("seq").iter()).map(|(id, seq)| (id.expect("id"), seq.expect("seq"))));
    }
    rows.sort_unstable();
    rows
}

fn kinds() -> Vec<Kind> {
    crate::crash::kinds().into_iter().filter(|kind| matches!(kind, Kind::Delta | Kind::S3)).collect()
}

fn state(run: &Run) -> &str {
    run.report()["publication"]["state"].as_str().unwrap_or_else(|| panic!("{}", run.stderr))
}

/// Published, deletes, late, rows of other batches that went.
fn counts(run: &Run) -> [u64; 4] {
    let rows = |what: &str| run.report()["rows"][what].as_u64().unwrap_or_default();
    let replaced = run.report()["publication"]["replaced_rows"].as_u64().unwrap_or_default();
    [rows("published"), rows("deletes"), rows("late"), replaced]
}

#[test]
fn rows_are_inserted_updated_and_deleted_and_late_ones_are_counted() {
    for kind in kinds() {
        let place = place(RULES);
        let run = gate(&place, kind, "a", &[(1, 1, "c"), (2, 1, "c"), (3, 1, "c"), (4, 1, "c")], &[]);
        assert_eq!((run.code, counts(&run)), (0, [4, 0, 0, 0]), "{kind:?} {}", run.stderr);
        // 1 is updated twice, 2 deleted, 3 comes late, 5 is new.
        let changes = [(1, 2, "u"), (1, 3, "u"), (2, 2, "d"), (3, 1, "u"), (5, 2, "c")];
        let dry = gate(&place, kind, "b", &changes, &["--dry-run"]);
        assert_eq!((dry.code, &dry.report()["publication"]["replaced_rows"]), (0, &2.into()), "{kind:?} {}", dry.stderr);
        let run = gate(&place, kind, "b", &changes, &[]);
        assert_eq!((run.code, counts(&run)), (0, [2, 1, 2, 2]), "{kind:?} {}", run.stderr);
        assert!(run.stdout.contains("5 rows read = 2 published + 1 deletes + 2 late"), "{}", run.stdout);
        assert_eq!(kind.visible(&place), [1, 3, 4, 5], "{kind:?}");
        for (name, changes) in [("b", &changes[..]), ("a", &[(1, 1, "c"), (2, 1, "c"), (3, 1, "c"), (4, 1, "c")])] {
            assert_eq!(state(&gate(&place, kind, name, changes, &[])), "unchanged", "{kind:?} {name}");
        }
        // What was deleted does not come back by a late row, but by a newer one.
        let run = gate(&place, kind, "c", &[(2, 2, "u"), (2, 1, "u"), (6, 9, "d")], &[]);
        assert_eq!((run.code, counts(&run)), (0, [0, 1, 2, 0]), "{kind:?} {}", run.stderr);
        let run = gate(&place, kind, "d", &[(6, 8, "c"), (2, 3, "c")], &[]);
        assert_eq!((run.code, counts(&run)), (0, [1, 0, 1, 0]), "{kind:?} {}", run.stderr);
        assert_eq!(kind.visible(&place), [1, 2, 3, 4, 5], "{kind:?}");
    }
}

/// Numbers that look random and repeat (SplitMix64).
fn random(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) % limit
}

#[test]
fn in_whatever_order_changes_come_the_table_is_what_the_newest_make_it() {
    for rules in [RULES.to_owned(), RULES.replace("gate: {", "gate: { partition_by: day, compact: { files: 3 },")] {
        let (place, mut seed) = (place(&rules), 20_261_127);
        let (mut newest, mut given) = (BTreeMap::<i64, (i64, &str)>::new(), [0_u64; 3]);
        for batch in 0..8 {
            let mut changes: Vec<Change> = Vec::new();
            for _ in 0..30 {
                let op = if random(&mut seed, 4) == 0 { "d" } else { "u" };
                changes.push((random(&mut seed, 25) as i64, random(&mut seed, 60) as i64, op));
            }
            let run = gate(&place, Kind::Delta, &format!("b{batch}"), &changes, &[]);
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
            // Of one batch the last with the highest sequence, and that only if it is above what was there.
            let mut here = BTreeMap::<i64, (i64, &str)>::new();
            for (id, seq, op) in changes {
                if here.get(&id).is_none_or(|(before, _)| seq >= *before) {
                    here.insert(id, (seq, op));
                }
            }
            for (id, (seq, op)) in here {
                if newest.get(&id).is_none_or(|(before, _)| seq > *before) {
                    newest.insert(id, (seq, op));
                    given[if op == "d" { 1 } else { 0 }] += 1;
                }
            }
            let expected: Vec<(i64, i64)> = newest.iter().filter(|(_, (_, op))| *op != "d").map(|(id, (seq, _))| (*id, *seq)).collect();
            assert_eq!(table(&place), expected, "after batch {batch}");
            let [published, deletes, late, _] = counts(&run);
            given[2] += published + deletes;
            assert_eq!(published + deletes + late, 30);
        }
        assert_eq!(given[0] + given[1], given[2], "what counted was published or deleted");
        if let Some(found) = readers(&place, None) {
            assert_eq!(found["rows"].as_array().expect("rows").len(), table(&place).len());
        }
    }
}

#[test]
fn killed_at_any_step_a_batch_of_changes_is_there_whole_or_not_at_all() {
    let changes = [(1, 2, "u"), (2, 2, "d"), (3, 2, "c"), (4, 0, "u")];
    for kind in kinds() {
        for step in 1.. {
            let place = place(RULES);
            assert_eq!(gate(&place, kind, "a", &[(1, 1, "c"), (2, 1, "c"), (4, 1, "c")], &[]).code, 0);
            place.write("b.csv", text(&changes));
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.current_dir(place.path(".")).args(["gate", "b.csv", "-r", "r.yaml", "--batch-id", "b"]).args(kind.arguments(&place));
            command.args(["--die-at-step", &step.to_string()]).envs(crate::s3::variables());
            let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("runs").code().is_some();
            let (seen, before, after) = (kind.visible(&place), vec![1, 2, 4], vec![1, 3, 4]);
            assert!(seen == before || seen == after, "{kind:?} step {step}: {seen:?}");
            let again = gate(&place, kind, "b", &changes, &[]);
            assert_eq!(state(&again), if seen == after { "unchanged" } else { "published" }, "{kind:?} step {step}");
            // The deleted key is known in either case.
            let late = gate(&place, kind, "c", &[(2, 2, "u")], &[]);
            assert_eq!((counts(&late)[2], kind.visible(&place)), (1, after), "{kind:?} step {step}");
            if ended {
                assert!(step > 14, "{kind:?} has only {step} steps");
                break;
            }
        }
    }
}

#[test]
fn of_racing_batches_the_newest_row_of_each_key_is_there() {
    for kind in kinds() {
        let place = place(RULES);
        std::thread::scope(|threads| {
            for racer in 0..5_i64 {
                let place = &place;
                threads.spawn(move || {
                    let op = if racer == 4 { "d" } else { "u" };
                    let run = gate(place, kind, &format!("b{racer}"), &[(1, racer, "u"), (2, 10 - racer, "u"), (3, racer, op)], &[]);
                    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{kind:?}");
                });
            }
        });
        assert_eq!(kind.visible(&place), [1, 2], "{kind:?}");
        if kind == Kind::Delta {
            assert_eq!(table(&place), [(1, 4), (2, 10)]);
        }
    }
}

#[test]
fn other_programs_may_change_the_table_in_between() {
    let place = place(RULES);
    assert_eq!(gate(&place, Kind::Delta, "a", &[(1, 1, "c"), (2, 1, "c"), (3, 1, "c")], &[]).code, 0);
    let Some(mut other) = Other::at(&place.path("out")) else { return };
    assert_eq!(gate(&place, Kind::Delta, "b", &[(2, 2, "u"), (3, 2, "d")], &[]).code, 0);
    other.does("compact 0");
    let run = gate(&place, Kind::Delta, "c", &[(1, 5, "u"), (2, 1, "u"), (3, 1, "u")], &[]);
    assert_eq!((run.code, counts(&run)), (0, [1, 0, 2, 1]), "{}", run.stderr);
    // A row that another program deleted is not known as deleted: its key may come again.
    other.does("delete id = 2");
    let run = gate(&place, Kind::Delta, "d", &[(2, 1, "u")], &[]);
    assert_eq!((run.code, counts(&run)), (0, [1, 0, 0, 0]), "{}", run.stderr);
    assert_eq!(table(&place), [(1, 5), (2, 1)]);
}

#[test]
fn what_cannot_be_merged_is_said_with_what_to_do() {
    let refused = |rules: &str, changes: &str, says: &str| {
        let place = place(rules);
        place.write("a.csv", changes);
        let run = place.run(&["gate", "a.csv", "-r", "r.yaml", "--publish", "out"]);
        assert!(run.code == 2 && run.stderr.contains(says), "{says}: {}", run.stderr);
        assert!(table(&place).is_empty() && !place.path("out_quarantine").exists(), "{:?}", place.files());
    };
    let data = text(&[(1, 1, "c")]);
    let any = RULES.replace("{ missing: { columns: [id, seq] } }", "{ rows: { min: 1 } }");
    refused(&any, "id,seq,op,day\n1,,c,2026-03-01\n", "a row to be published has no `seq`");
    refused(&any, "id,seq,op,day\n,1,c,2026-03-01\n", "a row to be published has no `id`");
    refused(&RULES.replace("[id]", "[idd]"), &data, "no column `idd` to merge by");
    // Nothing is set aside either.
    let with_bad = data.clone() + ",2,c,2026-03-01\n";
    refused(&RULES.replace("op = 'd'", "opp = 'd'"), &with_bad, "opp");
    refused(&RULES.replace("[id]", "[]"), &data, "needs a key");
    refused(&RULES.replace("gate: {", "gate: { replace: { partition: day },"), &data, "and not both");
    refused(&RULES.replace("gate: {", "gate: { format: parquet,"), &data, "into a Delta table only");
    let place = place(RULES);
    assert_eq!(gate(&place, Kind::Delta, "a", &[(1, 1, "c")], &[]).code, 0);
    let run = gate(&place, Kind::Delta, "a", &[(1, 2, "u")], &["--supersede"]);
    assert!(run.code == 2 && run.stderr.contains("as another batch, with a higher sequence"), "{}", run.stderr);
    // A key that is set aside stays so until it is gated again.
    place.write("b.csv", "id,seq,op,day\n5,,c,2026-03-01\n6,1,c,2026-03-01\n");
    assert_eq!(place.run(&["gate", "b.csv", "-r", "r.yaml", "--publish", "out"]).code, 0);
    let run = place.run(&["replay", "-r", "r.yaml", "--publish", "out"]);
    assert!(run.code == 2 && run.stderr.contains("do not join their batch later"), "{}", run.stderr);
}

#[test]
fn a_sequence_is_a_time_or_a_number_and_never_nan() {
    let rules = |kind: &str| {
        format!(
            "dataset: t\nschema: {{ columns: {{ id: int64, seq: {kind} }} }}\ngate: {{ publish: lake, merge: {{ key: [id], sequence: seq }} }}\n"
        )
    };
    let place = Place::with(&rules("float64"), "id,seq\n1,1\n2,nan\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("has no `seq`, so it is unclear what it updates"), "{}{}", run.stdout, run.stderr);
    let place = Place::with(&rules("string"), "id,seq\n1,9\n1,10\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("a sequence is a time or a number that grows"), "{}{}", run.stdout, run.stderr);
}
