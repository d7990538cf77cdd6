//! The rows of one batch in a table: files of its own, and parts of files in which a gate put those of several batches together.

use std::collections::BTreeSet;
use std::ops::Range;

use deltalake_core::kernel::LogicalFileView;

use super::name::{is_compacted, named, part_of};
use super::partition_values::constants;
use super::paths::file_name;
use super::table::{Table, cannot_read};
use crate::diagnostic::Fault;
use crate::store::parquet::{BatchFile, BatchPiece, Constants, Span, contents, stored_at};
use crate::store::stamp::{Stamp, Stored};

/// A data file with rows of the batch.
pub(super) struct Piece {
    /// Its place among the table's files.
    pub index: usize,
    pub file: LogicalFileView,
    pub stamp: Stamp,
    /// The first row, and what is said of them, where rows of others are in the file too.
    pub within: Option<(u64, Span)>,
}

impl Piece {
    /// The name of the file that the rows were published as.
    fn name(&self) -> String {
        self.within.as_ref().map_or_else(|| self.file.path().into_owned(), |(_, span)| span.name.clone())
    }

    /// The rows of the file that are its own: all, or those between rows of others.
    pub(super) fn range(&self) -> Range<u64> {
        self.within.as_ref().map_or(0..u64::MAX, |(first, span)| *first..first + span.rows)
    }

    fn since(&self) -> i64 {
        self.within.as_ref().map_or_else(|| self.file.modification_time(), |(_, span)| span.since)
    }
}

impl Table<'_> {
    /// Where the rows of the batch are, of whichever data set.
    pub(super) fn pieces_of(&self, stamp: &Stamp) -> Result<Vec<Piece>, Fault> {
        let prefix = format!("{}.", stamp.batch_id);
        let (files, mut pieces) = (self.files()?, Vec::<Piece>::new());
        for (index, file) in files.iter().enumerate().filter(|(_, file)| file_name(&file.path()).starts_with(&prefix)) {
            if let Stored::Batch(there) = stored_at(&self.location.descend(&file.path()))?
                && there.batch_id == stamp.batch_id
            {
                pieces.push(Piece { index, file: file.clone(), stamp: there, within: None });
            }
        }
        // Only of a batch that is not wholly in files of its own, and was published, some may be elsewhere. Of one that moved a
        // source on the table does not say that it was.
        let has_others = lacks_files(&pieces) && files.iter().any(|file| is_compacted(&file.path()));
        if !has_others || !(moves_on(&stamp.batch_id) || self.transaction(stamp)?.is_some()) {
            return Ok(pieces);
        }
        for (index, file) in files.iter().enumerate().filter(|(_, file)| is_compacted(&file.path())) {
            let mut first = 0;
            for span in self.batches_in(file)?.iter() {
                let rows = span.rows;
                if let Some(there) = span.stamp.clone().filter(|there| there.batch_id == stamp.batch_id) {
                    pieces.push(Piece { index, file: file.clone(), stamp: there, within: Some((first, span.clone())) });
                }
                first += rows;
            }
        }
        Ok(pieces)
    }

    /// Whose rows a data file holds.
    pub(super) fn contents_of(&self, file: &LogicalFileView) -> Result<Vec<Span>, Fault> {
        contents(&self.location.descend(&file.path()), &file.path(), file.modification_time())
    }

    /// The values that all rows of a data file have in the partition columns.
    pub(super) fn constants_of(&self, file: &LogicalFileView) -> Result<Constants, Fault> {
        let columns = self.partition_columns()?;
        if columns.is_empty() {
            return Ok(Constants::default());
        }
        constants(&columns, &file.partition_values_map(), &self.location.descend(&file.path()).to_string())
    }

    /// The published rows of a batch from its pieces.
    pub(super) fn rows_in(&self, pieces: Vec<Piece>, batch: &str) -> Result<BatchFile, Fault> {
        let lacks_files = lacks_files(&pieces);
        let is_whole = |piece: &Piece| {
            piece.file.deletion_vector_descriptor().is_none() && !piece.within.as_ref().is_some_and(|(_, span)| span.is_partial)
        };
        let contents: BTreeSet<Option<String>> =
            pieces.iter().map(|piece| named(&piece.name(), 0).content.filter(|_| is_whole(piece))).collect();
        let content = match contents.into_iter().collect::<Vec<_>>().as_slice() {
            [Some(content)] if !lacks_files => pieces.iter().map(Piece::since).min().map(|since| (content.clone(), since)),
            _ => None,
        };
        let piece = |piece: Piece| {
            let (file, constants) = (self.location.descend(&piece.file.path()), self.constants_of(&piece.file)?);
            Ok(BatchPiece { file, constants, within: piece.within })
        };
        let pieces = pieces.into_iter().map(piece).collect::<Result<_, Fault>>()?;
        Ok(BatchFile { pieces, batch: batch.to_owned(), content, lacks_files })
    }

    /// The columns by whose values its rows are divided into files.
    pub(super) fn partition_columns(&self) -> Result<Vec<arrow::datatypes::FieldRef>, Fault> {
        let snapshot = self.table.snapshot().map_err(|e| cannot_read(self.location, &e))?;
        super::divide::columns(snapshot.metadata().partition_columns(), &self.terms.schema, &self.location.to_string())
    }
}

/// Whether a batch may be one of a source that keeps coming, whose ids end with what they move on.
fn moves_on(batch_id: &str) -> bool {
    let steps = batch_id.rsplit_once('.').map_or("", |(_, steps)| steps);
    !steps.is_empty() && steps.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'-' | b'_'))
}

/// Whether a batch has not all files that it was published as.
fn lacks_files(pieces: &[Piece]) -> bool {
    let names: Vec<String> = pieces.iter().map(Piece::name).collect();
    // One that is left of a larger file has a name of its own.
    let parts: Vec<(u32, u32)> = names.iter().filter_map(|name| part_of(name)).collect();
    let Some((_, all)) = parts.first() else { return pieces.is_empty() };
    parts.iter().map(|(part, _)| part).collect::<BTreeSet<_>>().len() < *all as usize
}
