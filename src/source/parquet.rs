//! Parquet files; a row group is a unit.

mod depth;
mod int96;
mod levels;
mod statistics;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type;
use xxhash_rust::xxh3::Xxh3Default;

use self::int96::Int96Column;
use self::levels::LeafCounts;
pub(super) use self::statistics::{FooterStatistics, Statistics};
use super::file::cannot_read;
use super::typed::{ColumnLayout, damaged, decoded, too_deep};
use super::{
    Chunk, ContractColumn, Format, InputFile, Known, Piece, Preread, Projection, ReadOptions, RowNumbers, Source, TakeChunk, Unit, UnitEnd,
};
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::remote::Readable;
use crate::types::places;

/// Parquet files read as one table.
#[derive(Debug)]
pub(super) struct ParquetSource {
    known: Known,
    files: Vec<OpenedFile>,
    layout: ColumnLayout,
    batch_rows: usize,
}

/// A file whose footer was read.
#[derive(Debug)]
pub(super) struct OpenedFile {
    pub(super) footer: ArrowReaderMetadata,
    /// The same footer, for arrays in the form in which the file holds them.
    compact: ArrowReaderMetadata,
    int96: Vec<Int96Column>,
}

/// Takes arrays of a row group, by column that was asked for, and how many rows they have.
pub(super) type TakeArrays<'a> = dyn FnMut(&[ArrayRef], u32) -> Result<(), Fault> + 'a;

impl OpenedFile {
    /// Opens `file`, whose footer goes into `digest`; `wanted` gives the type that the contract has for the column of a path.
    ///
    /// # Errors
    /// It is not Parquet, or damaged.
    pub(super) fn open(file: &InputFile, wanted: &dyn Fn(&str) -> Option<DataType>, digest: &mut Xxh3Default) -> Result<Self, Fault> {
        let handle = file.open()?;
        let footer = footer_bytes(&handle, file)?;
        digest.update(&file.bytes.to_le_bytes());
        digest.update(&footer);
        if depth::is_too_deep(&footer) {
            return Err(too_deep(file));
        }
        let footer = footer::load_with(&handle, wanted).map_err(|e| not_parquet(file, &e))?;
        rows_add_up(file, &footer)?;
        Ok(Self { compact: compact(&footer), int96: int96::columns(&footer), footer })
    }

    pub(super) fn rows(&self) -> u64 {
        self.footer.metadata().file_metadata().num_rows() as u64
    }

    /// The row groups that end before `group` have so many rows.
    pub(super) fn rows_before(&self, group: u64) -> u64 {
        self.footer.metadata().row_groups()[..group as usize].iter().map(|group| group.num_rows() as u64).sum()
    }

    pub(super) fn group_rows(&self, group: u64) -> u32 {
        self.footer.metadata().row_group(group as usize).num_rows() as u32
    }

    /// The row group `start` as a unit.
    pub(super) fn cut(&self, start: u64) -> Option<Piece> {
        let group = self.footer.metadata().row_groups().get(start as usize);
        group.map(|group| Piece { end: start + 1, bytes: group.compressed_size() as u64, preread: None })
    }

    /// Columns of which INT96 is a part: whether it fits what it is read as, every run must see.
    pub(super) fn judged_columns(&self) -> impl Iterator<Item = usize> {
        self.int96.iter().map(|column| column.root)
    }

    /// Reads the columns `roots`, at least one and ascending, of a row group, at most `batch_rows` rows at a time. Arrays may
    /// come in the form in which the file holds them, if `is_compact`.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or `each` fails.
    pub(super) fn read(
        &self,
        file: &InputFile,
        group: u64,
        (roots, is_compact, batch_rows): (&[usize], bool, usize),
        each: &mut TakeArrays<'_>,
    ) -> Result<(), Fault> {
        let records = self.group_rows(group);
        let mask = ProjectionMask::roots(self.footer.parquet_schema(), roots.iter().copied());
        let handle = self.open_columns(file, group, &mask)?;
        let failure = handle.failure();
        // Readers hand on the text of a fault alone.
        let failed = |e: &dyn std::fmt::Display| failure().unwrap_or_else(|| damaged(file, e));
        self.int96_fits(file, group, roots, &handle)?;
        let form = if is_compact { &self.compact } else { &self.footer };
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, form.clone())
            .with_projection(mask)
            .with_row_groups(vec![group as usize])
            .with_batch_size(batch_rows);
        let mut reader = decoded(file, || builder.build())?.map_err(|e| failed(&e))?;
        let (mut first, mut held) = (0, LeafCounts::new(roots.len()));
        while let Some(batch) = decoded(file, || reader.next())? {
            let batch = batch.map_err(|e| failed(&e))?;
            held.add(batch.columns());
            let len = batch.num_rows() as u32;
            each(batch.columns(), len)?;
            first += len;
        }
        if first != records {
            return Err(damaged(file, &format!("a row group promises {records} rows and holds {first}")));
        }
        if let Some(contradiction) = held.contradiction(&self.footer, group as usize, roots) {
            return Err(damaged(file, &contradiction));
        }
        Ok(())
    }

    /// The file, to read columns of a row group from.
    fn open_columns(&self, file: &InputFile, group: u64, mask: &ProjectionMask) -> Result<Readable, Fault> {
        let group = self.footer.metadata().row_group(group as usize);
        // A footer that promises chunks beyond the file's end is found out when they are read.
        let range = |leaf: usize| {
            let (start, len) = group.column(leaf).byte_range();
            start.min(file.bytes)..start.saturating_add(len).min(file.bytes)
        };
        file.open_ranges(|| {
            let leaves = (0..group.num_columns()).filter(|&leaf| mask.leaf_included(leaf));
            let ranges = catch_unwind(AssertUnwindSafe(|| leaves.map(range).collect()));
            ranges.map_err(|_| damaged(file, &"a column chunk lies at an impossible place"))
        })
    }

    fn int96_fits(&self, file: &InputFile, group: u64, roots: &[usize], handle: &Readable) -> Result<(), Fault> {
        for column in self.int96.iter().filter(|column| roots.contains(&column.root)) {
            let again = handle.try_clone().map_err(|e| cannot_read(&file.path, &e))?;
            let misread = int96::first_misread(&Arc::new(again), &self.footer, group as usize, column);
            if let Some((row, why)) = misread.map_err(|e| damaged(file, &e))? {
                let name = self.footer.parquet_schema().column(column.leaf).path().string();
                let row = self.rows_before(group) + row + 1;
                let fault = Fault::new(Code::UnsupportedType, format!("{}: `{name}` of row {row} {why}", file.path));
                return Err(fault.hint("INT96 is read as microseconds, or as nanoseconds where the contract says `timestamp(ns)`"));
            }
        }
        Ok(())
    }
}

impl ParquetSource {
    /// Opens `files` and reads their footers.
    ///
    /// # Errors
    /// A file is not Parquet, is damaged, or has other columns than the first.
    pub(super) fn open(files: Vec<InputFile>, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Self, Fault> {
        let wanted = |path: &str| contract.iter().find(|c| c.name == path).and_then(|c| c.data_type.clone());
        let mut digest = Xxh3Default::new();
        let opened: Vec<OpenedFile> = files.iter().map(|file| OpenedFile::open(file, &wanted, &mut digest)).collect::<Result<_, _>>()?;
        let schemas: Vec<SchemaRef> = opened.iter().map(|file| file.footer.schema().clone()).collect();
        let layout = ColumnLayout::of_files(&files, &schemas, options.missing_values.as_ref())?;
        let footers: Vec<(FooterStatistics<'_>, HashMap<&str, usize>)> =
            opened.iter().map(|file| (FooterStatistics::of(&file.footer), places(file.footer.schema()))).collect();
        let of_column = |field: &Arc<Field>| {
            let files = footers.iter().map(|(footer, places)| footer.column(*places.get(field.name().as_str())?, field.data_type()));
            files.sum::<Option<Statistics>>().map(Into::into)
        };
        let known = Known {
            rows: Some(opened.iter().map(OpenedFile::rows).sum()),
            statistics: layout.schema.fields().iter().map(of_column).collect(),
            footers: Some(digest.digest128()),
            digests_units: false,
            judged_columns: opened.iter().flat_map(OpenedFile::judged_columns).collect(),
            ..Known::of_typed(Format::Parquet, layout.schema.clone(), files)
        };
        Ok(Self { known, files: opened, layout, batch_rows: options.cut.batch_rows })
    }
}

impl Source for ParquetSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// The row group `start`.
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        Ok(self.files[file as usize].cut(start))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (file, opened) = (&self.known.files()[unit.file as usize], &self.files[unit.file as usize]);
        file.ensure_unchanged()?;
        let records = opened.group_rows(unit.start);
        let end = UnitEnd { records, ..UnitEnd::default() };
        let mut chunk = |arrays: &[ArrayRef], first: u32, len: u32| {
            let batch = self.layout.batch(arrays, len as usize, projection).map_err(|e| damaged(file, &e))?;
            each(Chunk { batch, rows: RowNumbers::Dense { first, len }, malformed: Vec::new() })
        };
        if projection.columns.is_empty() {
            chunk(&[], 0, records)?;
            return Ok(end);
        }
        let mut first = 0;
        opened.read(file, unit.start, (&projection.columns, projection.compact, self.batch_rows), &mut |arrays, len| {
            chunk(arrays, first, len)?;
            first += len;
            Ok(())
        })?;
        Ok(end)
    }
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
    let leaves = footer::leaves(footer);
    let leaf_of = |i: usize| leaves[i];
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
