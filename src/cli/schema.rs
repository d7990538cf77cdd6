//! `sluicegate schema`

use clap::{Args, ValueEnum};

use super::exit::ExitCode;
use super::output;

/// Options of `schema`.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of what
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// Rule files
    Rules,
    /// Reports
    Report,
}

impl Schema {
    pub(super) fn run(self) -> ExitCode {
        let schema = match self.of {
            Of::Rules => crate::ruleset::json_schema(),
            Of::Report => crate::report::json_schema(),
        };
        output::print_own(&format!("{schema:#}\n"));
        ExitCode::SUCCESS
    }
}
