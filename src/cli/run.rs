//! What `check` and `gate` have in common: their options, and a job made of them.

use super::exit::ExitCode;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;

use crate::assemble::{self, Header};
use crate::audit::{self, Job, Keeps, References};
use crate::diagnostic::{Code, Fault, Faults};
use crate::gate::{Place, PublishedTable, Wanted};
use crate::history::History;
use crate::metric::Budget;
use crate::quarantine::ensure_not_taken_out;
use crate::report::Report;
use crate::report::model::{self, Mode};
use crate::rules::published::Published;
use crate::ruleset::{Parsed, RuleFile};
use crate::source::{self, Format, ReadOptions, Source, Spool};
use crate::summary::Summary;
use crate::windows;

use super::ci::{Ci, CiOptions};
use super::embedded::{Done, Given, Kept};
pub(super) use super::given::{ensure_mask_key, mask_key, parse_rules, read_options, read_rules, surroundings, whole};
use super::lineage::Lineage;
pub(super) use super::means::{Means, countable, time};
use super::notify::Notify;
use super::output::{self, Printed};
use super::progress::Progress;
use super::record::{self, Record};
use super::references;
use super::reports::{self, Reports, reports_help};
use super::scratch::Scratch;
pub(super) use super::trust::Trust;
use super::web::Web;

/// Options of a run.
#[derive(Debug, Args)]
pub(super) struct RunOptions {
    /// Data: files, globs, directories, or `-` for standard input; the rule file's `source.path` if left out
    pub data: Vec<String>,
    /// The rule file
    #[arg(short, long, value_name = "RULES")]
    pub rules: String,
    #[arg(long = "report", value_name = "[FORMAT=]PATH", help = reports_help())]
    pub reports: Vec<PathBuf>,
    /// Write every row on which a rule fails, with the rules, why and where it came from, to this file
    /// (.parquet, .ndjson, .jsonl or .csv)
    #[arg(long, value_name = "PATH")]
    pub failing_rows: Option<PathBuf>,
    /// The data's format, whatever its name says
    #[arg(long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    pub format: Option<Format>,
    /// Read everything, even what the files' own statistics already prove
    #[arg(long)]
    pub no_statistics: bool,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    pub trust: Trust,
    #[command(flatten)]
    web: Web,
    #[command(flatten)]
    record: Record,
    #[command(flatten)]
    notify: Notify,
    #[command(flatten)]
    lineage: Lineage,
    #[command(flatten)]
    ci: CiOptions,
    /// Name of the batch; derived from its content if left out
    #[arg(long, value_name = "ID")]
    pub batch_id: Option<String>,
    /// Let a warning count as a failure
    #[arg(long)]
    pub strict: bool,
    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// What another program hands over that runs this one within itself.
    #[arg(skip)]
    pub given: Given,
    /// Also print what passes, the columns, and all samples
    #[arg(short, long)]
    pub verbose: bool,
}

impl RunOptions {
    /// The clock of the run that begins now.
    pub(super) fn clock(&self) -> DateTime<Utc> {
        self.means.clock()
    }

    /// The data's paths, as the command line or the rule file names them.
    pub(super) fn paths(&self, rules: &RuleFile) -> Vec<String> {
        if self.given.rows.is_some() {
            return Vec::new();
        }
        if self.data.is_empty() { rules.sections.source.path.iter().flat_map(|path| path.0.clone()).collect() } else { self.data.clone() }
    }

    /// Opens the data.
    ///
    /// # Errors
    /// It is not there, or not of its format.
    pub(super) fn open_data(&self, rules: &RuleFile, scratch: &Scratch) -> Result<Arc<dyn Source>, Faults> {
        self.open_names(&self.paths(rules), rules, &self.read_options(rules)?, scratch)
    }

    /// How the data is read.
    ///
    /// # Errors
    /// The rule file says it wrongly.
    pub(super) fn read_options(&self, rules: &RuleFile) -> Result<ReadOptions, Faults> {
        let mut options = read_options(rules)?;
        options.format = self.format.or(options.format);
        options.confines = if self.data.is_empty() { self.trust.confines()? } else { None };
        options.http = self.web.allow(options.http);
        Ok(options)
    }

    /// Opens the data that is called `names`.
    ///
    /// # Errors
    /// It is not there, or not of its format.
    pub(super) fn open_names(
        &self,
        names: &[String],
        rules: &RuleFile,
        options: &ReadOptions,
        scratch: &Scratch,
    ) -> Result<Arc<dyn Source>, Faults> {
        let spool = Spool::new(&scratch.path);
        let opened = match &self.given.rows {
            Some(rows) => rows.open(options, &spool, countable(self.means.memory_limit.0)),
            None => source::open(names, options, &rules.contract(), &spool),
        };
        let data = opened.map_err(|fault| self.in_rule_file(rules, fault))?;
        ensure_not_taken_out(data.schema())?;
        Ok(data)
    }

    /// A fault of data that the rule file names, with its place there.
    fn in_rule_file(&self, rules: &RuleFile, fault: Fault) -> Fault {
        let Some(path) = rules.sections.source.path.as_ref().filter(|_| self.data.is_empty() && fault.place.is_none()) else {
            return fault;
        };
        let fault = fault.at(path.at.in_file(&rules.path));
        let beside = std::path::Path::new(&rules.path).parent().and_then(|directory| {
            let there = path.0.iter().map(|named| directory.join(named)).find(|there| there.exists());
            there.map(|there| there.display().to_string())
        });
        match beside.filter(|_| fault.code == Code::FileNotFound) {
            Some(there) => fault.hint(format!("paths are taken from where the program runs, not from the rule file; write `{there}`")),
            None => fault,
        }
    }

    /// What a run that began at `now` is to audit; `progress` hears how far it is.
    pub(super) fn job<'a>(
        &self,
        now: DateTime<Utc>,
        rules: &'a RuleFile,
        data: Arc<dyn Source>,
        published: Option<Arc<dyn Published>>,
        scratch: &Scratch,
        progress: &'a (dyn Fn(u64, u64) + Sync),
    ) -> Job<'a> {
        let cancel = self.given.cancel.clone();
        Job { statistics: !self.no_statistics, cancel, ..self.means.job(now, rules, data, published, scratch, progress) }
    }

    /// What the rules of this run may compare with; `published` is where the gate publishes, if that is known.
    ///
    /// # Errors
    /// A directory of `--root` is not there.
    pub(super) fn references(
        &self,
        now: DateTime<Utc>,
        rules: &RuleFile,
        scratch: &Scratch,
        published: Option<Arc<PublishedTable>>,
    ) -> Result<Option<Arc<dyn References>>, Faults> {
        Ok(Some(Arc::new(self.comparable(now, rules, scratch)?.beside(published, self.means.threads()))))
    }

    /// With what means windows over several batches are judged.
    ///
    /// # Errors
    /// A directory of `--root` is not there.
    pub(super) fn window_means(&self, now: DateTime<Utc>, rules: &RuleFile, scratch: &Scratch) -> Result<windows::Means, Faults> {
        let references = self.references(now, rules, scratch, None)?;
        let budget = Arc::new(Budget::new(countable(self.means.memory_limit.0), scratch.path.clone()));
        let (as_of, threads) = (self.means.as_of.unwrap_or(now), self.means.threads());
        Ok(windows::Means { now, as_of, threads, budget, mask_key: mask_key().ok().flatten(), references })
    }

    /// The rule file, read anew.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(super) fn read_rules_again(&self) -> Result<RuleFile, Faults> {
        whole(self.parse_rules()?)
    }

    /// What can be read of the rule file, and what is wrong with it.
    ///
    /// # Errors
    /// It cannot be read at all.
    fn parse_rules(&self) -> Result<Parsed, Fault> {
        let confines = self.trust.confines()?;
        match &self.given.rules {
            Some(rules) => Ok(rules.parse(confines.as_ref())),
            None => parse_rules(&self.rules, confines.as_ref()),
        }
    }

    /// How far the run is, for whoever looks.
    pub(super) fn progress(&self) -> Progress {
        Progress::new(self.quiet).told_to(self.given.progress.clone())
    }

    /// What can be reached of what rules may compare with.
    ///
    /// # Errors
    /// A directory of `--root` is not there.
    pub(super) fn comparable(&self, now: DateTime<Utc>, rules: &RuleFile, scratch: &Scratch) -> Result<references::Surroundings, Faults> {
        let confines = self.trust.confines()?;
        let recorded = self.record.named(rules, confines.as_ref(), &surroundings())?.map(|(_, history)| history);
        let comparable = references::Surroundings::of(rules, scratch.path.clone(), confines)?;
        Ok(comparable.with_runs(recorded, self.means.as_of.unwrap_or(now), self.batch_id.clone()))
    }

    /// What is kept of the batch: all that a summary can hold, where the run is recorded.
    pub(super) fn keeps(&self, rules: &RuleFile) -> Keeps {
        if self.record.is_named(rules) { Keeps::Everything } else { Keeps::Nothing }
    }

    /// What else is wrong with a rule file of which parts could not be read: its SQL and patterns, and, where the data can be
    /// opened, what its columns show.
    fn more_mistakes(&self, rules: &RuleFile, is_comparable: bool) -> Faults {
        let now = self.means.clock();
        let mut faults = audit::mistakes_alone(rules, now);
        let Some(scratch) = is_comparable.then(Scratch::new).and_then(Result::ok) else { return faults };
        match self.open_data(rules, &scratch) {
            Ok(data) => faults.extend(audit::mistakes_beside(&self.job(now, rules, data, None, &scratch, &|_, _| {}))),
            // Said now, or it would be the next thing to mend.
            Err(more) => faults.extend(more),
        }
        faults
    }

    /// As what the data is judged; `place` is where the gate would publish it.
    pub(super) fn wanted<'a>(&'a self, place: Option<Place<'a>>) -> Wanted<'a> {
        let (batch_id, failing_rows) = (self.batch_id.as_deref(), self.failing_rows.as_deref());
        Wanted { place, batch_id, as_of: self.as_of(), failing_rows }
    }

    /// The time that ages are measured against, where it was set.
    pub(super) fn as_of(&self) -> Option<String> {
        self.means.as_of.or(self.means.now).map(model::time)
    }
}

/// What a run has found out so far. If it cannot go on, a report says so as far as it can.
pub(super) struct Begun<'a> {
    options: &'a RunOptions,
    /// The clock of the run.
    pub now: DateTime<Utc>,
    /// How its report is printed.
    printed: Printed,
    /// Places where a report can be written without harm.
    reports: Reports,
    /// What a CI system is told unasked.
    ci: Ci,
    rules: Option<RuleFile>,
    /// Where the run is recorded, if it is.
    history: Option<History>,
    /// What is recorded beside it.
    pub summary: Option<Summary>,
    /// The judged rows, for a program that wants them.
    pub kept: Option<Kept>,
}

/// What a run came to, told to whom it concerns.
pub(super) struct Settled {
    pub report: Report,
    pub code: u8,
    /// Why it could not be judged, or what could not be written.
    pub faults: Faults,
}

impl<'a> Begun<'a> {
    pub(super) fn new(options: &'a RunOptions) -> Self {
        let (now, ci, printed) = (options.means.clock(), options.ci.system(), Printed::Whole);
        Self { options, now, printed, reports: Reports::default(), ci, rules: None, history: None, summary: None, kept: None }
    }

    /// Lets the report be printed so.
    pub(super) fn print_as(&mut self, printed: Printed) {
        self.printed = printed;
    }

    /// Begins with another batch.
    pub(super) fn renew(&mut self) {
        (self.now, self.summary) = (self.options.means.clock(), None);
    }

    /// Where the run is recorded, if it is.
    pub(super) fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// Leaves the run out of the history.
    pub(super) fn leave_unrecorded(&mut self) {
        self.history = None;
    }

    /// Reads the rule file, after a look at where reports shall go.
    ///
    /// # Errors
    /// It cannot be read, or says something wrong; also where a report cannot be written.
    pub(super) fn read_rules(&mut self) -> Result<&RuleFile, Faults> {
        let (usable, mut faults) = Reports::at(&self.options.reports, self.options.failing_rows.as_deref());
        self.reports = usable;
        if self.options.given.rules.is_none() {
            faults.extend(self.keep_off("the rule file is", std::slice::from_ref(&self.options.rules)));
        }
        // The command line alone says what the data is, where it names some.
        faults.extend(self.keep_off("the data is", &self.options.data));
        let Parsed { rules, faults: wrong, is_comparable } = faults.take(self.options.parse_rules()).ok_or_else(|| faults.clone())?;
        let is_wrong = !wrong.is_empty();
        faults.extend(wrong);
        let Some(rules) = rules else { return Err(faults) };
        faults.extend(ensure_mask_key(&rules).err());
        if is_wrong {
            faults.extend(rules.quiet(self.options.more_mistakes(&rules, is_comparable)));
        }
        faults.or_ok(())?;
        Ok(self.rules.insert(rules))
    }

    /// Looks that no report is written to where the data is, or to where rows go, and that the run can be recorded.
    ///
    /// # Errors
    /// One would be, or it cannot.
    pub(super) fn keep_reports_apart(&mut self, destinations: &[String]) -> Result<&mut RuleFile, Faults> {
        let mut faults = Faults::default();
        let data = self.options.paths(self.rules()?);
        faults.extend(self.keep_off("the data is", &data));
        faults.extend(self.keep_off("rows go", destinations));
        let apart: Vec<String> = data.iter().chain(destinations).cloned().collect();
        let rules = self.rules.as_mut().ok_or_else(|| Fault::new(Code::Internal, "internal error: no rules were read"))?;
        let (confines, here) = (self.options.trust.confines()?, surroundings());
        self.history = faults.take(self.options.record.open(rules, confines.as_ref(), &apart, &here)).flatten();
        faults.or_ok(rules)
    }

    /// Keeps reports off all of `there`, which are called `what`.
    fn keep_off(&mut self, what: &str, there: &[String]) -> Vec<Fault> {
        there.iter().for_each(|there| self.ci.keep_off(what, there));
        there.iter().flat_map(|there| self.reports.keep_off(what, there)).collect()
    }

    /// The rules, once they are read.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn rules(&mut self) -> Result<&mut RuleFile, Fault> {
        self.rules.as_mut().ok_or_else(|| Fault::new(Code::Internal, "internal error: no rules were read"))
    }

    /// Shows and writes what the run came to, and gives the exit code, which is 2 for what could not be judged or told.
    pub(super) fn end(self, mode: Mode, judged: Result<Report, Faults>, exit_code: impl Fn(&Report) -> u8) -> ExitCode {
        ExitCode::from(self.tell(mode, judged, exit_code))
    }

    /// The same for one batch of several.
    pub(super) fn tell(&self, mode: Mode, judged: Result<Report, Faults>, exit_code: impl Fn(&Report) -> u8) -> u8 {
        self.settle(mode, judged, exit_code).code
    }

    /// The same for a program that runs this one within itself.
    ///
    /// # Errors
    /// The data could not be judged, or what was asked for could not be written.
    pub(super) fn hand_over(
        mut self,
        mode: Mode,
        judged: Result<Report, Faults>,
        exit_code: impl Fn(&Report) -> u8,
    ) -> Result<Done, Faults> {
        if let Err(faults) = &judged
            && faults.0.iter().any(|fault| fault.code == Code::Cancelled)
        {
            // Whoever ended the run knows it, and nobody else needs to.
            return Err(faults.clone());
        }
        let kept = self.kept.take();
        let Settled { report, code, faults } = self.settle(mode, judged, exit_code);
        faults.or_ok(Done { report, is_ok: code == 0, kept })
    }

    fn settle(&self, mode: Mode, judged: Result<Report, Faults>, exit_code: impl Fn(&Report) -> u8) -> Settled {
        let (quiet, verbose) = (self.options.quiet, self.options.verbose);
        let mut wrong = Faults::default();
        let (report, code) = match judged {
            Ok(mut report) => {
                let code = exit_code(&report);
                self.history.iter().for_each(|history| record::compare(history, &mut report, self.rules.as_ref()));
                output::show(&report, self.printed, quiet, verbose);
                let unprinted = output::unprinted().map(|error| reports::not_told(&report, "the verdict could not be printed", &error));
                unprinted.iter().for_each(|fault| output::complain(&fault.clone().into()));
                (report, if unprinted.is_some() { 2 } else { code })
            }
            Err(faults) => {
                let faults = self.rules.as_ref().map_or_else(|| faults.clone(), |rules| rules.quiet(faults.clone()));
                output::complain(&faults);
                let batch_id = self.options.batch_id.clone().unwrap_or_default();
                let header = Header { mode, batch_id, began: Some(self.now), as_of: self.options.as_of() };
                let report = assemble::faulty(header, self.rules.as_ref(), &faults);
                if self.printed.is_json() {
                    output::show(&report, self.printed, quiet, verbose);
                }
                wrong = faults;
                (report, 2)
            }
        };
        // Before it is recorded: a run that is killed here is told of again, and never not at all.
        if let Some(rules) = &self.rules {
            let is_confined = !matches!(self.options.trust.confines(), Ok(None));
            self.options.notify.tell(mode, rules, self.history.as_ref(), &report, is_confined);
        }
        let unwritten = self.reports.write(&report);
        let unrecorded = self.history.as_ref().and_then(|history| record::record(history, &report, self.summary.as_ref()));
        self.ci.tell(&report);
        self.options.lineage.post(&report);
        let unwritten: Faults = Faults(unwritten.into_iter().chain(unrecorded).collect());
        output::complain(&unwritten);
        let code = if unwritten.is_empty() { code } else { 2 };
        wrong.extend(unwritten.0);
        Settled { report, code, faults: wrong }
    }
}
