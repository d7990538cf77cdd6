//! The command line: the only place that parses arguments, prints, and reads clock and environment.

mod check;
mod destinations;
mod explain;
mod gate;
mod output;
mod quarantine;
mod replay;
mod rules;
mod run;
mod schema;
mod scratch;

use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::files;

/// A data-quality gate: judges a batch by declared rules, publishes what may pass, sets the rest aside with reasons.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge data by rules; write nothing but reports
    ///
    /// Exit code: 0 accept; 1 quarantine or reject (with --strict also a warning); 2 undecided, or it could not be judged.
    Check(check::Check),
    /// Judge data by rules, publish what passes, set the rest aside
    ///
    /// Exit code: 0 accept or quarantine; 1 reject (with --strict also quarantine or a warning); 2 undecided, or it could not be judged.
    Gate(gate::Gate),
    /// Work with rows that were set aside: list, show, export
    Quarantine(quarantine::Quarantine),
    /// Judge rows that were set aside again, by rules as they are now; publish what passes, once
    ///
    /// Exit code: 0 it is done; 1 a batch is rejected; 2 it could not be judged.
    Replay(replay::Replay),
    /// Look at a rule file, or at the rules there are
    Rules(rules::Rules),
    /// Print a rule's documentation
    Explain(explain::Explain),
    /// Print a JSON Schema: of rule files, or of reports
    Schema(schema::Schema),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the program with `arguments`; the exit code says how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Under a limit on the size of files, writing too much is an error to be told; by default the signal kills.
    // SAFETY: a signal that is ignored calls no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    files::seed_names(RandomState::new().build_hasher().finish());
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; clap knows which stream each belongs to.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match cli.command {
        Command::Check(command) => command.run(),
        Command::Gate(command) => command.run(),
        Command::Replay(replay) => replay.run(),
        Command::Quarantine(command) => command.run(),
        Command::Rules(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sluicegate", &mut script);
            output::print(&String::from_utf8_lossy(&script));
            ExitCode::SUCCESS
        }
    }
}

/// The command tree, for the reference in `docs/`.
pub fn command() -> clap::Command {
    Cli::command()
}
