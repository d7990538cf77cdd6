//! From a rule file and data to findings: bind, fold, judge.
//!
//! One fold over every unit runs the row tests, then the states; rules judge what was counted and
//! may ask for second passes; nothing here writes data.

mod adjusted;
mod beside;
mod bias;
mod bind;
mod builtin;
mod causes;
mod diff;
mod earlier;
mod finding;
mod fold;
mod from_summaries;
mod groups;
mod judge;
mod keeps;
mod kept;
mod other_rows;
mod plan_text;
mod private;
mod profile;
mod query;
mod reference;
mod rounds;
mod row_judge;
mod row_keys;
mod samples;
mod select;
mod sink;
mod tally;
mod validate;
mod why;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chrono::{DateTime, Utc};

pub use crate::metric::Budget;
pub use beside::{Kept, References};
pub use bind::{Plan, PlannedCheck};
pub use finding::FindingWithRows;
pub use fold::{Asked, Fold};
pub use from_summaries::{AuditedSummaries, audit_summaries, source_of};
pub use keeps::Keeps;
pub use plan_text::{Order, PlanText, RowValues, RowsOrder};
pub use row_judge::{JudgedRows, RowJudge, RowRule, RuleOutcome, Standing};
pub use sink::{NoSink, Sink, SoundRows};
pub use tally::{Tally, audit_tally};
pub use validate::{AgainstContract, against_contract, mistakes_alone, mistakes_beside};

use self::earlier::Earlier;
use self::fold::{Counted, FirstPass};
use self::samples::{Fetched, SampleRows};
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::Cancel;
use crate::identity::Identity;
use crate::privacy::{MaskKey, Privacy};
use crate::report::columns::{CandidateKey, Correlations};
use crate::report::model::ColumnReport;
use crate::rows::RowSet;
use crate::rules::published::Published;
use crate::rules::schema::SchemaChange;
use crate::ruleset::RuleFile;
use crate::source::{RowOrigins, SchemaEvidence, Source};
use crate::summary::TestEntry;

/// What to audit, and with what means.
pub struct Job<'a> {
    pub rules: &'a RuleFile,
    pub source: Arc<dyn Source>,
    /// The run's clock.
    pub now: DateTime<Utc>,
    /// What `freshness` measures ages against.
    pub as_of: DateTime<Utc>,
    pub threads: usize,
    /// Whether what files say of themselves may stand for reading them.
    pub statistics: bool,
    pub budget: Arc<Budget>,
    /// What values of columns with `mask: hash` are hashed with.
    pub mask_key: Option<MaskKey>,
    /// The table that batches are published to, for rules that look into it.
    pub published: Option<Arc<dyn Published>>,
    /// Whoever can reach what rules compare with.
    pub references: Option<Arc<dyn References>>,
    /// What shall be kept of the batch, for [`Audited::summary`].
    pub keeps: Keeps,
    /// Ends the run before its time, if someone says so.
    pub cancel: Cancel,
    /// Told of bytes read and bytes to read.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
    /// Counts the rows of the first pass.
    pub rows: Arc<AtomicU64>,
}

impl<'a> Job<'a> {
    /// The plainest job: on one thread, ages measured at the run's clock, without a table and without anyone who is told.
    pub fn new(rules: &'a RuleFile, source: Arc<dyn Source>, now: DateTime<Utc>, budget: Arc<Budget>) -> Self {
        Self {
            rules,
            source,
            now,
            as_of: now,
            threads: 1,
            statistics: true,
            budget,
            mask_key: None,
            published: None,
            references: None,
            keeps: Keeps::Nothing,
            cancel: Cancel::default(),
            progress: &|_, _| {},
            rows: Arc::default(),
        }
    }

    /// A job with the same means over other data, which nobody hears of.
    fn of_other(&self, source: Arc<dyn Source>) -> Self {
        let cancel = self.cancel.clone();
        Self { as_of: self.as_of, threads: self.threads, cancel, ..Self::new(self.rules, source, self.now, self.budget.clone()) }
    }

    /// Faults of this run without values of columns that are masked in its batch.
    #[must_use]
    pub fn quiet(&self, faults: Faults) -> Faults {
        self.rules.quiet_in(faults, self.source.schema().fields().iter().map(|field| field.name().as_str()))
    }
}

/// Everything an audit found.
pub struct Audited {
    /// The source, with the types it was finally read with.
    pub source: Arc<dyn Source>,
    pub plan: Plan,
    pub row_origins: RowOrigins,
    pub findings: Vec<FindingWithRows>,
    pub schema_changes: Vec<SchemaChange>,
    /// The masked columns of this batch; findings and columns show none of their values.
    pub privacy: Privacy,
    pub columns: Vec<ColumnReport>,
    pub correlations: Option<Correlations>,
    pub candidate_keys: Option<Vec<CandidateKey>>,
    pub filtered: u64,
    pub malformed: u64,
    pub malformed_rows: RowSet,
    /// Rows that no zero-tolerance row test let pass: never handed to the sink.
    pub unsound: RowSet,
    pub identity: Arc<Identity>,
    units: kept::Units,
    /// What states counted, where the job said that it shall be kept.
    kept: Vec<keeps::KeptAnswer>,
    kept_tests: Vec<(String, TestEntry)>,
}

impl Audited {
    /// Rows left by `clean`.
    pub fn considered(&self) -> u64 {
        self.row_origins.records() - self.filtered
    }

    /// Every row that must not be published: malformed, or failing a rule that failed and quarantines. Unsound rows are among
    /// them.
    pub fn set_aside(&self) -> RowSet {
        let mut all = self.malformed_rows.clone();
        for finding in self.findings.iter().filter(|f| f.finding.sets_aside()) {
            all.union(&finding.rows);
        }
        all
    }

    /// How many rows must not be published for their quality: all of those but the ones that only a published row with
    /// their key keeps out.
    pub fn bad_rows(&self) -> u64 {
        let mut bad = self.malformed_rows.clone();
        self.findings.iter().filter(|f| f.finding.sets_aside()).for_each(|f| f.add_bad_rows(&mut bad));
        bad.len()
    }
}

/// With what means something is folded. Where several processes fold for one run, all need the same memory: whether rows can be
/// sorted (`stuck` with `order_by`) depends on it.
#[derive(Debug, Clone)]
pub struct Means {
    pub threads: usize,
    pub budget: Arc<Budget>,
    /// Ends the fold before its time, if someone says so.
    pub cancel: Cancel,
}

/// Someone who folds in other processes than this one.
pub trait Runner {
    /// Folds what is ordered; of [`Order::FirstPass`], all units there are. Pieces may be merged in any order ([`Fold::merge`]).
    ///
    /// # Errors
    /// What was to be folded could not be.
    fn run(&self, order: &Order) -> Result<Fold, Faults>;

    /// Reads the rows that findings show; one that is missing in the answer is shown without values. None where they can be read
    /// in the process that judges.
    ///
    /// # Errors
    /// They could not be read.
    fn rows(&self, order: &RowsOrder) -> Result<Option<RowValues>, Faults> {
        let _ = order;
        Ok(None)
    }

    /// Whether the process that judges can read the data too.
    fn reads_here(&self) -> bool {
        true
    }
}

/// Audits the job's data, handing rows that pass to `sink`.
///
/// # Errors
/// What cannot be bound to the data, or read.
pub fn audit<S: Sink>(job: &Job<'_>, sink: &S) -> Result<Audited, Faults> {
    audit_with(job, &InProcess { job, sink })
}

/// Audits the job's data, which `runner` reads and folds; this process only judges.
///
/// # Errors
/// What cannot be bound to the data, or read.
pub fn audit_by(job: &Job<'_>, runner: &dyn Runner) -> Result<Audited, Faults> {
    if job.rules.goes_to_delta {
        let fault = Fault::new(Code::Unsupported, "rules beside a Delta table's promises are folded in one process only");
        return Err(fault.hint("leave `gate: { publish: … }` out").into());
    }
    audit_with(job, &ByRunner { job, runner })
}

/// What a first pass over one unit of the job's data counts, for whoever merges folds and judges them ([`audit_by`]).
///
/// # Errors
/// The rules do not fit the data; it cannot be read or counted; what it holds calls for other types than it was opened with.
pub fn fold_unit(job: &Job<'_>, unit: u32) -> Result<Fold, Faults> {
    let plan = job.bind(job.source.as_ref(), &[])?;
    let fold = fold::first_pass(job, job.source.as_ref(), &plan, &NoSink::default(), unit..unit.saturating_add(1))?.fold;
    match job.source.retyped(&fold.evidence())? {
        None => Ok(fold),
        Some(_) => Err(Fault::new(Code::TypesUnsettled, "the columns' types follow from all units").into()),
    }
}

/// The findings of the job's rules that mind in which order rows come.
///
/// # Errors
/// The rules do not fit the data.
pub fn minding_order(job: &Job<'_>) -> Result<Vec<String>, Faults> {
    let plan = job.bind(job.source.as_ref(), &[])?;
    let minding: HashSet<_> = job.rules.items.iter().filter(|item| item.rule.minds_order()).map(|item| item.at).collect();
    Ok(plan.checks.iter().filter(|check| minding.contains(&check.at)).map(|check| check.id.clone()).collect())
}

/// Where units are folded. `source` is read with the types that `evidence` led to.
trait Folding {
    /// The first pass over all units.
    fn first_pass(&self, source: &dyn Source, plan: &Plan, evidence: &[SchemaEvidence]) -> Result<FirstPass, Faults>;

    /// A second pass: the states from `first_state` on.
    fn second_pass(
        &self,
        source: &dyn Source,
        evidence: &[SchemaEvidence],
        plan: &Plan,
        first_state: usize,
        counted: &Counted,
    ) -> Result<Fold, Faults>;

    /// Reads `rows`, which lie in `units`, again, `columns` of each; none where they can be read here.
    fn rows(
        &self,
        source: &dyn Source,
        evidence: &[SchemaEvidence],
        plan: &Plan,
        rows: &SampleRows<'_>,
    ) -> Result<Option<Fetched>, Faults> {
        let _ = (source, evidence, plan, rows);
        Ok(None)
    }

    /// Whether this process can read the data.
    fn reads_here(&self) -> bool {
        true
    }
}

/// On the threads of this process.
struct InProcess<'a, S> {
    job: &'a Job<'a>,
    sink: &'a S,
}

impl<S: Sink> Folding for InProcess<'_, S> {
    fn first_pass(&self, source: &dyn Source, plan: &Plan, _: &[SchemaEvidence]) -> Result<FirstPass, Faults> {
        self.sink.begin(&plan.prepare.schema)?;
        Ok(fold::first_pass(self.job, source, plan, self.sink, 0..u32::MAX)?)
    }

    fn second_pass(
        &self,
        source: &dyn Source,
        _: &[SchemaEvidence],
        plan: &Plan,
        first_state: usize,
        counted: &Counted,
    ) -> Result<Fold, Faults> {
        let Counted { units, unsound, malformed, cache, .. } = counted;
        let before = fold::Before { units, unsound, malformed, cache: cache.as_ref() };
        Ok(fold::second_pass(self.job, source, plan, first_state, &before)?)
    }
}

/// In other processes.
struct ByRunner<'a> {
    job: &'a Job<'a>,
    runner: &'a dyn Runner,
}

impl Folding for ByRunner<'_> {
    fn first_pass(&self, source: &dyn Source, plan: &Plan, evidence: &[SchemaEvidence]) -> Result<FirstPass, Faults> {
        let text = PlanText::of(self.job, source, plan, evidence);
        let fold = self.runner.run(&Order::FirstPass { plan: text, units: 0..u32::MAX })?;
        Ok(FirstPass { fold: fold::of_plan(fold, self.job, plan, 0)?, cache: None })
    }

    fn second_pass(
        &self,
        source: &dyn Source,
        evidence: &[SchemaEvidence],
        plan: &Plan,
        first_state: usize,
        counted: &Counted,
    ) -> Result<Fold, Faults> {
        let text = PlanText::of(self.job, source, plan, evidence);
        let Counted { units, unsound, malformed, asked_by, .. } = counted;
        let questions = plan.requests.questions(first_state, &plan.prepare.rule_schema)?;
        let (units, unsound, malformed, asked_by) = (units.clone(), unsound.clone(), malformed.clone(), asked_by.clone());
        let fold = self.runner.run(&Order::SecondPass { plan: text, questions, units, unsound, malformed, asked_by })?;
        Ok(fold::of_plan(fold, self.job, plan, first_state)?)
    }

    fn rows(
        &self,
        source: &dyn Source,
        evidence: &[SchemaEvidence],
        plan: &Plan,
        rows: &SampleRows<'_>,
    ) -> Result<Option<Fetched>, Faults> {
        let (units, columns) = (rows.units.to_vec(), rows.columns.iter().copied().collect());
        let plan = PlanText::of(self.job, source, plan, evidence);
        let order = RowsOrder { plan, units, rows: rows.rows.iter().copied().collect(), columns };
        Ok(self.runner.rows(&order)?.map(RowValues::into_fetched))
    }

    fn reads_here(&self) -> bool {
        self.runner.reads_here()
    }
}

fn audit_with(job: &Job<'_>, folding: &dyn Folding) -> Result<Audited, Faults> {
    job.rules.privacy(job.mask_key.clone()).ensure_key()?;
    folded_and_judged(job, folding).map_err(|faults| job.quiet(faults))
}

fn folded_and_judged(job: &Job<'_>, folding: &dyn Folding) -> Result<Audited, Faults> {
    /// First as the contract says or the first unit suggests, then as all rows demand, then once
    /// more where a column turned out to be of another type than the contract's.
    const PASSES_MAX: usize = 4;
    let (mut source, mut evidence, earlier) = (job.source.clone(), Vec::new(), Earlier::of(job)?);
    let profiled = earlier.profiled();
    for _ in 0..PASSES_MAX {
        let mut plan = job.bind(source.as_ref(), &profiled)?;
        plan.earlier = earlier.clone();
        let first = folding.first_pass(source.as_ref(), &plan, &evidence)?;
        let said = first.fold.evidence();
        if let Some(retyped) = source.retyped(&said)? {
            source = retyped;
            evidence.push(said);
            continue;
        }
        // Types have settled: what could not be computed with them cannot be.
        std::mem::take(&mut plan.deferred_faults).or_ok(())?;
        let counted = Counted::of(job, first, source.as_ref(), &plan)?;
        let second_pass = |plan: &Plan, first_state: usize, counted: &Counted| {
            folding.second_pass(source.as_ref(), &evidence, plan, first_state, counted)
        };
        let rows = |plan: &Plan, rows: &SampleRows<'_>| folding.rows(source.as_ref(), &evidence, plan, rows);
        let looks = rounds::Looks { second_pass: &second_pass, rows: &rows, reads_here: folding.reads_here() };
        return judge::judge(job, source.clone(), &mut plan, counted, &looks).map(|parts| parts.into_audited(plan));
    }
    let fault = Fault::new(Code::TypesUnsettled, "the columns' types did not settle");
    Err(fault.hint("give the types in the rule file's `schema` section").into())
}
