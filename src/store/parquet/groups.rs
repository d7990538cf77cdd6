//! Rows to encoded row groups, on any thread.

use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesBuilder;

use super::conform::conform;
use crate::diagnostic::{Code, Fault};
use crate::store::encoded::{Encoded, Encoder, UnitEncoder};

/// Whether there are so many columns that what each needs before its first value, 70 kB for a dictionary and 100 kB for zstd, would
/// be more than the values.
pub(crate) fn is_wide(schema: &Schema) -> bool {
    const COLUMNS_MAX: usize = 1_000;
    schema.flattened_fields().len() > COLUMNS_MAX
}

/// Fewer rows at a time than this are few.
const ROWS_MIN: usize = 4_096;

/// Encodes row groups; shared between threads.
#[derive(Clone)]
pub(in crate::store) struct GroupsEncoder {
    factory: Arc<ArrowRowGroupWriterFactory>,
    /// For few rows of very many columns.
    of_few_rows: Option<Arc<ArrowRowGroupWriterFactory>>,
    schema: SchemaRef,
}

/// A row group, encoded and compressed.
pub(in crate::store) struct EncodedGroup {
    pub columns: Vec<ArrowColumnChunk>,
    pub rows: u64,
}

impl GroupsEncoder {
    /// An encoder of row groups with the `properties` of the file for which `factory` makes writers.
    ///
    /// # Errors
    /// A type cannot be written as Parquet.
    pub(super) fn new(
        factory: ArrowRowGroupWriterFactory,
        schema: SchemaRef,
        properties: WriterPropertiesBuilder,
    ) -> Result<Self, ParquetError> {
        let of_few_rows = is_wide(&schema).then(|| {
            let lighter = properties.set_dictionary_enabled(false).set_compression(Compression::SNAPPY).build();
            let (_, factory) = ArrowWriter::try_new(io::sink(), schema.clone(), Some(lighter))?.into_serialized_writer()?;
            Ok::<_, ParquetError>(Arc::new(factory))
        });
        Ok(Self { factory: Arc::new(factory), of_few_rows: of_few_rows.transpose()?, schema })
    }

    /// Begins a row group.
    pub(crate) fn group(&self) -> GroupEncoder {
        GroupEncoder { encoder: self.clone(), columns: Vec::new(), rows: 0 }
    }

    /// Writers of the columns of a row group whose first rows are so many.
    fn columns(&self, rows: usize) -> Result<Vec<ArrowColumnWriter>, Fault> {
        let factory = self.of_few_rows.as_ref().filter(|_| rows < ROWS_MIN).unwrap_or(&self.factory);
        factory.create_column_writers(0).map_err(cannot_encode)
    }
}

impl Encoder for GroupsEncoder {
    fn begin(&self) -> Result<Box<dyn UnitEncoder>, Fault> {
        Ok(Box::new(self.group()))
    }
}

/// A row group being encoded: it holds encoded pages, not the rows.
pub(in crate::store) struct GroupEncoder {
    encoder: GroupsEncoder,
    /// None before the first rows.
    columns: Vec<ArrowColumnWriter>,
    rows: u64,
}

impl GroupEncoder {
    /// Adds rows.
    ///
    /// # Errors
    /// A value cannot be written as Parquet.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        if self.columns.is_empty() {
            self.columns = self.encoder.columns(batch.num_rows())?;
        }
        let mut columns = self.columns.iter_mut();
        for (field, array) in self.encoder.schema.fields().iter().zip(batch.columns()) {
            let array = &conform(array, field)?;
            for leaf in compute_leaves(field, array).map_err(cannot_encode)? {
                if let Some(column) = columns.next() {
                    column.write(&leaf).map_err(cannot_encode)?;
                }
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Rows in it.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(ArrowColumnWriter::memory_size).sum()
    }

    /// Ends the row group.
    ///
    /// # Errors
    /// The last pages cannot be compressed.
    pub(crate) fn end(self) -> Result<EncodedGroup, Fault> {
        let columns = if self.rows == 0 { self.encoder.columns(0)? } else { self.columns };
        let columns = columns.into_iter().map(ArrowColumnWriter::close).collect::<Result<_, _>>();
        Ok(EncodedGroup { columns: columns.map_err(cannot_encode)?, rows: self.rows })
    }
}

impl UnitEncoder for GroupEncoder {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        self.add(rows)
    }

    fn close(self: Box<Self>) -> Result<Encoded, Fault> {
        self.end().map(Encoded::new)
    }
}

fn cannot_encode(error: ParquetError) -> Fault {
    Fault::new(Code::Internal, format!("cannot encode as Parquet: {error}"))
}
