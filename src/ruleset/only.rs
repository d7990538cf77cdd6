//! Some of the rules of a file: those that `--only` asks for.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::RuleItem;
use super::listed::called;
use super::resolve::Choices;
use crate::diagnostic::{Code, Fault, Faults, Sought};
use crate::findings::builtin;
use crate::rules::words::ColumnSelection;
use crate::yaml::{Node, Value};

const TAG: &str = "tag:";

/// Which rules are judged.
pub(super) struct Only {
    /// Which are not.
    out: Vec<usize>,
}

impl Only {
    /// The rules that are asked for. A name that none has is a fault, but where a rule was `lost`, which might have it.
    pub(super) fn of(choices: &Choices, items: &[RuleItem], lost: bool, faults: &mut Faults) -> Self {
        if choices.only.is_empty() {
            return Self { out: Vec::new() };
        }
        let (by_name, sought) = (ByName::of(items), Sought::default());
        let mut wanted: HashSet<usize> = HashSet::new();
        for name in &choices.only {
            let mut answering = by_name.answering(name).peekable();
            if !lost && !choices.is_shared && !is_built_in(name) && answering.peek().is_none() {
                faults.push(unknown(name, &by_name, &sought));
            }
            wanted.extend(answering);
        }
        Self { out: (0..items.len()).filter(|index| !wanted.contains(index)).collect() }
    }

    /// The names of the rules that are left out.
    pub(super) fn names(&self, items: &[RuleItem]) -> Vec<String> {
        let mut names: Vec<String> = self.out.iter().map(|&index| called(&items[index])).collect();
        names.dedup();
        names
    }

    pub(super) fn keeps(&self, index: usize) -> bool {
        self.out.binary_search(&index).is_err()
    }

    /// Whether a finding called so could come of rules alone that were left out.
    pub(super) fn is_of_left_out(&self, name: &str, by_name: &ByName<'_>) -> bool {
        let mut named = by_name.answering(name).peekable();
        named.peek().is_some() && named.all(|index| !self.keeps(index))
    }
}

/// Rules by what they answer to: their names, their tags, and what the names of their findings begin with.
pub(super) struct ByName<'a> {
    items: &'a [RuleItem],
    /// By rule, what it is called.
    called: Vec<String>,
    names: HashMap<String, Vec<usize>>,
    tags: HashMap<&'a str, Vec<usize>>,
    /// In their order, as often as they stand there.
    all_tags: Vec<&'a str>,
    stems: HashMap<&'a str, Vec<usize>>,
}

impl<'a> ByName<'a> {
    pub(super) fn of(items: &'a [RuleItem]) -> Self {
        let mut new = Self {
            items,
            called: items.iter().map(called).collect(),
            names: HashMap::new(),
            tags: HashMap::new(),
            all_tags: Vec::new(),
            stems: HashMap::new(),
        };
        for (index, item) in items.iter().enumerate() {
            new.names.entry(new.called[index].clone()).or_default().push(index);
            for tag in item.words.tags.iter().flat_map(|tags| &tags.0) {
                new.tags.entry(tag).or_default().push(index);
                new.all_tags.push(tag);
            }
            // A rule about one column makes no finding but the one that it is called by.
            if item.words.columns.is_some() || item.words.id.is_none() && item.words.column.is_none() {
                new.stems.entry(stem(item)).or_default().push(index);
            }
        }
        new
    }

    /// What the rules are called.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.called.iter().map(String::as_str)
    }

    /// The rules that have the tag, or make a finding of the name.
    pub(super) fn answering(&self, name: &str) -> impl Iterator<Item = usize> {
        let stems = name.match_indices('-').map(|(at, _)| &name[..at]).filter_map(|stem| self.stems.get(stem));
        let mut found: BTreeSet<usize> = stems.flatten().copied().filter(|&index| answers(&self.items[index], name)).collect();
        match name.strip_prefix(TAG) {
            Some(tag) => found = self.tags.get(tag).into_iter().flatten().copied().collect(),
            None => found.extend(self.names.get(name).into_iter().flatten()),
        }
        found.into_iter()
    }
}

/// What the names of a rule's findings begin with.
fn stem(item: &RuleItem) -> &str {
    item.words.id.as_ref().map_or(item.entry.name, |id| id.value.as_str())
}

/// Whether a finding is always there: rules are chosen, and the contract and records that cannot be read are judged in any case.
fn is_built_in(name: &str) -> bool {
    [builtin::SCHEMA.rule, builtin::MALFORMED.rule].contains(&name)
}

/// Whether a rule has the tag, or makes a finding of the name.
pub(super) fn answers(item: &RuleItem, name: &str) -> bool {
    if let Some(tag) = name.strip_prefix(TAG) {
        return item.words.tags.iter().flat_map(|tags| &tags.0).any(|own| own == tag);
    }
    if called(item) == name {
        return true;
    }
    let Some(column) = name.strip_prefix(stem(item)).and_then(|rest| rest.strip_prefix('-')) else { return false };
    let Some(columns) = &item.words.columns else {
        return item.words.id.is_none() && item.words.column.is_none() && is_made_of(column, &words_of(&item.config));
    };
    match &columns.value {
        ColumnSelection::Named(names) => {
            names.iter().any(|named| named == column || glob::Pattern::new(named).is_ok_and(|pattern| pattern.matches(column)))
        }
        // Which columns these are, the data alone says.
        ColumnSelection::OfType(_) => true,
    }
}

impl RuleItem {
    /// Whether what stands behind its name has the word, by itself or in a longer text.
    pub fn mentions(&self, word: &str) -> bool {
        words_of(&self.config).contains(word)
    }
}

/// Whether `rest` is words of a rule, joined as the columns in the name of a finding are. Which columns a key or an SQL condition
/// means, and in which order, is known once there is data: here it is enough that the rule names each of them.
fn is_made_of(rest: &str, words: &BTreeSet<&str>) -> bool {
    // Where words may begin; a word may hold the sign that joins them.
    let mut starts = vec![0];
    let mut at = 0;
    while let Some(&start) = starts.get(at) {
        for (end, _) in rest.match_indices('-').chain([(rest.len(), "")]).filter(|(end, _)| *end > start) {
            if words.contains(&rest[start..end]) {
                if end == rest.len() {
                    return true;
                }
                if !starts.contains(&(end + 1)) {
                    starts.push(end + 1);
                }
            }
        }
        at += 1;
    }
    false
}

/// What stands in a configuration: whole values, and the names in them.
fn words_of(config: &Node) -> BTreeSet<&str> {
    let mut words = BTreeSet::new();
    let mut left = vec![config];
    while let Some(node) = left.pop() {
        match &node.value {
            Value::Null => {}
            Value::Scalar { text, .. } => {
                words.insert(text.as_str());
                words.extend(text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')));
            }
            Value::Sequence(items) => left.extend(items),
            Value::Mapping(entries) => left.extend(entries.iter().map(|entry| &entry.value)),
        }
    }
    words
}

fn unknown(name: &str, by_name: &ByName<'_>, sought: &Sought) -> Fault {
    match name.strip_prefix(TAG) {
        Some(tag) => {
            let fault = Fault::new(Code::UnknownRule, format!("`--only {name}`: no rule has the tag `{tag}`"));
            match by_name.all_tags.is_empty() {
                true => fault.hint("write `tags: [NAME]` beside a rule"),
                false => fault.hint_nearest_within(sought, tag, by_name.all_tags.iter().copied()),
            }
        }
        None => {
            let fault = Fault::new(Code::UnknownRule, format!("`--only {name}`: no rule is called so"));
            if by_name.tags.contains_key(name) {
                return fault.hint(format!("there is a tag of that name: write `--only {TAG}{name}`"));
            }
            fault.hint_nearest_within(sought, name, by_name.names())
        }
    }
}
