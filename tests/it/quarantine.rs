//! Rows set aside are looked at, taken out, mended and gated again.

use std::fs;

use crate::gate::read;
use crate::support::Place;

const RULES: &str = "dataset: t
schema: { evolution: any, columns: { id: { type: int64 } } }
rules:
  - missing: { column: name }
  - range: { column: v, max: 10 }
gate: { publish: out, quarantine: aside }
";

fn place() -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", "id,name,v\n1,a,1\n2,,2\nx,c,3\n4,,40\n5,\"e\ne\",5\n");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "monday"]).code, 0);
    place.write("e.csv", "id,name,v\n7,a,1\n8,b,80\n");
    assert_eq!(place.run(&["gate", "e.csv", "-r", "r.yaml", "--batch-id", "tuesday"]).code, 0);
    place
}

#[test]
fn batches_are_listed_and_rows_shown_with_their_reasons() {
    let place = place();
    let list = place.run(&["quarantine", "list", "aside"]);
    assert_eq!(list.code, 0, "{}", list.stderr);
    insta::assert_snapshot!("quarantine_list", list.stdout);
    insta::assert_snapshot!("quarantine_show", place.run(&["quarantine", "show", "aside", "monday", "--limit", "2"]).stdout);
    let of_rule = place.run(&["quarantine", "show", "aside", "monday", "--rule", "malformed"]);
    insta::assert_snapshot!("quarantine_show_rule", of_rule.stdout);
}

#[test]
fn rows_are_taken_out_but_for_records_that_were_never_read() {
    let place = place();
    for name in ["a.csv", "a.ndjson", "a.parquet"] {
        let export = place.run(&["quarantine", "export", "aside", "--to", name]);
        let said = format!(
            "{name}: 3 rows\n1 malformed record is not in {name}, since it was never read; `--malformed-to FILE` writes the text\n"
        );
        assert_eq!((export.code, export.stdout), (0, said), "{}", export.stderr);
    }
    assert_eq!(read(&place.path("a.parquet")).num_rows(), 3);
    let json = fs::read_to_string(place.path("a.ndjson")).expect("NDJSON");
    assert!(json.contains(r#""_sluicegate_rules":["missing-name","range-v"]"#), "{json}");
    let csv = fs::read_to_string(place.path("a.csv")).expect("CSV");
    assert!(csv.lines().all(|line| !line.starts_with(",,")), "{csv}");
    let malformed = place.run(&["quarantine", "export", "aside", "--to", "b.csv", "--malformed-to", "m.ndjson"]);
    assert_eq!(malformed.stdout, "b.csv: 3 rows\nm.ndjson: 1 malformed record\n", "{}", malformed.stderr);
    let json = fs::read_to_string(place.path("m.ndjson")).expect("NDJSON");
    assert!(json.contains(r#""_sluicegate_raw":"x,c,3""#) && json.contains(r#""_sluicegate_line":4"#), "{json}");
    let one = place.run(&["quarantine", "export", "aside", "tuesday", "--rule", "range-v", "--only-values", "--to", "one.csv"]);
    assert_eq!(one.stdout, "one.csv: 1 row\n", "{}", one.stderr);
    let taken = fs::read_to_string(place.path("one.csv")).expect("CSV");
    assert_eq!(taken.lines().next(), Some("id,name,v,_sluicegate_part,_sluicegate_file,_sluicegate_row"));
    let both = place.run(&["quarantine", "export", "aside", "--to", "one.csv", "--malformed-to", "one.csv"]);
    assert!(both.code == 2 && both.stderr.contains("one file cannot hold both"), "{}", both.stderr);
}

#[test]
fn a_damaged_part_is_named_and_a_file_of_others_is_left_alone() {
    let place = place();
    // Readable, and not ours.
    let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(vec![arrow::datatypes::Field::new(
        "id",
        arrow::datatypes::DataType::Int64,
        true,
    )]));
    let file = fs::File::create(place.path("aside/other.parquet")).expect("a file");
    parquet::arrow::ArrowWriter::try_new(file, schema, None).expect("a writer").close().expect("a footer");
    let list = place.run(&["quarantine", "list", "aside"]);
    assert!(list.stdout.ends_with("aside/other.parquet: Sluicegate did not write this file; it is left alone\n"), "{}", list.stdout);
    let part = place.part("aside", "monday");
    let whole = fs::read(&part).expect("a part");
    let published = fs::read(place.path("out").join("_delta_log/00000000000000000000.json")).expect("a log");
    for damaged in [&whole[..whole.len() / 2], &b"not Parquet"[..], &b""[..]] {
        fs::write(&part, damaged).expect("write");
        for arguments in [
            &["quarantine", "list", "aside"][..],
            &["quarantine", "show", "aside", "monday"],
            &["quarantine", "export", "aside", "--to", "x.csv"],
            &["replay", "-r", "r.yaml"],
            &["replay", "-r", "r.yaml", "monday"],
        ] {
            let run = place.run(arguments);
            let name = part.file_name().expect("a name").to_string_lossy().into_owned();
            assert!(
                run.code == 2 && run.stderr.contains(&format!("{name}: the file is damaged")),
                "{arguments:?}: {}{}",
                run.stdout,
                run.stderr
            );
        }
    }
    assert_eq!(published, fs::read(place.path("out").join("_delta_log/00000000000000000000.json")).expect("a log"));
    // The gate has the rows, and writes the part again.
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "monday"]).code, 0);
    assert_eq!(read(&part), read_bytes(whole));
}

fn read_bytes(bytes: Vec<u8>) -> arrow::array::RecordBatch {
    crate::gate::of_bytes(bytes.into())
}

#[test]
fn what_is_not_there_is_said() {
    let place = place();
    let said = |arguments: &[&str]| {
        let run = place.run(&[&["quarantine"], arguments].concat());
        assert_eq!(run.code, 2);
        run.stderr
    };
    assert!(said(&["list", "nowhere"]).contains("no gate has set rows aside there"));
    assert!(said(&["show", "aside", "mondey"]).contains("did you mean `monday`?"));
    assert!(said(&["show", "aside", "monday", "--rule", "range-w"]).contains("rules with rows there"));
    assert!(said(&["export", "aside", "--to", "a.xlsx"]).contains("unknown format `xlsx`"));
    assert!(!place.path("a.xlsx").exists());
    let empty = Place::new();
    fs::create_dir(empty.path("aside")).expect("a directory");
    assert_eq!(empty.run(&["quarantine", "list", "aside"]).stdout, "aside: no rows are set aside\n");
}
