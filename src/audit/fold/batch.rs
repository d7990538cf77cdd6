//! A prepared batch, ready for row tests and states.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::audit::{Kept, Plan};
use crate::diagnostic::Fault;
use crate::metric::Column;
use crate::prepare::Prepared;
use crate::rows::Mask;
use crate::rules::Scope;

/// A batch with its columns and conditions ready for tests and states.
pub(super) struct Batch {
    pub(super) prepared: Prepared,
    pub(super) columns: Vec<Option<Column>>,
    /// Where rows end in columns that hold the elements of lists, by column.
    pub(super) ends: BTreeMap<usize, Arc<[u32]>>,
    /// One a condition: rows for which it holds, rows on which it fails.
    pub(super) conditions: Vec<Option<(Mask, Mask)>>,
}

impl Batch {
    /// `needed` are the columns of [`Prepare::seen`] that the requests from `first_new` on speak of.
    pub(super) fn new(prepared: Prepared, plan: &Plan, first_new: usize, needed: &[usize]) -> Self {
        let (len, requests) = (prepared.rows.len(), &plan.requests);
        let mut columns: Vec<Option<Column>> = prepared.columns.iter().map(|a| a.clone().map(Column::new)).collect();
        let mut ends = BTreeMap::new();
        columns.resize(plan.prepare.seen.fields().len(), None);
        for &index in needed.iter().filter(|&&i| i >= prepared.columns.len()) {
            if let Some(values) = plan.prepare.values(&prepared.columns, index) {
                columns[index] = Some(Column::new(values.array));
                ends.extend(values.ends.map(|e| (index, e)));
            }
        }
        let wanted = |index: usize| {
            let by_state = requests.states[first_new..].iter().any(|s| s.scope.condition == Some(index));
            let by_test = requests.tests.iter().any(|t| t.scope.condition == Some(index) || t.known.contains(&index));
            by_state || (first_new == 0 && by_test)
        };
        let evaluate = |(index, condition): (usize, &crate::sql::Expression)| {
            if !wanted(index) {
                return None;
            }
            let column = |&c: &usize| columns[c].as_ref().map(Column::nullable);
            let arrays: Vec<ArrayRef> = condition.columns.iter().filter_map(column).collect();
            let (holds, failures) = condition.test(&arrays, len);
            let mut failed = vec![false; len];
            failures.iter().for_each(|f| failed[f.row] = true);
            Some((Mask::from_boolean(&holds, false), if failures.is_empty() { Mask::None } else { Mask::new(failed.into()) }))
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

    /// The rows of a scope's `where`; a row on which it cannot be computed is in scope, lest it pass unseen.
    pub(super) fn scope(&self, scope: &Scope) -> Mask {
        match scope.condition.and_then(|c| self.conditions[c].as_ref()) {
            Some((holds, failed)) => holds.or(failed),
            None => Mask::All,
        }
    }

    /// The sound rows with every column, for the sink.
    pub(super) fn kept(&self, schema: &SchemaRef, sound: &Mask) -> Result<Kept, Fault> {
        let failed = |e: ArrowError| Fault::new(format!("cannot keep a batch: {e}"));
        let arrays: Vec<ArrayRef> = self.prepared.columns.iter().flatten().cloned().collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.len()));
        let whole = RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map_err(failed)?;
        if matches!(sound, Mask::All) {
            return Ok(Kept { rows: self.prepared.rows.clone(), batch: whole });
        }
        let bits = sound.bits(self.len());
        let batch = filter_record_batch(&whole, &BooleanArray::new(bits.clone(), None)).map_err(failed)?;
        Ok(Kept { rows: self.prepared.rows.filter(&bits), batch })
    }
}
