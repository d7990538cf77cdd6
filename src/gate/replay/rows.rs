//! Rows on their way to being judged again: out of parts and published files, into files of the source's columns.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::diagnostic::Fault;
use crate::files::{self, Access};
use crate::quarantine::REASON;
use crate::store::{Location, Readable};

/// Which rows of a part were read as they stood; the values of others are not what the source said.
pub(super) fn readable(batch: &RecordBatch) -> BooleanArray {
    let reasons = batch.column_by_name(REASON);
    (0..batch.num_rows()).map(|row| Some(reasons.is_none_or(|r| r.is_null(row)))).collect()
}

pub(super) fn opened(file: &Location) -> Result<Readable, Fault> {
    let opened = file.open().map_err(|e| cannot_read(file, &e))?;
    opened.ok_or_else(|| cannot_read(file, &"it went away meanwhile"))
}

pub(super) fn read(file: &Location) -> Result<impl Iterator<Item = Result<RecordBatch, Fault>> + use<'_>, Fault> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened(file)?).and_then(|builder| builder.build());
    Ok(reader.map_err(|e| cannot_read(file, &e))?.map(|batch| batch.map_err(|e| cannot_read(file, &e))))
}

/// The columns of `schema`, of its types.
pub(super) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Fault> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let column = |field: &FieldRef| {
        let Some(array) = batch.column_by_name(field.name()) else {
            let fault = Fault::new(format!("the published rows have no column `{}`", field.name()));
            return Err(fault.hint("gate the batch again with `--supersede`"));
        };
        cast_with_options(array, field.data_type(), &options).map_err(|e| cannot(&e))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema.clone(), columns).map_err(|e| cannot(&e))
}

/// A file of rows to be judged.
pub(super) struct Scratch {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
}

impl Scratch {
    pub fn new(path: &Path, schema: &SchemaRef) -> Result<Self, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::new(format!("{}: cannot write: {e}", path.display()));
        let file = files::create(path, Access::Private).map_err(|e| failed(&e))?;
        Ok(Self { writer: ArrowWriter::try_new(file, schema.clone(), None).map_err(|e| failed(&e))?, schema: schema.clone() })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        self.writer.write(&conform(batch, &self.schema)?).map_err(|e| cannot(&e))
    }

    pub fn close(self) -> Result<(), Fault> {
        self.writer.close().map(|_| ()).map_err(|e| cannot(&e))
    }
}

pub(super) fn cannot(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("cannot judge rows again: {error}"))
}

pub(super) fn cannot_read(file: &Location, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("{file}: cannot read: {error}"))
}
