//! Where files are: on this machine, or in an object store.

use std::fmt::{self, Display};
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::remote::{Kind, Readable, Remote, Surroundings};

/// A file or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Local(PathBuf),
    Remote(Remote),
}

impl Location {
    /// Of a path, or of a URL such as `s3://bucket/orders`.
    ///
    /// # Errors
    /// The URL is of no store that is known, or the store is not configured.
    pub fn new(text: &str, surroundings: &Surroundings) -> Result<Self, Fault> {
        match text.split_once("://") {
            // It would be a directory called `s3:`.
            None if text.split_once(':').is_some_and(|(scheme, _)| scheme == "file" || Kind::of_scheme(scheme).is_some()) => {
                Err(Fault::new(Code::InvalidLocation, format!("{}: a URL has `://`", text.split(':').next().unwrap_or_default()))
                    .hint("write `s3://BUCKET/PATH`; of a file of this name, `./` before it"))
            }
            None => Ok(Self::Local(text.into())),
            Some(("file", path)) => Ok(Self::Local(path.into())),
            Some((scheme, _)) if Kind::of_scheme(scheme).is_some() => Ok(Self::Remote(Remote::new(text, surroundings)?)),
            Some((scheme, _)) => {
                let fault = Fault::new(Code::InvalidLocation, format!("{text}: stores of the kind `{scheme}://` are not known"));
                Err(fault.hint("a path of this machine, `s3://BUCKET/PATH`, `gs://BUCKET/PATH` or `az://CONTAINER/PATH`"))
            }
        }
    }

    /// What `name` is in this directory.
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.join(name)),
            Self::Remote(remote) => Self::Remote(remote.join(name)),
        }
    }

    /// What `path`, with `/` between its parts, is in this directory.
    pub(super) fn descend(&self, path: &str) -> Self {
        match self {
            Self::Local(directory) => Self::Local(directory.join(path)),
            Self::Remote(remote) => Self::Remote(remote.descend(path)),
        }
    }

    /// The place beside this one whose name ends in `suffix`, and not in `.parquet`.
    pub(super) fn sibling(&self, suffix: &str) -> Self {
        match self {
            Self::Remote(remote) => Self::Remote(remote.sibling(suffix)),
            Self::Local(path) => {
                let is_file = path.extension().is_some_and(|e| e == "parquet");
                let mut path = if is_file { path.with_extension("") } else { path.clone() }.into_os_string();
                path.push(suffix);
                Self::Local(path.into())
            }
        }
    }

    /// What `name` is in the directory that holds this.
    pub(super) fn beside(&self, name: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.with_file_name(name)),
            Self::Remote(remote) => Self::Remote(remote.beside(name)),
        }
    }

    /// The last part of the name.
    pub fn name(&self) -> &str {
        match self {
            Self::Local(path) => path.file_name().and_then(|n| n.to_str()).unwrap_or_default(),
            Self::Remote(remote) => remote.name(),
        }
    }

    /// The path, if it is of this machine.
    pub fn local(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Remote(_) => None,
        }
    }

    /// Whether this is `directory`, or lies in it.
    pub(crate) fn is_within(&self, directory: &Self) -> bool {
        match (self, directory) {
            (Self::Local(path), Self::Local(directory)) => real(path).starts_with(real(directory)),
            (Self::Remote(_), Self::Remote(_)) => {
                let (path, directory) = (self.to_string(), directory.to_string());
                path.strip_prefix(directory.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            (Self::Local(_), Self::Remote(_)) | (Self::Remote(_), Self::Local(_)) => false,
        }
    }

    /// Whether a URL of this directory would be taken for another's: in it, a backslash is a slash.
    pub(super) fn is_misread_in_urls(&self) -> bool {
        let is_misread = |path: &Path| real(path).to_string_lossy().contains(|c: char| c == '\\' || c.is_ascii_control());
        self.local().is_some_and(is_misread)
    }

    /// The names of what is in this directory; none if it is not there.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = match self {
            Self::Remote(remote) => remote.names()?,
            Self::Local(path) => match fs::read_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                entries => entries?
                    .map(|e| e.map(|e| e.file_name().into_string()))
                    .filter_map(|n| n.map(Result::ok).transpose())
                    .collect::<Result<_, _>>()?,
            },
        };
        names.sort();
        Ok(names)
    }

    /// The bytes of these files.
    ///
    /// # Errors
    /// Of each: it is not there, or cannot be read.
    pub(crate) fn read_all(files: &[Self]) -> Vec<io::Result<Bytes>> {
        let remote: Vec<&Remote> =
            files.iter().filter_map(|file| if let Self::Remote(remote) = file { Some(remote) } else { None }).collect();
        let mut remote = Remote::read_all(&remote).into_iter();
        let read = |file: &Self| match file {
            Self::Local(path) => read(path).map(Bytes::from),
            Self::Remote(_) => remote.next().unwrap_or_else(|| Err(io::ErrorKind::NotFound.into())),
        };
        files.iter().map(read).collect()
    }

    /// This file, for reading here and there in it; none if it is not there.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self) -> io::Result<Option<Readable>> {
        let opened = match self {
            Self::Local(path) => files::open(path).map(Readable::from),
            Self::Remote(remote) => remote.open().map(Readable::object),
        };
        match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// When this file was written, in milliseconds since 1970.
    ///
    /// # Errors
    /// It is not there, or cannot be asked.
    pub(super) fn modified(&self) -> io::Result<i64> {
        match self {
            Self::Local(path) => {
                let modified = path.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Ok(i64::try_from(modified.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Remote(remote) => remote.modified(),
        }
    }

    /// Removes this file, if it is there, durably.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let removed = match self {
            Self::Local(path) => fs::remove_file(path).and_then(|()| files::sync_directory(parent(path))),
            Self::Remote(remote) => remote.remove(),
        };
        removed.or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
    }

    /// Puts this file in the place of `to`, in the same directory, durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn replace(&self, to: &Self) -> io::Result<()> {
        match (self, to) {
            (Self::Local(from), Self::Local(to)) => fs::rename(from, to).and_then(|()| files::sync_directory(parent(to))),
            (Self::Remote(from), Self::Remote(to)) => from.copy(to).and_then(|()| from.remove()),
            (Self::Local(_), Self::Remote(_)) | (Self::Remote(_), Self::Local(_)) => Err(io::ErrorKind::CrossesDevices.into()),
        }
    }

    /// Makes this file durable, and its name. An object store has done so before it answers.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self {
            Self::Local(path) => files::sync_file(path).and_then(|()| files::sync_directory(parent(path))),
            Self::Remote(_) => Ok(()),
        }
    }
}

/// The path with links and `..` followed, as far as it is there.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let above = real_parent(path);
    match path.components().next_back() {
        Some(Component::Normal(name)) => above.join(name),
        Some(Component::ParentDir) => above.parent().unwrap_or(&above).to_owned(),
        Some(Component::CurDir | Component::RootDir | Component::Prefix(_)) | None => above,
    }
}

fn real_parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(above) if above != path && !above.as_os_str().is_empty() => real(above),
        Some(_) | None => Path::new(".").canonicalize().unwrap_or_default(),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The directory that holds `path`.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

impl Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_a_url_says_where() {
        let surroundings = Surroundings::default();
        let new = |text: &str| Location::new(text, &surroundings);
        assert_eq!(new("a/b").expect("a path"), Location::Local("a/b".into()));
        assert_eq!(new("a/b").expect("a path").join("c").to_string(), "a/b/c");
        let table = new("s3://lake/orders/").expect("a table");
        assert_eq!((table.to_string().as_str(), table.name()), ("s3://lake/orders", "orders"));
        assert_eq!(table.join("part.parquet").to_string(), "s3://lake/orders/part.parquet");
        assert!(new("ftp://lake/orders").expect_err("unknown").to_string().contains("ftp://"));
        assert!(new("s3:/KEY:SECRET@lake/orders").expect_err("a slip").to_string().starts_with("s3: a URL has `://`"));
        assert!(new("./s3:/x").is_ok() && new("s3:x").is_err());
        assert!(new("s3://").is_err());
        assert!(new("s3://lake").is_err());
    }
}
