//! What a [`RowJudge`] said of many rows, counted, and the findings that follow: as an audit of the same rows would say them.
//!
//! The rows themselves are gone by then, so findings show no samples.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::earlier::Earlier;
use super::fold::{Counted, shown};
use super::rounds::Looks;
use super::row_judge::{JudgedRows, Standing};
use super::{Audited, Fold, Job, Plan, RowJudge, judge};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, figures};
use crate::metric::canonical::HASH_NAME;
use crate::metric::groups::GroupKey;
use crate::privacy::Privacy;
use crate::rows::{Mask, RowSet};
use crate::rules::{Facts, GroupFacts, Judgement, RowsJudged, SinglePass, TestCounts};
use crate::ruleset::SAMPLES_MAX;
use crate::source::{Malformed, RowOrigins, Unit, UnitEnd};

/// Rows of a tally are numbered in units of so many.
const UNIT_ROWS: u64 = 1 << 20;

/// What was said of rows so far.
#[derive(Debug, Default)]
pub struct Tally {
    records: u64,
    filtered: u64,
    malformed: Gathered,
    malformed_samples: Vec<(u32, Malformed)>,
    malformed_columns: BTreeMap<Option<String>, u64>,
    unsound: Gathered,
    tests: Vec<Counts>,
    keys: Vec<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    in_scope: u64,
    known: u64,
    failing: Gathered,
}

/// Rows that come in ascending order.
#[derive(Debug, Default)]
struct Gathered {
    all: RowSet,
    unit: u32,
    /// Of the unit that is under way.
    rows: Vec<u32>,
}

impl Gathered {
    fn push(&mut self, row: u64) {
        let (unit, row) = ((row / UNIT_ROWS) as u32, (row % UNIT_ROWS) as u32);
        if unit != self.unit {
            self.all.insert_unit(self.unit, std::mem::take(&mut self.rows));
            self.unit = unit;
        }
        self.rows.push(row);
    }

    fn finish(mut self) -> RowSet {
        self.all.insert_unit(self.unit, self.rows);
        self.all
    }
}

impl Tally {
    /// How many records there were, malformed ones and those that `clean` dropped among them.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How many rows `clean` dropped.
    pub fn filtered(&self) -> u64 {
        self.filtered
    }

    /// Takes in what was said of some rows, of which the number 0 is the record `first`. `repeated` are, by rule of
    /// [`RowJudge::key_rules`], the rows whose key was there before.
    pub fn take(&mut self, first: u64, judged: &JudgedRows, repeated: &[Mask], privacy: &Privacy) {
        let len = judged.rows.len();
        let row = |i: usize| first + u64::from(judged.rows.get(i));
        self.filtered += judged.filtered;
        self.tests.resize_with(judged.outcomes.len(), Counts::default);
        for (counts, outcome) in self.tests.iter_mut().zip(&judged.outcomes) {
            counts.in_scope += outcome.in_scope;
            counts.known += outcome.known.count(len) as u64;
            outcome.fails.rows(len, |i| counts.failing.push(row(i)));
        }
        self.keys.resize_with(judged.keys.len(), Counts::default);
        for ((counts, keys), repeated) in self.keys.iter_mut().zip(&judged.keys).zip(repeated) {
            counts.in_scope += keys.iter().filter(|key| key.is_some()).count() as u64;
            repeated.rows(len, |i| counts.failing.push(row(i)));
        }
        judged.sound.not().rows(len, |i| self.unsound.push(row(i)));
        for malformed in &judged.malformed {
            let at = first + u64::from(malformed.row);
            self.malformed.push(at);
            *self.malformed_columns.entry(malformed.column.clone()).or_default() += 1;
            if self.malformed_samples.len() < SAMPLES_MAX {
                let numbered = Malformed { row: (at % UNIT_ROWS) as u32, ..malformed.clone() };
                self.malformed_samples.push(((at / UNIT_ROWS) as u32, shown(numbered, privacy)));
            }
        }
    }

    /// Counts so many more records.
    pub fn read(&mut self, records: u64) {
        self.records += records;
    }

    /// As if a fold had counted it.
    fn into_counted(self, tests: usize) -> Counted {
        let of_test = |counts: Counts| {
            let rows = counts.failing.finish();
            let counted = TestCounts { in_scope: counts.in_scope, failing: rows.len(), known: counts.known, rows: Arc::new(rows) };
            BTreeMap::from([(GroupKey::new(), counted)])
        };
        let mut facts = Facts { tests: self.tests.into_iter().map(of_test).collect(), ..Facts::default() };
        facts.tests.resize_with(tests, Default::default);
        let mut row_origins = RowOrigins::default();
        let mut units = Vec::new();
        for index in 0..self.records.div_ceil(UNIT_ROWS) {
            let (start, end) = (index * UNIT_ROWS, ((index + 1) * UNIT_ROWS).min(self.records));
            let unit = Unit { index: index as u32, file: 0, start, end, bytes: 0 };
            row_origins.push(unit.clone(), &UnitEnd { records: (end - start) as u32, ..UnitEnd::default() }, 0);
            units.push(unit);
        }
        Counted {
            row_origins,
            units,
            filtered: self.filtered,
            malformed: self.malformed.finish(),
            malformed_samples: self.malformed_samples,
            malformed_columns: self.malformed_columns,
            unsound: self.unsound.finish(),
            ..Counted::of_nothing(facts)
        }
    }
}

/// The findings of the rules that judge row by row, by what was counted of rows that are gone. The job's source has their columns,
/// and no rows. `within` says how far back keys were remembered: "the last 1,000 rows".
///
/// # Errors
/// What cannot be bound to the columns.
pub fn audit_tally(job: &Job<'_>, by: &RowJudge, mut tally: Tally, within: &str) -> Result<Audited, Faults> {
    let mut plan = job.bind(job.source.as_ref(), &[])?;
    plan.earlier = Earlier::default();
    plan.profile.clear();
    plan.compared.clear();
    // Which group a row was of is not counted.
    plan.implied.clear();
    plan.requests.forget_states();
    if plan.requests.tests.len() != by.rules().len() {
        return Err(Fault::new(Code::Internal, "internal error: rows were judged by other rules than they are counted by").into());
    }
    let mut keys = std::mem::take(&mut tally.keys).into_iter();
    let standings = by.standings();
    for ((_, standing), check) in standings.iter().zip(&mut plan.checks) {
        check.besides = 0..0;
        if *standing == Standing::Keys {
            let Counts { in_scope, failing, .. } = keys.next().unwrap_or_default();
            let says = if failing.rows.len() == 1 && failing.all.is_empty() { "repeats" } else { "repeat" };
            let rows = Arc::new(failing.finish());
            check.check = Ok(Box::new(Repeated { rows, of: in_scope, says: format!("{says} the key of one of {within}") }));
        }
    }
    let mut standings = standings.into_iter();
    plan.checks.retain(|_| standings.next().is_some_and(|(_, standing)| standing != Standing::Batch));
    let counted = tally.into_counted(plan.requests.tests.len());
    let no_pass = |_: &Plan, _: usize, _: &Counted| -> Result<Fold, Faults> {
        Err(Fault::new(Code::Internal, "internal error: a second look at rows that are gone").into())
    };
    let looks = Looks { second_pass: &no_pass, rows: &|_, _| Ok(None), reads_here: false };
    judge::judge(job, job.source.clone(), &mut plan, counted, &looks).map(|judged| judged.into_audited(plan))
}

/// Rows whose key was there before, as they were counted.
#[derive(Clone)]
struct Repeated {
    rows: Arc<RowSet>,
    of: u64,
    says: String,
}

impl SinglePass for Repeated {
    fn judge(&self, _: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let failing = self.rows.len();
        let figures = Figures::from([
            (&figures::ROWS, self.of.into()),
            (&figures::DUPLICATE_ROWS, failing.into()),
            (&figures::HASH, HASH_NAME.into()),
        ]);
        let (rows, says) = (self.rows.clone(), self.says.clone());
        Ok(Judgement::Rows(RowsJudged { failing, of: self.of, rows, says, figures, ..RowsJudged::default() }))
    }
}
