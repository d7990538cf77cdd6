//! Defects that reviews found, each with the smallest data that showed it.

use crate::support::{Place, Run, project, run_with_input};

fn gated(name: &str, data: impl AsRef<[u8]>, rules: &str) -> (Place, Run) {
    let place = Place::new();
    place.write(name, data);
    place.write("r.yaml", format!("dataset: t\n{rules}"));
    let run = place.run(&["gate", name, "-r", "r.yaml", "--publish", "out.parquet", "--quarantine", "aside"]);
    (place, run)
}

#[test]
fn a_token_for_missing_is_no_text() {
    let rules = "source: { missing_values: [\"N/A\"] }\nrules: [{ range: { column: a, min: 0, max: 120 } }]\n";
    let (place, run) = gated("d.ndjson", "{\"a\":1}\n{\"a\":\"N/A\"}\n{\"a\":1000}\n{\"a\":3}\n", rules);
    assert_eq!((run.rows("published"), run.rows("quarantined")), (3, 1), "{}", run.stdout);
    let published = crate::gate::read(&place.path("out.parquet"));
    assert_eq!(published.schema_ref().field(0).data_type(), &arrow::datatypes::DataType::Int64);
}

#[test]
fn one_stray_value_does_not_turn_bounds_into_letters() {
    for (name, data) in [("d.ndjson", "{\"a\":5}\n{\"a\":\"unknown\"}\n{\"a\":1000}\n"), ("d.csv", "a\n5\nunknown\n1000\n")] {
        let (place, run) = gated(name, data, "rules: [{ range: { column: a, max: 120 } }]\n");
        assert_eq!((run.code, run.verdict()), (2, "undecided"), "{}", run.stdout);
        assert!(run.stdout.contains("letter by letter"), "{}", run.stdout);
        assert!(!place.path("out.parquet").exists());
    }
}

#[test]
fn lists_and_structs_are_what_they_hold_not_how_they_print() {
    let data = "{\"id\":1,\"t\":[\"a, b\"]}\n{\"id\":1,\"t\":[\"a\",\"b\"]}\n{\"id\":2,\"t\":[null]}\n{\"id\":2,\"t\":[\"\"]}\n{\"id\":2,\"t\":[\"\"]}\n";
    let (_, run) = gated("d.ndjson", data, "rules: [{ duplicates: {} }]\n");
    assert_eq!(run.rows("quarantined"), 1, "{}", run.stdout);
}

#[test]
fn what_stands_around_the_array_is_looked_at() {
    for data in [
        "{\"data\":[{\"a\":1}], {\"a\":2}}",
        "{\"data\":[{\"a\":1}],\"data\":[{\"a\":2}]}",
        "{\"data\":[{\"a\":1}]",
        "{\"data\":[{\"a\":1}]} {\"data\":[{\"a\":2}]}",
    ] {
        let (_, run) = gated("d.json", data, "source: { json_path: data }\nrules: []\n");
        assert_eq!(run.code, 2, "{data}: {}", run.stdout);
        assert!(run.stderr.contains("behind the array"), "{data}: {}", run.stderr);
    }
    let (_, run) = gated("d.json", "{\"data\":[{\"a\":1}],\"n\":{\"x\":[1]}} \n", "source: { json_path: data }\nrules: []\n");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn digits_are_never_rounded_into_a_contract() {
    let rules = "schema: { columns: { a: { type: int64 } } }\nrules: []\n";
    let (_, run) =
        gated("d.ndjson", "{\"a\":9007199254740993.0}\n{\"a\":1.0}\n{\"a\":1e2}\n{\"a\":1.0000000000000000001}\n{\"a\":2}\n", rules);
    assert_eq!((run.rows("published"), run.rows("malformed")), (4, 1), "{}", run.stdout);
}

#[test]
fn depth_and_links_without_end_are_survived() {
    let deep = "{\"a\":".repeat(20_000) + "1" + &"}".repeat(20_000);
    let (_, run) = gated("d.json", deep, "rules: []\n");
    assert_eq!(run.code, 2, "{}", run.stderr);
    let place = Place::new();
    place.write("in/a.csv", "x\n1\n");
    place.write("in/sub/b.csv", "x\n2\n");
    place.write("r.yaml", "dataset: t\nrules: [{ rows: { min: 2, max: 2 } }]\n");
    for link in ["up", "up2"] {
        std::os::unix::fs::symlink("..", place.path("in/sub").join(link)).expect("a link");
    }
    assert_eq!(place.run(&["check", "in", "-r", "r.yaml"]).code, 0);
}

#[test]
fn standard_input_is_gated_too() {
    let place = Place::new();
    let rules = place.write("r.yaml", "dataset: t\nrules: []\n").display().to_string();
    let out = place.path("out.parquet").display().to_string();
    let input = project("fixtures/formats/table.parquet");
    let run = run_with_input(&project(""), &["gate", "-", "-r", &rules, "--publish", &out], &input);
    assert_eq!((run.code, run.rows("published")), (0, 60), "{}", run.stderr);
    let again = run_with_input(&project(""), &["gate", "-", "-r", &rules, "--publish", &out], &input);
    assert_eq!(again.report()["publication"]["state"], "unchanged", "{}", again.stderr);
}

#[test]
fn another_key_of_a_directory_is_another_batch() {
    let place = Place::new();
    place.write("r.yaml", "dataset: t\nrules: []\n");
    std::fs::create_dir_all(place.path("hv/part=1")).expect("directory");
    std::fs::copy(project("fixtures/formats/table.parquet"), place.path("hv/part=1/p.parquet")).expect("copy");
    let gate = || place.run(&["gate", "hv", "-r", "r.yaml", "--publish", "lake", "--batch-id", "b1"]);
    assert_eq!(gate().code, 0);
    std::fs::rename(place.path("hv/part=1"), place.path("hv/part=2")).expect("rename");
    let moved = gate();
    assert_eq!(moved.code, 2, "{}", moved.stdout);
    assert!(moved.stderr.contains("other content"), "{}", moved.stderr);
}

#[test]
fn seconds_are_published_as_times() {
    let rules = "schema: { columns: { a: { type: timestamp(s) } } }\nrules: []\n";
    let (place, run) = gated("d.csv", "a\n2026-01-01T00:00:00\n", rules);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let published = crate::gate::read(&place.path("out.parquet"));
    let expected = arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None);
    assert_eq!(published.schema_ref().field(0).data_type(), &expected);
}

#[test]
fn empty_objects_and_lists_keep_their_contract() {
    let rules =
        "schema: { evolution: exact, columns: { id: { type: int64 }, o.a: { type: int64 }, \"l[].p\": { type: float64 } } }\nrules: []\n";
    for data in ["{\"id\":1,\"o\":null,\"l\":null}\n", "{\"id\":1,\"o\":{},\"l\":[]}\n"] {
        let (_, run) = gated("d.ndjson", data, rules);
        assert_eq!((run.code, run.verdict()), (0, "accept"), "{data}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn a_required_nested_field_may_not_vanish() {
    let rules = "schema: { columns: { id: { type: int64 }, address.city: { type: string, required: true } } }\nrules: []\n";
    let (_, run) = gated("d.ndjson", "{\"id\":1}\n", rules);
    assert_eq!(run.verdict(), "reject", "{}", run.stdout);
}

#[test]
fn a_count_of_some_rows_permits_no_empty_batch() {
    let (_, run) = gated("d.csv", "a,b\n", "rules: [{ rows: { min: 0, max: 10, where: \"a > 1\" } }]\n");
    assert_eq!(run.code, 2, "{}", run.stdout);
}

#[test]
fn a_file_without_lines_is_an_empty_part() {
    let place = Place::new();
    place.write("in/a.ndjson", "{\"a\":1}\n");
    place.write("in/b.ndjson", "");
    place.write("r.yaml", "dataset: t\nrules: [{ rows: { min: 1, max: 1 } }]\n");
    assert_eq!(place.run(&["check", "in", "-r", "r.yaml"]).code, 0);
}
