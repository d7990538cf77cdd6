//! A file of the batch: what the user named, and where its bytes are read from.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use crate::diagnostic::{Code, Fault, nearest};
use crate::files;
use crate::remote::{Object, Readable, fault_in};

/// A file of the batch, as it was when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// As the user wrote it, or as the glob found it; `-` is standard input.
    pub path: String,
    /// Bytes to read: of the plain text, where the file was compressed.
    pub bytes: u64,
    /// Bytes as the file is stored.
    pub stored_bytes: u64,
    content: Content,
}

/// Where the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// In the file itself, which others may write to.
    File {
        modified: Option<SystemTime>,
        /// A time of modification can be set; when the file was changed cannot.
        changed: i128,
    },
    /// In a file that nothing else writes to: standard input, decompressed or decoded text.
    Spooled(PathBuf),
    Memory(Bytes),
    /// In an object of a store.
    Object(Object),
}

impl InputFile {
    /// The file at `path`, whose bytes are its content.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn stat(path: &str) -> Result<Self, Fault> {
        let meta = fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
        Ok(Self::new(path, meta.len(), Content::File { modified: meta.modified().ok(), changed: files::changed(&meta) }))
    }

    /// Bytes in memory, called `name` in reports.
    pub fn in_memory(name: &str, bytes: Bytes) -> Self {
        Self::new(name, bytes.len() as u64, Content::Memory(bytes))
    }

    /// An object of a store.
    pub(crate) fn object(name: &str, object: Object) -> Self {
        Self::new(name, object.len(), Content::Object(object))
    }

    /// A stream called `path`, read from `spool`.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub fn stream(path: &str, spool: PathBuf) -> Result<Self, Fault> {
        let bytes = bytes_of(&spool)?;
        Ok(Self::new(path, bytes, Content::Spooled(spool)))
    }

    fn new(path: &str, bytes: u64, content: Content) -> Self {
        Self { path: path.to_owned(), bytes, stored_bytes: bytes, content }
    }

    /// The same file, read from `spool` instead, which nothing else writes to.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub fn spooled(self, spool: PathBuf) -> Result<Self, Fault> {
        Ok(Self { bytes: bytes_of(&spool)?, content: Content::Spooled(spool), ..self })
    }

    /// Whether the bytes are read from elsewhere than a file of that name: its name says nothing of them.
    pub fn is_spooled(&self) -> bool {
        match self.content {
            Content::Spooled(_) | Content::Memory(_) => true,
            Content::File { .. } | Content::Object(_) => false,
        }
    }

    /// Opens the content.
    ///
    /// # Errors
    /// It is gone, or may not be read.
    pub fn open(&self) -> Result<Readable, Fault> {
        let opened = match &self.content {
            Content::File { .. } => files::open(Path::new(&self.path)).map(Readable::from),
            Content::Spooled(spool) => files::open(spool).map(Readable::from),
            Content::Memory(bytes) => return Ok(Readable::from(bytes.clone())),
            Content::Object(object) => return Ok(Readable::object(object.clone())),
        };
        opened.map_err(|e| cannot_read(&self.path, &e))
    }

    /// Opens the content to read these ranges of it, and no others: of an object they are fetched together.
    ///
    /// # Errors
    /// It is gone, has changed, or may not be read.
    pub(crate) fn open_ranges(&self, ranges: impl FnOnce() -> Result<Vec<Range<u64>>, Fault>) -> Result<Readable, Fault> {
        match &self.content {
            Content::Object(object) => object.by_columns(&ranges()?).map(Readable::object).map_err(|e| cannot_read(&self.path, &e)),
            Content::File { .. } | Content::Spooled(_) | Content::Memory(_) => self.open(),
        }
    }

    /// The content's bytes `start..start + len`.
    ///
    /// # Errors
    /// The file has changed, or cannot be read.
    pub fn read_at(&self, start: u64, len: usize) -> Result<Vec<u8>, Fault> {
        self.ensure_unchanged()?;
        self.read_part(start, len).map_err(|e| cannot_read(&self.path, &e))
    }

    fn read_part(&self, start: u64, len: usize) -> io::Result<Vec<u8>> {
        let path = match &self.content {
            Content::File { .. } => Path::new(&self.path),
            Content::Spooled(spool) => spool,
            Content::Memory(bytes) => return Ok(Readable::from(bytes.clone()).part(start, len)?.to_vec()),
            // Of a range that was put together for this the bytes are moved, not copied.
            Content::Object(object) => return Ok(object.range(start, len)?.into()),
        };
        let mut bytes = vec![0; len];
        files::read_exact_at(&files::open(path)?, &mut bytes, start)?;
        Ok(bytes)
    }

    /// Refuses to go on with a file that changed since it was opened: two passes must see the same data.
    ///
    /// # Errors
    /// The file is gone, or its length or time of change differs.
    pub fn ensure_unchanged(&self) -> Result<(), Fault> {
        let Content::File { modified, changed } = self.content else { return Ok(()) };
        let meta = fs::metadata(&self.path).map_err(|e| cannot_read(&self.path, &e))?;
        if (meta.len(), meta.modified().ok(), files::changed(&meta)) == (self.bytes, modified, changed) {
            return Ok(());
        }
        let what = format!("{} changed while it was being read", self.path);
        Err(Fault::new(Code::FileChanged, what).hint("run again once nothing writes to it"))
    }
}

fn bytes_of(spool: &Path) -> Result<u64, Fault> {
    Ok(fs::metadata(spool).map_err(|e| cannot_read(&spool.display().to_string(), &e))?.len())
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
    if let Some(fault) = fault_in(error) {
        return fault.clone();
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_memory_are_read_like_a_file() {
        let file = InputFile::in_memory("events", Bytes::from_static(b"id\n1\n2\n"));
        assert_eq!((file.bytes, file.stored_bytes, file.is_spooled()), (7, 7, true));
        assert_eq!(file.read_at(3, 2).expect("there"), b"1\n");
        assert!(file.read_at(5, 3).is_err() && file.read_at(u64::MAX, 1).is_err());
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file.open().expect("opened"), &mut text).expect("read");
        assert_eq!(text, "id\n1\n2\n");
        file.ensure_unchanged().expect("nobody else has it");
    }
}
