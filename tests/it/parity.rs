//! The report does not depend on threads, batches or units, nor on the format the rows came in.

use std::sync::Arc;

use arrow::array::RecordBatchIterator;
use arrow::compute::concat_batches;
use arrow::ipc::writer::FileWriter;
use chrono::DateTime;
use parquet::arrow::ArrowWriter;
use sluicegate::assemble::{self, Header};
use sluicegate::audit::{self, Job, NoSink};
use sluicegate::metric::Budget;
use sluicegate::report::model::Mode;
use sluicegate::ruleset::RuleFile;
use sluicegate::source::{self, Cut, Projection, ReadOptions, Source, Spool};

use crate::support::Place;

const RULES: &str = "dataset: parity
schema:
  evolution: any
  columns:
    id: { type: int64, required: true }
    price: { type: \"decimal(10,2)\" }
clean: [{ drop_where: \"city = 'nowhere'\" }]
transform: { ratio: 100 / size }
rules:
  - missing: { columns: [city, note], tolerate: 30% }
  - missing: { column: score, by: [city], max_run: 3 }
  - duplicates: { key: [id] }
  - duplicates: { id: pairs, key: [city, size], keep: last, on_fail: warn }
  - range: { column: price, min: 1, max: 90 }
  - range: { column: score, above: -2, tolerate: 5 rows }
  - values: { column: city, in: [Ulm, Köln, nowhere] }
  - pattern: { column: note, regex: '^[a-z ,]*$', tolerate: 50% }
  - outliers: { column: score, k: 1.5, on_fail: quarantine }
  - outliers: { id: by-city, column: price, k: 1.5, by: [city] }
  - expression: { sql: \"price > size\", where: \"city <> 'Ulm'\", on_fail: warn }
  - representation: { groups: [city], reference: equal, tolerance: 20 points, on_fail: warn }
profile: full
";

/// About a thousand rows with quotes, newlines, malformed records and duplicates.
fn data() -> String {
    let mut seed = 42u64;
    let mut next = |n: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    let mut text = String::from("id,city,size,price,score,note\n");
    for i in 0..1000u64 {
        let id = if next(50) == 0 { i / 2 } else { i };
        let city = ["Ulm", "Köln", "Bern", "", "nowhere"][[0, 0, 0, 1, 1, 1, 1, 2, 3, 4][next(10) as usize]];
        let size = next(9);
        let price = format!("{}.{:02}", next(100), next(100));
        let score = if next(7) == 0 {
            String::new()
        } else {
            format!("{:.3}", next(6000) as f64 / 1000.0 - 2.5 + if next(80) == 0 { 50.0 } else { 0.0 })
        };
        let note = ["plain", "\"with, comma\"", "\"two\nlines\"", "\"say \"\"hi\"\"\"", "", "UPPER"][next(6) as usize];
        match next(60) {
            0 => text.push_str(&format!("{id},{city},{size}\n")),
            1 => text.push_str(&format!("{id},{city},{size},{price},{score},\"open\n")),
            2 => text.push_str(&format!("x{id},{city},{size},{price},{score},{note}\n")),
            _ => text.push_str(&format!("{id},{city},{size},{price},{score},{note}\n")),
        }
    }
    text
}

fn report(place: &Place, data: &str, threads: usize, cut: Cut) -> String {
    let rules = RuleFile::parse(RULES, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let mut options = rules.sections.read_options("r.yaml").expect("options");
    options.cut = cut;
    let path = place.path(data).display().to_string();
    let source = source::open(&[path], &options, &rules.sections.contract(), &Spool::new(place.path(""))).unwrap_or_else(|f| panic!("{f}"));
    let budget = Arc::new(Budget::new(1 << 20, place.path("")));
    let job = Job { threads, ..Job::new(&rules, source, DateTime::UNIX_EPOCH, budget) };
    let audited = audit::audit(&job, &NoSink::default()).unwrap_or_else(|f| panic!("{f}"));
    let header = Header { mode: Mode::Check, batch_id: "b".into(), began: None, as_of: None };
    let report = assemble::assemble(header, &rules, &audited, audited.set_aside().len(), None);
    serde_json::to_string_pretty(&report).expect("JSON")
}

/// The same rows as JSON: nested fields, keys that come late, broken records.
fn json_data() -> Vec<String> {
    let csv = data();
    let mut records = Vec::new();
    for (i, line) in csv.lines().skip(1).enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let [id, city, size, price, score, note, ..] = fields.as_slice() else {
            records.push(format!("{{\"id\": {i}, \"city\": }}"));
            continue;
        };
        let number = |text: &str| if text.is_empty() { "null".to_owned() } else { text.to_owned() };
        let late = if i > 700 { format!(", \"late\": {{\"x\": [{i}, null], \"y\": \"\u{e9}\"}}") } else { String::new() };
        let id = if let Ok(id) = id.parse::<i64>() { id.to_string() } else { format!("\"{id}\"") };
        let city = if city.is_empty() { "null".to_owned() } else { format!("\"{city}\"") };
        let note = note.replace('"', "\\\"");
        let (price, score) = (number(price), number(score));
        records.push(format!(
            "{{\"id\": {id}, \"city\": {city}, \"size\": {size}, \"price\": {price}, \"score\": {score}, \"note\": \"{note}\"{late}}}"
        ));
    }
    records
}

#[test]
fn threads_batches_and_units_change_nothing() {
    let place = Place::new();
    place.write("d.csv", data());
    let records = json_data();
    place.write("d.ndjson", records.join("\n"));
    place.write("d.json", format!("[\n  {}\n]\n", records.join(",\n  ")));
    for file in ["d.csv", "d.ndjson", "d.json"] {
        cut_up(&place, file);
    }
}

fn cut_up(place: &Place, file: &str) {
    let whole = report(place, file, 1, Cut::default());
    let parsed: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
    assert!(parsed["rows"]["malformed"].as_u64().expect("malformed") > 20);
    assert!(parsed["findings"].as_array().expect("findings").iter().filter(|f| f["outcome"] == "fail").count() > 5);
    for threads in [1, 2, 5] {
        for cut in [
            Cut { unit_bytes: 64, batch_rows: 3 },
            Cut { unit_bytes: 1000, batch_rows: 7 },
            Cut { unit_bytes: 4096, batch_rows: 8192 },
            Cut { unit_bytes: 1 << 20, batch_rows: 64 },
        ] {
            let cut_up = report(place, file, threads, cut);
            assert!(whole == cut_up, "{file}, {threads} threads, {cut:?}:\n{}", first_difference(&whole, &cut_up));
        }
    }
}

fn first_difference(a: &str, b: &str) -> String {
    let differ = a.lines().zip(b.lines()).enumerate().find(|(_, (x, y))| x != y);
    differ.map_or_else(String::new, |(n, (x, y))| format!("line {n}\n  {x}\n  {y}"))
}

#[test]
fn the_same_rows_as_csv_tsv_and_parquet_give_the_same_findings() {
    let place = Place::new();
    let rules = "dataset: t
rules:
  - missing: { columns: \"*\", on_fail: warn }
  - duplicates: { key: [id], on_fail: warn }
  - range: { column: v, max: 3, on_fail: warn }
  - values: { column: name, in: [a, b], on_fail: warn }
  - outliers: { column: v, k: 0.5 }
profile: full
gate: { publish: d.parquet }
";
    place.write("r.yaml", rules);
    let csv = "id,name,v,day,ok\n1,a,1.5,2026-01-01,true\n2,\"b,\n\"\"x\"\"\",2.5,2026-01-02,false\n2,,,2026-01-03,\n4,é,9.5,,true\n5,a,2,2026-01-05,true\n6,b,2.25,2026-01-05,true\n";
    place.write("d.csv", csv);
    place.write("d.tsv", csv.replace(',', "\t").replace("b\t\n", "b,\n"));
    let check = |data: &str| place.run(&["check", data, "-r", "r.yaml", "--batch-id", "b", "--no-statistics"]);
    let gate = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!(gate.code, 0, "{}", gate.stderr);
    let of = |data: &str| {
        let mut report = check(data).report.expect("a report");
        report["batch"] = serde_json::Value::Null;
        for finding in report["findings"].as_array_mut().expect("findings") {
            for sample in finding["samples"].as_array_mut().expect("samples") {
                sample["origin"] = serde_json::Value::Null;
                sample.as_object_mut().expect("a row").remove("line_column");
                if let Some(other) = sample.get_mut("same_key_as") {
                    *other = other["row"].clone();
                }
            }
        }
        report
    };
    let expected = of("d.csv");
    assert_eq!(expected["findings"].as_array().map(Vec::len), Some(10));
    assert_eq!(expected, of("d.tsv"));
    assert_eq!(expected, of("d.parquet"));
}

/// Rules of every kind that looks again, over columns of every kind.
const OF_ROWS: &str = "dataset: rows
rules:
  - missing: { columns: \"*\", on_fail: warn }
  - missing: { id: runs, column: score, by: [city], max_run: 3, on_fail: warn }
  - duplicates: { key: [id], keep: last, on_fail: warn }
  - range: { column: price, min: 1, max: 90 }
  - values: { column: city, in: [Ulm, Köln] }
  - outliers: { column: score, k: 1.5, on_fail: quarantine }
  - outliers: { id: by-city, column: price, k: 1.5, by: [city], on_fail: warn }
  - expression: { sql: \"price > size\", where: \"city <> 'Ulm'\", on_fail: warn }
profile: full
";

/// What is found in the rows of `source`, but for where they came from.
fn found(place: &Place, rules: &RuleFile, source: Arc<dyn Source>, threads: usize) -> serde_json::Value {
    let budget = Arc::new(Budget::new(1 << 20, place.path("")));
    let job = Job { threads, statistics: false, ..Job::new(rules, source, DateTime::UNIX_EPOCH, budget) };
    let audited = audit::audit(&job, &NoSink::default()).unwrap_or_else(|f| panic!("{f}"));
    let header = Header { mode: Mode::Check, batch_id: "b".into(), began: None, as_of: None };
    let report = assemble::assemble(header, rules, &audited, audited.set_aside().len(), None);
    let mut report = serde_json::to_value(&report).expect("JSON");
    for sample in
        report["findings"].as_array_mut().expect("findings").iter_mut().flat_map(|f| f["samples"].as_array_mut().expect("samples"))
    {
        // Of a file the number of the record, in memory the index.
        for place in ["origin", "same_key_as"] {
            if let Some(place) = sample.get_mut(place) {
                let number = place["row"].as_u64().map(|row| row - 1);
                *place = number.or(place["index"].as_u64()).expect("a row").into();
            }
        }
    }
    report
}

#[test]
fn rows_in_memory_give_the_findings_that_they_give_as_parquet_and_as_arrow() {
    let place = Place::new();
    let rules = RuleFile::parse(OF_ROWS, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    place.write("d.csv", data());
    let opened = |name: &str, options: &ReadOptions| {
        source::open(&[place.path(name).display().to_string()], options, &[], &Spool::new(place.path(""))).unwrap_or_else(|f| panic!("{f}"))
    };
    let csv = opened("d.csv", &ReadOptions { missing_values: Some(vec![String::new()]), ..ReadOptions::default() });
    let projection = Projection::new(csv.schema(), (0..csv.schema().fields().len()).collect());
    let (mut batches, mut previous) = (Vec::new(), None);
    while let Some((unit, preread)) = csv.next_unit(previous.as_ref()).unwrap_or_else(|f| panic!("{f}")) {
        let each = &mut |chunk: source::Chunk| {
            batches.push(chunk.batch);
            Ok(())
        };
        csv.read(&unit, preread, &projection, each).unwrap_or_else(|f| panic!("{f}"));
        previous = Some(unit);
    }
    let schema = csv.schema().clone();
    let all = concat_batches(&schema, &batches).expect("one batch");
    let mut parquet =
        ArrowWriter::try_new(std::fs::File::create(place.path("d.parquet")).expect("a file"), schema.clone(), None).expect("a writer");
    parquet.write(&all).expect("written");
    parquet.close().expect("closed");
    let mut arrow = FileWriter::try_new(std::fs::File::create(place.path("d.arrow")).expect("a file"), &schema).expect("a writer");
    arrow.write(&all).expect("written");
    arrow.finish().expect("closed");
    let cut = |unit_bytes, batch_rows| ReadOptions { cut: Cut { unit_bytes, batch_rows }, ..ReadOptions::default() };
    let mut expected = found(&place, &rules, opened("d.parquet", &cut(1 << 20, 64)), 1);
    assert!(expected["rows"]["read"].as_u64().expect("rows") > 900);
    assert!(expected["findings"].as_array().expect("findings").iter().filter(|f| f["outcome"] != "pass").count() > 5);
    let mut arrow = found(&place, &rules, opened("d.arrow", &cut(1 << 20, 64)), 1);
    expected["batch"] = serde_json::Value::Null;
    arrow["batch"] = serde_json::Value::Null;
    assert_eq!(expected, arrow);
    for threads in [1, 4] {
        for options in [cut(64, 3), cut(1000, 7), cut(16 << 20, 8192)] {
            for batch in [7, usize::MAX] {
                let len = |start: usize| batch.min(all.num_rows() - start);
                let batches: Vec<_> = (0..all.num_rows()).step_by(batch).map(|start| Ok(all.slice(start, len(start)))).collect();
                let reader = RecordBatchIterator::new(batches, schema.clone());
                let source = source::from_reader(reader, &options).unwrap_or_else(|f| panic!("{f}"));
                let mut memory = found(&place, &rules, source, threads);
                assert_eq!((&memory["batch"]["format"], &memory["batch"]["files"]), (&"memory".into(), &serde_json::json!([])));
                memory["batch"] = serde_json::Value::Null;
                assert_eq!(expected, memory, "{threads} threads, {:?}, batches of {batch} rows", options.cut);
            }
        }
    }
}
