//! `sluicegate explain`

use clap::Args;

use super::exit::ExitCode;
use super::output;
use crate::diagnostic::{Code, Fault};
use crate::docs;
use crate::rules::{self, RULES, RuleEntry};
use crate::ruleset::rule_called;

/// Options of `explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A rule, or a section of the rule file: `range`, `schema`, `malformed`
    name: String,
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        let page = rules::find(&self.name).map(docs::rule).or_else(|| docs::Section::find(&self.name).map(docs::Section::page));
        match page {
            Some(page) => {
                output::print_own(&docs::plain(&page));
                ExitCode::SUCCESS
            }
            None => {
                let fault = Fault::new(Code::UnknownRule, format!("no rule or section is called `{}`", self.name));
                let known = RULES.iter().map(|rule| rule.name).chain(docs::SECTIONS.iter().map(|section| section.name));
                let fault = match rule_called(&self.name) {
                    Some(ours) => fault.hint(format!("here it is called `{ours}`: `sluicegate explain {ours}`")),
                    None => fault.hint_word(&self.name, known),
                };
                output::complain(&fault.into());
                ExitCode::from(2)
            }
        }
    }
}

/// A rule's first sentence, and the rest of its documentation.
pub(super) fn parts(rule: &RuleEntry) -> (String, String) {
    docs::parts(rule)
}
