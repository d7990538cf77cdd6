//! Of a mistake in a rule file with masked columns, only what was written as a value of one is hidden.

use crate::private::clean;
use crate::support::Place;

fn rules(contract: &str, rules: &str) -> String {
    format!(
        "dataset: people\nschema:\n  columns:\n    email: {{ type: string, mask: true }}\n    n: {{ type: int64, mask: true }}\n    age: {{ type: int64 }}\n    plan: {{ type: string }}\n{contract}rules:\n{rules}"
    )
}

const HIDDEN: &str = "is not shown";

#[test]
fn a_mistake_beside_the_values_of_a_masked_column_is_told_in_full() {
    let place = Place::new();
    place.write("people.csv", "email,n,age,plan\na@b.example,1,2,free\n");
    for (contract, rule, says) in [
        ("    name: { type: string, mask: value }\n", "  - rows: { min: 1 }\n", "`value` is not allowed here"),
        ("    size: { type: int64, required: yes }\n", "  - rows: { min: 1 }\n", "expected `true` or `false`, found `yes`"),
        ("    kind: { type: str }\n", "  - rows: { min: 1 }\n", "`str`"),
        ("", "  - missing: { column: email, severity: high }\n", "unknown key `severity`"),
        ("", "  - missing: { column: email, on_fail: alarm }\n", "`alarm`"),
        ("", "  - missing:\n      column: email\n      tolerate: some\n", "`some`"),
        ("", "  - range: { column: age, min: old }\n", "`old`"),
        ("", "  - expression: { id: e, sql: \"len(email) > 5\" }\n", "`len`"),
        ("", "  - expression: { id: e, sql: \"len(email) > 9182711 or email = 'CANARY'\" }\n", "`len`"),
        ("", "  - range: { column: age, min: 1, where: \"emial = 'CANARY' and email <> ''\" }\n", "`emial`"),
    ] {
        place.write("rules.yaml", rules(contract, rule));
        for arguments in [&["rules", "validate", "rules.yaml"][..], &["check", "people.csv", "-r", "rules.yaml"]] {
            let said = clean(&place, arguments);
            assert!(
                said.text.contains("rules.yaml:") && said.text.contains(says) && !said.text.contains(HIDDEN),
                "{rule}{contract}: {}",
                said.text
            );
        }
    }
}

#[test]
fn what_was_written_as_a_value_of_a_masked_column_is_not_told() {
    let place = Place::new();
    place.write("people.csv", "email,n,age,plan\na@b.example,1,2,free\n");
    for rule in [
        "  - range: { column: n, min: CANARY }\n",
        "  - range:\n      column: n\n      min: 9182799\n      max: 9182711\n",
        "  - values: { column: email, in: [a], CANARY }\n",
        "  - pattern: { column: email, regex: '^(CANARY' }\n",
    ] {
        place.write("rules.yaml", rules("", rule));
        for arguments in [&["rules", "validate", "rules.yaml"][..], &["check", "people.csv", "-r", "rules.yaml"]] {
            let said = clean(&place, arguments);
            assert!(said.text.contains("rules.yaml:"), "{rule}: {}", said.text);
        }
        assert!(clean(&place, &["check", "people.csv", "-r", "rules.yaml"]).text.contains(HIDDEN), "{rule}");
    }
}

#[test]
fn a_finding_of_the_contract_about_a_column_that_is_not_masked_keeps_its_message() {
    let place = Place::new();
    place.write("labels.csv", "person_id,label\n1,a\n2,\n3,b\n");
    place.write(
        "rules.yaml",
        "dataset: labels\nschema:\n  columns:\n    person_id: { type: int64, mask: true }\n    label: { type: string, required: true }\nrules:\n  - duplicates: { key: [person_id] }\n",
    );
    let said = clean(&place, &["check", "labels.csv", "-r", "rules.yaml", "-v", "--report", "report.json", "--report", "report.html"]);
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("report.json")).expect("a report")).expect("JSON");
    let finding = report["findings"].as_array().expect("findings").iter().find(|f| f["id"] == "required-label").expect("a finding");
    let message = finding["message"].as_str().expect("a message");
    assert_eq!(message, "1 of 3 rows (33.3%) without a value", "{}", said.text);
    let masked = said.text.lines().find(|line| line.contains("person_id") && line.contains("int64")).expect("a column");
    assert_eq!(masked.matches("masked").count(), 2, "{masked}");
    let page = std::fs::read_to_string(place.path("report.html")).expect("a page");
    assert_eq!(page.matches("<i class=\"void\">masked</i>").count(), 1);
    let shown = finding["samples"][0]["values"].to_string();
    assert!(shown.contains("***") && !shown.contains("[\"person_id\",2]"), "{shown}");
}
