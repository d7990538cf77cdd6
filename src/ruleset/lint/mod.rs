//! What is odd in a rule file that can be read: rules that contradict each other, repeat each other, or can never fail.

mod idle;
mod limits;
mod pairs;

use std::collections::HashMap;

use arrow::datatypes::DataType;
use serde::Serialize;

use super::listed::called;
use super::{RuleFile, RuleItem};
use crate::diagnostic::Place;
use crate::rules::words::ColumnSelection;
use crate::yaml::{Node, Value};

/// What kind of oddity it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// No row can pass both rules.
    Contradiction,
    /// Another rule, or the contract, says it already.
    Repetition,
    /// The rule passes whatever the data is.
    NeverFails,
    /// The contract has no column of the name.
    UnknownColumn,
}

impl Oddity {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Contradiction, Self::Repetition, Self::NeverFails, Self::UnknownColumn];

    /// A heading for those of the kind.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Contradiction => "rules that contradict each other",
            Self::Repetition => "rules that repeat another",
            Self::NeverFails => "rules that can never fail",
            Self::UnknownColumn => "columns that the contract does not have",
        }
    }
}

/// Something odd, where it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Odd {
    pub group: Oddity,
    pub place: Place,
    pub what: String,
    pub hint: String,
}

impl RuleFile {
    /// What is odd in it, by place. Columns are not compared with the contract here.
    pub fn odd(&self) -> Vec<Odd> {
        let mut odd: Vec<Odd> = Vec::new();
        // The first of several counts.
        let types: Types = self.contract().into_iter().rev().map(|column| (column.name, column.data_type)).collect();
        let required = idle::required(self);
        let mut earlier = pairs::Earlier::default();
        for item in &self.items {
            odd.extend(idle::never_fails(self, &types, item));
            odd.extend(idle::of_contract(self, &required, item));
            odd.extend(earlier.compare(self, &types, item));
        }
        odd.sort_by(|a, b| {
            (a.group, &a.place.file, a.place.line, a.place.column).cmp(&(b.group, &b.place.file, b.place.line, b.place.column))
        });
        odd
    }

    fn odd_at(&self, item: &RuleItem, group: Oddity, what: String, hint: &str) -> Odd {
        Odd { group, place: item.at.in_file(&self.path), what, hint: hint.to_owned() }
    }
}

/// What the contract says of the types of columns.
type Types = HashMap<String, Option<DataType>>;

/// The columns that a rule names one by one; none where it selects them otherwise.
fn columns(item: &RuleItem) -> Vec<&str> {
    match (&item.words.column, &item.words.columns) {
        (Some(column), _) => vec![column.value.as_str()],
        (None, Some(columns)) => match &columns.value {
            ColumnSelection::Named(names) => names.iter().map(String::as_str).filter(|name| !name.contains(['*', '?', '['])).collect(),
            ColumnSelection::OfType(_) => Vec::new(),
        },
        (None, None) => Vec::new(),
    }
}

/// A rule by name and place, as a message has it.
fn named(rules: &RuleFile, item: &RuleItem) -> String {
    let Place { file, line, .. } = item.at.in_file(&rules.path);
    match file == rules.path {
        true => format!("`{}` on line {line}", called(item)),
        false => format!("`{}` at {file}:{line}", called(item)),
    }
}

/// The single value behind a key.
fn text<'a>(item: &'a RuleItem, key: &str) -> Option<&'a str> {
    item.config.get(key)?.value.text()
}

/// The single values behind a key that is a list.
fn texts<'a>(item: &'a RuleItem, key: &str) -> Option<Vec<&'a str>> {
    match &item.config.get(key)?.value.value {
        Value::Sequence(items) => items.iter().map(Node::text).collect(),
        Value::Scalar { text, .. } => Some(vec![text]),
        Value::Null | Value::Mapping(_) => None,
    }
}

/// Whether the rule has none but these keys, beside words that only name it.
fn has_only(item: &RuleItem, keys: &[&str]) -> bool {
    item.config.entries().iter().all(|entry| keys.contains(&entry.key.as_str()) || NAMING.contains(&entry.key.as_str()))
}

/// Words that do not change what a rule judges.
const NAMING: [&str; 5] = ["id", "description", "owner", "tags", "runbook"];
