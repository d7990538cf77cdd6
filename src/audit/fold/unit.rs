//! Folding one unit, from empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Pass;
use super::batch::{RowBatch, UndecidableRow};
use super::outcomes::{RowOutcomes, TestOutcome};
use super::states::States;
use super::value::{Fold, RowCounts, TestFold, UndecidedRow, UnitRead};
use crate::diagnostic::Fault;
use crate::metric::groups::{BatchGroups, GroupKey};
use crate::prepare::Prepared;
use crate::privacy::Privacy;
use crate::rows::{Mask, RowNumbers, RowSet};
use crate::ruleset::SAMPLES_MAX;
use crate::shown::{RECORD_MAX, cut_short};
use crate::source::{Malformed, Unit, UnitEnd};

/// A unit on its way to being folded.
pub(super) struct UnitFold<'a> {
    pass: &'a Pass<'a>,
    unit: Unit,
    states: States,
    tests: Vec<BTreeMap<GroupKey, GroupRows>>,
    filtered: u64,
    malformed: Vec<u32>,
    malformed_samples: Vec<(u32, Malformed)>,
    malformed_columns: BTreeMap<Option<String>, u64>,
    unsound: Vec<u32>,
    undecidable: Option<UndecidableRow>,
}

/// What one row test counted in one group so far.
#[derive(Default)]
struct GroupRows {
    in_scope: u64,
    failing: u64,
    known: u64,
    rows: Vec<u32>,
}

impl<'a> UnitFold<'a> {
    pub(super) fn new(pass: &'a Pass<'a>, unit: &Unit) -> Self {
        Self {
            pass,
            unit: unit.clone(),
            states: pass.empty_states(),
            tests: pass.plan.requests.tests.iter().map(|_| BTreeMap::new()).collect(),
            filtered: 0,
            malformed: Vec::new(),
            malformed_samples: Vec::new(),
            malformed_columns: BTreeMap::new(),
            unsound: Vec::new(),
            undecidable: None,
        }
    }

    /// Folds some rows; gives them, and which of them are sound.
    ///
    /// # Errors
    /// A state cannot keep what it must.
    pub(super) fn take(&mut self, mut prepared: Prepared) -> Result<Option<(RowBatch, Mask)>, Fault> {
        self.filtered += prepared.filtered;
        for malformed in prepared.malformed.drain(..) {
            *self.malformed_columns.entry(malformed.column.clone()).or_default() += 1;
            self.malformed.push(malformed.row);
            if self.malformed_samples.len() < SAMPLES_MAX {
                self.malformed_samples.push((self.unit.index, shown(malformed, &self.pass.privacy)));
            }
        }
        if prepared.rows.is_empty() {
            return Ok(None);
        }
        let batch = RowBatch::new(prepared, self.pass.plan, 0, &self.pass.needed);
        let outcomes = RowOutcomes::of(&batch, self.pass.plan);
        self.count(&batch, &outcomes);
        outcomes.unsound.rows(batch.len(), |i| self.unsound.push(batch.prepared.rows.get(i)));
        let sound = outcomes.unsound.not();
        let undecidable = self.states.update(&batch, (self.pass.plan, 0), (&Mask::All, &sound), self.unit.index)?;
        outcomes.undecidable.into_iter().chain(undecidable).for_each(|u| self.note(u));
        Ok(Some((batch, sound)))
    }

    /// Whether a state may need a second look at the rows so far.
    pub(super) fn looks_again(&self, state: usize, at_end: bool) -> bool {
        self.states.looks_again(state, at_end)
    }

    /// Counts what the row tests said, by group.
    fn count(&mut self, batch: &RowBatch, outcomes: &RowOutcomes) {
        let (len, rows) = (batch.len(), &batch.prepared.rows);
        let tests = self.pass.plan.requests.tests.iter().zip(&outcomes.tests).zip(&mut self.tests);
        for ((request, outcome), groups) in tests {
            let Some(TestOutcome { scope, fails, known }) = outcome else {
                groups.entry(GroupKey::new()).or_default().in_scope += len as u64;
                continue;
            };
            if request.scope.by.is_empty() {
                groups.entry(GroupKey::new()).or_default().add(scope, fails, known, rows);
                continue;
            }
            let by = BatchGroups::new(&batch.columns(&request.scope.by), scope, len);
            let mut counted: Vec<GroupRows> = by.keys.iter().map(|_| GroupRows::default()).collect();
            let (fails, known) = (fails.bits(len), known.bits(len));
            for (i, &code) in by.codes.iter().enumerate().filter(|(_, code)| **code != u32::MAX) {
                counted[code as usize].add_row(rows.get(i), fails.value(i), known.value(i));
            }
            for (key, counted) in by.keys.into_iter().zip(counted) {
                groups.entry(key).or_default().merge(counted);
            }
        }
    }

    /// Notes a row on which a `where` could not be computed, if it is the first.
    fn note(&mut self, undecidable: UndecidableRow) {
        if self.undecidable.as_ref().is_none_or(|first| undecidable.comes_before(first)) {
            self.undecidable = Some(undecidable);
        }
    }

    /// What was counted, once the unit was read to its `end`.
    pub(super) fn finish(self, mut end: UnitEnd) -> Fold {
        let unit = self.unit.index;
        let rows_of = |rows: Vec<u32>| {
            let mut set = RowSet::default();
            set.insert_unit(unit, rows);
            set
        };
        let test = |counted: GroupRows| {
            let GroupRows { in_scope, failing, known, rows } = counted;
            TestFold { in_scope, failing, known, rows: rows_of(rows) }
        };
        let conditions = &self.pass.plan.requests.conditions;
        let undecided = self.undecidable.map(|UndecidableRow { row, condition, reason }| UndecidedRow {
            unit,
            row,
            condition: conditions[condition].expression.text.clone(),
            reason,
        });
        let rows = RowCounts {
            tests: self.tests.into_iter().map(|groups| groups.into_iter().map(|(key, c)| (key, test(c))).collect()).collect(),
            filtered: self.filtered,
            malformed: rows_of(self.malformed),
            malformed_samples: self.malformed_samples,
            malformed_columns: self.malformed_columns,
            unsound: rows_of(self.unsound),
            evidence: std::mem::take(&mut end.evidence),
            undecided,
        };
        Fold::of_unit(Arc::clone(&self.pass.asked), UnitRead { unit: self.unit, end }, self.states, rows)
    }
}

/// A record as far as a report shows it: it may be as large as a file.
pub(in crate::audit) fn shown(malformed: Malformed, privacy: &Privacy) -> Malformed {
    let Malformed { row, reason, column, raw } = malformed;
    let reason = cut_short(&privacy.reason(&reason, column.as_deref(), &raw), RECORD_MAX).into_owned();
    let raw = if privacy.is_empty() { cut_short(&String::from_utf8_lossy(&raw), RECORD_MAX).as_bytes().to_vec() } else { Vec::new() };
    Malformed { row, reason, column, raw }
}

impl GroupRows {
    fn add_row(&mut self, row: u32, fails: bool, known: bool) {
        self.in_scope += 1;
        self.known += u64::from(known);
        if fails {
            self.failing += 1;
            self.rows.push(row);
        }
    }

    fn merge(&mut self, later: Self) {
        self.in_scope += later.in_scope;
        self.known += later.known;
        self.failing += later.failing;
        self.rows.extend(later.rows);
    }

    fn add(&mut self, scope: &Mask, fails: &Mask, known: &Mask, rows: &RowNumbers) {
        let len = rows.len();
        self.in_scope += scope.count(len) as u64;
        self.known += known.count(len) as u64;
        self.failing += fails.count(len) as u64;
        fails.rows(len, |i| self.rows.push(rows.get(i)));
    }
}
