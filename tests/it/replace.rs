//! A batch that takes the place of published rows by their values, in one commit.

use std::fs;
use std::process::{Command, Stdio};

use crate::crash::Kind;
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
schema: { columns: { id: { type: int64 }, day: { type: date } } }
rules: [{ missing: { column: id } }]
gate: { replace: { partition: day } }
";

fn place(rules: &str) -> Place {
    let place = Place::new();
    place.write("r.yaml", rules);
    place
}

/// Gates rows of (id, day of March) as the batch `name`.
fn gate(place: &Place, kind: Kind, name: &str, rows: &[(i64, u32)], more: &[&str]) -> Run {
    let rows: String = rows.iter().map(|(id, day)| format!("{id},2026-03-{day:02},{}\n", id * 10)).collect();
    let data = format!("{name}.csv");
    place.write(&data, format!("id,day,v\n{rows}"));
    let destination = kind.arguments(place);
    let arguments = ["gate", &data, "-r", "r.yaml", "--batch-id", name].into_iter().chain(destination.iter().map(String::as_str));
    place.run(&arguments.chain(more.iter().copied()).collect::<Vec<_>>())
}

fn kinds() -> Vec<Kind> {
    crate::crash::kinds().into_iter().filter(|kind| matches!(kind, Kind::Delta | Kind::S3)).collect()
}

#[test]
fn rows_of_the_batchs_days_go_and_others_stay() {
    for kind in kinds() {
        let place = place(RULES);
        let mut said = Vec::new();
        for (name, rows) in [("a", vec![(1, 1), (2, 2), (3, 2)]), ("b", vec![(4, 3)]), ("c", vec![(5, 4)])] {
            said.push(gate(&place, kind, name, &rows, &[]));
        }
        assert!(said.iter().all(|run| run.code == 0), "{}", said[0].stderr);
        // Days 2 and 3 are brought anew: a part of one batch goes, and the whole of another.
        let run = gate(&place, kind, "d", &[(6, 2), (7, 3), (8, 3)], &[]);
        assert_eq!((run.code, &run.report()["publication"]["replaced_rows"]), (0, &3.into()), "{kind:?} {}", run.stderr);
        assert!(run.stdout.contains("in place of 3 rows of other batches"), "{}", run.stdout);
        assert_eq!(kind.visible(&place), [1, 5, 6, 7, 8], "{kind:?}");
        // What it replaced does not come back by itself, and what is left of a batch is still of that batch.
        for (name, rows) in [("a", vec![(1, 1), (2, 2), (3, 2)]), ("b", vec![(4, 3)]), ("d", vec![(6, 2), (7, 3), (8, 3)])] {
            let again = gate(&place, kind, name, &rows, &[]);
            assert_eq!(again.report()["publication"]["state"], "unchanged", "{kind:?} {name} {}", again.stderr);
        }
        assert_eq!(kind.visible(&place), [1, 5, 6, 7, 8], "{kind:?}");
        // Other content under an id needs no `--supersede`: its own rows go as well, whatever their day.
        let run = gate(&place, kind, "d", &[(9, 3)], &[]);
        assert_eq!((run.code, &run.report()["publication"]["state"]), (0, &"superseded".into()), "{kind:?} {}", run.stderr);
        assert_eq!(kind.visible(&place), [1, 5, 9], "{kind:?}");
        let run = gate(&place, kind, "b", &[(10, 3), (11, 1)], &[]);
        assert_eq!((run.code, kind.visible(&place)), (0, vec![5, 10, 11]), "{kind:?} {}", run.stderr);
    }
}

#[test]
fn files_of_other_days_are_not_opened() {
    let place = place(RULES);
    assert_eq!(gate(&place, Kind::Delta, "a", &[(1, 1)], &[]).code, 0);
    let first = crate::crash::delta_files(&place.path("out")).remove(0);
    fs::write(&first, "not Parquet").expect("write");
    assert_eq!(gate(&place, Kind::Delta, "b", &[(2, 2)], &[]).code, 0);
    let run = gate(&place, Kind::Delta, "c", &[(3, 1)], &[]);
    assert!(run.code == 2 && run.stderr.contains("cannot read"), "{}", run.stderr);
}

#[test]
fn what_is_replaced_is_no_duplicate() {
    let rules = RULES.replace("{ missing: { column: id } }", "{ duplicates: { key: [id], across: published } }");
    for kind in kinds() {
        let place = place(&rules);
        assert_eq!(gate(&place, kind, "a", &[(1, 1), (2, 2)], &[]).code, 0);
        // 2 comes again for its day; 1 is published for another.
        let run = gate(&place, kind, "b", &[(1, 2), (2, 2), (3, 2)], &[]);
        assert_eq!((run.code, run.rows("quarantined")), (0, 1), "{kind:?} {}{}", run.stdout, run.stderr);
        assert_eq!(kind.visible(&place), [1, 2, 3], "{kind:?}");
        assert_eq!(run.finding("duplicates-id")["figures"]["published_before"], 1);
    }
}

#[test]
fn of_racing_batches_one_has_the_day() {
    for kind in kinds() {
        let place = place(RULES);
        std::thread::scope(|threads| {
            for racer in 0..5 {
                let place = &place;
                threads.spawn(move || {
                    let run = gate(
                        place,
                        kind,
                        &format!("b{racer}"),
                        &[(racer * 2, 1), (racer * 2 + 1, 1), (100 + racer, 2 + racer as u32)],
                        &[],
                    );
                    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{kind:?}");
                });
            }
        });
        let seen = kind.visible(&place);
        assert_eq!(seen[2..], [100, 101, 102, 103, 104], "{kind:?} {seen:?}");
        assert!(seen[0] % 2 == 0 && seen[1] == seen[0] + 1, "{kind:?} {seen:?}");
    }
}

#[test]
fn racing_batches_of_different_days_all_leave_the_rest_of_a_file() {
    for kind in kinds() {
        let place = place(RULES);
        let all: Vec<(i64, u32)> = (1..=6).map(|day| (i64::from(day), day)).collect();
        assert_eq!(gate(&place, kind, "all", &all, &[]).code, 0);
        std::thread::scope(|threads| {
            for day in 1..=4u32 {
                let place = &place;
                threads.spawn(move || {
                    let run = gate(place, kind, &format!("day{day}"), &[(100 + i64::from(day), day)], &[]);
                    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{kind:?}");
                });
            }
        });
        assert_eq!(kind.visible(&place), [5, 6, 101, 102, 103, 104], "{kind:?}");
    }
}

#[test]
fn days_written_as_text_or_in_a_wider_type_are_replaced_too() {
    let kind = Kind::Delta;
    let rules = "dataset: t\nschema: { columns: { id: { type: int64 }, day: { type: string } } }\n\
                 rules: [{ missing: { column: id } }]\ngate: { replace: { partition: day } }\n";
    let place = place(rules);
    let gate = |name: &str, rows: &str| {
        let data = place.write(&format!("{name}.csv"), format!("id,day\n{rows}")).display().to_string();
        let run = run(&place, kind, &["gate", &data, "-r", "r.yaml", "--batch-id", name]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    // As text, 2026-1-9 lies outside the bounds that these would have as days.
    gate("a", "1,2026-1-15\n2,2026-1-9\n3,2026-10-01\n");
    gate("b", "4,2026-1-9\n");
    assert_eq!(kind.visible(&place), [1, 3, 4]);

    let wide = crate::support::Place::new();
    wide.write(
        "r.yaml",
        "dataset: t\nrules: [{ duplicates: { key: [id], across: published } }]\ngate: { replace: { partition: \"the.day\" } }\n",
    );
    wide.write("a.csv", "id,the.day\n1,1.5\n2,2\n");
    wide.write("b.csv", "id,the.day\n2,2\n3,2\n");
    for name in ["a", "b"] {
        let run = run(&wide, kind, &["gate", &format!("{name}.csv"), "-r", "r.yaml", "--batch-id", name]);
        assert_eq!((run.code, run.verdict()), (0, "accept"), "{}", run.stderr);
    }
    assert_eq!(kind.visible(&wide), [1, 2, 3]);
}

#[test]
fn what_was_replaced_is_not_brought_back_by_a_replay() {
    for kind in kinds() {
        let place = place(&RULES.replace("missing: { column: id }", "range: { column: v, max: 50 }"));
        assert_eq!(gate(&place, kind, "a", &[(1, 1), (9, 1), (2, 2)], &[]).rows("quarantined"), 1);
        assert_eq!(gate(&place, kind, "b", &[(3, 1)], &[]).code, 0);
        place.write("r.yaml", RULES);
        let replay = run(&place, kind, &["replay", "-r", "r.yaml"]);
        assert!(replay.code == 2 && replay.stderr.contains("took the place of some rows of batch `a`"), "{kind:?} {}", replay.stderr);
        assert_eq!(kind.visible(&place), [2, 3], "{kind:?}");
    }
}

#[test]
fn killed_at_any_step_all_is_replaced_or_nothing() {
    for kind in kinds() {
        let mut steps = 0;
        loop {
            let place = place(RULES);
            assert_eq!(gate(&place, kind, "a", &[(1, 1), (2, 2), (3, 2)], &[]).code, 0);
            place.write("b.csv", "id,day,v\n4,2026-03-02,1\n5,2026-03-03,2\n");
            let step = (steps + 1).to_string();
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.current_dir(place.path(".")).args(["gate", "b.csv", "-r", "r.yaml", "--batch-id", "b", "--die-at-step", &step]);
            command.args(kind.arguments(&place)).envs(crate::s3::variables()).stdout(Stdio::null()).stderr(Stdio::null());
            let is_over = command.status().expect("it runs").code().is_some();
            let seen = kind.visible(&place);
            assert!(seen == [1, 2, 3] || seen == [1, 4, 5], "{kind:?}, step {step}: a reader sees {seen:?}");
            let again = run(&place, kind, &["gate", "b.csv", "-r", "r.yaml", "--batch-id", "b"]);
            assert_eq!((again.code, kind.visible(&place)), (0, vec![1, 4, 5]), "{kind:?}, step {step} {}", again.stderr);
            if is_over {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 8, "{kind:?} has only {steps} steps");
    }
}

fn run(place: &Place, kind: Kind, arguments: &[&str]) -> Run {
    let destination = kind.arguments(place);
    place.run(&arguments.iter().copied().chain(destination.iter().map(String::as_str)).collect::<Vec<_>>())
}

#[test]
fn what_cannot_be_replaced_is_said() {
    let place = place(RULES);
    let plain = gate(&place, Kind::Parts, "a", &[(1, 1)], &[]);
    assert!(plain.code == 2 && plain.stderr.contains("in a Delta table only"), "{}", plain.stderr);
    place.write("d.csv", "id,day,v\n1,2026-03-01,1\n2,,2\n");
    let no_day = run(&place, Kind::Delta, &["gate", "d.csv", "-r", "r.yaml"]);
    assert!(no_day.code == 2 && no_day.stderr.contains("a row to be published has no `day`"), "{}", no_day.stderr);
    place.write("r.yaml", RULES.replace("partition: day", "partition: date"));
    let no_column = run(&place, Kind::Delta, &["gate", "d.csv", "-r", "r.yaml"]);
    assert!(no_column.code == 2 && no_column.stderr.contains("no column `date` to replace by"), "{}", no_column.stderr);
    assert!(!place.path("out").exists());
}
