//! `sluicegate gate`

use std::process::ExitCode;

use clap::Args;

use super::run::Run;

/// Options of `gate`.
#[derive(Debug, Args)]
pub struct Gate {
    #[command(flatten)]
    run: Run,
}

impl Gate {
    pub fn run(self) -> ExitCode {
        let _ = self.run;
        ExitCode::from(2)
    }
}
