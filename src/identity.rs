//! What makes a batch the same batch: its id and the digest of its content.

use crate::audit::Audited;

/// The id given, or one derived from the content: of text, every byte; of Parquet, the footers.
pub fn batch_id(given: Option<&str>, audited: &Audited) -> String {
    match given {
        Some(id) => id.to_owned(),
        None => format!("{:032x}", audited.content_digest.or_else(|| audited.source.fingerprint()).unwrap_or_default()),
    }
}
