//! Batches whose columns differ from the table that they go to: judged before anything is written, alike in every mode.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, NullArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::ArrowWriter;

use crate::crash::delta_files;
use crate::gate::read;
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
rules: [{ rows: { min: 1 } }]
gate: { publish: lake, quarantine: aside }
";

fn place(rules: &str) -> Place {
    let place = Place::new();
    place.write("r.yaml", rules);
    place
}

fn gate(place: &Place, name: &str, data: &str) -> Run {
    place.write(name, data);
    place.run(&["gate", name, "-r", "r.yaml"])
}

/// What `check`, a dry run and the gate say; only what concerns publishing may differ.
fn alike(place: &Place, name: &str, data: &str) -> Run {
    place.write(name, data);
    let check = place.run(&["check", name, "-r", "r.yaml"]);
    let dry = place.run(&["gate", "--dry-run", name, "-r", "r.yaml"]);
    let gate = place.run(&["gate", name, "-r", "r.yaml"]);
    for other in [&check, &dry] {
        assert_eq!(other.verdict(), gate.verdict(), "{}{}", other.stderr, gate.stderr);
        for part in ["findings", "schema_changes", "rows"] {
            assert_eq!(other.report()[part], gate.report()[part], "{part}");
        }
    }
    gate
}

fn changes(run: &Run) -> Vec<(String, String, bool)> {
    let text = |change: &serde_json::Value, key: &str| change[key].as_str().expect("text").to_owned();
    let changes = run.report()["schema_changes"].as_array().expect("changes");
    changes.iter().map(|c| (text(c, "path"), text(c, "kind"), c["compatible"].as_bool().expect("a bool"))).collect()
}

fn rows(place: &Place) -> usize {
    delta_files(&place.path("lake")).iter().map(|file| read(file).num_rows()).sum()
}

fn parquet(place: &Place, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).expect("a batch");
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
    place.write(name, file);
}

#[test]
fn a_renamed_column_is_named_and_rejected_where_the_table_is_the_contract() {
    let place = place(&format!("{RULES}schema: {{ evolution: exact }}\n"));
    assert_eq!(gate(&place, "a.csv", "day,tail_num,miles\n1,N1,5\n").code, 0);
    let run = alike(&place, "b.csv", "day,tail_number,miles\n2,N2,6\n");
    assert_eq!((run.code, run.verdict()), (1, "reject"), "{}", run.stderr);
    assert_eq!(run.finding("schema")["message"], "the table lake: `tail_num` probably renamed to `tail_number`");
    assert_eq!(changes(&run), [("tail_num".into(), "column_renamed".into(), false)]);
    assert_eq!(rows(&place), 1);
}

#[test]
fn evolution_is_backward_where_nothing_is_said() {
    let place = place(RULES);
    assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n").code, 0);
    let same = alike(&place, "b.csv", "id,v\n2,y\n");
    assert_eq!(same.finding("schema")["message"], "the columns are as the table lake has them");
    let grown = alike(&place, "c.csv", "id,w\n3,true\n");
    assert_eq!((grown.code, grown.verdict()), (0, "accept"), "{}", grown.stderr);
    assert_eq!(grown.finding("schema")["outcome"], "warn", "a column that is gone is said");
    assert_eq!(changes(&grown), [("v".into(), "column_removed".into(), true), ("w".into(), "column_added".into(), true)]);
    let changed = alike(&place, "d.csv", "id,v\nsome,y\ntext,z\n");
    assert_eq!((changed.code, changed.verdict()), (1, "reject"), "{}", changed.stderr);
    assert_eq!(changes(&changed)[0], ("id".into(), "type_changed".into(), false));
    assert_eq!(rows(&place), 3);
}

#[test]
fn a_change_that_the_table_cannot_take_is_rejected_whatever_the_rules_say() {
    let place = place(&format!("{RULES}schema: {{ evolution: any, on_fail: warn }}\n"));
    assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n").code, 0);
    for (name, data) in [("b.csv", "id,v\n1.5,x\n2.5,y\n"), ("c.csv", "ID,v\n1,x\n"), ("d.csv", "id,v,t\n1,x,2026-01-01 10:00:00\n")] {
        let run = alike(&place, name, data);
        assert_eq!((run.code, run.verdict()), (1, "reject"), "{name} {}", run.stderr);
    }
    assert_eq!(rows(&place), 1);
}

#[test]
fn text_is_read_as_the_tables_types_as_far_as_it_holds_exactly() {
    let place = place(RULES);
    assert_eq!(gate(&place, "a.csv", "id,code,x,day,flag\n1,A7,0.5,2026-01-01,true\n").code, 0);
    // Digits are text where the table says text, whole numbers are floats; what has no value has the table's type.
    let run = alike(&place, "b.csv", "id,code,x,day,flag\n2,17,3,,\n3,18,4,,\n");
    assert_eq!((run.code, changes(&run)), (0, Vec::new()), "{}", run.stderr);
    // One value of another kind costs its row, and a leading zero is no number's.
    let run = alike(&place, "c.csv", "id,code,x,day,flag\n4,a,1,2026-01-02,true\n007,b,1,2026-01-02,true\n6,c,n/a,2026-01-02,1\n8,d,2,,\n");
    assert_eq!((run.code, run.rows("published"), run.rows("malformed")), (0, 2, 2), "{}", run.stderr);
    let files = delta_files(&place.path("lake"));
    let mut ids: Vec<i64> = Vec::new();
    for file in &files {
        let batch = read(file);
        ids.extend(batch.column_by_name("id").expect("id").as_primitive::<Int64Type>().values());
        assert!(batch.column_by_name("x").expect("x").as_primitive_opt::<Float64Type>().is_some());
        assert!(batch.column_by_name("code").expect("code").as_string_opt::<i32>().is_some());
    }
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 8]);
}

#[test]
fn a_batch_that_comes_again_is_judged_as_before() {
    for (name, data) in [
        ("a.ndjson", "{\"id\":1,\"v\":\"x\",\"s\":{\"a\":1},\"l\":[1.5]}\n{\"id\":2,\"v\":7,\"s\":null,\"l\":[]}\n{\"id\":3,\"v\":null}\n"),
        ("a.csv", "id,v,n\n1,x,\n2,7,\n3,2026-01-01,\n"),
    ] {
        let place = place(RULES);
        let first = gate(&place, name, data);
        let again = alike(&place, name, data);
        assert_eq!((first.code, again.code), (0, 0), "{}{}", first.stderr, again.stderr);
        assert_eq!(again.report()["publication"]["state"], "unchanged");
        assert_eq!(
            (first.report()["columns"].clone(), first.rows("published")),
            (again.report()["columns"].clone(), again.rows("published"))
        );
    }
}

#[test]
fn nested_fields_may_be_absent_and_new_ones_are_named() {
    let place = place(RULES);
    assert_eq!(gate(&place, "a.ndjson", "{\"id\":1,\"s\":{\"a\":1,\"b\":\"x\"},\"l\":[{\"p\":1.5,\"q\":1}]}\n").code, 0);
    let run = alike(&place, "b.ndjson", "{\"id\":2,\"s\":{\"b\":\"y\"},\"l\":[{\"q\":2}]}\n");
    assert_eq!((run.code, rows(&place)), (0, 2), "{}", run.stderr);
    let kinds: Vec<String> = changes(&run).into_iter().map(|(path, kind, _)| format!("{path} {kind}")).collect();
    assert_eq!(kinds, ["s.a nested_field_removed", "l[].p nested_field_removed"]);
    let new = delta_files(&place.path("lake"))
        .into_iter()
        .map(|f| read(&f))
        .find(|b| b.column_by_name("id").expect("id").as_primitive::<Int64Type>().value(0) == 2);
    let new = new.expect("the second batch");
    let fields = new.column_by_name("s").expect("s").as_struct();
    assert!(fields.column_by_name("a").expect("a, of the table's type").is_null(0));
    let run = alike(&place, "c.ndjson", "{\"id\":3,\"s\":{\"a\":1,\"c\":true}}\n");
    assert_eq!((run.code, run.verdict(), run.finding("schema")["columns"][0].as_str()), (1, "reject", Some("s.c")), "{}", run.stderr);
}

#[test]
fn rules_about_a_column_that_only_the_table_has_are_not_judged() {
    let place = place(&RULES.replace("rules: [", "rules: [{ range: { column: v, min: 0 } }, "));
    assert_eq!(gate(&place, "a.csv", "id,v\n1,2\n").code, 0);
    let run = alike(&place, "b.csv", "id\n3\n");
    assert_eq!((run.code, run.verdict()), (2, "undecided"), "{}", run.stderr);
    assert!(run.finding("range-v")["message"].as_str().expect("text").contains("cannot be judged"), "{}", run.finding("range-v"));
}

#[test]
fn columns_that_transform_makes_are_compared_as_they_are_published() {
    let place = place(&format!("{RULES}transform: {{ total: \"v * 2\" }}\n"));
    assert_eq!(gate(&place, "a.csv", "id,v\n1,2\n").code, 0);
    let same = alike(&place, "b.csv", "id,v\n3,4\n");
    assert_eq!((same.code, changes(&same)), (0, Vec::new()), "{}", same.stderr);
    place.write("r.yaml", format!("{RULES}transform: {{ total: \"concat('x', v)\" }}\n"));
    let other = alike(&place, "c.csv", "id,v\n5,6\n");
    assert_eq!((other.code, other.finding("schema")["columns"][0].as_str()), (1, Some("total")), "{}", other.stderr);
}

#[test]
fn a_time_with_a_zone_is_published_as_the_instant_in_utc() {
    let place = place(RULES);
    let times =
        || Arc::new(TimestampMicrosecondArray::from(vec![1_792_888_200_000_000, 1_792_891_800_000_000]).with_timezone("Europe/Berlin"));
    parquet(&place, "a.parquet", vec![("t", times())]);
    for _ in 0..2 {
        for arguments in [&["check"][..], &["gate", "--dry-run"], &["gate"]] {
            let run = place.run(&[arguments, &["a.parquet", "-r", "r.yaml"]].concat());
            assert_eq!(run.code, 0, "{}", run.stderr);
        }
    }
    let batch = read(&delta_files(&place.path("lake"))[0]);
    let column = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    assert_eq!((column.values(), column.timezone()), (times().values(), Some("UTC")));
}

#[test]
fn a_column_of_the_null_type_takes_the_tables_type_or_is_refused() {
    let place = place(RULES);
    parquet(&place, "n.parquet", vec![("id", Arc::new(Int64Array::from(vec![8]))), ("n", Arc::new(NullArray::new(1)))]);
    for arguments in [&["check"][..], &["gate", "--dry-run"], &["gate"]] {
        let run = place.run(&[arguments, &["n.parquet", "-r", "r.yaml"]].concat());
        assert!(run.code == 2 && run.stderr.contains("`n` has no value and no type"), "{}", run.stderr);
    }
    assert!(!place.path("lake").exists());
    assert_eq!(gate(&place, "a.csv", "id,n\n1,5\n").code, 0);
    let run = place.run(&["gate", "n.parquet", "-r", "r.yaml"]);
    assert_eq!((run.code, changes(&run), rows(&place)), (0, Vec::new(), 2), "{}", run.stderr);
}

#[test]
fn what_no_delta_table_can_hold_is_said_by_name_before_a_row_is_read() {
    let place = place(RULES);
    let time: ArrayRef = Arc::new(arrow::array::Time64MicrosecondArray::from(vec![1]));
    let wide = arrow::array::Decimal256Array::from(vec![arrow::datatypes::i256::ONE]).with_precision_and_scale(50, 2).expect("a type");
    parquet(&place, "time.parquet", vec![("at", time)]);
    parquet(&place, "wide.parquet", vec![("w", Arc::new(wide))]);
    parquet(&place, "case.parquet", ["x", "X"].map(|n| (n, Arc::new(StringArray::from(vec!["1"])) as ArrayRef)).into());
    let before = place.files();
    for (file, what) in [
        ("time.parquet", "`at` is of type"),
        ("wide.parquet", "`w` is of type decimal(50,2), which a Delta table cannot hold: it has decimals of 38 digits at most"),
        ("case.parquet", "`x` and `X` differ in case only"),
    ] {
        for arguments in [&["check"][..], &["gate", "--dry-run"], &["gate"]] {
            let run = place.run(&[arguments, &[file, "-r", "r.yaml"]].concat());
            assert!(run.code == 2 && run.stderr.contains(what), "{file}: {}", run.stderr);
            assert_eq!(run.rows("read"), 0);
        }
    }
    assert_eq!(place.files(), before);
}

#[test]
fn values_that_the_table_cannot_hold_are_set_aside_in_every_mode() {
    let place = place(RULES);
    let nanos = arrow::array::TimestampNanosecondArray::from(vec![Some(1_000), Some(1_001), None]);
    let seconds = arrow::array::TimestampMillisecondArray::from(vec![Some(1), Some(1), Some(i64::MAX)]);
    parquet(&place, "t.parquet", vec![("at", Arc::new(nanos)), ("by", Arc::new(seconds))]);
    // Of a table that is made for them, and of one that is there.
    for _ in 0..2 {
        for arguments in [&["check"][..], &["gate", "--dry-run"], &["gate"]] {
            let run = place.run(&[arguments, &["t.parquet", "-r", "r.yaml"]].concat());
            assert_eq!(run.verdict(), "quarantine", "{}", run.stderr);
            let finding = |id| run.finding(id)["message"].as_str().expect("text").to_owned();
            assert_eq!(finding("held-at"), "1 of 3 rows (33.3%) have a value that the table cannot hold as timestamp(us)");
            assert_eq!(run.finding("held-by")["failing_rows"], 1);
        }
        assert_eq!(rows(&place), 1);
    }
    let place = self::place(RULES);
    assert_eq!(gate(&place, "a.csv", "x\n0.5\n").code, 0);
    parquet(&place, "i.parquet", vec![("x", Arc::new(Int64Array::from(vec![1, (1 << 53) + 1])))]);
    let run = place.run(&["gate", "i.parquet", "-r", "r.yaml"]);
    assert_eq!((run.code, run.rows("published"), run.finding("held-x")["failing_rows"].as_u64()), (0, 1, Some(1)), "{}", run.stderr);
}

#[test]
fn a_column_empty_for_a_day_takes_the_tables_type_beside_a_contract_that_does_not_name_it() {
    let place = place(&format!("{RULES}schema: {{ columns: {{ id: {{ type: int64 }}, n: {{}} }} }}\n"));
    assert_eq!(gate(&place, "a.csv", "id,n,m\n1,5,0.5\n").code, 0);
    for (name, data) in [("b.csv", "id,n,m\n2,,\n"), ("c.ndjson", "{\"id\":3,\"n\":null,\"m\":null}\n"), ("d.ndjson", "{\"id\":4}\n")] {
        let run = alike(&place, name, data);
        assert_eq!(run.code, 0, "{name} {}", run.stderr);
    }
    assert_eq!(rows(&place), 4);
}

#[test]
fn integers_and_decimals_are_stored_as_what_holds_them() {
    let place = place(RULES);
    let decimals = |values: Vec<i128>, digits, scale| {
        Arc::new(arrow::array::Decimal128Array::from(values).with_precision_and_scale(digits, scale).expect("a type")) as ArrayRef
    };
    parquet(&place, "a.parquet", vec![("d", decimals(vec![150], 22, 2)), ("i", Arc::new(Int64Array::from(vec![7]))), ("f", float(0.5))]);
    let ends = vec![i64::MIN, i64::MAX];
    let digits = decimals(vec![-999, 999], 3, 0);
    parquet(&place, "b.parquet", vec![("d", Arc::new(Int64Array::from(ends))), ("i", digits.clone()), ("f", digits)]);
    for name in ["a.parquet", "b.parquet"] {
        let run = place.run(&["gate", name, "-r", "r.yaml"]);
        let narrowed = run.report()["schema_changes"].as_array().expect("changes").len();
        assert_eq!((run.code, narrowed, run.rows("quarantined")), (0, 0, 0), "{}", run.stderr);
    }
    let of_b = delta_files(&place.path("lake")).into_iter().map(|file| read(&file)).find(|batch| batch.num_rows() == 2).expect("b");
    let column = |name: &str| of_b.column_by_name(name).expect("a column").clone();
    let held = column("d").as_primitive::<arrow::datatypes::Decimal128Type>().values().to_vec();
    assert_eq!(held, [i128::from(i64::MIN) * 100, i128::from(i64::MAX) * 100]);
    assert_eq!(column("i").as_primitive::<Int64Type>().values(), &[-999, 999]);
    assert_eq!(column("f").as_primitive::<Float64Type>().values(), &[-999.0, 999.0]);
    // One more digit, and the table's integers or floats hold some of its values no more.
    parquet(&place, "c.parquet", vec![("d", decimals(vec![1], 22, 2)), ("i", decimals(vec![1], 19, 0)), ("f", decimals(vec![1], 16, 0))]);
    let run = place.run(&["gate", "c.parquet", "-r", "r.yaml"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let changed: Vec<_> = changes(&run).into_iter().map(|(path, kind, _)| format!("{path} {kind}")).collect();
    assert_eq!(changed, ["i type_widened", "f type_changed"]);
}

fn float(value: f64) -> ArrayRef {
    Arc::new(arrow::array::Float64Array::from(vec![value]))
}
