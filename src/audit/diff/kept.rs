//! Rows that wait to be compared, in memory and on disk.

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::{concat_batches, filter, take_record_batch};
use arrow::datatypes::{Field, Schema};
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use xxhash_rust::xxh3::xxh3_128;

use super::columns::PairedColumns;
use super::side::SideRows;
use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::metric::budget::SpillFile;
use crate::metric::canonical::RowBytes;
use crate::metric::{Budget, Column, Reservation};
use crate::rows::Mask;

/// How rows are taken apart by the hash of their key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    bits: u32,
}

impl Parts {
    /// So that a part holds few enough rows to be looked at at once.
    pub(super) fn for_rows(rows: u64) -> Self {
        const ROWS: u64 = 1 << 16;
        Self { bits: rows.div_ceil(ROWS).next_power_of_two().ilog2().min(8) }
    }

    pub(super) fn count(self) -> usize {
        1 << self.bits
    }

    fn of(self, hash: u128) -> usize {
        // By other bits than those by which they were paired: these chose nothing here.
        (hash >> 64) as usize & (self.count() - 1)
    }
}

/// The rows of a unit, as they come.
#[derive(Default)]
pub(super) struct UnitRows {
    hashes: Vec<u128>,
    batches: Vec<RecordBatch>,
}

impl UnitRows {
    /// Columns before those that are compared: the key's hash, and which row it is.
    pub(super) const OWN: usize = 3;

    /// Takes the selected rows.
    pub(super) fn take(&mut self, unit: u32, rows: SideRows, selected: &Mask, columns: &PairedColumns) -> Result<(), Fault> {
        let len = rows.numbers.len();
        if selected.count(len) == 0 {
            return Ok(());
        }
        let bits = selected.bits(len);
        let chosen = BooleanArray::new(bits.clone(), None);
        let arrays = rows.columns.iter().map(|array| filter(array, &chosen));
        let arrays: Vec<ArrayRef> = arrays.collect::<Result<_, _>>().map_err(failed)?;
        let (keys, values) = arrays.split_at(columns.key.len());
        let keys: Vec<Column> = keys.iter().zip(&columns.key).map(|(array, column)| column.form.column(array)).collect();
        let (mut bytes, count) = (RowBytes::default(), bits.count_set_bits());
        bytes.encode(&keys.iter().collect::<Vec<_>>(), count);
        let hashes: Vec<u128> = (0..count).map(|row| xxh3_128(bytes.row(row))).collect();
        let place = |row: usize| u64::from(unit) << 32 | u64::from(rows.numbers.get(row));
        let places: UInt64Array = bits.set_indices().map(place).collect();
        let own = key_columns(&hashes).into_iter().chain([places]).map(|array| Arc::new(array) as ArrayRef);
        let all: Vec<ArrayRef> = own.chain(values.iter().cloned()).collect();
        let fields = all.iter().enumerate().map(|(i, array)| Field::new(i.to_string(), array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        self.batches.push(RecordBatch::try_new(schema, all).map_err(failed)?);
        self.hashes.extend(hashes);
        Ok(())
    }

    /// The rows, part by part.
    pub(super) fn in_order(self, parts: Parts) -> Result<Option<OrderedRows>, Fault> {
        let Some(first) = self.batches.first() else { return Ok(None) };
        let whole = concat_batches(&first.schema(), &self.batches).map_err(failed)?;
        let mut starts = vec![0usize; parts.count() + 1];
        self.hashes.iter().for_each(|hash| starts[parts.of(*hash) + 1] += 1);
        (1..starts.len()).for_each(|part| starts[part] += starts[part - 1]);
        let (mut next, mut order) = (starts.clone(), vec![0u32; self.hashes.len()]);
        for (row, hash) in self.hashes.iter().enumerate() {
            let place = &mut next[parts.of(*hash)];
            order[*place] = row as u32;
            *place += 1;
        }
        let rows = take_record_batch(&whole, &UInt32Array::from(order)).map_err(failed)?;
        Ok(Some(OrderedRows { rows, starts }))
    }
}

/// The rows of a unit, by part.
pub(super) struct OrderedRows {
    rows: RecordBatch,
    starts: Vec<usize>,
}

impl OrderedRows {
    fn part(&self, part: usize) -> RecordBatch {
        self.rows.slice(self.starts[part], self.starts[part + 1] - self.starts[part])
    }
}

/// The rows of a data set that wait.
pub(super) struct KeptRows {
    units: Vec<OrderedRows>,
    /// Units on disk: in each file, a batch for each part.
    files: Vec<SpillFile>,
    memory: Reservation,
}

impl KeptRows {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self { units: Vec::new(), files: Vec::new(), memory: Reservation::new(budget) }
    }

    /// Takes in the rows of a unit; past the memory limit they go to disk.
    pub(super) fn push(&mut self, unit: Option<OrderedRows>) -> Result<(), Fault> {
        let Some(unit) = unit else { return Ok(()) };
        self.memory.grow(unit.rows.get_array_memory_size());
        self.units.push(unit);
        if self.memory.budget().is_exceeded() {
            for unit in std::mem::take(&mut self.units) {
                self.files.push(written(self.memory.budget(), &unit)?);
            }
            self.memory.resize(0);
        }
        Ok(())
    }

    /// The rows of a part; none if there are none.
    pub(super) fn part(&self, part: usize) -> Result<Option<Vec<RecordBatch>>, Fault> {
        let mut batches: Vec<RecordBatch> = self.units.iter().map(|unit| unit.part(part)).collect();
        for file in &self.files {
            let read = || -> Result<Option<RecordBatch>, String> {
                let file: File = files::open(file.path()).map_err(|why| why.to_string())?;
                let mut reader = FileReader::try_new(file, None).map_err(|why| why.to_string())?;
                reader.set_index(part).map_err(|why| why.to_string())?;
                reader.next().transpose().map_err(|why| why.to_string())
            };
            batches.extend(read().map_err(on_disk)?);
        }
        batches.retain(|batch| batch.num_rows() > 0);
        Ok((!batches.is_empty()).then_some(batches))
    }
}

fn written(budget: &Budget, unit: &OrderedRows) -> Result<SpillFile, Fault> {
    let (kept, file) = budget.spill().map_err(|why| on_disk(why.to_string()))?;
    let write = || {
        let mut writer = FileWriter::try_new(BufWriter::new(file), &unit.rows.schema())?;
        (0..unit.starts.len() - 1).try_for_each(|part| writer.write(&unit.part(part)))?;
        writer.finish()
    };
    write().map_err(|why: arrow::error::ArrowError| on_disk(why.to_string()))?;
    Ok(kept)
}

fn on_disk(why: String) -> Fault {
    Fault::new(Code::ScratchFailed, format!("cannot compare: {why}"))
}

pub(super) fn failed(why: arrow::error::ArrowError) -> Fault {
    Fault::new(Code::Internal, format!("cannot compare rows: {why}"))
}

/// The hash of a key, as two integers each.
fn key_columns(hashes: &[u128]) -> [UInt64Array; 2] {
    let part = |shift: u32| hashes.iter().map(move |hash| (hash >> shift) as u64).collect::<Vec<u64>>().into();
    [part(64), part(0)]
}
