//! Batches of which most rows are bad, or all: rejected, and why, the cause first.

use std::fmt::Write as _;

use crate::support::{Place, Run};

/// `good` rows of a weight in kilograms, `bad` in grams.
fn weights(good: usize, bad: usize) -> String {
    let mut text = "id,weight,site\n".to_owned();
    for id in 0..good + bad {
        let weight = if id < bad { 70_000 + id } else { 60 + id % 40 };
        writeln!(text, "{id},{weight},a").expect("text");
    }
    text
}

const RULES: &str = "dataset: t
rules:
  - range: { column: weight, max: 500 }
  - duplicates: { key: [id] }
  - statistic: { column: weight, of: mean, max: 200 }
  - representation: { groups: [site], reference: { a: 100% }, tolerance: 5 points }
gate: { publish: out }
";

fn both(place: &Place, data: &str) -> [Run; 2] {
    place.write("d.csv", data);
    ["check", "gate"].map(|command| place.run(&[command, "d.csv", "-r", "r.yaml"]))
}

#[test]
fn grams_for_kilograms_are_rejected_and_the_cause_stands_first() {
    let place = Place::new();
    place.write("r.yaml", RULES);
    for rows in [2, 40] {
        for run in both(&place, &weights(0, rows)) {
            assert_eq!((run.code, run.verdict()), (1, "reject"), "{}{}", run.stdout, run.stderr);
            assert_eq!(run.report()["reasons"][0], "no row is left to be published: 100% of rows fail `range-weight`");
            let second = run.stdout.lines().nth(1).expect("a line beneath the verdict");
            assert_eq!(second, "  ✗ no row is left to be published: 100% of rows fail `range-weight`");
            // What lacks rows says why.
            for finding in ["duplicates-id", "statistic-weight"] {
                let message = format!("no row is left to judge: all {rows} rows are set aside; follows from `range-weight`");
                assert_eq!(
                    (&run.finding(finding)["outcome"], &run.finding(finding)["message"]),
                    (&"no_data".into(), &message.into()),
                    "{finding}"
                );
            }
        }
        assert!(!place.path("out").exists() && !place.path("out_quarantine").exists());
    }
}

#[test]
fn more_than_half_and_more_than_twenty_rows_set_aside_reject_the_batch() {
    let place = Place::new();
    place.write("r.yaml", "dataset: t\nrules: [{ range: { column: weight, max: 500 } }]\ngate: { publish: out }\n");
    for (good, bad, verdict) in
        [(19, 20, "quarantine"), (21, 21, "quarantine"), (20, 21, "reject"), (1, 19, "quarantine"), (1000, 400, "quarantine")]
    {
        for run in both(&place, &weights(good, bad)) {
            assert_eq!(run.verdict(), verdict, "{bad} of {}", good + bad);
        }
    }
    place.write("r.yaml", "dataset: t\nrules: [{ range: { column: weight, max: 500 } }]\ngate: { publish: off, reject_above: 100% }\n");
    for run in both(&place, &weights(1, 99)) {
        assert_eq!(run.verdict(), "quarantine", "the limit is off");
    }
    for run in both(&place, &weights(0, 99)) {
        assert_eq!(run.verdict(), "reject", "nothing is left, whatever the limit");
    }
    place.write("r.yaml", "dataset: t\nrules: [{ range: { column: weight, max: 500 } }]\ngate: { publish: half }\n");
    for run in both(&place, &weights(20, 30)) {
        assert_eq!(
            run.report()["reasons"][0],
            "30 of 50 rows (60.0%) would be set aside, more than the default `reject_above: 50% and 20 rows` allows: 60.0% of rows fail `range-weight`"
        );
    }
}

#[test]
fn a_batch_of_which_no_record_can_be_read_is_rejected() {
    let place = Place::new();
    place.write("r.yaml", "dataset: t\nsource: { delimiter: \";\" }\nrules: [{ missing: { columns: \"*\" } }]\ngate: { publish: out }\n");
    place.write("d.csv", "id;name\n1;a\n");
    assert_eq!(place.run(&["check", "d.csv", "-r", "r.yaml"]).verdict(), "accept");
    // Every record has a field too many for its header.
    for run in both(&place, "id;name\n1;a;x\n2;b;x\n") {
        assert_eq!((run.code, run.verdict()), (1, "reject"), "{}", run.stdout);
        assert_eq!(run.report()["reasons"][0], "no row is left to be published: 100% of rows fail `malformed`");
    }
}

#[test]
fn rows_that_are_published_already_do_not_count() {
    let place = Place::new();
    let rules = "dataset: t
schema: { columns: { id: { type: int64 }, v: { type: int64 } } }
rules:
  - duplicates: { key: [id], across: published }
  - range: { column: v, max: 10 }
gate: { publish: out, format: parquet }
";
    place.write("r.yaml", rules);
    let rows = |from: i64, to: i64, v: i64| (from..to).map(|id| format!("{id},{v}\n")).collect::<String>();
    let gate = |name: &str, data: String| {
        place.write("d.csv", format!("id,v\n{data}"));
        let [check, gate] =
            [&["check"][..], &["gate", "--batch-id", name]].map(|command| place.run(&[command, &["d.csv", "-r", "r.yaml"]].concat()));
        assert_eq!(check.verdict(), gate.verdict(), "{name}");
        (gate.verdict().to_owned(), gate.rows("published"), gate.rows("quarantined"))
    };
    assert_eq!(gate("first", rows(0, 60, 1)), ("accept".into(), 60, 0));
    // All again, and one more.
    assert_eq!(gate("second", rows(0, 61, 1)), ("quarantine".into(), 1, 60));
    // All again, and nothing else; twice in the batch does not make them worse.
    assert_eq!(gate("third", rows(0, 61, 1)), ("quarantine".into(), 0, 61));
    assert_eq!(gate("fourth", rows(0, 61, 1) + &rows(0, 61, 1)), ("quarantine".into(), 0, 122));
    // Rows that are bad count, published already or not.
    assert_eq!(gate("fifth", rows(0, 60, 11)), ("reject".into(), 0, 0));
    // New ones that come often are bad, since nothing published keeps them out.
    let often: String = (0..40).map(|_| "99,1\n").collect();
    assert_eq!(gate("sixth", rows(0, 10, 1) + &often), ("reject".into(), 0, 0));
}

#[test]
fn a_damaged_published_part_is_no_part_without_keys() {
    let place = Place::new();
    place.write(
        "r.yaml",
        "dataset: t\nrules: [{ duplicates: { key: [id], across: published } }]\ngate: { publish: out, format: parquet }\n",
    );
    place.write("d.csv", "id,v\n1,1\n2,2\n");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "a"]).code, 0);
    let whole = std::fs::read(place.path("out/a.parquet")).expect("a part");
    std::fs::write(place.path("out/a.parquet"), &whole[..whole.len() - 20]).expect("write");
    place.write("d.csv", "id,v\n2,3\n4,4\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert!(run.code == 2 && run.stderr.contains("a.parquet: the file is damaged"), "{}{}", run.stdout, run.stderr);
    assert!(!place.path("out/b.parquet").exists());
}
