//! A published batch's own files.

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use super::constants::Constants;
use super::contents::Span;
use super::metadata::{footer_digest, is_partial, replays_in};
use super::staged::milliseconds;
use crate::diagnostic::{Code, Fault};
use crate::remote::Readable;
use crate::store::interface::BatchRows;
use crate::store::location::Location;
use crate::store::summaries::LiveFile;

/// The files that hold the published rows of one batch: one as a rule, several in a partitioned table.
pub(in crate::store) struct BatchFile {
    pub pieces: Vec<BatchPiece>,
    /// The batch's id.
    pub batch: String,
    /// Which rows these are, and when they were published; none where that is not known, or they are not all of the batch.
    pub content: Option<(String, i64)>,
    /// Whether files of it are gone.
    pub lacks_files: bool,
}

/// A file that holds rows of one batch, or a part of one.
pub(in crate::store) struct BatchPiece {
    pub file: Location,
    pub constants: Constants,
    /// Where they are, and what is said of them, if rows of others are in the file too.
    pub within: Option<(u64, Span)>,
}

impl BatchFile {
    /// One that nothing but a gate takes rows out of, or away.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::store) fn whole(file: Location, batch: &str) -> Result<Self, Fault> {
        let content = live_file(&file, batch)?.and_then(|live| live.content.zip(Some(live.since)));
        let pieces = vec![BatchPiece { file, constants: Constants::default(), within: None }];
        Ok(Self { pieces, batch: batch.to_owned(), content, lacks_files: false })
    }
}

impl BatchPiece {
    /// Whether the file has all columns of the batch, and no row of another.
    pub(super) fn is_plain(&self) -> bool {
        self.constants.is_empty() && self.within.is_none()
    }

    pub(super) fn open(&self) -> Result<Readable, Fault> {
        let opened = self.file.open().map_err(|e| self.cannot_read(&e))?;
        opened.ok_or_else(|| self.cannot_read(&"it went away meanwhile"))
    }

    pub(super) fn cannot_read(&self, error: &dyn std::fmt::Display) -> Fault {
        Fault::new(Code::Unreadable, format!("{}: cannot read: {error}", self.file))
    }

    fn count(&self) -> Result<u64, Fault> {
        if let Some((_, span)) = &self.within {
            return Ok(span.rows);
        }
        let reader = SerializedFileReader::new(self.open()?).map_err(|e| self.cannot_read(&e))?;
        Ok(reader.metadata().file_metadata().num_rows().unsigned_abs())
    }

    fn read(&self) -> Result<impl Iterator<Item = Result<RecordBatch, Fault>> + '_, Fault> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(self.open()?).map_err(|e| self.cannot_read(&e))?;
        let builder = match &self.within {
            None => builder,
            Some((first, span)) => {
                let rows = vec![RowSelector::skip(*first as usize), RowSelector::select(span.rows as usize)];
                builder.with_row_selection(RowSelection::from(rows))
            }
        };
        let reader = builder.build().map_err(|e| self.cannot_read(&e))?;
        Ok(reader.map(|batch| batch.and_then(|batch| self.constants.complete(batch)).map_err(|e| self.cannot_read(&e))))
    }
}

impl BatchRows for BatchFile {
    fn replays(&self) -> Result<Vec<String>, Fault> {
        let mut all: Vec<String> = Vec::new();
        for piece in &self.pieces {
            let replays = piece.within.as_ref().map_or_else(|| replays_in(&piece.file), |(_, span)| Ok(span.replays.clone()))?;
            all.extend(replays.into_iter().filter(|replay| !all.contains(replay)).collect::<Vec<_>>());
        }
        Ok(all)
    }

    fn is_partial(&self) -> Result<bool, Fault> {
        for piece in &self.pieces {
            if piece.within.as_ref().map_or_else(|| is_partial(&piece.file), |(_, span)| Ok(span.is_partial))? {
                return Ok(true);
            }
        }
        Ok(self.lacks_files)
    }

    fn content(&self) -> Result<Option<(String, i64)>, Fault> {
        Ok(self.content.clone())
    }

    fn count(&self) -> Result<Option<u64>, Fault> {
        self.pieces.iter().map(BatchPiece::count).sum::<Result<u64, Fault>>().map(Some)
    }

    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + '_>, Fault> {
        let rows = self.pieces.iter().flat_map(|piece| -> Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + '_> {
            match piece.read() {
                Ok(rows) => Box::new(rows),
                Err(fault) => Box::new(std::iter::once(Err(fault))),
            }
        });
        Ok(Box::new(rows))
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
