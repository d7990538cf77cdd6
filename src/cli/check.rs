//! `sluicegate check`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::destinations::{beside, named_by, replaces};
use super::run::{self, Run};
use crate::assemble::{self, Header};
use crate::audit::{self, Job};
use crate::diagnostic::Faults;
use crate::gate::{Judging, PublishedTable};
use crate::identity;
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
            identity::check(self.run.batch_id.as_deref())?;
            let evolution = rules.sections.evolution();
            let judging = Judging { store: publish.as_deref(), evolution };
            let audited = audit::audit(&Job { published: self.published(rules, publish.clone()), ..job }, &judging)?;
            let batch_id = self.run.batch_id.clone().or_else(|| audited.identity.derived_id()).unwrap_or_default();
            let header = Header { mode: Mode::Check, batch_id, as_of: self.run.clock() };
            let report = assemble::assemble(header, rules, &audited, audited.set_aside().len(), None);
            judging.end(&audited.plan.prepare.schema, report.verdict)?;
            Ok(report)
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
            Verdict::Accept => u8::from(self.run.strict && report.has_warnings),
            Verdict::Quarantine | Verdict::Reject => 1,
            Verdict::Undecided => 2,
        }
    }
}
