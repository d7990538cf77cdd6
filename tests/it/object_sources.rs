//! Objects of a store as data: what is named, what is fetched, what is said. The store is that of `s3`.

mod clouds;
mod counting;
mod said;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroOcfFormat;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value as Json;

use crate::s3::{Store, store};
use crate::support::{Place, Run};

/// Runs the binary with further variables, and without the clock and the reports of `support`: `check` writes `r.json`.
fn run_with(place: &Place, arguments: &[&str], variables: &[(&str, String)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(place.path("")).args(arguments).env_remove("AWS_PROFILE").env("HOME", place.path(""));
    command.envs(crate::s3::variables()).envs(variables.iter().map(|(name, value)| (name, value)));
    if arguments.first() == Some(&"check") {
        command.args(["--report", "r.json", "--now", "2026-11-22T00:00:00Z"]);
    }
    let output = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let report = std::fs::read(place.path("r.json")).ok().map(|bytes| serde_json::from_slice(&bytes).expect("JSON"));
    Run { code: output.status.code().expect("an end"), stdout: text(output.stdout), stderr: text(output.stderr), report }
}

/// A Parquet file of `columns` columns of digits that repeat nothing, in groups of `group` rows.
fn parquet(rows: i64, columns: usize, group: usize) -> Vec<u8> {
    let mut x = 1u64;
    let mut noise = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (x >> 11) as f64
    };
    let mut all: Vec<(String, ArrayRef)> = vec![("id".into(), Arc::new(Int64Array::from_iter_values(0..rows)))];
    for i in 1..columns {
        all.push((format!("c{i:02}"), Arc::new(Float64Array::from_iter_values((0..rows).map(|_| noise())))));
    }
    let batch = RecordBatch::try_from_iter(all).expect("a batch");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).set_dictionary_enabled(false).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    bytes
}

/// The same files below `data` here and under a prefix of the bucket.
fn both(store: &Store, place: &Place, files: &[(&str, Vec<u8>)]) -> String {
    let prefix = place.name();
    for (name, bytes) in files {
        place.write(&format!("data/{name}"), bytes);
        store.put_bytes(&format!("{prefix}/data/{name}"), Bytes::from(bytes.clone()));
    }
    format!("s3://lake/{prefix}/")
}

/// Checks `data` here and there: the same report, but for the names.
fn same(place: &Place, there: &str, data: &str, more: &[&str]) -> Json {
    let check = |data: &str| {
        let run = run_with(place, &[&["check", data, "-r", "r.yaml"], more].concat(), &[]);
        let text = run.report.as_ref().map_or_else(|| panic!("{data}: {}", run.stderr), Json::to_string);
        // Where lines of the terminal are broken follows from how long names are.
        let said = run.stderr.replace(there, "");
        (run.code, text.replace(there, ""), said)
    };
    let (local, remote) = (check(data), check(&format!("{there}{data}")));
    assert_eq!(local, remote, "{data}");
    serde_json::from_str(&local.1).expect("JSON")
}

const RULES: &str = "dataset: t
rules:
  - missing: { column: v }
  - duplicates: { key: [id] }
  - outliers: { column: id }
";

#[test]
fn objects_are_judged_as_files_are() {
    let Some(store) = store() else { return };
    let place = Place::new();
    place.write("r.yaml", RULES);
    let csv =
        |from: u32| (from..from + 50).fold("id,v\n".to_owned(), |text, i| text + &format!("{i},{}\n", if i % 9 == 0 { "" } else { "x" }));
    let ndjson = |from: u32| (from..from + 50).fold(String::new(), |text, i| text + &format!("{{\"id\":{i},\"v\":\"é\"}}\n"));
    let ids = |from: i64| Arc::new(Int64Array::from_iter_values(from..from + 300)) as ArrayRef;
    let texts = || Arc::new(StringArray::from_iter((0..300).map(|i| (i % 7 != 0).then_some("x")))) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("id", ids(0)), ("v", texts())]).expect("a batch");
    let mut arrow = Vec::new();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(&mut arrow, &batch.schema()).expect("a writer");
    writer.write(&batch).and_then(|()| writer.finish()).expect("written");
    drop(writer);
    let mut columns = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut columns, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let zstd = zstd::encode_all(csv(500).as_bytes(), 3).expect("compressed");
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("one.csv", csv(0).into()),
        ("keys/day=2026-01-02/b.csv", csv(40).into()),
        ("keys/day=2026-01-01/a.csv", csv(0).into()),
        ("keys/day=2026-01-01/_SUCCESS", Vec::new()),
        ("keys/_tmp/c.csv", csv(0).into()),
        ("keys/.hidden.csv", csv(0).into()),
        ("many/B.csv.zst", zstd),
        ("many/a.csv", csv(0).into()),
        ("many/deep/a.csv", csv(900).into()),
        ("lines.ndjson", ndjson(0).into()),
        ("doc.json", b"[{\"id\":1,\"v\":\"x\"},{\"id\":1,\"v\":null}]".to_vec()),
        ("file.arrow", arrow),
        ("file.parquet", columns),
    ];
    let there = both(store, &place, &files);
    for (data, rows) in [
        ("data/one.csv", 50),
        ("data/keys", 100),
        ("data/keys/", 100),
        ("data/many/*.csv*", 100),
        ("data/**/a.csv", 150),
        ("data/keys/*/[ab].csv", 100),
        ("data/lines.ndjson", 50),
        ("data/doc.json", 2),
        ("data/file.arrow", 300),
        ("data/file.parquet", 300),
    ] {
        let report = same(&place, &there, data, &[]);
        assert_eq!(report["rows"]["read"], rows, "{data}");
    }
    let keys = same(&place, &there, "data/keys", &[]);
    assert!(keys["columns"].as_array().expect("columns").iter().any(|column| column["name"] == "day"), "{}", keys["columns"]);
    let files = keys["batch"]["files"].as_array().or(keys["files"].as_array()).expect("files");
    assert_eq!(files[0]["path"], "data/keys/day=2026-01-01/a.csv");
}

#[test]
fn a_directory_of_more_objects_than_a_page_of_a_listing_holds_is_read_whole() {
    let Some(store) = store() else { return };
    let place = Place::with("dataset: t\nrules: [{ rows: { min: 1 } }]\n", "");
    let prefix = place.name();
    for i in 0..1_100 {
        store.put_bytes(&format!("{prefix}/many/{i:04}.csv"), Bytes::from(format!("id\n{i}\n")));
    }
    let run = run_with(&place, &["check", &format!("s3://lake/{prefix}/many/"), "-r", "r.yaml"], &[]);
    assert_eq!((run.code, run.rows("read")), (0, 1_100), "{}", run.stderr);
    let files = run.report()["batch"]["files"].as_array().expect("files");
    let names: Vec<&str> = files.iter().filter_map(|file| file["path"].as_str()).collect();
    assert!(names.is_sorted() && names.len() == 1_100 && names[0] == format!("s3://lake/{prefix}/many/0000.csv"), "{:?}", &names[..3]);
}

#[test]
fn two_of_many_columns_cost_their_own_bytes() {
    let Some(store) = store() else { return };
    let place = Place::with("dataset: t\nprofile: none\nrules: [{ range: { column: c07, min: 0 } }, { missing: { column: c21 } }]\n", "");
    let (bytes, prefix) = (parquet(60_000, 40, 20_000), place.name());
    let size = bytes.len() as u64;
    store.put_bytes(&format!("{prefix}/wide.parquet"), Bytes::from(bytes));
    let proxy = counting::Proxy::before(store);
    let name = format!("s3://lake/{prefix}/wide.parquet");
    let run = run_with(&place, &["check", &name, "-r", "r.yaml", "--no-statistics"], &proxy.variables());
    assert_eq!((run.code, run.rows("read")), (0, 60_000), "{}", run.stderr);
    let seen = proxy.seen();
    // One request for the object's size, one for its head, one for its footer, and one a column chunk of each group.
    let gets = seen.iter().filter(|request| request.method == "GET").count();
    let sent: u64 = seen.iter().filter(|request| request.method == "GET").map(|request| request.sent).sum();
    assert!(gets <= 2 + 2 * 3 && seen.len() == gets + 1, "{gets} requests: {seen:?}");
    assert!(sent < size / 15, "{sent} of {size} bytes");
    assert!(seen.iter().all(|request| request.method == "HEAD" || request.range.is_some()), "{seen:?}");
}

#[test]
fn text_is_fetched_by_blocks_and_each_once() {
    let Some(store) = store() else { return };
    let place = Place::with("dataset: t\nrules: [{ missing: { column: v } }]\n", "");
    let text: String = (0..700_000).fold("id,v\n".to_owned(), |text, i| text + &format!("{i},{:0>50}\n", i * 7));
    let (size, prefix) = (text.len() as u64, place.name());
    assert!(size > 40_000_000, "{size}");
    place.write("data/d.csv", &text);
    store.put_bytes(&format!("{prefix}/data/d.csv"), Bytes::from(text));
    let there = format!("s3://lake/{prefix}/");
    assert_eq!(same(&place, &there, "data/d.csv", &[])["rows"]["read"], 700_000);
    let proxy = counting::Proxy::before(store);
    let run = run_with(&place, &["check", &format!("{there}data/d.csv"), "-r", "r.yaml"], &proxy.variables());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let seen = proxy.seen();
    let sent: u64 = seen.iter().filter(|request| request.method == "GET").map(|request| request.sent).sum();
    assert!(sent < size + size / 50 && seen.len() < 12, "{sent} of {size} bytes: {seen:?}");
}

#[test]
fn many_small_blocks_of_avro_cost_few_requests() {
    let Some(store) = store() else { return };
    let place = Place::with("dataset: t\nrules: [{ missing: { column: v } }]\n", "");
    let texts = |from: usize| Arc::new(StringArray::from_iter_values((from..from + 500).map(|i| format!("{:0>60}", i * 7)))) as ArrayRef;
    let batch = |from: usize| RecordBatch::try_from_iter([("v", texts(from))]).expect("a batch");
    let writer = WriterBuilder::new(batch(0).schema().as_ref().clone());
    let mut writer = writer.build::<_, AvroOcfFormat>(Vec::new()).expect("a writer");
    for i in 0..800 {
        writer.write(&batch(i * 500)).expect("written");
    }
    writer.finish().expect("a file");
    let (bytes, prefix) = (writer.into_inner(), place.name());
    let size = bytes.len() as u64;
    assert!(size > 24_000_000, "{size}");
    store.put_bytes(&format!("{prefix}/d.avro"), Bytes::from(bytes));
    let proxy = counting::Proxy::before(store);
    let run = run_with(&place, &["check", &format!("s3://lake/{prefix}/d.avro"), "-r", "r.yaml"], &proxy.variables());
    assert_eq!((run.code, run.rows("read")), (0, 400_000), "{}", run.stderr);
    let seen = proxy.seen();
    let sent: u64 = seen.iter().filter(|request| request.method == "GET").map(|request| request.sent).sum();
    // 800 blocks: once to find them, once to read them.
    assert!(seen.len() < 20 && sent < 2 * size + (4 << 20), "{} requests, {sent} of {size} bytes: {seen:?}", seen.len());
}

#[test]
fn a_batch_goes_from_bucket_to_bucket() {
    let Some(store) = store() else { return };
    let place = Place::with("dataset: t\nrules: [{ missing: { column: v } }]\n", "");
    let there = both(store, &place, &[("in/a.csv", b"id,v\n1,x\n2,\n".to_vec()), ("in/b.csv", b"id,v\n3,y\n".to_vec())]);
    let data = format!("{there}data/in/*.csv");
    let gate = |data: &str, table: &str| run_with(&place, &["gate", data, "-r", "r.yaml", "--publish", table, "--report", "r.json"], &[]);
    let run = gate(&data, &format!("{there}table"));
    assert_eq!((run.code, run.rows("published"), run.rows("quarantined")), (0, 2, 1), "{}", run.stderr);
    assert_eq!(gate(&data, &format!("{there}table")).report()["publication"]["state"], "unchanged");
    let rows: BTreeMap<usize, usize> =
        store.delta_files(&format!("{}/table", place.name())).into_iter().map(|file| (crate::gate::of_bytes(file).num_rows(), 1)).collect();
    assert_eq!(rows.into_keys().collect::<Vec<_>>(), [2]);
    let id = run.report()["batch"]["id"].as_str().expect("an id").to_owned();
    let shown = run_with(&place, &["quarantine", "show", &format!("{there}table_quarantine"), &id], &[]);
    assert!(shown.stdout.contains(&format!("{there}data/in/a.csv")), "{}{}", shown.stdout, shown.stderr);
    // The same rows are the same batch, wherever they lie.
    let local = gate("data/in/*.csv", &format!("{there}table"));
    assert_eq!(local.report()["publication"]["state"], "unchanged", "{}", local.stderr);
}
