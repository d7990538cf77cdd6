//! What makes a batch the same batch: its id and the digest of its content.

use std::sync::{Arc, OnceLock};

use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::source::Source;

/// The content of a batch as a digest. Most sources digest it while they are read; others ([`crate::source::Source::digest`])
/// only when someone first asks, since a run that only judges may not need to read all of them.
pub struct Identity {
    source: Arc<dyn Source>,
    content: OnceLock<u128>,
}

impl Identity {
    /// Of a source that was read, whose digest is `known` where reading made one.
    pub fn new(source: Arc<dyn Source>, known: Option<u128>) -> Self {
        Self { source, content: known.map_or_else(OnceLock::new, OnceLock::from) }
    }

    /// The digest.
    ///
    /// # Errors
    /// A file cannot be read, or has changed since the batch was judged.
    pub fn content(&self) -> Result<u128, Fault> {
        if let Some(content) = self.content.get() {
            return Ok(*content);
        }
        let content = self.source.digest()?;
        Ok(*self.content.get_or_init(|| content))
    }

    /// The digest as the id of a batch that was given none; none where nobody had to read the files for it.
    pub fn derived_id(&self) -> Option<String> {
        self.content.get().map(|content| format!("{content:032x}"))
    }

    /// The digest of the files' footers, from which version 0.1 derived ids; none for text.
    pub fn footers(&self) -> Option<u128> {
        self.source.known().footers
    }
}

/// Refuses a given id that cannot be part of a file's name.
///
/// # Errors
/// It is empty, too long, or has other characters than a name may have.
pub(crate) fn ensure_name(given: Option<&str>) -> Result<(), Fault> {
    let Some(id) = given else { return Ok(()) };
    if files::is_plain_name(id) {
        return Ok(());
    }
    let what = format!("`{id}` cannot name a batch");
    Err(Fault::new(Code::MalformedOption, what).hint("use letters, digits, `.`, `_`, `-` and `=`, not beginning with `.`"))
}
