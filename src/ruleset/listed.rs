//! The rules of a file by name, for programs that show each by itself before there is data.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::{RuleFile, RuleItem};
use crate::findings::builtin;
use crate::rules::words::{ColumnSelection, OnFail};
use crate::yaml::Position;

/// A rule of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its id, or what its finding is called as far as that can be told without data; no two of a file are alike.
    pub name: String,
    pub rule: &'static str,
    pub description: Option<String>,
    /// As the file has it; none where it leaves that to the rule.
    pub on_fail: Option<OnFail>,
    /// Where it stands in its file. Findings of the rule name the same place.
    pub line: u32,
    pub column: u32,
}

impl RuleFile {
    /// Its rules in its order, `malformed` among them where the file has it.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed> {
        let one = |name, rule, words: &super::Words, at: Position| Listed {
            name,
            rule,
            description: words.description.clone(),
            on_fail: words.on_fail.as_ref().map(|on_fail| on_fail.value),
            line: at.line,
            column: at.column,
        };
        let mut listed: Vec<Listed> = self.items.iter().map(|item| one(called(item), item.entry.name, &item.words, item.at)).collect();
        if self.malformed.at != Position::default() {
            let name = builtin::MALFORMED.rule;
            listed.push(one(name.to_owned(), name, &self.malformed.value, self.malformed.at));
        }
        listed.sort_by_key(|listed| (listed.line, listed.column));
        number_alike(&mut listed);
        listed
    }
}

/// What an item is called: as its finding where it makes one, and by what it selects where it makes several.
pub(super) fn called(item: &RuleItem) -> String {
    if let Some(id) = &item.words.id {
        return id.value.clone();
    }
    let columns = match (&item.words.column, &item.words.columns) {
        (Some(column), _) => vec![column.value.clone()],
        (None, Some(columns)) => match &columns.value {
            ColumnSelection::Named(names) => names.to_vec(),
            ColumnSelection::OfType(_) => Vec::new(),
        },
        (None, None) => Vec::new(),
    };
    std::iter::once(item.entry.name).chain(columns.iter().map(String::as_str)).collect::<Vec<_>>().join("-")
}

/// Tells rules of one name apart by a number, from the second on.
fn number_alike(listed: &mut [Listed]) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    // The last number that was tried of each name: all before it are taken.
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for rule in listed {
        let number = numbers.entry(rule.name.clone()).or_insert(1);
        let mut name = if *number == 1 { rule.name.clone() } else { format!("{}-{number}", rule.name) };
        while !taken.insert(name.clone()) {
            *number += 1;
            name = format!("{}-{number}", rule.name);
        }
        rule.name = name;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rules: &str) -> Vec<(String, u32)> {
        let file = RuleFile::parse(&format!("dataset: d\nrules:\n{rules}"), "rules.yaml").expect("the rule file is right");
        file.listed().into_iter().map(|listed| (listed.name, listed.line)).collect()
    }

    #[test]
    fn rules_are_listed_by_the_names_of_their_findings() {
        let listed = names(
            "  - range: { column: price, above: 0 }\n  - missing: { columns: [a, b] }\n  - malformed: { tolerate: 1% }\n  - missing: { id: mail, column: email }\n",
        );
        let expected = [("range-price", 3), ("missing-a-b", 4), ("malformed", 5), ("mail", 6)];
        assert_eq!(listed, expected.map(|(name, line)| (name.to_owned(), line)));
    }

    #[test]
    fn rules_of_one_name_are_numbered() {
        let listed = names(
            "  - expression: { id: x, sql: \"a > 0\" }\n  - duplicates: { key: [a] }\n  - duplicates: { key: [b] }\n  - missing: { columns: \"*\" }\n",
        );
        let expected = [("x", 3), ("duplicates", 4), ("duplicates-2", 5), ("missing-*", 6)];
        assert_eq!(listed, expected.map(|(name, line)| (name.to_owned(), line)));
    }
}
