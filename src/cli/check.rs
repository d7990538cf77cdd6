//! `sluicegate check`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::destinations::{beside, named_by, replaces};
use super::progress::Progress;
use super::run::{Begun, RunOptions};
use super::scratch::Scratch;
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
pub(super) struct Check {
    #[command(flatten)]
    options: RunOptions,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let mut begun = Begun::new(&self.options);
        let judged = self.judge(&mut begun);
        begun.end(Mode::Check, judged, |report| self.exit_code(report))
    }

    /// Reads the rules, looks at the destination, opens the data, and judges it.
    fn judge(&self, begun: &mut Begun<'_>) -> Result<Report, Faults> {
        let now = begun.now;
        let gate = &begun.read_rules()?.sections.gate;
        let destinations: Vec<String> = gate.publish.iter().chain(&gate.quarantine).cloned().collect();
        let rules = begun.keep_reports_apart(&destinations)?;
        let publish = self.open_destination(rules)?;
        let scratch = Scratch::new()?;
        let progress = Progress::new(self.options.quiet);
        let advance = |done, total| progress.advance(done, total);
        let data = self.options.open_data(rules, &scratch)?;
        let published = self.published(rules, publish.clone());
        let references = self.options.references(now, rules, &scratch, published.clone())?;
        let published = published.map(|table| -> Arc<dyn Published> { table });
        let keeps = self.options.keeps(rules);
        let job = Job { references, keeps, ..self.options.job(now, rules, data, published, &scratch, &advance) };
        let judged = gate::judge(&job, publish.as_deref(), self.options.batch_id.as_deref(), self.options.as_of())?;
        begun.summary = judged.summary;
        Ok(judged.report)
    }

    /// Where the gate would publish, if the rule file says so; its promises become rules.
    fn open_destination(&self, rules: &mut RuleFile) -> Result<Option<Arc<dyn Store>>, Faults> {
        let Some(publish) = named_by(rules, self.options.trust.confines()?.as_ref())? else { return Ok(None) };
        beside(rules, publish.as_ref(), replaces(rules))?;
        Ok(Some(publish))
    }

    /// The table that the gate would publish to, if the rule file names one.
    fn published(&self, rules: &RuleFile, publish: Option<Arc<dyn Store>>) -> Option<Arc<PublishedTable>> {
        let replaces = rules.sections.gate.replace.as_ref().map(|replace| replace.partition.as_str());
        Some(PublishedTable::new(rules, self.options.batch_id.as_deref(), replaces, publish?))
    }

    fn exit_code(&self, report: &Report) -> u8 {
        match report.verdict {
            Verdict::Accept => u8::from(self.options.strict && report.has_warnings()),
            Verdict::Quarantine | Verdict::Reject => 1,
            Verdict::Undecided => 2,
        }
    }
}
