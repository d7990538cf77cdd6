//! Row judging by itself: rules bound to columns judge one batch at a time, without a source, an engine or a report.
//!
//! Streams and other languages' bindings call it. Only rules that judge row by row speak here; measures, duplicates and
//! the like need a whole batch, and [`super::audit`].

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::bind::{self, Plan, Terms};
use super::fold::{TestOutcome, judge_batch, needed};
use super::keeps::Keeps;
use super::samples::value_json;
use crate::diagnostic::{Code, Fault, Faults};
use crate::prepare::Prepared;
use crate::rows::{Mask, RowNumbers};
use crate::rules::words::OnNoData;
use crate::ruleset::RuleFile;
use crate::shown::VALUE_MAX;
use crate::source::{Chunk, Malformed, Projection};

/// Rules bound to the columns of batches to come.
pub struct RowJudge {
    plan: Plan,
    projection: Projection,
    needed: Vec<usize>,
}

/// What the rules say of some rows.
pub struct JudgedRows {
    /// The columns that are published: as they came, then those that `transform` adds.
    pub columns: Vec<Option<ArrayRef>>,
    /// Which row of its batch each row is.
    pub rows: RowNumbers,
    /// Rows that fail no rule which sets aside at once.
    pub sound: Mask,
    /// By rule that judges row by row.
    pub outcomes: Vec<RuleOutcome>,
    /// Rows that `clean` dropped.
    pub filtered: u64,
    /// Rows on which an expression of `clean` or `transform` could not be computed.
    pub malformed: Vec<Malformed>,
}

/// What one rule says of some rows.
pub struct RuleOutcome {
    /// The name of its finding.
    pub id: String,
    pub rule: &'static str,
    /// Rows that fail.
    pub fails: Mask,
    /// Rows that fail, and are a known issue.
    pub known: Mask,
    /// Whether failing rows are set aside at once: the rule quarantines and tolerates none.
    pub sets_aside: bool,
    /// The columns that the rule speaks of.
    shows: Vec<(String, ArrayRef)>,
}

impl RowJudge {
    /// Binds `rules` to the columns `schema`, whose types are taken as given; `now` is what SQL's `now()` says.
    ///
    /// Whether the columns are those of the contract is not judged here; but where a rule cannot be judged by them, rows would
    /// pass that nobody looked at.
    ///
    /// # Errors
    /// Every mistake of the rule file that these columns show; every rule, and every step of `clean` and `transform`, that the
    /// contract's columns allow and these do not, but rules whose `on_no_data` lets that pass or warn.
    pub fn new(rules: &RuleFile, schema: &SchemaRef, now: DateTime<Utc>) -> Result<Self, Faults> {
        let terms = Terms {
            rules,
            schema,
            infers: false,
            without_values: &[],
            now,
            as_of: now,
            published: None,
            keeps: Keeps::Nothing,
            profiled: &[],
        };
        let plan = bind::bind(&terms)?;
        unfit(&plan, &rules.path).or_ok(())?;
        let needed = needed(&plan, 0);
        let projection = Projection::new(schema, (0..schema.fields().len()).collect());
        Ok(Self { plan, projection, needed })
    }

    /// Judges the rows of a batch with the columns that the rules were bound to. Very large rows may come in several parts.
    ///
    /// # Errors
    /// The batch has other columns, or a `where` cannot be computed on a row.
    pub fn judge(&self, batch: &RecordBatch) -> Result<Vec<JudgedRows>, Fault> {
        if batch.schema().fields() != self.projection.schema.fields() {
            return Err(Fault::new(Code::SchemaDiffers, "the batch has other columns than those that the rules were bound to"));
        }
        let rows = RowNumbers::Dense { first: 0, len: batch.num_rows() as u32 };
        let chunk = Chunk { batch: batch.clone(), rows, malformed: Vec::new() };
        let prepared = self.plan.prepare.apply(chunk, &self.projection).map_err(Faults::into_first)?;
        prepared.into_iter().map(|prepared| self.judge_prepared(prepared)).collect()
    }

    fn judge_prepared(&self, mut prepared: Prepared) -> Result<JudgedRows, Fault> {
        let (filtered, malformed) = (prepared.filtered, std::mem::take(&mut prepared.malformed));
        let (batch, said) = judge_batch(prepared, &self.plan, &self.needed)?;
        let mut outcomes = Vec::with_capacity(said.tests.len());
        for (test, (request, outcome)) in self.plan.requests.tests.iter().zip(said.tests).enumerate() {
            let Some(TestOutcome { fails, known, .. }) = outcome else { continue };
            let check = self.plan.checks.iter().find(|c| c.test == Some(test));
            // Values are for rows that fail.
            let shown = check.filter(|_| !fails.is_none() || !known.is_none()).map_or(&[][..], |c| c.shows.as_slice());
            let shows = shown.iter().filter_map(|&column| {
                let values = self.plan.prepare.values(&batch.columns, column)?;
                Some((self.plan.prepare.rule_schema.field(column).name().clone(), values.array))
            });
            outcomes.push(RuleOutcome {
                id: request.id.clone(),
                rule: check.map_or("", |c| c.rule),
                fails,
                known,
                sets_aside: request.policy.sets_aside_at_once(),
                shows: shows.collect(),
            });
        }
        let sound = said.unsound.not();
        let Prepared { columns, rows, .. } = batch;
        Ok(JudgedRows { columns, rows, sound, outcomes, filtered, malformed })
    }
}

/// What the contract's columns allow and those at hand do not.
fn unfit(plan: &Plan, path: &str) -> Faults {
    let mut faults = Faults::default();
    for step in &plan.skipped_steps {
        faults.push(Fault::new(Code::SchemaDiffers, step.clone()));
    }
    for check in plan.checks.iter().filter(|check| check.on_no_data() == OnNoData::Stop) {
        if let Err(why) = &check.check {
            let fault = Fault::new(Code::SchemaDiffers, format!("`{}` cannot be judged: {why}", check.id));
            faults.push(fault.at(check.at.in_file(path)));
        }
    }
    faults
}

impl RuleOutcome {
    /// The values of the columns that the rule speaks of, by name, in the row of this index of [`JudgedRows::rows`].
    pub fn values(&self, row: usize) -> Vec<(String, Json)> {
        self.shows.iter().map(|(name, values)| (name.clone(), value_json(values, row, VALUE_MAX))).collect()
    }
}
