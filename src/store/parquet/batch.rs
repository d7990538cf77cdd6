//! A published batch's own file.

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use super::metadata::{footer_digest, is_partial, replays_in};
use super::staged::milliseconds;
use crate::diagnostic::{Code, Fault};
use crate::remote::Readable;
use crate::store::interface::BatchRows;
use crate::store::location::Location;
use crate::store::summaries::LiveFile;

/// The file that holds the published rows of one batch, and no others.
pub(in crate::store) struct BatchFile {
    pub file: Location,
    /// The batch's id.
    pub batch: String,
    /// Which rows these are, and when they were published; none where that is not known, or they are not all of the batch.
    pub content: Option<(String, i64)>,
}

impl BatchFile {
    /// One that nothing but a gate takes rows out of, or away.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::store) fn whole(file: Location, batch: &str) -> Result<Self, Fault> {
        let content = live_file(&file, batch)?.and_then(|live| live.content.zip(Some(live.since)));
        Ok(Self { file, batch: batch.to_owned(), content })
    }

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

    fn content(&self) -> Result<Option<(String, i64)>, Fault> {
        Ok(self.content.clone())
    }

    fn count(&self) -> Result<Option<u64>, Fault> {
        let reader = SerializedFileReader::new(self.open()?).map_err(|e| self.cannot_read(&e))?;
        Ok(u64::try_from(reader.metadata().file_metadata().num_rows()).ok())
    }

    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + '_>, Fault> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(self.open()?).and_then(|builder| builder.build());
        let reader = reader.map_err(|e| self.cannot_read(&e))?;
        Ok(Box::new(reader.map(|batch| batch.map_err(|e| self.cannot_read(&e)))))
    }
}

/// What stands at `file`, where the batch `batch_id` goes by the file's name; none if nothing is there.
///
/// # Errors
/// It cannot be read.
pub(in crate::store) fn live_file(file: &Location, batch_id: &str) -> Result<Option<LiveFile>, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{file}: cannot read: {e}"));
    let Some(there) = file.open().map_err(|e| failed(&e))? else { return Ok(None) };
    let since = file.local().map_or(Ok(0), milliseconds).map_err(|e| failed(&e))?;
    // What is no Parquet file holds rows that nobody can read; whoever lists the batches hears of it.
    let content = footer_digest(&there).ok();
    Ok(Some(LiveFile { batch_id: Some(batch_id.to_owned()), content, since, name: file.name().to_owned() }))
}
