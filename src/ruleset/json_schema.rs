//! The JSON Schema of a rule file, from the code that reads it.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::{Sections, Words};
use crate::findings::builtin;
use crate::rules::words::OnFail;
use crate::rules::{EarlierLimit, RULES, RuleEntry, Subject};

/// The JSON Schema (draft 2020-12) of rule files.
pub fn json_schema() -> Json {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let words = properties(&mut generator.root_schema_for::<Words>().to_value());
    let mut rules: Vec<Json> = RULES.iter().map(|rule| rule_schema(rule, &words, &mut generator)).collect();
    rules.push(malformed_schema(&words, &mut generator));
    rules.push(use_schema());
    let mut root = generator.into_root_schema_for::<Sections>().to_value();
    if let Some(properties) = root.get_mut("properties").and_then(Json::as_object_mut) {
        properties.insert(
            "rules".into(),
            json!({ "description": "The rules, each `- name: { … }`.", "type": ["array", "null"], "items": { "anyOf": rules } }),
        );
    }
    // A section or column left empty is read as an empty mapping.
    for empty in ["SourceSection", "GateSection", "ColumnContract"] {
        root["$defs"][empty]["type"] = json!(["object", "null"]);
    }
    short_forms(&mut root);
    super::several::complete_schema(&mut root);
    root["$id"] = "https://sluicegate.dev/schemas/rules-1.json".into();
    root
}

/// What may be written shorter: a list of one without brackets, a source as its path, a contract's column as its type.
fn short_forms(root: &mut Json) {
    let definitions = root["$defs"].clone();
    lists_of_one(root, &definitions);
    let texts = json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
    for (name, short) in [("SourceSection", texts), ("ColumnContract", json!({ "$ref": "#/$defs/TypeName" }))] {
        let long = root["$defs"][name].take();
        root["$defs"][name] = json!({ "anyOf": [long, short] });
    }
}

/// Lets each list of single values also be one such value.
fn lists_of_one(schema: &mut Json, definitions: &Json) {
    match schema {
        Json::Array(all) => all.iter_mut().for_each(|one| lists_of_one(one, definitions)),
        Json::Object(object) => {
            object.values_mut().for_each(|value| lists_of_one(value, definitions));
            let is_list =
                object.get("type").is_some_and(|t| t == "array" || t.as_array().is_some_and(|all| all.iter().any(|t| t == "array")));
            // A pair is never one value.
            let is_list = is_list && object.get("minItems").and_then(Json::as_u64).is_none_or(|least| least < 2);
            let Some(item) = object.get("items").filter(|item| is_list && is_single(item, definitions)).cloned() else { return };
            let description = object.remove("description");
            let list = Json::Object(std::mem::take(object));
            object.extend(description.map(|text| ("description".to_owned(), text)));
            object.insert("anyOf".to_owned(), json!([list, item]));
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Whether a schema is about single values.
fn is_single(schema: &Json, definitions: &Json) -> bool {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return is_single(&definitions[name], definitions);
    }
    let is_single_type = |t: &Json| matches!(t.as_str(), Some("string" | "number" | "integer" | "boolean"));
    match (&schema["type"], &schema["oneOf"], &schema["anyOf"]) {
        (Json::Array(types), ..) => types.iter().any(is_single_type),
        (Json::String(_), ..) => is_single_type(&schema["type"]),
        (_, Json::Array(any), _) | (_, _, Json::Array(any)) => any.iter().all(|one| is_single(one, definitions)),
        _ => schema.get("const").is_some() || schema.get("enum").is_some(),
    }
}

/// `{ name: configuration }`, with the words common to all rules among the configuration's keys.
fn rule_schema(rule: &RuleEntry, words: &Map<String, Json>, generator: &mut SchemaGenerator) -> Json {
    let mut schema = (rule.schema)(generator).to_value();
    let mut all = properties(&mut schema);
    for key in Words::keys_for(rule) {
        let word = match key {
            "warn" => warn_schema(rule.warn, words, generator),
            "on_fail" if !rule.names_rows => json!({ "description": words[key]["description"], "enum": ["reject", "warn", "info", null] }),
            "id" => json!({
                "description": words[key]["description"],
                "type": ["string", "null"],
                "not": { "type": "string", "pattern": format!("^(?!{}$)({})$", rule.name, builtin::reserved()) }
            }),
            _ => words[key].clone(),
        };
        all.insert(key.to_owned(), word);
    }
    schema["properties"] = Json::Object(all);
    schema["additionalProperties"] = false.into();
    let mut conditions = vec![evidence(rule)];
    conditions.extend((rule.subject == Subject::Column).then(|| columns(rule)));
    schema["allOf"] = conditions.into();
    // Without any word: a rule that needs none.
    let needs_words = rule.subject == Subject::Column || schema.get("required").is_some();
    let config = match (needs_words, rule.short) {
        (true, None) => schema,
        (true, Some(_)) => json!({ "anyOf": [schema, { "type": ["string", "boolean"] }] }),
        (false, _) => json!({ "anyOf": [{ "type": "null" }, schema] }),
    };
    let named = json!({ "type": "object", "properties": { rule.name: config }, "required": [rule.name], "additionalProperties": false });
    if needs_words { named } else { json!({ "anyOf": [named, { "const": rule.name }] }) }
}

/// A rule about columns names one, or several, or uses a word that names them itself.
fn columns(rule: &RuleEntry) -> Json {
    let words = || ["column", "columns"].iter().chain(rule.about_rows);
    let one = |word: &&'static str| {
        let others: Map<String, Json> =
            words().filter(|other| *other != word).map(|w| ((*w).to_owned(), json!({ "type": "null" }))).collect();
        let mut properties = others;
        properties.insert((*word).to_owned(), json!({ "not": { "type": "null" } }));
        json!({ "required": [word], "properties": properties })
    };
    json!({ "anyOf": words().map(one).collect::<Vec<_>>() })
}

/// What lacks evidence names no rows, so none can be set aside for it.
fn evidence(rule: &RuleEntry) -> Json {
    let then = match rule.on_fail {
        OnFail::Quarantine => json!({ "required": ["on_fail"], "properties": { "on_fail": { "enum": ["reject", "warn", "info"] } } }),
        OnFail::Reject | OnFail::Warn | OnFail::Info => json!({ "properties": { "on_fail": { "not": { "const": "quarantine" } } } }),
    };
    json!({ "if": { "required": ["require_evidence"], "properties": { "require_evidence": { "const": true } } }, "then": then })
}

/// `warn` is of the kind of the rule's own limit.
fn warn_schema(limit: EarlierLimit, words: &Map<String, Json>, generator: &mut SchemaGenerator) -> Json {
    json!({ "description": words["warn"]["description"], "anyOf": [limit.schema(generator), { "type": "null" }] })
}

fn malformed_schema(words: &Map<String, Json>, generator: &mut SchemaGenerator) -> Json {
    let mut properties: Map<String, Json> = Words::OF_MALFORMED.iter().map(|k| ((*k).to_owned(), words[*k].clone())).collect();
    properties.insert("warn".to_owned(), warn_schema(EarlierLimit::Rows, words, generator));
    let named = json!({
        "type": "object",
        "description": "Records that cannot be read: what follows, and how many are tolerated. They are set aside in any case.",
        "properties": { "malformed": { "type": ["object", "null"], "properties": properties, "additionalProperties": false } },
        "required": ["malformed"],
        "additionalProperties": false
    });
    json!({ "anyOf": [named, { "const": "malformed" }] })
}

fn use_schema() -> Json {
    let template = json!({ "type": "string", "description": "The name of the template, as `templates` has it." });
    let with = json!({ "type": ["object", "null"], "description": "What its parameters stand for, by name." });
    let keys = json!({ "template": template, "with": with });
    json!({
        "type": "object",
        "description": "The rules of a template in this place.",
        "properties": { "use": { "type": "object", "properties": keys, "required": ["template"], "additionalProperties": false } },
        "required": ["use"],
        "additionalProperties": false
    })
}

fn properties(schema: &mut Json) -> Map<String, Json> {
    match schema.get_mut("properties").map(Json::take) {
        Some(Json::Object(properties)) => properties,
        _ => Map::new(),
    }
}
