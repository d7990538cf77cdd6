//! What a Parquet file says of itself, in its metadata.

use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length};
use parquet::file::serialized_reader::SerializedFileReader;
use xxhash_rust::xxh3::Xxh3Default;

use crate::diagnostic::{Code, Fault};
use crate::remote::Readable;
use crate::store::location::Location;
use crate::store::position::Position;
use crate::store::stamp::{ReplayedRows, Stamp, Stored};

/// The key under which a file names the replays that brought some of its rows.
pub(super) const REPLAYS: &str = "sluicegate.replays";

/// The key under which a part of the quarantine says what replays took out of it.
pub(super) const DONE: &str = "sluicegate.done";

/// The key that says that other batches took the place of some of its rows.
pub(super) const PARTIAL: &str = "sluicegate.partial";

/// The key under which a part of the quarantine says what its batch moves on.
pub(super) const POSITIONS: &str = "sluicegate.positions";

/// What the file at `location` says of itself.
///
/// # Errors
/// It cannot be read.
pub fn stored_at(location: &Location) -> Result<Stored, Fault> {
    let opened = location.open().map_err(|e| Fault::new(Code::of_reading(&e), format!("{location}: cannot read: {e}")))?;
    let Some(file) = opened else { return Ok(Stored::Nothing) };
    match SerializedFileReader::new(file) {
        Ok(reader) => Ok(said_by(&reader)),
        Err(ParquetError::External(e)) => Err(Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"))),
        Err(_) => Ok(Stored::Foreign),
    }
}

/// The same, where only whole Parquet files are expected: one that is not may be a batch's, and is no other's.
///
/// # Errors
/// It cannot be read, or is damaged.
pub(in crate::store) fn whole_at(location: &Location) -> Result<Stored, Fault> {
    let opened = location.open().map_err(|e| Fault::new(Code::of_reading(&e), format!("{location}: cannot read: {e}")))?;
    let Some(file) = opened else { return Ok(Stored::Nothing) };
    match SerializedFileReader::new(file) {
        Ok(reader) => Ok(said_by(&reader)),
        Err(ParquetError::External(e)) => Err(Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"))),
        Err(e) => {
            let fault = Fault::new(Code::Damaged, format!("{location}: the file is damaged, or is not Parquet: {e}"));
            Err(fault.hint("its rows cannot be read: bring it back from a backup, or move it away"))
        }
    }
}

fn said_by(reader: &SerializedFileReader<Readable>) -> Stored {
    let metadata = reader.metadata().file_metadata();
    let entries = metadata.key_value_metadata().into_iter().flatten();
    let entries = entries.filter_map(|kv| Some((kv.key.as_str(), kv.value.as_deref()?)));
    Stamp::read(entries).map_or(Stored::Foreign, Stored::Batch)
}

/// What replays took out of the part of the quarantine at `location`.
///
/// # Errors
/// It cannot be read, or does not say it as it is written.
pub fn done_in(location: &Location) -> Result<Vec<ReplayedRows>, Fault> {
    let said = said_in(location, DONE)?.unwrap_or_default();
    let read = |text| {
        ReplayedRows::read(text)
            .ok_or_else(|| Fault::new(Code::Damaged, format!("{location}: cannot read what replays took out: `{text}`")))
    };
    said.split_whitespace().map(read).collect()
}

/// The digests of the replays that brought some rows of the file at `location`.
///
/// # Errors
/// It cannot be read.
pub fn replays_in(location: &Location) -> Result<Vec<String>, Fault> {
    let replays = said_in(location, REPLAYS)?.unwrap_or_default();
    Ok(replays.split_whitespace().map(str::to_owned).collect())
}

/// The table and what the batch moves on in it that left the part of the quarantine at `location`; nothing where it stands for
/// itself.
///
/// # Errors
/// It cannot be read.
pub(in crate::store) fn positions_in(location: &Location) -> Result<(String, Vec<Position>), Fault> {
    let Some(said) = said_in(location, POSITIONS)? else { return Ok(Default::default()) };
    let read = said.split_once('\n').and_then(|(table, positions)| Some((table.to_owned(), Position::read(positions)?)));
    read.ok_or_else(|| Fault::new(Code::Damaged, format!("{location}: cannot read what its batch moves on: `{said}`")))
}

/// Whether other batches took the place of some of the rows that were in the file at `location`.
///
/// # Errors
/// It cannot be read.
pub(in crate::store) fn is_partial(location: &Location) -> Result<bool, Fault> {
    Ok(said_in(location, PARTIAL)?.is_some())
}

/// Which rows are in the file, as far as its footer tells: a digest of the footer, which says where each value stands, and of
/// the file's length.
///
/// # Errors
/// It cannot be read.
pub(in crate::store) fn footer_digest(file: &Readable) -> Result<String, ParquetError> {
    /// How a file ends: the footer's length and the magic bytes.
    const END: u64 = 8;
    let length = file.len();
    let end = file.get_bytes(length.saturating_sub(END), END as usize)?;
    let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    let begin = length.checked_sub(footer + END).ok_or_else(|| ParquetError::General("the footer is longer than the file".into()))?;
    let mut digest = Xxh3Default::new();
    digest.update(&length.to_le_bytes());
    digest.update(&file.get_bytes(begin, footer as usize)?);
    Ok(format!("{:016x}", digest.digest()))
}

/// What the file's metadata says under `key`.
fn said_in(location: &Location, key: &str) -> Result<Option<String>, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"));
    let Some(file) = location.open().map_err(|e| failed(&e))? else { return Ok(None) };
    let reader = SerializedFileReader::new(file).map_err(|e| failed(&e))?;
    let entries = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    Ok(entries.filter(|entry| entry.key == key).find_map(|entry| entry.value.clone()))
}
