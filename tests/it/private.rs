//! Values of masked columns are planted everywhere, and searched for in everything that is printed and written.

use std::fmt::Write as _;
use std::process::Command;

use sluicegate::report::FORMATS;
use sluicegate::rules::RULES;

use crate::support::{Place, files_below};

/// What no output may hold: the beginnings of all private texts, numbers and dates. In rule files they stand too.
const CANARIES: [&str; 4] = ["CANARY", "canary", "91827", "1903-"];

/// Long enough to be one.
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What the binary printed and how it ended.
pub struct Said {
    pub code: i32,
    pub text: String,
}

/// Runs the binary with the key of masks in its environment, or without it.
fn run(place: &Place, arguments: &[&str], key: Option<&str>) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(place.path("")).args(arguments).env("RUST_BACKTRACE", "0").env_remove("SLUICEGATE_MASK_KEY");
    if let Some(key) = key {
        command.env("SLUICEGATE_MASK_KEY", key);
    }
    let output = command.output().expect("the binary runs");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    Said { code: output.status.code().expect("an exit code"), text }
}

/// Runs the binary; nothing private is in what it prints.
#[track_caller]
pub fn clean(place: &Place, arguments: &[&str]) -> Said {
    let said = run(place, arguments, Some(KEY));
    ensure_clean(&said.text, &arguments.join(" "));
    said
}

/// Nothing private is in the text, however numbers are written.
#[track_caller]
pub fn ensure_clean(text: &str, what: &str) {
    let plain: String = text.chars().filter(|c| !matches!(c, ',' | '_' | '\u{202f}')).collect();
    for canary in CANARIES {
        if let Some(at) = plain.find(canary) {
            let from = plain[..at].char_indices().rev().nth(200).map_or(0, |(i, _)| i);
            let to = plain[at..].char_indices().nth(120).map_or(plain.len(), |(i, _)| at + i);
            panic!("{what}: `{canary}` is in it: … {}", &plain[from..to]);
        }
    }
}

/// A rule of each kind over masked columns, with private values in its bounds and conditions.
fn rules_of(name: &str) -> &'static str {
    match name {
        "missing" => {
            "  - missing: { columns: [name, ssn, pay], on_fail: warn, disguised: true }\n  - missing: { id: by-missing, column: code, by: [name] }\n"
        }
        "duplicates" => "  - duplicates: { key: [ssn] }\n  - duplicates: { id: whole, on_fail: warn }\n",
        "conflicts" => "  - conflicts: { key: [name], on: [ssn, pay], on_fail: warn }\n",
        "labels" => "  - labels: { column: name, min_share: 90%, classes: [CANARY-CLASS], unseen: fail, on_fail: warn }\n",
        "split" => "  - split: { against: before.csv, key: [name], group: ssn, time: born, near: { column: name }, on_fail: warn }\n",
        "vectors" => "",
        "foreign_key" => "  - foreign_key: { column: ssn, in: { source: before.csv, column: pay }, on_fail: warn }\n",
        "range" => {
            "  - range: { column: ssn, min: 9182710, max: 9182790 }\n  - range: { id: range-pay, column: pay, below: 91827990.5, where: \"name <> 'CANARY-WHERE'\", on_fail: warn }\n  - range: { id: range-born, column: born, min: 1903-02-01, on_fail: warn }\n  - range: { id: made, column: later, max: 9182750, on_fail: warn }\n  - range: { id: by-name, column: code, max: 3, by: [name], on_fail: warn }\n"
        }
        "values" => {
            "  - values: { column: name, in: [CANARY-ALLOWED, CANARY7F3A-Quill], on_fail: warn }\n  - values: { id: not-these, column: shout, not_in: [CANARY7F3A-QUILL], on_fail: warn }\n"
        }
        "pattern" => "  - pattern: { column: name, regex: '^CANARY7F3A-Q', on_fail: warn }\n",
        "length" => "  - length: { column: name, max: 5, on_fail: warn }\n",
        "parse" => "  - parse: { column: name, as: url, on_fail: warn }\n",
        "expression" => {
            "  - expression: { id: sql, sql: \"name <> 'CANARY7F3A-Quill' and ssn <> 9182701\", on_fail: warn }\n  - expression: { id: fails, sql: \"cast(name as int) > 0\", on_fail: warn }\n"
        }
        "query" => "  - query: { sql: \"SELECT name, max(pay) FROM batch WHERE name <> 'CANARY-WHERE' GROUP BY name\", on_fail: warn }\n",
        "gaps" => {
            "  - gaps: { column: born, every: 1mo, on_fail: warn }\n  - gaps: { id: overlap, overlap: { from: ssn, to: ssn, inclusive: true }, by: [name], on_fail: warn }\n"
        }
        "order" => "  - order: { column: ssn, on_fail: warn }\n",
        "stuck" => "  - stuck: { column: name, max_run: 2, on_fail: warn }\n",
        "outliers" => {
            "  - outliers: { id: pay-before, column: pay, method: zscore, threshold: 0.1, against: before.csv }\n  - outliers: { column: pay, method: iqr, k: 1.5 }\n  - outliers: { id: by-outliers, column: pay, method: mad, by: [name] }\n"
        }
        "statistic" => {
            "  - statistic: { id: mean-before, column: ssn, of: mean, against: before.csv, change: 1, on_fail: warn }\n  - statistic: { id: mean, column: ssn, of: mean, max: 9182705, on_fail: warn }\n  - statistic: { id: most, column: pay, of: max, max: 91827000.5, on_fail: warn }\n  - statistic: { id: median, column: pay, of: median, min: 91827999, by: [name], on_fail: warn }\n"
        }
        "representation" => {
            "  - representation: { groups: [name], reference: { CANARY7F3A-Quill: 0.5, CANARY-UNSEEN: 0.5 }, tolerance: 1 points, on_fail: warn }\n  - representation: { id: two, groups: [name, code], reference: equal, tolerance: 1 points, on_fail: warn }\n"
        }
        "gate_bias" => {
            "  - gate_bias: { groups: [name], max: 1 points, on_fail: warn }\n  - gate_bias: { id: lost, groups: [name, code], by: [born], on_fail: warn }\n"
        }
        "outcome" => {
            "  - outcome: { groups: [name], label: code, positive: 3, reference_group: CANARY7F3A-Quill, demographic_parity: 1 points, on_fail: warn }\n  - outcome: { id: pays, groups: [code], label: name, positive: CANARY7F3A-Quill, by: [born], min_ratio: 90%, on_fail: warn }\n  - outcome: { id: both, groups: [name], label: code, positive: 3, by: [code], prediction: later, demographic_parity: 1 points, on_fail: warn }\n"
        }
        "rows" => {
            "  - rows: { min: 1, by: [name] }\n  - rows: { id: rows-before, against: before.csv, change: 1, by: [name], on_fail: warn }\n"
        }
        "freshness" => "  - freshness: { column: born, max_age: 1d, on_fail: warn }\n",
        "column_set" => "  - column_set: { contains: [name] }\n",
        "pii" => "  - pii: { columns: [name, ssn, pay, code] }\n",
        "type" => "  - type: { column: name, is: int64, on_fail: warn }\n",
        "json_schema" => {
            "  - json_schema: { column: name, schema: { pattern: '^CANARY' }, on_fail: warn }\n  - json_schema: { id: record, schema: { properties: { ssn: { maximum: 9182710 }, name: { enum: [CANARY-ENUM] } } }, on_fail: warn }\n"
        }
        "diff" => {
            "  - diff: { against: before.csv, key: id, on_fail: warn }\n  - diff: { id: by-ssn, against: before.csv, key: ssn, columns: [name, pay], tolerance: { pay: 91827 }, where: \"name <> 'CANARY-WHERE'\", on_fail: warn }\n"
        }
        "drift" => {
            "  - drift: { columns: [name, ssn, born, pay], against: before.csv, on_fail: warn }\n  - drift: { id: psi, columns: [name, pay], test: psi, against: before.csv, on_fail: warn }\n  - drift: { id: new, columns: [name, ssn], test: new_values, against: before.csv, on_fail: warn }\n  - drift: { id: far, column: pay, test: wasserstein, max: 0.1, by: [name], against: before.csv, on_fail: warn }\n  - drift: { id: nulls, column: name, test: null_share, against: before.csv, on_fail: warn }\n"
        }
        other => panic!("`{other}`: write a rule of it over a masked column, with private values in its words"),
    }
}

pub fn rule_file(mask: &str, rules: &str) -> String {
    format!(
        "dataset: people\nschema:\n  columns:\n    id: {{ type: int64 }}\n    ssn: {{ type: int64, mask: {mask} }}\n    name: {{ type: string, mask: {mask}, required: true }}\n    born: {{ type: date, mask: {mask} }}\n    pay: {{ type: float64, mask: {mask} }}\n    code: {{ type: int64 }}\ntransform:\n  shout: upper(name)\n  later: ssn + 1\n  big: \"CASE WHEN name = 'CANARY7F3A-Overflow' THEN ssn * 9223372036854775807 ELSE 0 END\"\nprofile: full\nsamples: 50\nrules:\n{rules}"
    )
}

pub fn all_rules() -> String {
    RULES.iter().map(|rule| rules_of(rule.name)).collect()
}

/// Good and bad rows, duplicates, outliers, missing values, and records that cannot be read in several ways.
pub fn people() -> String {
    let mut csv = "id,ssn,name,born,pay,code\n".to_owned();
    let names = ["Quill", "Quill", "Quill", "Ysolde", "Zebedee", "Oberon"];
    for i in 0..60 {
        let (name, day) = (names[i % 6], i % 28 + 1);
        writeln!(csv, "{i},91827{:02},CANARY7F3A-{name},1903-{:02}-{day:02},91827{:03}.5,{}", i % 55, i % 12 + 1, i * 3, i % 5)
            .expect("text");
    }
    csv.push_str("60,9182799,CANARY7F3A-Bad,1903-01-01,918279999999.5,9\n");
    csv.push_str("61,9182761,,1903-01-02,91827001.5,1\n");
    csv.push_str("62,CANARYNUMBER,CANARY7F3A-Unread,1903-01-03,91827001.5,1\n");
    csv.push_str("63,9182762,CANARY7F3A-Many,1903-01-04,91827001.5,1,CANARYMORE,9182799\n");
    csv.push_str("64,9182763,\"CANARY7F3A\"-Quote,1903-01-05,91827001.5,1\n");
    csv.push_str("65,9182764,CANARY7F3A-Overflow,1903-01-06,91827001.5,1\n");
    csv.push_str("66,9182765,CANARY7F3A-Day,1903-13-45,91827001.5,1\n");
    csv
}

/// Other people, to compare with.
pub fn people_before() -> String {
    people().replace("Quill", "Nemo").replace("91827", "918270")
}

/// Asks for a report in every format; each is called after it.
pub fn wanted() -> Vec<String> {
    FORMATS.iter().map(|format| format!("--report={0}=report.{0}", format.name)).collect()
}

/// The texts of all reports that a run wrote.
pub fn reports(place: &Place) -> Vec<(String, String)> {
    let read = |name: &str| std::fs::read(place.path(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    FORMATS.iter().map(|format| format!("report.{}", format.name)).filter_map(|name| Some((name.clone(), read(&name).ok()?))).collect()
}

#[test]
fn no_output_of_any_command_shows_a_value_of_a_masked_column() {
    for mask in ["true", "hash", "partial"] {
        let place = Place::new();
        place.write("people.csv", people());
        place.write("before.csv", people_before());
        place.write("rules.yaml", rule_file(mask, &all_rules()));
        let wanted = wanted();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let written = |arguments: &[&str]| {
            let said = clean(&place, &[arguments, &wanted].concat());
            let reports = reports(&place);
            assert_eq!(reports.len(), wanted.len());
            reports.iter().for_each(|(name, text)| ensure_clean(text, name));
            let json = &reports.iter().find(|(name, _)| name.ends_with(".json")).expect("a JSON report").1;
            let report: serde_json::Value = serde_json::from_str(json).expect("JSON");
            assert_eq!(report["faults"], serde_json::json!([]), "{mask}: {}", said.text);
            assert!(json.contains("***") || json.contains("hmac:"), "{mask}: nothing is shown of them at all");
            ensure_site_is_clean(&place);
            report
        };
        written(&["check", "people.csv", "-r", "rules.yaml", "--output", "json"]);
        let report = written(&["check", "people.csv", "-r", "rules.yaml", "--verbose"]);
        let malformed = report["findings"].as_array().expect("findings").iter().find(|f| f["id"] == "malformed").expect("a finding");
        assert_eq!(malformed["failing_rows"], 5, "{mask}: {malformed}");
        written(&[
            "gate",
            "people.csv",
            "-r",
            "rules.yaml",
            "--publish",
            "out",
            "--publish-format",
            "parquet",
            "--quarantine",
            "bad",
            "-v",
        ]);
        let shown = ensure_quarantine_is_clean(&place);
        assert!(shown.contains("***") || shown.contains("hmac:"), "{mask}: {shown}");
        // With other rules: some rows pass, others do not.
        place.write("later.yaml", rule_file(mask, "  - range: { column: ssn, max: 9182795 }\n"));
        let order = ["--publish", "out", "--publish-format", "parquet", "--quarantine", "bad"];
        let said = clean(&place, &[&["replay", "-r", "later.yaml"], order.as_slice()].concat());
        assert_eq!(said.code, 0, "{}", said.text);
        ensure_quarantine_is_clean(&place);
    }
}

/// A site, and formats that no extension asks for, made of the report.
fn ensure_site_is_clean(place: &Place) {
    assert_eq!(clean(place, &["report", "report.json", "-o", "site"]).code, 0);
    let pages = [files_below(&place.path("site"), "html"), files_below(&place.path("site"), "json")].concat();
    assert!(pages.len() >= 6, "{pages:?}");
    for page in pages {
        ensure_clean(&std::fs::read_to_string(&page).expect("a page"), &page.display().to_string());
    }
    for format in sluicegate::report::FORMATS {
        assert_eq!(clean(place, &["report", "report.json", "-o", &format!("{}=other", format.name)]).code, 0);
        ensure_clean(&std::fs::read_to_string(place.path("other")).expect("a report"), format.name);
    }
}

/// Without masks all of it is there: the search above finds what is planted.
#[test]
fn what_is_planted_is_shown_where_nothing_is_masked() {
    let place = Place::new();
    place.write("people.csv", people());
    place.write("before.csv", people_before());
    place.write("rules.yaml", rule_file("true", &all_rules()).replace(", mask: true", ""));
    let report = checked(&place, "people.csv").to_string();
    let missed: Vec<&str> = CANARIES.into_iter().filter(|canary| *canary != "canary" && !report.contains(canary)).collect();
    assert_eq!(missed, [""; 0]);
}

/// Lists, shows and takes out what is in quarantine; gives what is shown of it.
#[track_caller]
fn ensure_quarantine_is_clean(place: &Place) -> String {
    clean(place, &["quarantine", "list", "bad"]);
    clean(place, &["quarantine", "list", "bad", "--output", "json"]);
    let part = glob::glob(&place.path("bad").join("*.parquet").display().to_string()).expect("a pattern").flatten().next().expect("a part");
    let batch = part.file_name().and_then(|name| name.to_str()?.split('.').next()).expect("a name").to_owned();
    let shown = clean(place, &["quarantine", "show", "bad", &batch, "--limit", "1000"]);
    assert_eq!(shown.code, 0, "{}", shown.text);
    for to in ["rows.csv", "rows.ndjson", "rows.parquet"] {
        let malformed = format!("malformed-{to}");
        let said = clean(place, &["quarantine", "export", "bad", "--to", to, "--malformed-to", &malformed]);
        assert_eq!(said.code, 0, "{}", said.text);
        for file in [to, &malformed] {
            ensure_clean(&String::from_utf8_lossy(&std::fs::read(place.path(file)).expect("a file")), file);
        }
    }
    shown.text
}

#[test]
fn no_fault_shows_a_value_of_a_masked_column() {
    let place = Place::new();
    place.write("people.csv", people());
    place.write("before.csv", people_before());
    place.write("broken.csv", "id,ssn,name,born,pay,code\n\"CANARY");
    for (rules, code) in [
        ("  - range: { column: ssn, max: CANARY9182799 }\n", 2),
        ("  - values: { column: ssn, in: [CANARY7F3A-X] }\n", 2),
        ("  - expression: { id: e, sql: \"name = 'CANARY' and and\" }\n", 2),
        ("  - expression: { id: e, sql: \"name + 'CANARY' > 9182711\" }\n", 2),
        ("  - expression: { id: e, sql: \"cast('CANARY' as int) = ssn\" }\n", 2),
        ("  - range: { column: code, max: 5, where: \"cast(name as int) = 9182711\" }\n", 2),
        ("  - range: { column: code, max: 5, where: \"name = 'CANARY7F3A-Quill' or (\" }\n", 2),
        ("  - pattern: { column: name, regex: '^(CANARY7F3A' }\n", 2),
        ("  - range: { column: code, max: 100 }\nknown:\n  - { rule: range-code, where: \"ssn = 'CANARY7F3A\", reason: old }\n", 2),
    ] {
        place.write("rules.yaml", rule_file("true", rules));
        clean(&place, &["rules", "validate", "rules.yaml"]);
        clean(&place, &["rules", "validate", "rules.yaml", "--output", "json"]);
        clean(&place, &["check", "people.csv", "-r", "rules.yaml", "--output", "json"]);
        let said = clean(&place, &["check", "people.csv", "-r", "rules.yaml", "--report", "report.json"]);
        assert_eq!(said.code, code, "{rules}: {}", said.text);
        assert!(said.text.contains("rules.yaml:"), "the place is named: {}", said.text);
        ensure_clean(&std::fs::read_to_string(place.path("report.json")).expect("a report"), "report.json");
    }
    place.write("rules.yaml", rule_file("true", "  - rows: { min: 1 }\n"));
    clean(&place, &["check", "broken.csv", "-r", "rules.yaml"]);
}

#[test]
fn nested_fields_and_elements_of_lists_are_masked_by_path() {
    let place = Place::new();
    let mut rows = String::new();
    for i in 0..20 {
        let person = serde_json::json!({
            "id": i,
            "person": { "name": format!("CANARY7F3A-{i}"), "age": 9_182_700 + i, "town": "open" },
            "tags": [format!("CANARY-{i}"), "CANARY-ALL"],
            "note": "open",
        });
        writeln!(rows, "{person}").expect("text");
    }
    rows.push_str("{\"id\": 20, \"person\": {\"name\": \"CANARY\", \"age\": \"CANARY\"}, \"tags\": [], \"note\": \"open\"}\n");
    rows.push_str("{\"id\": 21, \"person\": {\"name\": \"CANARY\", \"age\": 91827CANARY}\n");
    place.write("people.ndjson", rows);
    let rules = "dataset: people\nschema:\n  columns:\n    person.name: { type: string, mask: partial }\n    person.age: { type: int64, mask: true }\n    tags: { mask: hash }\nprofile: full\nrules:\n  - range: { column: person.age, max: 9182710 }\n  - pattern: { column: person.name, regex: 'X', on_fail: warn }\n  - values: { column: 'tags[]', in: [CANARY-ALL], on_fail: warn }\n  - values: { column: person.town, in: [closed], on_fail: warn }\n  - duplicates: { key: [person.name] }\n";
    place.write("rules.yaml", rules);
    let said = clean(
        &place,
        &["gate", "people.ndjson", "-r", "rules.yaml", "--publish", "out.parquet", "--quarantine", "bad", "--report", "report.json", "-v"],
    );
    let report = std::fs::read_to_string(place.path("report.json")).expect("a report");
    ensure_clean(&report, "report.json");
    // What is not masked is shown as ever.
    assert!(said.code == 0 && report.contains("open") && report.contains("C***"), "{} {report}", said.text);
    let shown = clean(&place, &["quarantine", "list", "bad"]);
    let batch = shown.text.lines().nth(1).and_then(|line| line.split_whitespace().next()).expect("a batch").to_owned();
    let shown = clean(&place, &["quarantine", "show", "bad", &batch]);
    assert!(shown.text.contains("hmac:"), "{}", shown.text);
    clean(&place, &["quarantine", "export", "bad", "--to", "rows.ndjson"]);
    ensure_clean(&std::fs::read_to_string(place.path("rows.ndjson")).expect("rows"), "rows.ndjson");
}

/// Reads the JSON report of a check.
fn checked(place: &Place, data: &str) -> serde_json::Value {
    run(place, &["check", data, "-r", "rules.yaml", "--report", "report.json"], Some(KEY));
    serde_json::from_str(&std::fs::read_to_string(place.path("report.json")).expect("a report")).expect("JSON")
}

#[test]
fn a_masked_column_under_another_name_is_not_shown() {
    let place = Place::new();
    place.write("people.csv", "id,social\n1,CANARY-1\n2,CANARY-2\n");
    let rules = "dataset: people\nschema:\n  evolution: any\n  columns:\n    id: { type: int64 }\n    ssn: { type: string, mask: true }\nprofile: full\nrules:\n  - pattern: { column: social, regex: 'X', on_fail: warn }\n";
    place.write("rules.yaml", rules);
    clean(&place, &["check", "people.csv", "-r", "rules.yaml", "-v"]);
    ensure_clean(&checked(&place, "people.csv").to_string(), "the report");
    // Written otherwise it is the same column.
    place.write("people.csv", "id,SSN\n1,CANARY-1\n2,CANARY-2\n");
    place.write("rules.yaml", rules.replace("column: social", "column: SSN"));
    ensure_clean(&checked(&place, "people.csv").to_string(), "the report");
}

/// Expected: `printf '%s' 4711 | openssl dgst -sha256 -mac HMAC -macopt key:0123456789abcdef0123456789abcdef`
#[test]
fn equal_values_have_equal_hashes_and_without_a_key_nothing_is_judged() {
    let place = Place::new();
    place.write("d.csv", "id,n\n1,4711\n2,4711\n3,5\n");
    place.write(
        "rules.yaml",
        "dataset: d\nschema: { columns: { id: { type: int64 }, n: { type: int64, mask: hash } } }\nrules:\n  - range: { column: n, max: 1 }\n",
    );
    let report = checked(&place, "d.csv");
    let samples =
        report["findings"].as_array().expect("findings").iter().find(|f| f["id"] == "range-n").expect("a finding")["samples"].clone();
    let values: Vec<&str> = samples.as_array().expect("samples").iter().map(|s| s["values"][0][1].as_str().expect("text")).collect();
    assert_eq!(values[..2], ["hmac:17ddd675ef4801ad", "hmac:17ddd675ef4801ad"]);
    assert_ne!(values[0], values[2]);
    for (key, says) in [(None, "set the environment variable SLUICEGATE_MASK_KEY"), (Some("short"), "fewer than 16 bytes")] {
        let said = run(&place, &["check", "d.csv", "-r", "rules.yaml"], key);
        assert!(said.code == 2 && said.text.contains(says), "{}", said.text);
        assert!(!said.text.contains("short") || key.is_none());
    }
    let gated = ["gate", "d.csv", "-r", "rules.yaml", "--publish", "out.parquet", "--quarantine", "bad"];
    assert_eq!(run(&place, &gated, Some(KEY)).code, 1);
}

#[test]
fn what_was_taken_out_with_masks_is_refused_and_without_them_it_joins_its_batch() {
    let place = Place::new();
    let rows: String = (0..40).map(|i| format!("{i},name-{i}\n")).collect();
    place.write("d.csv", format!("id,name\n{rows}40,\n"));
    place.write("rules.yaml", "dataset: d\nschema: { columns: { id: { type: int64 }, name: { type: string, mask: true } } }\nrules:\n  - missing: { column: name }\n  - range: { column: id, min: 3 }\n");
    let order = ["-r", "rules.yaml", "--publish", "out.parquet", "--quarantine", "bad"];
    assert_eq!(run(&place, &[&["gate", "d.csv"], order.as_slice()].concat(), None).code, 0);
    for to in ["rows.csv", "rows.ndjson", "rows.parquet"] {
        assert_eq!(run(&place, &["quarantine", "export", "bad", "--to", to], None).code, 0);
        for command in [
            vec!["check", to, "-r", "rules.yaml"],
            [&["gate", to], order.as_slice()].concat(),
            [&["replay", "--mended", to], order.as_slice()].concat(),
        ] {
            let said = run(&place, &command, None);
            assert!(said.code == 2 && said.text.contains("with masks") && said.text.contains("--unmasked"), "{command:?}: {}", said.text);
        }
    }
    let csv = std::fs::read_to_string(place.path("rows.csv")).expect("rows");
    assert!(
        csv.lines().next().expect("a header").ends_with("_sluicegate_masked") && csv.contains("***") && !csv.contains("name-1"),
        "{csv}"
    );
    assert_eq!(run(&place, &["quarantine", "export", "bad", "--to", "rows.csv", "--unmasked"], None).code, 0);
    let csv = std::fs::read_to_string(place.path("rows.csv")).expect("rows");
    assert!(csv.contains("0,name-0,") && !csv.contains("_sluicegate_masked"), "{csv}");
    place.write("rows.csv", csv.replace("\n40,,", "\n40,name-40,"));
    let said = run(&place, &[&["replay", "--mended", "rows.csv"], order.as_slice()].concat(), None);
    assert!(said.code == 0 && said.text.contains("1 mended row published"), "{}", said.text);
}
