//! The parser and the JSON Schema accept and refuse the same rule files: every word of every rule, with many values.

use serde_json::{Value as Json, json};
use sluicegate::rules::RULES;
use sluicegate::ruleset::{RuleFile, Words, json_schema};

/// The least that each rule needs beside the word that is tried.
const NEEDED: &[(&str, &[(&str, &str)])] = &[
    ("missing", &[("column", "a")]),
    ("duplicates", &[]),
    ("conflicts", &[("key", "[a]"), ("on", "[b]")]),
    ("pii", &[("columns", "[a]")]),
    ("labels", &[("column", "a"), ("min_share", "5%")]),
    ("split", &[("key", "[a]"), ("against", "b.csv")]),
    ("vectors", &[("column", "a")]),
    ("gaps", &[("column", "a"), ("every", "1d")]),
    ("foreign_key", &[("column", "a"), ("in", "{ source: b.csv }")]),
    ("range", &[("column", "a"), ("min", "0")]),
    ("values", &[("column", "a"), ("in", "[1]")]),
    ("pattern", &[("column", "a"), ("regex", "x")]),
    ("length", &[("column", "a"), ("min", "0")]),
    ("parse", &[("column", "a"), ("as", "json")]),
    ("expression", &[("sql", "a > 1")]),
    ("query", &[("sql", "SELECT * FROM batch")]),
    ("order", &[("column", "a")]),
    ("stuck", &[("column", "a"), ("max_run", "3")]),
    ("outliers", &[("column", "a")]),
    ("drift", &[("column", "a"), ("against", "x.csv")]),
    ("diff", &[("against", "x.csv"), ("key", "a")]),
    ("statistic", &[("column", "a"), ("of", "mean"), ("max", "1")]),
    ("representation", &[("groups", "[a]"), ("reference", "equal"), ("tolerance", "5 points")]),
    ("gate_bias", &[("groups", "[a]")]),
    ("outcome", &[("groups", "[a]"), ("label", "b"), ("demographic_parity", "5 points")]),
    ("rows", &[("min", "1")]),
    ("freshness", &[("column", "a"), ("max_age", "1d")]),
    ("column_set", &[("count", "3")]),
    ("type", &[("column", "a"), ("is", "int64")]),
    ("json_schema", &[("schema", "{ a: 1 }")]),
];

/// Values as they are written, and as JSON.
fn values() -> Vec<(&'static str, Json)> {
    vec![
        ("0", json!(0)),
        ("1", json!(1)),
        ("7", json!(7)),
        ("3.0", json!(3.0)),
        ("-1", json!(-1)),
        ("0.5", json!(0.5)),
        ("1.5", json!(1.5)),
        ("-0.5", json!(-0.5)),
        ("1e-3", json!(1e-3)),
        ("1000000000000", json!(1_000_000_000_000_u64)),
        ("5%", json!("5%")),
        ("5.6 %", json!("5.6 %")),
        ("100%", json!("100%")),
        ("101%", json!("101%")),
        ("-5%", json!("-5%")),
        ("'0.5'", json!("0.5")),
        ("'1'", json!("1")),
        ("10 rows", json!("10 rows")),
        ("1 row", json!("1 row")),
        ("1% and 10 rows", json!("1% and 10 rows")),
        ("10 rows and 1%", json!("10 rows and 1%")),
        ("1% and 2%", json!("1% and 2%")),
        ("1 row and 2 rows", json!("1 row and 2 rows")),
        ("5 points", json!("5 points")),
        (".5 points", json!(".5 points")),
        ("-5 points", json!("-5 points")),
        ("36h", json!("36h")),
        ("1.5h", json!("1.5h")),
        ("512MB", json!("512MB")),
        ("2026-01-01", json!("2026-01-01")),
        ("a", json!("a")),
        ("banana split", json!("banana split")),
        ("''", json!("")),
        ("malformed", json!("malformed")),
        ("required-x", json!("required-x")),
        ("rows-empty", json!("rows-empty")),
        ("true", json!(true)),
        ("false", json!(false)),
        ("~", json!(null)),
        ("[]", json!([])),
        ("[a]", json!(["a"])),
        ("[a, b]", json!(["a", "b"])),
        ("[1, 2.5]", json!([1, 2.5])),
        ("[[a]]", json!([["a"]])),
        ("[~]", json!([null])),
        ("{}", json!({})),
        ("{ a: 1 }", json!({ "a": 1 })),
        ("{ a: 0.5, b: 50% }", json!({ "a": 0.5, "b": "50%" })),
        ("{ a: { x: 0.5, y: 0.5 } }", json!({ "a": { "x": 0.5, "y": 0.5 } })),
        ("{ type: numeric }", json!({ "type": "numeric" })),
        ("{ type: odd }", json!({ "type": "odd" })),
        ("{ min: 1, max: 3 }", json!({ "min": 1, "max": 3 })),
        ("{ min: -1 }", json!({ "min": -1 })),
        ("{ column: t, last: 7d }", json!({ "column": "t", "last": "7d" })),
        ("{ column: t, last: 7 }", json!({ "column": "t", "last": 7 })),
    ]
}

/// Words of an enumeration, tried beside the values: those that the schema lists, wherever it lists them.
fn listed(schema: &Json, into: &mut Vec<String>) {
    match schema {
        Json::Object(entries) => {
            for (key, inner) in entries {
                match (key.as_str(), inner) {
                    ("const", Json::String(word)) => into.push(word.clone()),
                    ("enum", Json::Array(words)) => into.extend(words.iter().filter_map(|w| Some(w.as_str()?.to_owned()))),
                    _ => listed(inner, into),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| listed(item, into)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// What the schema does not express: type names are a language of their own (`decimal(15,2)`, `list<string>`), and the
/// schema of `json_schema` is a file that must be there, or must itself be valid.
fn is_known(word: &str) -> bool {
    matches!(word, "is" | "schema")
}

/// Values of a word's JSON: those of the table, and each word that the schema lists.
fn yaml_of(entries: &[(&str, &str)]) -> String {
    entries.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ")
}

fn json_of(written: &str) -> Json {
    values().into_iter().find(|(text, _)| *text == written).map_or_else(|| json!(written), |(_, json)| json)
}

#[test]
fn the_parser_and_the_json_schema_agree_on_rules_without_a_word() {
    let validator = jsonschema::validator_for(&json_schema()).expect("a valid JSON Schema");
    for name in RULES.iter().map(|rule| rule.name).chain(["malformed", "banana"]) {
        for (written, json) in
            [(name.to_owned(), json!(name)), (format!("{name}:"), json!({ name: null })), (format!("{name}: {{}}"), json!({ name: {} }))]
        {
            let parsed = RuleFile::parse(&format!("dataset: d\nrules:\n  - {written}\n"), "r");
            let valid = validator.is_valid(&json!({ "dataset": "d", "rules": [json] }));
            assert_eq!(parsed.is_ok(), valid, "{written}: {:?}", parsed.err().map(|faults| faults.to_string()));
        }
    }
}

#[test]
fn the_parser_and_the_json_schema_agree_on_every_value_of_every_word() {
    let schema = json_schema();
    let validator = jsonschema::validator_for(&schema).expect("a valid JSON Schema");
    let (mut tried, mut differences, mut known) = (0, Vec::new(), 0);
    let mut words_listed = Vec::new();
    listed(&schema, &mut words_listed);
    words_listed.retain(|word| !RULES.iter().any(|rule| rule.name == word));
    words_listed.sort();
    words_listed.dedup();
    for rule in RULES {
        let (_, needed) = NEEDED.iter().find(|(name, _)| *name == rule.name).unwrap_or_else(|| panic!("{}: what does it need?", rule.name));
        let own = (rule.schema)(&mut schemars::SchemaGenerator::default());
        let own: Vec<String> = own.get("properties").and_then(|p| p.as_object()).map(|p| p.keys().cloned().collect()).unwrap_or_default();
        let unknown = ["banana".to_owned()];
        for word in own.iter().map(String::as_str).chain(Words::KEYS).chain(unknown.iter().map(String::as_str)) {
            let all = values().into_iter().map(|(text, json)| (text.to_owned(), json));
            for (written, value) in all.chain(words_listed.iter().map(|w| (format!("'{w}'"), json!(w)))) {
                // These stand instead of `column`; that both together are refused is tried by the others.
                let is_instead = |key: &str| key == "column" && (word == "columns" || word == "together") && written.len() % 2 == 0;
                let others: Vec<(&str, &str)> = needed.iter().filter(|(key, _)| *key != word && !is_instead(key)).copied().collect();
                let config = yaml_of(&[others.as_slice(), &[(word, written.as_str())]].concat());
                let text = format!("dataset: d\nrules:\n  - {}: {{ {config} }}\n", rule.name);
                let mut object: serde_json::Map<String, Json> = others.iter().map(|(k, v)| ((*k).to_owned(), json_of_needed(v))).collect();
                object.insert(word.to_owned(), value);
                let tree = json!({ "dataset": "d", "rules": [{ rule.name: object }] });
                // What a file holds that a rule names is not the schema's business.
                let (parsed, valid) = (RuleFile::read(&text, "r").faults.or_ok(()), validator.is_valid(&tree));
                tried += 1;
                if parsed.is_ok() == valid {
                    continue;
                }
                if is_known(word) {
                    known += 1;
                    continue;
                }
                let said = parsed.err().map_or_else(|| "accepts it".to_owned(), |faults| format!("says: {faults}"));
                differences.push(format!(
                    "{} {{ {config} }}: the schema {}, the parser {said}",
                    rule.name,
                    if valid { "accepts it" } else { "refuses it" }
                ));
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
    assert!(differences.is_empty(), "{} of {tried} ({known} known): {:#?}", differences.len(), differences);
}

/// A needed value as JSON.
fn json_of_needed(written: &str) -> Json {
    match written {
        "[1]" => json!([1]),
        "3" => json!(3),
        _ => json_of(written),
    }
}
