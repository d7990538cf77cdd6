//! Columns kept from the first pass for a second pass: reading text again would mean framing every record again, and
//! decoding a column again costs more than holding it while it is small.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;

use crate::audit::Plan;
use crate::diagnostic::{Code, Fault};
use crate::metric::{Budget, Reservation};
use crate::rows::RowNumbers;
use crate::source::{Chunk, Rereading, Source};

/// So many bytes are kept of what is cheap to read again.
const DECODED_MAX: u64 = 64 << 20;

/// A unit's rows, as the source gave them: the kept columns alone.
#[derive(Default)]
pub(in crate::audit) struct CachedRows {
    schema: Option<SchemaRef>,
    rows: Vec<RowNumbers>,
    /// By kept column, its arrays; none of what will not be looked at again.
    columns: Vec<Option<Vec<ArrayRef>>>,
}

impl CachedRows {
    /// Keeps the columns at `positions` of a batch.
    ///
    /// # Errors
    /// They are not there: a mistake of ours.
    pub(super) fn push(&mut self, batch: &RecordBatch, positions: &[usize], rows: &RowNumbers) -> Result<(), Fault> {
        let why = |e| Fault::new(Code::Internal, format!("cannot keep columns: {e}"));
        if self.schema.is_none() {
            self.schema = Some(Arc::new(batch.schema().project(positions).map_err(why)?));
            self.columns = vec![Some(Vec::new()); positions.len()];
        }
        for (kept, position) in self.columns.iter_mut().zip(positions) {
            if let Some(kept) = kept {
                kept.push(batch.column(*position).clone());
            }
        }
        self.rows.push(rows.clone());
        Ok(())
    }

    /// Lets go of the columns that no state will look at again: by column, `watchers` are the states that may.
    pub(super) fn let_go(&mut self, watchers: &[Vec<usize>], looks_again: impl Fn(usize) -> bool) {
        for (kept, watchers) in self.columns.iter_mut().zip(watchers) {
            if kept.is_some() && !watchers.iter().any(|state| looks_again(*state)) {
                *kept = None;
            }
        }
    }

    fn bytes(&self) -> usize {
        self.columns.iter().flatten().flatten().map(|array| array.get_array_memory_size()).sum()
    }

    /// The rows with the columns at `positions` alone, if they were kept.
    fn chunks(&self, positions: &[usize]) -> Option<Vec<Chunk>> {
        let schema = Arc::new(self.schema.as_ref()?.project(positions).ok()?);
        let columns: Vec<&Vec<ArrayRef>> = positions.iter().map(|p| self.columns.get(*p)?.as_ref()).collect::<Option<_>>()?;
        let chunk = |(i, rows): (usize, &RowNumbers)| {
            let arrays: Vec<ArrayRef> = columns.iter().map(|arrays| arrays[i].clone()).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
            let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options).ok()?;
            Some(Chunk { batch, rows: rows.clone(), malformed: Vec::new() })
        };
        self.rows.iter().enumerate().map(chunk).collect()
    }
}

/// The kept columns of all units so far.
pub(in crate::audit) struct ColumnCache {
    /// Columns of the source, ascending.
    columns: Vec<usize>,
    units: BTreeMap<u32, CachedRows>,
    memory: Reservation,
    budget: Arc<Budget>,
}

impl ColumnCache {
    /// The columns that quantiles will be sought in, where rows stay as they come and the columns are text or few
    /// enough numbers; none where nothing is to be kept.
    pub(crate) fn columns(source: &dyn Source, plan: &Plan) -> Vec<usize> {
        if plan.prepare.changes_rows() {
            return Vec::new();
        }
        let requests = plan.requests.states.iter().filter(|r| r.is_histogram() || r.is_overview());
        let conditions = |r: &crate::rules::StateRequest| r.scope.condition.map(|c| plan.requests.conditions[c].expression.columns.clone());
        let columns = requests.flat_map(|r| [r.columns.clone(), r.scope.by.clone(), conditions(r).unwrap_or_default()].concat());
        let columns = plan.prepare.source_columns(&columns.collect::<Vec<_>>());
        let is_small = || {
            // Decimals are mostly read into 64 bits.
            let widths = columns.iter().map(|&c| Some(source.schema().field(c).data_type().primitive_width()?.min(8)));
            Some(widths.sum::<Option<usize>>()? as u64 * source.known().rows?)
        };
        let is_worth_it = match source.known().rereading {
            Rereading::Free => false,
            Rereading::OfThose => is_small().is_some_and(|bytes| bytes <= DECODED_MAX),
            Rereading::OfAll => true,
        };
        if is_worth_it { columns } else { Vec::new() }
    }

    /// Nothing kept yet.
    pub(crate) fn new(columns: Vec<usize>, budget: &Arc<Budget>) -> Self {
        Self { columns, units: BTreeMap::new(), memory: Reservation::new(budget), budget: budget.clone() }
    }

    /// Keeps a unit's rows, as long as half of the memory limit is left for others.
    pub(crate) fn take(mut self, unit: u32, rows: CachedRows) -> Option<Self> {
        self.memory.grow(rows.bytes());
        self.units.insert(unit, rows);
        (!self.budget.is_half_used()).then_some(self)
    }

    /// The rows of `unit` with `columns` alone, if all of them were kept.
    pub(crate) fn chunks(&self, unit: u32, columns: &[usize]) -> Option<Vec<Chunk>> {
        let positions: Vec<usize> = columns.iter().map(|c| self.columns.binary_search(c).ok()).collect::<Option<_>>()?;
        self.units.get(&unit)?.chunks(&positions)
    }

    /// By column of [`ColumnCache::columns`], the states of the first pass that may look at it again.
    pub(crate) fn watchers(plan: &Plan, columns: &[usize]) -> Vec<Vec<usize>> {
        let mut watchers = vec![Vec::new(); columns.len()];
        for (i, request) in plan.requests.states.iter().enumerate().filter(|(_, r)| r.is_histogram() || r.is_overview()) {
            let condition = request.scope.condition.map(|c| plan.requests.conditions[c].expression.columns.as_slice()).unwrap_or_default();
            let read = plan.prepare.source_columns(&[&request.columns, &request.scope.by, condition].concat());
            read.iter().filter_map(|column| columns.binary_search(column).ok()).for_each(|at| watchers[at].push(i));
        }
        watchers
    }
}
