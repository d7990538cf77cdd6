//! `sluicegate rules`

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{output, run};
use crate::rules::{RULES, Subject};
use crate::visible;

/// Options of `rules`.
#[derive(Debug, Args)]
pub(super) struct Rules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge rule files alone, without data
    Validate {
        /// Rule files
        #[arg(required = true)]
        rules: Vec<String>,
    },
    /// List the rules there are
    List,
}

impl Rules {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Validate { rules } => validate(&rules),
            Command::List => {
                output::print(&list());
                ExitCode::SUCCESS
            }
        }
    }
}

fn validate(paths: &[String]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for path in paths {
        match run::read_rules(path, None) {
            Ok(rules) => {
                let noun = if rules.items.len() == 1 { "rule" } else { "rules" };
                output::print(&format!("{}: valid, {} {noun}\n", visible::line(path), rules.items.len()));
            }
            Err(faults) => {
                output::complain(&faults);
                code = ExitCode::from(2);
            }
        }
    }
    code
}

fn list() -> String {
    let mut out = String::new();
    for rule in RULES {
        let about = match rule.subject {
            Subject::Column => "column",
            Subject::Table => "rows",
        };
        let (headline, _) = super::explain::parts(rule);
        out.push_str(&format!("{:<16} {about:<7} {headline}\n", rule.name));
    }
    out.push_str("\nBuilt in: schema (the `schema` section), malformed (records that cannot be read)\n");
    out
}
