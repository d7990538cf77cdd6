//! What rules compare with, as the command line reaches it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::destinations::of_section;
use super::output;
use crate::audit::{Kept, References};
use crate::baseline;
use crate::confines::Confines;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::gate::{self, Parents, PublishedTable};
use crate::history::{History, Past, Window};
use crate::identity::Identity;
use crate::rules::Why;
use crate::rules::published::{Fetched, OtherQuery, TableRows};
use crate::rules::words::{AgainstWord, Season};
use crate::ruleset::{BaselineSection, GateSection, RuleFile};
use crate::shown::counted;
use crate::source::{self, ContractColumn, ReadOptions, Source, Spool};
use crate::summary::Summary;

/// Files, the baseline, the table and the recorded runs that the rules of one rule file may name.
pub(super) struct Surroundings {
    options: ReadOptions,
    contract: Vec<ContractColumn>,
    scratch: PathBuf,
    confines: Option<Confines>,
    /// The baseline that is learned from the first batch, and its anchor.
    learns: Vec<String>,
    /// Whether this run makes it.
    makes_baseline: bool,
    /// Where the gate publishes, if that is known, and how many threads read what lies there.
    published: Option<(Arc<PublishedTable>, usize)>,
    /// Whether this run judges what is published.
    judges_published: bool,
    /// The runs recorded before.
    runs: Option<Runs>,
    /// The tables that this run judges before.
    parents: Option<Arc<Parents>>,
    /// Where the tables of the rule file publish, where one of them is judged alone.
    places: Vec<(String, GateSection)>,
}

/// The recorded runs, and the batch that is compared with them.
struct Runs {
    history: History,
    /// The time that the batch's run speaks of.
    time: DateTime<Utc>,
    batch_id: Option<String>,
    identity: Mutex<Option<Arc<Identity>>>,
}

impl Surroundings {
    /// What the rules of `rules` may name; what must be spooled goes to `scratch`.
    ///
    /// # Errors
    /// The rule file does not say how to read data.
    pub(super) fn of(rules: &RuleFile, scratch: PathBuf, confines: Option<Confines>) -> Result<Self, Faults> {
        let baseline = rules.sections.baseline.as_ref();
        Ok(Self {
            options: super::run::read_options(rules)?.of_other_data(),
            contract: rules.contract(),
            scratch,
            confines,
            learns: baseline.filter(|baseline| baseline.first.is_some()).into_iter().flat_map(of_baseline).collect(),
            makes_baseline: false,
            published: None,
            runs: None,
            parents: None,
            places: rules.sibling_places.clone(),
            judges_published: false,
        })
    }

    /// Beside the table that batches are published to.
    pub(super) fn beside(self, published: Option<Arc<PublishedTable>>, threads: usize) -> Self {
        Self { published: published.map(|table| (table, threads)), ..self }
    }

    /// For a run that judges what is published.
    pub(super) fn of_published(self) -> Self {
        Self { judges_published: true, ..self }
    }

    /// Beside tables that are judged before in this run.
    pub(super) fn among(self, parents: Arc<Parents>) -> Self {
        Self { parents: Some(parents), ..self }
    }

    fn published(&self, last: Option<u64>) -> Result<Kept, Faults> {
        if self.judges_published {
            return Ok(Kept { why: Some(Why::WarmingUp("what is published is not compared with itself".into())), ..Kept::default() });
        }
        match &self.published {
            Some((table, threads)) => Ok(table.summaries(last, *threads)?),
            None if self.makes_baseline => {
                Ok(Kept { why: Some(Why::WarmingUp("a baseline is not compared with what is published".into())), ..Kept::default() })
            }
            None => {
                let fault = Fault::new(Code::MissingOption, "a rule compares with what is published, and nothing says where that is");
                Err(fault.hint("write `gate: { publish: PATH }` in the rule file").into())
            }
        }
    }

    /// For a run that makes the baseline: that it is not there yet is no fault.
    pub(super) fn with_no_baseline_yet(self) -> Self {
        Self { makes_baseline: true, ..self }
    }

    /// With the runs that are recorded before that of a batch, which speaks of `time`; its id, if it was given one.
    pub(super) fn with_runs(self, history: Option<History>, time: DateTime<Utc>, batch_id: Option<String>) -> Self {
        Self { runs: history.map(|history| Runs { history, time, batch_id, identity: Mutex::default() }), ..self }
    }

    fn allow_all_in(&self, place: &str) -> Result<(), Fault> {
        self.confines.as_ref().map_or(Ok(()), |confines| confines.allow_all_in(place))
    }

    fn allow(&self, path: &str) -> Result<(), Fault> {
        self.confines.as_ref().map_or(Ok(()), |confines| confines.allow(path))
    }

    fn open_with(&self, paths: &[String], columns: &[ContractColumn], use_: &str, hint: &str) -> Result<Arc<dyn Source>, Faults> {
        paths.iter().try_for_each(|path| self.allow(path))?;
        let options = ReadOptions { confines: self.confines.clone(), ..self.options.clone() };
        let opened = source::open(paths, &options, columns, &Spool::new(&self.scratch));
        Ok(opened.map_err(|fault| {
            if fault.code != Code::FileNotFound {
                return fault;
            }
            Fault { what: format!("{}, and {use_}", fault.what), ..fault }.hint(hint)
        })?)
    }

    fn baseline(&self, path: &str) -> Result<Kept, Faults> {
        self.allow(path)?;
        match baseline::read(path)? {
            Some(summary) => Ok(Kept { parts: vec![(path.to_owned(), Arc::new(summary))], ..Kept::default() }),
            None if self.makes_baseline => Ok(Kept { why: Some(Why::WarmingUp("there is no baseline yet".into())), ..Kept::default() }),
            None if self.learns.iter().any(|learned| learned == path) => {
                let why = format!("there is no baseline yet: the first batch that the gate accepts becomes {path}");
                Ok(Kept { why: Some(Why::WarmingUp(why)), ..Kept::default() })
            }
            None => {
                let fault = Fault::new(Code::FileNotFound, "there is no such baseline").at(Place::file(path));
                let hint =
                    format!("`sluicegate baseline capture DATA -r RULES -o {path}` makes it, `first: learn` makes it of the first batch");
                Err(fault.hint(hint).into())
            }
        }
    }
}

/// The files of a baseline.
fn of_baseline(baseline: &BaselineSection) -> Vec<String> {
    std::iter::once(&baseline.path).chain(&baseline.anchor).map(|path| path.value.clone()).collect()
}

impl Runs {
    fn identity(&self) -> MutexGuard<'_, Option<Arc<Identity>>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self) -> Result<String, Fault> {
        match (&self.batch_id, &*self.identity()) {
            (Some(id), _) => Ok(id.clone()),
            (None, Some(identity)) => Ok(format!("{:032x}", identity.content()?)),
            (None, None) => Err(Fault::new(Code::Internal, "internal error: recorded runs are asked for before the batch is known")),
        }
    }

    /// The last run that counts; while the batch is not known, it may be one of the batch itself.
    fn last_run(&self) -> Result<Option<(String, Arc<Summary>)>, Fault> {
        let is_known = self.batch_id.is_some() || self.identity().is_some();
        let batch = || if is_known { self.batch() } else { Ok(String::new()) };
        let past = self.history.summaries(&Window { last: 1, season: None, time: self.time, batch: &batch })?;
        if is_known {
            past.warnings.iter().for_each(|warning| output::note(warning));
        }
        Ok(past.parts.into_iter().next_back())
    }

    fn summaries(&self, last: u64, season: Option<Season>) -> Result<Kept, Fault> {
        let batch = || self.batch();
        let Past { parts, without, too_few, warnings } =
            self.history.summaries(&Window { last, season, time: self.time, batch: &batch })?;
        warnings.iter().for_each(|warning| output::note(warning));
        let why =
            too_few.map(|why| if parts.is_empty() && without > 0 { Why::NoData(without_summary(without)) } else { Why::WarmingUp(why) });
        Ok(Kept { parts, why, without, grows: true, ..Kept::default() })
    }
}

fn without_summary(runs: u64) -> String {
    format!("needs a scan: no summary is kept of {}", counted(runs, "recorded run"))
}

impl References for Surroundings {
    fn last_run(&self) -> Result<Option<(String, Arc<Summary>)>, Faults> {
        Ok(self.runs.as_ref().map(Runs::last_run).transpose()?.flatten())
    }

    fn batch_is(&self, identity: Arc<Identity>) {
        self.runs.iter().for_each(|runs| *runs.identity() = Some(identity.clone()));
    }

    fn open(&self, paths: &[String]) -> Result<Arc<dyn Source>, Faults> {
        let hint = "`against` takes a path, `published`, `baseline`, `{ baseline: FILE }` or `{ runs: { last: 14 } }`";
        self.open_with(paths, &self.contract, "a rule compares with it", hint)
    }

    fn rows_of_table(&self, wanted: &OtherQuery, rows: TableRows) -> Result<Fetched, Faults> {
        if let Some(parents) = &self.parents {
            return parents.rows(wanted, rows);
        }
        let place = self.places.iter().find(|(name, _)| *name == wanted.name).map(|(_, gate)| gate);
        let store = place.map(|gate| of_section(gate, &|place| self.allow_all_in(place))).transpose()?.flatten();
        let Some(store) = store else {
            let what = format!("a rule looks for keys in what the table `{}` has published, and nothing says where that is", wanted.name);
            let fault = Fault::new(Code::MissingOption, what).at(wanted.at.clone());
            return Err(fault.hint("write `gate: { publish: PATH }` in that table").into());
        };
        gate::published_parents(store, wanted, rows)
    }

    fn open_as(&self, paths: &[String], columns: &[ContractColumn]) -> Result<Arc<dyn Source>, Faults> {
        let use_ = if columns.is_empty() { "a rule reads it" } else { "a rule looks for keys in it" };
        self.open_with(paths, columns, use_, "paths start at the directory in which the program runs")
    }

    fn baseline_at(&self, paths: &[String]) -> Result<Option<Kept>, Faults> {
        let [path] = paths else { return Ok(None) };
        self.allow(path)?;
        if baseline::is_one(path) { self.baseline(path).map(Some) } else { Ok(None) }
    }

    fn summaries(&self, against: &AgainstWord) -> Result<Kept, Faults> {
        match against {
            AgainstWord::Baseline { file: Some(path) } => self.baseline(path),
            AgainstWord::Baseline { file: None } => {
                Err(Fault::new(Code::Internal, "internal error: a baseline without a name was asked for").into())
            }
            AgainstWord::Published { last } => self.published(*last),
            AgainstWord::Runs { last, season } => match &self.runs {
                Some(runs) => Ok(runs.summaries(*last, *season)?),
                None => {
                    let fault = Fault::new(
                        Code::MissingOption,
                        format!("a rule compares with {against}, and nothing says where runs are recorded"),
                    );
                    Err(fault.hint("give `--record DIR`, or `history: DIR` in the rule file").into())
                }
            },
            AgainstWord::Paths(_) => Err(Fault::new(Code::Internal, "internal error: data keep no summaries").into()),
        }
    }
}

/// Other data in which keys are looked for, and with which nothing is compared.
pub(super) struct OnlyKeys(pub Surroundings);

impl References for OnlyKeys {
    fn compares(&self) -> bool {
        false
    }

    fn open(&self, paths: &[String]) -> Result<Arc<dyn Source>, Faults> {
        Err(Fault::new(Code::Unsupported, format!("nothing can be compared with {} here", paths.join(", "))).into())
    }

    fn rows_of_table(&self, wanted: &OtherQuery, rows: TableRows) -> Result<Fetched, Faults> {
        self.0.rows_of_table(wanted, rows)
    }

    fn open_as(&self, paths: &[String], columns: &[ContractColumn]) -> Result<Arc<dyn Source>, Faults> {
        self.0.open_as(paths, columns)
    }

    fn summaries(&self, against: &AgainstWord) -> Result<Kept, Faults> {
        Err(Fault::new(Code::Unsupported, format!("nothing can be compared with {against} here")).into())
    }
}
