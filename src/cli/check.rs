//! `sluicegate check`

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;

use super::begun::{Begun, Settled};
use super::destinations::{Ends, beside, both_named, named_by, of_tables, replaces};
use super::exit::ExitCode;
use super::given::say_of_windows;
use super::handed::{Done, Given, Kept};
use super::output::{self, OutputOptions, Printed};
use super::run::RunOptions;
use super::scratch::Scratch;
use super::suite::Suite;
use crate::audit::{Job, References};
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::gate::{self, Choice, PublishedTable};
use crate::report::Report;
use crate::report::model::Mode;
use crate::rules::published::Published;
use crate::ruleset::RuleFile;
use crate::source::Source;
use crate::store::Store;
use crate::verdict::Verdict;

/// Options of `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    output: OutputOptions,
    /// Judge what is published where the gate publishes, from the summaries beside it: no row is read. Rules that no summary
    /// answers are named and not judged
    #[arg(long, conflicts_with_all = ["data", "batch_id", "format", "failing_rows"])]
    published: bool,
    /// Only these batches of what is published
    #[arg(long, value_name = "IDS", value_delimiter = ',', requires = "published", conflicts_with = "last")]
    batches: Vec<String>,
    /// Only the last so many batches of what is published, in the order of their commits
    #[arg(long, value_name = "N", requires = "published", value_parser = clap::value_parser!(u64).range(1..))]
    last: Option<u64>,
}

impl Check {
    pub(super) fn run(mut self) -> ExitCode {
        match Suite::of(&self.options) {
            Ok(None) => ExitCode::from(self.one(Printed::of(self.output)).code),
            Ok(Some(mut suite)) => {
                while let Some(file) = suite.next(&mut self.options) {
                    suite.note(&file, Some(self.one(Printed::of_many(self.output))));
                }
                suite.end(self.output, self.options.quiet)
            }
            Err(fault) => {
                output::complain(&fault.into());
                ExitCode::from(2)
            }
        }
    }

    /// Judges by one rule file.
    fn one(&self, printed: Printed) -> Settled {
        let mut begun = Begun::new(&self.options);
        begun.print_as(printed);
        begun.take_tables();
        let judged = self.judge(&mut begun);
        if self.published {
            // The runs that are recorded are of a batch each.
            begun.leave_unrecorded();
        }
        begun.settle(Mode::Check, judged, |report| self.exit_code(report))
    }

    /// The same within another program.
    ///
    /// # Errors
    /// The data could not be judged, or what was asked for could not be written.
    pub(super) fn embedded(mut self, given: Given) -> Result<Done, Faults> {
        (self.options.given, self.options.quiet) = (given, true);
        let mut begun = Begun::new(&self.options);
        let judged = self.judge(&mut begun);
        if self.published {
            begun.leave_unrecorded();
        }
        begun.hand_over(Mode::Check, judged, |report| self.exit_code(report))
    }

    /// Reads the rules, looks at the destination, opens the data, and judges it.
    fn judge(&self, begun: &mut Begun<'_>) -> Result<Report, Faults> {
        let now = begun.now;
        let rules = begun.read_rules()?;
        if !rules.tables.is_empty() {
            let destinations = of_tables(rules);
            begun.keep_reports_apart(&destinations)?;
            return self.judge_tables(begun);
        }
        let gate = &rules.sections.gate;
        let destinations = both_named(gate.publish.as_ref(), gate.quarantine.as_ref());
        let rules = begun.keep_reports_apart(&destinations)?;
        let (publish, quarantine) = self.open_destination(rules)?.unzip();
        if self.published {
            return self.judge_published(now, rules, publish);
        }
        let scratch = Scratch::new()?;
        let progress = self.options.progress();
        let advance = |done, total| progress.advance(done, total);
        say_of_windows(rules);
        let data = self.options.open_data(rules, &scratch)?;
        let published = self.published(rules, publish.clone());
        let references = self.options.references(now, rules, &scratch, published.clone())?;
        let published = published.map(|table| -> Arc<dyn Published> { table });
        let keeps = self.options.keeps(rules);
        let job = Job { references, keeps, rows: progress.rows(), ..self.options.job(now, rules, data, published, &scratch, &advance) };
        let place = publish.as_deref().zip(quarantine.as_ref()).map(|(publish, quarantine)| gate::Place { publish, quarantine });
        let (judged, audited) = gate::judge(&job, self.options.wanted(place))?;
        let kept = Kept { audited, threads: job.threads, cancel: job.cancel.clone(), _scratch: scratch };
        (begun.summary, begun.kept) = (judged.summary, Some(kept));
        Ok(judged.report)
    }

    /// Judges what is published, from its summaries.
    fn judge_published(&self, now: DateTime<Utc>, rules: &RuleFile, publish: Option<Arc<dyn Store>>) -> Result<Report, Faults> {
        let Some(store) = publish else {
            let fault = Fault::new(Code::MissingOption, "nothing says where rows are published").at(Place::file(&rules.path));
            return Err(fault.hint("write `gate: { publish: PATH }` in the rule file").into());
        };
        let choice = match (self.last, self.batches.is_empty()) {
            (Some(last), _) => Choice::Last(last),
            (None, true) => Choice::Each,
            (None, false) => Choice::Batches(self.batches.clone()),
        };
        let scratch = Scratch::new()?;
        // What is published is not compared with itself.
        let references: Arc<dyn References> = Arc::new(self.options.comparable(now, rules, &scratch)?.of_published());
        let table = self.published(rules, Some(store.clone())).map(|table| -> Arc<dyn Published> { table });
        let make = |source: Arc<dyn Source>| {
            let job = self.options.job(now, rules, source, table.clone(), &scratch, &|_, _| {});
            Ok(Job { references: Some(references.clone()), ..job })
        };
        gate::judge_published(rules, store.as_ref(), &choice, self.options.as_of(), &make)
    }

    /// Where the gate would publish, if the rule file says so; its promises become rules.
    fn open_destination(&self, rules: &mut RuleFile) -> Result<Option<Ends>, Faults> {
        let Some((publish, quarantine)) = named_by(rules, self.options.trust.confines()?.as_ref())? else { return Ok(None) };
        beside(rules, publish.as_ref(), replaces(rules))?;
        Ok(Some((publish, quarantine)))
    }

    pub(super) fn options(&self) -> &RunOptions {
        &self.options
    }

    pub(super) fn is_of_published(&self) -> bool {
        self.published
    }

    /// The table that the gate would publish to, if the rule file names one.
    pub(super) fn published(&self, rules: &RuleFile, publish: Option<Arc<dyn Store>>) -> Option<Arc<PublishedTable>> {
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
