//! The rows of a table that a query reads, as they are read.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::{BatchCoalescer, filter};

use crate::audit::diff::side::SideRows;
use crate::diagnostic::{Code, Fault};
use crate::metric::{Budget, Reservation};
use crate::rows::{Mask, RowId};
use crate::sql::query::{ROWS_MAX, Reads, TableRows, plain_column};

/// The number of a row: numbers ascend as rows do.
pub(super) fn number(RowId { unit, row }: RowId) -> u64 {
    u64::from(unit) << 32 | u64::from(row)
}

/// The row of a number.
pub(super) fn row(number: u64) -> RowId {
    RowId { unit: (number >> 32) as u32, row: number as u32 }
}

/// The selected rows with what the query reads of them.
pub(super) fn batch(reads: &Reads, unit: u32, rows: &SideRows, selected: &Mask) -> Result<RecordBatch, Fault> {
    let bits = selected.bits(rows.numbers.len());
    let chosen = BooleanArray::new(bits.clone(), None);
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (array, field) in rows.columns.iter().zip(reads.schema.fields()) {
        columns.push(filter(&plain_column(array, field).map_err(failed)?, &chosen).map_err(failed)?);
    }
    if reads.names_rows {
        let numbers = bits.set_indices().map(|index| number(RowId { unit, row: rows.numbers.get(index) }));
        columns.push(Arc::new(UInt64Array::from_iter_values(numbers)));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(bits.count_set_bits()));
    RecordBatch::try_new_with_options(reads.schema.clone(), columns, &options).map_err(failed)
}

/// A table on its way into memory, in batches of one size.
pub(super) struct Loading {
    reads: Reads,
    batches: Vec<RecordBatch>,
    coalescer: BatchCoalescer,
    rows: u64,
    memory: Reservation,
}

impl Loading {
    pub(super) fn new(reads: &Reads, budget: &Arc<Budget>) -> Self {
        let coalescer = BatchCoalescer::new(reads.schema.clone(), ROWS_MAX);
        Self { reads: reads.clone(), batches: Vec::new(), coalescer, rows: 0, memory: Reservation::new(budget) }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes the rows of a unit.
    pub(super) fn push(&mut self, batches: Vec<RecordBatch>) -> Result<(), Fault> {
        for batch in batches {
            self.rows += batch.num_rows() as u64;
            // Without columns, rows are only counted.
            if batch.num_columns() > 0 {
                self.coalescer.push_batch(batch).map_err(failed)?;
            }
        }
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.memory.grow(batch.get_array_memory_size());
            self.batches.push(batch);
        }
        if self.memory.budget().is_exceeded() { Err(too_large()) } else { Ok(()) }
    }

    /// The rows, and the memory that they hold.
    pub(super) fn finish(mut self) -> Result<(TableRows, Reservation), Fault> {
        self.coalescer.finish_buffered_batch().map_err(failed)?;
        self.push(Vec::new())?;
        if self.reads.schema.fields().is_empty() {
            let mut left = usize::try_from(self.rows).map_err(|_| too_large())?;
            while left > 0 {
                let rows = left.min(ROWS_MAX);
                let options = RecordBatchOptions::new().with_row_count(Some(rows));
                self.batches.push(RecordBatch::try_new_with_options(self.reads.schema.clone(), Vec::new(), &options).map_err(failed)?);
                left -= rows;
            }
        }
        Ok((TableRows { schema: self.reads.schema, batches: self.batches }, self.memory))
    }
}

/// Why a query is not judged for which memory does not suffice.
const FULL: &str = "the query and the rows that it reads take more than --memory-limit";

pub(super) fn too_large() -> Fault {
    Fault::new(Code::TooLarge, FULL)
}

/// Whether that is why, and no table of other data is at fault.
pub(super) fn is_too_large(fault: &Fault) -> bool {
    fault.code == Code::TooLarge && fault.what.ends_with(FULL)
}

fn failed(why: arrow::error::ArrowError) -> Fault {
    Fault::new(Code::Internal, format!("cannot hold the rows of a query: {why}"))
}
