//! Which columns the rule file masks, and what of it may be quoted.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::{RuleFile, Wording};
use crate::diagnostic::{Faults, Place};
use crate::privacy::{Around, Mask, MaskKey, Privacy};
use crate::types::path_steps;
use crate::yaml::{FileName, Node, Position, Value};

/// Sections that hold no values of columns.
const HARMLESS_SECTIONS: [&str; 3] = ["schema", "source", "gate"];

/// Keys of a rule that hold no values of columns, whatever the rule is.
pub(super) const HARMLESS_KEYS: [&str; 9] =
    ["id", "column", "columns", "by", "on_fail", "on_no_data", "tolerate", "min_rows", "require_evidence"];

impl RuleFile {
    /// The columns that the contract masks, and those that `transform` makes of them.
    pub fn privacy(&self, key: Option<MaskKey>) -> Privacy {
        self.with_made(self.masked(key))
    }

    /// These, and in a batch with the columns `there` also those that may be a masked column under another name. What
    /// `transform` makes of one of all these is masked.
    pub fn privacy_in<'a>(&self, there: impl Iterator<Item = &'a str> + Clone, key: Option<MaskKey>) -> Privacy {
        let agreed: Vec<&str> = self.sections.schema.iter().flat_map(|s| &s.columns.0).map(|(name, _)| name.as_str()).collect();
        self.with_made(self.masked(key).in_batch(there, &agreed))
    }

    fn masked(&self, key: Option<MaskKey>) -> Privacy {
        let columns = self.sections.schema.iter().flat_map(|schema| &schema.columns.0);
        Privacy::new(columns.filter_map(|(name, column)| Some((name.clone(), column.mask?))), key)
    }

    fn with_made(&self, mut privacy: Privacy) -> Privacy {
        for (name, sql) in &self.sections.transform.0 {
            if privacy.mask_of(name).is_none() && privacy.mentions(&sql.value) {
                privacy.add(name, Mask::Hidden);
            }
        }
        privacy
    }

    /// The faults without values of masked columns.
    #[must_use]
    pub fn quiet(&self, faults: Faults) -> Faults {
        self.quietened(faults, &self.privacy(None))
    }

    /// The faults of a run over a batch with the columns `there`, without values of masked columns.
    #[must_use]
    pub fn quiet_in<'a>(&self, faults: Faults, there: impl Iterator<Item = &'a str> + Clone) -> Faults {
        self.quietened(faults, &self.privacy_in(there, None))
    }

    fn quietened(&self, faults: Faults, privacy: &Privacy) -> Faults {
        Quieter { own: (self.path.as_str(), self.text.as_str()), wording: &self.wording, privacy }.quiet(faults)
    }

    /// The rules and sections of the file, by where they stand.
    pub fn surroundings(&self) -> Surroundings<'_> {
        let mut rules: BTreeMap<FileName, HashSet<u32>> = BTreeMap::from([(FileName::default(), HashSet::new())]);
        self.items.iter().for_each(|item| _ = rules.entry(item.at.file).or_default().insert(item.at.line));
        let parts = |(file, rules)| (file, PartsOf::of(self.wording.text_of(&FileName::or(file, &self.path), &self.text), &rules));
        Surroundings { rules: self, files: rules.into_iter().map(parts).collect() }
    }
}

/// What stands around places of a rule file, and of what it includes.
pub struct Surroundings<'a> {
    rules: &'a RuleFile,
    files: BTreeMap<FileName, PartsOf<'a>>,
}

impl<'a> Surroundings<'a> {
    /// The rule that stands at a place of the file, or the section; nothing of the contract, whose rules name the one column
    /// that they look at.
    pub fn of_rule(&self, at: Position) -> &'a str {
        let text = self.of(at);
        if text.starts_with("schema:") { "" } else { text }
    }

    /// The rule, or the section, that stands at a place of the file.
    fn of(&self, at: Position) -> &'a str {
        let RuleFile { wording, path, text, .. } = self.rules;
        let part = match self.files.get(&at.file) {
            Some(parts) => parts.part(at.line),
            None => PartsOf::of(wording.text_of(&at.file.or(path), text), &HashSet::new()).part(at.line),
        };
        wording.spoken(part)
    }
}

/// The faults of a rule file that may be too wrong to be read: what has the key `mask` is masked, however that is written.
pub(super) fn quiet(tree: &Node, (text, path): (&str, &str), wording: &Wording, faults: Faults) -> Faults {
    let columns = tree.get("schema").and_then(|schema| schema.value.get("columns")).map(|columns| columns.value.entries());
    let masked = columns.into_iter().flatten().filter(|column| column.value.get("mask").is_some());
    let mut privacy = Privacy::new(masked.map(|column| (column.key.clone(), Mask::Hidden)), None);
    for made in tree.get("transform").map(|transform| transform.value.entries()).into_iter().flatten() {
        if made.value.text().is_some_and(|sql| privacy.mentions(sql)) {
            privacy.add(&made.key, Mask::Hidden);
        }
    }
    Quieter { own: (path, text), wording, privacy: &privacy }.quiet(faults)
}

/// Takes values of masked columns out of faults.
struct Quieter<'a> {
    /// Name and text of the rule file.
    own: (&'a str, &'a str),
    wording: &'a Wording,
    privacy: &'a Privacy,
}

impl Quieter<'_> {
    fn quiet(&self, faults: Faults) -> Faults {
        if faults.is_empty() || self.privacy.is_empty() {
            return faults;
        }
        let included = self.wording.included.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let files: Vec<(&str, &str, Option<Node>)> =
            std::iter::once(self.own).chain(included).map(|(name, text)| (name, text, Node::read(text, name).0)).collect();
        let parts: Vec<(&str, Parts<'_>)> =
            files.iter().map(|(name, text, tree)| (*name, Parts::of(text, tree.as_ref(), self.privacy))).collect();
        self.privacy.quiet(faults, |place| {
            let (_, own) = &parts[0];
            let parts = parts.iter().find(|(name, _)| *name == place.file).map_or(own, |(_, parts)| parts);
            let part = match place.file.starts_with("--set ") {
                true => self.wording.text_of(&place.file, parts.text),
                false => self.wording.spoken(parts.around(place.line)),
            };
            around(parts.text, parts.tree, part, place)
        })
    }
}

/// What stands at a place of a rule file; `part` is the rule or section there.
fn around<'a>(text: &str, tree: Option<&Node>, part: &'a str, place: &Place) -> Around<'a> {
    let mut around = Around { text: part, ..Around::default() };
    let at = (place.line, place.column);
    // A mapping begins where its first key does.
    let end = (place.end_line, place.end_column);
    let is_here =
        |node: Position| (node.line, node.column) <= at && at < (node.end_line, node.end_column) && end <= (node.end_line, node.end_column);
    let mut keys: Vec<&str> = Vec::new();
    let mut next = tree;
    while let Some(node) = next {
        next = match &node.value {
            Value::Mapping(entries) => entries.iter().find(|entry| is_here(entry.key_at.to(entry.value.at))).map(|entry| {
                keys.push(&entry.key);
                if is_here(entry.key_at) && matches!(entry.value.value, Value::Null) {
                    let line = text.lines().nth(place.line.saturating_sub(1) as usize).unwrap_or_default();
                    let behind: String = line.chars().skip(entry.key_at.end_column.saturating_sub(1) as usize).collect();
                    around.is_bare = !behind.trim_start().starts_with(':');
                }
                &entry.value
            }),
            Value::Sequence(items) => items.iter().find(|item| is_here(item.at)),
            Value::Scalar { text, .. } => {
                around.scalar = Some(text.clone());
                None
            }
            Value::Null => None,
        };
    }
    around.is_harmless = match keys[..] {
        // The rule's own keys follow its name.
        ["rules", _, key] => HARMLESS_KEYS.contains(&key),
        [section, ..] => HARMLESS_SECTIONS.contains(&section),
        [] => false,
    };
    around
}

/// The parts of a rule file, and which of its rules reach a masked column without its name: by a glob, or by a type.
struct Parts<'a> {
    text: &'a str,
    tree: Option<&'a Node>,
    parts: PartsOf<'a>,
    /// Where parts begin in which a rule reaches one.
    reaching: HashSet<usize>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str, tree: Option<&'a Node>, privacy: &Privacy) -> Self {
        let rules: Vec<(u32, bool)> = match tree.and_then(|tree| tree.get("rules")).map(|rules| &rules.value.value) {
            Some(Value::Sequence(items)) => items.iter().map(|item| (item.at.line, reaches(privacy, item))).collect(),
            Some(Value::Mapping(entries)) => entries.iter().map(|entry| (entry.key_at.line, reaches(privacy, &entry.value))).collect(),
            Some(Value::Null | Value::Scalar { .. }) | None => Vec::new(),
        };
        let parts = PartsOf::of(text, &rules.iter().map(|(line, _)| *line).collect());
        let reaching = rules.iter().filter(|(_, reaches)| *reaches).map(|(line, _)| parts.range(*line).start).collect();
        Self { text, tree, parts, reaching }
    }

    /// What the line is part of. Of a rule that reaches a masked column without its name this is the whole file, which has
    /// the name.
    fn around(&self, line: u32) -> &'a str {
        let own = self.parts.range(line);
        if self.reaching.contains(&own.start) { self.text } else { &self.text[own] }
    }
}

/// Whether a rule's columns are chosen by a glob that a masked column matches, or by a type, which one may have.
pub(super) fn reaches(privacy: &Privacy, rule: &Node) -> bool {
    rule.entries().iter().any(|entry| match entry.key.as_str() {
        "columns" => selects(privacy, &entry.value),
        _ => reaches(privacy, &entry.value),
    })
}

fn selects(privacy: &Privacy, columns: &Node) -> bool {
    match &columns.value {
        Value::Sequence(items) => items.iter().any(|item| selects(privacy, item)),
        Value::Mapping(_) => !privacy.is_empty(),
        Value::Null | Value::Scalar { .. } => columns.text().is_some_and(|glob| privacy.columns().any(|(name, _)| matches(glob, name))),
    }
}

/// Whether a glob speaks of a column, of what holds it, or of what it holds.
fn matches(glob: &str, name: &str) -> bool {
    let options = glob::MatchOptions { case_sensitive: false, ..glob::MatchOptions::default() };
    let matches =
        |glob: &str, name: &str| glob::Pattern::new(&glob.replace("[]", "[[][]]")).is_ok_and(|pattern| pattern.matches_with(name, options));
    let root = |path: &str| path_steps(path).into_iter().next().unwrap_or_default();
    matches(glob, name) || matches(glob.split('.').next().unwrap_or(glob), &root(name))
}

/// The parts of a rule file: sections, and rules.
struct PartsOf<'a> {
    text: &'a str,
    /// The lines on which parts begin, and where these lines stand in the text.
    begins: Vec<(u32, usize)>,
}

impl<'a> PartsOf<'a> {
    /// Rules begin on the lines `rules`.
    fn of(text: &'a str, rules: &HashSet<u32>) -> Self {
        let begins_section = |text: &str| !text.starts_with([' ', '\t', '-', '#']) && !text.trim().is_empty();
        let (mut begins, mut at) = (Vec::new(), 0);
        for (number, row) in (1..).zip(text.split_inclusive('\n')) {
            if begins_section(row) || rules.contains(&number) {
                begins.push((number, at));
            }
            at += row.len();
        }
        Self { text, begins }
    }

    /// Where the part stands that a line is in.
    fn range(&self, line: u32) -> Range<usize> {
        let next = self.begins.partition_point(|(number, _)| *number <= line);
        let start = next.checked_sub(1).map_or(0, |own| self.begins[own].1);
        start..self.begins.get(next).map_or(self.text.len(), |(_, at)| *at)
    }

    fn part(&self, line: u32) -> &'a str {
        &self.text[self.range(line)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_a_masked_column_is_masked() {
        let text = "dataset: t\nschema:\n  columns:\n    name: { type: string, mask: partial }\ntransform:\n  upper: upper(name)\n  twice: \"upper || upper\"\n  n: a + 1\nrules:\n  - range: { column: n, max: 5 }\n  - length:\n      column: name\n      max: 5\n";
        let rules = RuleFile::parse(text, "r.yaml").expect("a rule file");
        let masks: Vec<(String, Mask)> = rules.privacy(None).columns().map(|(name, mask)| (name.to_owned(), mask)).collect();
        let hidden = |name: &str| (name.to_owned(), Mask::Hidden);
        assert_eq!(masks, [("name".to_owned(), Mask::Partial), hidden("upper"), hidden("twice")]);
        let at = |line| Position { line, ..Position::default() };
        let rules = rules.surroundings();
        assert_eq!(rules.of(at(10)), "  - range: { column: n, max: 5 }\n");
        assert_eq!(rules.of(at(13)), "  - length:\n      column: name\n      max: 5\n");
        assert!(rules.of(at(8)).starts_with("transform:") && rules.of(at(8)).ends_with("a + 1\n"));
    }
}
