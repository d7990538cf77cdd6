//! Parquet files; a row group is a unit.

mod int96;
mod levels;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type;
use xxhash_rust::xxh3::Xxh3Default;

use self::int96::Int96Column;
use self::levels::LeafCounts;
use super::file::cannot_read;
use super::typed::{ColumnLayout, damaged};
use super::{
    Chunk, ContractColumn, Format, InputFile, Known, Piece, Preread, Projection, ReadOptions, RowNumbers, Source, TakeChunk, Unit, UnitEnd,
};
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::metric::{Column, ColumnStatistics, Number};
use crate::remote::Readable;

/// Parquet files read as one table.
#[derive(Debug)]
pub(super) struct ParquetSource {
    known: Known,
    footers: Vec<ArrowReaderMetadata>,
    /// The same footers, for arrays in the form in which the file holds them.
    compact: Vec<ArrowReaderMetadata>,
    int96: Vec<Vec<Int96Column>>,
    layout: ColumnLayout,
    batch_rows: usize,
}

impl ParquetSource {
    /// Opens `files` and reads their footers.
    ///
    /// # Errors
    /// A file is not Parquet, is damaged, or has other columns than the first.
    pub(super) fn open(files: Vec<InputFile>, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Self, Fault> {
        let wanted = |path: &str| contract.iter().find(|c| c.name == path).and_then(|c| c.data_type.clone());
        let mut digest = Xxh3Default::new();
        let mut footers: Vec<ArrowReaderMetadata> = Vec::with_capacity(files.len());
        for file in &files {
            let handle = file.open()?;
            let footer = footer_bytes(&handle, file)?;
            digest.update(&file.bytes.to_le_bytes());
            digest.update(&footer);
            let metadata = footer::load_with(&handle, &wanted).map_err(|e| not_parquet(file, &e))?;
            rows_add_up(file, &metadata)?;
            footers.push(metadata);
        }
        let schemas: Vec<SchemaRef> = footers.iter().map(|f| f.schema().clone()).collect();
        let layout = ColumnLayout::of_files(&files, &schemas, options.missing_values.as_ref())?;
        let compact = footers.iter().map(compact).collect();
        let int96: Vec<Vec<Int96Column>> = footers.iter().map(int96::columns).collect();
        let known = Known {
            rows: Some(footers.iter().map(|footer| footer.metadata().file_metadata().num_rows() as u64).sum()),
            statistics: layout.schema.fields().iter().map(|field| statistics(field, &footers)).collect(),
            footers: Some(digest.digest128()),
            digests_units: false,
            // Whether INT96 fits what it is read as, every run must see.
            judged_columns: int96.iter().flatten().map(|column| column.root).collect(),
            ..Known::of_typed(Format::Parquet, layout.schema.clone(), files)
        };
        Ok(Self { known, footers, compact, int96, layout, batch_rows: options.cut.batch_rows })
    }
}

impl ParquetSource {
    /// The file, to read the columns of a row group from.
    fn open_columns(&self, unit: &Unit, mask: &ProjectionMask) -> Result<Readable, Fault> {
        let (file, footer) = (&self.known.files()[unit.file as usize], &self.footers[unit.file as usize]);
        let group = footer.metadata().row_group(unit.start as usize);
        // A footer that promises chunks beyond the file's end is found out when they are read.
        let range = |leaf: usize| {
            let (start, len) = group.column(leaf).byte_range();
            start.min(file.bytes)..start.saturating_add(len).min(file.bytes)
        };
        let leaves = (0..group.num_columns()).filter(|&leaf| mask.leaf_included(leaf));
        file.open_ranges(|| {
            let ranges = catch_unwind(AssertUnwindSafe(|| leaves.map(range).collect()));
            ranges.map_err(|_| damaged(file, &"a column chunk lies at an impossible place"))
        })
    }

    fn int96_fits(&self, unit: &Unit, projection: &Projection, handle: &Readable) -> Result<(), Fault> {
        let (file, footer) = (&self.known.files()[unit.file as usize], &self.footers[unit.file as usize]);
        for column in self.int96[unit.file as usize].iter().filter(|column| projection.columns.contains(&column.root)) {
            let again = handle.try_clone().map_err(|e| cannot_read(&file.path, &e))?;
            let misread = int96::first_misread(&Arc::new(again), footer, unit.start as usize, column);
            if let Some((row, why)) = misread.map_err(|e| damaged(file, &e))? {
                let before: i64 = footer.metadata().row_groups()[..unit.start as usize].iter().map(|group| group.num_rows()).sum();
                let (name, row) = (footer.parquet_schema().column(column.leaf).path().string(), before as u64 + row + 1);
                let fault = Fault::new(Code::UnsupportedType, format!("{}: `{name}` of row {row} {why}", file.path));
                return Err(fault.hint("INT96 is read as microseconds, or as nanoseconds where the contract says `timestamp(ns)`"));
            }
        }
        Ok(())
    }
}

impl Source for ParquetSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// The row group `start`.
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        let group = self.footers[file as usize].metadata().row_groups().get(start as usize);
        Ok(group.map(|group| Piece { end: start + 1, bytes: group.compressed_size() as u64, preread: None }))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (file, footer) = (&self.known.files()[unit.file as usize], &self.footers[unit.file as usize]);
        file.ensure_unchanged()?;
        let records = footer.metadata().row_group(unit.start as usize).num_rows() as u32;
        let end = UnitEnd { records, ..UnitEnd::default() };
        if projection.columns.is_empty() {
            let batch = self.layout.batch(&[], records as usize, projection).map_err(|e| damaged(file, &e))?;
            each(Chunk { batch, rows: RowNumbers::Dense { first: 0, len: records }, malformed: Vec::new() })?;
            return Ok(end);
        }
        let mask = ProjectionMask::roots(footer.parquet_schema(), projection.columns.iter().copied());
        let handle = self.open_columns(unit, &mask)?;
        let failure = handle.failure();
        // Readers hand on the text of a fault alone.
        let failed = |e: &dyn std::fmt::Display| failure().unwrap_or_else(|| damaged(file, e));
        self.int96_fits(unit, projection, &handle)?;
        let form = if projection.compact { &self.compact[unit.file as usize] } else { footer };
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, form.clone())
            .with_projection(mask)
            .with_row_groups(vec![unit.start as usize])
            .with_batch_size(self.batch_rows)
            .build()
            .map_err(|e| failed(&e))?;
        let (mut first, mut held) = (0, LeafCounts::new(projection.columns.len()));
        for batch in reader {
            let batch = batch.map_err(|e| failed(&e))?;
            let len = batch.num_rows() as u32;
            held.add(batch.columns());
            let batch = self.layout.batch(batch.columns(), len as usize, projection).map_err(|e| damaged(file, &e))?;
            each(Chunk { batch, rows: RowNumbers::Dense { first, len }, malformed: Vec::new() })?;
            first += len;
        }
        if first != records {
            return Err(damaged(file, &format!("a row group promises {records} rows and holds {first}")));
        }
        if let Some(contradiction) = held.contradiction(footer, unit.start as usize, &projection.columns) {
            return Err(damaged(file, &contradiction));
        }
        Ok(end)
    }
}

/// What the footers say of a column, where they are believed.
fn statistics(field: &Field, footers: &[ArrowReaderMetadata]) -> Option<ColumnStatistics> {
    if !levels::is_believed(field.data_type()) {
        return None;
    }
    let (mut rows, mut missing, mut range) = (0, 0, None::<(Number, Number)>);
    for footer in footers {
        let groups = || footer.metadata().row_groups().iter();
        let converter = StatisticsConverter::try_new(field.name(), footer.schema(), footer.parquet_schema()).ok()?;
        let converter = converter.with_missing_null_counts_as_zero(false);
        let nulls = converter.row_group_null_counts(groups()).ok()?;
        let bounds = [converter.row_group_mins(groups()).ok()?, converter.row_group_maxes(groups()).ok()?].map(Column::new);
        let exact = [converter.row_group_is_min_value_exact(groups()).ok()?, converter.row_group_is_max_value_exact(groups()).ok()?];
        for (i, group) in groups().enumerate() {
            let group_rows = group.num_rows() as u64;
            let group_missing = nulls.is_valid(i).then(|| nulls.value(i))?;
            (rows, missing) = (rows + group_rows, missing + group_missing);
            if group_missing == group_rows {
                continue;
            }
            let bound = |which: usize| {
                let is_exact = exact[which].is_valid(i) && exact[which].value(i);
                bounds[which].number(i).filter(|_| is_exact)
            };
            let (low, high) = (bound(0)?, bound(1)?);
            range = Some(range.map_or((low, high), |(min, max)| (min.min(low), max.max(high))));
        }
    }
    Some(ColumnStatistics { rows, missing, range })
}

/// Whether the footer's numbers of rows are such, and those of the row groups come to that of the file.
fn rows_add_up(file: &InputFile, footer: &ArrowReaderMetadata) -> Result<(), Fault> {
    let metadata = footer.metadata();
    let rows = metadata.row_groups().iter().map(|group| u32::try_from(group.num_rows()).ok().map(i64::from));
    let (rows, said) = (rows.sum::<Option<i64>>(), metadata.file_metadata().num_rows());
    match rows {
        Some(rows) if rows == said => Ok(()),
        Some(rows) => Err(damaged(file, &format!("it promises {said} rows, and its row groups {rows}"))),
        None => Err(damaged(file, &"a row group of an impossible number of rows")),
    }
}

/// Reads text that repeats itself as codes into a dictionary, and decimals that fit 64 bits in 64 bits.
fn compact(footer: &ArrowReaderMetadata) -> ArrowReaderMetadata {
    /// Bytes a value, on average: text that is stored in less repeats itself.
    const REPEATS: i64 = 3;
    let metadata = footer.metadata();
    let is_flat = |i: usize| footer.parquet_schema().root_schema().get_fields()[i].is_primitive();
    let leaf_of =
        |i: usize| (0..footer.parquet_schema().num_columns()).find(|&leaf| footer.parquet_schema().get_column_root_idx(leaf) == i);
    let repeats = |leaf: usize| {
        let chunks = metadata.row_groups().iter().map(|group| group.column(leaf));
        chunks.into_iter().all(|c| c.dictionary_page_offset().is_some() && c.uncompressed_size() < REPEATS * c.num_values())
    };
    let field = |(i, field): (usize, &Arc<Field>)| {
        let data_type = match (field.data_type(), leaf_of(i).filter(|_| is_flat(i))) {
            (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, Some(leaf)) if repeats(leaf) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            (DataType::Decimal128(p, s), Some(leaf))
                if metadata.file_metadata().schema_descr().column(leaf).physical_type() == Type::INT64 =>
            {
                DataType::Decimal64(*p, *s)
            }
            (plain, _) => plain.clone(),
        };
        Field::new(field.name(), data_type, field.is_nullable())
    };
    let hint = Arc::new(Schema::new(footer.schema().fields().iter().enumerate().map(field).collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(hint);
    ArrowReaderMetadata::try_new(metadata.clone(), options).unwrap_or_else(|_| footer.clone())
}

fn footer_bytes(handle: &Readable, file: &InputFile) -> Result<Bytes, Fault> {
    let not = |why: &str| not_parquet(file, &why);
    if file.bytes < 12 {
        return Err(not("it is too short to hold a footer"));
    }
    let part = |start: u64, len: u64| handle.part(start, len as usize).map_err(|e| cannot_read(&file.path, &e));
    let tail = part(file.bytes - 8, 8)?;
    let len = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if &tail[4..] != b"PAR1" || len + 8 > file.bytes {
        return Err(not("its end is not a Parquet footer"));
    }
    part(file.bytes - 8 - len, len)
}

fn not_parquet(file: &InputFile, why: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Damaged, format!("{}: not a Parquet file: {why}", file.path)).hint("it may be cut short, or of another format")
}
