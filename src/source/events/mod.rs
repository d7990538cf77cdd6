//! The records of a topic as a source: one micro-batch, in memory.
//!
//! Row i is record i, whatever its value holds. A value that cannot be read is a malformed record with the bytes of the value
//! as they came; it costs no other. Values of JSON are read by the reader of files: each is a line of text.

mod avro;
mod columns;
mod decoded;
mod header;
mod lines;
mod merged;
mod options;
mod record;
mod registry;
mod text;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::datatypes::{Field, FieldRef, Schema};
use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3Default;

use self::columns::OwnColumns;
use self::decoded::DecodedSource;
use self::lines::Lines;
pub use self::options::{EventColumn, EventKey, EventOptions, EventValue, Tombstones};
pub use self::record::EventRecord;
pub use self::registry::Registry;
use super::json::JsonSource;
use super::typed::schema_of;
use super::{
    Chunk, ContractColumn, Encoding, EventPlaces, FileStart, Format, InputFile, Known, Origins, Piece, Preread, Projection, ReadOptions,
    SchemaEvidence, Source, TakeChunk, UNIT_BYTES_MAX, Unit, UnitEnd,
};
use crate::diagnostic::{Code, Fault};
use crate::rows::RowNumbers;
use crate::shown::counted;
use crate::types::Tally;

#[cfg(test)]
mod tests;

/// What a micro-batch holds at most: as much as a unit of text, and keys and headers that count as text however they are
/// escaped.
const VALUES_BYTES_MAX: usize = UNIT_BYTES_MAX;
const BESIDE_BYTES_MAX: usize = 256 << 20;

/// A micro-batch read as a table.
struct EventSource {
    known: Known,
    values: Arc<dyn Source>,
    /// Columns of the contract that no value of this micro-batch has; another may have them.
    absent: Vec<FieldRef>,
    common: Arc<Common>,
}

/// What does not change when types do.
struct Common {
    places: Arc<EventPlaces>,
    own: OwnColumns,
    lines: Lines,
    contract: Vec<ContractColumn>,
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
    ensure_meant(name, options)?;
    ensure_countable(&records, name)?;
    let bytes = records.iter().filter_map(|record| record.value.as_ref()).map(|value| value.len() as u64).sum();
    let rows = records.iter().map(|record| (&record.topic, record.partition, record.offset, record.key.clone()));
    let (places, own, digest) = (EventPlaces::of(name, bytes, rows), OwnColumns::of(&records, &options.events), digest(&records));
    // A table's columns include those that are added here: the values need not have them.
    let is_own = |column: &ContractColumn| own.fields.iter().any(|field| *field.name() == column.name);
    let contract: Vec<ContractColumn> = contract.iter().filter(|column| !is_own(column)).cloned().collect();
    let (values, lines): (Arc<dyn Source>, Lines) = match options.events.value {
        EventValue::Json => {
            let (text, lines) = lines::joined(&records);
            let source = JsonSource::of_events(InputFile::in_memory(name, text), options, &contract)?;
            (Arc::new(source), lines)
        }
        EventValue::Avro => {
            let decoded = avro::decode(&records, name, options, &contract)?;
            (Arc::new(DecodedSource::of(name, decoded, places.bytes, options)?), Lines::default())
        }
        EventValue::Text => (Arc::new(DecodedSource::of(name, text::decode(&records)?, places.bytes, options)?), Lines::default()),
    };
    let common = Common { places: Arc::new(places), own, lines, contract, digest, notes };
    Ok(Arc::new(EventSource::over(values, Arc::new(common))?))
}

/// Refuses words that are about files: nobody must believe that they were followed.
fn ensure_meant(name: &str, options: &ReadOptions) -> Result<(), Fault> {
    let others = [
        ("format", options.format.is_some_and(|format| format != Format::Ndjson || options.events.value != EventValue::Json)),
        ("encoding", options.encoding != Encoding::default()),
        ("json_path", !options.json_path.is_empty()),
    ];
    let idle = others.into_iter().find(|(_, is_said)| *is_said).map(|(word, _)| word).or_else(|| options.idle_word(Format::Ndjson));
    match idle.filter(|_| options.refuses_idle_words) {
        None => Ok(()),
        Some(word) => {
            let fault =
                Fault::new(Code::ConflictingWords, format!("{name}: `source: {{ {word}: … }}` is about files, and means nothing here"));
            Err(fault.hint("leave it out: how the values of a topic are written is said as `source: { events: { value: … } }`"))
        }
    }
}

/// Refuses what no column of text could count.
fn ensure_countable(records: &[EventRecord], name: &str) -> Result<(), Fault> {
    let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let values: usize = records.iter().map(|record| len(&record.value)).sum();
    let beside = |record: &EventRecord| record.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    let beside: usize = records.iter().map(|record| len(&record.key) + beside(record)).sum();
    if values <= VALUES_BYTES_MAX && beside <= BESIDE_BYTES_MAX && u32::try_from(records.len()).is_ok() {
        return Ok(());
    }
    let (mib, of) =
        if values > VALUES_BYTES_MAX { (VALUES_BYTES_MAX >> 20, "values") } else { (BESIDE_BYTES_MAX >> 20, "keys and headers") };
    Err(Fault::new(Code::TooLarge, format!("{name}: a micro-batch of more than {mib} MiB of {of}")).hint("let fewer records be one batch"))
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
        let absent = absent(&of_values.schema, &common.contract);
        let fields: Vec<_> = of_values.schema.fields().iter().chain(&absent).chain(&common.own.fields).cloned().collect();
        let start = FileStart { at: of_values.starts.first().map_or(0, |start| start.at), lines: 0, comments: 0, digest: common.digest };
        let notes = of_values.notes.iter().chain(&common.notes).cloned().collect();
        let no_columns = fields.is_empty().then(|| common.why_no_columns());
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
        Ok(Self { known, values, absent, common })
    }

    /// How many columns are the values' own.
    fn width(&self) -> usize {
        self.values.schema().fields().len()
    }
}

/// Columns that the contract gives a type and that no value has. Only few records of a topic are a micro-batch: that none of
/// them has an optional field changes nothing.
fn absent(values: &Schema, contract: &[ContractColumn]) -> Vec<FieldRef> {
    let is_there = |name: &str| values.index_of(name).is_ok();
    // What may be a path is a column by its first step.
    let is_inside = |column: &ContractColumn| !column.is_strict && crate::types::path_steps(&column.name).len() > 1;
    let columns = contract.iter().filter(|column| !is_there(&column.name) && !is_inside(column));
    columns.filter_map(|column| Some(Arc::new(Field::new(&column.name, column.data_type.clone()?, true)))).collect()
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
        let (values, beside): (Vec<usize>, Vec<usize>) = projection.columns.iter().partition(|&&c| c < self.width());
        let (absent, own): (Vec<usize>, Vec<usize>) = beside.iter().map(|c| c - self.width()).partition(|&c| c < self.absent.len());
        let own: Vec<usize> = own.into_iter().map(|c| c - self.absent.len()).collect();
        let read = Projection { compact: projection.compact, ..Projection::new(self.values.schema(), values) };
        let first = self.common.lines.first(unit.start);
        let end = self.values.read(unit, preread, &read, &mut |mut chunk| {
            for malformed in &mut chunk.malformed {
                self.common.lines.restore(first, malformed);
            }
            if beside.is_empty() {
                return each(chunk);
            }
            let mut columns = chunk.batch.columns().to_vec();
            let len = chunk.batch.num_rows();
            columns.extend(absent.iter().map(|&column| new_null_array(self.absent[column].data_type(), len)));
            columns.extend(self.common.columns(&own, first, &chunk.rows)?);
            let options = RecordBatchOptions::new().with_row_count(Some(len));
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
