//! Rows by value: how many there are, and how many of them fail.

use foldhash::{HashMap, HashMapExt};

use super::{Look, Tried, VALUES_MAX};
use crate::metric::Column;
use crate::metric::groups::BatchGroups;
use crate::rows::Mask;
use crate::statistics::Counts;

/// So many rows of a unit say enough of all rows, and so many failing ones of those that fail.
const ROWS_ENOUGH: u64 = 100_000;
const FAILING_ENOUGH: u64 = 1_000;

/// What was counted of some units.
pub(super) struct UnitCounts {
    /// Rows by condition.
    rows: Vec<u64>,
    /// Failing rows by finding.
    failing: Vec<u64>,
    /// By column; none where it has too many values.
    columns: Vec<Option<ColumnCounts>>,
}

/// The same by value of a column.
#[derive(Default)]
struct ColumnCounts {
    codes: HashMap<Option<String>, usize>,
    /// By condition, then by code.
    rows: Vec<Vec<u64>>,
    /// By finding, then by code.
    failing: Vec<Vec<u64>>,
}

impl UnitCounts {
    pub(super) fn new(look: &Look<'_>) -> Self {
        let (conditions, findings) = (look.conditions.len(), look.targets.len());
        let column = || ColumnCounts { codes: HashMap::new(), rows: vec![Vec::new(); conditions], failing: vec![Vec::new(); findings] };
        Self { rows: vec![0; conditions], failing: vec![0; findings], columns: look.columns.iter().map(|_| Some(column())).collect() }
    }

    /// Whether the column at this place is still counted.
    pub(super) fn has(&self, place: usize) -> bool {
        self.columns[place].is_some()
    }

    /// Whether enough rows were counted; `left` are failing rows by finding that the unit has still to come.
    pub(super) fn are_enough(&self, left: &[u64]) -> bool {
        let is_seen = |(&failing, &left): (&u64, &u64)| failing >= FAILING_ENOUGH || left == 0;
        self.rows.iter().any(|&rows| rows >= ROWS_ENOUGH) && self.failing.iter().zip(left).all(is_seen)
    }

    /// Counts rows, whatever their values.
    pub(super) fn rows(&mut self, scopes: &[Mask], failing: &[Vec<usize>], len: usize) {
        self.rows.iter_mut().zip(scopes).for_each(|(rows, scope)| *rows += scope.count(len) as u64);
        self.failing.iter_mut().zip(failing).for_each(|(all, rows)| *all += rows.len() as u64);
    }

    /// Counts the same rows by the values of a column.
    pub(super) fn column(&mut self, place: usize, column: &Column, (scopes, failing): (&[Mask], &[Vec<usize>]), len: usize) {
        let Some(counts) = &mut self.columns[place] else { return };
        let groups = BatchGroups::new(&[column], &Mask::All, len);
        let codes: Vec<usize> = groups.keys.into_iter().map(|key| counts.code(key.into_iter().next().flatten())).collect();
        if counts.codes.len() > VALUES_MAX {
            self.columns[place] = None;
            return;
        }
        for (scope, rows) in scopes.iter().zip(&mut counts.rows) {
            let mut found = vec![0u64; codes.len()];
            scope.rows(len, |row| found[groups.codes[row] as usize] += 1);
            codes.iter().zip(found).for_each(|(&code, found)| rows[code] += found);
        }
        for (failing, rows) in failing.iter().zip(&mut counts.failing) {
            failing.iter().for_each(|&row| rows[codes[groups.codes[row] as usize]] += 1);
        }
    }

    /// Takes in what was counted of other units.
    pub(super) fn merge(&mut self, other: Self) {
        let add = |all: &mut [u64], more: &[u64]| all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
        add(&mut self.rows, &other.rows);
        add(&mut self.failing, &other.failing);
        for (ours, theirs) in self.columns.iter_mut().zip(other.columns) {
            let merged = ours.take().zip(theirs).map(|(ours, theirs)| ours.merged(theirs));
            *ours = merged.filter(|merged| merged.codes.len() <= VALUES_MAX);
        }
    }

    /// What was counted for one finding: each value of each column that its rule does not speak of.
    pub(super) fn counts_of(&self, look: &Look<'_>, index: usize) -> Tried {
        let target = &look.targets[index];
        let mut values = Vec::new();
        for (place, counts) in self.columns.iter().enumerate() {
            let Some(counts) = counts.as_ref().filter(|_| !target.own.contains(&look.columns[place])) else { continue };
            for (value, &code) in &counts.codes {
                let with = counts.rows[target.condition][code];
                let failing_with = counts.failing[index][code].min(with);
                let (failing, rows) = (self.failing[index], self.rows[target.condition]);
                if with > 0 {
                    values.push((place, value.clone(), Counts { failing_with, failing: failing.min(rows), with, rows }));
                }
            }
        }
        // By name, since maps have no order.
        values.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        Tried { values }
    }
}

impl ColumnCounts {
    fn code(&mut self, value: Option<String>) -> usize {
        let next = self.codes.len();
        let code = *self.codes.entry(value).or_insert(next);
        if code == next {
            self.rows.iter_mut().chain(&mut self.failing).for_each(|counts| counts.push(0));
        }
        code
    }

    fn merged(mut self, other: Self) -> Self {
        for (value, code) in other.codes {
            let ours = self.code(value);
            for (all, more) in self.rows.iter_mut().zip(&other.rows).chain(self.failing.iter_mut().zip(&other.failing)) {
                all[ours] += more[code];
            }
        }
        self
    }
}
