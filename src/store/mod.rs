//! Where batches are kept: one Parquet file, a directory of one part a batch, or a Delta table.
//!
//! Everything is staged under a name no reader looks at, made durable, and renamed into place or committed to the
//! table's log: a reader sees a batch whole or not at all.

mod conform;
mod delta;
mod destination;
mod durable;
pub mod kill;
mod location;
mod partition;
mod plain;
mod quarantine;
mod remote;
mod staged;
mod statistics;
mod view;

pub use destination::{Columns, Commit, Committed, Destination, Landed, taken_away};
pub use durable::{Hold, Waiting, sweep_at};
pub use location::{Location, Readable, Surroundings};
pub use partition::Partition;
pub use quarantine::{Contents, Quarantine};
pub use staged::{EncodedGroup, Encoder, GroupEncoder, StagedFile};
pub use view::View;

use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use xxhash_rust::xxh3::xxh3_128;

use crate::diagnostic::{Code, Fault};
use crate::files;

/// The directory in that of a table where what is ours lives: other programs leave alone what begins with `_`.
const RESERVED: &str = "_sluicegate";

/// The key under which a file names the replays that brought some of its rows.
const REPLAYS: &str = "sluicegate.replays";

/// The key under which a part of the quarantine says what replays took out of it.
const DONE: &str = "sluicegate.done";

/// The key that says that other batches took the place of some of its rows.
const PARTIAL: &str = "sluicegate.partial";

/// What stands where a batch would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    Batch(Stamp),
    /// A file that carries no stamp of ours.
    Foreign,
    /// The batch was published, and another program took all its rows away, as the text says.
    TakenAway(String),
}

impl Stored {
    /// What the file at `location` says of itself.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn at(location: &Location) -> Result<Self, Fault> {
        let opened = location.open().map_err(|e| Fault::new(Code::of_reading(&e), format!("{location}: cannot read: {e}")))?;
        let Some(file) = opened else { return Ok(Self::Nothing) };
        match SerializedFileReader::new(file) {
            Ok(reader) => Ok(Self::said_by(&reader)),
            Err(ParquetError::External(e)) => Err(Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"))),
            Err(_) => Ok(Self::Foreign),
        }
    }

    /// The same, where only whole Parquet files are expected: one that is not may be a batch's, and is no other's.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn whole_at(location: &Location) -> Result<Self, Fault> {
        let opened = location.open().map_err(|e| Fault::new(Code::of_reading(&e), format!("{location}: cannot read: {e}")))?;
        let Some(file) = opened else { return Ok(Self::Nothing) };
        match SerializedFileReader::new(file) {
            Ok(reader) => Ok(Self::said_by(&reader)),
            Err(ParquetError::External(e)) => Err(Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"))),
            Err(e) => {
                let fault = Fault::new(Code::Damaged, format!("{location}: the file is damaged, or is not Parquet: {e}"));
                Err(fault.hint("its rows cannot be read: bring it back from a backup, or move it away"))
            }
        }
    }

    fn said_by(reader: &SerializedFileReader<Readable>) -> Self {
        let metadata = reader.metadata().file_metadata();
        let entries = metadata.key_value_metadata().into_iter().flatten();
        let entries = entries.filter_map(|kv| Some((kv.key.as_str(), kv.value.as_deref()?)));
        Stamp::read(entries).map_or(Self::Foreign, Self::Batch)
    }
}

/// Rows that a replay took out of a part of the quarantine, since they are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The replay's digest.
    pub replay: String,
    pub rows: u64,
    /// The digest of the file of mended rows that they came from; none for rows that passed as they were.
    pub mended: Option<String>,
}

impl Done {
    fn written(all: &[Self]) -> String {
        let one = |done: &Self| format!("{}:{}:{}", done.replay, done.rows, done.mended.as_deref().unwrap_or_default());
        all.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn read(text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let (replay, rows, mended) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?, fields.next()?);
        Some(Self { replay, rows, mended: (!mended.is_empty()).then(|| mended.to_owned()) })
    }
}

/// What replays took out of the part of the quarantine at `location`.
///
/// # Errors
/// It cannot be read, or does not say it as it is written.
pub fn done_in(location: &Location) -> Result<Vec<Done>, Fault> {
    let said = said_in(location, DONE)?.unwrap_or_default();
    let read = |text| {
        Done::read(text).ok_or_else(|| Fault::new(Code::Damaged, format!("{location}: cannot read what replays took out: `{text}`")))
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

/// Whether other batches took the place of some of the rows that were in the file at `location`.
///
/// # Errors
/// It cannot be read.
pub fn is_partial(location: &Location) -> Result<bool, Fault> {
    Ok(said_in(location, PARTIAL)?.is_some())
}

/// What the file's metadata says under `key`.
fn said_in(location: &Location, key: &str) -> Result<Option<String>, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"));
    let Some(file) = location.open().map_err(|e| failed(&e))? else { return Ok(None) };
    let reader = SerializedFileReader::new(file).map_err(|e| failed(&e))?;
    let entries = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    Ok(entries.filter(|entry| entry.key == key).find_map(|entry| entry.value.clone()))
}

/// What a stored batch says of itself, in its Parquet metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub dataset: String,
    pub batch_id: String,
    /// Digest of the rule file's meaning.
    pub rules_digest: String,
    /// Digest of the batch's bytes.
    pub content_digest: String,
}

impl Stamp {
    const DATASET: &'static str = "sluicegate.dataset";
    const BATCH_ID: &'static str = "sluicegate.batch_id";
    const RULES_DIGEST: &'static str = "sluicegate.rules_digest";
    const CONTENT_DIGEST: &'static str = "sluicegate.content_digest";

    fn entries(&self) -> [(&'static str, &str); 4] {
        [
            (Self::DATASET, &self.dataset),
            (Self::BATCH_ID, &self.batch_id),
            (Self::RULES_DIGEST, &self.rules_digest),
            (Self::CONTENT_DIGEST, &self.content_digest),
        ]
    }

    /// A digest of all it says.
    fn digest(&self) -> u128 {
        xxh3_128(self.entries().map(|(_, value)| value).join("\u{1f}").as_bytes())
    }

    /// Whether both are of one batch of one data set, whatever its content and rules.
    pub fn is_of_batch(&self, other: &Self) -> bool {
        (&self.dataset, &self.batch_id) == (&other.dataset, &other.batch_id)
    }

    /// Reads a stamp from key-value metadata; none if it is not complete.
    fn read<'a>(entries: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<Self> {
        let find = |key: &str| entries.clone().find(|(k, _)| *k == key).map(|(_, v)| v.to_owned());
        Some(Self {
            dataset: find(Self::DATASET)?,
            // Files are named by it: one that somebody else wrote must not lead to other directories.
            batch_id: find(Self::BATCH_ID).filter(|id| files::is_plain_name(id))?,
            rules_digest: find(Self::RULES_DIGEST)?,
            content_digest: find(Self::CONTENT_DIGEST)?,
        })
    }
}
