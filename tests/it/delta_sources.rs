//! Delta tables as sources: what counts is what the log says, row by row.

mod table;

use std::process::Command;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Float32Array, Int32Array, Int64Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};
use serde_json::{Value as Json, json};

use self::table::{RULES, Table, field, removed, without};
use crate::support::{Place, Run, project, skipped};

#[test]
fn a_table_is_read_as_its_log_says_and_as_it_said_before() {
    let mut table = Table::plain(&[]);
    let (a, b) = (table.ids("a.parquet", 0..10), table.ids("b.parquet", 10..17));
    table.commit(&[a.clone(), b]);
    table.commit(&[removed(&a)]);
    for (path, rows) in [("t", 7), ("t/", 7), ("delta://t", 7), ("t@v0", 0), ("t@v1", 17), ("delta://t@v1", 17), ("t@v2", 7)] {
        assert_eq!(table.rows(path), rows, "{path}");
    }
    let run = table.check("t@v1", RULES);
    assert_eq!((&run.report()["batch"]["format"], &run.report()["batch"]["version"]), (&json!("delta"), &json!(1)));
    assert!(table.fault("t@v3").contains("has no version 3; the last one is 2"), "{}", table.fault("t@v3"));
    let by_rules = |delta: &str| table.check("t", &format!("{RULES}source: {{ delta: {delta} }}\n"));
    assert_eq!(by_rules("{ version: 1 }").rows("read"), 17);
    // Times are those of the entries' files.
    let entry = |version: u64| std::fs::File::open(table.place.path(&format!("t/_delta_log/{version:020}.json"))).expect("an entry");
    for version in 0..3 {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + version * 86_400);
        entry(version).set_modified(at).expect("set");
    }
    assert_eq!(by_rules("{ as_of: 2023-11-16T00:00:00Z }").rows("read"), 17);
    assert_eq!(table.rows("t@2023-11-16T00:00:00Z"), 17);
    assert_eq!(table.rows("t@2030-01-01"), 7);
    assert!(table.fault("t@2020-01-01").contains("no version that was committed by 2020-01-01T00:00:00Z"));
    for wrong in ["{ version: 1, as_of: 2026-01-01 }", "{}", "{ as_of: yesterday }"] {
        assert_eq!(by_rules(wrong).code, 2, "{wrong}");
    }
    let plain = table.check("d.csv", &format!("{RULES}source: {{ delta: {{ version: 1 }} }}\n"));
    assert!(plain.stderr.contains("the data is no Delta table"), "{}", plain.stderr);
}

#[test]
fn deleted_rows_are_not_there_and_the_others_keep_their_numbers() {
    let mut table = Table::plain(&["deletionVectors"]);
    let (a, b) = (table.ids("a.parquet", 0..10), table.ids("b.parquet", 100..110));
    table.commit(&[a.clone(), b]);
    table.commit(&[removed(&a), without(&a, &[0, 4, 5, 9])]);
    let rules =
        "dataset: t\nprofile: full\nrules:\n  - range: { column: id, min: 1, max: 6 }\n  - missing: { column: name, on_fail: warn }\n";
    let run = table.check("t", rules);
    assert_eq!(run.rows("read"), 16, "{}", run.stderr);
    let rows = |finding: &str| -> Vec<String> {
        let samples = run.finding(finding)["samples"].as_array().expect("samples").clone();
        samples.iter().map(|s| format!("{} {}", s["origin"]["file"].as_str().expect("a file"), s["origin"]["row"])).collect()
    };
    let mut expected = vec!["t/a.parquet 8".to_owned(), "t/a.parquet 9".to_owned()];
    expected.extend((1..=8).map(|row| format!("t/b.parquet {row}")));
    assert_eq!(rows("range-id"), expected);
    // Ids 3 and 6 are left of the first file: rows 4 and 7.
    assert_eq!(rows("missing-name")[..2], ["t/a.parquet 4", "t/a.parquet 7"]);
    // What the footers say of the deleted rows proves nothing, and hides nothing.
    let proven = table.check("t", "dataset: t\nprofile: none\nrules:\n  - range: { column: id, min: 1, max: 109 }\n");
    assert_eq!((proven.code, proven.rows("read")), (0, 16), "{}", proven.stdout);
    let column = &table.check("t", RULES).report()["columns"][0].clone();
    assert_eq!((&column["min"], &column["max"]), (&json!(1), &json!(109)));
    // A list that is not what the log says of it.
    let mut lying = without(&a, &[0, 4]);
    lying["add"]["deletionVector"]["cardinality"] = json!(3);
    let beyond = without(&a, &[2, 10]);
    for (wrong, why) in [(lying, "promises 3 deleted rows of `a.parquet`, and their list holds 2"), (beyond, "that it does not have")] {
        table.version = 2;
        table.commit(&[removed(&a), wrong]);
        assert!(table.fault("t").contains(why), "{}", table.fault("t"));
    }
}

#[test]
fn partition_values_have_the_types_of_the_table() {
    let fields = json!([field("day", "date"), field("v", "long"), field("region", "string"), field("n", "integer")]);
    let mut table = Table::new(&fields, &["day", "region", "n"], &json!({}), &[]);
    let v = |values: &[i64]| vec![(Field::new("v", DataType::Int64, true), Arc::new(Int64Array::from(values.to_vec())) as ArrayRef)];
    let values = |day: Json, region: Json, n: Json| json!({ "day": day, "region": region, "n": n });
    let a = table.file("region=a%20b/a.parquet", &values("2026-01-02".into(), "a b".into(), "7".into()), v(&[1, 2]));
    let b = table.file("b.parquet", &values(Json::Null, "".into(), "-3".into()), v(&[3]));
    table.commit(&[a, b]);
    let rules = "dataset: t\nprofile: full\nrules:\n  - range: { column: day, min: 2026-01-03, nulls: pass }\n  - values: { column: region, in: [\"a b\"] }\n";
    let run = table.check("t", rules);
    let columns: Vec<(&str, &str, u64)> = run.report()["columns"].as_array().expect("columns").iter().map(told).collect();
    assert_eq!(columns, [("day", "date", 1), ("v", "int64", 0), ("region", "string", 1), ("n", "int32", 0)]);
    assert_eq!(run.finding("range-day")["failing_rows"], 2);
    assert_eq!(run.finding("values-region")["failing_rows"], 0);
    assert_eq!(run.finding("range-day")["samples"][0]["origin"], json!({ "file": "t/region=a%20b/a.parquet", "line": null, "row": 1 }));
    let wrong = table.file("c.parquet", &values("soon".into(), "c".into(), "1".into()), v(&[4]));
    table.commit(&[wrong]);
    assert!(table.fault("t").contains("gives the partition column `day` the value `soon`"));
}

fn told(column: &Json) -> (&str, &str, u64) {
    (column["name"].as_str().expect("a name"), column["type"].as_str().expect("a type"), column["missing"].as_u64().expect("a count"))
}

/// A field of a file that the table calls otherwise.
fn mapped(name: &str, data_type: impl Into<Json>, id: u64, physical: &str) -> Json {
    let metadata = json!({ "delta.columnMapping.id": id, "delta.columnMapping.physicalName": physical });
    json!({ "name": name, "type": data_type.into(), "nullable": true, "metadata": metadata })
}

#[test]
fn columns_are_found_by_what_files_call_them_or_by_their_numbers() {
    let inner = json!({ "type": "struct", "fields": [mapped("x", "long", 4, "c4"), mapped("y", "string", 5, "c5")] });
    // The table's `c1` is another column than the one that files call so.
    let fields = json!([
        mapped("id", "long", 1, "c1"),
        mapped("c1", "string", 2, "c2"),
        mapped("pos", inner, 3, "c3"),
        mapped("new", "date", 6, "c6")
    ]);
    let numbered = |name: &str, data_type: DataType, id: &str| {
        Field::new(name, data_type, true).with_metadata([("PARQUET:field_id".to_owned(), id.to_owned())].into())
    };
    let columns = |id: &dyn Fn(&str, DataType, &str) -> Field| {
        let (x, y) = (id("c4", DataType::Int64, "4"), id("c5", DataType::Utf8, "5"));
        let pairs: Vec<(Arc<Field>, ArrayRef)> =
            vec![(Arc::new(x), Arc::new(Int64Array::from(vec![7, 8]))), (Arc::new(y), Arc::new(StringArray::from(vec![Some("q"), None])))];
        let pos = StructArray::from(pairs);
        let (c2, c1) = (id("c2", DataType::Utf8, "2"), id("c1", DataType::Int64, "1"));
        vec![
            (c2, Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef),
            (c1, Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
            (id("c3", pos.data_type().clone(), "3"), Arc::new(pos) as ArrayRef),
        ]
    };
    for mode in ["name", "id"] {
        let mut table = Table::new(&fields, &[], &json!({ "delta.columnMapping.mode": mode }), &[]);
        let file = table.file("a.parquet", &json!({}), columns(&|n, t, id| numbered(n, t, id)));
        table.commit(&[file]);
        let rules = "dataset: t\nprofile: full\nrules:\n  - range: { column: id, min: 2 }\n  - values: { column: pos.y, in: [\"q\"], nulls: pass }\n";
        let run = table.check("t", rules);
        let columns: Vec<(&str, &str, u64)> = run.report()["columns"].as_array().expect("columns").iter().map(told).collect();
        assert_eq!(columns[..2], [("id", "int64", 0), ("c1", "string", 1)], "{mode}: {}", run.stderr);
        assert!(columns.contains(&("new", "date", 2)), "{mode}: {columns:?}");
        assert_eq!((&run.finding("range-id")["failing_rows"], &run.finding("values-pos.y")["failing_rows"]), (&json!(1), &json!(0)));
    }
    let mut table = Table::new(&fields, &[], &json!({ "delta.columnMapping.mode": "id" }), &[]);
    let file = table.file("a.parquet", &json!({}), columns(&|n, t, _| Field::new(n, t, true)));
    table.commit(&[file]);
    assert!(table.fault("t").contains("maps columns by number (`id`), and this file numbers none"));
}

#[test]
fn files_may_lack_columns_and_hold_narrower_types() {
    let fields = json!([field("a", "long"), field("f", "double"), field("t", "timestamp_ntz"), field("s", "string")]);
    let mut table = Table::new(&fields, &[], &json!({}), &["typeWidening", "timestampNtz"]);
    let old = vec![
        (Field::new("t", DataType::Date32, true), Arc::new(Date32Array::from(vec![20_454, 20_455])) as ArrayRef),
        (Field::new("a", DataType::Int32, true), Arc::new(Int32Array::from(vec![-5, 6])) as ArrayRef),
        (Field::new("f", DataType::Float32, true), Arc::new(Float32Array::from(vec![0.5, 1.5])) as ArrayRef),
    ];
    let new = vec![(Field::new("a", DataType::Int64, true), Arc::new(Int64Array::from(vec![1 << 40])) as ArrayRef)];
    let files = [table.file("a.parquet", &json!({}), old), table.file("b.parquet", &json!({}), new)];
    table.commit(&files);
    let run = table.check("t", RULES);
    let columns = run.report()["columns"].clone();
    let told: Vec<(&str, &str, u64)> = columns.as_array().expect("columns").iter().map(told).collect();
    assert_eq!(told, [("a", "int64", 0), ("f", "float64", 1), ("t", "timestamp(us)", 1), ("s", "string", 3)], "{}", run.stderr);
    assert_eq!((&columns[0]["min"], &columns[0]["max"], &columns[1]["max"]), (&json!(-5), &json!(1u64 << 40), &json!(1.5)));
    // 20,454 days after 1970 is the first of 2026.
    assert_eq!(columns[2]["min"], "2026-01-01T00:00:00");
    let text = vec![(Field::new("a", DataType::Utf8, true), Arc::new(StringArray::from(vec!["7"])) as ArrayRef)];
    let file = table.file("c.parquet", &json!({}), text);
    table.commit(&[file]);
    assert!(table.fault("t").contains("t/c.parquet: damaged: `a` is a string in it, and a int64 in the table"), "{}", table.fault("t"));
}

#[test]
fn what_a_log_must_not_say_is_a_fault_that_names_it() {
    let mut table = Table::plain(&[]);
    let a = table.ids("a.parquet", 0..10);
    table.commit(std::slice::from_ref(&a));
    let with = |change: &dyn Fn(&mut Json)| {
        let mut action = a.clone();
        change(&mut action["add"]);
        action
    };
    let secret = table.place.path("d.csv").display().to_string();
    let elsewhere = ["../d.csv", "%2e%2e/d.csv", "x/..%2f..%2fd.csv", &secret, &format!("file://{secret}"), "s3://other/x.parquet"];
    for path in elsewhere {
        table.version = 2;
        table.commit(&[with(&|add| add["path"] = path.into())]);
        assert!(table.fault("t").contains("names a file outside of it"), "{path}: {}", table.fault("t"));
    }
    let vector = json!({ "storageType": "p", "pathOrInlineDv": "file:///etc/passwd", "offset": 1, "sizeInBytes": 34, "cardinality": 1 });
    let unknown = json!({ "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["teleport"], "writerFeatures": ["teleport"] });
    let cases = [
        (with(&|add| add["path"] = "gone.parquet".into()), "t/gone.parquet: this file of the Delta table is gone"),
        (with(&|add| add["size"] = 17.into()), "the log of the Delta table gives it 17 bytes"),
        (with(&|add| add["deletionVector"] = vector.clone()), "names a file outside of it"),
        (json!({ "protocol": unknown }), "teleport"),
        (json!({ "protocol": { "minReaderVersion": 9, "minWriterVersion": 9 } }), "9"),
    ];
    for (action, why) in cases {
        table.version = 2;
        table.commit(&[action]);
        assert!(table.fault("t").contains(why), "{why}: {}", table.fault("t"));
    }
    let entry = |version: u64| format!("t/_delta_log/{version:020}.json");
    for (text, why) in [("", "is empty"), ("{\"add\":{\"pa", "is damaged in line 1")] {
        table.place.write(&entry(2), text);
        assert!(table.fault("t").contains(why), "{}", table.fault("t"));
        assert_eq!(table.rows("t@v1"), 10, "what came before is whole");
    }
    std::fs::rename(table.place.path(&entry(2)), table.place.path(&entry(3))).expect("renamed");
    assert!(table.fault("t").contains(&format!("{}: this entry of the Delta table's log is missing", entry(2))), "{}", table.fault("t"));
    table.place.write("t/_delta_log/00000000000000000003.checkpoint.parquet", "PAR1 no checkpoint PAR1");
    assert!(table.fault("t").contains("cannot read the Delta table"), "{}", table.fault("t"));
}

#[test]
fn a_table_among_other_data_is_refused_and_so_is_one_of_iceberg() {
    let mut table = Table::plain(&[]);
    let a = table.ids("a.parquet", 0..10);
    table.commit(&[a]);
    table.place.write("lake/more.parquet", "");
    std::fs::rename(table.place.path("t"), table.place.path("lake/t")).expect("moved");
    assert!(table.fault("lake").contains("lake/t: this is a Delta table, among other data"), "{}", table.fault("lake"));
    std::fs::create_dir(table.place.path("lake/t/day=1")).expect("a directory");
    std::fs::copy(table.place.path("lake/t/a.parquet"), table.place.path("lake/t/day=1/a.parquet")).expect("copied");
    assert!(table.fault("lake/t/day=1").contains("is part of a Delta table"), "{}", table.fault("lake/t/day=1"));
    let run = table.place.run(&["check", "lake/t", "d.csv", "-r", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("a Delta table is a batch by itself"), "{}", run.stderr);
    let run = table.place.run(&["check", "lake/t", "-r", "r.yaml", "--format", "csv"]);
    assert!(run.code == 2 && run.stderr.contains("it is to be read as csv"), "{}", run.stderr);
    table.place.write("ice/metadata/v1.metadata.json", "{}");
    table.place.write("ice/data/a.parquet", "");
    assert!(table.fault("ice").contains("ice: this is an Iceberg table, which is not read"), "{}", table.fault("ice"));
    assert!(table.fault("delta://ice").contains("this directory is no Delta table"), "{}", table.fault("delta://ice"));
}

#[cfg(unix)]
#[test]
fn root_confines_what_a_table_leads_to() {
    let mut table = Table::plain(&[]);
    let a = table.ids("a.parquet", 0..10);
    table.commit(&[a]);
    table.place.write("in/r.yaml", format!("{RULES}source: {{ path: in/t }}\n"));
    std::fs::rename(table.place.path("t"), table.place.path("in/t")).expect("moved");
    let run = table.place.run(&["check", "-r", "in/r.yaml", "--root", "in"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    std::fs::rename(table.place.path("in/t/a.parquet"), table.place.path("a.parquet")).expect("moved");
    std::os::unix::fs::symlink(table.place.path("a.parquet"), table.place.path("in/t/a.parquet")).expect("a link");
    let run = table.place.run(&["check", "-r", "in/r.yaml", "--root", "in"]);
    assert!(run.code == 2 && run.stderr.contains("outside of every directory given with `--root`"), "{}", run.stderr);
    table.place.write("in/r.yaml", format!("{RULES}source: {{ path: \"delta://t@v0\" }}\n"));
    let run = table.place.run(&["check", "-r", "in/r.yaml", "--root", "in"]);
    assert_eq!(run.code, 2, "{}", run.stdout);
}

#[test]
fn a_version_gated_twice_is_one_batch_and_another_version_another() {
    let mut table = Table::plain(&["deletionVectors"]);
    let a = table.ids("a.parquet", 0..10);
    table.commit(std::slice::from_ref(&a));
    table.commit(&[removed(&a), without(&a, &[3])]);
    let gate = |path: &str| table.place.run(&["gate", path, "-r", "r.yaml", "--publish", "out"]);
    let (first, second, third) = (gate("t@v1"), gate("t@v1"), gate("t"));
    assert_eq!((first.code, second.code, third.code), (0, 0, 0), "{}{}{}", first.stderr, second.stderr, third.stderr);
    let id = |run: &Run| run.report()["batch"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(id(&first), id(&second));
    assert_ne!(id(&first), id(&third));
    assert_eq!((first.rows("published"), third.rows("published")), (10, 9));
    // What Sluicegate wrote is read like any other table.
    let run = table
        .check("out", "dataset: t\nprofile: none\nrules:\n  - rows: { min: 19, max: 19 }\n  - range: { column: id, min: 0, max: 9 }\n");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.finding("range-id")["evidence"], "statistics", "{}", run.finding("range-id"));
}

#[test]
fn a_table_in_an_object_store_is_read_like_one_here() {
    let Some(store) = crate::s3::store() else { return };
    let mut table = Table::new(&json!([field("region", "string"), field("v", "long")]), &["region"], &json!({}), &["deletionVectors"]);
    let v = |values: &[i64]| vec![(Field::new("v", DataType::Int64, true), Arc::new(Int64Array::from(values.to_vec())) as ArrayRef)];
    let a = table.file("region=a b/a.parquet", &json!({ "region": "a b" }), v(&[1, 2, 3]));
    let b = table.file("b.parquet", &json!({ "region": "b" }), v(&[4]));
    table.commit(&[a.clone(), b]);
    table.commit(&[removed(&a), without(&a, &[1])]);
    let name = table.place.name();
    for file in table.place.files().into_iter().filter(|file| file.starts_with("t/")) {
        let bytes = std::fs::read(table.place.path(&file)).expect("a file");
        store.put(&format!("{name}/{file}"), Vec::leak(bytes));
    }
    let url = format!("s3://lake/{name}/t");
    for (path, rows) in [(url.clone(), 3), (format!("{url}/@v1"), 4), (format!("delta://{url}@v0"), 0)] {
        assert_eq!(table.rows(&path), rows, "{path}");
    }
    let run = table.check(&url, "dataset: t\nrules:\n  - range: { column: v, max: 2 }\n  - values: { column: region, in: [b] }\n");
    let sample = |finding: &str| run.finding(finding)["samples"][0]["origin"].clone();
    assert_eq!(sample("values-region"), json!({ "file": format!("{url}/region=a b/a.parquet"), "line": null, "row": 1 }));
    assert_eq!(run.finding("range-v")["samples"][1]["origin"]["row"], 3, "{}", run.finding("range-v"));
    assert!(table.fault(&format!("{url}@v9")).contains("has no version 9"));
    assert!(table.fault(&format!("delta://{url}x")).contains("no Delta table is there"));
    let above = table.fault(&format!("s3://lake/{name}"));
    assert!(above.contains("this is a Delta table, among other data"), "{above}");
}

#[test]
fn others_read_the_same_rows_of_tables_that_they_wrote() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import deltalake, duckdb, duckdb_extensions, polars, pyarrow"]).output();
    if !has.is_ok_and(|o| o.status.success()) {
        return skipped("Python with deltalake, polars, pyarrow and duckdb");
    }
    let place = Place::with(RULES, "x\n1\n");
    let script = |step: &str| {
        let run = Command::new(&python).arg(project("tests/delta_sources.py")).args([step, &place.path("").display().to_string()]).output();
        let run = run.expect("runs");
        assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).into_owned()
    };
    let tables = script("make");
    assert!(tables.lines().count() > 15, "{tables}");
    for table in tables.lines() {
        let run = place.run(&["gate", &format!("tables/{table}"), "-r", "r.yaml", "--publish", &format!("out/{table}.parquet")]);
        assert_eq!(run.code, 0, "{table}: {}", run.stderr);
    }
    script("compare");
}
