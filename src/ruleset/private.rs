//! Which columns the rule file masks, and what of it may be quoted.

use super::RuleFile;
use crate::diagnostic::Faults;
use crate::privacy::{Mask, MaskKey, Privacy};
use crate::yaml::{Node, Value};

impl RuleFile {
    /// The columns that the contract masks, and those that `transform` makes of them.
    pub fn privacy(&self, key: Option<MaskKey>) -> Privacy {
        let columns = self.sections.schema.iter().flat_map(|schema| &schema.columns.0);
        let masked = columns.filter_map(|(name, column)| Some((name.clone(), column.mask?)));
        let mut privacy = Privacy::new(masked, key);
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
        self.privacy(None).quiet(faults, |line| self.around(line))
    }

    /// The rule, or the section, that the line of the file is part of.
    pub fn around(&self, line: u32) -> &str {
        part_of(&self.text, |number| self.items.iter().any(|item| item.at.line == number), line)
    }
}

/// The faults of a rule file that may be too wrong to be read: what has the key `mask` is masked, however that is written.
pub(super) fn quiet(text: &str, path: &str, faults: Faults) -> Faults {
    if faults.is_empty() {
        return faults;
    }
    let Some(tree) = Node::read(text, path).0 else { return faults };
    let columns = tree.get("schema").and_then(|schema| schema.value.get("columns")).map(|columns| columns.value.entries());
    let masked = columns.into_iter().flatten().filter(|column| column.value.get("mask").is_some());
    let mut privacy = Privacy::new(masked.map(|column| (column.key.clone(), Mask::Hidden)), None);
    for made in tree.get("transform").map(|transform| transform.value.entries()).into_iter().flatten() {
        if made.value.text().is_some_and(|sql| privacy.mentions(sql)) {
            privacy.add(&made.key, Mask::Hidden);
        }
    }
    let lines: Vec<u32> = match tree.get("rules").map(|rules| &rules.value.value) {
        Some(Value::Sequence(items)) => items.iter().map(|item| item.at.line).collect(),
        Some(Value::Mapping(entries)) => entries.iter().map(|entry| entry.key_at.line).collect(),
        Some(Value::Null | Value::Scalar { .. }) | None => Vec::new(),
    };
    privacy.quiet(faults, |line| part_of(text, |number| lines.contains(&number), line))
}

/// The part of a rule file that a line is in: a section, or one of the rules, which begin where `begins_rule` says so.
fn part_of(text: &str, begins_rule: impl Fn(u32) -> bool, line: u32) -> &str {
    let begins_section = |text: &str| !text.starts_with([' ', '\t', '-', '#']) && !text.trim().is_empty();
    let (mut start, mut end, mut at) = (0, text.len(), 0);
    for (number, row) in (1..).zip(text.split_inclusive('\n')) {
        if begins_section(row) || begins_rule(number) {
            if number > line {
                end = at;
                break;
            }
            start = at;
        }
        at += row.len();
    }
    &text[start..end]
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
        assert_eq!(rules.around(10), "  - range: { column: n, max: 5 }\n");
        assert_eq!(rules.around(13), "  - length:\n      column: name\n      max: 5\n");
        assert!(rules.around(8).starts_with("transform:") && rules.around(8).ends_with("a + 1\n"));
    }
}
