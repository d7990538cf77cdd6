//! A published batch's own file.

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::metadata::{is_partial, replays_in};
use crate::diagnostic::{Code, Fault};
use crate::store::interface::BatchRows;
use crate::store::location::{Location, Readable};

/// The file that holds the published rows of one batch, and no others.
pub(in crate::store) struct BatchFile {
    pub file: Location,
    /// The batch's id.
    pub batch: String,
}

impl BatchFile {
    pub(super) fn open(&self) -> Result<Readable, Fault> {
        let opened = self.file.open().map_err(|e| self.cannot_read(&e))?;
        opened.ok_or_else(|| self.cannot_read(&"it went away meanwhile"))
    }

    pub(super) fn cannot_read(&self, error: &dyn std::fmt::Display) -> Fault {
        Fault::new(Code::Unreadable, format!("{}: cannot read: {error}", self.file))
    }
}

impl BatchRows for BatchFile {
    fn replays(&self) -> Result<Vec<String>, Fault> {
        replays_in(&self.file)
    }

    fn is_partial(&self) -> Result<bool, Fault> {
        is_partial(&self.file)
    }

    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + '_>, Fault> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(self.open()?).and_then(|builder| builder.build());
        let reader = reader.map_err(|e| self.cannot_read(&e))?;
        Ok(Box::new(reader.map(|batch| batch.map_err(|e| self.cannot_read(&e)))))
    }
}
