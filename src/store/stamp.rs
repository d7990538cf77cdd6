//! What tells batches apart: a batch's stamp, what is found under it, and what replays took out of the quarantine.

use xxhash_rust::xxh3::xxh3_128;

use crate::files;

/// What stands where a batch would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    Batch(Stamp),
    /// A file that carries no stamp of ours.
    Foreign,
    /// The batch was published, and another program took all its rows out again; the text says how.
    RolledBack(String),
}

/// Rows that a replay took out of a part of the quarantine, since they are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayedRows {
    /// The replay's digest.
    pub replay: String,
    pub rows: u64,
    /// The digest of the file of mended rows that they came from; none for rows that passed as they were.
    pub mended: Option<String>,
}

impl ReplayedRows {
    pub(super) fn written(all: &[Self]) -> String {
        let one = |done: &Self| format!("{}:{}:{}", done.replay, done.rows, done.mended.as_deref().unwrap_or_default());
        all.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let (replay, rows, mended) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?, fields.next()?);
        Some(Self { replay, rows, mended: (!mended.is_empty()).then(|| mended.to_owned()) })
    }
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
    pub(super) const BATCH_ID: &'static str = "sluicegate.batch_id";
    const RULES_DIGEST: &'static str = "sluicegate.rules_digest";
    const CONTENT_DIGEST: &'static str = "sluicegate.content_digest";

    /// The keys of what it says, in their order.
    pub(super) const KEYS: [&'static str; 4] = [Self::DATASET, Self::BATCH_ID, Self::RULES_DIGEST, Self::CONTENT_DIGEST];

    pub(super) fn entries(&self) -> [(&'static str, &str); 4] {
        [
            (Self::DATASET, &self.dataset),
            (Self::BATCH_ID, &self.batch_id),
            (Self::RULES_DIGEST, &self.rules_digest),
            (Self::CONTENT_DIGEST, &self.content_digest),
        ]
    }

    /// A digest of all it says.
    pub(super) fn digest(&self) -> u128 {
        xxh3_128(self.entries().map(|(_, value)| value).join("\u{1f}").as_bytes())
    }

    /// Whether both are of one batch of one data set, whatever its content and rules.
    pub fn is_of_batch(&self, other: &Self) -> bool {
        (&self.dataset, &self.batch_id) == (&other.dataset, &other.batch_id)
    }

    /// Reads a stamp from key-value metadata; none if it is not complete.
    pub(super) fn read<'a>(entries: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<Self> {
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
