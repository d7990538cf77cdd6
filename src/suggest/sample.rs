//! Rows to look at: spread over the data, the same ones whenever it is read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use xxhash_rust::xxh3::xxh3_64;

use crate::diagnostic::{Code, Fault};
use crate::engine::Cancel;
use crate::source::{Chunk, Projection, SchemaEvidence, Source, Unit};

/// So many rows are looked at, at most.
const ROWS_MAX: usize = 200_000;

/// So many values, at most: wide tables are looked at by fewer rows.
const CELLS_MAX: usize = 4_000_000;

/// Fewer rows than this are not worth the saving.
const ROWS_MIN: usize = 2_000;

/// Some of the rows of a source, in their order.
pub(super) struct Sample {
    /// The source, with the types it was finally read with.
    pub source: Arc<dyn Source>,
    pub schema: SchemaRef,
    pub rows: RecordBatch,
    /// Which file each row is of.
    pub files: Vec<u32>,
    /// The number of each row among all.
    pub numbers: Vec<u64>,
    /// How many records there are, those that cannot be read among them.
    pub records: u64,
    /// How many records cannot be read.
    pub malformed: u64,
    /// How many of them for the value of which column; the last one wins.
    pub malformed_columns: BTreeMap<String, u64>,
}

impl Sample {
    /// Reads all of `source`, with types that hold for all of it, and keeps some rows.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(super) fn of(source: Arc<dyn Source>, cancel: &Cancel) -> Result<Self, Fault> {
        const PASSES_MAX: usize = 4;
        let mut source = source;
        for _ in 0..PASSES_MAX {
            let mut reading = Reading::of(source.as_ref());
            let evidence = reading.read(source.as_ref(), cancel)?;
            match source.retyped(&evidence)? {
                Some(again) => source = again,
                None => return reading.finished(source),
            }
        }
        let fault = Fault::new(Code::TypesUnsettled, "the columns' types did not settle");
        Err(fault.hint("give the types in a rule file's `schema` section"))
    }

    /// The rows for which `wanted` holds.
    ///
    /// # Errors
    /// None that a user could mend.
    pub(super) fn part(&self, wanted: impl Fn(usize) -> bool) -> Result<RecordBatch, Fault> {
        let indices: Vec<u32> = (0..self.numbers.len()).filter(|&i| wanted(i)).map(|i| i as u32).collect();
        take_record_batch(&self.rows, &UInt32Array::from(indices)).map_err(|e| unusable(&e))
    }
}

/// A mistake of ours: Arrow takes its own batches.
fn unusable(why: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Internal, format!("internal error: rows cannot be put together: {why}"))
}

/// Where a row stands in an order that has nothing to do with the data.
pub(super) fn place(number: u64) -> u64 {
    xxh3_64(&number.to_le_bytes())
}

/// A sample in the making.
struct Reading {
    schema: SchemaRef,
    rows_max: usize,
    kept: Vec<(RecordBatch, Vec<u64>, u32)>,
    rows: usize,
    /// Rows whose place is below are kept; it halves when there are too many.
    below: u64,
    records: u64,
    malformed: u64,
    malformed_columns: BTreeMap<String, u64>,
}

impl Reading {
    fn of(source: &dyn Source) -> Self {
        let schema = source.schema().clone();
        let rows_max = (CELLS_MAX / schema.fields().len().max(1)).clamp(ROWS_MIN, ROWS_MAX);
        let (kept, malformed_columns) = (Vec::new(), BTreeMap::new());
        Self { schema, rows_max, kept, rows: 0, below: u64::MAX, records: 0, malformed: 0, malformed_columns }
    }

    fn read(&mut self, source: &dyn Source, cancel: &Cancel) -> Result<SchemaEvidence, Fault> {
        let projection = Projection::new(&self.schema, (0..self.schema.fields().len()).collect());
        let (mut evidence, mut previous): (SchemaEvidence, Option<Unit>) = (SchemaEvidence::None, None);
        while let Some((unit, preread)) = source.next_unit(previous.as_ref())? {
            cancel.check()?;
            let before = self.records;
            let end = source.read(&unit, preread, &projection, &mut |chunk| self.take(chunk, before, unit.file))?;
            self.records += u64::from(end.records);
            evidence.merge(end.evidence);
            previous = Some(unit);
        }
        Ok(evidence)
    }

    fn take(&mut self, chunk: Chunk, before: u64, file: u32) -> Result<(), Fault> {
        for record in &chunk.malformed {
            self.malformed += 1;
            *self.malformed_columns.entry(record.column.clone().unwrap_or_default()).or_default() += 1;
        }
        let numbers: Vec<u64> = chunk.rows.iter().map(|row| before + u64::from(row)).collect();
        self.keep((chunk.batch, numbers, file))?;
        while self.rows > self.rows_max {
            self.below /= 2;
            self.rows = 0;
            for part in std::mem::take(&mut self.kept) {
                self.keep(part)?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, (batch, numbers, file): (RecordBatch, Vec<u64>, u32)) -> Result<(), Fault> {
        let indices: Vec<u32> = (0..numbers.len()).filter(|&i| place(numbers[i]) <= self.below).map(|i| i as u32).collect();
        if indices.is_empty() {
            return Ok(());
        }
        self.rows += indices.len();
        if indices.len() == numbers.len() {
            self.kept.push((batch, numbers, file));
            return Ok(());
        }
        let numbers = indices.iter().map(|&i| numbers[i as usize]).collect();
        let batch = take_record_batch(&batch, &UInt32Array::from(indices)).map_err(|e| unusable(&e))?;
        self.kept.push((batch, numbers, file));
        Ok(())
    }

    fn finished(self, source: Arc<dyn Source>) -> Result<Sample, Fault> {
        let mut files = Vec::with_capacity(self.rows);
        let mut numbers = Vec::with_capacity(self.rows);
        for (_, of_batch, file) in &self.kept {
            files.extend(std::iter::repeat_n(*file, of_batch.len()));
            numbers.extend(of_batch);
        }
        let rows = concat_batches(&self.schema, self.kept.iter().map(|(batch, _, _)| batch)).map_err(|e| unusable(&e))?;
        let Self { schema, records, malformed, malformed_columns, .. } = self;
        Ok(Sample { source, schema, rows, files, numbers, records, malformed, malformed_columns })
    }
}
