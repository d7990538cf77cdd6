//! A file of the batch: what the user named, and where its bytes are read from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use crate::diagnostic::{Code, Fault, nearest};
use crate::files;

/// A file of the batch, as it was when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// As the user wrote it, or as the glob found it; `-` is standard input.
    pub path: String,
    /// Bytes to read: of the plain text, where the file was compressed.
    pub bytes: u64,
    /// Bytes as the file is stored.
    pub stored_bytes: u64,
    modified: Option<SystemTime>,
    /// Holds the content where it is not the file's own bytes: standard input, decompressed or decoded text.
    spooled: Option<PathBuf>,
    /// Holds the content where it is in memory.
    held: Option<Bytes>,
}

impl InputFile {
    /// The file at `path`, whose bytes are its content.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn stat(path: &str) -> Result<Self, Fault> {
        let meta = fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
        Ok(Self {
            path: path.to_owned(),
            bytes: meta.len(),
            stored_bytes: meta.len(),
            modified: meta.modified().ok(),
            spooled: None,
            held: None,
        })
    }

    /// The same file, read from `spool` instead, which nothing else writes to.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub fn spooled(self, spool: PathBuf) -> Result<Self, Fault> {
        let bytes = fs::metadata(&spool).map_err(|e| cannot_read(&spool.display().to_string(), &e))?.len();
        Ok(Self { bytes, spooled: Some(spool), ..self })
    }

    /// A stream called `path`, read from `spool`.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub fn stream(path: &str, spool: PathBuf) -> Result<Self, Fault> {
        let empty = Self { path: path.to_owned(), bytes: 0, stored_bytes: 0, modified: None, spooled: None, held: None };
        let file = empty.spooled(spool)?;
        Ok(Self { stored_bytes: file.bytes, ..file })
    }

    /// Content that is in memory, called `name`.
    pub fn in_memory(name: &str, content: Bytes) -> Self {
        let bytes = content.len() as u64;
        Self { path: name.to_owned(), bytes, stored_bytes: bytes, modified: None, spooled: None, held: Some(content) }
    }

    /// Whether the bytes are read from elsewhere than the file itself.
    pub fn is_spooled(&self) -> bool {
        self.spooled.is_some()
    }

    /// Where the bytes are read from.
    pub fn content(&self) -> &Path {
        self.spooled.as_deref().unwrap_or_else(|| Path::new(&self.path))
    }

    /// Opens the content.
    ///
    /// # Errors
    /// It is gone, or may not be read.
    pub fn open(&self) -> Result<File, Fault> {
        files::open(self.content()).map_err(|e| cannot_read(&self.path, &e))
    }

    /// The content's bytes `start..start + len`.
    ///
    /// # Errors
    /// The file has changed, or cannot be read.
    pub fn read_at(&self, start: u64, len: usize) -> Result<Vec<u8>, Fault> {
        if let Some(held) = &self.held {
            let start = start as usize;
            let ends_early = || cannot_read(&self.path, &std::io::ErrorKind::UnexpectedEof.into());
            return held.get(start..start + len).map(<[u8]>::to_vec).ok_or_else(ends_early);
        }
        self.ensure_unchanged()?;
        let mut bytes = vec![0; len];
        files::read_exact_at(&self.open()?, &mut bytes, start).map_err(|e| cannot_read(&self.path, &e))?;
        Ok(bytes)
    }

    /// Refuses to go on with a file that changed since it was opened: two passes must see the same data.
    ///
    /// # Errors
    /// The file is gone, or its length or time of change differs.
    pub fn ensure_unchanged(&self) -> Result<(), Fault> {
        if self.spooled.is_some() || self.held.is_some() {
            return Ok(());
        }
        let now = Self::stat(&self.path)?;
        if (now.bytes, now.modified) == (self.bytes, self.modified) {
            return Ok(());
        }
        let what = format!("{} changed while it was being read", self.path);
        Err(Fault::new(Code::FileChanged, what).hint("run again once nothing writes to it"))
    }
}

/// The path of the file whose name is nearest to that of `path`, in its directory.
pub fn nearest_beside(path: &str) -> Option<String> {
    /// Of larger directories only so many names are looked at.
    const NAMES_MAX: usize = 10_000;
    let path = Path::new(path);
    let wanted = path.file_name()?.to_str()?;
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty());
    let entries = fs::read_dir(directory.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<String> = entries.flatten().take(NAMES_MAX).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let near = nearest(wanted, names.iter().map(String::as_str))?;
    Some(directory.map_or(near.to_owned(), |directory| directory.join(near).display().to_string()))
}

/// The first directory of `path` that is not there.
fn missing_directory(path: &str) -> Option<String> {
    let above: Vec<&Path> = Path::new(path).ancestors().skip(1).filter(|d| !d.as_os_str().is_empty()).collect();
    above.into_iter().rev().find(|directory| !directory.exists()).map(|directory| directory.display().to_string())
}

/// A fault that says a path cannot be read, and why.
pub(super) fn cannot_read(path: &str, error: &std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            let fault = Fault::new(Code::FileNotFound, format!("{path}: no such file"));
            match (nearest_beside(path), missing_directory(path)) {
                (Some(near), _) => fault.hint(format!("did you mean `{near}`?")),
                (None, Some(directory)) => fault.hint(format!("there is no directory `{directory}`")),
                (None, None) => fault.hint("check the path"),
            }
        }
        std::io::ErrorKind::PermissionDenied => Fault::new(Code::PermissionDenied, format!("{path}: permission denied")),
        std::io::ErrorKind::IsADirectory => Fault::new(Code::NotAFile, format!("{path} is a directory")),
        _ => Fault::new(Code::Unreadable, format!("{path}: cannot read: {error}")),
    }
}
