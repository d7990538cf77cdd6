//! `sluicegate check`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::run::{self, Run};
use crate::assemble::{self, Header};
use crate::audit::{self, Job, NoSink};
use crate::gate::PublishedTable;
use crate::identity;
use crate::report::Report;
use crate::report::model::Mode;
use crate::rules::published::Published;
use crate::ruleset::RuleFile;
use crate::store::{Destination, Location};
use crate::verdict::Verdict;

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    run: Run,
}

impl Check {
    pub fn run(self) -> ExitCode {
        let judge = |rules: &RuleFile, job: Job<'_>| {
            identity::check(self.run.batch_id.as_deref())?;
            let audited = audit::audit(&Job { published: self.published(rules), ..job }, &NoSink)?;
            let batch_id = identity::batch_id(self.run.batch_id.as_deref(), &audited);
            let header = Header { mode: Mode::Check, batch_id, as_of: self.run.clock() };
            Ok(assemble::assemble(header, rules, &audited, audited.set_aside().len(), None))
        };
        let destinations = |rules: &RuleFile| rules.sections.gate.publish.iter().chain(&rules.sections.gate.quarantine).cloned().collect();
        run::run(&self.run, Mode::Check, destinations, judge, |report| self.exit_code(report))
    }

    /// The table that the gate would publish to, if the rule file names one.
    fn published(&self, rules: &RuleFile) -> Option<Arc<dyn Published>> {
        let (publish, format) = (rules.sections.gate.publish.clone()?, rules.sections.gate.format);
        let confines = self.run.trust.confines();
        let find = move || {
            confines.clone()?.map_or(Ok(()), |confines| confines.allow(&publish))?;
            Destination::new(Location::new(&publish, &run::surroundings())?, format)
        };
        let replaces = rules.sections.gate.replace.as_ref().map(|replace| replace.partition.as_str());
        Some(PublishedTable::new(&rules.sections.dataset, self.run.batch_id.as_deref(), replaces, find))
    }

    fn exit_code(&self, report: &Report) -> u8 {
        match report.verdict {
            Verdict::Accept => u8::from(self.run.strict && report.has_warnings),
            Verdict::Quarantine | Verdict::Reject => 1,
            Verdict::Undecided => 2,
        }
    }
}
