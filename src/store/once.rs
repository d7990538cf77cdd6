//! Small files that are written once, and changed only where something must go.

use std::io::{self, Write};

use super::durable::make_directory;
use super::location::{Location, parent};
use crate::files::{self, Draft};

impl Location {
    /// Writes this file whole and durably, unless something is there already; gives whether nothing was. Its directory is made.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn put_new(&self, bytes: &[u8]) -> io::Result<bool> {
        match self {
            Self::Local(path) => {
                make_directory(parent(path))?;
                let draft = Draft::of(path)?;
                draft.file()?.write_all(bytes)?;
                let is_new = draft.place_new()?;
                files::sync_directory(parent(path)).map(|()| is_new)
            }
            Self::Remote(remote) => remote.put_new(bytes),
        }
    }

    /// Writes this file whole and durably in the place of what is there.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn put(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Local(path) => {
                let draft = Draft::of(path)?;
                draft.file()?.write_all(bytes)?;
                draft.place()?;
                files::sync_directory(parent(path))
            }
            Self::Remote(remote) => remote.put(bytes.to_vec().into()),
        }
    }

    /// Makes this directory, if it is of this machine, and sees that a file can be made in it.
    ///
    /// # Errors
    /// None can.
    pub(crate) fn ensure_writable(&self) -> io::Result<()> {
        match self {
            Self::Local(path) => make_directory(path).and_then(|()| Draft::of(&path.join("probe"))).map(|_| ()),
            Self::Remote(_) => Ok(()),
        }
    }
}
