//! Rows that are written again, into row groups of their own.

use arrow::array::RecordBatch;

use super::staged::StagedFile;
use crate::diagnostic::Fault;

/// Rows of a row group that is written again.
const GROUP_ROWS: usize = 1 << 20;

impl StagedFile {
    /// Appends rows of its columns, in row groups of up to a million.
    ///
    /// # Errors
    /// A row cannot be read, or the file not be written.
    pub(crate) fn append_rows(&mut self, batches: impl Iterator<Item = Result<RecordBatch, Fault>>) -> Result<(), Fault> {
        let encoder = self.encoder();
        let (mut group, mut rows) = (encoder.group(), 0);
        for batch in batches {
            let batch = batch?;
            group.add(&batch)?;
            rows += batch.num_rows();
            if rows >= GROUP_ROWS {
                self.append(std::mem::replace(&mut group, encoder.group()).end()?)?;
                rows = 0;
            }
        }
        if rows > 0 { self.append(group.end()?) } else { Ok(()) }
    }
}
