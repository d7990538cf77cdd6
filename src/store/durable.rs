//! Directories and names that survive a crash: made durable, held by one gate at a time, swept of what a killed run left.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::kill;
use super::location::{Location, parent};
use crate::diagnostic::Fault;

const STAGED_PREFIX: &str = ".sluicegate-";
const STAGED_SUFFIX: &str = ".staged";
/// Names that are tried for a staged file.
const ATTEMPTS_MAX: usize = 1000;

/// A new name is durable once its directory is.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Makes a file that is there already durable.
pub(super) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes `directory` and those above it that are missing, durably.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let parent = parent(directory);
    make_directory(parent)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    kill::step();
    sync_directory(parent)
}

/// Holds a directory for one gate, from looking at what is there until the new batch is.
#[derive(Debug)]
pub struct Hold {
    _directories: Vec<File>,
}

impl Hold {
    /// Waits for other gates that publish to one of `directories`; one that is not there yet is nobody's.
    ///
    /// # Errors
    /// A directory cannot be opened.
    pub fn of(mut directories: Vec<PathBuf>) -> Result<Self, Fault> {
        // All gates take them in the same order, so that none waits for a gate that waits for it.
        directories.sort();
        directories.dedup();
        let hold = |directory: &PathBuf| {
            let handle = File::open(directory)?;
            // File systems without locks leave racing gates to the log of the table, or to the last rename.
            let _ = handle.lock();
            Ok(handle)
        };
        let held = directories.iter().filter(|d| d.is_dir()).map(|d| hold(d).map_err(|e| cannot_write(d, &e))).collect::<Result<_, _>>()?;
        Ok(Self { _directories: held })
    }
}

/// A hidden file of this process's own.
pub(super) struct Staged {
    pub path: PathBuf,
    pub file: File,
    /// Whether its directory was made for it.
    pub made_directory: bool,
}

/// A new hidden file in `directory`, which is made if it is not there. Whoever holds the lock of such a file is at work
/// on it; files that nobody holds were left by killed runs, and are removed.
///
/// # Errors
/// The directory cannot be made or written.
pub(super) fn stage(directory: &Path) -> Result<Staged, Fault> {
    let made_directory = !directory.is_dir();
    make_directory(directory).map_err(|e| cannot_write(directory, &e))?;
    sweep(directory);
    for attempt in 0..ATTEMPTS_MAX {
        let path = directory.join(format!("{STAGED_PREFIX}{}-{attempt}{STAGED_SUFFIX}", std::process::id()));
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                // Another gate's sweep may have come between the name and the lock.
                let _ = file.lock();
                if fs::metadata(&path).is_ok_and(|there| file.metadata().is_ok_and(|ours| there.ino() == ours.ino())) {
                    kill::step();
                    return Ok(Staged { path, file, made_directory });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // A gate that made the directory too, and published nothing, has taken it away again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_directory(directory).map_err(|e| cannot_write(directory, &e))?;
            }
            Err(error) => return Err(cannot_write(&path, &error)),
        }
    }
    Err(Fault::new(format!("{}: no name is left to stage under", directory.display())))
}

/// Removes what killed runs staged in `location`, if it is of this machine.
pub fn sweep_at(location: &Location) {
    if let Some(directory) = location.local() {
        sweep(directory);
    }
}

/// Removes the staged files in `directory` that no living process holds.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_staged = name.to_str().is_some_and(|n| n.starts_with(STAGED_PREFIX) && n.ends_with(STAGED_SUFFIX));
        if let (true, Ok(file)) = (is_staged, File::open(entry.path()))
            && file.try_lock().is_ok()
        {
            // While the lock is held, so that no gate takes the file for its own. What cannot be removed is hidden from readers.
            let _ = fs::remove_file(entry.path());
        }
    }
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Fault {
    cannot_write_at(&Location::Local(path.to_owned()), error)
}

pub(super) fn cannot_write_at(location: &Location, error: &io::Error) -> Fault {
    let fault = Fault::new(format!("{location}: cannot write: {error}"));
    match error.kind() {
        io::ErrorKind::NotFound if location.local().is_none() => fault.hint("is there such a bucket? nothing was published"),

        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            fault.hint("check the permissions of the destination; nothing was published")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => fault.hint("free some space; nothing was published"),
        io::ErrorKind::FileTooLarge => fault.hint("a limit on the size of files is in force; nothing was published"),
        io::ErrorKind::NotFound => fault.hint("the destination went away meanwhile; nothing was published"),
        _ if location.local().is_none() => fault.hint("check the store's address and credentials; the table is as it was"),
        _ => fault,
    }
}
