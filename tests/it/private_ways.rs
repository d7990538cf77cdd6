//! Ways on which values of masked columns could leave beside findings: data that cannot be read, tables, other formats.

use serde_json::json;

use crate::private::{clean, ensure_clean, reports, wanted};
use crate::promises::{column, plain, table};
use crate::support::Place;

const RULES: &str = "dataset: people\nschema:\n  columns:\n    ssn: { type: int64, mask: true }\n    name: { type: string, mask: true }\nrules:\n  - range: { column: ssn, min: 9182710, max: 9182790 }\n";

/// Runs a check of `data`; gives its exit code. Neither what is printed nor a report holds anything private.
fn check(place: &Place, data: &str) -> i32 {
    let wanted = wanted();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let said = clean(place, &[&["check", data, "-r", "rules.yaml", "-v"], wanted.as_slice()].concat());
    let reports = reports(place);
    assert_eq!(reports.len(), wanted.len());
    reports.iter().for_each(|(name, text)| ensure_clean(text, &format!("{data}: {name}")));
    said.code
}

#[test]
fn data_that_cannot_be_read_is_not_quoted() {
    let place = Place::new();
    place.write("rules.yaml", RULES);
    let broken: &[(&str, &[u8])] = &[
        ("scalars.ndjson", b"\"CANARY\"\n\"CANARY2\"\n"),
        ("bare.ndjson", b"{\"ssn\": CANARY, \"name\": 91827}\n{\"ssn\": \"CANARY\" \"name\": 3}\n"),
        ("scalars.json", b"[\"CANARY\", 9182711]"),
        ("object.json", b"{\"data\": \"CANARY9182711\"}"),
        ("cut.json", b"[{\"ssn\": \"CANARY\", \"name\": \"CANARY\""),
        ("text.json", b"CANARY"),
        ("quote.csv", b"ssn,name\n\"CANARY\nCANARY,9182711"),
        ("delimiter.csv", b"ssn;name\n9182711;CANARY\n"),
        ("twice.csv", b"ssn,name,ssn\n1,CANARY,9182711\n"),
        ("types.csv", b"ssn,name\nCANARY,9182711\nCANARY,9182711\nCANARY,1\n"),
        ("nested.ndjson", b"{\"ssn\": 9182711, \"name\": {\"first\": \"CANARY\"}}\n{\"ssn\": [9182711], \"name\": \"CANARY\"}\n"),
        ("key.ndjson", b"{\"ssn\": 9182711, \"ssn\": 9182712, \"name\": \"CANARY\"}\n"),
        ("bytes.csv", b"ssn,name\n91827119182711918271191827119182711,CANARY\n1,CANARY\xff\n"),
        ("not.parquet", b"CANARY9182711"),
        ("fields.tsv", b"ssn\tname\n9182711\tCANARY\textra9182711\n"),
        ("large.ndjson", b"{\"ssn\": 1e999, \"name\": \"CANARY\"}\n{\"ssn\": 9182711.5, \"name\": \"CANARY\"}\n"),
    ];
    for (name, content) in broken {
        place.write(name, content);
        assert_ne!(check(&place, name), 0, "{name}");
    }
}

#[test]
fn what_a_table_demands_of_masked_columns_is_not_quoted() {
    let place = Place::new();
    let rules = format!("{RULES}gate: {{ publish: lake, quarantine: aside, reject_above: 100% }}\n");
    place.write("rules.yaml", rules);
    place.write("d.csv", "ssn,name\n9182711,CANARY-C\n9182712,CANARY-D\n9182799,\n9182713,CANARY-E\n");
    let columns = json!([column("ssn", "long", true, json!({})), column("name", "string", false, json!({}))]);
    let constraints = json!({ "delta.constraints.large": "ssn < 9182713", "delta.constraints.named": "name <> 'CANARY-C'" });
    table(&place, "lake", &plain(3), &columns, &constraints);
    assert_eq!(check(&place, "d.csv"), 1);
    let said = clean(&place, &["gate", "d.csv", "-r", "rules.yaml", "-v", "--report", "report.json"]);
    let report = std::fs::read_to_string(place.path("report.json")).expect("a report");
    ensure_clean(&report, "report.json");
    assert!(said.code == 0 && report.contains("\"table/constraint\"") && report.contains("\"published\": 1"), "{} {report}", said.text);
    // What cannot be evaluated refuses the table, by the name of the constraint at most.
    table(&place, "lake", &plain(3), &columns, &json!({ "delta.constraints.odd": "name ~~~ 'CANARY-C' + ssn 9182711" }));
    assert_eq!(check(&place, "d.csv"), 2);
}

#[test]
fn values_are_masked_in_every_format_that_is_read() {
    let place = Place::new();
    place.write("d.csv", "ssn,name\n9182711,CANARY-C\n9182799,CANARY-D\n");
    place.write("all.yaml", "dataset: all\nrules:\n  - rows: { min: 1 }\n");
    place.write("rules.yaml", format!("{RULES}transform: {{ n: cast(ssn as string), m: ssn / (ssn - 9182711) }}\n"));
    assert_eq!(place.run(&["gate", "d.csv", "-r", "all.yaml", "--publish", "d.parquet", "--quarantine", "none"]).code, 0);
    for data in ["d.csv", "d.parquet"] {
        // A row is divided by zero, the other is out of range: none is left.
        assert_eq!(check(&place, data), 1, "{data}");
    }
}
