//! `sluicegate check`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::destinations::{beside, named_by, replaces};
use super::run::{self, Run};
use crate::audit::Job;
use crate::diagnostic::Faults;
use crate::gate::{self, PublishedTable};
use crate::report::Report;
use crate::report::model::Mode;
use crate::rules::published::Published;
use crate::ruleset::RuleFile;
use crate::store::Store;
use crate::verdict::Verdict;

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    run: Run,
}

impl Check {
    pub fn run(self) -> ExitCode {
        let judge = |rules: &RuleFile, publish: &Option<Arc<dyn Store>>, job: Job<'_>| {
            let job = Job { published: self.published(rules, publish.clone()), ..job };
            gate::judge(&job, publish.as_deref(), self.run.batch_id.as_deref(), self.run.clock())
        };
        let destinations = |rules: &RuleFile| rules.sections.gate.publish.iter().chain(&rules.sections.gate.quarantine).cloned().collect();
        let open = |rules: &mut RuleFile| self.open(rules);
        run::run(&self.run, Mode::Check, destinations, open, judge, |report| self.exit_code(report))
    }

    /// Where the gate would publish, if the rule file says so.
    fn open(&self, rules: &mut RuleFile) -> Result<Option<Arc<dyn Store>>, Faults> {
        let Some(publish) = named_by(rules, self.run.trust.confines()?.as_ref())? else { return Ok(None) };
        beside(rules, publish.as_ref(), replaces(rules))?;
        Ok(Some(publish))
    }

    /// The table that the gate would publish to, if the rule file names one.
    fn published(&self, rules: &RuleFile, publish: Option<Arc<dyn Store>>) -> Option<Arc<dyn Published>> {
        let replaces = rules.sections.gate.replace.as_ref().map(|replace| replace.partition.as_str());
        Some(PublishedTable::new(rules, self.run.batch_id.as_deref(), replaces, publish?))
    }

    fn exit_code(&self, report: &Report) -> u8 {
        match report.verdict {
            Verdict::Accept => u8::from(self.run.strict && report.has_warnings()),
            Verdict::Quarantine | Verdict::Reject => 1,
            Verdict::Undecided => 2,
        }
    }
}
