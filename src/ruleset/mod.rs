//! A rule file: what it says, read with positions so that every mistake is named with its place.

mod item;
mod json_schema;
mod sections;
mod table;

pub(crate) use item::never_warns;
pub use item::{RuleItem, Words};
pub use json_schema::json_schema;
pub use sections::{CleanStep, GateSection, KnownIssue, Level, Profile, ProfileMap, Sections, SourceSection, TableFormat};
pub use table::Contract;

use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::rules::schema::table::TableTerms;
use crate::yaml::{self, Node, Position, Spanned, Value};

/// A rule file, read but not yet bound to any data.
pub struct RuleFile {
    /// As the user named it.
    pub path: String,
    /// What it says, as it was read.
    pub text: String,
    pub sections: Sections,
    pub items: Vec<RuleItem>,
    /// What the rule file says of malformed records, and where; line 0 if it says nothing.
    pub malformed: Spanned<Words>,
    /// xxh3-128 of what the file means for the rows: layout, comments and the `gate` section do not count.
    pub digest: u128,
    /// The table that batches go to, as far as it decides on them.
    pub table: Option<TableTerms>,
    /// Whether batches go to a Delta table, be it one that is made for them.
    pub goes_to_delta: bool,
}

impl RuleFile {
    /// Reads the text of the rule file called `path`.
    ///
    /// # Errors
    /// Every mistake that can be seen without data.
    pub fn parse(text: &str, path: &str) -> Result<Self, Faults> {
        let tree = Node::parse(text, path)?;
        let Value::Mapping(entries) = &tree.value else {
            let what = format!("a rule file is a mapping, this is {}", tree.kind());
            return Err(Fault::new(Code::InvalidValue, what).at(Place::file(path)).hint("begin with `dataset: …`").into());
        };
        let mut faults = Faults::default();
        let mut rest = tree.clone();
        if let Value::Mapping(rest) = &mut rest.value {
            rest.retain(|e| e.key != "rules");
        }
        let sections: Option<Sections> = faults.take(yaml::read(&rest, path));
        let mut items = Vec::new();
        let mut malformed = None;
        if let Some(rules) = tree.get("rules") {
            match &rules.value.value {
                Value::Sequence(nodes) => {
                    for node in nodes {
                        match faults.take(item::read(node, path)) {
                            Some(item::Read::Rule(item)) => items.push(*item),
                            Some(item::Read::Malformed(_)) if malformed.is_some() => {
                                faults.push(Fault::new(Code::ConflictingWords, "`malformed` stands twice").at(node.at.in_file(path)));
                            }
                            Some(item::Read::Malformed(words)) => malformed = Some(*words),
                            None => {}
                        }
                    }
                }
                Value::Null => {}
                Value::Scalar { .. } | Value::Mapping(_) => {
                    let what = format!("`rules` is a list, this is {}", rules.value.kind());
                    faults.push(Fault::new(Code::InvalidValue, what).at(rules.value.at.in_file(path)).hint("begin each rule with `- `"));
                }
            }
        }
        if let Some(sections) = &sections {
            sections.validate(&items, path, &mut faults);
        }
        let mut canonical = String::new();
        for entry in entries.iter().filter(|e| !matches!(e.key.as_str(), "gate" | "description" | "owner" | "tags" | "runbook")) {
            canonical.push_str(&entry.key);
            entry.value.canonical(&mut canonical);
        }
        let digest = xxhash_rust::xxh3::xxh3_128(canonical.as_bytes());
        let malformed = malformed.unwrap_or_else(|| Spanned { at: Position::default(), value: Words::default() });
        match sections {
            Some(sections) if faults.is_empty() => Ok(Self {
                path: path.to_owned(),
                text: text.to_owned(),
                sections,
                items,
                malformed,
                digest,
                table: None,
                goes_to_delta: false,
            }),
            _ => Err(faults.or_ok(()).err().unwrap_or_default()),
        }
    }
}
