//! Parquet files; a row group is a unit.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use xxhash_rust::xxh3::Xxh3Default;

use super::location::cannot_read;
use super::{Chunk, Format, InputFile, Preread, Projection, ReadOptions, RowNumbers, Source, Unit, UnitEnd};
use crate::diagnostic::Fault;

/// Parquet files read as one table.
#[derive(Debug)]
pub struct ParquetSource {
    files: Vec<InputFile>,
    footers: Vec<ArrowReaderMetadata>,
    schema: SchemaRef,
    /// Tokens of string columns that mean missing.
    missing: Vec<String>,
    fingerprint: u128,
    batch_rows: usize,
}

impl ParquetSource {
    /// Opens `files` and reads their footers.
    ///
    /// # Errors
    /// A file is not Parquet, is damaged, or has other columns than the first.
    pub fn open(files: Vec<InputFile>, options: &ReadOptions) -> Result<Self, Fault> {
        let mut digest = Xxh3Default::new();
        let mut footers: Vec<ArrowReaderMetadata> = Vec::with_capacity(files.len());
        for file in &files {
            let handle = File::open(&file.path).map_err(|e| cannot_read(&file.path, &e))?;
            let footer = footer_bytes(&handle, file)?;
            digest.update(&file.bytes.to_le_bytes());
            digest.update(&footer);
            let metadata = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::new()).map_err(|e| not_parquet(file, &e))?;
            if let Some(first) = footers.first() {
                same_columns(&files[0], first.schema(), file, metadata.schema())?;
            }
            footers.push(metadata);
        }
        let schema = match footers.first() {
            Some(first) => without_metadata(first.schema()),
            None => Schema::empty(),
        };
        let mut names: Vec<&String> = schema.fields().iter().map(|f| f.name()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
            return Err(Fault::new(format!("{}: two columns are called `{}`", files[0].path, twice[0]))
                .hint("every column needs a name of its own"));
        }
        let somewhere_null = |i: usize| footers.iter().any(|f| f.schema().field(i).is_nullable());
        let missing = options.missing_values.clone().unwrap_or_default();
        // A token read as missing makes a null where the file promises none.
        let nullable = |(i, f): (usize, &Arc<Field>)| f.as_ref().clone().with_nullable(somewhere_null(i) || !missing.is_empty());
        let schema = Arc::new(Schema::new(schema.fields().iter().enumerate().map(nullable).collect::<Vec<_>>()));
        Ok(Self { files, footers, schema, missing, fingerprint: digest.digest128(), batch_rows: options.cut.batch_rows })
    }

    /// String values that are a missing token become null.
    fn tokens_to_null(&self, array: &ArrayRef) -> Result<ArrayRef, arrow::error::ArrowError> {
        if self.missing.is_empty() || !matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            return Ok(array.clone());
        }
        let is_token = |text: Option<&str>| Some(text.is_some_and(|t| self.missing.iter().any(|m| m == t)));
        let tokens: BooleanArray = match array.data_type() {
            DataType::Utf8View => array.as_string_view().iter().map(is_token).collect(),
            DataType::LargeUtf8 => array.as_string::<i64>().iter().map(is_token).collect(),
            _ => array.as_string::<i32>().iter().map(is_token).collect(),
        };
        if tokens.true_count() == 0 { Ok(array.clone()) } else { arrow::compute::nullif(array, &tokens) }
    }
}

impl Source for ParquetSource {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn files(&self) -> &[InputFile] {
        &self.files
    }

    fn format(&self) -> Format {
        Format::Parquet
    }

    fn next_unit(&self, previous: Option<&Unit>) -> Result<Option<(Unit, Preread)>, Fault> {
        let (index, mut file, mut group) = match previous {
            Some(unit) => (unit.index + 1, unit.file as usize, unit.start + 1),
            None => (0, 0, 0),
        };
        while let Some(footer) = self.footers.get(file) {
            if (group as usize) < footer.metadata().num_row_groups() {
                let unit = Unit { index, file: file as u32, start: group, end: group + 1 };
                return Ok(Some((unit, None)));
            }
            file += 1;
            group = 0;
        }
        Ok(None)
    }

    fn read(
        &self,
        unit: &Unit,
        _: Preread,
        projection: &Projection,
        each: &mut dyn FnMut(Chunk) -> Result<(), Fault>,
    ) -> Result<UnitEnd, Fault> {
        let (file, footer) = (&self.files[unit.file as usize], &self.footers[unit.file as usize]);
        file.ensure_unchanged()?;
        let records = footer.metadata().row_group(unit.start as usize).num_rows() as u32;
        let end = UnitEnd { records, ..UnitEnd::default() };
        if projection.columns.is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(records as usize));
            let batch =
                RecordBatch::try_new_with_options(projection.schema.clone(), Vec::new(), &options).map_err(|e| damaged(file, &e))?;
            each(Chunk { batch, rows: RowNumbers::Dense { first: 0, len: records }, malformed: Vec::new() })?;
            return Ok(end);
        }
        let handle = File::open(&file.path).map_err(|e| cannot_read(&file.path, &e))?;
        let mask = ProjectionMask::roots(footer.parquet_schema(), projection.columns.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, footer.clone())
            .with_projection(mask)
            .with_row_groups(vec![unit.start as usize])
            .with_batch_size(self.batch_rows)
            .build()
            .map_err(|e| damaged(file, &e))?;
        let mut first = 0;
        for batch in reader {
            let batch = batch.map_err(|e| damaged(file, &e))?;
            let len = batch.num_rows() as u32;
            let columns = batch.columns().iter().map(|c| self.tokens_to_null(c)).collect::<Result<Vec<_>, _>>();
            let batch =
                columns.and_then(|columns| RecordBatch::try_new(projection.schema.clone(), columns)).map_err(|e| damaged(file, &e))?;
            each(Chunk { batch, rows: RowNumbers::Dense { first, len }, malformed: Vec::new() })?;
            first += len;
        }
        if first != records {
            return Err(damaged(file, &format!("a row group promises {records} rows and holds {first}")));
        }
        Ok(end)
    }

    fn unit_bytes(&self, unit: &Unit) -> u64 {
        self.footers[unit.file as usize].metadata().row_group(unit.start as usize).compressed_size() as u64
    }

    fn fingerprint(&self) -> Option<u128> {
        Some(self.fingerprint)
    }

    fn retyped(&self, _: &[crate::types::TypeEvidence]) -> Result<Option<Arc<dyn Source>>, Fault> {
        Ok(None)
    }
}

fn footer_bytes(handle: &File, file: &InputFile) -> Result<Vec<u8>, Fault> {
    let not = |why: &str| not_parquet(file, &why);
    if file.bytes < 12 {
        return Err(not("it is too short to hold a footer"));
    }
    let mut tail = [0; 8];
    handle.read_exact_at(&mut tail, file.bytes - 8).map_err(|e| cannot_read(&file.path, &e))?;
    let len = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if &tail[4..] != b"PAR1" || len + 8 > file.bytes {
        return Err(not("its end is not a Parquet footer"));
    }
    let mut footer = vec![0; len as usize];
    handle.read_exact_at(&mut footer, file.bytes - 8 - len).map_err(|e| cannot_read(&file.path, &e))?;
    Ok(footer)
}

fn not_parquet(file: &InputFile, why: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("{}: not a Parquet file: {why}", file.path)).hint("it may be cut short, or of another format")
}

fn damaged(file: &InputFile, why: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("{}: damaged: {why}", file.path))
}

/// The schema without the writer's metadata, which is no part of a column's type.
fn without_metadata(schema: &Schema) -> Schema {
    let field = |f: &Arc<Field>| Field::new(f.name(), f.data_type().clone(), f.is_nullable());
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

fn same_columns(first: &InputFile, expected: &Schema, file: &InputFile, found: &Schema) -> Result<(), Fault> {
    let (expected, found) = (without_metadata(expected), without_metadata(found));
    let differs = |what: String| Err(Fault::new(what).hint("the files of one batch have the same columns"));
    for (a, b) in expected.fields().iter().zip(found.fields()) {
        if a.name() != b.name() || a.data_type() != b.data_type() {
            let kind = |f: &Field| format!("`{}` {}", f.name(), crate::types::type_name(f.data_type()));
            return differs(format!("{} has {} where {} has {}", file.path, kind(b), first.path, kind(a)));
        }
    }
    if expected.fields().len() != found.fields().len() {
        return differs(format!("{} has {} columns and {} has {}", file.path, found.fields().len(), first.path, expected.fields().len()));
    }
    Ok(())
}
