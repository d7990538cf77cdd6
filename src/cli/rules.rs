//! `sluicegate rules`

use chrono::Utc;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::backtest::Backtest;
use super::choices::Meant;
use super::exit::ExitCode;
use super::lint::Lint;
use super::output::{self, ListOptions};
use super::run;
use super::test_rules::TestRules;
use super::try_rules::Try;
use crate::audit;
use crate::diagnostic::{Faults, Place};
use crate::rules::{RULES, RuleEntry, Subject};
use crate::ruleset::{Choices, Parsed, RuleFile};
use crate::{store, visible};

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
        #[command(flatten)]
        meant: Meant,
        #[command(flatten)]
        output: ListOptions,
    },
    /// Tell what is odd in rule files: rules that contradict or repeat each other, or can never fail, and columns that the contract does
    /// not have
    ///
    /// Exit code: 0 nothing is odd; 1 something is; 2 a rule file is wrong.
    Lint(Lint),
    /// Test rule files by the examples in them: rows that pass, and rows that must fail
    ///
    /// Exit code: 0 all came out as they should; 1 some did not; 2 a rule file is wrong, or has no examples.
    Test(Box<TestRules>),
    /// List the rules there are
    List {
        #[command(flatten)]
        output: ListOptions,
    },
    /// Tell how often each limit would have fired over the recorded runs, and the tightest that would have been quiet
    Backtest(Backtest),
    /// Spoil good data on purpose, and tell which errors no rule notices (a mutation test of the rule file)
    ///
    /// Exit code: 0 it is told; 1 a smaller share than --fail-under is caught; 2 the rules could not be tried.
    Try(Box<Try>),
}

impl Rules {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Validate { rules, meant, output } if output.is_json() => validate_as_json(&rules, &meant.shared(&rules)),
            Command::Validate { rules, meant, output: _ } => validate(&rules, &meant.shared(&rules)),
            Command::Lint(lint) => lint.run(),
            Command::Test(test) => test.run(),
            Command::Backtest(backtest) => backtest.run(),
            Command::Try(trial) => trial.run(),
            Command::List { output } => {
                match output.is_json() {
                    true => output::print_json(&list_as_json()),
                    false => output::print(&list()),
                }
                ExitCode::SUCCESS
            }
        }
    }
}

/// Said of a rule file without rules.
const JUDGES_NOTHING: &str = "there are no rules and no contract, so only records that cannot be read are found; add `rules:`, such as `- missing: { columns: \"*\" }`";

fn validate(paths: &[String], choices: &Choices) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for path in paths {
        match validated(path, choices) {
            Ok((rules, doubts)) => {
                let noun = if rules.count() == 1 { "rule" } else { "rules" };
                output::print(&format!("{}: valid, {} {noun}\n", visible::line(path), rules.count()));
                doubts.0.iter().for_each(|doubt| output::note(&doubt.to_string()));
                if rules.one_by_one().all(RuleFile::judges_nothing) {
                    output::note(&format!("{path}: {}", JUDGES_NOTHING));
                }
                for rules in rules.one_by_one().filter(|rules| !rules.judges_nothing() && rules.contract().is_empty()) {
                    let of = if rules.siblings.names.is_empty() { String::new() } else { format!(" of `{}`", rules.sections.dataset) };
                    output::note(&format!("{path}: columns{of} were not looked at: there is no `schema` section, and no data"));
                }
            }
            Err((faults, doubts)) => {
                output::complain(&faults);
                doubts.0.iter().for_each(|doubt| output::note(&doubt.to_string()));
                code = ExitCode::from(2);
            }
        }
    }
    code
}

/// The same for programs: an array of what is to be said of each file.
fn validate_as_json(paths: &[String], choices: &Choices) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let mut one = |path: &String| {
        let (rules, faults, doubts) = match validated(path, choices) {
            Ok((rules, doubts)) => (Some(rules.count()), Faults::default(), doubts),
            Err((faults, doubts)) => (None, faults, doubts),
        };
        if !faults.is_empty() {
            code = ExitCode::from(2);
        }
        json!({ "path": path, "valid": faults.is_empty(), "rules": rules, "faults": faults.0, "notes": doubts.0 })
    };
    let files: Vec<Json> = paths.iter().map(&mut one).collect();
    output::print_json(&format!("{:#}\n", Json::from(files)));
    code
}

/// The rule file at `path`, or what is wrong with it; and beside either, the columns that its contract does not name.
fn validated(path: &str, choices: &Choices) -> Result<(RuleFile, Faults), (Faults, Faults)> {
    let Parsed { rules, mut faults, is_comparable } =
        run::parse_rules(path, None, choices).map_err(|fault| (fault.into(), Faults::default()))?;
    let Some(rules) = rules else { return Err((faults, Faults::default())) };
    let (now, mut doubts) = (Utc::now(), Faults::default());
    for rules in rules.one_by_one() {
        if let Some(Err(fault)) = rules.sections.gate.publish.as_deref().map(store::refuse_other_files) {
            faults.push(fault.at(Place::file(path)));
        }
        faults.extend(audit::mistakes_alone(rules, now));
        let audit::AgainstContract { faults: more, doubts: doubted } =
            if is_comparable { audit::against_contract(rules, now) } else { audit::AgainstContract::default() };
        faults.extend(more);
        doubts.extend(doubted);
    }
    match faults.or_ok(()) {
        Ok(()) => Ok((rules, doubts)),
        Err(faults) => Err((faults, doubts)),
    }
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

/// The same for programs.
fn list_as_json() -> String {
    let about = |subject: Subject| match subject {
        Subject::Column => "column",
        Subject::Table => "rows",
    };
    let one = |rule: &RuleEntry| json!({ "rule": rule.name, "about": about(rule.subject), "finds": super::explain::parts(rule).0 });
    format!("{:#}\n", Json::from(RULES.iter().map(one).collect::<Vec<_>>()))
}
