//! Places for published and quarantined rows.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use super::durable::{Hold, cannot_write, sync_directory, sync_file};
use super::{StagedFile, Stamp, delta, kill, plain};
use crate::diagnostic::Fault;
use crate::rules::schema::Evolution;
use crate::ruleset::TableFormat;

/// Where a batch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// One Parquet file that holds the latest batch.
    File(PathBuf),
    /// A directory that holds one part a batch, named by its id.
    Parts(PathBuf),
    /// A directory that is a Delta table.
    Delta(PathBuf),
}

/// What stands where a batch would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    Batch(Stamp),
    /// A file that carries no stamp of ours.
    Foreign,
}

/// How a batch's columns are written to its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    Plain(SchemaRef),
    Delta(delta::Columns),
}

impl Columns {
    pub fn schema(&self) -> &SchemaRef {
        match self {
            Self::Plain(schema) => schema,
            Self::Delta(columns) => &columns.written,
        }
    }
}

impl Destination {
    /// A path ending in `.parquet` is one file, any other a directory: a Delta table, unless `format` says otherwise or it
    /// holds plain parts already.
    ///
    /// # Errors
    /// The directory holds the one, and `format` says the other.
    pub fn new(path: &str, format: Option<TableFormat>) -> Result<Self, Fault> {
        let path = PathBuf::from(path);
        if path.extension().is_some_and(|e| e == "parquet") {
            return match format {
                Some(TableFormat::Delta) => Err(Fault::new(format!("{}: one file cannot be a Delta table", path.display()))),
                Some(TableFormat::Parquet) | None => Ok(Self::File(path)),
            };
        }
        let refused =
            |what: &str| Err(Fault::new(format!("{}: the directory {what}", path.display())).hint("publish to another directory"));
        match (format, delta::is_table(&path), plain::has_parts(&path)) {
            (Some(TableFormat::Parquet), true, _) => refused("is a Delta table, and `format` asks for plain Parquet"),
            (Some(TableFormat::Delta), false, true) => refused("holds plain parts, and `format` asks for a Delta table"),
            (Some(TableFormat::Parquet), false, _) | (None, false, true) => Ok(Self::Parts(path)),
            (Some(TableFormat::Delta) | None, _, _) => Ok(Self::Delta(path)),
        }
    }

    /// The directory for rows set aside, where none is named: beside the destination.
    pub fn default_quarantine(&self) -> Self {
        let path = match self {
            Self::File(path) => path.with_extension(""),
            Self::Parts(path) | Self::Delta(path) => path.clone(),
        };
        let mut name = path.into_os_string();
        name.push("_quarantine");
        Self::Parts(name.into())
    }

    /// Where the batch `id` is, for people: its file, or the table.
    pub fn place_of(&self, id: &str) -> PathBuf {
        match self {
            Self::File(path) | Self::Delta(path) => path.clone(),
            Self::Parts(path) => path.join(format!("{id}.parquet")),
        }
    }

    /// The directory that files are renamed in.
    pub(super) fn directory(&self) -> PathBuf {
        match self {
            Self::Parts(path) | Self::Delta(path) => path.clone(),
            Self::File(path) => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                Some(_) | None => PathBuf::from("."),
            },
        }
    }

    /// Holds this destination and `other` for this gate alone.
    ///
    /// # Errors
    /// A directory cannot be made or opened.
    pub fn hold(&self, other: &Self) -> Result<Hold, Fault> {
        Hold::of(vec![self.directory(), other.directory()])
    }

    /// How the columns of `batch` are written here.
    ///
    /// # Errors
    /// The table cannot be read, or cannot take these columns.
    pub fn columns(&self, batch: &SchemaRef, evolution: Evolution) -> Result<Columns, Fault> {
        match self {
            Self::File(_) | Self::Parts(_) => Ok(Columns::Plain(plain::written(batch))),
            Self::Delta(path) => delta::columns(path, batch, evolution).map(Columns::Delta),
        }
    }

    /// What stands where the batch that `stamp` names would go.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn stored(&self, stamp: &Stamp) -> Result<Stored, Fault> {
        match self {
            Self::File(_) | Self::Parts(_) => stored_in(&self.place_of(&stamp.batch_id)),
            Self::Delta(path) => delta::stored(path, stamp),
        }
    }

    /// Publishes a finished staged file as the batch that `stamp` names, in place of what is there of it, durably.
    ///
    /// # Errors
    /// The destination cannot be written.
    pub fn commit(&self, staged: StagedFile, stamp: &Stamp, columns: &Columns) -> Result<PathBuf, Fault> {
        let path = self.place_of(&stamp.batch_id);
        match columns {
            Columns::Delta(columns) => delta::commit(&self.directory(), staged, stamp, columns)?,
            Columns::Plain(_) => {
                let failed = |e: io::Error| cannot_write(&path, &e);
                staged.rename(&path).map_err(failed)?;
                kill::step();
                sync_directory(&self.directory()).map_err(failed)?;
                kill::step();
            }
        }
        Ok(path)
    }

    /// Makes a batch that is there durable: the gate that published it may have been killed before it did.
    ///
    /// # Errors
    /// The destination cannot be written.
    pub fn confirm(&self, stamp: &Stamp) -> Result<PathBuf, Fault> {
        let path = self.place_of(&stamp.batch_id);
        match self {
            Self::Delta(directory) => delta::confirm(directory, stamp)?,
            Self::File(_) | Self::Parts(_) => {
                sync_file(&path).and_then(|()| sync_directory(&self.directory())).map_err(|e| cannot_write(&path, &e))?;
            }
        }
        Ok(path)
    }

    /// Removes the quarantined batch `id`, if it is there, and makes that durable.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn remove(&self, id: &str) -> Result<(), Fault> {
        let path = self.place_of(id);
        match fs::remove_file(&path).and_then(|()| sync_directory(&self.directory())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_write(&path, &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// What the file at `path` says of itself.
///
/// # Errors
/// It cannot be read.
pub fn stored_in(path: &Path) -> Result<Stored, Fault> {
    let file = match File::open(path) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_kind_of_place_it_is() {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| place.path().join(name);
        let new = |name: &str, format| Destination::new(path(name).to_str().expect("UTF-8"), format);
        assert_eq!(new("orders.parquet", None).expect("a file"), Destination::File(path("orders.parquet")));
        assert_eq!(new("orders", None).expect("a table"), Destination::Delta(path("orders")));
        assert_eq!(new("orders", Some(TableFormat::Parquet)).expect("parts"), Destination::Parts(path("orders")));
        assert!(new("orders.parquet", Some(TableFormat::Delta)).is_err());
        fs::create_dir_all(path("parts")).expect("a directory");
        fs::write(path("parts").join("b1.parquet"), "").expect("a part");
        assert_eq!(new("parts", None).expect("parts"), Destination::Parts(path("parts")));
        assert!(new("parts", Some(TableFormat::Delta)).is_err());
        let quarantine = new("orders.parquet", None).expect("a file").default_quarantine();
        assert_eq!(quarantine, Destination::Parts(path("orders_quarantine")));
        assert_eq!(quarantine.place_of("b1"), path("orders_quarantine").join("b1.parquet"));
    }
}
