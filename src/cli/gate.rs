//! `sluicegate gate`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::destinations::{Destinations, beside, replaces};
use super::output;
use super::progress::Progress;
use super::remember::Remember;
use super::run::{Begun, RunOptions};
use super::scratch::Scratch;
use crate::audit::{Job, Keeps};
use crate::diagnostic::{Fault, Faults};
use crate::gate::{self, PublishedTable, Request};
use crate::metric::Budget;
use crate::report::Report;
use crate::report::model::{Mode, PublicationState};
use crate::ruleset::{Advance, BaselineSection, RuleFile};
use crate::source::{Opened, Remembered};
use crate::store;
use crate::summary::Summary;
use crate::verdict::Verdict;

/// Whether the gate may change the baseline.
fn moves(baseline: &BaselineSection) -> bool {
    baseline.first.is_some() || baseline.advance.is_some()
}

/// Options of `gate`.
#[derive(Debug, Args)]
pub(super) struct Gate {
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    destinations: Destinations,
    #[command(flatten)]
    remember: Remember,
    /// Let the batch take the place of another under its id
    #[arg(long)]
    supersede: bool,
    /// Judge, and say what would be done; write nothing but reports
    #[arg(long)]
    dry_run: bool,
    /// Kills the process at a step of the publish, for tests of what a crash leaves
    #[arg(long, value_name = "N", hide = true)]
    die_at_step: Option<u64>,
}

impl Gate {
    pub(super) fn run(self) -> ExitCode {
        if let Some(step) = self.die_at_step {
            store::kill::at_step(step);
        }
        let mode = if self.dry_run { Mode::DryRun } else { Mode::Gate };
        let mut begun = Begun::new(&self.options);
        let judged = match self.judge(&mut begun) {
            Ok(Some(report)) => Ok(report),
            Ok(None) => return self.unchanged(),
            Err(faults) => Err(faults),
        };
        begun.end(mode, judged, |report| self.exit_code(report))
    }

    /// Says that there is no new batch.
    fn unchanged(&self) -> ExitCode {
        if !self.options.quiet {
            output::print_own("UNCHANGED  the data are what they were when they were published; nothing was done\n");
        }
        ExitCode::SUCCESS
    }

    /// Reads the rules, opens the destination and the data, judges the data, and publishes what may pass. None if the data are
    /// those that are remembered.
    fn judge(&self, begun: &mut Begun<'_>) -> Result<Option<Report>, Faults> {
        let now = begun.now;
        let destinations = self.destinations.named(begun.read_rules()?);
        let rules = begun.keep_reports_apart(&destinations)?;
        let request = self.request(rules)?;
        let scratch = Scratch::new()?;
        let progress = Progress::new(self.options.quiet);
        let advance = |done, total| progress.advance(done, total);
        let remembered = self.remember.read(&destinations.join("\n"))?;
        let data = match self.options.open_if_changed(rules, &scratch, remembered.as_ref())? {
            Opened::New(data) => data,
            Opened::Unchanged => return Ok(None),
        };
        let references = self.options.references(now, rules, &scratch, Some(request.table.clone()))?;
        let job = Job { references, ..self.options.job(now, rules, data, Some(request.table.clone()), &scratch, &advance) };
        let baseline = rules.sections.baseline.clone().filter(|baseline| !self.dry_run && moves(baseline));
        let keeps = match &baseline {
            Some(_) => Keeps::Everything,
            None if self.dry_run => self.options.keeps(rules),
            None => gate::keeps(rules).max(self.options.keeps(rules)),
        };
        let mut judged = gate::gate(&Job { keeps, ..job }, &request)?;
        if let (Some(baseline), Some(summary)) = (&baseline, &judged.summary)
            && let Err(faults) = self.advance(baseline, &judged.report, summary)
            && let Some(publication) = &mut judged.report.publication
        {
            // What is published stays so.
            let not_moved = |fault: &Fault| format!("the batch is published; the baseline could not be moved on: {fault}");
            publication.warnings.extend(faults.0.iter().map(not_moved));
        }
        if let Some(remembered) = remembered.filter(|_| !self.dry_run) {
            self.remember(&remembered, &mut judged.report);
        }
        begun.summary = judged.summary;
        Ok(Some(judged.report))
    }

    /// Remembers the answers of a batch of which all rows have their place. A rejected one is judged again.
    fn remember(&self, remembered: &Remembered, report: &mut Report) {
        if matches!(report.verdict, Verdict::Accept | Verdict::Quarantine)
            && let Some(publication) = &mut report.publication
            && let Err(fault) = self.remember.keep(remembered)
        {
            publication.warnings.push(format!("the batch is published; its answers could not be remembered: {fault}"));
        }
    }

    /// Lets an accepted batch become the baseline, or part of it, as the rule file says.
    fn advance(&self, baseline: &BaselineSection, report: &Report, summary: &Summary) -> Result<(), Faults> {
        let state = report.publication.as_ref().map(|done| done.state);
        let is_new = matches!(state, Some(PublicationState::Published | PublicationState::Superseded));
        if report.verdict != Verdict::Accept || !(is_new || state == Some(PublicationState::Unchanged)) {
            return Ok(());
        }
        let path = &baseline.path.value;
        if let Some(confines) = self.options.trust.confines()? {
            confines.allow(path)?;
        }
        let memory = Arc::new(Budget::new(1 << 30, std::env::temp_dir()));
        let window = baseline.window.map(|window| window.0);
        match (crate::baseline::read(path)?.is_some(), baseline.advance) {
            (false, _) => crate::baseline::advance(path, summary, window, &memory)?,
            (true, Some(Advance::OnAccept)) if is_new => crate::baseline::advance(path, summary, window, &memory)?,
            (true, Some(Advance::OnAccept)) => crate::baseline::catch_up(path, summary, window, &memory)?,
            (true, None) => {}
        }
        match baseline.anchor.as_ref().filter(|_| baseline.first.is_some()) {
            Some(anchor) => self.learn_anchor(&anchor.value, summary),
            None => Ok(()),
        }
    }

    /// Lets the batch become the anchor where there is none yet.
    fn learn_anchor(&self, path: &str, summary: &Summary) -> Result<(), Faults> {
        if let Some(confines) = self.options.trust.confines()? {
            confines.allow(path)?;
        }
        if crate::baseline::read(path)?.is_none() {
            crate::baseline::replace(path, summary)?;
        }
        Ok(())
    }

    /// Where rows go, and how; what the destination promises becomes rules.
    fn request(&self, rules: &mut RuleFile) -> Result<Request, Faults> {
        let (publish, quarantine) = self.destinations.open(rules, self.options.trust.confines()?.as_ref())?;
        let (supersede, dry_run, waiting) = (self.supersede, self.dry_run, self.destinations.waiting());
        let batch_id = self.options.batch_id.clone();
        let replace = rules.sections.gate.replace.as_ref().map(|replace| replace.partition.clone());
        let removes = self.supersede.then_some("`--supersede`").or_else(|| replaces(rules));
        beside(rules, publish.as_ref(), removes)?;
        let table = PublishedTable::new(rules, batch_id.as_deref(), replace.as_deref(), publish.clone());
        let keeps_summary = gate::keeps(rules) != Keeps::Nothing;
        Ok(Request {
            publish,
            keeps_summary,
            table,
            quarantine,
            batch_id,
            supersede,
            replace,
            dry_run,
            as_of: self.options.as_of(),
            waiting,
        })
    }

    fn exit_code(&self, report: &Report) -> u8 {
        match report.verdict {
            Verdict::Quarantine if self.options.strict => 1,
            Verdict::Accept | Verdict::Quarantine => u8::from(self.options.strict && report.has_warnings()),
            Verdict::Reject => 1,
            Verdict::Undecided => 2,
        }
    }
}
