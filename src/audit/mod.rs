//! From a rule file and data to findings: bind, fold, judge.
//!
//! One fold over every unit runs the row tests, then the states; rules judge what was counted and
//! may ask for second looks; nothing here writes data.

mod bind;
mod builtin;
mod finding;
mod fold;
mod judge;
mod profile;
mod samples;
mod select;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};

pub use bind::{Plan, PlannedCheck};
pub use finding::FindingResult;

use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::Cancel;
use crate::identity::Identity;
use crate::metric::Budget;
use crate::report::model::ColumnReport;
use crate::rows::{RowNumbers, RowSet};
use crate::rules::published::Published;
use crate::rules::schema::SchemaChange;
use crate::ruleset::RuleFile;
use crate::source::{Evidence, Malformed, Places, Source, Unit};

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
    /// The table that batches are published to, for rules that look into it.
    pub published: Option<Arc<dyn Published>>,
    /// Ends the run before its time, if someone says so.
    pub cancel: Cancel,
    /// Told of bytes read and bytes to read.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// Rows that pass every zero-tolerance row test, with every column.
pub struct Kept {
    pub rows: RowNumbers,
    pub batch: RecordBatch,
}

/// Takes the rows that pass every zero-tolerance row test, unit by unit.
pub trait Sink: Sync {
    /// A unit's rows, while they come.
    type Open;
    /// A unit's rows, ready to be appended.
    type Part: Send;

    /// Whether rows are wanted at all; if so, every column is read.
    fn wants_rows(&self) -> bool;

    /// Begins anew: columns may have other types now.
    ///
    /// # Errors
    /// The staging place cannot be written.
    fn begin(&self, schema: &SchemaRef) -> Result<(), Fault>;

    /// Begins a unit; this and the next two run on any thread.
    ///
    /// # Errors
    /// The rows' types cannot be encoded.
    fn open(&self) -> Result<Self::Open, Fault>;

    /// Takes some of the unit's rows, in order.
    ///
    /// # Errors
    /// The rows cannot be encoded.
    fn take(&self, open: &mut Self::Open, kept: Kept) -> Result<(), Fault>;

    /// Ends the unit.
    ///
    /// # Errors
    /// The rows cannot be encoded.
    fn close(&self, open: Self::Open) -> Result<Self::Part, Fault>;

    /// Appends a unit's rows; called in unit order.
    ///
    /// # Errors
    /// The staging place cannot be written.
    fn append(&self, unit: &Unit, part: Self::Part) -> Result<(), Fault>;
}

/// A sink for runs that only judge.
pub struct NoSink;

impl Sink for NoSink {
    type Open = ();
    type Part = ();

    fn wants_rows(&self) -> bool {
        false
    }

    fn begin(&self, _: &SchemaRef) -> Result<(), Fault> {
        Ok(())
    }

    fn open(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn take(&self, (): &mut (), _: Kept) -> Result<(), Fault> {
        Ok(())
    }

    fn close(&self, (): ()) -> Result<(), Fault> {
        Ok(())
    }

    fn append(&self, _: &Unit, (): ()) -> Result<(), Fault> {
        Ok(())
    }
}

/// Everything an audit found.
pub struct Audited {
    /// The source, with the types it was finally read with.
    pub source: Arc<dyn Source>,
    pub plan: Plan,
    pub places: Places,
    pub findings: Vec<FindingResult>,
    pub schema_changes: Vec<SchemaChange>,
    pub columns: Vec<ColumnReport>,
    pub filtered: u64,
    pub malformed: u64,
    pub malformed_rows: RowSet,
    /// Rows that no zero-tolerance row test let pass: never handed to the sink.
    pub unsound: RowSet,
    pub identity: Arc<Identity>,
}

impl Audited {
    /// Rows left by `clean`.
    pub fn considered(&self) -> u64 {
        self.places.records() - self.filtered
    }

    /// Every row that must not be published: malformed, or failing a rule that failed and quarantines.
    pub fn set_aside(&self) -> RowSet {
        let mut all = self.malformed_rows.clone();
        for finding in self.findings.iter().filter(|f| f.sets_aside()) {
            all.union(&finding.rows);
        }
        all
    }

    /// How many rows must not be published for their quality: all of those but the ones that only a published row with
    /// their key keeps out.
    pub fn bad_rows(&self) -> u64 {
        let mut bad = self.malformed_rows.clone();
        self.findings.iter().filter(|f| f.sets_aside()).for_each(|f| f.add_bad_rows(&mut bad));
        bad.len()
    }
}

/// Audits the job's data, handing rows that pass to `sink`.
///
/// # Errors
/// What cannot be bound to the data, or read.
pub fn audit<S: Sink>(job: &Job<'_>, sink: &S) -> Result<Audited, Faults> {
    /// First as the contract says or the first unit suggests, then as all rows demand, then once
    /// more where a column turned out to be of another type than the contract's.
    const PASSES_MAX: usize = 4;
    let mut source = job.source.clone();
    for _ in 0..PASSES_MAX {
        let mut plan = bind::bind(job, source.as_ref())?;
        sink.begin(&plan.prepare.schema)?;
        let mut folded = fold::fold(job, source.as_ref(), &plan, sink)?;
        if let Some(retyped) = source.retyped(&folded.evidence)? {
            source = retyped;
            continue;
        }
        // Types have settled: what could not be computed with them cannot be.
        std::mem::take(&mut plan.doubts).or_ok(())?;
        match folded.stuck.take() {
            Some(fault) => return Err(fault.into()),
            None => return judge::judge(job, source, &mut plan, folded).map(|parts| parts.into_audited(plan)),
        }
    }
    Err(Fault::new(Code::TypesUnsettled, "the columns' types did not settle")
        .hint("give the types in the rule file's `schema` section")
        .into())
}

/// What the first pass counted beside states and tests.
pub(crate) struct Folded {
    pub facts: crate::rules::Facts,
    pub places: Places,
    pub filtered: u64,
    pub malformed: u64,
    pub malformed_rows: RowSet,
    /// The first malformed records, with their units.
    pub malformed_samples: Vec<(u32, Malformed)>,
    /// Malformed records by the column that could not be read; records that could not be framed under none.
    pub malformed_columns: BTreeMap<Option<String>, u64>,
    pub unsound: RowSet,
    pub evidence: Evidence,
    /// Digest of the units' bytes, for text.
    pub content_digest: Option<u128>,
    /// Columns kept for second looks.
    pub kept: Option<fold::Kept>,
    /// A `where` could not be computed on a row.
    pub stuck: Option<Fault>,
}
