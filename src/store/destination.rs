//! Places for published and quarantined rows.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use super::{StagedFile, Stamp};
use crate::diagnostic::Fault;

/// Where a batch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// One Parquet file that holds the latest batch.
    File(PathBuf),
    /// A directory that holds one part a batch, named by its id.
    Directory(PathBuf),
}

/// What stands where a batch would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    Batch(Stamp),
    /// A file that carries no stamp of ours.
    Foreign,
}

impl Destination {
    /// A path ending in `.parquet` is one file, any other a directory.
    pub fn new(path: &str) -> Self {
        match Path::new(path).extension() {
            Some(extension) if extension == "parquet" => Self::File(path.into()),
            Some(_) | None => Self::Directory(path.into()),
        }
    }

    /// The directory for rows set aside, where none is named: beside the destination.
    pub fn default_quarantine(&self) -> Self {
        let path = match self {
            Self::File(path) => path.with_extension(""),
            Self::Directory(path) => path.clone(),
        };
        let mut name = path.into_os_string();
        name.push("_quarantine");
        Self::Directory(name.into())
    }

    /// The file that holds the batch `id`.
    pub fn file_of(&self, id: &str) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Directory(path) => path.join(format!("{id}.parquet")),
        }
    }

    /// The directory that files are renamed in.
    fn directory(&self) -> PathBuf {
        match self {
            Self::Directory(path) => path.clone(),
            Self::File(path) => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                Some(_) | None => PathBuf::from("."),
            },
        }
    }

    /// What stands where the batch `id` would go.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn stored(&self, id: &str) -> Result<Stored, Fault> {
        let path = self.file_of(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::Nothing),
            Err(error) => return Err(Fault::new(format!("{}: cannot read: {error}", path.display()))),
        };
        let Ok(reader) = SerializedFileReader::new(file) else { return Ok(Stored::Foreign) };
        let metadata = reader.metadata().file_metadata();
        let entries = metadata.key_value_metadata().into_iter().flatten();
        let entries = entries.filter_map(|kv| Some((kv.key.as_str(), kv.value.as_deref()?)));
        Ok(Stamp::read(entries).map_or(Stored::Foreign, Stored::Batch))
    }

    /// A staging file beside the destination; the directory is made if it is not there.
    ///
    /// # Errors
    /// The directory cannot be made or written.
    pub fn stage(&self) -> Result<(PathBuf, File), Fault> {
        let directory = self.directory();
        fs::create_dir_all(&directory).map_err(|e| cannot_write(&directory, &e))?;
        for attempt in 0.. {
            let path = directory.join(format!(".sluicegate-{}-{attempt}.staged", std::process::id()));
            match File::options().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {}
                Err(error) => return Err(cannot_write(&path, &error)),
            }
        }
        Err(Fault::new(format!("{}: no name is left to stage under", directory.display())))
    }

    /// Renames a durable staged file into place as the batch `id`, and makes the rename durable.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn commit(&self, staged: StagedFile, id: &str) -> Result<PathBuf, Fault> {
        let path = self.file_of(id);
        let failed = |e: io::Error| cannot_write(&path, &e);
        staged.rename(&path).map_err(failed)?;
        sync_directory(&self.directory()).map_err(failed)?;
        Ok(path)
    }

    /// Removes the batch `id`, if it is there, and makes that durable.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn remove(&self, id: &str) -> Result<(), Fault> {
        let path = self.file_of(id);
        match fs::remove_file(&path).and_then(|()| sync_directory(&self.directory())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_write(&path, &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// A rename is durable once its directory is.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Fault {
    let fault = Fault::new(format!("{}: cannot write: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::PermissionDenied => fault.hint("check the permissions of the destination"),
        io::ErrorKind::StorageFull => fault.hint("free some space; nothing was published"),
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_kind_of_place_it_is() {
        assert_eq!(Destination::new("lake/orders.parquet"), Destination::File("lake/orders.parquet".into()));
        assert_eq!(Destination::new("lake/orders"), Destination::Directory("lake/orders".into()));
        let quarantine = Destination::new("lake/orders.parquet").default_quarantine();
        assert_eq!(quarantine, Destination::Directory("lake/orders_quarantine".into()));
        assert_eq!(quarantine.file_of("b1"), PathBuf::from("lake/orders_quarantine/b1.parquet"));
    }
}
