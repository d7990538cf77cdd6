//! `sluicegate check`

use std::process::ExitCode;

use clap::Args;

use super::output;
use super::run::{Progress, Run, SpillDirectory};
use crate::audit::{self, Job, NoSink};
use crate::diagnostic::Faults;
use crate::identity;
use crate::report::model::{Mode, Report};
use crate::report::{self, Header};
use crate::verdict::Verdict;

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    run: Run,
    /// Name of the batch; its content's digest if left out
    #[arg(long, value_name = "ID")]
    batch_id: Option<String>,
}

impl Check {
    pub fn run(self) -> ExitCode {
        let report = match self.judge() {
            Ok(report) => report,
            Err((faults, report)) => {
                output::complain(&faults);
                if let Err(fault) = output::write(&report, &self.run.reports) {
                    output::complain(&fault.into());
                }
                return ExitCode::from(2);
            }
        };
        if let Err(fault) = output::write(&report, &self.run.reports) {
            output::complain(&fault.into());
            return ExitCode::from(2);
        }
        output::show(&report, self.run.quiet, self.run.verbose);
        match report.verdict {
            Verdict::Accept if self.run.strict && report.has_warnings() => ExitCode::from(1),
            Verdict::Accept => ExitCode::SUCCESS,
            Verdict::Quarantine | Verdict::Reject => ExitCode::from(1),
            Verdict::Undecided => ExitCode::from(2),
        }
    }

    /// The report, or faults and a report that says so.
    fn judge(&self) -> Result<Report, (Faults, Box<Report>)> {
        let header = |id: String| Header { mode: Mode::Check, batch_id: id, as_of: self.run.as_of() };
        let given = self.batch_id.clone().unwrap_or_default();
        let faulty = |faults: Faults, rules| {
            let report = report::faulty(header(given.clone()), rules, &faults);
            (faults, Box::new(report))
        };
        let rules = self.run.rule_file().map_err(|f| faulty(f, None))?;
        let source = self.run.source(&rules).map_err(|f| faulty(f, Some(&rules)))?;
        let spill = SpillDirectory::new().map_err(|f| faulty(f.into(), Some(&rules)))?;
        let progress = Progress::new(self.run.quiet);
        let job = Job {
            rules: &rules,
            source,
            now: self.run.clock(),
            threads: self.run.threads(),
            budget: spill.budget(self.run.memory_limit),
            progress: &|done, total| progress.advance(done, total),
        };
        let audited = audit::audit(&job, &NoSink).map_err(|f| faulty(f, Some(&rules)))?;
        let id = identity::batch_id(self.batch_id.as_deref(), &audited);
        let set_aside = audited.set_aside().len();
        Ok(report::assemble(header(id), &rules, &audited, set_aside, None))
    }
}
