//! Marks: what people say of a run afterwards. The run itself is never changed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::name::SUFFIX;
use super::{Entry, History};
use crate::diagnostic::{Code, Fault};
use crate::report::model;
use crate::store::Location;

/// What is said of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The run.
    pub run: String,
    /// Whether it must not be compared with.
    pub is_bad: bool,
    pub reason: String,
    /// Who said it.
    pub by: String,
    /// When (RFC 3339, UTC).
    pub at: String,
}

/// The name of a mark: `RUN.mark-000-bad-5f1d0c9b.json`.
pub(super) struct MarkName {
    pub run: String,
    /// How many marks of the run came before.
    pub ordinal: u32,
    pub is_bad: bool,
}

impl MarkName {
    pub(super) fn read(file: &str) -> Option<Self> {
        let (run, mark) = file.strip_suffix(SUFFIX)?.rsplit_once(".mark-")?;
        let mut parts = mark.split('-');
        let (ordinal, word, _digest) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        let is_bad = match word {
            "bad" => true,
            "good" => false,
            _ => return None,
        };
        Some(Self { run: run.to_owned(), ordinal, is_bad })
    }
}

impl History {
    /// Says of the run `entry` that it is bad, or good.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn mark(&self, entry: &Entry, is_bad: bool, reason: &str, by: &str, now: DateTime<Utc>) -> Result<Mark, Fault> {
        let mark = Mark { run: entry.name.to_string(), is_bad, reason: reason.to_owned(), by: by.to_owned(), at: model::time(now) };
        let text = serde_json::to_string_pretty(&mark).map_err(|e| Fault::new(Code::Internal, format!("internal error: {e}")))? + "\n";
        // With a digest of what it says, two marks that come at once have two names.
        let digest = xxh3_128(text.as_bytes()) >> 96;
        let word = if is_bad { "bad" } else { "good" };
        let place = self.directory.join(&format!("{}.mark-{:03}-{word}-{digest:08x}{SUFFIX}", mark.run, entry.marks.len()));
        place.put_new(text.as_bytes()).map_err(|e| self.cannot_write(&place, &e))?;
        Ok(mark)
    }

    /// What was last said of the run; none where nothing was, or where it cannot be read any more.
    pub fn last_mark(&self, entry: &Entry) -> Option<Mark> {
        let file = self.directory.join(entry.marks.last()?);
        let bytes = Location::read_all(&[file]).pop()?.ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}
