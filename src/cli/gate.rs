//! `sluicegate gate`

use std::sync::Arc;

use clap::Args;

use super::answers::Answers;
use super::begun::{Begun, Settled};
use super::destinations::{Destinations, beside, of_tables, replaces};
use super::exit::ExitCode;
use super::feeds::{Feeds, ensure_no_timeout};
use super::given::say_of_windows;
use super::handed::{Done, Given};
use super::output::{self, OutputOptions, Printed};
use super::run::RunOptions;
use super::scratch::Scratch;
use super::suite::Suite;
use crate::audit::{Job, Keeps};
use crate::diagnostic::{Code, Fault, Faults};
use crate::gate::{self, AskedRelease, Judged, Merging, Moving, PublishedTable, Request};
use crate::metric::Budget;
use crate::report::Report;
use crate::report::model::{Mode, PublicationState};
use crate::ruleset::{Advance, BaselineSection, RuleFile};
use crate::source::{ReadOptions, Remembered, Source};
use crate::store::{self, Quarantine, Store};
use crate::summary::Summary;
use crate::verdict::Verdict;

/// Whether the gate may change the baseline.
fn moves(baseline: &BaselineSection) -> bool {
    baseline.first.is_some() || baseline.advance.is_some()
}

/// Whether there is nothing to judge, since the data have not changed.
pub(super) fn is_unchanged(faults: &Faults) -> bool {
    matches!(faults.0.as_slice(), [fault] if fault.code == Code::Unchanged)
}

/// Options of `gate`.
#[derive(Debug, Args)]
pub(super) struct Gate {
    #[command(flatten)]
    pub(super) options: RunOptions,
    #[command(flatten)]
    pub(super) output: OutputOptions,
    #[command(flatten)]
    pub(super) destinations: Destinations,
    #[command(flatten)]
    pub(super) feeds: Feeds,
    #[command(flatten)]
    answers: Answers,
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

/// Opens the data of a batch by the rules as they are then.
pub(super) type OpensData<'a> = dyn Fn(&RuleFile) -> Result<Arc<dyn Source>, Faults> + 'a;

/// One batch on its way, and where it goes.
pub(super) struct Batch<'a> {
    pub id: Option<String>,
    pub data: &'a OpensData<'a>,
    pub moving: Option<Moving>,
    /// That it shall be published although it is rejected.
    pub release: Option<AskedRelease>,
    /// What to keep of servers' answers once it is settled.
    pub remembered: Option<Arc<Remembered>>,
    pub publish: &'a Arc<dyn Store>,
    pub quarantine: &'a Quarantine,
    pub scratch: &'a Scratch,
}

impl Gate {
    /// A gate of one batch that is to be released.
    pub(super) fn releasing(
        options: RunOptions,
        output: OutputOptions,
        destinations: Destinations,
        supersede: bool,
        dry_run: bool,
    ) -> Self {
        let (feeds, answers) = (Feeds::default(), Answers::default());
        Self { options, output, destinations, feeds, answers, supersede, dry_run, die_at_step: None }
    }

    pub(super) fn run(mut self) -> ExitCode {
        if let Some(step) = self.die_at_step {
            store::kill::at_step(step);
        }
        match Suite::of(&self.options) {
            Ok(None) => {}
            Ok(Some(mut suite)) => {
                while let Some(file) = suite.next(&mut self.options) {
                    suite.note(&file, self.one_of_suite());
                }
                return suite.end(self.output, self.options.quiet);
            }
            Err(fault) => {
                output::complain(&fault.into());
                return ExitCode::from(2);
            }
        }
        let mut begun = Begun::new(&self.options);
        begun.print_as(Printed::of(self.output));
        begun.take_tables();
        match self.begin(&mut begun) {
            Ok(names) if self.feeds.is_asked(&names) => self.keep_gating(begun, names),
            Ok(_) => {
                let judged = self.judge(&mut begun, None);
                if judged.as_ref().is_err_and(is_unchanged) {
                    return self.unchanged();
                }
                begun.end(self.mode(), judged, |report| self.exit_code(report))
            }
            Err(faults) => begun.end(self.mode(), Err(faults), |_| 2),
        }
    }

    /// The same within another program.
    ///
    /// # Errors
    /// The data could not be judged, or what was asked for could not be written.
    pub(super) fn embedded(mut self, given: Given) -> Result<Done, Faults> {
        (self.options.given, self.options.quiet) = (given, true);
        let mut begun = Begun::new(&self.options);
        let judged = self.begin(&mut begun).and_then(|names| match self.feeds.is_asked(&names) {
            true => Err(Fault::new(Code::Unsupported, "batches that keep coming are gated by the program alone")
                .hint("run `sluicegate gate` for them, or call `gate` for each batch")
                .into()),
            false => self.judge(&mut begun, None),
        });
        begun.hand_over(self.mode(), judged, |report| self.exit_code(report))
    }

    pub(super) fn is_dry(&self) -> bool {
        self.dry_run
    }

    pub(super) fn mode(&self) -> Mode {
        if self.dry_run { Mode::DryRun } else { Mode::Gate }
    }

    /// Reads the rules, and gives the names of the data.
    pub(super) fn begin(&self, begun: &mut Begun<'_>) -> Result<Vec<String>, Faults> {
        let rules = begun.read_rules()?;
        let (names, mut apart) = (self.options.paths(rules), self.destinations.taken(rules));
        apart.extend(of_tables(rules));
        if !rules.tables.is_empty() && self.feeds.is_asked(&names) {
            let fault = Fault::new(Code::Unsupported, "tables are judged beside each other, and these are batches that keep coming");
            return Err(fault.hint("gate the rule file again and again, or a table by itself: `--table NAME`").into());
        }
        self.feeds.ensure_meant(&names)?;
        if self.feeds.is_asked(&names) {
            ensure_no_timeout(&self.options.means)?;
        }
        apart.extend(self.feeds.watched());
        begun.keep_reports_apart(&apart)?;
        Ok(names)
    }

    /// Gates by one rule file of a directory; nothing if its data have not changed.
    fn one_of_suite(&self) -> Option<Settled> {
        let mut begun = Begun::new(&self.options);
        begun.print_as(Printed::of_many(self.output));
        begun.take_tables();
        let judged = match self.begin(&mut begun) {
            Ok(names) if self.feeds.is_asked(&names) => {
                let what = "`-r` names a directory, and batches that keep coming are gated by one rule file";
                Err(Fault::new(Code::ConflictingOptions, what).hint("name the rule file behind `-r`").into())
            }
            Ok(_) => self.judge(&mut begun, None),
            Err(faults) => Err(faults),
        };
        if judged.as_ref().is_err_and(is_unchanged) {
            self.unchanged();
            return None;
        }
        Some(begun.settle(self.mode(), judged, |report| self.exit_code(report)))
    }

    /// Says that there is no new batch.
    pub(super) fn unchanged(&self) -> ExitCode {
        const SAID: &str = "the data are what they were when they were settled; nothing was done";
        // There is no report of what was not judged.
        if Printed::of(self.output).is_json() {
            output::note(SAID);
        } else if !self.options.quiet {
            output::print_own(&format!("UNCHANGED  {SAID}\n"));
        }
        ExitCode::SUCCESS
    }

    /// How the data is read, and which answers of servers are settled.
    pub(super) fn read_options(&self, rules: &RuleFile) -> Result<ReadOptions, Faults> {
        let mut options = self.options.read_options(rules)?;
        options.http.remembered = self.answers.read(&self.destinations.named(rules).join("\n"))?;
        Ok(options)
    }

    /// Opens the destination and the data, judges the data, and publishes what may pass.
    pub(super) fn judge(&self, begun: &mut Begun<'_>, release: Option<AskedRelease>) -> Result<Report, Faults> {
        let rules = begun.rules()?;
        if !rules.tables.is_empty() {
            return self.gate_tables(begun);
        }
        say_of_windows(rules);
        let (publish, quarantine) = self.destinations.open(rules, self.options.trust.confines()?.as_ref())?;
        let scratch = Scratch::new()?;
        let options = self.read_options(rules)?;
        let data = |rules: &RuleFile| self.options.open_names(&self.options.paths(rules), rules, &options, &scratch);
        let (publish, quarantine, id) = (&publish, &quarantine, self.options.batch_id.clone());
        let remembered = options.http.remembered.clone();
        self.judge_batch(begun, &Batch { id, data: &data, moving: None, release, remembered, publish, quarantine, scratch: &scratch })
    }

    /// Judges a batch, and publishes what may pass.
    pub(super) fn judge_batch(&self, begun: &mut Begun<'_>, batch: &Batch<'_>) -> Result<Report, Faults> {
        let now = begun.now;
        let rules = begun.rules()?;
        let request = self.request(rules, batch)?;
        let progress = self.options.progress();
        let advance = |done, total| progress.advance(done, total);
        let data = (batch.data)(rules)?;
        let references = self.options.references(now, rules, batch.scratch, Some(request.table.clone()))?;
        let job = Job {
            references,
            rows: progress.rows(),
            ..self.options.job(now, rules, data, Some(request.table.clone()), batch.scratch, &advance)
        };
        let keeps = match self.moving_baseline(rules) {
            Some(_) => Keeps::Everything,
            None if self.dry_run => self.options.keeps(rules),
            None => gate::keeps(rules).max(self.options.keeps(rules)),
        };
        let Judged { mut report, summary } = gate::gate(&Job { keeps, ..job }, &request)?;
        self.move_baseline(rules, &mut report, summary.as_ref());
        if let Some(remembered) = &batch.remembered {
            self.remember(remembered, &mut report);
        }
        begun.summary = summary;
        Ok(report)
    }

    /// Remembers the answers of a batch of which all rows have their place. One that was withheld is judged again.
    fn remember(&self, remembered: &Remembered, report: &mut Report) {
        let Some(publication) = &mut report.publication else { return };
        let is_settled = match publication.state {
            PublicationState::Published | PublicationState::Unchanged | PublicationState::Superseded | PublicationState::SetAside => true,
            PublicationState::Withheld | PublicationState::DryRun => false,
        };
        if is_settled && let Err(fault) = self.answers.keep(remembered) {
            publication.warnings.push(format!("the batch is settled; its answers could not be remembered: {fault}"));
        }
    }

    /// The baseline of the rule file, if the gate may change it.
    pub(super) fn moving_baseline<'r>(&self, rules: &'r RuleFile) -> Option<&'r BaselineSection> {
        rules.sections.baseline.as_ref().filter(|baseline| !self.dry_run && moves(baseline))
    }

    /// Moves the baseline on where the batch is accepted; if it cannot be, that is said.
    pub(super) fn move_baseline(&self, rules: &RuleFile, report: &mut Report, summary: Option<&Summary>) {
        if let (Some(baseline), Some(summary)) = (self.moving_baseline(rules), summary)
            && let Err(faults) = self.advance(baseline, report, summary)
            && let Some(publication) = &mut report.publication
        {
            // What is published stays so.
            let not_moved = |fault: &Fault| format!("the batch is published; the baseline could not be moved on: {fault}");
            publication.warnings.extend(faults.0.iter().map(not_moved));
        }
    }

    /// Options that are about one table.
    pub(super) fn of_one_table(&self) -> [(bool, &'static str); 3] {
        [
            (self.destinations.is_given(), "a destination on the command line"),
            (self.supersede, "`--supersede`"),
            (self.answers.is_given(), "`--remember-answers`"),
        ]
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
    pub(super) fn request(&self, rules: &mut RuleFile, batch: &Batch<'_>) -> Result<Request, Faults> {
        let (supersede, dry_run, waiting) = (self.supersede, self.dry_run, self.destinations.waiting());
        if let (true, Some(child)) = (supersede, rules.children.first()) {
            let what = format!("`--supersede` takes published rows away, and the table `{child}` looks for keys in them");
            return Err(Fault::new(Code::ConflictingOptions, what).hint("bring corrected rows as another batch: `--batch-id ID`").into());
        }
        let (publish, batch_id) = (batch.publish.clone(), batch.id.clone());
        let replace = rules.sections.gate.replace.as_ref().map(|replace| replace.partition.clone());
        let removes = self.supersede.then_some("`--supersede`").or_else(|| replaces(rules));
        beside(rules, publish.as_ref(), removes)?;
        let table = PublishedTable::new(rules, batch_id.as_deref(), replace.as_deref(), publish.clone());
        let keeps_summary = gate::keeps(rules) != Keeps::Nothing;
        Ok(Request {
            publish,
            keeps_summary,
            table,
            quarantine: batch.quarantine.clone(),
            batch_id,
            supersede,
            replace,
            merge: merging(rules),
            release: batch.release.clone(),
            on_reject: self.feeds.on_reject(rules.sections.gate.on_reject),
            moving: batch.moving.clone(),
            failing_rows: self.options.failing_rows.clone(),
            dry_run,
            as_of: self.options.as_of(),
            waiting,
        })
    }

    /// Of one of many batches: one that was set aside as a whole is dealt with, as the rule file or the user wanted it.
    pub(super) fn exit_code_among(&self, report: &Report) -> u8 {
        match report.publication.as_ref().map(|done| done.state) {
            Some(PublicationState::SetAside) => u8::from(self.options.strict),
            Some(_) | None => self.exit_code(report),
        }
    }

    pub(super) fn exit_code(&self, report: &Report) -> u8 {
        match report.verdict {
            Verdict::Quarantine if self.options.strict => 1,
            Verdict::Accept | Verdict::Quarantine => u8::from(self.options.strict && report.has_warnings()),
            Verdict::Reject => u8::from(!report.is_released()),
            Verdict::Undecided => 2,
        }
    }
}

/// How rows are merged into the table, as the rule file says.
fn merging(rules: &RuleFile) -> Option<Merging> {
    let merge = &rules.sections.gate.merge.as_ref()?.value;
    Some(Merging { key: merge.key.0.clone(), sequence: merge.sequence.clone(), delete: merge.delete.clone() })
}
