//! `sluicegate rules lint`

use chrono::Utc;
use clap::Args;
use serde_json::{Value as Json, json};

use super::choices::Meant;
use super::exit::ExitCode;
use super::output::{self, ListOptions};
use super::run;
use crate::audit;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::ruleset::{Choices, Odd, Oddity, Parsed, RuleFile};
use crate::visible;

/// Options of `rules lint`.
#[derive(Debug, Args)]
pub(super) struct Lint {
    /// Rule files
    #[arg(required = true)]
    rules: Vec<String>,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    output: ListOptions,
}

impl Lint {
    pub(super) fn run(self) -> ExitCode {
        let (mut code, mut told) = (0, Vec::new());
        let choices = self.meant.shared(&self.rules);
        for path in &self.rules {
            let (odd, faults) = match linted(path, &choices) {
                Ok(odd) => (odd, Faults::default()),
                Err(faults) => (Vec::new(), faults),
            };
            code = code.max(if faults.is_empty() { u8::from(!odd.is_empty()) } else { 2 });
            match self.output.is_json() {
                true => told.push(json!({ "path": path, "findings": odd, "faults": faults.0 })),
                false if faults.is_empty() => output::print(&shown(path, &odd)),
                false => output::complain(&faults),
            }
        }
        if self.output.is_json() {
            output::print_json(&format!("{:#}\n", Json::from(told)));
        }
        ExitCode::from(code)
    }
}

/// What is odd in the rule file at `path`.
fn linted(path: &str, choices: &Choices) -> Result<Vec<Odd>, Faults> {
    let Parsed { rules, mut faults, is_comparable } = run::parse_rules(path, None, choices)?;
    let Some(rules) = rules else { return Err(faults) };
    let now = Utc::now();
    rules.one_by_one().for_each(|rules| faults.extend(audit::mistakes_alone(rules, now)));
    let mut odd: Vec<Odd> = rules.one_by_one().flat_map(RuleFile::odd).collect();
    for rules in rules.one_by_one().filter(|_| is_comparable && faults.is_empty()).collect::<Vec<_>>() {
        let audit::AgainstContract { faults: wrong, doubts } = audit::against_contract(rules, now);
        let (unknown, wrong): (Vec<Fault>, Vec<Fault>) = wrong.into_iter().partition(is_about_names);
        faults.extend(wrong);
        odd.extend(unknown.into_iter().chain(doubts).map(|fault| Odd {
            group: Oddity::UnknownColumn,
            place: fault.place.unwrap_or_else(|| Place::file(path)),
            what: fault.what,
            hint: fault.hint.unwrap_or_else(|| "add it to the contract".to_owned()),
        }));
    }
    faults.or_ok(odd)
}

fn is_about_names(fault: &Fault) -> bool {
    fault.code == Code::UnknownColumn || (fault.code == Code::InvalidSql && fault.what.contains("unknown column"))
}

/// What is odd, in groups.
fn shown(path: &str, odd: &[Odd]) -> String {
    let noun = if odd.len() == 1 { "finding" } else { "findings" };
    let mut out = match odd.len() {
        0 => format!("{}: nothing is odd\n", visible::line(path)),
        n => format!("{}: {n} {noun}\n", visible::line(path)),
    };
    for group in Oddity::ALL {
        let mut of_group = odd.iter().filter(|odd| odd.group == group).peekable();
        if of_group.peek().is_some() {
            out.push_str(&format!("\n{}\n", group.heading()));
        }
        for Odd { place, what, hint, .. } in of_group {
            out.push_str(&visible::line(&format!("  {place}: {what}; {hint}")));
            out.push('\n');
        }
    }
    out
}
