//! The gate publishes whole batches once, and keeps what it sets aside.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::Place;

/// Everything in a Parquet file.
pub fn read(path: &Path) -> RecordBatch {
    of_bytes(std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into())
}

/// The rows of a Parquet file.
pub fn of_bytes(file: bytes::Bytes) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().expect("reader").collect::<Result<_, _>>().expect("batches");
    concat_batches(&schema, &batches).expect("one batch")
}

const RULES: &str = "dataset: t
schema: { evolution: any, columns: { id: { type: int64 }, v: { type: float64 } } }
rules:
  - missing: { column: name }
  - duplicates: { key: [id] }
  - range: { column: v, max: 10, tolerate: 1 row }
gate: { publish: out, format: parquet, quarantine: aside }
";

/// Eight rows: one malformed, one without a name, one duplicate of a sound row, two above 10.
const DATA: &str = "id,name,v\n1,a,1\n2,,2\n3,c,3\n3,d,30\nx,e,5\n5,f,50\n6,g,6\n7,\"h\nh\",7\n";

fn place() -> Place {
    Place::with(RULES, DATA)
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column_by_name("id").expect("id").as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn rows_go_where_the_findings_say_and_none_is_lost() {
    let place = place();
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b1"]);
    assert_eq!((run.code, run.verdict()), (0, "quarantine"), "{}", run.stderr);
    let published = read(&place.path("out/b1.parquet"));
    assert_eq!(ids(&published), [1, 3, 6, 7]);
    let aside = read(&place.part("aside", "b1"));
    assert_eq!(published.num_rows() + aside.num_rows(), 8);
    let rules = aside.column_by_name("_sluicegate_rules").expect("rules").as_list::<i32>();
    let named: Vec<Vec<String>> =
        (0..aside.num_rows()).map(|i| rules.value(i).as_string::<i32>().iter().flatten().map(str::to_owned).collect()).collect();
    assert_eq!(named, [vec!["missing-name"], vec!["duplicates-id", "range-v"], vec!["malformed"], vec!["range-v"]]);
    let lines = aside.column_by_name("_sluicegate_line").expect("line").as_primitive::<Int64Type>();
    assert_eq!(lines.values(), &[3, 5, 6, 7]);
    let raw = aside.column_by_name("_sluicegate_raw").expect("raw").as_binary::<i32>();
    assert_eq!((raw.value(2), raw.null_count()), (&b"x,e,5"[..], 3));
    let reasons = aside.column_by_name("_sluicegate_reason").expect("reason").as_string::<i32>();
    assert_eq!(reasons.value(2), "id: `x` is not an int64");
    let names = aside.column_by_name("name").expect("name").as_string::<i32>();
    assert!(names.is_null(0) && names.is_null(2));
    assert_eq!(names.value(1), "d");
}

#[test]
fn the_same_batch_again_changes_nothing() {
    let place = place();
    let first = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    let id = first.report()["batch"]["id"].as_str().expect("an id").to_owned();
    let part = place.path(&format!("out/{id}.parquet"));
    let before = (std::fs::read(&part).expect("part"), std::fs::metadata(&part).expect("part").modified().expect("time"));
    let again = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert_eq!(again.code, 0);
    assert_eq!(again.report()["publication"]["state"], "unchanged");
    assert_eq!(again.report()["findings"], first.report()["findings"]);
    let after = (std::fs::read(&part).expect("part"), std::fs::metadata(&part).expect("part").modified().expect("time"));
    assert!(before == after);
    // Data, rules, part and quarantine, and the summary of what is published.
    assert_eq!(place.files().len(), 5, "{:?}", place.files());
}

#[test]
fn an_id_seen_with_other_content_or_rules_is_refused_unless_superseded() {
    let place = place();
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]).code, 0);
    let before = std::fs::read(place.path("out/b.parquet")).expect("part");
    place.write("e.csv", "id,name,v\n9,z,1\n");
    let refused = place.run(&["gate", "e.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("already published with other content"), "{}", refused.stderr);
    place.write("s.yaml", RULES.replace("max: 10", "max: 100"));
    let refused = place.run(&["gate", "d.csv", "-r", "s.yaml", "--batch-id", "b"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("already published under other rules"), "{}", refused.stderr);
    assert!(before == std::fs::read(place.path("out/b.parquet")).expect("part"));
    let superseded = place.run(&["gate", "e.csv", "-r", "r.yaml", "--batch-id", "b", "--supersede"]);
    assert_eq!((superseded.code, &superseded.report()["publication"]["state"]), (0, &"superseded".into()));
    assert_eq!(ids(&read(&place.path("out/b.parquet"))), [9]);
    // Nothing of the new batch was set aside, so nothing of the old one stays behind.
    assert!(place.parts("aside", "b").is_empty());
    assert!(place.files().iter().all(|f| !f.contains(".staged")), "{:?}", place.files());
}

#[test]
fn a_rejected_batch_a_dry_run_and_a_check_write_nothing() {
    let place = place();
    place.write("reject.yaml", RULES.replace("{ column: name }", "{ column: name, on_fail: reject }"));
    let before = place.files();
    let rejected = place.run(&["gate", "d.csv", "-r", "reject.yaml"]);
    assert_eq!((rejected.code, rejected.verdict()), (1, "reject"));
    assert_eq!((rejected.rows("rejected"), rejected.rows("published")), (8, 0));
    assert_eq!(rejected.report()["publication"]["state"], "withheld");
    let dry = place.run(&["gate", "d.csv", "-r", "r.yaml", "--dry-run"]);
    assert_eq!((dry.code, &dry.report()["mode"]), (0, &"dry_run".into()));
    let check = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    assert_eq!(check.code, 1);
    assert_eq!(before, place.files());
    let gate = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    for same in ["verdict", "rows", "findings", "columns", "schema_changes", "batch"] {
        assert_eq!(check.report()[same], gate.report()[same], "check and gate agree on {same}");
        assert_eq!(check.report()[same], dry.report()[same], "check and a dry run agree on {same}");
    }
}

#[test]
fn one_file_holds_the_latest_batch_and_strangers_are_left_alone() {
    let place = place();
    let publish = ["--publish", "latest.parquet"];
    let first = place.run(&[&["gate", "d.csv", "-r", "r.yaml"], &publish[..]].concat());
    assert_eq!(first.code, 0, "{}", first.stderr);
    place.write("e.csv", "id,name,v\n9,z,1\n");
    assert_eq!(place.run(&[&["gate", "e.csv", "-r", "r.yaml"], &publish[..]].concat()).code, 0);
    assert_eq!(ids(&read(&place.path("latest.parquet"))), [9]);
    place.write("latest.parquet", "not ours");
    let refused = place.run(&[&["gate", "d.csv", "-r", "r.yaml"], &publish[..]].concat());
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("did not write"), "{}", refused.stderr);
    assert_eq!(std::fs::read(place.path("latest.parquet")).expect("file"), b"not ours");
}

#[test]
fn row_groups_that_lose_nothing_are_copied_and_the_rest_filtered() {
    // Parquet in, several row groups, a duplicate across two of them.
    let place = place();
    let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(vec![arrow::datatypes::Field::new(
        "id",
        arrow::datatypes::DataType::Int64,
        true,
    )]));
    let file = File::create(place.path("d.parquet")).expect("file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, schema.clone(), None).expect("writer");
    for group in [vec![1, 2, 3], vec![4, 2, 5], vec![6, 7]] {
        let array = arrow::array::Int64Array::from(group);
        writer.write(&RecordBatch::try_new(schema.clone(), vec![std::sync::Arc::new(array)]).expect("batch")).expect("write");
        writer.flush().expect("flush");
    }
    writer.close().expect("close");
    place.write("p.yaml", "dataset: t\nrules:\n  - duplicates: { key: [id] }\ngate: { publish: out, format: parquet }\n");
    let run = place.run(&["gate", "d.parquet", "-r", "p.yaml", "--batch-id", "b"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(ids(&read(&place.path("out/b.parquet"))), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(ids(&read(&place.part("out_quarantine", "b"))), [2]);
    assert_eq!(run.finding("duplicates-id")["samples"][0]["origin"]["row"], 5);
}

#[test]
fn check_and_gate_see_the_same_malformed_records_whatever_the_rules_read() {
    let place = Place::new();
    place.write("d.csv", "id,age,v\n1,30,1\n2,old,1000\n3,31,2\n4,32,3\n5,33,4\n6,34,5\n");
    let rules = "dataset: t\nschema: { columns: { id: { type: int64 }, age: { type: int32 }, v: { type: float64 } } }\nprofile: none\n\
                 rules: [{ outliers: { column: v, k: 3, on_fail: quarantine, over: all } }]\ngate: { publish: out, format: parquet }\n";
    place.write("r.yaml", rules);
    let check = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    assert_eq!((check.code, check.rows("malformed")), (1, 1), "{}", check.stdout);
    // The malformed record's value takes no part in the second look at `v` either.
    assert_eq!(check.finding("outliers-v")["failing_rows"], 0);
    assert_eq!(check.finding("outliers-v")["figures"]["q3"], 4.0);
    let gate = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert_eq!((gate.code, gate.verdict(), gate.rows("published")), (0, "quarantine", 5));
    assert_eq!(check.report()["findings"], gate.report()["findings"]);
}

#[test]
fn data_sets_do_not_overwrite_each_other() {
    let place = place();
    place.write("other.yaml", RULES.replace("dataset: t", "dataset: u").replace("publish: out", "publish: elsewhere"));
    // In one quarantine, under one id.
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]).code, 0);
    let before = place.part("aside", "b");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "other.yaml", "--batch-id", "b"]).code, 0);
    let after = place.parts("aside", "b");
    assert!(after.len() == 2 && after.contains(&before), "{after:?}");
    let gate = |rules: &str, aside: &str, id: &str| {
        place.run(&["gate", "d.csv", "-r", rules, "--batch-id", id, "--publish", "one.parquet", "--quarantine", aside])
    };
    assert_eq!(gate("r.yaml", "q1", "b1").code, 0);
    let refused = gate("other.yaml", "q2", "b2");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("a batch of the data set `t` is there"), "{}", refused.stderr);
}

#[test]
fn a_quarantine_part_that_went_missing_is_written_again() {
    let place = place();
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]).code, 0);
    let part = place.part("aside", "b");
    let before = read(&part);
    std::fs::remove_file(&part).expect("remove");
    let again = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!((again.code, &again.report()["publication"]["state"]), (0, &"unchanged".into()));
    assert_eq!(before, read(&part));
}

#[test]
fn a_gate_killed_at_any_time_leaves_no_part_of_a_batch_and_can_be_run_again() {
    let place = Place::new();
    let rows: String = (0..40_000).map(|i| format!("{i},name {i},{}\n", i % 11)).collect();
    place.write("d.csv", format!("id,name,v\n{rows}"));
    // One row in eleven is above 9.
    place.write("r.yaml", RULES.replace("max: 10, tolerate: 1 row", "max: 9"));
    let (mut killed, mut seed) = (0, 20_261_122u64);
    for attempt in 0..12 {
        let id = format!("b{attempt}");
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let delay = std::time::Duration::from_millis(5 + (seed >> 33) % 600);
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_sluicegate"))
            .current_dir(place.path(""))
            .args(["gate", "d.csv", "-r", "r.yaml", "-q", "--batch-id", &id])
            .spawn()
            .expect("the binary starts");
        std::thread::sleep(delay);
        let _ = child.kill();
        killed += u32::from(!child.wait().expect("it ends").success());
        let part = place.path(&format!("out/{id}.parquet"));
        if part.exists() {
            assert_eq!(read(&part).num_rows(), 40_000 - 3636, "killed after {delay:?}: the batch is there whole");
        }
        let again = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", &id]);
        assert_eq!((again.code, again.rows("published")), (0, 40_000 - 3636), "killed after {delay:?}: {}", again.stderr);
        assert_eq!(read(&part).num_rows(), 40_000 - 3636);
        assert_eq!(read(&place.part("aside", &id)).num_rows(), 3636);
    }
    assert!(killed > 0, "no run was slow enough to be killed");
}

#[test]
fn parquet_files_may_differ_in_nullability_and_days_stay_days() {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date64Array, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema};

    let place = place();
    let write = |name: &str, ids: Vec<Option<i64>>, nullable: bool| {
        let fields = vec![Field::new("id", DataType::Int64, nullable), Field::new("day", DataType::Date64, true)];
        let schema = Arc::new(Schema::new(fields));
        let days: ArrayRef = Arc::new(Date64Array::from(vec![86_400_000; ids.len()]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(ids)), days]).expect("batch");
        let file = File::create(place.path(name)).expect("file");
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, schema, None).expect("writer");
        writer.write(&batch).expect("write");
        writer.close().expect("close");
    };
    write("a.parquet", vec![Some(1), Some(2)], false);
    write("b.parquet", vec![Some(3), None, Some(3)], true);
    place.write("p.yaml", "dataset: t\nrules:\n  - duplicates: { key: [id] }\ngate: { publish: out, format: parquet }\n");
    let run = place.run(&["gate", "a.parquet", "b.parquet", "-r", "p.yaml", "--batch-id", "b"]);
    assert_eq!((run.code, run.rows("published"), run.rows("quarantined")), (0, 4, 1), "{}", run.stderr);
    let file = File::open(place.path("out/b.parquet")).expect("file");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let day = builder.parquet_schema().column(1);
    assert_eq!(day.logical_type_ref().map(|t| format!("{t:?}")), Some("Date".to_owned()));
}
