//! A rule file: what it says, read with positions so that every mistake is named with its place.

mod calls;
mod delta_section;
mod events;
mod foreign;
mod item;
mod json_schema;
mod listed;
mod marked;
mod notify;
mod private;
mod profile;
mod sections;
mod shape;
mod source_words;
mod table;
mod tables;
mod text_words;
mod web;
mod windows;
mod written;

pub use calls::{calls, parameter};
pub use events::EventsSection;
pub(crate) use foreign::rule_called;
pub(crate) use item::never_warns;
pub use item::{RuleItem, Words};
pub use json_schema::json_schema;
pub use listed::Listed;
pub use marked::marked;
pub use notify::{EmailSection, NOTIFY_PREFIX, NotifySection, names_variable};
pub use profile::{Level, Profile, ProfileMap};
pub use sections::SAMPLES_MAX;
pub use sections::{
    Advance, BaselineSection, CleanStep, First, GateSection, KeptSummaries, KnownIssue, OnReject, Sections, SourceSection, TableFormat,
};
pub use table::Contract;
pub use web::{HttpSection, Paging};
pub use windows::{WindowSection, WindowSpan};
pub use written::Written;

use crate::diagnostic::{Code, Fault, Faults};
use crate::rules::Files;
use crate::rules::schema::table::TableTerms;
use crate::yaml::{self, Entry, Node, Position, Spanned, Value};

/// What could be read of a rule file.
pub struct Parsed {
    /// The rule file without the parts that are wrong.
    pub rules: Option<RuleFile>,
    /// Every mistake that can be seen without data.
    pub faults: Faults,
    /// Whether all is there that decides how data is read and prepared: else data would show mistakes that are none.
    pub is_comparable: bool,
}

impl Parsed {
    /// With the content of the files that rules name, as far as `allow` lets them be read; rules whose files cannot be read are
    /// left out. A file that changes makes another rule file.
    #[must_use]
    pub fn with_files(mut self, allow: &dyn Fn(&str) -> Result<(), Fault>) -> Self {
        let Some(rules) = &mut self.rules else { return self };
        let (mut files, before) = (Files::new(&rules.path, allow), self.faults.0.len());
        rules.items.retain_mut(|item| match item.rule.read_files(&mut files) {
            Ok(()) => true,
            Err(faults) => {
                self.faults.extend(faults);
                false
            }
        });
        rules.digest = files.digest_with(rules.digest);
        if self.faults.0.len() > before {
            // What is known of a rule that was left out is not wrong.
            rules.sections.known.clear();
        }
        self.faults = sorted(self.faults);
        self
    }
}

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
    /// xxh3-128 of what the file means for the rows: layout, comments, and where rows go and runs are recorded do not count.
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
        let Parsed { rules, faults, .. } = Self::read(text, path).with_files(&|_| Ok(()));
        match rules {
            Some(rules) => faults.or_ok(rules),
            None => Err(faults),
        }
    }

    /// The rule file as far as it can be read, so that mistakes of one kind hide none of another; without the files that its
    /// rules name, for which see [`Parsed::with_files`].
    pub fn read(text: &str, path: &str) -> Parsed {
        let parsed = Self::read_aloud(text, path);
        Parsed { faults: private::quiet(text, path, parsed.faults), ..parsed }
    }

    /// The same, with faults that may quote values of masked columns.
    fn read_aloud(text: &str, path: &str) -> Parsed {
        let (tree, mut faults) = Node::read(text, path);
        let nothing = |faults: Faults| Parsed { rules: None, faults: sorted(faults), is_comparable: false };
        if let Some(fault) = tree.is_none().then(|| shape::no_mapping(None, path)).flatten() {
            return nothing(fault.into());
        }
        let Some(mut tree) = tree else { return nothing(faults) };
        let whole = !matches!(tree.value, Value::Mapping(_));
        if let Some(fault) = whole.then(|| shape::no_mapping(Some(&tree), path)).flatten().or_else(|| shape::foreign(&tree, path)) {
            return nothing(fault.into());
        }
        faults.extend(shape::without_columns(&mut tree, path));
        faults.extend(shape::without_rules(&mut tree, path));
        shape::written_out(&mut tree);
        let mut rest = tree.clone();
        if let Value::Mapping(rest) = &mut rest.value {
            rest.retain(|e| e.key != "rules");
        }
        let (sections, wrong): (Option<Sections>, Faults) = yaml::read_on(&rest, path);
        let is_comparable = wrong.0.iter().all(|fault| !decides(&rest, fault));
        faults.extend(wrong);
        let (mut items, mut malformed, mut lost) = (Vec::new(), None, false);
        for node in rule_nodes(&tree, path, &mut faults) {
            match faults.take(item::read(&node, path)) {
                Some(item::Read::Rule(item)) => items.push(*item),
                Some(item::Read::Malformed(_)) if malformed.is_some() => {
                    faults.push(Fault::new(Code::ConflictingWords, "`malformed` stands twice").at(node.at.in_file(path)));
                }
                Some(item::Read::Malformed(words)) => malformed = Some(*words),
                None => lost = true,
            }
        }
        let Some(mut sections) = sections else { return nothing(faults) };
        let mut contradictions = Faults::default();
        sections.validate(&items, path, &mut contradictions);
        // What follows from a part that was left out is not wrong.
        contradictions.0.retain(|fault| !faults.0.iter().any(|part| holds(fault, part)));
        faults.extend(contradictions);
        if lost {
            // What is known of a rule that could not be read is not wrong.
            sections.known.clear();
        }
        let digest = digest(&tree);
        let malformed = malformed.unwrap_or_else(|| Spanned { at: Position::default(), value: Words::default() });
        let ids: Vec<&str> = items.iter().filter_map(|item| Some(item.words.id.as_ref()?.value.as_str())).collect();
        faults.extend(sections.windows.iter().flat_map(|window| window.mistakes(&ids, path).0));
        sections.notify.iter().for_each(|notify| notify.value.mistakes(notify.at, path, &mut faults));
        let (path, text) = (path.to_owned(), text.to_owned());
        let rules = Self { path, text, sections, items, malformed, digest, table: None, goes_to_delta: false };
        Parsed { rules: Some(rules), faults: sorted(faults), is_comparable }
    }

    /// How many rules it has.
    pub fn count(&self) -> usize {
        self.items.len() + usize::from(self.malformed.at != Position::default())
    }

    /// Whether it has neither rules nor a contract.
    pub fn judges_nothing(&self) -> bool {
        self.count() == 0 && self.sections.schema.as_ref().is_none_or(|schema| schema.columns.0.is_empty())
    }
}

/// The items of `rules`. Where the rules are a mapping, which is a mistake, each entry is read as one.
fn rule_nodes(tree: &Node, path: &str, faults: &mut Faults) -> Vec<Node> {
    let Some(rules) = tree.get("rules") else { return Vec::new() };
    let fault = |what: String| Fault::new(Code::InvalidValue, what).at(rules.value.at.in_file(path));
    match &rules.value.value {
        Value::Sequence(nodes) => nodes.clone(),
        Value::Null => Vec::new(),
        Value::Scalar { text, .. } => {
            faults.push(
                fault(format!("`rules` is a list, this is `{text}`")).hint("write `rules:`, and below it `- missing: { column: email }`"),
            );
            Vec::new()
        }
        Value::Mapping(entries) => {
            let first = entries.first().map_or("missing", |entry| entry.key.as_str());
            faults.push(
                fault("`rules` is a list, this is a mapping".into()).hint(format!("begin each rule with `- `, such as `- {first}: …`")),
            );
            let item = |entry: &Entry| Node { at: entry.key_at.to(entry.value.at), value: Value::Mapping(vec![entry.clone()]) };
            entries.iter().map(item).collect()
        }
    }
}

/// Whether a fault stands in a section that decides how data is read, or what its columns are.
fn decides(tree: &Node, fault: &Fault) -> bool {
    let Some(place) = &fault.place else { return true };
    tree.entries().iter().filter(|e| matches!(e.key.as_str(), "source" | "schema" | "clean" | "transform")).any(|entry| {
        let span = entry.key_at.to(entry.value.at);
        (span.line, span.column) <= (place.line, place.column) && (place.line, place.column) <= (span.end_line, span.end_column)
    })
}

/// Whether `part` lies within what `whole` is about.
fn holds(whole: &Fault, part: &Fault) -> bool {
    let (Some(whole), Some(part)) = (&whole.place, &part.place) else { return false };
    let at = (part.line, part.column);
    (whole.line, whole.column) <= at && at <= (whole.end_line, whole.end_column)
}

fn digest(tree: &Node) -> u128 {
    let mut canonical = String::new();
    for entry in tree.entries().iter().filter(|e| {
        !matches!(e.key.as_str(), "gate" | "history" | "notify" | "windows" | "samples" | "description" | "owner" | "tags" | "runbook")
    }) {
        canonical.push_str(&entry.key);
        entry.value.canonical(&mut canonical);
    }
    xxhash_rust::xxh3::xxh3_128(canonical.as_bytes())
}

fn sorted(faults: Faults) -> Faults {
    faults.or_ok(()).err().unwrap_or_default()
}
