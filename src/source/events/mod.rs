//! The records of a topic as a source: one micro-batch, in memory.
//!
//! Row i is record i, whatever its value holds. A value that cannot be read is a malformed record with the bytes of the value
//! as they came; it costs no other. Values of JSON are read by the reader of files: each is a line of text.

mod columns;
mod header;
mod lines;
mod options;
mod places;
mod record;
mod registry;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::Schema;
use xxhash_rust::xxh3::Xxh3Default;

use self::columns::OwnColumns;
use self::lines::{Lines, OddValues};
pub use self::options::{EventColumn, EventKey, EventOptions, EventValue, Tombstones};
pub use self::places::EventPlaces;
pub use self::record::EventRecord;
pub use self::registry::Registry;
use super::json::JsonSource;
use super::typed::schema_of;
use super::{
    Chunk, ContractColumn, FileStart, Format, InputFile, Known, Origins, Piece, Preread, Projection, ReadOptions, SchemaEvidence, Source,
    TakeChunk, Unit, UnitEnd,
};
use crate::diagnostic::{Code, Fault};
use crate::rows::RowNumbers;
use crate::shown::counted;
use crate::types::Tally;

#[cfg(test)]
mod tests;

/// A micro-batch read as a table.
struct EventSource {
    known: Known,
    values: Arc<dyn Source>,
    common: Arc<Common>,
}

/// What does not change when types do.
struct Common {
    places: Arc<EventPlaces>,
    own: OwnColumns,
    /// For each row, where the units of the values' source count it.
    starts: Vec<u64>,
    odd: OddValues,
    digest: u128,
    notes: Vec<String>,
}

/// Opens `records`, in their order, as a source that reports call `name`: `kafka://host/topic`.
///
/// # Errors
/// A value has a column that is called as one of those that the options add.
pub(super) fn open(
    mut records: Vec<EventRecord>,
    name: &str,
    options: &ReadOptions,
    contract: &[ContractColumn],
) -> Result<Arc<dyn Source>, Fault> {
    let mut notes = Vec::new();
    if options.events.tombstones == Tombstones::Skip {
        let before = records.len();
        records.retain(|record| record.value.is_some());
        let skipped = (before - records.len()) as u64;
        notes.extend(
            (skipped > 0).then(|| format!("{} without a value passed over, as `tombstones: skip` says", counted(skipped, "record"))),
        );
    }
    let (places, own, digest) = (EventPlaces::of(name, &records), OwnColumns::of(&records, &options.events), digest(&records));
    // A table's columns include those that are added here: the values need not have them.
    let is_own = |column: &ContractColumn| own.fields.iter().any(|field| *field.name() == column.name);
    let contract: Vec<ContractColumn> = contract.iter().filter(|column| !is_own(column)).cloned().collect();
    let Lines { text, starts, odd } = Lines::of(&records);
    drop(records);
    let json = JsonSource::open(vec![InputFile::in_memory(name, text)], Format::Ndjson, options, &contract)?;
    let common = Common { places: Arc::new(places), own, starts, odd, digest, notes };
    Ok(Arc::new(EventSource::over(Arc::new(json), Arc::new(common))?))
}

/// Of all that a record holds, and where it stands.
fn digest(records: &[EventRecord]) -> u128 {
    let mut digest = Xxh3Default::new();
    let mut sized = |bytes: Option<&[u8]>| {
        digest.update(&bytes.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
        digest.update(bytes.unwrap_or_default());
    };
    for EventRecord { topic, partition, offset, timestamp_ms, key, value, headers } in records {
        sized(Some(topic.as_bytes()));
        sized(Some(&partition.to_le_bytes()));
        sized(Some(&offset.to_le_bytes()));
        sized(Some(&timestamp_ms.to_le_bytes()));
        sized(key.as_deref());
        sized(value.as_deref());
        sized(Some(&(headers.len() as u64).to_le_bytes()));
        for (name, value) in headers {
            sized(Some(name.as_bytes()));
            sized(Some(value));
        }
    }
    digest.digest128()
}

impl EventSource {
    fn over(values: Arc<dyn Source>, common: Arc<Common>) -> Result<Self, Fault> {
        let of_values = values.known();
        common.own.ensure_apart(&of_values.schema, &common.places.name)?;
        let fields: Vec<_> = of_values.schema.fields().iter().chain(&common.own.fields).cloned().collect();
        let start = FileStart { at: of_values.starts.first().map_or(0, |start| start.at), lines: 0, digest: common.digest };
        let notes = of_values.notes.iter().chain(&common.notes).cloned().collect();
        let no_columns = of_values.no_columns.as_ref().map(|_| common.why_no_columns());
        let known = Known {
            schema: Arc::new(Schema::new(fields)),
            format: None,
            origins: Origins::Events(common.places.clone()),
            starts: vec![start],
            rows: Some(common.places.rows()),
            digests_units: false,
            no_columns,
            notes,
            ..of_values.clone()
        };
        Ok(Self { known, values, common })
    }

    /// How many columns are the values' own.
    fn width(&self) -> usize {
        self.values.schema().fields().len()
    }
}

impl Common {
    fn why_no_columns(&self) -> Fault {
        let what = format!(
            "{}: none of {} has a value with keys, so there are no columns",
            self.places.name,
            counted(self.places.rows(), "record")
        );
        Fault::new(Code::Empty, what).hint("name the columns in the rule file: `schema: { columns: { id: int64 } }`")
    }

    /// The columns beside the values, of some rows; `first` is the row that number 0 stands for.
    fn columns(&self, wanted: &[usize], first: u32, rows: &RowNumbers) -> Result<Vec<ArrayRef>, Fault> {
        let failed = |e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}"));
        let all = wanted.iter().map(|&column| &self.own.arrays[column]);
        match rows {
            RowNumbers::Dense { first: from, len } => Ok(all.map(|array| array.slice((first + from) as usize, *len as usize)).collect()),
            RowNumbers::List(rows) => {
                let rows = UInt32Array::from_iter_values(rows.iter().map(|row| first + row));
                all.map(|array| arrow::compute::take(array, &rows, None).map_err(failed)).collect()
            }
        }
    }
}

impl Source for EventSource {
    fn known(&self) -> &Known {
        &self.known
    }

    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        self.values.cut(file, start)
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (values, own): (Vec<usize>, Vec<usize>) = projection.columns.iter().partition(|&&c| c < self.width());
        let own: Vec<usize> = own.into_iter().map(|c| c - self.width()).collect();
        let read = Projection { compact: projection.compact, ..Projection::new(self.values.schema(), values) };
        let first = self.common.starts.partition_point(|&start| start < unit.start);
        let end = self.values.read(unit, preread, &read, &mut |mut chunk| {
            for malformed in &mut chunk.malformed {
                self.common.odd.restore((first + malformed.row as usize) as u64, malformed);
            }
            if own.is_empty() {
                return each(chunk);
            }
            let mut columns = chunk.batch.columns().to_vec();
            columns.extend(self.common.columns(&own, first as u32, &chunk.rows)?);
            let options = RecordBatchOptions::new().with_row_count(Some(chunk.batch.num_rows()));
            let batch = RecordBatch::try_new_with_options(schema_of(projection, &columns), columns, &options)
                .map_err(|e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}")))?;
            each(Chunk { batch, ..chunk })
        })?;
        Ok(UnitEnd { digest: None, ..end })
    }

    fn digest(&self) -> Result<u128, Fault> {
        Ok(self.common.digest)
    }

    fn retyped(&self, evidence: &SchemaEvidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        let Some(values) = self.values.retyped(evidence)? else { return Ok(None) };
        Ok(Some(Arc::new(Self::over(values, self.common.clone())?)))
    }

    fn tallies(&self, evidence: &SchemaEvidence) -> Vec<Tally> {
        self.values.tallies(evidence)
    }
}
