//! Row judging by itself: rules bound to columns judge one batch at a time, without a source, an engine or a report.
//!
//! Streams and other languages' bindings call it. Only rules that judge row by row speak here, and `duplicates` gives the keys of
//! rows, so that whoever remembers keys can tell a repeated one. Measures and the like need a whole batch, and [`super::audit`].

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::bind::{self, Plan, PlannedCheck, Terms};
use super::fold::{TestOutcome, judge_batch, needed};
use super::keeps::Keeps;
use super::row_keys::KeyPlan;
use super::samples::value_json;
use crate::diagnostic::{Code, Fault, Faults};
use crate::prepare::Prepared;
use crate::rows::{Mask, RowNumbers};
use crate::rules::words::{OnFail, OnNoData};
use crate::rules::{Facts, GroupFacts, Judgement, Policy, Requests, Scope, SecondPass, TestCounts, Wanted};
use crate::ruleset::RuleFile;
use crate::shown::VALUE_MAX;
use crate::source::{Chunk, Malformed, Projection};

/// Rules bound to the columns of batches to come.
pub struct RowJudge {
    plan: Plan,
    projection: Projection,
    needed: Vec<usize>,
    rules: Vec<RowRule>,
    /// The check of each row test, by index.
    checks: Vec<Option<usize>>,
    keys: Vec<KeyPlan>,
}

/// A rule that judges row by row, as it is bound.
#[derive(Debug, Clone)]
pub struct RowRule {
    /// The name of its finding.
    pub id: String,
    /// What is wrong with a row that fails, where the rule can say it in words: "below 0".
    pub says: Option<String>,
    /// Whether one failing row is enough for the rule to keep it from passing: it quarantines or rejects, and tolerates none.
    pub holds_back: bool,
    pub on_fail: OnFail,
}

/// How far a rule can be judged before a batch is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Row by row, and no row that fails passes.
    EachRow,
    /// Row by row, but it tolerates some failing rows: which ones is known at the end alone.
    EachRowTolerated,
    /// Row by row, but it only warns.
    EachRowWarned,
    /// By the keys of the rows before.
    Keys,
    /// In a whole batch alone.
    Batch,
    /// Not at all: these columns do not allow it.
    Not,
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
    /// Rows on which an expression of `clean` or `transform` could not be computed, behind those that could not be read.
    pub malformed: Vec<Malformed>,
    /// By rule of [`RowJudge::key_rules`]: the hash of each row's key; none for rows that it does not compare.
    pub keys: Vec<Vec<Option<u128>>>,
}

/// What one rule says of some rows.
pub struct RuleOutcome {
    /// The name of its finding.
    pub id: String,
    pub rule: &'static str,
    /// How many rows it speaks of.
    pub in_scope: u64,
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
            others: None,
        };
        let mut plan = bind::bind(&terms)?;
        unfit(&plan, &rules.path).or_ok(())?;
        let keys = KeyPlan::all(&plan);
        // States are for whole batches: nothing is computed for them here.
        plan.requests.forget_states();
        let needed = needed(&plan, 0);
        let projection = Projection::new(schema, (0..schema.fields().len()).collect());
        let mut checks = vec![None; plan.requests.tests.len()];
        for (index, check) in plan.checks.iter().enumerate().rev() {
            check.test.into_iter().for_each(|test| checks[test] = Some(index));
        }
        let rules = checks.iter().enumerate().map(|(test, check)| RowRule::of(&plan, test, *check)).collect();
        Ok(Self { plan, projection, needed, rules, checks, keys })
    }

    /// The rules that judge row by row, in the order of [`JudgedRows::outcomes`].
    pub fn rules(&self) -> &[RowRule] {
        &self.rules
    }

    /// The rules that look for repeated keys, in the order of [`JudgedRows::keys`].
    pub fn key_rules(&self) -> Vec<RowRule> {
        let rule = |key: &KeyPlan| {
            let PlannedCheck { id, policy, .. } = &self.plan.checks[key.check];
            RowRule { id: id.clone(), says: None, holds_back: holds_back(policy), on_fail: policy.on_fail }
        };
        self.keys.iter().map(rule).collect()
    }

    /// How far each rule can be judged here, by the name of its finding, in the order of the rule file.
    pub fn standings(&self) -> Vec<(String, Standing)> {
        self.plan.checks.iter().enumerate().map(|(index, check)| (check.id.clone(), self.standing(index, check))).collect()
    }

    fn standing(&self, index: usize, check: &PlannedCheck) -> Standing {
        match (&check.check, is_row_by_row(check)) {
            (Err(_), _) => Standing::Not,
            (Ok(_), true) if holds_back(&check.policy) => Standing::EachRow,
            (Ok(_), true) => match check.policy.on_fail {
                OnFail::Quarantine | OnFail::Reject => Standing::EachRowTolerated,
                OnFail::Warn | OnFail::Info => Standing::EachRowWarned,
            },
            (Ok(_), false) if self.keys.iter().any(|key| key.check == index) => Standing::Keys,
            (Ok(_), false) => Standing::Batch,
        }
    }

    /// The columns that are published: the source's, then those that `transform` adds; the source's are the first so many.
    pub fn schema(&self) -> &SchemaRef {
        &self.plan.prepare.schema
    }

    /// Which columns of [`RowJudge::schema`] `transform` makes, be they new or in the place of others.
    pub fn made(&self) -> Vec<usize> {
        (0..self.schema().fields().len()).filter(|&column| !self.plan.prepare.is_untouched(column)).collect()
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
        self.judge_chunk(Chunk { batch: batch.clone(), rows, malformed: Vec::new() })
    }

    /// The same for rows as a source reads them: with their numbers, and the records among them that cannot be read. The columns
    /// must be those that the rules were bound to.
    ///
    /// # Errors
    /// A `where` cannot be computed on a row.
    pub fn judge_chunk(&self, chunk: Chunk) -> Result<Vec<JudgedRows>, Fault> {
        let prepared = self.plan.prepare.apply(chunk, &self.projection).map_err(Faults::into_first)?;
        prepared.into_iter().map(|prepared| self.judge_prepared(prepared)).collect()
    }

    fn judge_prepared(&self, mut prepared: Prepared) -> Result<JudgedRows, Fault> {
        let (filtered, malformed) = (prepared.filtered, std::mem::take(&mut prepared.malformed));
        let (batch, said) = judge_batch(prepared, &self.plan, &self.needed)?;
        let mut outcomes = Vec::with_capacity(said.tests.len());
        for (test, (request, outcome)) in self.plan.requests.tests.iter().zip(said.tests).enumerate() {
            let Some(TestOutcome { scope, fails, known }) = outcome else { continue };
            let check = self.checks[test].map(|check| &self.plan.checks[check]);
            // Values are for rows that fail.
            let shown = check.filter(|_| !fails.is_none() || !known.is_none()).map_or(&[][..], |c| c.shows.as_slice());
            let shows = shown.iter().filter_map(|&column| {
                let values = self.plan.prepare.values(&batch.columns, column)?;
                Some((self.plan.prepare.rule_schema.field(column).name().clone(), values.array))
            });
            outcomes.push(RuleOutcome {
                id: request.id.clone(),
                rule: check.map_or("", |c| c.rule),
                in_scope: scope.count(batch.rows.len()) as u64,
                fails,
                known,
                sets_aside: request.policy.sets_aside_at_once(),
                shows: shows.collect(),
            });
        }
        let sound = said.unsound.not();
        let keys = self.keys.iter().map(|key| key.hashes(&batch, &sound, &self.plan)).collect::<Result<_, _>>()?;
        let Prepared { columns, rows, .. } = batch;
        Ok(JudgedRows { columns, rows, sound, outcomes, filtered, malformed, keys })
    }
}

impl RowRule {
    /// Of the plan's row test of this index, and of the check of this one.
    fn of(plan: &Plan, test: usize, check: Option<usize>) -> Self {
        let request = &plan.requests.tests[test];
        let check = check.map(|check| &plan.checks[check]).filter(|check| check.tests_alone);
        let says = check.and_then(|check| says(check, test));
        Self { id: request.id.clone(), says, holds_back: holds_back(&request.policy), on_fail: request.policy.on_fail }
    }
}

/// Whether one failing row is enough for it not to pass.
fn holds_back(policy: &Policy) -> bool {
    matches!(policy.on_fail, OnFail::Quarantine | OnFail::Reject) && policy.tolerate.is_none() && policy.min_rows.is_none()
}

/// Whether the counts of its row test are all that the check judges.
fn is_row_by_row(check: &PlannedCheck) -> bool {
    check.test.is_some() && check.tests_alone && check.groups.is_none() && check.rows_judged.is_none()
}

/// What the check says of rows that fail: asked as if it had seen one.
fn says(check: &PlannedCheck, test: usize) -> Option<String> {
    let mut facts = Facts::default();
    facts.tests.resize_with(test + 1, Default::default);
    facts.tests[test].insert(Vec::new(), TestCounts { in_scope: 1, failing: 1, ..TestCounts::default() });
    let (mut requests, scope, mut inputs) = (Requests::default(), Scope::default(), Wanted::default());
    let mut pass = SecondPass { requests: &mut requests, scope: &scope, group: None, first_new: 0, inputs: &mut inputs };
    let mut judge = check.check.as_ref().ok()?.for_group();
    match judge.judge(&GroupFacts::whole(&facts), &mut pass) {
        Ok(Judgement::Rows(judged)) => Some(judged.says),
        Ok(_) | Err(_) => None,
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
