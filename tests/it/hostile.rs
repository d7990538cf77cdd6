//! Bytes and rules of strangers: each run ends with a verdict or a fault, within its time and memory, and publishes nothing by mistake.

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

use crate::support::{Place, Run};

const RULES: &str = "dataset: t\nprofile: none\nrules:\n  - rows: { min: 1 }\n";

fn gate(place: &Place, data: &str, more: &[&str]) -> Run {
    let arguments = ["gate", data, "-r", "r.yaml", "--publish", "out.parquet", "--quarantine", "aside"];
    place.run(&[&arguments[..], more].concat())
}

/// It ends with exit code 2, says this, and has published nothing.
fn refused(place: &Place, run: &Run, says: &str) {
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains(says), "{}", run.stderr);
    assert!(!place.path("out.parquet").exists());
}

/// A Parquet file with a column nested so deep.
fn parquet(place: &Place, name: &str, depth: usize, wrap: impl Fn(DataType) -> DataType) {
    let nested = (0..depth).fold(DataType::Int64, |inner, _| wrap(inner));
    let schema = Arc::new(Schema::new(vec![Field::new("deep", nested, true)]));
    let column = new_null_array(schema.field(0).data_type(), 1);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), None).expect("a writer");
    writer.write(&RecordBatch::try_new(schema, vec![column]).expect("a batch")).expect("written");
    writer.close().expect("closed");
    place.write(name, bytes);
}

#[test]
fn columns_are_nested_32_levels_deep_at_most_on_every_way_in() {
    let list = |inner: DataType| DataType::List(Arc::new(Field::new_list_field(inner, true)));
    let of_one = |inner: DataType| DataType::Struct(vec![Field::new("n", inner, true)].into());
    let place = Place::with(RULES, "");
    for (name, depth) in [("fits.parquet", 32), ("deep.parquet", 33), ("deeper.parquet", 36)] {
        parquet(&place, name, depth, list);
        let run = gate(&place, name, &["--supersede"]);
        if depth == 32 {
            assert_eq!(run.code, 0, "{}", run.stderr);
            std::fs::remove_file(place.path("out.parquet")).expect("published");
        } else {
            refused(&place, &run, "nested more than 32 levels deep");
        }
    }
    parquet(&place, "structs.parquet", 33, of_one);
    refused(&place, &gate(&place, "structs.parquet", &[]), "`deep` is nested more than 32 levels deep");

    // Of text, single records are too deep.
    let record = |depth: usize| format!("{{\"deep\": {}{}}}\n", "[".repeat(depth), "]".repeat(depth));
    place.write("fits.ndjson", record(32));
    let run = gate(&place, "fits.ndjson", &[]);
    assert_eq!((run.code, run.rows("malformed")), (0, 0), "{}", run.stderr);
    std::fs::remove_file(place.path("out.parquet")).expect("published");
    for depth in [33, 100, 100_000] {
        place.write("deep.ndjson", format!("{{\"deep\": null}}\n{}", record(depth)));
        let run = place.run(&["check", "deep.ndjson", "-r", "r.yaml", "--report", "r.json"]);
        assert_eq!(run.rows("malformed"), 1, "{}", run.stderr);
        assert!(run.stdout.contains("nested more than 32 levels deep"), "{}", run.stdout);
    }

    let contract = format!("{RULES}schema:\n  columns:\n    deep: \"{}int64{}\"\n", "list<".repeat(5_000), ">".repeat(5_000));
    place.write("r.yaml", contract);
    refused(&place, &gate(&place, "fits.ndjson", &[]), "a type is nested at most 32 levels deep");
}

#[test]
fn sql_has_so_many_operators_that_it_can_be_computed() {
    let sums = |terms: usize| vec!["n"; terms].join(" + ");
    for (sql, is_taken) in [(sums(400), true), (sums(5_000), false), (vec!["n > 0"; 20_000].join(" OR "), false)] {
        let rule = format!("dataset: t\nprofile: none\nrules:\n  - expression: {{ id: many, sql: \"({sql}) IS NOT NULL\" }}\n");
        let place = Place::with(&rule, "n\n1\n2\n");
        let run = gate(&place, "d.csv", &[]);
        if is_taken {
            assert_eq!(run.code, 0, "{}", run.stderr);
        } else {
            refused(&place, &run, "500 are taken");
        }
    }
    let union = vec!["SELECT n FROM batch"; 2_000].join(" UNION ALL ");
    let place = Place::with(&format!("dataset: t\nrules:\n  - query: {{ id: many, sql: \"{union}\" }}\n"), "n\n1\n");
    refused(&place, &gate(&place, "d.csv", &[]), "500 are taken");
}

#[test]
fn what_asks_for_more_memory_than_there_is_ends_with_a_message() {
    for sql in ["repeat(s, n * 1000000)", "lpad(s, 2000000000)"] {
        let rules = format!("dataset: t\nprofile: none\ntransform:\n  z: \"{sql}\"\nrules:\n  - missing: {{ columns: [z] }}\n");
        let rows: String = (0..5_000).map(|n| format!("{n},text\n")).collect();
        let place = Place::with(&rules, &format!("n,s\n{rows}"));
        let run = gate(&place, "d.csv", &["--memory-limit", "256MB"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(!place.path("out.parquet").exists());
        assert!(!run.stderr.contains("memory allocation of") && !run.stderr.contains("panicked"), "{}", run.stderr);
    }
}

#[test]
fn devices_that_never_end_are_refused() {
    let place = Place::with(RULES, "n\n1\n");
    refused(&place, &gate(&place, "/dev/zero", &["--format", "csv"]), "a device, which never ends");
    let run = place.run(&["check", "d.csv", "-r", "/dev/zero"]);
    refused(&place, &run, "it has more than 64 MiB");
}

#[test]
fn a_file_that_is_rewritten_with_its_old_time_is_seen_to_have_changed() {
    let place = Place::with(RULES, "n\n1\n");
    let path = place.path("d.csv");
    let file = sluicegate::source::InputFile::stat(&path.display().to_string()).expect("it is there");
    let modified = std::fs::metadata(&path).and_then(|there| there.modified()).expect("a time");
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(&path, "n\n2\n").expect("written");
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(modified)).expect("set");
    assert!(file.ensure_unchanged().is_err());
}

#[test]
fn a_workbook_with_a_cell_beyond_its_last_column_is_refused() {
    let place = Place::with(RULES, "");
    place.write("far.xlsx", crate::excel::with_cell_at("ZZZ9"));
    let run = gate(&place, "far.xlsx", &[]);
    refused(&place, &run, "16384 columns");
}

/// A table of so many columns, of which each row has numbers.
fn wide(columns: usize, rows: usize) -> String {
    let line = |cell: &dyn Fn(usize) -> String| (0..columns).map(cell).collect::<Vec<_>>().join(",") + "\n";
    let rows: String = (0..rows).map(|row| line(&|column| (row * 7 + column * 13).to_string())).collect();
    line(&|column| format!("c{column}")) + &rows
}

#[test]
fn a_record_with_very_many_fields_that_do_not_fit_is_held_once() {
    let columns: String = (0..6_000).map(|column| format!("    c{column}: date\n")).collect();
    let rules = format!("dataset: t\nschema:\n  evolution: exact\n  columns:\n{columns}");
    let place = Place::with(&rules, &wide(6_000, 3));
    // Copied for each of its fields, it would take half a gigabyte.
    let run = place.run(&["check", "d.csv", "-r", "r.yaml", "--memory-limit", "256MB"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("`c0` changed from date to int64"), "{}", run.stdout);
}

#[test]
fn very_many_columns_are_published_as_they_came() {
    let text = wide(3_000, 40);
    let place = Place::with("dataset: t\nprofile: none\nrules:\n  - range: { column: c0, min: 14 }\n", &text);
    let run = gate(&place, "d.csv", &["--memory-limit", "256MB"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<&str> = text.lines().collect();
    place.write("passed.csv", [&lines[..1], &lines[3..]].concat().join("\n") + "\n");
    let run = place.run(&["diff", "passed.csv", "out.parquet", "--key", "c0"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}
