//! What `check` and `gate` have in common: their options, and a job made of them.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;

use crate::audit::{self, Job, Keeps, References};
use crate::diagnostic::{Code, Fault, Faults};
use crate::gate::{Place, PublishedTable, Wanted};
use crate::metric::Budget;
use crate::quarantine::ensure_not_taken_out;
use crate::report::model;
use crate::rules::published::Published;
use crate::ruleset::{Parsed, RuleFile, Table};
use crate::source::{self, Format, ReadOptions, Source, Spool};
use crate::windows;

use super::choices::Choices;
use super::ci::CiOptions;
pub(super) use super::given::{ensure_mask_key, mask_key, parse_rules, read_options, read_rules, read_rules_with, surroundings, whole};
use super::handed::Given;
use super::lineage::Lineage;
pub(super) use super::means::{Means, countable, time};
use super::notify::Notify;
use super::progress::Progress;
use super::record::Record;
use super::references;
use super::reports::reports_help;
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
    #[command(flatten)]
    pub choices: Choices,
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
    pub means: Means,
    #[command(flatten)]
    pub trust: Trust,
    #[command(flatten)]
    web: Web,
    #[command(flatten)]
    pub record: Record,
    #[command(flatten)]
    pub notify: Notify,
    #[command(flatten)]
    pub lineage: Lineage,
    #[command(flatten)]
    pub ci: CiOptions,
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
        if !rules.tables.is_empty() && self.data.is_empty() {
            return rules.tables.iter().flat_map(|table| self.paths(&table.rules)).collect();
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
            Some(rows) => {
                rows.open(options, &spool, countable(self.means.memory_limit.0)).map(|rows| source::with_contract(rows, &rules.contract()))
            }
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

    /// Whether a rule of the file is judged: with `--only` it may be none. What cannot be read is told when it is.
    pub(super) fn judges_by(&self, file: &str) -> bool {
        let Ok(confines) = self.trust.confines() else { return true };
        let choices = crate::ruleset::Choices { is_shared: true, ..self.choices.choices() };
        match parse_rules(file, confines.as_ref(), &choices) {
            Ok(Parsed { rules: Some(rules), faults, .. }) => !rules.items.is_empty() || !faults.is_empty(),
            Ok(Parsed { rules: None, .. }) | Err(_) => true,
        }
    }

    /// What can be read of the rule file, and what is wrong with it.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub(super) fn parse_rules(&self) -> Result<Parsed, Fault> {
        let confines = self.trust.confines()?;
        match &self.given.rules {
            Some(rules) => Ok(rules.parse(confines.as_ref(), &self.choices.choices())),
            None => parse_rules(&self.rules, confines.as_ref(), &self.choices.choices()),
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
    pub(super) fn more_mistakes(&self, rules: &RuleFile, is_comparable: bool) -> Faults {
        let now = self.means.clock();
        if !rules.tables.is_empty() {
            let of_table = |table: &Table| table.rules.quiet(self.more_mistakes(&table.rules, is_comparable));
            return Faults(rules.tables.iter().flat_map(of_table).collect());
        }
        let mut faults = audit::mistakes_alone(rules, now);
        let Some(scratch) = is_comparable.then(Scratch::new).and_then(Result::ok) else { return faults };
        match self.open_data(rules, &scratch) {
            Ok(data) => {
                let references = self.comparable(now, rules, &scratch).ok().map(|reached| Arc::new(reached) as Arc<dyn References>);
                let job = Job { references, ..self.job(now, rules, data, None, &scratch, &|_, _| {}) };
                faults.extend(audit::mistakes_beside(&job));
            }
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
