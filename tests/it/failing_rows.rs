//! `--failing-rows`: every row on which a rule fails, with the rules, why and where it came from.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use crate::gate::read;
use crate::support::{Place, Run};

/// Every kind of rule that names rows, some of them in a second look, some within what is tolerated.
const RULES: &str = "dataset: t
source: { missing_values: [\"\"] }
schema: { columns: { id: { type: int64 }, site: { type: string }, v: { type: float64 }, w: { type: int64 }, t: { type: string } } }
samples: 2
rules:
  - missing: { column: t }
  - missing: { column: v, by: [site], tolerate: 20%, id: by-site }
  - duplicates: { key: [id] }
  - duplicates: { key: [t], keep: none, on_fail: warn, id: twice, where: \"w > 3\" }
  - range: { column: w, max: 90, on_fail: warn }
  - range: { column: w, min: 5, tolerate: 50 rows, id: tolerated }
  - outliers: { column: v, k: 1.5, on_fail: quarantine }
  - outliers: { column: v, method: zscore, on_fail: info, id: far }
  - pattern: { column: t, regex: \"^t[0-9]+$\", on_fail: warn }
  - length: { column: t, max: 4, on_fail: warn }
  - values: { column: site, in: [a, b, c], on_fail: warn }
  - order: { column: id, on_fail: warn }
  - stuck: { column: w, max_run: 2, on_fail: warn }
  - expression: { sql: \"w <> 13\", id: unlucky, on_fail: warn }
  - parse: { column: t, as: uuid, on_fail: info, where: \"w = 7\" }
gate: { reject_above: 100% }
";

/// Rows of several units: holes, doubles, far values, and records that cannot be read.
fn data(rows: i64) -> String {
    let mut text = "id,site,v,w,t\n".to_owned();
    for i in 0..rows {
        let (id, site) = (if i % 50 == 7 { i - 1 } else { i }, ["a", "b", "c", "d"][(i % 97 % 4) as usize]);
        let v = if i % 61 == 0 {
            String::new()
        } else if i % 83 == 0 {
            format!("{}", 9000 + i)
        } else {
            format!("{}.5", i % 11)
        };
        let t = if i % 71 == 3 { String::new() } else { format!("{}{}", if i % 29 == 0 { "x" } else { "t" }, i % 2500) };
        let w = if i % 40 < 4 { 50.to_string() } else { (i * 7 % 101).to_string() };
        text += &if i % 113 == 5 { format!("{i},a,no,1,t1\n") } else { format!("{id},{site},{v},{w},{t}\n") };
    }
    text
}

/// A failing row as the file tells it, in the order that `table` reads it.
type Told = (String, i64, Vec<String>, Vec<String>, bool);

fn table(path: &Path) -> Vec<Told> {
    let batch = read(path);
    let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("{name}")).clone();
    let texts = |batch: &RecordBatch, name: &str, row: usize| -> Vec<String> {
        let list = batch.column_by_name(name).expect("a list").as_list::<i32>().value(row);
        list.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    };
    let row = |i: usize| {
        let file = column("_sluicegate_file").as_string::<i32>().value(i).to_owned();
        let line = column("_sluicegate_line").as_primitive::<Int64Type>().value(i);
        let aside = column("_sluicegate_set_aside").as_boolean().value(i);
        (file, line, texts(&batch, "_sluicegate_rules", i), texts(&batch, "_sluicegate_on_fail", i), aside)
    };
    (0..batch.num_rows()).map(row).collect()
}

fn by_rule(rows: &[Told]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    rows.iter().flat_map(|row| &row.2).for_each(|rule| *counts.entry(rule.clone()).or_default() += 1);
    counts
}

fn failing(run: &Run) -> BTreeMap<String, u64> {
    let findings = run.report()["findings"].as_array().expect("findings");
    let count = |f: &serde_json::Value| (f["id"].as_str().expect("an id").to_owned(), f["failing_rows"].as_u64().expect("a count"));
    findings.iter().map(count).filter(|(_, rows)| *rows > 0).collect()
}

#[test]
fn rows_by_rule_are_the_failing_rows_of_each_finding_and_none_is_left_out() {
    let place = Place::with(RULES, &data(4000));
    let run = place.run(&["check", "d.csv", "-r", "r.yaml", "--failing-rows", "f.parquet"]);
    let rows = table(&place.path("f.parquet"));
    let counts = failing(&run);
    assert!(counts.len() >= 14, "{counts:?} {}", run.stdout);
    assert_eq!(by_rule(&rows), counts);
    assert!(rows.iter().all(|row| !row.2.is_empty() && row.2.len() == row.3.len()));
    assert!(rows.is_sorted_by(|a, b| a.1 < b.1), "each row once, in the order of the input");
    let set_aside = rows.iter().filter(|row| row.4).count() as u64;
    assert_eq!(set_aside, run.rows("quarantined"));
    // Some are tolerated, some only warned of: they are there too.
    assert!(rows.iter().any(|row| !row.4 && row.3.iter().any(|on_fail| on_fail == "quarantine")));
    let on_fail = |id: &str| rows.iter().find_map(|row| Some(row.3[row.2.iter().position(|rule| rule == id)?].clone()));
    assert_eq!((on_fail("twice").as_deref(), on_fail("far").as_deref()), (Some("warn"), Some("info")));
}

#[test]
fn of_a_gate_those_set_aside_are_the_rows_of_the_quarantine() {
    let place = Place::with(RULES, &data(3000));
    let run = place.run(&[
        "gate",
        "d.csv",
        "-r",
        "r.yaml",
        "--publish",
        "out",
        "--quarantine",
        "q",
        "--batch-id",
        "b",
        "--failing-rows",
        "f.parquet",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let part = read(&place.part("q", "b"));
    let lines = part.column_by_name("_sluicegate_line").expect("lines").as_primitive::<Int64Type>().values().to_vec();
    let there: Vec<i64> = table(&place.path("f.parquet")).into_iter().filter(|row| row.4).map(|row| row.1).collect();
    assert_eq!(there, lines);
    let raw = |batch: &RecordBatch| batch.column_by_name("_sluicegate_raw").expect("raw").as_binary::<i32>().iter().flatten().count();
    assert!(raw(&part) > 0 && raw(&part) == raw(&read(&place.path("f.parquet"))));
    // A source that was set aside before is none: the file is for reading.
    let again = place.run(&["check", "f.parquet", "-r", "r.yaml"]);
    assert!(again.code == 2 && again.stderr.contains("these rows were set aside before"), "{}", again.stderr);
}

#[test]
fn the_file_is_the_same_for_any_number_of_threads_in_every_format() {
    let place = Place::with(RULES, &data(60_000));
    for name in ["f.csv", "f.ndjson", "f.parquet"] {
        let file = |threads: &str| {
            place.run(&["check", "d.csv", "-r", "r.yaml", "--failing-rows", name, "--threads", threads]);
            std::fs::read(place.path(name)).expect("the file")
        };
        assert!(file("1") == file("5"), "{name}");
    }
    let rows = table(&place.path("f.parquet")).len();
    let lines = |name: &str| std::fs::read_to_string(place.path(name)).expect("text").lines().count();
    assert_eq!((lines("f.csv"), lines("f.ndjson")), (rows + 1, rows));
}

#[test]
fn cells_run_no_formula_nested_values_are_json_and_the_file_without_rows_has_columns() {
    let rules = "dataset: t\nrules:\n  - range: { column: id, max: 1, on_fail: warn }\n";
    let place = Place::with(rules, "");
    place
        .write("d.ndjson", "{\"id\":1,\"n\":\"x\",\"l\":[1]}\n{\"id\":2,\"n\":\"=cmd()\",\"l\":[1,2]}\n{\"id\":3,\"n\":null,\"l\":null}\n");
    let file = |name: &str, limit: &str| {
        place.write("r.yaml", rules.replace("max: 1", limit));
        assert_eq!(place.run(&["check", "d.ndjson", "-r", "r.yaml", "--failing-rows", name]).code, 0);
        std::fs::read_to_string(place.path(name)).expect("text")
    };
    let csv = file("f.csv", "max: 1");
    let header = "id,n,l,_sluicegate_rules,_sluicegate_on_fail,_sluicegate_set_aside,_sluicegate_reason,_sluicegate_file,_sluicegate_line,_sluicegate_row,_sluicegate_raw";
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines, [header, "2,'=cmd(),\"[1,2]\",range-id,warn,false,,d.ndjson,2,2,", "3,,,range-id,warn,false,,d.ndjson,3,3,"]);
    assert!(file("f.ndjson", "max: 1").starts_with("{\"id\":2,\"n\":\"=cmd()\",\"l\":[1,2],\"_sluicegate_rules\":[\"range-id\"],"));
    assert_eq!(file("f.csv", "max: 9"), format!("{header}\n"));
}

#[test]
fn masked_columns_are_masked_in_every_format() {
    let rules = "dataset: t\nschema: { columns: { id: { type: int64 }, mail: { type: string, mask: true } } }\nrules:\n  - range: { column: id, max: 1 }\ngate: { reject_above: 100% }\n";
    let place = Place::with(rules, "id,mail\n1,canary1\n2,canary2\nno,canary3\n");
    for name in ["f.csv", "f.ndjson", "f.parquet"] {
        place.run(&["check", "d.csv", "-r", "r.yaml", "--failing-rows", name]);
        let bytes = std::fs::read(place.path(name)).expect("the file");
        assert!(!bytes.windows(6).any(|six| six == b"canary"), "{name}");
        assert!(bytes.windows(3).any(|three| three == b"***"), "{name}");
    }
    assert_eq!(read(&place.path("f.parquet")).num_rows(), 2);
}

#[test]
fn a_place_that_would_take_another_s_is_refused_and_nothing_is_left_of_a_run_that_fails() {
    let place = Place::with(RULES, &data(100));
    let refused = |path: &str, more: &[&str], what: &str| {
        let run = place.run(&[&["check", "d.csv", "-r", "r.yaml", "--failing-rows", path], more].concat());
        assert!(run.code == 2 && run.stderr.contains(what), "{path}: {} {}", run.code, run.stderr);
    };
    refused("f.xlsx", &[], "unknown format `xlsx`");
    refused("d.csv", &[], "failing rows would be written to where the data is");
    refused("same.json", &["--report", "same.json"], "unknown format `json`");
    let gated = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out", "--failing-rows", "out/f.parquet"]);
    assert!(gated.code == 2 && gated.stderr.contains("failing rows would be written to where rows go"), "{}", gated.stderr);
    place.write("bad.yaml", format!("{RULES}nonsense: 1\n"));
    assert_eq!(place.run(&["check", "d.csv", "-r", "bad.yaml", "--failing-rows", "g.csv"]).code, 2);
    let left: Vec<String> = place.files().into_iter().filter(|name| name.contains("g.csv") || name.ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
    let many =
        place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out", "--every", "1s", "--batches", "1", "--failing-rows", "f.csv"]);
    assert!(many.code == 2 && many.stderr.contains("is the file of one batch"), "{}", many.stderr);
}

#[test]
fn nothing_is_written_over_the_rows_set_aside_beside_what_is_published() {
    let place = Place::with(
        "dataset: d\nrules:\n  - range: { column: v, min: 0 }\ngate: { publish: out, reject_above: 100% }\n",
        "id,v\n1,-1\n2,3\n",
    );
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml"]).code, 0);
    let part = place.files().into_iter().find(|name| name.starts_with("out_quarantine") && name.ends_with(".parquet")).expect("a part");
    let before = std::fs::read(place.path(&part)).expect("it");
    let as_json = format!("json={part}");
    for option in [["--failing-rows", part.as_str()], ["--report", as_json.as_str()]] {
        for command in ["check", "gate"] {
            let run = place.run(&[&[command, "d.csv", "-r", "r.yaml"][..], &option].concat());
            assert_eq!((run.code, &run.report()["faults"][0]["code"]), (2, &"occupied".into()), "{command} {option:?} {}", run.stderr);
            assert!(std::fs::read(place.path(&part)).expect("it") == before, "{command} {option:?}");
        }
    }
}
