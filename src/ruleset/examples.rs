//! Examples in a rule file: rows that pass, and rows that must fail.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::only::{ByName, answers};
use super::{RuleFile, RuleItem};
use crate::diagnostic::{Code, Fault, Faults, Sought};
use crate::findings::builtin;
use crate::rules::words::Texts;
use crate::yaml::{self, Node, Position, Value};

/// Rows by which the rules themselves are tested, with `sluicegate rules test`. They change nothing of how data is judged.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Examples {
    /// Rows that break no rule, each a mapping from column to value. If left out: none.
    #[serde(default, rename = "pass")]
    #[schemars(with = "Option<Vec<std::collections::BTreeMap<String, serde_json::Value>>>")]
    _pass: Option<Vec<IgnoredAny>>,
    /// Rows that break rules, with the rules that each must break. If left out: none.
    #[serde(default, rename = "fail")]
    _fail: Option<Vec<FailExample>>,
}

/// A row that must break rules.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FailExample {
    /// The row: a mapping from column to value.
    #[serde(rename = "row")]
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    _row: IgnoredAny,
    /// The rules that it must break, by id or the name of their finding.
    #[serde(rename = "rules")]
    _rules: Texts,
}

/// One example.
#[derive(Debug, Clone)]
pub struct Example {
    pub at: Position,
    /// The row as JSON.
    pub row: String,
    /// The rules that it must break; none for a row that passes.
    pub must_break: Vec<String>,
}

/// The examples of a rule file.
pub(super) fn read(section: &Node, items: &[RuleItem], lost: bool, path: &str, faults: &mut Faults) -> Vec<Example> {
    if faults.take_all(yaml::read::<Examples>(section, path)).is_none() {
        return Vec::new();
    }
    let (mut examples, by_name, sought) = (Vec::new(), ByName::of(items), Sought::default());
    for row in list(section, "pass") {
        examples.extend(one(row, Vec::new(), path, faults));
    }
    for example in list(section, "fail") {
        let names = example.get("rules").map(|rules| &rules.value);
        let names: Vec<&Node> = match names.map(|names| (&names.value, names)) {
            Some((Value::Sequence(items), _)) => items.iter().collect(),
            Some((_, single)) => vec![single],
            None => Vec::new(),
        };
        for name in names.iter().filter(|_| !lost) {
            let text = name.text().unwrap_or_default();
            if text != builtin::MALFORMED.rule && by_name.answering(text).next().is_none() {
                let fault = Fault::new(Code::UnknownRule, format!("no rule is called `{text}`")).at(name.at.in_file(path));
                faults.push(fault.hint_nearest_within(&sought, text, by_name.names()));
            }
        }
        let must_break = names.iter().filter_map(|name| name.text()).map(str::to_owned).collect();
        if let Some(row) = example.get("row") {
            examples.extend(one(&row.value, must_break, path, faults));
        }
    }
    examples
}

fn list<'a>(section: &'a Node, key: &str) -> &'a [Node] {
    match section.get(key).map(|entry| &entry.value.value) {
        Some(Value::Sequence(items)) => items,
        Some(Value::Null | Value::Scalar { .. } | Value::Mapping(_)) | None => &[],
    }
}

fn one(row: &Node, must_break: Vec<String>, path: &str, faults: &mut Faults) -> Option<Example> {
    if !matches!(row.value, Value::Mapping(_)) {
        let fault = Fault::new(Code::InvalidValue, format!("an example is a row, this is {}", row.kind())).at(row.at.in_file(path));
        faults.push(fault.hint("write `{ price: 5, status: paid }`: columns and values"));
        return None;
    }
    let mut json = String::new();
    write(row, &mut json);
    Some(Example { at: row.at, row: json, must_break })
}

/// A row as JSON: what stands in quotes is text, and what reads as a number or a truth value is one.
fn write(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Scalar { text, quoted: false } if matches!(serde_json::from_str(text), Ok(Json::Number(_) | Json::Bool(_))) => {
            out.push_str(text)
        }
        Value::Scalar { text, .. } => out.push_str(&Json::from(text.as_str()).to_string()),
        Value::Sequence(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write(item, out);
            }
            out.push(']');
        }
        Value::Mapping(entries) => {
            out.push('{');
            for (i, entry) in entries.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                out.push_str(&Json::from(entry.key.as_str()).to_string());
                out.push(':');
                write(&entry.value, out);
            }
            out.push('}');
        }
    }
}

impl RuleItem {
    /// Whether it makes a finding of this name, or has this id.
    pub fn is_called(&self, name: &str) -> bool {
        answers(self, name)
    }

    /// Its id, or what its finding is called as far as that can be told without data.
    pub fn name(&self) -> String {
        super::listed::called(self)
    }
}

impl RuleFile {
    /// With one of its rules alone, without what is known of the others.
    #[must_use]
    pub fn with_rule(mut self, index: usize) -> Self {
        self.items = self.items.into_iter().skip(index).take(1).collect();
        self.sections.known.clear();
        self
    }
}
