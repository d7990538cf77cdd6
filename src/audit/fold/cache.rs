//! Columns kept from the first pass for a second pass: reading text again would mean framing every record again, and
//! decoding a column again costs more than holding it while it is small.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::audit::Plan;
use crate::metric::{Budget, Reservation};
use crate::rows::RowNumbers;
use crate::source::{Chunk, Rereading, Source};

/// So many bytes are kept of what is cheap to read again.
const DECODED_MAX: u64 = 64 << 20;

/// Some of a unit's rows, as the source gave them, with the kept columns alone.
pub(in crate::audit) type CachedRows = Vec<(RecordBatch, RowNumbers)>;

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
        let bytes: usize = rows.iter().map(|(batch, _)| batch.get_array_memory_size()).sum();
        self.memory.grow(bytes);
        self.units.insert(unit, rows);
        (!self.budget.is_half_used()).then_some(self)
    }

    /// The rows of `unit` with `columns` alone, if all of them were kept.
    pub(crate) fn chunks(&self, unit: u32, columns: &[usize]) -> Option<Vec<Chunk>> {
        let positions: Vec<usize> = columns.iter().map(|c| self.columns.binary_search(c).ok()).collect::<Option<_>>()?;
        let chunk = |(batch, rows): &(RecordBatch, RowNumbers)| {
            let batch = batch.project(&positions).expect("the places are of columns that were kept");
            Chunk { batch, rows: rows.clone(), malformed: Vec::new() }
        };
        Some(self.units.get(&unit)?.iter().map(chunk).collect())
    }
}
