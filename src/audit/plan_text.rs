//! A plan as text, and what is to be folded by it: what travels to whoever folds, in this process or another.
//!
//! Nothing bound travels: whoever folds opens the data, reads it with the types that are settled so far, and binds the
//! rules again.
//!
//! How a run goes over several processes:
//! 1. The one who judges opens the data and sends [`Order::FirstPass`] with ranges of units. Each fold that comes back says what its
//!    units showed of the columns' types.
//! 2. Where the merged folds call for other types (a guess that must widen), that evidence is added to the plan's text, and
//!    the first pass starts again: a fold of the plan before is of another plan, and does not merge with those to come.
//! 3. Rules judge. Where they ask for a second pass, [`Order::SecondPass`] carries the questions and which rows were unsound or
//!    malformed; the folds that come back answer those questions alone.
//! 4. [`RowsOrder`] asks for the values of the few rows that findings show.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use xxhash_rust::xxh3::Xxh3Default;

use super::bind::{self, Plan, Terms};
use super::earlier::Profiled;
use super::fold::{self, Fold};
use super::samples::Fetched;
use super::sink::NoSink;
use super::{Job, Keeps, Means, private, samples};
use crate::diagnostic::{Code, Fault, Faults};
use crate::rows::{RowId, RowSet};
use crate::rules::published::PublishedTerms;
use crate::rules::{OtherColumns, OtherData, Question};
use crate::ruleset::RuleFile;
use crate::source::{self, SchemaEvidence, Source, Unit};
use crate::types::type_name;

/// A plan before it is bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanText {
    /// The rule file.
    pub rules: String,
    /// What the rule file is called in messages.
    pub path: String,
    /// The run's clock, and the time that `freshness` measures ages against (RFC 3339).
    pub now: String,
    pub as_of: String,
    /// Whether what files say of themselves may stand for reading them.
    pub statistics: bool,
    /// The table that batches are published to.
    pub published: Option<PublishedTerms>,
    /// What shall be kept of the batch.
    #[serde(default)]
    pub keeps: Keeps,
    /// What is known of the columns of earlier data that the batch's are held beside.
    #[serde(default)]
    pub profiled: Vec<Profiled>,
    /// What the data said of its columns' types, pass by pass: the types to read with follow from it.
    pub evidence: Vec<SchemaEvidence>,
    /// The columns that are read then, and their types; whoever folds must come to the same.
    pub columns: Vec<(String, String)>,
}

/// What is to be folded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// The first pass over the units of this range.
    FirstPass { plan: PlanText, units: Range<u32> },
    /// A second pass over these units.
    SecondPass {
        plan: PlanText,
        questions: Vec<Question>,
        units: Vec<Unit>,
        unsound: RowSet,
        malformed: RowSet,
        /// The findings that ask, for messages.
        #[serde(default)]
        asked_by: Vec<String>,
    },
}

/// Rows whose values are to be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowsOrder {
    pub plan: PlanText,
    /// The units that hold them.
    pub units: Vec<Unit>,
    pub rows: Vec<RowId>,
    /// Columns that rules see, by index.
    pub columns: Vec<usize>,
}

/// Values of rows, as reports show them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RowValues(Vec<(RowId, Vec<(usize, Json)>)>);

impl RowValues {
    /// Takes in the values of other rows.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn into_fetched(self) -> Fetched {
        self.0.into_iter().map(|(row, values)| (row, values.into_iter().collect())).collect()
    }
}

impl PlanText {
    /// The plan of `job`, reading with the types that `evidence` led to.
    pub(super) fn of(job: &Job<'_>, source: &dyn Source, plan: &Plan, evidence: &[SchemaEvidence]) -> Self {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        Self {
            rules: job.rules.whole_text().to_owned(),
            path: job.rules.path.clone(),
            now: time(job.now),
            as_of: time(job.as_of),
            statistics: job.statistics,
            published: job.published.as_ref().map(|published| published.terms()),
            keeps: job.keeps,
            profiled: plan.earlier.profiled(),
            evidence: evidence.to_vec(),
            columns: columns(source),
        }
    }
}

fn columns(source: &dyn Source) -> Vec<(String, String)> {
    source.schema().fields().iter().map(|f| (f.name().clone(), type_name(f.data_type()))).collect()
}

impl Order {
    fn plan(&self) -> &PlanText {
        match self {
            Self::FirstPass { plan, .. } | Self::SecondPass { plan, .. } => plan,
        }
    }

    /// What is ordered of one unit.
    #[must_use]
    pub fn of_unit(&self, unit: u32) -> Self {
        match self {
            Self::FirstPass { plan, .. } => Self::FirstPass { plan: plan.clone(), units: unit..unit.saturating_add(1) },
            Self::SecondPass { plan, questions, units, unsound, malformed, asked_by } => Self::SecondPass {
                plan: plan.clone(),
                questions: questions.clone(),
                units: units.iter().filter(|of| of.index == unit).cloned().collect(),
                unsound: unsound.within(unit..unit.saturating_add(1)),
                malformed: malformed.within(unit..unit.saturating_add(1)),
                asked_by: asked_by.clone(),
            },
        }
    }

    /// Folds what is ordered. `source` is the data as it was opened, before any evidence.
    ///
    /// # Errors
    /// The plan does not bind to the data, or the data is not what the plan was made for; it cannot be read or counted.
    pub fn fold(&self, source: Arc<dyn Source>, means: &Means) -> Result<Fold, Faults> {
        self.plan().bound(source, means, |job, source, mut plan| {
            Ok(match self {
                Self::FirstPass { units, .. } => fold::first_pass(job, source, &plan, &NoSink::default(), units.clone())?.fold,
                Self::SecondPass { questions, units, unsound, malformed, .. } => {
                    let first = ask(&mut plan, questions)?;
                    let before = fold::Before { units, unsound, malformed, cache: None };
                    fold::second_pass(job, source, &plan, first, &before)?
                }
            })
        })
    }

    /// The columns of the data that folding reads, by name; `source` needs to know its columns and nothing more.
    ///
    /// # Errors
    /// The plan does not bind to the data, or the data is not what the plan was made for.
    pub fn columns(&self, source: Arc<dyn Source>, means: &Means) -> Result<Vec<String>, Faults> {
        self.plan().bound(source, means, |_, source, mut plan| {
            let first = match self {
                Self::FirstPass { .. } => 0,
                Self::SecondPass { questions, .. } => ask(&mut plan, questions)?,
            };
            Ok(names(source, &fold::read_columns(source, &plan, first)))
        })
    }
}

/// Adds the questions to the plan; gives the first state that answers one of them.
fn ask(plan: &mut Plan, questions: &[Question]) -> Result<usize, Fault> {
    let first = plan.requests.states.len();
    questions.iter().try_for_each(|question| plan.requests.ask(question, &plan.prepare))?;
    Ok(first)
}

fn names(source: &dyn Source, columns: &[usize]) -> Vec<String> {
    columns.iter().map(|&column| source.schema().field(column).name().clone()).collect()
}

impl RowsOrder {
    /// What is ordered of one unit.
    #[must_use]
    pub fn of_unit(&self, unit: u32) -> Self {
        Self {
            plan: self.plan.clone(),
            units: self.units.iter().filter(|of| of.index == unit).cloned().collect(),
            rows: self.rows.iter().filter(|row| row.unit == unit).copied().collect(),
            columns: self.columns.clone(),
        }
    }

    /// Reads what is ordered. `source` is the data as it was opened, before any evidence; rows of units that it has not are
    /// left out.
    ///
    /// # Errors
    /// As [`Order::fold`].
    pub fn read(&self, source: Arc<dyn Source>, means: &Means) -> Result<RowValues, Faults> {
        self.plan.bound(source, means, |job, source, plan| {
            let (rows, columns) = (self.rows.iter().copied().collect(), self.columns.iter().copied().collect());
            let privacy = private::privacy(job, source, &plan);
            let fetched = samples::fetch((job, source, &plan, &privacy), &self.units, &rows, &columns)?;
            Ok(RowValues(fetched.into_iter().map(|(row, values)| (row, values.into_iter().collect())).collect()))
        })
    }

    /// The columns of the data that reading them reads, by name.
    ///
    /// # Errors
    /// As [`Order::columns`].
    pub fn columns(&self, source: Arc<dyn Source>, means: &Means) -> Result<Vec<String>, Faults> {
        self.plan.bound(source, means, |_, source, plan| Ok(names(source, &plan.prepare.source_columns(&self.columns))))
    }
}

impl PlanText {
    /// Binds the plan to the data anew, and goes on with it.
    fn bound<T>(
        &self,
        source: Arc<dyn Source>,
        means: &Means,
        go_on: impl FnOnce(&Job<'_>, &dyn Source, Plan) -> Result<T, Faults>,
    ) -> Result<T, Faults> {
        let text = self;
        let rules = RuleFile::parse(&text.rules, &text.path)?;
        let time = |text: &str| {
            let time = DateTime::parse_from_rfc3339(text).map_err(|e| Fault::new(Code::Damaged, format!("`{text}` is no time: {e}")))?;
            Ok::<_, Fault>(time.with_timezone(&Utc))
        };
        let job = Job {
            as_of: time(&text.as_of)?,
            threads: means.threads,
            statistics: text.statistics,
            cancel: means.cancel.clone(),
            keeps: text.keeps,
            ..Job::new(&rules, source, time(&text.now)?, means.budget.clone())
        };
        let source = source::settled(job.source.clone(), &text.evidence)?;
        if columns(source.as_ref()) != text.columns {
            return Err(Fault::new(Code::ForeignFold, "the data has other columns than the plan was made for")
                .hint("does everyone read the same files?")
                .into());
        }
        let plan = job.bind_as(source.as_ref(), &text.profiled, text.published.as_ref())?;
        go_on(&job, source.as_ref(), plan)
    }
}

impl Job<'_> {
    /// Binds the rules to the columns as `source` reads them.
    pub(super) fn bind(&self, source: &dyn Source, profiled: &[Profiled]) -> Result<Plan, Faults> {
        self.bind_as(source, profiled, self.published.as_ref().map(|published| published.terms()).as_ref())
    }

    /// What rules are bound to.
    pub(super) fn terms<'s>(&'s self, source: &'s dyn Source, published: Option<&'s PublishedTerms>) -> Terms<'s> {
        Terms {
            rules: self.rules,
            schema: source.schema(),
            infers: source.known().infers_types,
            without_values: &source.known().without_values,
            now: self.now,
            as_of: self.as_of,
            published,
            keeps: self.keeps,
            profiled: &[],
            others: self.references.is_some().then_some(self as &dyn OtherData),
        }
    }

    fn bind_as(&self, source: &dyn Source, profiled: &[Profiled], published: Option<&PublishedTerms>) -> Result<Plan, Faults> {
        let mut plan =
            bind::bind(&Terms { profiled, ..self.terms(source, published) }).map_err(|faults| without_columns(faults, source))?;
        if self.statistics {
            plan.prove(source);
        }
        Ok(plan)
    }
}

impl OtherData for Job<'_> {
    fn columns(&self, paths: &[String]) -> Option<Result<OtherColumns, Faults>> {
        let opened = self.references.as_ref()?.open_as(paths, &[]);
        Some(opened.map(|source| OtherColumns { schema: source.schema().clone(), infers_types: source.known().infers_types }))
    }
}

/// Where the data has no columns at all, why so: that says more than each name that is not found.
fn without_columns(faults: Faults, source: &dyn Source) -> Faults {
    let Some(why) = &source.known().no_columns else { return faults };
    let is_about_columns =
        |fault: &Fault| fault.code == Code::UnknownColumn || (fault.code == Code::InvalidSql && fault.what.contains("unknown column"));
    let mut others: Vec<Fault> = faults.0.iter().filter(|fault| !is_about_columns(fault)).cloned().collect();
    if others.len() < faults.0.len() {
        others.insert(0, why.clone());
    }
    Faults(others)
}

impl Plan {
    /// A digest of what makes folds of one plan, beside columns and questions: the program, which knows how rows are tested;
    /// rules, table and clock; whether files' own statistics are used; and what is known of the data before it is read.
    pub(super) fn digest(&self, job: &Job<'_>) -> String {
        let mut digest = Xxh3Default::new();
        digest.update(env!("CARGO_PKG_VERSION").as_bytes());
        digest.update(&job.rules.digest.to_le_bytes());
        for constraint in job.rules.table.iter().flat_map(|table| &table.constraints) {
            digest.update(constraint.sql.as_bytes());
        }
        for time in [job.now, job.as_of] {
            digest.update(&time.timestamp().to_le_bytes());
            digest.update(&time.timestamp_subsec_nanos().to_le_bytes());
        }
        digest.update(&[u8::from(job.statistics), job.keeps as u8]);
        let known = job.source.known();
        digest.update(known.format_name().as_bytes());
        digest.update(&known.bytes.to_le_bytes());
        for start in &known.starts {
            digest.update(&start.at.to_le_bytes());
            digest.update(&start.digest.to_le_bytes());
        }
        digest.update(&known.footers.unwrap_or_default().to_le_bytes());
        format!("{:032x}", digest.digest128())
    }
}
