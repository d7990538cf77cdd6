//! JSON Schemas held against records and columns that are no flat text: nested ones, infinite numbers; where schema files may
//! lie, and that they belong to the rule file.

use crate::support::Place;

const NESTED: &str = r#"{"id": 1, "tags": ["a", "b"], "who": {"name": "x", "age": 3}}
{"id": 2, "tags": ["a", ""], "who": {"name": "x", "age": 3}}
{"id": 3, "tags": [], "who": {"name": "x", "age": -3}}
{"id": 4, "tags": ["a", null], "who": null}
{"id": 5, "who": {"age": 1}}
"#;

#[test]
fn nested_columns_and_whole_records_are_judged_as_json() {
    let place = Place::new();
    place.write("data.ndjson", NESTED);
    place.write(
        "rules.yaml",
        r#"
dataset: t
rules:
  - json_schema: { id: tags, column: tags, on_fail: warn, schema: { minItems: 1, items: { type: string, minLength: 1 } } }
  - json_schema: { id: tags-needed, column: tags, nulls: fail, on_fail: warn, schema: { type: array } }
  - json_schema: { id: who, column: who, on_fail: warn, schema: { required: [name], properties: { name: { type: string }, age: { minimum: 0 } } } }
  - json_schema: { id: who-omitted, column: who, omit_missing: true, on_fail: warn, schema: { required: [name] } }
  - json_schema: { id: name, column: who.name, on_fail: warn, schema: { minLength: 1 } }
  - json_schema: { id: record, on_fail: warn, schema: { properties: { who: { type: object, properties: { age: { minimum: 0 } } }, tags: { type: array } } } }
"#,
    );
    let run = place.run(&["check", "data.ndjson", "-r", "rules.yaml"]);
    let message = |id: &str| run.finding(id)["message"].as_str().expect("a message").to_owned();
    let tags = "the value: minItems (1 row), `[]`: minLength (1 row), `[]`: type (1 row)";
    let says = "do not match the JSON Schema";
    assert_eq!(message("tags"), format!("3 of 5 rows (60.0%) {says}: {tags}"));
    assert_eq!(message("tags-needed"), format!("1 of 5 rows (20.0%) {says}"));
    assert_eq!(message("who"), format!("2 of 5 rows (40.0%) {says}: `age`: minimum (1 row), `name`: type (1 row)"));
    assert_eq!(message("who-omitted"), format!("1 of 5 rows (20.0%) {says}: `name`: required (1 row)"));
    // A text column holds JSON text, and `x` is none.
    assert_eq!(message("name"), format!("3 of 5 rows (60.0%) {says}: the value: not JSON (3 rows)"));
    let record = "`tags`: type (1 row), `who`: type (1 row), `who.age`: minimum (1 row)";
    assert_eq!(message("record"), format!("3 of 5 rows (60.0%) {says}: {record}"));
    assert_eq!(run.finding("record")["figures"]["`who.age`: minimum"], 1);
}

#[test]
fn elements_of_lists_are_judged_and_their_rows_named() {
    let place = Place::new();
    place.write("data.ndjson", "{\"l\": [\"1\", \"2\"]}\n{\"l\": [\"1\", \"{\"]}\n{\"l\": []}\n");
    place.write("rules.yaml", "dataset: t\nrules:\n  - json_schema: { column: \"l[]\", schema: { type: integer } }\n");
    let run = place.run(&["check", "data.ndjson", "-r", "rules.yaml"]);
    assert_eq!(run.finding("json_schema-l")["message"], "1 of 3 rows (33.3%) do not match the JSON Schema");
    assert_eq!(run.verdict(), "quarantine");
}

#[test]
fn json_has_no_infinity_and_nan_is_missing() {
    let place = Place::new();
    place.write("data.csv", "x\n1.5\ninf\nnan\n");
    place.write("rules.yaml", "dataset: t\nrules:\n  - json_schema: { schema: { properties: { x: { type: [number, \"null\"] } } } }\n");
    let run = place.run(&["check", "data.csv", "-r", "rules.yaml"]);
    let message = "1 of 3 rows (33.3%) do not match the JSON Schema: `x`: infinite, which JSON cannot say (1 row)";
    assert_eq!(run.finding("json_schema")["message"], message);
}

#[test]
fn rows_that_fail_are_set_aside_and_measures_do_not_see_them() {
    let place = Place::new();
    place.write("data.csv", "id,payload\n1,\"{\"\"n\"\": 1}\"\n2,\"{\"\"n\"\": -1}\"\n3,\"[\"\n4,\"{\"\"n\"\": 4}\"\n");
    let rules = "dataset: t\nschema: { columns: { payload: { type: string } } }\nrules:\n  - json_schema: { column: payload, schema: { properties: { n: { minimum: 0 } } } }\n  - statistic: { column: id, of: max, max: 4 }\n  - statistic: { id: mean, column: id, of: mean, min: 2.5, max: 2.5 }\n";
    place.write("rules.yaml", rules);
    for (input, publish) in [("data.csv", "of-file.parquet"), ("-", "of-stream.parquet")] {
        let arguments = ["gate", input, "-r", "rules.yaml", "--publish", publish, "--format", "csv"];
        let run = match input {
            "-" => crate::support::run_with_input(place.path("").as_path(), &arguments, &place.path("data.csv")),
            _ => place.run(&arguments),
        };
        assert_eq!((run.code, run.rows("published"), run.rows("quarantined")), (0, 2, 2), "{}", run.stderr);
        let message = "2 of 4 rows (50.0%) do not match the JSON Schema: the value: not JSON (1 row), `n`: minimum (1 row)";
        assert_eq!(run.finding("json_schema-payload")["message"], message);
        assert_eq!(run.finding("mean")["outcome"], "pass", "1 and 4 are left");
    }
}

#[test]
fn a_schema_file_is_read_below_the_root_only() {
    let place = Place::new();
    place.write("in/data.csv", "x\n1\n");
    place.write("secret.json", "{\"type\": \"nonsense of a stranger\"}");
    place.write("in/schema.json", "{\"properties\": {\"x\": {\"type\": \"integer\"}}}");
    for path in ["secret.json", "in/../secret.json"] {
        place.write("in/rules.yaml", format!("dataset: t\nrules:\n  - json_schema: {{ schema: {path} }}\n"));
        for command in ["check", "gate"] {
            let run = place.run(&[command, "in/data.csv", "-r", "in/rules.yaml", "--root", "in"]);
            assert_eq!(run.code, 2);
            assert!(run.stderr.starts_with("error: in/rules.yaml:3:28: `"), "{}", run.stderr);
            assert!(!run.stderr.contains("nonsense"), "what is outside is not shown: {}", run.stderr);
        }
    }
    place.write("in/rules.yaml", "dataset: t\nrules:\n  - json_schema: { schema: in/schema.json }\n");
    let run = place.run(&["check", "in/data.csv", "-r", "in/rules.yaml", "--root", "in"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_changed_schema_file_is_a_changed_rule_file() {
    let place = Place::new();
    place.write("data.csv", "x\n1\n");
    place.write("rules.yaml", "dataset: t\nrules:\n  - json_schema: { schema: schema.json }\n");
    let digest = |schema: &str| {
        place.write("schema.json", schema);
        let run = place.run(&["check", "data.csv", "-r", "rules.yaml"]);
        run.report()["batch"]["rules_digest"].as_str().expect("a digest").to_owned()
    };
    let first = digest("{\"properties\": {\"x\": {\"minimum\": 0}}}");
    assert_ne!(digest("{\"properties\": {\"x\": {\"minimum\": 1}}}"), first);
    assert_eq!(digest("{\"properties\": {\"x\": {\"minimum\": 0}}}"), first);
}

/// What a draft makes of a schema that only some of them know.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    /// The value fails.
    Fails,
    /// The keyword means nothing there.
    Passes,
    /// The draft's own meta-schema does not allow it.
    Refuses,
}

/// The schemas and values are after the drafts' texts: what each of them introduced, changed or dropped.
#[test]
fn each_draft_holds_by_its_own_keywords() {
    use Says::{Fails, Passes, Refuses};
    let drafts = [
        ("4", "http://json-schema.org/draft-04/schema#"),
        ("6", "http://json-schema.org/draft-06/schema#"),
        ("7", "http://json-schema.org/draft-07/schema#"),
        ("2019-09", "https://json-schema.org/draft/2019-09/schema"),
        ("2020-12", "https://json-schema.org/draft/2020-12/schema"),
    ];
    let probes = [
        (r#"{"minimum": 0, "exclusiveMinimum": true}"#, "0", [Fails, Refuses, Refuses, Refuses, Refuses]),
        (r#"{"exclusiveMinimum": 0}"#, "0", [Refuses, Fails, Fails, Fails, Fails]),
        (r#"{"const": 1}"#, "2", [Passes, Fails, Fails, Fails, Fails]),
        (r#"{"contains": {"type": "integer"}}"#, "[]", [Passes, Fails, Fails, Fails, Fails]),
        (r#"{"if": {"type": "integer"}, "then": {"minimum": 0}}"#, "-1", [Passes, Passes, Fails, Fails, Fails]),
        (r#"{"dependentRequired": {"a": ["b"]}}"#, r#"{"a": 1}"#, [Passes, Passes, Passes, Fails, Fails]),
        (r#"{"contains": {"type": "integer"}, "minContains": 2}"#, "[1]", [Passes, Passes, Passes, Fails, Fails]),
        (r#"{"properties": {"a": {}}, "unevaluatedProperties": false}"#, r#"{"b": 1}"#, [Passes, Passes, Passes, Fails, Fails]),
        // Before 2019-09 nothing beside `$ref` counts.
        (
            r##"{"definitions": {"i": {"type": "integer"}}, "$ref": "#/definitions/i", "maximum": 1}"##,
            "5",
            [Passes, Passes, Passes, Fails, Fails],
        ),
        (r#"{"items": [{"type": "integer"}]}"#, r#"["x"]"#, [Fails, Fails, Fails, Fails, Refuses]),
        (r#"{"prefixItems": [{"type": "integer"}]}"#, r#"["x"]"#, [Passes, Passes, Passes, Passes, Fails]),
    ];
    let place = Place::new();
    for (schema, value, expected) in probes {
        place.write("d.csv", format!("payload\n\"{}\"\n", value.replace('"', "\"\"")));
        for ((draft, uri), expected) in drafts.iter().zip(expected) {
            let named = format!("{{\"$schema\": \"{uri}\", {}", &schema[1..]);
            place.write("s.json", schema);
            place.write("named.json", named);
            for config in [format!("schema: s.json, draft: \"{draft}\""), "schema: named.json".to_owned()] {
                let contract = "schema: { columns: { payload: string } }\n";
                place.write(
                    "r.yaml",
                    format!("dataset: t\n{contract}rules:\n  - json_schema: {{ column: payload, on_fail: warn, {config} }}\n"),
                );
                let run = place.run(&crate::support::CHECK);
                let says = match run.code {
                    2 => Refuses,
                    _ if run.finding("json_schema-payload")["failing_rows"] == 1 => Fails,
                    _ => Passes,
                };
                assert_eq!(says, expected, "{schema} under {draft}, {config}: {}", run.stderr);
            }
        }
    }
}
