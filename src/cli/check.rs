//! `sluicegate check`

use std::process::ExitCode;

use clap::Args;

use super::run::{self, Run};
use crate::assemble::{self, Header};
use crate::audit::{self, Job, NoSink};
use crate::identity;
use crate::report::Report;
use crate::report::model::Mode;
use crate::ruleset::RuleFile;
use crate::verdict::Verdict;

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    run: Run,
}

impl Check {
    pub fn run(self) -> ExitCode {
        let judge = |rules: &RuleFile, job: &Job<'_>| {
            identity::check(self.run.batch_id.as_deref())?;
            let audited = audit::audit(job, &NoSink)?;
            let batch_id = identity::batch_id(self.run.batch_id.as_deref(), &audited);
            let header = Header { mode: Mode::Check, batch_id, as_of: self.run.clock() };
            Ok(assemble::assemble(header, rules, &audited, audited.set_aside().len(), None))
        };
        run::run(&self.run, Mode::Check, judge, |report| self.exit_code(report))
    }

    fn exit_code(&self, report: &Report) -> u8 {
        match report.verdict {
            Verdict::Accept => u8::from(self.run.strict && report.has_warnings),
            Verdict::Quarantine | Verdict::Reject => 1,
            Verdict::Undecided => 2,
        }
    }
}
