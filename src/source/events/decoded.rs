//! Values that were decoded already: sound rows as one batch, and what could not be read among them.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

use crate::diagnostic::{Code, Fault};
use crate::rows::RowNumbers;
use crate::source::typed::ColumnLayout;
use crate::source::{Chunk, Known, Malformed, Piece, Preread, Projection, ReadOptions, Source, TakeChunk, Unit, UnitEnd};

/// A row of a micro-batch's table, or why it is none.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The rows that could be read, in order, and which record each of them is.
    pub batch: RecordBatch,
    pub rows: Vec<u32>,
    /// The others, by record.
    pub malformed: Vec<Malformed>,
}

/// Decoded values as a source; its units count records.
pub(super) struct DecodedSource {
    known: Known,
    layout: ColumnLayout,
    decoded: Decoded,
    records: u64,
    unit_rows: u64,
    batch_rows: u32,
}

impl DecodedSource {
    /// Of so many records, whose values took `bytes`.
    ///
    /// # Errors
    /// A column is of a kind that cannot be judged.
    pub(super) fn of(name: &str, decoded: Decoded, bytes: u64, options: &ReadOptions) -> Result<Self, Fault> {
        let schema: SchemaRef = decoded.batch.schema();
        let layout = ColumnLayout::of(&[name], &[schema], options.missing_values.as_ref())?;
        let records = (decoded.rows.len() + decoded.malformed.len()) as u64;
        let share = options.cut.unit_bytes as u128 * u128::from(records) / u128::from(bytes.max(1));
        let unit_rows = u64::try_from(share).unwrap_or(u64::MAX).clamp(1, u64::from(u32::MAX));
        let batch_rows = u32::try_from(options.cut.batch_rows.max(1)).unwrap_or(u32::MAX);
        let known = Known { columns_have_order: false, ..Known::in_memory(layout.schema.clone(), records, bytes) };
        Ok(Self { known, layout, decoded, records, unit_rows, batch_rows })
    }

    /// The records `from..to` of the unit that begins at `start`.
    fn chunk(&self, start: u32, from: u32, to: u32, projection: &Projection) -> Result<Chunk, Fault> {
        let Decoded { batch, rows, malformed } = &self.decoded;
        let of = |record: u32| rows.partition_point(|&row| row < record);
        let (first, end) = (of(from), of(to));
        let arrays: Vec<ArrayRef> = projection.columns.iter().map(|&column| batch.column(column).slice(first, end - first)).collect();
        let failed = |e| Fault::new(Code::Damaged, format!("cannot assemble a batch: {e}"));
        let batch = self.layout.batch(&arrays, end - first, projection).map_err(failed)?;
        let numbers = RowNumbers::of(rows[first..end].iter().map(|row| row - start).collect());
        let bad = |record: u32| malformed.partition_point(|bad| bad.row < record);
        let malformed = malformed[bad(from)..bad(to)].iter().map(|bad| Malformed { row: bad.row - start, ..bad.clone() });
        Ok(Chunk { batch, rows: numbers, malformed: malformed.collect() })
    }
}

impl Source for DecodedSource {
    fn known(&self) -> &Known {
        &self.known
    }

    fn cut(&self, _: u32, start: u64) -> Result<Option<Piece>, Fault> {
        let end = start.saturating_add(self.unit_rows).min(self.records);
        let share = |records: u64| (u128::from(self.known.bytes) * u128::from(records) / u128::from(self.records.max(1))) as u64;
        Ok((end > start).then(|| Piece { end, bytes: share(end) - share(start), preread: None }))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (start, end) = (unit.start as u32, unit.end as u32);
        let mut from = start;
        while from < end {
            let to = from.saturating_add(self.batch_rows).min(end);
            each(self.chunk(start, from, to, projection)?)?;
            from = to;
        }
        Ok(UnitEnd { records: end - start, ..UnitEnd::default() })
    }
}
