//! Where batches are kept: one Parquet file, a directory of one part a batch, or a Delta table.
//!
//! Everything is staged beside its destination under a name no reader looks at, made durable, and
//! renamed into place or committed to the table's log: a reader sees a batch whole or not at all.

mod delta;
mod destination;
mod durable;
pub mod kill;
mod plain;
mod staged;

pub use destination::{Columns, Destination, Stored, stored_in};
pub use durable::Hold;
pub use staged::{EncodedGroup, Encoder, GroupEncoder, StagedFile};

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
