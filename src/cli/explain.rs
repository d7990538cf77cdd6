//! `sluicegate explain`

use clap::Args;

use super::exit::ExitCode;
use super::output::{self, ListOptions};
use super::run::surroundings;
use super::{explained, report};
use crate::diagnostic::{Code, Fault, Faults};
use crate::docs;
use crate::rules::{self, RULES, RuleEntry};
use crate::ruleset::rule_called;
use crate::store::Location;

/// Options of `explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A rule, or a section of the rule file: `range`, `schema`, `malformed`. With `--from`, a finding of that report; all of
    /// them if left out
    #[arg(required_unless_present = "from")]
    name: Option<String>,
    /// A JSON report: show the arithmetic of its finding, step by step, so that it can be recomputed by hand
    #[arg(long, value_name = "REPORT")]
    from: Option<String>,
    #[command(flatten)]
    output: ListOptions,
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        match (&self.from, &self.name) {
            (Some(from), name) => output::ended_list(self.finding(from, name.as_deref()), self.output),
            (None, Some(name)) if !self.output.is_json() => page(name),
            (None, Some(_) | None) => {
                let fault = Fault::new(Code::MissingOption, "documentation is text: only the arithmetic of a finding is JSON");
                output::ended(Err(fault.hint("name the report with `--from`, or leave out `--output json`").into()))
            }
        }
    }

    /// The arithmetic of one finding of the report `from`, or of all of them.
    fn finding(&self, from: &str, name: Option<&str>) -> Result<String, Faults> {
        let report = report::read(&Location::new(from, &surroundings())?)?.together().into_owned();
        let chosen: Vec<_> = report.findings.iter().filter(|finding| name.is_none_or(|name| finding.id == name)).collect();
        if let Some(name) = name.filter(|_| chosen.is_empty()) {
            let fault = Fault::new(Code::UnknownRule, format!("{from}: no finding is called `{name}`"));
            return Err(fault.hint_nearest(name, report.findings.iter().map(|finding| finding.id.as_str())).into());
        }
        let explained = chosen.into_iter().map(|finding| explained::Explained::of(finding, &report)).collect::<Vec<_>>();
        Ok(if self.output.is_json() { explained::json(&explained, &report) } else { explained::text(&explained, &report) })
    }
}

/// Prints the documentation of a rule or a section.
fn page(name: &str) -> ExitCode {
    match rules::find(name).map(docs::rule).or_else(|| docs::Section::find(name).map(docs::Section::page)) {
        Some(page) => {
            output::print_own(&docs::plain(&page));
            ExitCode::SUCCESS
        }
        None => {
            let fault = Fault::new(Code::UnknownRule, format!("no rule or section is called `{name}`"));
            let known = RULES.iter().map(|rule| rule.name).chain(docs::SECTIONS.iter().map(|section| section.name));
            let fault = match rule_called(name) {
                Some(ours) => fault.hint(format!("here it is called `{ours}`: `sluicegate explain {ours}`")),
                None => fault.hint_word(name, known),
            };
            output::complain(&fault.into());
            ExitCode::from(2)
        }
    }
}

/// A rule's first sentence, and the rest of its documentation.
pub(super) fn parts(rule: &RuleEntry) -> (String, String) {
    docs::parts(rule)
}
