//! Rows to encoded row groups, on any thread.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;

use super::conform::conform;
use crate::diagnostic::{Code, Fault};
use crate::store::encoded::{Encoded, Encoder, UnitEncoder};

/// Encodes row groups; shared between threads.
#[derive(Clone)]
pub(in crate::store) struct GroupsEncoder {
    factory: Arc<ArrowRowGroupWriterFactory>,
    schema: SchemaRef,
}

/// A row group, encoded and compressed.
pub(in crate::store) struct EncodedGroup {
    pub columns: Vec<ArrowColumnChunk>,
    pub rows: u64,
}

impl GroupsEncoder {
    pub(super) fn new(factory: ArrowRowGroupWriterFactory, schema: SchemaRef) -> Self {
        Self { factory: Arc::new(factory), schema }
    }

    /// Begins a row group.
    ///
    /// # Errors
    /// A type cannot be written as Parquet.
    pub(crate) fn group(&self) -> Result<GroupEncoder, Fault> {
        let columns = self.factory.create_column_writers(0).map_err(cannot_encode)?;
        Ok(GroupEncoder { columns, schema: self.schema.clone(), rows: 0 })
    }
}

impl Encoder for GroupsEncoder {
    fn begin(&self) -> Result<Box<dyn UnitEncoder>, Fault> {
        Ok(Box::new(self.group()?))
    }
}

/// A row group being encoded: it holds encoded pages, not the rows.
pub(in crate::store) struct GroupEncoder {
    columns: Vec<ArrowColumnWriter>,
    schema: SchemaRef,
    rows: u64,
}

impl GroupEncoder {
    /// Adds rows.
    ///
    /// # Errors
    /// A value cannot be written as Parquet.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        let mut columns = self.columns.iter_mut();
        for (field, array) in self.schema.fields().iter().zip(batch.columns()) {
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
        let columns = self.columns.into_iter().map(ArrowColumnWriter::close).collect::<Result<_, _>>();
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
