//! Keys, sets and splits in other data: the same rows fail however the other data are held, in bounded memory, and the gate sets them aside.

use std::fmt::Write;

use crate::support::Place;

const RULES: &str = "dataset: orders
sources: { customers: customers.csv }
schema: { columns: { customer: { type: int64 } } }
rules:
  - foreign_key: { id: key, column: customer, in: customers.id }
gate: { publish: out, quarantine: aside, reject_above: 100% }
";

/// Orders 0 to `rows`: that of number n is of customer n, and every third customer is not there.
fn orders(rows: u64) -> String {
    (0..rows).fold("order,customer\n".to_owned(), |mut text, n| {
        let _ = writeln!(text, "{n},{}", n * 7919 % rows);
        text
    })
}

fn customers(rows: u64) -> String {
    (0..rows).filter(|n| n % 3 != 0).fold("id,name\n".to_owned(), |mut text, n| {
        let _ = writeln!(text, "{n},customer {n}");
        text
    })
}

#[test]
fn rows_whose_key_is_nowhere_are_set_aside_and_all_others_published() {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", orders(3000));
    place.write("customers.csv", customers(3000));
    let checked = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    let gated = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    for run in [&checked, &gated] {
        assert_eq!(run.verdict(), "quarantine", "{}", run.stderr);
        assert_eq!((run.rows("published"), run.rows("quarantined")), (2000, 1000));
        let finding = run.finding("key");
        assert_eq!((&finding["failing_rows"], &finding["figures"]["absent_keys"]), (&1000.into(), &1000.into()), "{finding}");
    }
    assert_eq!(checked.finding("key")["samples"], gated.finding("key")["samples"]);
}

#[test]
fn the_same_keys_are_found_in_any_format_by_any_number_of_threads_and_in_little_memory() {
    const ROWS: u64 = 120_000;
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", orders(ROWS));
    place.write("customers.csv", customers(ROWS));
    place.write("lines.yaml", RULES.replace("customers.csv", "customers.ndjson"));
    let lines = (0..ROWS).filter(|n| n % 3 != 0).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "{{\"name\": \"x\", \"id\": {n}}}");
        text
    });
    place.write("customers.ndjson", lines);
    let expected = place.run(&["check", "d.csv", "-r", "r.yaml", "--threads", "1"]);
    assert_eq!(expected.finding("key")["failing_rows"], ROWS / 3, "{}", expected.stderr);
    for arguments in [&["-r", "r.yaml", "--threads", "3"][..], &["-r", "r.yaml", "--memory-limit", "1MB"], &["-r", "lines.yaml"]] {
        let run = place.run(&[&["check", "d.csv"][..], arguments].concat());
        let (found, wanted) = (run.finding("key"), expected.finding("key"));
        for part in ["failing_rows", "figures", "samples", "message"] {
            assert_eq!(found[part], wanted[part], "{arguments:?}: {part}");
        }
    }
}

#[test]
fn other_data_outside_the_root_are_not_read() {
    let place = Place::new();
    place.write("r.yaml", RULES.replace("customers.csv", "../customers.csv"));
    place.write("d.csv", orders(3));
    let run = place.run(&["check", "d.csv", "-r", "r.yaml", "--root", &place.path("").display().to_string()]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    let faults = run.report()["faults"].as_array().expect("faults");
    assert!(faults.iter().any(|fault| fault["code"] == "outside-root"), "{faults:?}");
}

#[test]
fn a_set_in_a_file_is_part_of_the_rule_file() {
    let place = Place::new();
    place.write("r.yaml", "dataset: d\nrules:\n  - values: { id: set, column: a, in: { file: set.txt } }\n");
    place.write("d.csv", "a\nx\ny\n");
    let digest = |members: &str, failing: u64| {
        place.write("set.txt", members);
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        assert_eq!(run.finding("set")["failing_rows"], failing, "{}", run.stderr);
        run.report()["batch"]["rules_digest"].as_str().expect("a digest").to_owned()
    };
    let (one, both) = (digest("x\n", 1), digest("x\ny\n", 0));
    assert_ne!(one, both, "another set makes another rule file");
    assert_eq!(one, digest("x\n", 1));
}
