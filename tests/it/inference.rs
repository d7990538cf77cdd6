//! Types that no contract gives: the join over all rows, whatever order and units they come in.

use crate::support::{Place, Run};

const RULES: &str = "dataset: t\nrules: [{ missing: { columns: [id] } }]\nprofile: basic\n";

/// The type of `v` over `files`, each of which is a unit of its own.
fn type_of(files: &[&str]) -> (String, Run) {
    let place = Place::new();
    place.write("r.yaml", RULES);
    let mut arguments = vec!["check".to_owned(), "-r".into(), "r.yaml".into()];
    for (i, values) in files.iter().enumerate() {
        let lines: String = values.split('|').enumerate().map(|(n, v)| format!("{i}{n},{v}\n")).collect();
        place.write(&format!("f{i}.csv"), format!("id,v\n{lines}"));
        arguments.push(format!("f{i}.csv"));
    }
    let run = place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, 0, "{files:?}: {}{}", run.stderr, run.stdout);
    let column = &run.report()["columns"][1];
    (column["type"].as_str().expect("a type").to_owned(), run)
}

#[test]
fn the_type_is_the_join_over_all_rows_in_any_order() {
    let cases = [
        (["10|20", "2024-01-01|2024-01-02"], "string"),
        (["10|20", "true|false"], "string"),
        (["1.5|2", "2024-01-01T00:00:00Z|2024-01-02T00:00:00Z"], "string"),
        (["|", "1|2"], "int64"),
        (["|", "|"], "string"),
        (["1|2", "3|4.5"], "float64"),
        (["2024-01-01|", "2024-01-02 10:00|"], "timestamp(us)"),
        (["7|8", "017|9"], "string"),
        (["9007199254740993|1", "9007199254740992|2"], "int64"),
        (["9007199254740993|9007199254740992", "0.5|1"], "string"),
        (["1|2", "1e400|3"], "string"),
        (["2024-01-01T00:00:00.1|2024-01-01", "2024-01-01T00:00:00.123456789|2024-01-01"], "string"),
    ];
    for (files, expected) in cases {
        assert_eq!(type_of(&files).0, expected, "{files:?}");
        let reversed = [files[1], files[0]];
        assert_eq!(type_of(&reversed).0, expected, "{reversed:?}");
        assert_eq!(type_of(&files).1.rows("malformed"), 0, "{files:?}");
    }
}

#[test]
fn a_column_that_contradicts_its_contract_is_a_schema_change_also_with_a_format() {
    let place = Place::new();
    place.write("d.csv", "id,v\n1,2024-01-01\n2,2024-01-02\n3,\n");
    let rules =
        "dataset: t\nschema: { evolution: EVOLUTION, columns: { id: {}, v: { type: date, format: \"%d/%m/%Y\" }, w: {} } }\nrules: []\n";
    place.write("any.yaml", rules.replace("EVOLUTION", "any"));
    place.write("full.yaml", rules.replace("EVOLUTION", "full"));
    let any = place.run(&["check", "d.csv", "-r", "any.yaml"]);
    assert_eq!((any.code, any.rows("malformed")), (0, 0), "{}", any.stdout);
    let full = place.run(&["check", "d.csv", "-r", "full.yaml"]);
    assert_eq!((full.code, full.verdict()), (1, "reject"), "{}", full.stdout);
    let change = full.report()["schema_changes"].as_array().expect("changes").iter().find(|c| c["path"] == "v").expect("a change of v");
    assert_eq!((&change["kind"], &change["from"]), (&"format_changed".into(), &"%d/%m/%Y".into()));
    assert_eq!(any.report()["schema_changes"].as_array().map(Vec::len), full.report()["schema_changes"].as_array().map(Vec::len));
}

#[test]
fn a_file_of_malformed_records_is_set_aside_whole() {
    let place = Place::new();
    place.write("r.yaml", "dataset: t\nrules: []\ngate: { publish: out, reject_above: 100% }\n");
    place.write("d.csv", format!("a,b\n1,2\n{}", "1,2,3\n".repeat(30_000)));
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!((run.code, run.rows("quarantined"), run.rows("published")), (0, 30_000, 1), "{}", run.stderr);
    assert_eq!(crate::gate::read(&place.part("out_quarantine", "b")).num_rows(), 30_000);
}

#[test]
fn on_no_data_pass_is_no_warning_and_stop_stops_by_group_too() {
    let place = Place::new();
    place.write("d.csv", "g,v\nf,\nf,\nm,1\nm,2\nm,3\nm,4\nm,5\nm,6\n");
    let rules = |words: &str| {
        format!(
            "dataset: t\nschema: {{ columns: {{ g: {{ type: string }}, v: {{ type: float64 }} }} }}\nrules: [{{ outliers: {{ column: v, by: [g]{words} }} }}]\n"
        )
    };
    for (words, codes) in [(", on_no_data: pass", [0, 0]), ("", [0, 1]), (", on_no_data: stop", [2, 2])] {
        place.write("r.yaml", rules(words));
        let code = |strict: &[&str]| place.run(&[&["check", "d.csv", "-r", "r.yaml"], strict].concat()).code;
        assert_eq!([code(&[]), code(&["--strict"])], codes, "{words:?}");
    }
}
