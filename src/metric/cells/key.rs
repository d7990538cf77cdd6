//! The place of a text in the order of hashes.

use xxhash_rust::xxh3::xxh3_64;

/// The hash by which a text has its cell.
pub fn text_key(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}
