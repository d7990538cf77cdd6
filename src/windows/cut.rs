//! The events of a batch in memory, and cutting them into windows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{CastOptions, cast_with_options, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMillisecondType};

use crate::diagnostic::{Code, Fault};
use crate::rows::{Origin, RowId, RowNumbers};
use crate::source::{Origins, Projection, RowOrigins, SchemaEvidence, Source};

/// A batch, read.
pub(super) struct Read {
    pub schema: SchemaRef,
    pub name: String,
    batches: Vec<(RecordBatch, u32, RowNumbers)>,
    row_origins: RowOrigins,
    origins: Origins,
}

/// Reads all of `source`, with the types that its values call for.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(source: &Arc<dyn Source>) -> Result<Read, Fault> {
    let mut source = source.clone();
    loop {
        let (read, evidence) = read_once(&source)?;
        match source.retyped(&evidence)? {
            Some(other) => source = other,
            None => return Ok(read),
        }
    }
}

fn read_once(source: &Arc<dyn Source>) -> Result<(Read, SchemaEvidence), Fault> {
    let schema = source.schema().clone();
    let projection = Projection::new(&schema, (0..schema.fields().len()).collect());
    let (mut batches, mut row_origins, mut evidence) = (Vec::new(), RowOrigins::default(), SchemaEvidence::default());
    let mut previous = None;
    while let Some((unit, preread)) = source.next_unit(previous.as_ref())? {
        let end = source.read(&unit, preread, &projection, &mut |chunk| {
            // Records that cannot be read are in no window; the report of their batch tells of them.
            batches.push((chunk.batch, unit.index, chunk.rows));
            Ok(())
        })?;
        row_origins.push(unit.clone(), &end, source.known().header_lines(unit.file));
        evidence.merge(end.evidence);
        previous = Some(unit);
    }
    let origins = source.known().origins.clone();
    let name = origins.named().first().map_or_else(|| Origin::MEMORY.to_owned(), |(name, _)| (*name).to_owned());
    Ok((Read { schema, name, batches, row_origins, origins }, evidence))
}

/// Some events of a batch that lie in one window.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub batches: Vec<RecordBatch>,
    pub rows: u64,
}

impl Piece {
    fn push(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows() as u64;
        self.batches.push(batch);
    }
}

/// Events by when they happened.
#[derive(Debug, Default)]
pub(super) struct ByTime {
    /// By the beginning of the window, in milliseconds since 1970.
    pub pieces: BTreeMap<i64, Piece>,
    /// The time of the latest event that may have happened already.
    pub latest: Option<i64>,
    /// Events whose time is still to come: they lie in windows like others, and close none.
    pub ahead: u64,
    /// Events without a time.
    pub timeless: u64,
    /// Events of windows that were judged already, and where the first of them stand.
    pub late: u64,
    pub late_places: Vec<String>,
}

/// Late events that are named.
const NAMED_MAX: usize = 5;

impl Read {
    /// Cuts the events into windows of `every` milliseconds by the column `time`; those of windows that begin before `closed`
    /// are late, those after `now` ahead: one clock that is wrong must not end every window.
    ///
    /// # Errors
    /// There is no such column, or its values are no times.
    pub(super) fn by_time(&self, time: &str, every: i64, (closed, now): (Option<i64>, i64)) -> Result<ByTime, Fault> {
        let mut all = ByTime::default();
        for (batch, unit, rows) in &self.batches {
            let times = times_of(batch, time)?;
            let mut windows: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
            for (row, at) in times.as_primitive::<TimestampMillisecondType>().iter().enumerate() {
                let Some(at) = at else {
                    all.timeless += 1;
                    continue;
                };
                let begin = at.saturating_sub(at.rem_euclid(every));
                if closed.is_some_and(|closed| begin < closed) {
                    all.late += 1;
                    if all.late_places.len() < NAMED_MAX {
                        let id = RowId { unit: *unit, row: rows.get(row) };
                        all.late_places.push(self.row_origins.origin(id, &self.origins).to_string());
                    }
                    continue;
                }
                if at > now {
                    all.ahead += 1;
                } else {
                    all.latest = all.latest.max(Some(at));
                }
                windows.entry(begin).or_default().push(row as u32);
            }
            for (begin, rows) in windows {
                all.pieces.entry(begin).or_default().push(some_of(batch, rows)?);
            }
        }
        Ok(all)
    }

    /// Cuts the events, in their order, into a first piece of `first` and further ones of `each`.
    pub(super) fn by_count(&self, first: u64, each: u64) -> Vec<Piece> {
        let (mut pieces, mut room) = (vec![Piece::default()], first);
        for (batch, _, _) in &self.batches {
            let mut at = 0;
            while at < batch.num_rows() {
                if room == 0 {
                    pieces.push(Piece::default());
                    room = each;
                }
                let len = (batch.num_rows() - at).min(usize::try_from(room).unwrap_or(usize::MAX));
                if let Some(piece) = pieces.last_mut() {
                    piece.push(batch.slice(at, len));
                }
                at += len;
                room -= len as u64;
            }
        }
        pieces
    }
}

fn some_of(batch: &RecordBatch, rows: Vec<u32>) -> Result<RecordBatch, Fault> {
    if rows.len() == batch.num_rows() {
        return Ok(batch.clone());
    }
    take_record_batch(batch, &UInt32Array::from(rows))
        .map_err(|e| Fault::new(Code::Internal, format!("cannot cut a batch into windows: {e}")))
}

/// The column's values as milliseconds since 1970.
fn times_of(batch: &RecordBatch, name: &str) -> Result<ArrayRef, Fault> {
    let Some(column) = batch.column_by_name(name) else {
        let fault = Fault::new(Code::UnknownColumn, format!("windows: the batch has no column `{name}`"));
        let schema = batch.schema();
        return Err(fault.hint_nearest(name, schema.fields().iter().map(|field| field.name().as_str())));
    };
    match column.data_type() {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(column, &DataType::Timestamp(TimeUnit::Millisecond, None), &options)
                .map_err(|e| Fault::new(Code::UnfitColumn, format!("windows: `{name}` holds a time that cannot be told: {e}")))
        }
        other => {
            let what = format!("windows: `{name}` holds no times, but {}", crate::types::type_name(other));
            Err(Fault::new(Code::UnfitColumn, what).hint(format!("`schema: {{ columns: {{ {name}: timestamp }} }}` reads text as times")))
        }
    }
}
