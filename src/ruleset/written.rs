//! The rules as they stand in the rule file, for those who read what came of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::RuleFile;
use super::private::{HARMLESS_KEYS, reaches};
use super::resolve::shown;
use crate::diagnostic::Place;
use crate::privacy::{HIDDEN, Privacy};
use crate::yaml::{Node, Value};

/// Of so many characters the place of one is kept.
const MARKED: usize = 256;

/// Keys of a rule that can be read, and that hold names and choices, but no values of columns. Who answers for a rule and why it
/// is there are shown with its findings anyhow.
const NAMES_AND_CHOICES: [&str; 12] =
    ["description", "owner", "tags", "runbook", "key", "groups", "keep", "over", "nulls", "method", "test", "is"];

/// The text of each rule, and of each column of the contract.
pub struct Written<'a> {
    /// The rule file, then what it includes.
    files: Vec<WrittenFile<'a>>,
    /// What variables stand for.
    given: &'a BTreeMap<String, String>,
    /// None where no column is masked.
    privacy: Option<&'a Privacy>,
}

/// One file of rules.
struct WrittenFile<'a> {
    name: &'a str,
    text: &'a str,
    /// Where each line begins, and how many characters stand before it.
    lines: Vec<(usize, usize)>,
    /// Where each of `MARKED` characters stands: a line may hold the whole file.
    marks: Vec<usize>,
    /// The rules, by where they begin; only where columns are masked.
    rules: BTreeMap<(u32, u32), Node>,
}

impl RuleFile {
    /// The rules as they are written. Of rules that speak of masked columns, names and choices alone are shown.
    pub fn written<'a>(&'a self, privacy: &'a Privacy) -> Written<'a> {
        let privacy = Some(privacy).filter(|privacy| !privacy.is_empty());
        let included = self.wording.included.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let files = std::iter::once((self.path.as_str(), self.text.as_str())).chain(included);
        let files = files.map(|(name, text)| WrittenFile::of(name, text, privacy.is_some())).collect();
        Written { files, given: &self.wording.given, privacy }
    }
}

impl Written<'_> {
    /// What is written at `place`, with the values of variables; `speaks` says that it speaks of a masked column, be it without its
    /// name.
    pub fn at(&self, place: &Place, speaks: bool) -> Option<String> {
        let file = self.files.iter().find(|file| file.name == place.file)?;
        let written = file.cut_out(place)?;
        let text = shown(&written, self.given);
        let Some(privacy) = self.privacy else { return Some(text) };
        // Where a rule comes of variables, or of a template, a value of one may be a value of a column.
        match file.rules.get(&(place.line, place.column)) {
            // Comments are no part of the tree: nobody knows what they tell.
            Some(rule) => Some(match speaks || privacy.mentions(&text) || reaches(privacy, rule) {
                true => in_short(rule, true),
                false => shown(&in_short(rule, false), self.given),
            }),
            None if speaks || privacy.mentions(&text) => None,
            None => Some(text),
        }
    }
}

impl<'a> WrittenFile<'a> {
    fn of(name: &'a str, text: &'a str, needs_rules: bool) -> Self {
        let (mut lines, mut marks) = (vec![(0, 0)], Vec::new());
        for (number, (at, c)) in text.char_indices().enumerate() {
            if number.is_multiple_of(MARKED) {
                marks.push(at);
            }
            if c == '\n' {
                lines.push((at + 1, number + 1));
            }
        }
        let tree = needs_rules.then(|| Node::read(text, name).0).flatten();
        let rules = match tree.as_ref().and_then(|tree| tree.get("rules")).map(|rules| &rules.value.value) {
            Some(Value::Sequence(items)) => items.iter().map(|item| ((item.at.line, item.at.column), item.clone())).collect(),
            Some(Value::Mapping(_) | Value::Scalar { .. } | Value::Null) | None => BTreeMap::new(),
        };
        Self { name, text, lines, marks, rules }
    }

    /// The text from where to where, as far to the left as it goes.
    fn cut_out(&self, at: &Place) -> Option<String> {
        let (from, to) = (self.offset(at.line, at.column)?, self.offset(at.end_line, at.end_column)?);
        let text = self.text.get(from..to)?.trim_end();
        let indent = usize::try_from(at.column).ok()?.saturating_sub(1);
        let dedented = |line: &str| {
            let blank = line.len() - line.trim_start_matches(' ').len();
            line[blank.min(indent)..].trim_end().to_owned()
        };
        // Comments below it are about what comes next.
        let mut rows: Vec<&str> = text.lines().collect();
        while rows.len() > 1 && rows.last().is_some_and(|row| row.trim().is_empty() || row.trim_start().starts_with('#')) {
            rows.pop();
        }
        let lines: Vec<String> =
            rows.into_iter().enumerate().map(|(i, line)| if i == 0 { line.trim_end().to_owned() } else { dedented(line) }).collect();
        Some(lines.join("\n")).filter(|text| !text.is_empty())
    }

    /// Lines and columns count from 1; columns count characters.
    fn offset(&self, line: u32, column: u32) -> Option<usize> {
        let (begins, before) = *self.lines.get(usize::try_from(line.checked_sub(1)?).ok()?)?;
        let number = before + usize::try_from(column.checked_sub(1)?).ok()?;
        let mark = self.marks.get(number / MARKED).copied().unwrap_or(self.text.len());
        // The nearer of both is where to count from.
        let (from, left) = if mark >= begins { (mark, number % MARKED) } else { (begins, number - before) };
        let rest = &self.text[from..];
        Some(from + rest.char_indices().nth(left).map_or(rest.len(), |(at, _)| at))
    }
}

/// A rule on one line; if `hides` says so, without what may be a value of a column.
fn in_short(rule: &Node, hides: bool) -> String {
    let mut out = String::new();
    match &rule.value {
        Value::Mapping(entries) => {
            for (i, entry) in entries.iter().enumerate() {
                out += if i == 0 { "" } else { ", " };
                write!(out, "{}: ", scalar(&entry.key, false)).expect("writing to a string cannot fail");
                match &entry.value.value {
                    Value::Mapping(keys) if hides => {
                        let key = |key: &crate::yaml::Entry| {
                            let is_shown = HARMLESS_KEYS.contains(&key.key.as_str()) || NAMES_AND_CHOICES.contains(&key.key.as_str());
                            format!("{}: {}", scalar(&key.key, false), if is_shown { flow(&key.value) } else { HIDDEN.to_owned() })
                        };
                        let keys: Vec<String> = keys.iter().map(key).collect();
                        write!(out, "{{ {} }}", keys.join(", ")).expect("writing to a string cannot fail");
                    }
                    Value::Scalar { .. } | Value::Sequence(_) if hides => out += HIDDEN,
                    Value::Mapping(_) | Value::Scalar { .. } | Value::Sequence(_) | Value::Null => out += &flow(&entry.value),
                }
            }
        }
        // A rule is a name, or a mapping from its name.
        Value::Scalar { .. } | Value::Sequence(_) if hides => out += HIDDEN,
        Value::Scalar { .. } | Value::Sequence(_) | Value::Null => out += &flow(rule),
    }
    out
}

/// A value on one line.
fn flow(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Scalar { text, quoted } => scalar(text, *quoted),
        Value::Sequence(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Mapping(entries) => {
            let entries: Vec<String> = entries.iter().map(|e| format!("{}: {}", scalar(&e.key, false), flow(&e.value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A scalar as it could stand within braces.
fn scalar(text: &str, quoted: bool) -> String {
    let is_plain = !text.is_empty()
        && text.trim() == text
        && !text.starts_with(|c: char| "-?:,[]{}#&*!|>'\"%@`".contains(c))
        && !text.contains([',', '[', ']', '{', '}', '\n', '"'])
        && !text.contains(": ")
        && !text.contains(" #");
    if is_plain && !quoted { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Vec<Option<String>> {
        let rules = RuleFile::parse(text, "r.yaml").expect("a rule file");
        let privacy = rules.privacy(None);
        let written = rules.written(&privacy);
        rules.items.iter().map(|item| written.at(&item.at.in_file("r.yaml"), false)).collect()
    }

    #[test]
    fn a_rule_is_shown_as_it_stands_without_what_stands_around_it() {
        let text = "dataset: t\nrules:\n  # Prices\n  - range: { column: price, max: 5 }   # euros\n\n  # Names\n  - length:\n      column: name   # of the person\n      max: 5\n\n# The end\ngate: { publish: x.parquet }\n";
        let shown = ["range: { column: price, max: 5 }   # euros", "length:\n  column: name   # of the person\n  max: 5"];
        assert_eq!(written(text), shown.map(|text| Some(text.to_owned())));
        let text = "dataset: t\nrules: [missing: { column: a }, range: { column: b, max: 5 }]\n";
        assert_eq!(written(text), ["missing: { column: a }", "range: { column: b, max: 5 }"].map(|text| Some(text.to_owned())));
    }

    #[test]
    fn of_rules_about_masked_columns_names_and_choices_alone_are_shown() {
        let text = "dataset: t\nschema:\n  columns:\n    ssn: { type: int64, mask: true }\n    n: { type: int64 }\nrules:\n  - range: { column: ssn, max: 91827, on_fail: warn }   # like 91828\n  - values:\n      column: n   # never 91829\n      in: [1, 2]\n  - expression: { id: e, sql: \"ssn <> 91827\" }\n  - range: { id: all, columns: '*', max: 91827 }\n  - duplicates: { key: [ssn, n], keep: first }\n";
        let shown = [
            "range: { column: ssn, max: ***, on_fail: warn }",
            "values: { column: n, in: [1, 2] }",
            "expression: { id: e, sql: *** }",
            "range: { id: all, columns: '*', max: *** }",
            "duplicates: { key: [ssn, n], keep: first }",
        ];
        assert_eq!(written(text), shown.map(|text| Some(text.to_owned())));
    }
}
