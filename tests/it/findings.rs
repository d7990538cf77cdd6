//! Findings and the report that holds them: codes, reserved ids, places, and that JSON gives back what was written.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use sluicegate::findings::{FindingCode, builtin, figures};
use sluicegate::report;
use sluicegate::rules::RULES;
use sluicegate::rules::schema::ChangeKind;

use crate::support::{CHECK, Place, project};

/// Every code that a finding may have.
pub fn codes() -> Vec<FindingCode> {
    RULES.iter().map(|rule| FindingCode::new(rule.name)).chain(builtin::ALL.iter().map(|kind| kind.code.clone())).collect()
}

#[test]
fn codes_of_findings_are_unique_and_documented() {
    let docs = std::fs::read_to_string(project("docs/findings.md")).expect("docs/findings.md");
    let mut seen = BTreeSet::new();
    for code in codes().into_iter().chain(ChangeKind::ALL.map(ChangeKind::code)) {
        assert!(docs.contains(&format!("| `{code}` |")), "`{code}` is not documented");
        assert!(seen.insert(code.clone()), "`{code}` stands for two kinds");
    }
    for kind in builtin::ALL {
        assert!(docs.contains(&format!("`{}`", kind.id())), "the reserved id `{}` is not documented", kind.id());
    }
    for figure in figures::ALL {
        assert!(docs.contains(&format!("| `{}` |", figure.name)), "the figure `{}` is not documented", figure.name);
    }
}

#[test]
fn every_id_that_needs_no_rule_is_reserved() {
    for kind in builtin::ALL {
        let ids = [kind.id().to_owned(), kind.id_of("x")];
        let reserved = match kind.ids {
            builtin::Ids::Each(_) => &ids[..],
            builtin::Ids::One(_) | builtin::Ids::OneOf(..) => &ids[..1],
        };
        for id in reserved {
            let place = Place::with(&format!("dataset: d\nrules:\n  - missing: {{ id: {id}, column: a }}\n"), "a\n1\n");
            let run = place.run(&CHECK);
            assert_eq!(run.code, 2, "{id}: {}", run.stdout);
            assert!(
                run.stderr.contains(&format!("r.yaml:3:20: the id `{id}` is reserved; it belongs to findings of the kind `{}`", kind.code)),
                "{}",
                run.stderr
            );
        }
    }
    // What only begins alike is anybody's, and a rule may write out the id that it has anyway.
    let place = Place::with("dataset: d\nrules:\n  - missing: { id: malformed-2, column: a }\n  - rows: { id: rows, min: 1 }\n", "a\n1\n");
    assert_eq!(place.run(&CHECK).code, 0);
}

#[test]
fn two_findings_that_no_rows_are_there_have_two_ids() {
    let place = Place::with("dataset: d\nrules:\n  - rows: { where: a > 1, max: 5 }\n", "a\n");
    let run = place.run(&CHECK);
    assert_eq!((run.finding("rows")["code"].as_str(), run.finding("rows-empty")["code"].as_str()), (Some("rows"), Some("rows/empty")));
}

#[test]
fn what_a_table_and_a_contract_ask_for_has_codes_of_its_own() {
    let rules = "dataset: d\nschema:\n  columns:\n    a: { type: int64, required: true }\n    b: { type: int64 }\nrules:\n  - missing: { column: a }\n";
    let run = Place::with(rules, "c,a\n1,2\n").run(&CHECK);
    let code = |id: &str| run.finding(id)["code"].as_str().expect("a code").to_owned();
    assert_eq!(
        [code("malformed"), code("schema"), code("required-a"), code("missing-a")],
        ["malformed", "schema", "contract/required", "missing"]
    );
    let changes: Vec<&str> =
        run.report()["schema_changes"].as_array().expect("changes").iter().filter_map(|c| c["code"].as_str()).collect();
    assert_eq!(changes, ["schema/column-removed", "schema/column-added"]);
}

#[test]
fn a_finding_says_from_where_to_where_its_rule_stands() {
    let rules = "dataset: d\nrules:\n  - missing:\n      column: a\n      tolerate: 50%\n\n  - range: { column: a, max: 1 }\n  - malformed: { tolerate: 1% }\n";
    let run = Place::with(rules, "a\n1\n").run(&CHECK);
    let span = |id: &str| {
        let span = &run.finding(id)["span"];
        assert_eq!(span["file"], "r.yaml", "{id}");
        ["line", "column", "end_line", "end_column"].map(|key| span[key].as_u64().expect("a number"))
    };
    assert_eq!(span("missing-a"), [3, 5, 5, 20]);
    assert_eq!(span("range-a"), [7, 5, 7, 33]);
    assert_eq!(span("malformed"), [8, 5, 8, 32]);
}

#[test]
fn a_fault_says_where_it_ends() {
    let run = Place::with("dataset: d\nrules:\n  - missing: { column: nowhere }\n", "a\n1\n").run(&CHECK);
    let fault = &run.report()["faults"][0];
    assert_eq!(fault["place"], "r.yaml:3:24");
    assert_eq!([&fault["span"]["line"], &fault["span"]["end_column"]], [3, 31]);
}

#[test]
fn statements_stay_apart_until_they_are_shown() {
    let rules = "dataset: d\nrules:\n  - range: { id: few, column: a, max: 1, tolerate: 80% }\n  - missing: { id: one, column: a }\n\
                 known:\n  - { rule: few, where: a = 5, reason: late; and slow, ticket: T-1 }\n  - { rule: few, where: a = 6, reason: odd }\n";
    let run = Place::with(rules, "a\n1\n2\n5\n6\n").run(&CHECK);
    let few = run.finding("few");
    assert_eq!(few["message"], "1 of 4 rows (25.0%) above 1; 80% tolerated; 2 known: late; and slow (T-1); odd");
    let said = ["1 of 4 rows (25.0%) above 1", "80% tolerated", "2 known: late; and slow (T-1)", "odd"];
    assert_eq!(few["messages"].as_array().expect("a list"), &said);
    assert_eq!(few["known_reasons"].as_array().expect("a list"), &["late; and slow (T-1)", "odd"]);
    assert!(run.finding("one").get("messages").is_none());
}

#[test]
fn a_semicolon_in_the_text_makes_no_hint() {
    let fault = |rules: &str| {
        let run = Place::with(rules, "a\n1\n").run(&CHECK);
        let fault = run.report()["faults"][0].clone();
        (fault["what"].as_str().expect("what").to_owned(), fault["hint"].as_str().map(str::to_owned))
    };
    let (what, hint) = fault("dataset: d\nrules:\n  - missing: { column: a, tolerate: 1; 2% }\n");
    assert_eq!((what.as_str(), hint.as_deref()), ("`1; 2%` is not a share", Some("write `1%` or `0.01`")));
    let (what, hint) = fault("dataset: d\nrules:\n  - range: { column: a, max: x; y }\n");
    assert_eq!((what.as_str(), hint), ("column `a`: `x; y` is not an int64", None));
    let (what, hint) =
        fault("dataset: d\nschema: { columns: { a: { type: int64 } } }\nrules:\n  - expression: { sql: \"CAST('x; y' AS BIGINT) > a\" }\n");
    assert!(what.contains("x; y") && hint.is_none(), "{what} {hint:?}");
}

#[test]
fn a_report_written_by_0_1_is_understood() {
    let text = std::fs::read_to_string(project("fixtures/written-by-0.1/report.json")).expect("the fixture");
    let old = report::read(&text, "report.json").unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!((old.schema_version.as_str(), old.rows.read, old.rows.is_conserved()), ("1.0", 4, true));
    let told: Vec<(&str, &str, u64)> = old.findings.iter().map(|f| (f.id.as_str(), f.code.as_str(), f.failing_rows)).collect();
    assert_eq!(told, [("malformed", "malformed", 1), ("missing-id", "missing", 1), ("range-id", "range", 1)]);
    assert!(old.findings.iter().all(|f| f.place.is_none() && f.message.statements().len() == 1));
    assert_eq!(report::read(&report::json(&old), "again").as_ref(), Ok(&old));
}

#[test]
fn groups_samples_and_columns_of_a_report_written_by_0_1_are_understood() {
    for name in ["orders", "people"] {
        let path = project("fixtures/written-by-0.1").join(format!("{name}.json"));
        let text = std::fs::read_to_string(path).expect("the fixture");
        let old = report::read(&text, name).unwrap_or_else(|fault| panic!("{fault}"));
        assert!(old.findings.iter().all(|f| codes().contains(&f.code)) && !old.columns.is_empty());
        assert!(old.findings.iter().any(|f| !f.samples.is_empty()));
        assert_eq!(name == "people", old.findings.iter().any(|f| !f.groups.is_empty()));
        let again = report::json(&old);
        assert_eq!(report::read(&again, name).as_ref(), Ok(&old));
        // What is new is added; all else stands as it stood.
        let (mut new, old): (Json, Json) = (serde_json::from_str(&again).expect("JSON"), serde_json::from_str(&text).expect("JSON"));
        for list in ["findings", "schema_changes"] {
            for item in new[list].as_array_mut().expect("a list") {
                item.as_object_mut().and_then(|item| item.remove("code")).expect("a code");
            }
        }
        assert_eq!(new, old);
    }
}

#[test]
fn faults_of_a_report_written_by_0_1_are_understood() {
    let text = std::fs::read_to_string(project("fixtures/written-by-0.1/faults.json")).expect("the fixture");
    let old = report::read(&text, "faults.json").unwrap_or_else(|fault| panic!("{fault}"));
    let told: Vec<String> = old.faults.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["faults.yaml:3:24: unknown column `nowhere`; known: `id`, `day`"]);
    assert_eq!(report::read(&report::json(&old), "again").as_ref(), Ok(&old));
}

#[test]
fn a_report_of_the_last_minor_version_is_read_to_the_same_bytes() {
    for name in ["orders", "people"] {
        let text = std::fs::read_to_string(project("fixtures/reports-1.1").join(format!("{name}.json"))).expect("the fixture");
        let old = report::read(&text, name).unwrap_or_else(|fault| panic!("{fault}"));
        assert!(old.schema_version == "1.1" && old.history.is_some() && report::json(&old) == text, "{name}");
    }
}

#[test]
fn a_report_of_a_later_major_version_is_a_fault() {
    let text = std::fs::read_to_string(project("fixtures/written-by-0.1/report.json")).expect("the fixture");
    let fault = |text: &str| report::read(text, "x.json").expect_err("a fault").to_string();
    let later = fault(&text.replacen("\"schema_version\": \"1.0\"", "\"schema_version\": \"2.0\"", 1));
    assert_eq!(later, "x.json: a report of schema version 2.0; versions up to 1.2 are understood here; read it with a newer Sluicegate");
    // A later minor version only says more.
    let minor = text.replacen("\"schema_version\": \"1.0\"", "\"schema_version\": \"1.9\", \"mood\": \"good\"", 1);
    assert!(report::read(&minor, "x.json").is_ok());
    assert_eq!(fault("{}"), "x.json: not a report: missing field `schema_version`");
    assert!(fault("[1, 2").starts_with("x.json: not a report: "));
    assert!(fault(&text.replace("\"1.0\"", "\"one\"")).contains("`schema_version` is `one`"));
}

#[test]
fn figures_of_malformed_records_count_them_whatever_the_column_is_called() {
    let run = Place::with("dataset: d\nschema: { columns: { mean: { type: int64 } } }\nrules: []\n", "mean\n1\n2\n3\nx\n").run(&CHECK);
    let text = serde_json::to_string(run.report()).expect("JSON");
    let report = report::read(&text, "r").unwrap_or_else(|fault| panic!("{fault}"));
    let malformed = report.findings.iter().find(|f| f.code == builtin::MALFORMED.code).expect("a finding");
    let (name, figure) = malformed.figures.iter().next().expect("a figure");
    assert_eq!((name, figure.value.as_u64(), figure.unit.as_str()), ("mean", Some(1), "rows"));
}
