//! A prepared batch, ready for row tests and states.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::audit::{Plan, SoundRows};
use crate::diagnostic::{Code, Fault};
use crate::metric::Column;
use crate::prepare::Prepared;
use crate::rows::Mask;
use crate::rules::{Condition, Scope};
use crate::sql::RowFailure;

/// A batch with its columns and conditions ready for tests and states.
pub(super) struct RowBatch {
    pub(super) prepared: Prepared,
    pub(super) columns: Vec<Option<Column>>,
    /// Where rows end in columns that hold the elements of lists, by column.
    pub(super) ends: BTreeMap<usize, Arc<[u32]>>,
    /// One a condition, where it was computed.
    pub(super) conditions: Vec<Option<Holds>>,
}

/// A row of a unit on which a `where` could not be computed: whether the rule speaks of it is not known.
#[derive(Debug, Clone)]
pub(super) struct UndecidableRow {
    pub(super) row: u32,
    pub(super) condition: usize,
    pub(super) reason: String,
}

impl UndecidableRow {
    pub(super) fn comes_before(&self, other: &Self) -> bool {
        (self.row, self.condition) < (other.row, other.condition)
    }
}

/// What a condition came to.
pub(super) struct Holds {
    /// The rows for which it holds.
    pub(super) rows: Mask,
    /// The rows on which it could not be computed.
    pub(super) failures: Vec<RowFailure>,
}

impl RowBatch {
    /// `needed` are the columns of [`Prepare::rule_schema`] that the requests from `first_new` on speak of.
    pub(super) fn new(prepared: Prepared, plan: &Plan, first_new: usize, needed: &[usize]) -> Self {
        let (len, requests) = (prepared.rows.len(), &plan.requests);
        let mut columns: Vec<Option<Column>> = prepared.columns.iter().map(|a| a.clone().map(Column::new)).collect();
        let mut ends = BTreeMap::new();
        columns.resize(plan.prepare.rule_schema.fields().len(), None);
        for &index in needed.iter().filter(|&&i| i >= prepared.columns.len()) {
            if let Some(values) = plan.prepare.values(&prepared.columns, index) {
                columns[index] = Some(Column::new(values.array));
                ends.extend(values.ends.map(|e| (index, e)));
            }
        }
        let mut wanted = vec![false; requests.conditions.len()];
        let by_states = requests.states[first_new..].iter().filter_map(|s| s.scope.condition);
        let tests = requests.tests.iter().filter(|_| first_new == 0);
        let by_tests = tests.flat_map(|t| t.scope.condition.iter().chain(&t.known).copied());
        by_states.chain(by_tests).for_each(|condition| wanted[condition] = true);
        let evaluate = |(index, condition): (usize, &Condition)| {
            if !wanted[index] {
                return None;
            }
            let column = |&c: &usize| columns[c].as_ref().map(|c| c.array.clone());
            let arrays: Option<Vec<ArrayRef>> = condition.expression.columns.iter().map(column).collect();
            let arrays = arrays.expect("the projection covers every condition's columns");
            let (holds, failures) = condition.expression.test(&arrays, len);
            Some(Holds { rows: Mask::from_boolean(&holds, false), failures })
        };
        let conditions = requests.conditions.iter().enumerate().map(evaluate).collect();
        Self { prepared, columns, ends, conditions }
    }

    pub(super) fn len(&self) -> usize {
        self.prepared.rows.len()
    }

    pub(super) fn columns(&self, indices: &[usize]) -> Vec<&Column> {
        let read = |&i: &usize| self.columns[i].as_ref().expect("the projection covers every request's columns");
        indices.iter().map(read).collect()
    }

    /// The rows of a scope's `where`. A row on which it cannot be computed is a fault, which [`RowBatch::undecidable`] finds.
    pub(super) fn scope(&self, scope: &Scope) -> Mask {
        scope.condition.and_then(|c| self.conditions[c].as_ref()).map_or(Mask::All, |holds| holds.rows.clone())
    }

    /// The first of the rows `over` on which one of the `conditions` could not be computed.
    pub(super) fn undecidable(&self, conditions: impl IntoIterator<Item = usize>, over: &Mask) -> Option<UndecidableRow> {
        let failing = |condition: usize| {
            let failures = &self.conditions[condition].as_ref()?.failures;
            if failures.is_empty() {
                return None;
            }
            let over = over.bits(self.len());
            let RowFailure { row, reason } = failures.iter().find(|f| over.value(f.row))?;
            Some(UndecidableRow { row: self.prepared.rows.get(*row), condition, reason: reason.clone() })
        };
        conditions.into_iter().filter_map(failing).min_by_key(|s| (s.row, s.condition))
    }

    /// The sound rows with every column, for the sink.
    pub(super) fn sound_rows(&self, schema: &SchemaRef, sound: &Mask) -> Result<SoundRows, Fault> {
        let failed = |e: ArrowError| Fault::new(Code::Internal, format!("cannot hand on a batch: {e}"));
        let arrays: Vec<ArrayRef> = self.prepared.columns.iter().flatten().cloned().collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.len()));
        let whole = RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map_err(failed)?;
        if matches!(sound, Mask::All) {
            return Ok(SoundRows { rows: self.prepared.rows.clone(), batch: whole });
        }
        let bits = sound.bits(self.len());
        let batch = filter_record_batch(&whole, &BooleanArray::new(bits.clone(), None)).map_err(failed)?;
        Ok(SoundRows { rows: self.prepared.rows.filter(&bits), batch })
    }
}
