//! Rows that are in memory already, as a source like any other.
//!
//! Units, and the digest of the content, depend on the rows alone, not on the batches they came in.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use super::typed::{ColumnLayout, elements};
use super::{Chunk, Known, Piece, Preread, Projection, ReadOptions, RowNumbers, Source, TakeChunk, Unit, UnitEnd};
use crate::diagnostic::{Code, Fault};
use crate::rows::Origin;
use crate::types::type_name;

/// What reports and faults call it.
const NAME: &str = Origin::MEMORY;

/// A row group of more rows would help nobody.
const UNIT_ROWS_MAX: u64 = 1 << 20;

/// A batch is small if it holds less than the `SMALL`th part of what a chunk may hold.
const SMALL: usize = 8;

/// Batches read as one table.
#[derive(Debug)]
pub(super) struct MemorySource {
    known: Known,
    layout: ColumnLayout,
    batches: Vec<RecordBatch>,
    /// How many rows stand before each batch.
    before: Vec<u64>,
    rows: u64,
    unit_rows: u64,
    batch_rows: usize,
}

impl MemorySource {
    /// The rows of `batches`, whose columns are those of `schema`.
    ///
    /// # Errors
    /// A batch has other columns, or a column is of a kind that cannot be judged.
    pub(super) fn of(schema: &SchemaRef, batches: Vec<RecordBatch>, options: &ReadOptions) -> Result<Self, Fault> {
        let layout = ColumnLayout::of(&[NAME], std::slice::from_ref(schema), options.missing_values.as_ref())?;
        let (mut before, mut rows, mut bytes) = (Vec::with_capacity(batches.len()), 0, 0);
        let every = every(batches.iter().map(RecordBatch::num_rows).sum());
        for (i, batch) in batches.iter().enumerate() {
            fits(schema, batch).map_err(|why| {
                let fault = Fault::new(Code::FilesDiffer, format!("{NAME}: batch {}: {why}", i + 1));
                fault.hint("the batches of one source have the same columns")
            })?;
            before.push(rows);
            bytes += bytes_of_rows(batch, rows as usize, every);
            rows += batch.num_rows() as u64;
        }
        let unit_rows = match u64::try_from(options.cut.unit_bytes as u128 * u128::from(rows) / u128::from(bytes.max(1))) {
            Ok(rows) => rows.clamp(1, UNIT_ROWS_MAX),
            Err(_) => UNIT_ROWS_MAX,
        };
        let mut known = Known::in_memory(layout.schema.clone(), rows, bytes);
        known.starts[0].digest = head_digest(&layout.schema);
        Ok(Self { known, layout, batches, before, rows, unit_rows, batch_rows: options.cut.batch_rows.max(1) })
    }
}

/// Rows of one batch.
struct RowsOfBatch {
    batch: usize,
    from: usize,
    len: usize,
}

impl MemorySource {
    /// The rows from `at` on, before `end`, that make one chunk: as they lie, unless they lie in such small batches that what a
    /// chunk costs would outweigh what copying its rows costs.
    fn pieces(&self, at: u64, end: u64) -> Vec<RowsOfBatch> {
        let most = self.batch_rows.min((end - at) as usize);
        let (mut pieces, mut len) = (Vec::new(), 0);
        let mut batch = self.before.partition_point(|&before| before <= at).saturating_sub(1);
        while len < most && (len == 0 || len < self.batch_rows / SMALL) {
            let from = (at + len as u64 - self.before[batch]) as usize;
            let rows = (self.batches[batch].num_rows() - from).min(most - len);
            if rows > 0 {
                pieces.push(RowsOfBatch { batch, from, len: rows });
            }
            (batch, len) = (batch + 1, len + rows);
        }
        pieces
    }
}

/// Whether the batch has the columns of `schema`, and no null where that promises none.
fn fits(schema: &Schema, batch: &RecordBatch) -> Result<(), String> {
    let there = batch.schema();
    if there.fields().len() != schema.fields().len() {
        return Err(format!("it has {} columns, and the schema {}", there.fields().len(), schema.fields().len()));
    }
    for ((a, b), array) in schema.fields().iter().zip(there.fields()).zip(batch.columns()) {
        if a.name() != b.name() || a.data_type() != b.data_type() {
            let (kind_a, kind_b) = (type_name(a.data_type()), type_name(b.data_type()));
            return Err(format!("it has `{}` {kind_b} where the schema has `{}` {kind_a}", b.name(), a.name()));
        }
        if !a.is_nullable() && array.logical_null_count() > 0 {
            return Err(format!("`{}` has nulls, and the schema says that it has none", a.name()));
        }
    }
    Ok(())
}

/// Of how many rows one is measured, where texts and bytes stand each for itself: to look at every one of many would cost
/// more than some checks.
pub(super) fn every(rows: usize) -> usize {
    if rows > 1 << 16 { 64 } else { 1 }
}

/// What the rows take, whatever the batch holds beside. One of `every` rows is measured; `first` rows stand before the batch, so
/// that the same are, however the rows were cut into batches.
pub(super) fn bytes_of_rows(batch: &RecordBatch, first: usize, every: usize) -> u64 {
    batch.columns().iter().map(|array| bytes_of(array, first, every)).sum()
}

/// What the values take, whatever the batches they came in take beside.
fn bytes_of(array: &ArrayRef, first: usize, every: usize) -> u64 {
    let len = array.len() as u64;
    let text = |start: usize, end: usize| (end - start) as u64 + 4 * len;
    // The lower half of a view is the length.
    let length = |view: &u128| u64::from(*view as u32) + 4;
    let sum = |views: &[u128]| views.iter().skip(first.next_multiple_of(every) - first).step_by(every).map(length).sum::<u64>();
    match array.data_type() {
        _ if array.is_empty() => 0,
        DataType::Utf8 => text(array.as_string::<i32>().value_offsets()[0] as usize, last(array.as_string::<i32>().value_offsets())),
        DataType::Binary => text(array.as_binary::<i32>().value_offsets()[0] as usize, last(array.as_binary::<i32>().value_offsets())),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value_offsets()[0] as usize, last(array.as_string::<i64>().value_offsets())),
        DataType::LargeBinary => text(array.as_binary::<i64>().value_offsets()[0] as usize, last(array.as_binary::<i64>().value_offsets())),
        DataType::Utf8View => sum(array.as_string_view().views()) * every as u64,
        DataType::BinaryView => sum(array.as_binary_view().views()) * every as u64,
        DataType::FixedSizeBinary(width) => *width as u64 * len,
        DataType::Struct(_) => array.as_struct().columns().iter().map(|field| bytes_of(field, first, every)).sum(),
        DataType::List(_) => bytes_of(&elements(array.as_list::<i32>()), 0, 1) + 4 * len,
        DataType::LargeList(_) => bytes_of(&elements(array.as_list::<i64>()), 0, 1) + 4 * len,
        DataType::FixedSizeList(..) => bytes_of(array.as_fixed_size_list().values(), 0, 1),
        plain => plain.primitive_width().unwrap_or(4) as u64 * len,
    }
}

fn last<T: TryInto<usize> + Copy>(offsets: &[T]) -> usize {
    offsets.last().and_then(|&offset| offset.try_into().ok()).unwrap_or(0)
}

/// A digest of the columns' names and types.
pub(super) fn head_digest(schema: &Schema) -> u128 {
    let column = |field: &arrow::datatypes::FieldRef| format!("{}\u{1f}{}\u{1e}", field.name(), type_name(field.data_type()));
    xxh3_128(schema.fields().iter().map(column).collect::<String>().as_bytes())
}

impl Source for MemorySource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// Rows `start..end`, as many as come to about [`super::Cut::unit_bytes`] if all are equally long.
    fn cut(&self, _: u32, start: u64) -> Result<Option<Piece>, Fault> {
        let end = (start + self.unit_rows).min(self.rows);
        let share = |rows: u64| (u128::from(self.known.bytes) * u128::from(rows) / u128::from(self.rows.max(1))) as u64;
        Ok((end > start).then(|| Piece { end, bytes: share(end) - share(start), preread: None }))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let failed = |e| Fault::new(Code::Damaged, format!("{NAME}: {e}"));
        let mut at = unit.start;
        while at < unit.end {
            let pieces = self.pieces(at, unit.end);
            let len: usize = pieces.iter().map(|piece| piece.len).sum();
            let column = |&column: &usize| {
                let parts: Vec<ArrayRef> = pieces.iter().map(|p| self.batches[p.batch].column(column).slice(p.from, p.len)).collect();
                match parts.as_slice() {
                    [whole] => Ok(whole.clone()),
                    parts => concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>()),
                }
            };
            let arrays = projection.columns.iter().map(column).collect::<Result<Vec<_>, _>>().map_err(failed)?;
            let chunk = self.layout.batch(&arrays, len, projection).map_err(failed)?;
            let numbers = RowNumbers::Dense { first: (at - unit.start) as u32, len: len as u32 };
            each(Chunk { batch: chunk, rows: numbers, malformed: Vec::new() })?;
            at += len as u64;
        }
        Ok(UnitEnd { records: (unit.end - unit.start) as u32, ..UnitEnd::default() })
    }

    /// Of the columns and every row's values; how the rows were cut into batches does not matter.
    fn digest(&self) -> Result<u128, Fault> {
        let mut digest = RowDigest::new(&self.known.schema, self.rows);
        self.batches.iter().try_for_each(|batch| digest.update(batch))?;
        Ok(digest.finish())
    }
}

/// A digest of columns and rows.
pub(super) struct RowDigest(Xxh3Default);

impl RowDigest {
    pub(super) fn new(schema: &Schema, rows: u64) -> Self {
        let mut digest = Xxh3Default::new();
        digest.update(&head_digest(schema).to_le_bytes());
        digest.update(&rows.to_le_bytes());
        Self(digest)
    }

    /// Adds the next rows.
    ///
    /// # Errors
    /// A column is of a kind whose values have no order.
    pub(super) fn update(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        const ROWS: usize = 8192;
        let failed = |e| Fault::new(Code::Internal, format!("{NAME}: cannot digest the rows: {e}"));
        if batch.num_columns() == 0 {
            return Ok(());
        }
        let fields = batch.columns().iter().map(|array| SortField::new(array.data_type().clone())).collect();
        let converter = RowConverter::new(fields).map_err(failed)?;
        for start in (0..batch.num_rows()).step_by(ROWS) {
            let slice = batch.slice(start, ROWS.min(batch.num_rows() - start));
            for row in &converter.convert_columns(slice.columns()).map_err(failed)? {
                self.0.update(&(row.as_ref().len() as u64).to_le_bytes());
                self.0.update(row.as_ref());
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> u128 {
        self.0.digest128()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Int64Array, StringArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::{Field, Int32Type};

    use super::*;
    use crate::rows::RowId;
    use crate::source::{Cut, RowOrigins, from_batches};

    fn rows() -> RecordBatch {
        let n: Int64Array = (0..100).map(|i| (i % 7 > 0).then_some(i)).collect();
        let text: StringArray = (0..100).map(|i| (i % 5 > 0).then(|| "é".repeat(i % 9))).collect();
        RecordBatch::try_from_iter_with_nullable([("n", Arc::new(n) as ArrayRef, true), ("text", Arc::new(text), true)]).expect("a batch")
    }

    fn cut_up(batch: &RecordBatch, len: usize) -> Vec<RecordBatch> {
        (0..batch.num_rows()).step_by(len).map(|start| batch.slice(start, len.min(batch.num_rows() - start))).collect()
    }

    fn options(unit_bytes: usize, batch_rows: usize) -> ReadOptions {
        ReadOptions { cut: Cut { unit_bytes, batch_rows }, ..ReadOptions::default() }
    }

    #[test]
    fn units_and_the_digest_do_not_depend_on_the_batches_that_rows_come_in() {
        let all = rows();
        let source = |batches| from_batches(&all.schema(), batches, &options(200, 3)).expect("a source");
        let units = |source: &dyn Source| {
            let mut units = Vec::new();
            while let Some((unit, _)) = source.next_unit(units.last()).expect("a unit") {
                units.push(unit);
            }
            units
        };
        let whole = source(vec![all.clone()]);
        let expected = (units(whole.as_ref()), whole.digest().expect("a digest"));
        assert!(expected.0.len() > 5);
        assert_eq!(expected.0.iter().map(|unit| unit.bytes).sum::<u64>(), whole.known().bytes);
        for len in [1, 7, 64] {
            let mut batches = cut_up(&all, len);
            batches.insert(1, all.slice(0, 0));
            let source = source(batches);
            assert_eq!((units(source.as_ref()), source.digest().expect("a digest")), expected);
            let projection = Projection::new(source.schema(), vec![0, 1]);
            let mut read = Vec::new();
            for unit in &expected.0 {
                let mut next = 0;
                let each = &mut |chunk: Chunk| {
                    assert!(chunk.batch.num_rows() <= 3);
                    assert_eq!(chunk.rows, RowNumbers::Dense { first: next, len: chunk.batch.num_rows() as u32 });
                    next += chunk.batch.num_rows() as u32;
                    read.push(chunk.batch);
                    Ok(())
                };
                assert_eq!(u64::from(source.read(unit, None, &projection, each).expect("reads").records), unit.end - unit.start);
            }
            assert_eq!(concat_batches(&all.schema(), &read).expect("one batch"), all);
        }
        let other = source(vec![all.slice(0, 99)]);
        assert_ne!(other.digest().expect("a digest"), expected.1);
    }

    #[test]
    fn small_batches_come_together_and_large_ones_as_they_lie() {
        let all = rows();
        let chunks = |batches: Vec<RecordBatch>, batch_rows: usize| {
            let source = from_batches(&all.schema(), batches, &options(1 << 20, batch_rows)).expect("a source");
            let (unit, _) = source.next_unit(None).expect("a unit").expect("one");
            let (mut read, projection) = (Vec::new(), Projection::new(source.schema(), vec![0, 1]));
            let each = &mut |chunk: Chunk| {
                read.push(chunk.batch);
                Ok(())
            };
            source.read(&unit, None, &projection, each).expect("reads");
            assert_eq!(concat_batches(&all.schema(), &read).expect("one batch"), all);
            read.iter().map(RecordBatch::num_rows).collect::<Vec<_>>()
        };
        // A chunk holds at least an eighth of what it may hold.
        assert_eq!(chunks(cut_up(&all, 1), 80), vec![10; 10]);
        assert_eq!(chunks(cut_up(&all, 7), 80)[..2], [14, 14]);
        assert_eq!(chunks(cut_up(&all, 10), 80), vec![10; 10]);
        assert_eq!(chunks(cut_up(&all, 64), 40), [40, 24, 36]);
        let whole = from_batches(&all.schema(), vec![all.clone()], &options(1 << 20, 100)).expect("a source");
        let (unit, _) = whole.next_unit(None).expect("a unit").expect("one");
        let each = &mut |chunk: Chunk| {
            let (there, here) = (chunk.batch.column(0).to_data(), all.column(0).to_data());
            assert_eq!(there.buffers()[0].as_ptr(), here.buffers()[0].as_ptr());
            Ok(())
        };
        whole.read(&unit, None, &Projection::new(whole.schema(), vec![0, 1]), each).expect("reads");
    }

    #[test]
    fn a_row_is_named_by_its_index() {
        let source = from_batches(&rows().schema(), cut_up(&rows(), 9), &options(100, 8192)).expect("a source");
        let (mut row_origins, mut previous) = (RowOrigins::default(), None);
        while let Some((unit, _)) = source.next_unit(previous.as_ref()).expect("a unit") {
            let end = UnitEnd { records: (unit.end - unit.start) as u32, ..UnitEnd::default() };
            row_origins.push(unit.clone(), &end, source.known().header_lines(unit.file));
            previous = Some(unit);
        }
        let second = row_origins.unit(1).clone();
        let origin = row_origins.origin(RowId { unit: 1, row: 2 }, &source.known().origins);
        assert_eq!(origin, Origin::Memory { partition: None, index: second.start + 2 });
        let json = serde_json::to_string(&origin).expect("JSON");
        assert_eq!(json, format!("{{\"index\":{}}}", second.start + 2));
        assert_eq!(serde_json::from_str::<Origin>(&json).expect("an origin"), origin);
        assert!(source.known().files().is_empty());
    }

    #[test]
    fn batches_of_other_columns_or_with_nulls_that_nobody_expects_are_refused() {
        let all = rows();
        let refused = |schema: Schema, batch: &RecordBatch| {
            let opened = from_batches(&Arc::new(schema), vec![all.slice(0, 0), batch.clone()], &ReadOptions::default());
            opened.err().map(|fault| fault.what).unwrap_or_default()
        };
        let field = |name: &str, data_type, nullable| Field::new(name, data_type, nullable);
        let text = || field("text", DataType::Utf8, true);
        let what = refused(Schema::new(vec![field("n", DataType::Int64, false), text()]), &all);
        assert_eq!(what, "memory: batch 2: `n` has nulls, and the schema says that it has none");
        let n: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let other = RecordBatch::try_from_iter_with_nullable([("n", n, true), ("text", all.column(1).slice(1, 1), true)]).expect("a batch");
        let what = refused(all.schema().as_ref().clone(), &other);
        assert_eq!(what, "memory: batch 2: it has `n` string where the schema has `n` int64");
        assert_eq!(refused(Schema::new(vec![text()]), &all), "memory: batch 1: it has 2 columns, and the schema 1");
    }

    #[test]
    fn dictionaries_are_the_values_that_they_stand_for() {
        let dictionary: DictionaryArray<Int32Type> = [Some("a"), None, Some("b"), Some("a")].into_iter().collect();
        let plain: StringArray = [Some("a"), None, Some("b"), Some("a")].into_iter().collect();
        let digest = |array: ArrayRef| {
            let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).expect("a batch");
            let source = from_batches(&batch.schema(), vec![batch], &ReadOptions::default()).expect("a source");
            assert_eq!(*source.schema().field(0).data_type(), DataType::Utf8);
            source.digest().expect("a digest")
        };
        assert_eq!(digest(Arc::new(dictionary)), digest(Arc::new(plain)));
    }
}
