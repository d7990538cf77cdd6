//! `sluicegate explain`

use std::process::ExitCode;

use clap::Args;

use super::output;
use crate::diagnostic::{Code, Fault};
use crate::docs;
use crate::rules::{self, RULES, RuleEntry};

/// Options of `explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The rule
    rule: String,
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        match rules::find(&self.rule) {
            Some(rule) => {
                output::print_own(&docs::rule(rule));
                ExitCode::SUCCESS
            }
            None => {
                let fault = Fault::new(Code::UnknownRule, format!("no rule is called `{}`", self.rule));
                output::complain(&fault.hint_nearest(&self.rule, RULES.iter().map(|r| r.name)).into());
                ExitCode::from(2)
            }
        }
    }
}

/// A rule's first sentence, and the rest of its documentation.
pub(super) fn parts(rule: &RuleEntry) -> (String, String) {
    docs::parts(rule)
}
