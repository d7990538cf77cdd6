//! The file in which a gate remembers what servers called their answers.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::diagnostic::{Code, Fault};
use crate::files::Draft;
use crate::source::Remembered;

/// Whether unchanged answers are told.
#[derive(Debug, Default, Args)]
pub(super) struct Answers {
    /// Keep what servers say of their answers (ETag, Last-Modified) in this file: an answer that has not changed since it was
    /// published is no new batch
    #[arg(long, value_name = "FILE")]
    remember_answers: Option<PathBuf>,
}

impl Answers {
    pub(super) fn is_given(&self) -> bool {
        self.remember_answers.is_some()
    }

    /// What is remembered of answers that went to `destination`.
    ///
    /// # Errors
    /// The file cannot be read, or is another one.
    pub(super) fn read(&self, destination: &str) -> Result<Option<Arc<Remembered>>, Fault> {
        let Some(path) = &self.remember_answers else { return Ok(None) };
        let remembered = match std::fs::read_to_string(path) {
            Ok(text) => Remembered::read(&text, &path.display().to_string(), destination)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Remembered::nothing(destination),
            Err(error) => return Err(Fault::new(Code::of_reading(&error), format!("{}: cannot read: {error}", path.display()))),
        };
        Ok(Some(Arc::new(remembered)))
    }

    /// Keeps the answers of a batch that is settled.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep(&self, remembered: &Remembered) -> Result<(), Fault> {
        let Some(path) = &self.remember_answers else { return Ok(()) };
        written(path, &remembered.settled()).map_err(|error| {
            let fault = Fault::new(Code::of_writing(&error), format!("{}: cannot write: {error}", path.display()));
            fault.hint("the next run fetches the data again, and finds that it is published")
        })
    }
}

fn written(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = Draft::of(path)?;
    draft.file()?.write_all(text.as_bytes())?;
    draft.place()
}
