//! The shape of a rule file before it is read: short forms written out, and files that are something else.

use super::item;
use crate::diagnostic::{Code, Fault, Place, may_mean};
use crate::rules::schema::TypeName;
use crate::rules::{self, RECORD_SCHEMA};
use crate::source::Format;
use crate::yaml::{self, Entry, Node, Value};

/// Short forms written out: `source: data.csv` is `source: { path: data.csv }`, and in a contract `age: int64` is
/// `age: { type: int64 }`; the value of a rule is that of its one key. A JSON Schema that the contract names becomes a rule.
pub(super) fn written_out(tree: &mut Node) {
    let Value::Mapping(sections) = &mut tree.value else { return };
    let implied = sections.iter_mut().find(|section| section.key == "schema").and_then(|section| record_schema(&mut section.value));
    if let Some(rule) = implied {
        match sections.iter_mut().find(|section| section.key == "rules").map(|section| &mut section.value.value) {
            Some(Value::Sequence(rules)) => rules.push(rule),
            Some(empty @ Value::Null) => *empty = Value::Sequence(vec![rule]),
            Some(Value::Mapping(_) | Value::Scalar { .. }) => {}
            None => {
                let at = rule.at;
                sections.push(Entry { key: "rules".to_owned(), key_at: at, value: Node { at, value: Value::Sequence(vec![rule]) } });
            }
        }
    }
    for section in sections {
        match section.key.as_str() {
            "source" if matches!(section.value.value, Value::Scalar { .. } | Value::Sequence(_)) => wrap(&mut section.value, "path"),
            "rules" => {
                if let Value::Sequence(rules) = &mut section.value.value {
                    rules.iter_mut().for_each(short_rule);
                }
            }
            "tables" => {
                if let Value::Mapping(tables) = &mut section.value.value {
                    tables.iter_mut().for_each(|table| written_out(&mut table.value));
                }
            }
            "schema" => {
                let Value::Mapping(keys) = &mut section.value.value else { continue };
                let columns = keys.iter_mut().filter(|key| key.key == "columns").flat_map(|columns| match &mut columns.value.value {
                    Value::Mapping(columns) => columns.as_mut_slice(),
                    Value::Null | Value::Scalar { .. } | Value::Sequence(_) => &mut [],
                });
                columns.filter(|c| matches!(c.value.value, Value::Scalar { .. })).for_each(|column| wrap(&mut column.value, "type"));
            }
            _ => {}
        }
    }
}

/// `- name: VALUE`, of a rule that such a value says enough of.
fn short_rule(item: &mut Node) {
    let Value::Mapping(entries) = &mut item.value else { return };
    if let [Entry { key, value, .. }] = entries.as_mut_slice()
        && let (Value::Scalar { .. }, Some(short)) = (&value.value, rules::find(key).and_then(|rule| rule.short))
    {
        wrap(value, short);
    }
}

/// The rule that a contract's JSON Schema is, taken out of the contract.
fn record_schema(contract: &mut Node) -> Option<Node> {
    let Value::Mapping(keys) = &mut contract.value else { return None };
    let is_named = |key: &Entry| key.key == RECORD_SCHEMA.name && matches!(key.value.value, Value::Scalar { .. });
    let entry = keys.remove(keys.iter().position(is_named)?);
    Some(Node { at: entry.key_at.to(entry.value.at), value: Value::Mapping(vec![entry]) })
}

/// A contract whose columns stand beside `columns`: they are read as if they stood within it.
pub(super) fn without_columns(tree: &mut Node, path: &str) -> Option<Fault> {
    const KEYS: [&str; 3] = ["evolution", "on_fail", "columns"];
    let Value::Mapping(sections) = &mut tree.value else { return None };
    let schema = sections.iter_mut().find(|section| section.key == "schema")?;
    if schema.value.get("columns").is_some() {
        return None;
    }
    let Value::Mapping(keys) = &mut schema.value.value else { return None };
    let is_type = |node: &Node| node.get("type").is_some() || yaml::read::<TypeName>(node, path).is_ok();
    let is_column = |entry: &Entry| !KEYS.iter().any(|key| may_mean(&entry.key, key)) && is_type(&entry.value);
    let (columns, rest): (Vec<Entry>, Vec<Entry>) = std::mem::take(keys).into_iter().partition(is_column);
    *keys = rest;
    let (first, last) = (columns.first()?, columns.last()?);
    let at = first.key_at.to(last.value.at);
    let fault = Fault::new(Code::UnknownWord, format!("unknown key `{}`: the columns of the contract stand within `columns`", first.key));
    let fault = fault.at(first.key_at.in_file(path)).hint(format!("write `schema: {{ columns: {{ {}: … }} }}`", first.key));
    keys.push(Entry { key: "columns".to_owned(), key_at: at, value: Node { at, value: Value::Mapping(columns) } });
    Some(fault)
}

/// Rules that stand in the list of another section, because the line `rules:` is missing above them: they are read as rules.
pub(super) fn without_rules(tree: &mut Node, path: &str) -> Option<Fault> {
    let Value::Mapping(sections) = &mut tree.value else { return None };
    let has_rules = sections.iter().any(|section| section.key == "rules");
    let is_rule = |node: &Node| matches!(node.entries(), [entry] if item::is_rule(&entry.key));
    let section = sections.iter_mut().find(|section| matches!(section.key.as_str(), "clean" | "known"))?;
    let Value::Sequence(items) = &mut section.value.value else { return None };
    let (rules, rest): (Vec<Node>, Vec<Node>) = std::mem::take(items).into_iter().partition(is_rule);
    *items = rest;
    let (first, last) = (rules.first()?.clone(), rules.last()?);
    let name = &first.entries().first()?.key;
    let fault = Fault::new(Code::MisplacedWord, format!("`{name}` is a rule, and this is the section `{}`", section.key))
        .at(first.at.in_file(path));
    if has_rules {
        return Some(fault.hint("move it below `rules:`"));
    }
    let at = first.at.to(last.at);
    sections.push(Entry { key: "rules".to_owned(), key_at: first.at, value: Node { at, value: Value::Sequence(rules) } });
    Some(fault.hint("is the line `rules:` missing above it?"))
}

fn wrap(node: &mut Node, key: &str) {
    let at = node.at;
    let inner = std::mem::replace(node, Node { at, value: Value::Null });
    node.value = Value::Mapping(vec![Entry { key: key.to_owned(), key_at: at, value: inner }]);
}

const BEGIN: &str = "a rule file begins with `dataset: NAME`; then comes `rules:`, a list such as `- missing: { column: email }`";

/// What the file is, if it is the file of another tool: there is no use in naming each key that is unknown.
pub(super) fn foreign(tree: &Node, path: &str) -> Option<Fault> {
    let has = |key: &str| tree.get(key).is_some();
    let found = tree.entries().iter().find_map(|entry| {
        let what = match entry.key.as_str() {
            "expectations" | "expectation_suite_name" if !has("dataset") => "a suite of Great Expectations",
            key if key.starts_with("checks for ") => "a file of Soda checks",
            "models" | "sources" | "seeds" if has("version") => "a dbt schema file",
            "schema_type" if !has("dataset") => "a Pandera schema",
            "$schema" | "$defs" if has("type") || has("properties") => "a JSON Schema",
            "datasource_names" | "fluent_datasources" => "a configuration of Great Expectations",
            _ => return None,
        };
        Some((entry, what))
    });
    let (entry, what) = found?;
    let fault = Fault::new(Code::InvalidValue, format!("this is {what}, not a rule file of Sluicegate"));
    Some(fault.at(entry.key_at.in_file(path)).hint(BEGIN))
}

/// The tree is no mapping, or none at all.
pub(super) fn no_mapping(tree: Option<&Node>, path: &str) -> Option<Fault> {
    let fault = |what: String| Fault::new(Code::InvalidValue, what).at(Place::file(path));
    if let Some(format) =
        Format::of_name(path).filter(|&f| f != Format::Json && f != Format::Csv || path.to_ascii_lowercase().contains(".csv"))
    {
        let what = format!("this is no rule file; by its name it is data ({})", format.name());
        return Some(fault(what).hint("name the rule file behind `-r`, and the data without it: `sluicegate check DATA -r RULES.yaml`"));
    }
    let tree = tree?;
    match &tree.value {
        Value::Mapping(_) => None,
        Value::Null => Some(fault("the rule file is empty".into()).hint(BEGIN)),
        Value::Scalar { .. } | Value::Sequence(_) => Some(fault(format!("a rule file is a mapping, this is {}", tree.kind())).hint(BEGIN)),
    }
}
