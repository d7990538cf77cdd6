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

pub use destination::{Columns, Commit, Committed, Destination, Done, taken_away};
pub use durable::{Hold, Waiting};
pub use location::{Location, Readable, Surroundings};
pub use partition::Partition;
pub use quarantine::Quarantine;
pub use staged::{EncodedGroup, Encoder, GroupEncoder, StagedFile};
pub use view::View;

use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use xxhash_rust::xxh3::xxh3_128;

use crate::diagnostic::Fault;

/// The directory in that of a table where what is ours lives: other programs leave alone what begins with `_`.
const RESERVED: &str = "_sluicegate";

/// The key under which a file names the replays that brought some of its rows.
const REPLAYS: &str = "sluicegate.replays";

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
        let opened = location.open().map_err(|e| Fault::new(format!("{location}: cannot read: {e}")))?;
        let Some(file) = opened else { return Ok(Self::Nothing) };
        let reader = match SerializedFileReader::new(file) {
            Ok(reader) => reader,
            Err(ParquetError::External(e)) => return Err(Fault::new(format!("{location}: cannot read: {e}"))),
            Err(_) => return Ok(Self::Foreign),
        };
        let metadata = reader.metadata().file_metadata();
        let entries = metadata.key_value_metadata().into_iter().flatten();
        let entries = entries.filter_map(|kv| Some((kv.key.as_str(), kv.value.as_deref()?)));
        Ok(Stamp::read(entries).map_or(Self::Foreign, Self::Batch))
    }
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
    let failed = |e: &dyn std::fmt::Display| Fault::new(format!("{location}: cannot read: {e}"));
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
            batch_id: find(Self::BATCH_ID)?,
            rules_digest: find(Self::RULES_DIGEST)?,
            content_digest: find(Self::CONTENT_DIGEST)?,
        })
    }
}
