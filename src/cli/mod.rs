//! The command line: the only place that parses arguments, prints, and reads clock and environment.

mod answers;
mod backtest;
mod baseline;
mod begun;
mod chart;
mod check;
mod choices;
mod ci;
mod colour;
mod compare;
mod completions;
mod contract;
mod destinations;
mod diff;
pub mod embedded;
mod exit;
mod explain;
mod explained;
mod feeds;
mod forget;
mod gate;
mod given;
mod handed;
mod history;
mod init;
mod internal;
mod keep_gating;
mod kept;
mod lineage;
mod lint;
mod means;
mod memory;
mod notify;
mod output;
mod profile;
mod progress;
mod prune;
mod quarantine;
mod record;
mod references;
mod release;
mod replay;
mod report;
mod reports;
mod repository;
mod rules;
mod run;
mod schema;
mod scratch;
mod serve;
mod signals;
mod stream;
mod suite;
mod tables;
mod test_rules;
mod trust;
mod try_rules;
mod try_shown;
mod two;
mod web;

pub use self::exit::ExitCode;
pub use self::memory::Guarded;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::diagnostic::Misread;
use crate::files;
use crate::rules::words::{self, ByteSize};
use crate::visible;

/// A data-quality gate: judges a batch by declared rules, publishes what may pass, sets the rest aside with reasons.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Describe data without a rule file: columns, what is remarkable, keys, correlations
    ///
    /// Exit code: 0 it is done; 2 the data could not be read, or a report not be written.
    Profile(Box<profile::Profile>),
    /// Judge data by rules; write nothing but reports
    ///
    /// Exit code: 0 accept; 1 quarantine or reject (with --strict also a warning); 2 undecided, or it could not be judged; 143 or 130 it
    /// was ended by a signal.
    Check(check::Check),
    /// Judge data by rules, publish what passes, set the rest aside
    ///
    /// Exit code: 0 accept or quarantine; 1 reject (with --strict also quarantine or a warning); 2 undecided, or it could not be judged;
    /// 143 or 130 it was ended by a signal, and nothing was published.
    Gate(Box<gate::Gate>),
    /// Suggest a rule file for data that has none yet: each rule with what in the data speaks for it
    ///
    /// Rules are made from a part of the rows, tried on the rest, and kept only if they hold there. Exit code: 0 it is written;
    /// 2 the data could not be read, or the file not written.
    Init(Box<init::Init>),
    /// Judge events one by one, as they come: what passes goes on, the rest is set aside with reasons
    ///
    /// Events are JSON, one a line. Exit code: 0 all passed, or bad ones are set aside; 1 a window is rejected (with --strict also
    /// quarantine or a warning); 2 it could not be judged or passed on; 143 or 130 it was asked to end.
    Stream(stream::StreamCommand),
    /// Compare two data sets without a rule file: drift, columns, new and lost values, keys and rows in both
    ///
    /// Exit code: 0 they are alike; 1 they differ; 2 they could not be compared.
    Compare(Box<compare::Compare>),
    /// Compare two data sets row by row, by a key: rows added, removed and changed, with their values
    ///
    /// The order of rows does not matter, and memory is bounded. Exit code: 0 they are equal, or within the limits; 1 they differ; 2
    /// they could not be compared.
    Diff(Box<diff::Diff>),
    /// Work with baselines: summaries of good data, with which rules compare a batch
    Baseline(baseline::Baseline),
    /// Work with rows that were set aside: list, show, export
    Quarantine(quarantine::Quarantine),
    /// Judge rows that were set aside again, by rules as they are now; publish what passes, once
    ///
    /// Exit code: 0 it is done; 1 a batch is rejected; 2 it could not be judged.
    Replay(replay::Replay),
    /// Publish a rejected batch all the same: who decided so, and why, is recorded, and stands in every later report of it
    ///
    /// Its rows come from DATA, or from the quarantine if the batch was set aside as a whole. Rows that a rule sets aside stay so.
    /// Exit code: 0 it is published, or was before; 1 it is rejected all the same; 2 it cannot be released.
    Release(Box<release::Release>),
    /// Remove what a data set has left beside its published rows: old summaries, rows set aside, recorded runs, reports
    ///
    /// Exit code: 0 it is done, or there was nothing to do; 2 it could not be done.
    Prune(prune::Prune),
    /// Remove what shows a value from all that lies beside the published rows (erasure)
    ///
    /// Exit code: 0 it is done, or nothing shows it; 2 it could not be done.
    Forget(forget::Forget),
    /// Show recorded runs: verdicts over time, or any figure; mark a run as bad
    History(history::HistoryCommand),
    /// Write a site over many runs, or one report in another format
    ///
    /// Exit code: 0 it is written; 2 it is not, or a report could not be read and is left out.
    Report(report::ReportCommand),
    /// Look at a rule file, or at the rules there are
    Rules(rules::Rules),
    /// Compare contracts
    Contract(contract::Contract),
    /// Print the documentation of a rule, or of a section of the rule file
    Explain(explain::Explain),
    /// Print a JSON Schema: of rule files, or of reports
    Schema(schema::Schema),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Panics; a test looks at what is printed
    #[command(hide = true)]
    Panic { text: String },
}

/// Runs the program with `arguments`; the exit code says how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    files::be_told_of_size_limits();
    seed_names();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let code = match parsed(&arguments) {
        Ok(cli) => internal::guarded(|| cli.command.run()),
        Err(error) => refused(&error, &arguments),
    };
    signals::finish(output::finish(code))
}

/// Makes names of temporary files those of this process alone.
fn seed_names() {
    files::seed_names(RandomState::new().build_hasher().finish());
}

/// The command. From here on the run can be ended from outside: options find by what.
fn parsed(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut matches = Cli::command().color(colour::choice()).try_get_matches_from(arguments)?;
    let mut innermost = &matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    // Not every command has it.
    signals::watch(innermost.try_get_one("timeout").ok().flatten().copied());
    let limit: Option<&ByteSize> = innermost.try_get_one("memory_limit").ok().flatten();
    memory::watch(limit.map_or(u64::MAX, |limit| limit.0), signals::cancel());
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut Cli::command()))
}

/// What clap has to say: help and the version come this way too.
fn refused(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        output::printed(error.print());
        return ExitCode::SUCCESS;
    }
    // The message repeats arguments, which may be names of files that someone else chose: on one line each.
    let lines = arguments.iter().map(|argument| visible::line(&argument.to_string_lossy()).into_owned());
    let text = match Cli::try_parse_from(lines) {
        Err(error) => error.render().to_string(),
        Ok(_) => visible::line(&error.render().to_string()).into_owned(),
    };
    if text != error.render().to_string() || !output::is_harmless(&text) {
        output::refuse(&text);
    } else {
        output::complain_of_arguments(error);
    }
    ExitCode::from(2)
}

impl Command {
    fn run(self) -> ExitCode {
        match self {
            Self::Profile(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Gate(command) => command.run(),
            Self::Init(command) => command.run(),
            Self::Stream(command) => command.run(),
            Self::Replay(replay) => replay.run(),
            Self::Release(release) => release.run(),
            Self::Prune(prune) => prune.run(),
            Self::Forget(forget) => forget.run(),
            Self::Compare(command) => command.run(),
            Self::Diff(command) => command.run(),
            Self::Baseline(command) => command.run(),
            Self::Quarantine(command) => command.run(),
            Self::History(command) => command.run(),
            Self::Report(command) => command.run(),
            Self::Rules(command) => command.run(),
            Self::Contract(command) => command.run(),
            Self::Explain(command) => command.run(),
            Self::Schema(command) => command.run(),
            Self::Completions { shell } => {
                output::print_own(&completions::script(shell, Cli::command()));
                ExitCode::SUCCESS
            }
            Self::Panic { text } => internal::panic_with(&text),
        }
    }
}

/// A length of time, as options give it.
fn time(text: &str) -> Result<Duration, Misread> {
    let seconds = text.parse::<words::Duration>()?.seconds;
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}

/// The command tree, for the reference in `docs/`.
pub fn command() -> clap::Command {
    Cli::command()
}
