//! Keys that are published already: judged beside the table, whatever else happens to it.

use std::fs;

use crate::crash::delta_files;
use crate::gate::read;
use crate::s3;
use crate::support::{Place, Run};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

const RULES: &str = "dataset: events
schema: { columns: { at: { type: timestamp }, id: { type: int64 } } }
rules:
  - duplicates: { key: [id], across: published, window: { column: at, last: 2d } }
gate: { publish: table, quarantine: aside }
";

fn place(rules: &str) -> Place {
    let place = Place::new();
    place.write("r.yaml", rules);
    place
}

fn gate(place: &Place, name: &str, rows: &[(i64, u32)], more: &[&str]) -> Run {
    let rows: String = rows.iter().map(|(id, day)| format!("{id},2026-03-{day:02}T10:00:00\n")).collect();
    let data = format!("{name}.csv");
    place.write(&data, format!("id,at\n{rows}"));
    place.run(&[&["gate", &data, "-r", "r.yaml", "--batch-id", name], more].concat())
}

/// The ids in the table, ascending.
fn published(place: &Place) -> Vec<i64> {
    let files = match place.path("table/_delta_log").exists() {
        true => delta_files(&place.path("table")),
        false => crate::support::files_below(&place.path("table"), "parquet"),
    };
    let mut ids: Vec<i64> = Vec::new();
    for file in files {
        ids.extend(read(&file).column_by_name("id").expect("id").as_primitive::<Int64Type>().values());
    }
    ids.sort_unstable();
    ids
}

#[test]
fn a_published_key_does_not_come_again_within_the_window() {
    for format in ["delta", "parquet"] {
        let place = place(&RULES.replace("publish: table", &format!("publish: table, format: {format}")));
        let first = gate(&place, "a", &[(1, 1), (2, 2), (3, 3)], &[]);
        assert_eq!((first.code, first.verdict()), (0, "accept"), "{}", first.stderr);
        // 1 was published too long ago to count; 4 comes twice, and 3 is there already.
        let second = gate(&place, "b", &[(1, 4), (3, 4), (4, 4), (4, 4)], &[]);
        assert_eq!((second.code, second.verdict(), second.rows("published")), (0, "quarantine", 2), "{format} {}", second.stdout);
        let finding = second.finding("duplicates-id");
        assert_eq!((&finding["failing_rows"], &finding["figures"]["published_before"]), (&2.into(), &1.into()), "{finding}");
        assert_eq!(published(&place), [1, 1, 2, 3, 4], "{format}");
        // Its own rows are no duplicates, when it comes again and when it is superseded.
        let again = gate(&place, "b", &[(1, 4), (3, 4), (4, 4), (4, 4)], &[]);
        assert_eq!(again.report()["publication"]["state"], "unchanged", "{format}");
        assert_eq!(again.report()["findings"], second.report()["findings"], "{format}");
        let superseded = gate(&place, "b", &[(4, 4), (5, 4)], &["--supersede"]);
        assert_eq!((superseded.verdict(), published(&place)), ("accept", vec![1, 2, 3, 4, 5]), "{format}");
        // A dry run and a check see the same.
        let dry = gate(&place, "c", &[(5, 5), (6, 5)], &["--dry-run"]);
        assert_eq!((dry.verdict(), dry.rows("quarantined")), ("quarantine", 1), "{format}");
        let check = place.run(&["check", "c.csv", "-r", "r.yaml", "--batch-id", "c"]);
        assert_eq!((check.verdict(), &check.report()["findings"]), ("quarantine", &dry.report()["findings"]), "{format}");
    }
}

#[test]
fn files_that_statistics_rule_out_are_not_opened() {
    let place = place(RULES);
    assert_eq!(gate(&place, "old", &[(1, 1), (9, 1)], &[]).code, 0);
    assert_eq!(gate(&place, "low", &[(2, 20), (3, 20)], &[]).code, 0);
    // Neither the one that is too old nor the one whose keys are all smaller can be read.
    for file in delta_files(&place.path("table")) {
        fs::write(&file, "not Parquet").expect("write");
    }
    let next = gate(&place, "next", &[(8, 21), (9, 21)], &[]);
    assert_eq!((next.code, next.verdict()), (0, "accept"), "{}{}", next.stdout, next.stderr);
    let meets = gate(&place, "meets", &[(2, 21), (9, 21)], &[]);
    assert_eq!(meets.code, 2);
    assert!(meets.stderr.contains("cannot read"), "{}{}", meets.stdout, meets.stderr);
}

#[test]
fn keys_are_compared_by_value_whatever_their_types() {
    let rules = "dataset: t\nrules: [{ duplicates: { key: [who.name, n], nulls: equal, across: published, normalize: [trim, lowercase] } }]\n\
                 gate: { publish: table, quarantine: aside }\n";
    let place = place(rules);
    let gate = |name: &str, text: &str| {
        place.write(name, text);
        place.run(&["gate", name, "-r", "r.yaml", "--batch-id", name])
    };
    assert_eq!(gate("a.ndjson", "{\"who\":{\"name\":\"Ann\"},\"n\":1.5}\n{\"who\":null,\"n\":2.0}\n").code, 0);
    // Integers now, where the table holds floats: 2 = 2.0, and no value is no value.
    let run = gate(
        "b.ndjson",
        "{\"who\":{\"name\":\" ann \"},\"n\":1}\n{\"who\":{\"name\":null},\"n\":2}\n{\"who\":{\"name\":\"bob\"},\"n\":2}\n",
    );
    assert_eq!(run.rows("quarantined"), 1, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.finding("duplicates-who.name-n")["samples"][0]["origin"]["row"], 2, "{}", run.stdout);
    // A table that lacks a column of the key has no value there.
    let other = gate("c.ndjson", "{\"who\":{\"name\":\" ANN \"},\"n\":1.5}\n");
    assert_eq!(other.rows("quarantined"), 1, "{}{}", other.stdout, other.stderr);
}

#[test]
fn little_memory_changes_nothing() {
    let rules = "dataset: t\nrules: [{ duplicates: { key: [id], across: published } }]\ngate: { publish: table, quarantine: aside }\n";
    let place = place(rules);
    let write = |name: &str, ids: &mut dyn Iterator<Item = u64>| {
        let rows: String = ids.map(|id| format!("{id}\n")).collect();
        place.write(name, format!("id\n{rows}"));
    };
    // No order that would prove anything: multiplied by an odd number, modulo a power of two.
    write("a.csv", &mut (0..300_000u64).map(|i| i * 7_368_787 % (1 << 20)));
    assert_eq!(place.run(&["gate", "a.csv", "-r", "r.yaml", "--batch-id", "a"]).code, 0);
    write("b.csv", &mut (200_000..500_000u64).map(|i| i * 7_368_787 % (1 << 20)));
    let wide = place.run(&["check", "b.csv", "-r", "r.yaml"]);
    let narrow = place.run(&["check", "b.csv", "-r", "r.yaml", "--memory-limit", "1MB", "--threads", "2"]);
    assert_eq!(wide.finding("duplicates-id")["figures"]["published_before"], 100_000);
    assert_eq!(wide.report()["findings"], narrow.report()["findings"]);
}

#[test]
fn of_racing_batches_only_one_brings_a_key() {
    let destinations = [("table".to_owned(), "delta"), ("table".to_owned(), "parquet"), (String::new(), "delta")];
    for (publish, format) in destinations {
        let place = Place::new();
        let is_remote = publish.is_empty();
        if is_remote && s3::store().is_none() {
            continue;
        }
        let publish = if is_remote { format!("s3://lake/{}/table", place.name()) } else { publish };
        place.write(
            "r.yaml",
            format!(
                "dataset: t\nrules: [{{ duplicates: {{ key: [id], across: published }} }}]\ngate: {{ publish: \"{publish}\", format: {format} }}\n"
            ),
        );
        let racers = 6;
        for racer in 0..racers {
            place.write(&format!("{racer}.csv"), format!("id\n1000\n{racer}\n1001\n"));
        }
        std::thread::scope(|threads| {
            for racer in 0..racers {
                let place = &place;
                threads.spawn(move || {
                    let run = place.run(&["gate", &format!("{racer}.csv"), "-r", "r.yaml", "--batch-id", &format!("b{racer}")]);
                    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
                });
            }
        });
        let expected: Vec<i64> = (0..racers).chain([1000, 1001]).collect();
        let ids = match s3::store() {
            Some(store) if is_remote => {
                let files = store.delta_files(&format!("{}/table", place.name()));
                crate::crash::ids(files)
            }
            _ => published(&place),
        };
        assert_eq!(ids, expected, "{publish} {format}");
    }
}

#[test]
fn what_a_batch_left_stays_whatever_becomes_of_the_rows_it_met() {
    let place = place(RULES);
    assert_eq!(gate(&place, "c", &[(1, 1)], &[]).code, 0);
    assert_eq!(gate(&place, "b", &[(1, 1), (2, 1)], &[]).rows("quarantined"), 1);
    assert_eq!(gate(&place, "c", &[(3, 1)], &["--supersede"]).code, 0);
    // Judged now, `b` would set nothing aside; but it was published without the row.
    let again = gate(&place, "b", &[(1, 1), (2, 1)], &[]);
    assert_eq!(again.report()["publication"]["state"], "unchanged", "{}", again.stderr);
    assert_eq!(read(&place.part("aside", "b")).num_rows(), 1);
    // The other way round: what it published is not set aside by what came later.
    assert_eq!(gate(&place, "d", &[(4, 1)], &[]).code, 0);
    place.write(
        "plain.yaml",
        RULES.replace("  - duplicates: { key: [id], across: published, window: { column: at, last: 2d } }", "  - missing: { column: id }"),
    );
    assert_eq!(place.run(&["gate", "d.csv", "-r", "plain.yaml", "--batch-id", "e"]).code, 0);
    assert_eq!(gate(&place, "d", &[(4, 1)], &[]).report()["publication"]["state"], "unchanged");
    assert!(place.parts("aside", "d").is_empty());
}

#[test]
fn a_table_that_cannot_be_read_is_no_reason_to_pass() {
    let place = place(&RULES.replace("last: 2d } }", "last: 2d }, where: \"id > 0\", on_no_data: pass }"));
    assert_eq!(gate(&place, "a", &[(1, 1)], &[]).code, 0);
    fs::write(&delta_files(&place.path("table"))[0], "not Parquet").expect("write");
    let run = gate(&place, "b", &[(1, 1)], &[]);
    assert!(run.code == 2 && run.stderr.contains("cannot read"), "{}{}", run.stdout, run.stderr);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let rules = "dataset: t\nrules: [{ duplicates: { key: [id], across: published } }]\n";
    let place = place(rules);
    place.write("d.csv", "id\n1\n");
    let said = |arguments: &[&str]| {
        let run = place.run(&[arguments, &["d.csv", "-r", "r.yaml"]].concat());
        assert_eq!(run.code, 2);
        run.stdout + &run.stderr
    };
    assert!(said(&["check"]).contains("nothing says which table is published to"));
    assert!(said(&["gate", "--publish", "one.parquet"]).contains("one file holds the latest batch"));
    place.write("r.yaml", rules.replace("across: published", "window: { column: id, last: 1d }"));
    assert!(said(&["gate", "--publish", "table"]).contains("add `across: published`"));
    place.write("r.yaml", rules.replace("across: published", "across: published, window: { column: id, last: 1d }"));
    assert!(said(&["gate", "--publish", "table"]).contains("`window` needs dates or timestamps, but `id` is int64"));
    place.write("r.yaml", rules.replace("across: published", "across: published, by: [id]"));
    assert!(said(&["gate", "--publish", "table"]).contains("add the columns of `by` to the key"));
}
