//! Rows that another program holds, or makes while they are read.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;

use crate::diagnostic::{Code, Fault};
use crate::source::{self, ReadOptions, Source, Spool};

/// Rows as Arrow batches.
pub enum Rows {
    /// Held by whoever hands them over: they are not copied.
    Held { schema: SchemaRef, batches: Vec<RecordBatch> },
    /// Made one batch after the other, once.
    Streamed(Mutex<Option<Box<dyn RecordBatchReader + Send>>>),
}

impl Rows {
    /// Rows that come once.
    pub fn streamed(reader: Box<dyn RecordBatchReader + Send>) -> Self {
        Self::Streamed(Mutex::new(Some(reader)))
    }

    /// The rows as data. Of a stream, what `memory` bytes do not hold goes to `spool`, since rules may look at rows twice.
    ///
    /// # Errors
    /// The stream fails, was read before, or rows have columns that cannot be judged.
    pub(in crate::cli) fn open(&self, options: &ReadOptions, spool: &Spool, memory: u64) -> Result<Arc<dyn Source>, Fault> {
        match self {
            Self::Held { schema, batches } => source::from_batches(schema, batches.clone(), options),
            Self::Streamed(reader) => {
                let reader = reader.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(reader) = reader else {
                    return Err(Fault::new(Code::Unreadable, "the stream of rows was read before"));
                };
                source::from_stream(reader, options, spool, memory)
            }
        }
    }
}
