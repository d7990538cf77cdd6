//! A rule file: what it says, read with positions so that every mistake is named with its place.

mod calls;
mod delta_section;
mod events;
mod examples;
mod foreign;
mod item;
mod json_schema;
mod lint;
mod listed;
mod marked;
mod notify;
mod only;
mod private;
mod profile;
mod reading;
mod resolve;
mod sections;
mod several;
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
pub use examples::Example;
pub(crate) use foreign::rule_called;
pub(crate) use item::never_warns;
pub use item::{RuleItem, Words};
pub use json_schema::json_schema;
pub use lint::{Odd, Oddity};
pub use listed::Listed;
pub use marked::marked;
pub use notify::{EmailSection, NOTIFY_PREFIX, NotifySection, names_variable};
pub use private::Surroundings;
pub use profile::{Level, Profile, ProfileMap};
pub use resolve::{Choices, Wording};
pub use sections::SAMPLES_MAX;
pub use sections::{
    Advance, BaselineSection, CleanStep, First, GateSection, KeptSummaries, KnownIssue, OnReject, Sections, SourceSection, TableFormat,
};
pub use several::{Siblings, Table};
pub use table::Contract;
pub use web::{HttpSection, Paging};
pub use windows::{WindowSection, WindowSpan};
pub use written::Written;

use std::sync::Arc;

use crate::diagnostic::{Fault, Faults};
use crate::rules::Files;
use crate::rules::schema::table::TableTerms;
use crate::yaml::{Position, Spanned};

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
        self.faults.extend(rules.take_files(allow));
        self.faults = reading::sorted(self.faults);
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
    /// What it is made of beside its text.
    pub wording: Wording,
    /// Rows by which the rules are tested.
    pub examples: Vec<Example>,
    /// Names of rules that were left out because others alone were asked for.
    pub left_out: Vec<String>,
    /// The tables that are judged as one, parents first; none of a rule file about one data set, which has rules itself.
    pub tables: Vec<Table>,
    /// Of one of several tables: the names of all of them.
    pub siblings: Arc<Siblings>,
    /// Of one of several tables that is judged alone: where each of them publishes.
    pub sibling_places: Vec<(String, GateSection)>,
    /// The tables that look for keys in this one, where it is chosen of several.
    pub children: Vec<String>,
    /// The rule file as one text, where it is made of more than its own.
    flat: Option<String>,
}

impl RuleFile {
    /// Takes in the files that its rules name; gives what is wrong with them.
    fn take_files(&mut self, allow: &dyn Fn(&str) -> Result<(), Fault>) -> Faults {
        let (mut files, mut wrong) = (Files::new(&self.path, allow), Faults::default());
        self.items.retain_mut(|item| match item.rule.read_files(&mut files) {
            Ok(()) => true,
            Err(faults) => {
                wrong.extend(faults);
                false
            }
        });
        self.digest = files.digest_with(self.digest);
        if !wrong.is_empty() {
            // What is known of a rule that was left out is not wrong.
            self.sections.known.clear();
        }
        self.tables.iter_mut().for_each(|table| wrong.extend(table.rules.take_files(allow)));
        wrong
    }

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

    /// The text that says all of it by itself, for whoever reads it without the files and variables of this run.
    pub fn whole_text(&self) -> &str {
        self.flat.as_deref().unwrap_or(&self.text)
    }

    /// It, or the tables that it has.
    pub fn one_by_one(&self) -> impl Iterator<Item = &Self> {
        let own = self.tables.is_empty().then_some(self);
        own.into_iter().chain(self.tables.iter().map(|table| &table.rules))
    }

    /// How many rules it has.
    pub fn count(&self) -> usize {
        let of_tables: usize = self.tables.iter().map(|table| table.rules.count()).sum();
        self.items.len() + usize::from(self.malformed.at != Position::default()) + of_tables
    }

    /// Whether it has neither rules nor a contract.
    pub fn judges_nothing(&self) -> bool {
        self.count() == 0 && self.sections.schema.as_ref().is_none_or(|schema| schema.columns.0.is_empty())
    }
}
