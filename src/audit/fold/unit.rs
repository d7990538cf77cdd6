//! Folding one unit, from empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::batch::{Batch, Stuck};
use super::kept::KeptRows;
use super::states::States;
use crate::audit::Plan;
use crate::audit::samples::SAMPLES_MAX;
use crate::diagnostic::Fault;
use crate::metric::Budget;
use crate::metric::groups::{BatchGroups, GroupKey};
use crate::prepare::Prepared;
use crate::rows::{Mask, RowNumbers};
use crate::rules::words::Nulls;
use crate::source::{Malformed, Unit, UnitEnd};

/// What one unit counted.
pub(super) struct UnitFold<P> {
    pub(super) unit: Unit,
    pub(super) end: UnitEnd,
    pub(super) states: States,
    pub(super) tests: Vec<BTreeMap<GroupKey, GroupFold>>,
    pub(super) filtered: u64,
    pub(super) malformed: Vec<u32>,
    pub(super) malformed_samples: Vec<Malformed>,
    pub(super) malformed_columns: BTreeMap<Option<String>, u64>,
    pub(super) unsound: Vec<u32>,
    pub(super) part: Option<P>,
    /// Rows kept for a second look.
    pub(super) kept: KeptRows,
    /// The first row on which a `where` could not be computed.
    pub(super) stuck: Option<Stuck>,
}

/// What one row test counted in one group of one unit.
#[derive(Default)]
pub(super) struct GroupFold {
    pub(super) in_scope: u64,
    pub(super) failing: u64,
    pub(super) known: u64,
    pub(super) rows: Vec<u32>,
}

/// The work of folding one unit.
pub(super) struct UnitWork<'a, P> {
    pub(super) plan: &'a Plan,
    /// Columns that the requests speak of.
    needed: &'a [usize],
    pub(super) fold: UnitFold<P>,
}

impl<'a, P> UnitWork<'a, P> {
    pub(super) fn new(plan: &'a Plan, memory: &Arc<Budget>, unit: &Unit, needed: &'a [usize], twins: &Arc<[Option<usize>]>) -> Self {
        let fold = UnitFold {
            unit: unit.clone(),
            end: UnitEnd::default(),
            states: States::empty(plan, 0, twins, memory),
            tests: plan.requests.tests.iter().map(|_| BTreeMap::new()).collect(),
            filtered: 0,
            malformed: Vec::new(),
            malformed_samples: Vec::new(),
            malformed_columns: BTreeMap::new(),
            unsound: Vec::new(),
            part: None,
            kept: KeptRows::new(),
            stuck: None,
        };
        Self { plan, needed, fold }
    }

    /// Folds some rows; gives them, and which of them are sound.
    pub(super) fn take(&mut self, mut prepared: Prepared) -> Result<Option<(Batch, Mask)>, Fault> {
        self.fold.filtered += prepared.filtered;
        for malformed in prepared.malformed.drain(..) {
            *self.fold.malformed_columns.entry(malformed.column.clone()).or_default() += 1;
            self.fold.malformed.push(malformed.row);
            if self.fold.malformed_samples.len() < SAMPLES_MAX {
                self.fold.malformed_samples.push(malformed);
            }
        }
        if prepared.rows.is_empty() {
            return Ok(None);
        }
        let batch = Batch::new(prepared, self.plan, 0, self.needed);
        let unsound = self.test(&batch);
        unsound.rows(batch.len(), |i| self.fold.unsound.push(batch.prepared.rows.get(i)));
        let sound = unsound.not();
        let stuck = self.fold.states.update(&batch, self.plan, (&Mask::All, &sound), self.fold.unit.index)?;
        stuck.into_iter().for_each(|s| self.fold.stop_at(s));
        Ok(Some((batch, sound)))
    }

    /// Runs the row tests; gives the rows that go at once.
    pub(super) fn test(&mut self, batch: &Batch) -> Mask {
        let len = batch.len();
        let (mut unsound, mut stuck) = (Mask::None, Vec::new());
        let tests = self.plan.requests.tests.iter().zip(&mut self.fold.tests);
        for ((request, groups), proven) in tests.zip(&self.plan.proven) {
            if *proven {
                groups.entry(GroupKey::new()).or_default().in_scope += len as u64;
                continue;
            }
            let conditions = request.scope.condition.iter().chain(&request.known).copied();
            stuck.extend(batch.stuck(conditions, &Mask::All));
            let scope = batch.scope(&request.scope);
            let columns = batch.columns(&request.columns);
            let tested = match request.columns.first().and_then(|c| batch.ends.get(c)) {
                Some(ends) => request.test.test(&columns, columns[0].len()).by_rows(ends),
                None => request.test.test(&columns, len),
            };
            let decided = tested.fails.without(&tested.unknown);
            let fails = match request.policy.nulls {
                Nulls::Pass => decided,
                Nulls::Fail => decided.or(&tested.unknown),
            };
            let fails = fails.and(&scope);
            let known = request.known.iter().filter_map(|&c| batch.conditions[c].as_ref());
            let known = known.fold(Mask::None, |all, holds| all.or(&holds.rows)).and(&fails);
            let fails = fails.without(&known);
            if request.policy.sets_aside_at_once() {
                unsound = unsound.or(&fails);
            }
            let rows = &batch.prepared.rows;
            if request.scope.by.is_empty() {
                groups.entry(GroupKey::new()).or_default().add(&scope, &fails, &known, rows);
                continue;
            }
            let by = BatchGroups::new(&batch.columns(&request.scope.by), &scope, len);
            let mut folds: Vec<GroupFold> = by.keys.iter().map(|_| GroupFold::default()).collect();
            let (fails, known) = (fails.bits(len), known.bits(len));
            for (i, &code) in by.codes.iter().enumerate().filter(|(_, code)| **code != u32::MAX) {
                folds[code as usize].add_row(rows.get(i), fails.value(i), known.value(i));
            }
            for (key, fold) in by.keys.into_iter().zip(folds) {
                groups.entry(key).or_default().merge(fold);
            }
        }
        stuck.into_iter().for_each(|s| self.fold.stop_at(s));
        unsound
    }
}

impl<P> UnitFold<P> {
    /// Notes a row on which a `where` could not be computed, if it is the first.
    fn stop_at(&mut self, stuck: Stuck) {
        if self.stuck.as_ref().is_none_or(|first| (stuck.row, stuck.condition) < (first.row, first.condition)) {
            self.stuck = Some(stuck);
        }
    }
}

impl GroupFold {
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

    pub(super) fn add(&mut self, scope: &Mask, fails: &Mask, known: &Mask, rows: &RowNumbers) {
        let len = rows.len();
        self.in_scope += scope.count(len) as u64;
        self.known += known.count(len) as u64;
        self.failing += fails.count(len) as u64;
        fails.rows(len, |i| self.rows.push(rows.get(i)));
    }
}
