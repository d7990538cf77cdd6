//! Values of masked columns that are reached by another name: a new one, one that needs quotes, a glob, a type.

use crate::private::{clean, ensure_clean};
use crate::support::Place;

/// Checks `data` by `rules`; gives the exit code and the report. Nothing private is printed or reported.
fn check(rules: &str, name: &str, data: &str) -> (i32, String) {
    let place = Place::new();
    place.write("rules.yaml", rules);
    place.write(name, data);
    let said = clean(&place, &["check", name, "-r", "rules.yaml", "--report", "report.json", "--report", "report.html", "-v"]);
    let reports = ["report.json", "report.html"].map(|report| std::fs::read_to_string(place.path(report)).expect("a report"));
    reports.iter().for_each(|report| ensure_clean(report, rules));
    (said.code, format!("{}{}", said.text, reports[0]))
}

#[test]
fn values_of_several_kinds_in_a_masked_column_are_counted_and_not_shown() {
    let mixed = "id,ssn\n1,CANARYA\n2,CANARYB\n3,918271\n";
    let of = |column: &str| format!("dataset: c\nschema: {{ columns: {{ id: int64, {column} }} }}\n");
    for column in ["ssn: { mask: true }", "ssn: { type: int64, mask: true }", "ssn: { mask: hash }", "ssn: { type: int64, mask: partial }"]
    {
        let (_, report) = check(&of(column), "d.csv", mixed);
        assert!(report.contains("\"type\": \"string\"") && report.contains("\"count\": 2"), "{column}: {report}");
    }
    // Under another name, and inside of what is masked or holds it.
    check(&of("ssn: { type: int64, mask: true }"), "d.csv", &mixed.replace("ssn", "social"));
    let nested = "{\"id\": 1, \"a\": {\"b\": \"CANARY\"}}\n{\"id\": 2, \"a\": {\"b\": 918271}}\n{\"id\": 3, \"a\": 9182712}\n";
    for column in ["a: { mask: true }", "a.b: { type: int64, mask: true }", "a.b: { mask: hash }"] {
        check(&of(column), "d.ndjson", nested);
        check(&of(column), "d.ndjson", &nested.replace("\"b\"", "\"c\""));
        check(&of(column), "d.ndjson", &nested[..nested.len() - 24]);
    }
}

const RENAMED: &str = "id,social\n1,CANARYA\n2,CANARYB\n3,CANARYC\n";

fn masked(rest: &str) -> String {
    format!("dataset: c\nschema: {{ evolution: any, columns: {{ id: int64, ssn: {{ type: string, mask: true }} }} }}\n{rest}")
}

#[test]
fn what_is_made_of_a_renamed_masked_column_is_masked() {
    for made in ["up: \"upper(social)\"", "up: \"upper(social)\", twice: \"up || up\"", "social: \"upper(social)\"", "ssn: social"] {
        let rules = masked(&format!(
            "transform: {{ {made} }}\nprofile: {{ top_values: \"*\" }}\nrules:\n  - missing: {{ columns: \"*\" }}\n  - duplicates: {{ key: id }}\n"
        ));
        let (code, report) = check(&rules, "d.csv", RENAMED);
        assert!(code < 2, "{made}: {report}");
    }
}

#[test]
fn a_fault_quotes_no_value_of_a_renamed_masked_column() {
    let rules = masked("rules:\n  - expression: { sql: \"CAST(social AS int) = 5\", where: \"CAST(social AS int) > 3\" }\n");
    let (code, report) = check(&rules, "d.csv", RENAMED);
    assert!(code == 2 && report.contains("not shown"), "{report}");
}

#[test]
fn a_name_with_quotes_is_masked_in_sql_and_in_faults() {
    let of = |rest: &str| format!("dataset: c\nschema: {{ columns: {{ id: int64, 's\"n': {{ type: string, mask: true }} }} }}\n{rest}");
    let data = "id,\"s\"\"n\"\n1,CANARYA\n2,CANARYB\n3,CANARYC\n";
    let (code, report) = check(&of("transform: { up: 'upper(\"s\"\"n\")' }\nprofile: { top_values: \"*\" }\n"), "d.csv", data);
    assert!(code < 2 && report.contains("\"up\""), "{report}");
    for sql in ["'CAST(\"s\"\"n\" AS int) > 3'", "\"CAST(\\\"s\\\"\\\"n\\\" AS int) > 3\""] {
        let (code, report) = check(&of(&format!("rules:\n  - expression: {{ sql: 'id > 0', where: {sql} }}\n")), "d.csv", data);
        assert!(code == 2 && report.contains("not shown"), "{sql}: {report}");
    }
}

#[test]
fn a_rule_that_reaches_a_masked_column_without_its_name_is_not_quoted() {
    let data = "id,ssn\n1,CANARYA\n2,CANARYB\n";
    let faulty = ["range: { COLUMNS, min: 9182719, max: 9182711 }", "pattern: { COLUMNS, regex: '(CANARY' }"];
    for columns in ["columns: \"ss*\"", "columns: [id, \"s?n\"]", "columns: { type: string }", "columns: \"*\""] {
        for rule in faulty {
            let (code, report) = check(&masked(&format!("rules:\n  - {}\n", rule.replace("COLUMNS", columns))), "d.csv", data);
            assert!(code == 2 && report.contains("not shown"), "{columns}: {report}");
        }
        // Beside a mistake that keeps the file from being read.
        let rules = masked(&format!("rules:\n  - {}\n  - range: {{ column: id, minn: 3 }}\n", faulty[0].replace("COLUMNS", columns)));
        assert_eq!(check(&rules, "d.csv", data).0, 2, "{columns}");
    }
    // A rule about other columns is told with its values.
    let (code, report) = check(&masked("rules:\n  - range: { columns: \"i*\", min: 19, max: 11 }\n"), "d.csv", data);
    assert!(code == 2 && report.contains("19"), "{report}");
}
