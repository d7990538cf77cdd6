//! What makes a batch the same batch: its id and the digest of its content.

use crate::audit::Audited;
use crate::diagnostic::Fault;
use crate::source::Source;

/// The id given, or one derived from the content: of text, every byte; of Parquet, the footers.
pub fn batch_id(given: Option<&str>, audited: &Audited) -> String {
    match given {
        Some(id) => id.to_owned(),
        None => derived(audited.content_digest, audited.source.as_ref()),
    }
}

/// The id that follows from a batch's content.
pub fn derived(content_digest: Option<u128>, source: &dyn Source) -> String {
    format!("{:032x}", content_digest.or_else(|| source.fingerprint()).unwrap_or_default())
}

/// Refuses a given id that cannot be part of a file's name.
///
/// # Errors
/// It is empty, too long, or has other characters than a name may have.
pub fn check(given: Option<&str>) -> Result<(), Fault> {
    let Some(id) = given else { return Ok(()) };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'=');
    if !id.is_empty() && id.len() <= 200 && !id.starts_with('.') && id.bytes().all(fits) {
        return Ok(());
    }
    let what = format!("`{id}` cannot name a batch");
    Err(Fault::new(what).hint("use letters, digits, `.`, `_`, `-` and `=`, not beginning with `.`"))
}
