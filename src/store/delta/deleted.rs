//! Which keys were deleted, and by what: a row that comes late must not bring one back.
//!
//! They stand in one file in the directory that is ours. The table's log names it: a transaction whose version is a digest of the
//! file, in the commit that deletes the rows. So both change in one step, and a file that no commit names counts for nothing.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::rewrite::opened;
use super::table::{DeltaStore, Table};
use crate::diagnostic::{Code, Fault};
use crate::store::RESERVED;
use crate::store::location::Location;
use crate::store::parquet::StagedFile;

/// The application of the transaction that names the file.
pub(super) const APPLICATION: &str = "sluicegate-deleted-keys";

const DIRECTORY: &str = "deleted";

fn file(table: &Location, version: i64) -> Location {
    table.join(RESERVED).join(DIRECTORY).join(&format!("{version:016x}.parquet"))
}

/// The deleted keys with their sequences.
///
/// # Errors
/// They cannot be read.
pub(super) fn read(table: &Table<'_>) -> Result<Vec<RecordBatch>, Fault> {
    let Some(version) = table.transaction_of(APPLICATION.to_owned())? else { return Ok(Vec::new()) };
    let location = file(table.location, version);
    let failed = |e: &dyn std::fmt::Display| {
        let fault = Fault::new(Code::Unreadable, format!("{location}: cannot read which keys were deleted: {e}"));
        fault.hint("nothing was published; bring the file back: without it a late row could bring a deleted one back")
    };
    let opened = opened(&location).map_err(|fault| failed(&fault.what))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened).and_then(|builder| builder.build()).map_err(|e| failed(&e))?;
    reader.collect::<Result<_, _>>().map_err(|e| failed(&e))
}

/// Writes them down; gives the version of the transaction that names them.
///
/// # Errors
/// They cannot be written.
pub(super) fn write(store: &DeltaStore, schema: &SchemaRef, keys: Vec<RecordBatch>) -> Result<i64, Fault> {
    let mut staged = StagedFile::create(&store.location.join(RESERVED), schema)?;
    staged.append_rows(keys.into_iter().map(Ok))?;
    staged.finish_plain()?;
    let version = (staged.digest()? >> 66) as i64;
    staged.place(&file(&store.location, version))?;
    Ok(version)
}

/// Removes the files that no commit names any more, but for that of `before`: another gate may be reading it. In an object store
/// nothing tells such a file from one that another gate has placed and is about to commit: there they stay.
pub(super) fn tidy(store: &DeltaStore, before: Option<i64>, now: i64) {
    if store.location.local().is_none() {
        return;
    }
    let directory = store.location.join(RESERVED).join(DIRECTORY);
    let kept = [before, Some(now)].map(|version| version.map(|version| file(&store.location, version).name().to_owned()));
    for name in directory.names().unwrap_or_default() {
        if !kept.iter().flatten().any(|kept| *kept == name) {
            // What stays takes space, and nothing else.
            drop(directory.join(&name).remove());
        }
    }
}
