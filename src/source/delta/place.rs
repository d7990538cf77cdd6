//! Where a table is.

use std::path::Path;
use std::sync::Arc;

use deltalake_core::DeltaTableBuilder;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use object_store::prefix::PrefixStore;
use url::Url;

use super::snapshot::DataFile;
use crate::delta_log::{LOG, only_files};
use crate::diagnostic::{Code, Fault};
use crate::remote::{Kind, Remote, Surroundings};
use crate::source::{Format, InputFile};

/// A directory, or what is one in an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Local(String),
    Remote(Remote),
}

impl Place {
    /// The table at `location`, if there is one.
    pub(super) fn of(location: &str, surroundings: &Surroundings) -> Option<Self> {
        if Kind::of(location).is_none() {
            return Path::new(location).join(LOG).is_dir().then(|| Self::Local(location.to_owned()));
        }
        // A file need not be asked for, nor can a pattern be a table. What else is wrong, those say who look for files.
        if location.contains(['*', '[']) || Format::of_name(location).is_some() {
            return None;
        }
        let remote = Remote::new(location, surroundings).ok()?;
        let names = remote.join(LOG).names().ok()?;
        (!names.is_empty()).then_some(Self::Remote(remote))
    }

    /// What reads the log.
    ///
    /// # Errors
    /// There is something in it that no log has, or it cannot be reached.
    pub(super) fn log_store(&self, location: &str) -> Result<LogStoreRef, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read the Delta table: {e}"));
        match self {
            Self::Local(directory) => {
                only_files(&Path::new(directory).join(LOG))?;
                let absolute = Path::new(directory).canonicalize().map_err(|e| crate::source::file::cannot_read(directory, &e))?;
                let url = Url::from_directory_path(absolute).map_err(|()| failed(&"the path cannot be written as a URL"))?;
                Ok(DeltaTableBuilder::from_url(url).and_then(DeltaTableBuilder::build).map_err(|e| failed(&e))?.log_store())
            }
            Self::Remote(remote) => {
                let table = Arc::new(PrefixStore::new(remote.store().clone(), remote.path().clone()));
                Ok(default_logstore(table, remote.store().clone(), &remote.url()?, &StorageConfig::default()))
            }
        }
    }

    /// The data files, which must be there and as long as the log says.
    ///
    /// # Errors
    /// One is gone, of another size, or cannot be read.
    pub(super) fn inputs(&self, location: &str, files: &[DataFile]) -> Result<Vec<InputFile>, Fault> {
        let named = |file: &DataFile| format!("{location}/{}", file.path);
        let inputs: Vec<Result<InputFile, Fault>> = match self {
            Self::Local(_) => files.iter().map(|file| InputFile::stat(&named(file))).collect(),
            Self::Remote(remote) => {
                let cannot_read = |file: &DataFile, e: &std::io::Error| crate::source::file::cannot_read(&named(file), e);
                let there = files.iter().map(|file| remote.below(&file.path).map_err(|e| cannot_read(file, &e)));
                let there: Vec<Remote> = there.collect::<Result<_, _>>()?;
                let opened = Remote::open_all(&there.iter().collect::<Vec<_>>());
                let input = |(file, object): (&DataFile, std::io::Result<_>)| match object {
                    Ok(object) => Ok(InputFile::object(&named(file), object)),
                    Err(error) => Err(cannot_read(file, &error)),
                };
                files.iter().zip(opened).map(input).collect()
            }
        };
        files.iter().zip(inputs).map(|(file, input)| as_the_log_says(&named(file), file, input)).collect()
    }
}

fn as_the_log_says(path: &str, file: &DataFile, input: Result<InputFile, Fault>) -> Result<InputFile, Fault> {
    let input = input.map_err(|fault| {
        if fault.code != Code::FileNotFound {
            return fault;
        }
        let what = format!("{path}: this file of the Delta table is gone");
        Fault::new(Code::FileNotFound, what).hint("`VACUUM` removes files that older versions need: read a later version")
    })?;
    if input.bytes != file.bytes {
        let what = format!("{path}: damaged: the log of the Delta table gives it {} bytes, and it has {}", file.bytes, input.bytes);
        return Err(Fault::new(Code::Damaged, what).hint("it may be cut short; restore it from a copy"));
    }
    Ok(input)
}
