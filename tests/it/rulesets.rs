//! Rule files: the parser and the generated JSON Schema agree, and every mistake is named with its place.

use serde_json::{Map, Number, Value as Json};
use sluicegate::ruleset::RuleFile;
use sluicegate::yaml::{Node, Value};

use crate::support::{files_below, project};

/// A YAML tree as JSON, by YAML's core schema.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Scalar { text, quoted: true } => text.as_str().into(),
        Value::Scalar { text, quoted: false } => match text.as_str() {
            "true" => true.into(),
            "false" => false.into(),
            number if number.parse::<i64>().is_ok() => number.parse::<i64>().expect("checked").into(),
            number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                number.parse().ok().and_then(Number::from_f64).map_or_else(|| number.into(), Json::Number)
            }
            text => text.into(),
        },
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(entries) => Json::Object(entries.iter().map(|e| (e.key.clone(), json(&e.value))).collect::<Map<String, Json>>()),
    }
}

#[test]
fn valid_rule_files_pass_the_parser_and_the_json_schema() {
    let validator = jsonschema::validator_for(&sluicegate::ruleset::json_schema()).expect("a valid JSON Schema");
    let mut files = files_below(&project("tests/rulesets/valid"), "yaml");
    files.extend(files_below(&project("rules"), "yaml"));
    assert!(files.len() >= 6);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("read");
        if let Err(faults) = RuleFile::parse(&text, &file.display().to_string()) {
            panic!("{faults}");
        }
        let tree = json(&Node::parse(&text, "x").expect("YAML"));
        let errors: Vec<String> = validator.iter_errors(&tree).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
}

#[test]
fn invalid_rule_files_name_every_mistake_with_place_and_hint() {
    let files = files_below(&project("tests/rulesets/invalid"), "yaml");
    assert!(files.len() >= 12);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("read");
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let faults = match RuleFile::parse(&text, &name) {
            Ok(_) => panic!("{}: is valid", file.display()),
            Err(faults) => faults,
        };
        assert!(!faults.is_empty() && faults.0.iter().all(|f| f.place.is_some()), "{}: {faults}", file.display());
        if name == "five_mistakes.yaml" {
            assert_eq!(faults.0.len(), 5, "{faults}");
        }
        insta::with_settings!({
            snapshot_path => file.parent().expect("a folder").join("snapshots"), prepend_module_to_snapshot => false, omit_expression => true
        }, {
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), faults.to_string());
        });
    }
}

#[test]
fn layout_and_comments_do_not_change_the_digest() {
    let digest = |text: &str| RuleFile::parse(text, "r").unwrap_or_else(|f| panic!("{f}")).digest;
    let one = digest("dataset: a\nrules:\n  - missing: { column: x }\ngate: { publish: p }\n");
    let same = digest("# a comment\ndataset: a\ngate: { publish: q }\nrules:\n  - missing:\n      column: x\n");
    let other = digest("dataset: a\nrules:\n  - missing: { column: y }\n");
    // The order of sections is layout only where the sections mean the same in any order.
    assert_eq!(one, same);
    assert_ne!(one, other);
}
