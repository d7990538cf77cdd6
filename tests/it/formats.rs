//! Files that other tools wrote: the same rows give the same findings, whatever they are stored in; and other
//! tools read what we publish.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::{Place, Run, project, run_in, run_with_input, skipped};

const RULES: &str = "dataset: t
schema:
  columns:
    id: { type: int64, required: true }
    name: { type: string }
    price: { type: \"decimal(10,2)\" }
    score: { type: float64 }
    qty: { type: int32 }
    ok: { type: bool }
    day: { type: date }
    at: { type: \"timestamp(us, UTC)\" }
    note: { type: string }
transform: { total: price * qty }
rules:
  - missing: { columns: \"*\", on_fail: warn }
  - missing: { together: [price, qty], on_fail: warn }
  - duplicates: { key: [name, day], on_fail: warn }
  - duplicates: {}
  - range: { column: price, max: 1000 }
  - range: { column: qty, min: 0 }
  - range: { column: at, min: 2026-11-20T12:00:00Z, on_fail: warn }
  - values: { column: ok, in: [\"true\"], on_fail: warn }
  - pattern: { column: name, like: \"% %\", on_fail: warn }
  - length: { column: name, max: 14, on_fail: warn }
  - outliers: { column: score, method: mad, on_fail: warn }
  - outliers: { id: by-ok, column: price, by: [ok], k: 1.5 }
  - order: { column: day, on_fail: warn }
  - stuck: { column: ok, max_run: 3, on_fail: warn }
  - statistic: { column: score, of: correlation, with: price, min: 0.99, on_fail: warn }
  - representation: { groups: [ok], reference: { true: 0.5, false: 0.5 }, tolerance: 5 points, on_fail: warn }
profile: full
gate: { publish: out }
";

const FORMS: [&str; 19] = [
    "table.csv",
    "table.tsv",
    "table.ndjson",
    "table.json",
    "table.parquet",
    "table.arrow",
    "table.arrows",
    "table.avro",
    "table.orc",
    "table.xlsx",
    "table.xls",
    "table.ods",
    "table.csv.gz",
    "table.csv.zst",
    "table.csv.bz2",
    "table.ndjson.xz",
    "table.json.gz",
    "table-utf16.csv",
    "table-bom.csv",
];

fn fixture(name: &str) -> PathBuf {
    project("fixtures/formats").join(name)
}

/// The report without what a format may differ in: the batch's name and files, and where rows stand in them.
fn told(run: &Run, form: &str) -> Json {
    // Rows of a sheet are numbered as people see them, with the header.
    let above = u64::from([".xlsx", ".xls", ".ods"].iter().any(|end| form.ends_with(end)));
    let mut report = run.report().clone();
    report["batch"] = Json::Null;
    for finding in report["findings"].as_array_mut().expect("findings") {
        // Where the rule file lies differs from run to run.
        if let Some(span) = finding["span"].as_object_mut() {
            span.remove("file");
        }
        for sample in finding["samples"].as_array_mut().expect("samples") {
            // Where in its line a value begins is for text alone.
            sample.as_object_mut().expect("a sample").remove("line_column");
            for place in ["origin", "same_key_as"] {
                sample[place] = sample[place]["row"].as_u64().map_or(Json::Null, |row| Json::from(row - above));
            }
        }
    }
    report
}

fn checked(name: &str) -> Run {
    let place = Place::new();
    place.write("r.yaml", RULES);
    let path = fixture(name).display().to_string();
    let rules = place.path("r.yaml").display().to_string();
    let run = run_in(&project(""), &["check", &path, "-r", &rules]);
    assert_eq!(run.code, 1, "{name}: {}{}", run.stdout, run.stderr);
    run
}

#[test]
fn the_same_rows_give_the_same_findings_in_every_format() {
    let csv = checked("table.csv");
    assert_eq!((csv.rows("read"), csv.rows("malformed")), (60, 0));
    assert_eq!(csv.finding("range-price")["failing_rows"], 1);
    assert_eq!(csv.finding("range-qty")["failing_rows"], 1);
    assert_eq!(csv.finding("missing-name")["failing_rows"], 6);
    let failing = csv.report()["findings"].as_array().expect("findings").iter().filter(|f| f["failing_rows"] != 0).count();
    assert!(failing > 15, "only {failing} findings have failing rows");
    let expected = told(&csv, "table.csv");
    for form in &FORMS[1..] {
        let found = told(&checked(form), form);
        if found != expected {
            let pretty = |json: &Json| serde_json::to_string_pretty(json).expect("JSON");
            let (found, expected) = (pretty(&found), pretty(&expected));
            let differ = expected.lines().zip(found.lines()).find(|(a, b)| a != b);
            panic!("{form} differs from table.csv: {differ:?}");
        }
    }
}

#[test]
fn compression_and_encoding_do_not_make_another_batch() {
    let id = |name: &str| checked(name).report()["batch"]["id"].as_str().expect("an id").to_owned();
    let plain = id("table.csv");
    for form in ["table.csv.gz", "table.csv.zst", "table.csv.bz2", "table-utf16.csv"] {
        assert_eq!(id(form), plain, "{form}");
    }
    assert_ne!(id("table.tsv"), plain);
}

#[test]
fn what_footers_prove_is_not_read_and_said_so() {
    let place = Place::new();
    let rules = "dataset: t
profile: none
rules:
  - missing: { columns: [id, qty, score, name], on_fail: warn }
  - range: { column: id, min: 1, max: 60 }
  - range: { column: price, max: 1000, on_fail: warn }
  - range: { column: day, min: 2020-01-01 }
  - range: { column: score, min: -100 }
  - range: { column: qty, min: -10, nulls: fail, on_fail: warn }
";
    let rules = place.write("r.yaml", rules).display().to_string();
    let path = fixture("table.parquet").display().to_string();
    let footers = run_in(&project(""), &["check", &path, "-r", &rules]);
    let scanned = run_in(&project(""), &["check", &path, "-r", &rules, "--no-statistics"]);
    assert_eq!(footers.code, 0, "{}{}", footers.stdout, footers.stderr);
    let evidence = |run: &Run, id: &str| run.finding(id)["evidence"].as_str().expect("evidence").to_owned();
    for (id, rests_on) in [
        ("missing-id", "statistics"),
        ("range-id", "statistics"),
        ("range-day", "statistics"),
        // Rows fail and must be named; floats may hide a NaN; text may be anything.
        ("missing-qty", "scan"),
        ("range-price", "scan"),
        ("range-qty", "scan"),
        ("range-score", "scan"),
        ("missing-score", "scan"),
        ("missing-name", "scan"),
    ] {
        assert_eq!((evidence(&footers, id).as_str(), evidence(&scanned, id).as_str()), (rests_on, "scan"), "{id}");
    }
    let without = |run: &Run| {
        let mut report = run.report().clone();
        report["findings"].as_array_mut().expect("findings").iter_mut().for_each(|f| f["evidence"] = Json::Null);
        report
    };
    assert_eq!(without(&footers), without(&scanned));
}

#[test]
fn standard_input_is_read_like_a_file() {
    let place = Place::new();
    let rules = place.write("r.yaml", RULES).display().to_string();
    let expected = told(&checked("table.csv"), "table.csv");
    for (form, format) in [
        ("table.parquet", None),
        ("table.arrow", None),
        ("table.arrows", None),
        ("table.avro", None),
        ("table.ndjson", None),
        ("table.json", None),
        ("table.csv", Some("csv")),
        ("table.csv.gz", Some("csv")),
        ("table.tsv", Some("tsv")),
    ] {
        let mut arguments = vec!["check", "-", "-r", &rules];
        arguments.extend(format.iter().flat_map(|f| ["--format", f]));
        let run = run_with_input(&project(""), &arguments, &fixture(form));
        assert_eq!(told(&run, form), expected, "{form}: {}", run.stderr);
        assert_eq!(run.report()["batch"]["files"][0]["path"], "-");
    }
    let unknown = run_with_input(&project(""), &["check", "-", "-r", &rules], &fixture("table.csv"));
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("give `--format csv`"), "{}", unknown.stderr);
}

#[test]
fn encodings_are_told_by_their_mark_or_by_the_rule_file() {
    let place = Place::new();
    std::fs::copy(fixture("latin1.csv"), place.path("latin1.csv")).expect("copy");
    place
        .write("r.yaml", "dataset: t\nsource: { encoding: latin-1 }\nrules: [{ pattern: { column: name, regex: '^[A-Za-zéëüß, ]+$' } }]\n");
    let run = place.run(&["check", "latin1.csv", "-r", "r.yaml"]);
    assert_eq!((run.code, run.rows("read"), run.rows("malformed")), (0, 6, 0), "{}{}", run.stdout, run.stderr);
    place.write("utf8.yaml", "dataset: t\nrules: []\n");
    let unsaid = place.run(&["check", "latin1.csv", "-r", "utf8.yaml"]);
    assert!(unsaid.rows("malformed") > 0, "bytes that are not UTF-8 make their records malformed");
    // An unpaired half of a character costs its record and no other.
    let mut utf16: Vec<u8> = vec![0xff, 0xfe];
    for unit in "id,v\n1,a\n2,".encode_utf16().chain([0xD800]).chain("\n3,c\n".encode_utf16()) {
        utf16.extend(unit.to_le_bytes());
    }
    place.write("broken.csv", utf16);
    let broken = place.run(&["check", "broken.csv", "-r", "utf8.yaml"]);
    assert_eq!((broken.rows("read"), broken.rows("malformed")), (3, 1), "{}", broken.stdout);
    assert_eq!(broken.finding("malformed")["samples"][0]["origin"]["line"], 3);
}

#[test]
fn directories_give_their_keys_as_columns() {
    let place = Place::new();
    let rules = "dataset: t
rules:
  - missing: { column: region, on_fail: warn }
  - values: { column: date, in: [2026-01-01, 2026-01-02] }
  - representation: { groups: [region], reference: equal, tolerance: 1 points, min_rows: 1, on_fail: warn }
  - duplicates: { key: [id] }
";
    let rules = place.write("r.yaml", rules).display().to_string();
    let check = |name: &str, extra: &[&str]| {
        let path = fixture(name).display().to_string();
        let mut arguments = vec!["check", &path, "-r", &rules];
        arguments.extend(extra);
        run_in(&project(""), &arguments)
    };
    let (csv, parquet) = (check("hive", &[]), check("hive_parquet", &[]));
    for run in [&csv, &parquet] {
        assert_eq!((run.code, run.rows("read")), (0, 60), "{}{}", run.stdout, run.stderr);
        assert_eq!(run.finding("missing-region")["failing_rows"], 10);
        let columns: Vec<&str> =
            run.report()["columns"].as_array().expect("columns").iter().map(|c| c["name"].as_str().expect("name")).collect();
        assert_eq!(columns, ["id", "name", "price", "region", "date"]);
        assert_eq!(run.report()["columns"][4]["type"], "date");
    }
    assert_eq!(csv.finding("representation-region")["groups"], parquet.finding("representation-region")["groups"]);
    // What is published holds the keys too.
    let out = place.path("out.parquet").display().to_string();
    let gate = run_in(&project(""), &["gate", &fixture("hive").display().to_string(), "-r", &rules, "--publish", &out]);
    assert_eq!(gate.code, 0, "{}", gate.stderr);
    assert!(crate::gate::read(&place.path("out.parquet")).column_by_name("date").is_some());
}

#[test]
fn many_small_files_are_one_batch() {
    let place = Place::new();
    for i in 0..300 {
        place.write(&format!("in/{:02}/{i:03}.ndjson", i % 7), format!("{{\"id\":{i}}}\n{{\"id\":{}}}\n", i + 1000));
    }
    place.write("r.yaml", "dataset: t\nrules: [{ duplicates: { key: [id] } }, { rows: { min: 600, max: 600 } }]\n");
    let run = place.run(&["check", "in", "-r", "r.yaml"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn nested_fields_are_columns_in_every_rule() {
    let place = Place::new();
    let rules = "dataset: n
rules:
  - missing: { columns: [address.city, address.geo.lat, \"items[].price\", \"tags[]\"], on_fail: warn }
  - missing: { columns: \"user.*\", on_fail: warn }
  - range: { column: \"items[].price\", min: 0, on_fail: warn }
  - length: { column: items, min: 1, on_fail: warn }
  - expression: { sql: \"address.city <> 'Oslo'\", on_fail: warn }
  - range: { column: user.age, max: 50, where: \"address.geo.lat > 0\", on_fail: warn }
  - representation: { groups: [user.gender], reference: equal, tolerance: 30 points, on_fail: warn }
  - duplicates: { key: [address.city], on_fail: warn }
  - statistic: { column: user.age, of: mean, min: 1, by: [address.city] }
profile: full
";
    let rules = place.write("r.yaml", rules).display().to_string();
    let check = |name: &str| run_in(&project(""), &["check", &fixture(name).display().to_string(), "-r", &rules]);
    let (json, parquet) = (check("nested.ndjson"), check("nested.parquet"));
    assert_eq!(json.code, 0, "{}{}", json.stdout, json.stderr);
    assert_eq!(told(&json, ""), told(&parquet, ""));
    let failing = |id: &str| json.finding(id)["failing_rows"].as_u64().expect("a count");
    assert_eq!(failing("missing-address.city"), 2);
    assert_eq!(failing("missing-address.geo.lat"), 2);
    assert_eq!(failing("missing-items[].price"), 1);
    assert_eq!(failing("range-items[].price"), 1);
    assert_eq!(failing("length-items"), 1);
    assert_eq!(failing("missing-user.gender"), 1);
    place.write("m.yaml", "dataset: n\nrules: [{ statistic: { column: \"items[].price\", of: mean, min: 1 } }]\n");
    let measure = run_in(
        &project(""),
        &["check", &fixture("nested.ndjson").display().to_string(), "-r", &place.path("m.yaml").display().to_string()],
    );
    assert_eq!(measure.code, 2);
    assert!(measure.stderr.contains("several values a row"), "{}", measure.stderr);
}

#[test]
fn damaged_files_are_refused_and_nothing_of_them_is_used() {
    let place = Place::new();
    place.write("r.yaml", RULES);
    for form in
        ["table.csv.gz", "table.csv.zst", "table.csv.bz2", "table.ndjson.xz", "table.parquet", "table.arrow", "table.arrows", "table.avro"]
    {
        let whole = std::fs::read(fixture(form)).expect("a fixture");
        for cut in [whole.len() / 3, whole.len() - 3] {
            place.write(form, &whole[..cut]);
            let run = place.run(&["gate", form, "-r", "r.yaml"]);
            assert_eq!(run.code, 2, "{form} cut at {cut}: {}", run.stdout);
            assert!(run.stderr.starts_with("error: ") && run.stderr.contains(form), "{form}: {}", run.stderr);
        }
        std::fs::remove_file(place.path(form)).expect("remove");
    }
    assert_eq!(place.files(), ["r.yaml"]);
}

/// No byte of these formats, whatever it is turned into, may take the process down or pass as other data unseen.
#[test]
fn a_flipped_byte_is_refused_or_changes_no_count() {
    let place = Place::new();
    place.write("r.yaml", "dataset: t\nrules: []\nprofile: none\n");
    let mut seed = 7u64;
    let mut next = |n: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize % n
    };
    for form in ["table.arrow", "table.arrows", "table.avro"] {
        let whole = std::fs::read(fixture(form)).expect("a fixture");
        for _ in 0..12 {
            let mut bytes = whole.clone();
            let at = next(bytes.len());
            bytes[at] ^= 1 << next(8);
            place.write(form, &bytes);
            let run = place.run(&["check", form, "-r", "r.yaml"]);
            assert!(matches!(run.code, 0..=2), "{form} at {at}: {}", run.stderr);
        }
    }
}

#[test]
fn other_tools_read_what_is_published() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import pandas, polars, pyarrow, duckdb"]).output();
    if !has.is_ok_and(|o| o.status.success()) {
        return skipped("Python with pandas, polars, pyarrow and duckdb");
    }
    let place = Place::new();
    place.write("r.yaml", RULES.replace("  - range: { column: price, max: 1000 }\n  - range: { column: qty, min: 0 }\n", ""));
    for form in ["table.csv", "table.ndjson", "table.parquet", "table.arrows"] {
        let out = place.path(&format!("{form}.out.parquet")).display().to_string();
        let path = fixture(form).display().to_string();
        let run = place.run(&["gate", &path, "-r", "r.yaml", "--publish", &out]);
        assert_eq!((run.code, run.rows("published")), (0, 60), "{form}: {}{}", run.stdout, run.stderr);
        let read =
            Command::new(&python).arg(project("tests/readers.py")).args([&out, &fixture("table.parquet").display().to_string()]).output();
        let read = read.expect("python runs");
        assert!(read.status.success(), "{form}: {}", String::from_utf8_lossy(&read.stderr));
    }
    let out = place.path("nested.parquet").display().to_string();
    place.write("n.yaml", "dataset: n\nrules: []\n");
    let run = place.run(&["gate", &fixture("nested.ndjson").display().to_string(), "-r", "n.yaml", "--publish", &out]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let nested =
        Command::new(&python).arg(project("tests/readers.py")).args([&out, &fixture("nested.parquet").display().to_string()]).output();
    let nested = nested.expect("python runs");
    assert!(nested.status.success(), "{}", String::from_utf8_lossy(&nested.stderr));
}
