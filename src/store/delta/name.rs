//! What the name of a data file says.

use crate::store::summaries::LiveFile;

/// Which rows a data file holds, as its name says: `BATCH.DIGEST.parquet`, or with more before the end.
pub(super) fn named(path: &str, since: i64) -> LiveFile {
    let is_digest = |part: &&str| part.len() == 32 && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let parts: Vec<&str> = path.strip_suffix(".parquet").unwrap_or_default().split('.').collect();
    // What follows the digest is the version of the table, and the name of one gate's file.
    let at = (1..parts.len()).rev().take(3).find(|i| is_digest(&parts[*i]));
    let rows = at.map(|at| (parts[..at].join("."), parts[at][..16].to_owned()));
    let (batch_id, content) = rows.unzip();
    LiveFile { batch_id, content, since, name: path.to_owned() }
}
