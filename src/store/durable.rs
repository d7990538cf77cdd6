//! Directories and names that survive a crash: made durable, held by one gate at a time, swept of what a killed run left.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::RESERVED;
use super::kill;
use super::location::{Location, parent};
use crate::diagnostic::{Code, Fault};
use crate::files::{self, Access, Lock};
use crate::shown::duration;

const STAGED_PREFIX: &str = ".sluicegate-";
const STAGED_SUFFIX: &str = ".staged";

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
    files::sync_directory(parent)
}

/// How long to wait for other gates, and who is told.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    pub limit: Duration,
    pub tell: fn(&str),
}

impl Waiting {
    /// A wait that is over sooner is not worth a word.
    const TELL_AFTER: Duration = Duration::from_secs(5);

    /// Holds `directory`, once no one else does. Whoever may open a directory may lock it, so the wait has an end.
    fn hold(&self, directory: &Path) -> Result<File, Fault> {
        let handle = files::open_directory(directory).map_err(|e| cannot_write(directory, &e))?;
        match files::try_lock(&handle).map_err(|e| cannot_lock(directory, &e))? {
            Lock::Held => Ok(handle),
            // Racing gates are left to the log of the table, or to the last rename.
            Lock::Unknown => {
                let what = "its file system has no locks; let no two gates publish there at the same time";
                (self.tell)(&format!("{}: {what}", directory.display()));
                Ok(handle)
            }
            Lock::Taken => self.wait(directory, handle),
        }
    }

    /// The system wakes those who wait in their order. Only another thread can be left waiting when the time is over.
    fn wait(&self, directory: &Path, handle: File) -> Result<File, Fault> {
        let (held, when_held) = channel();
        // Nobody may be there any more to take it: then it is let go of.
        let wait = move || _ = held.send(handle.lock().map(|()| handle));
        std::thread::Builder::new().spawn(wait).map_err(|e| cannot_lock(directory, &e))?;
        let soon = Self::TELL_AFTER.min(self.limit);
        let answer = when_held.recv_timeout(soon).or_else(|_| {
            if self.limit > soon {
                let most = duration(self.limit);
                (self.tell)(&format!("{}: waiting for another gate that is at work there, at most {most}", directory.display()));
            }
            when_held.recv_timeout(self.limit - soon)
        });
        answer.map_err(|_| self.over(directory))?.map_err(|e| cannot_lock(directory, &e))
    }

    fn over(&self, directory: &Path) -> Fault {
        let what = format!("{}: another program has held this directory for {}", directory.display(), duration(self.limit));
        let fault = Fault::new(Code::Locked, what);
        fault.hint("nothing was published; `lslocks` names programs that hold locks; end that one, or wait longer with `--lock-timeout`")
    }
}

fn cannot_lock(directory: &Path, error: &io::Error) -> Fault {
    Fault::new(Code::Unwritable, format!("{}: cannot lock: {error}", directory.display())).hint("nothing was published")
}

/// Locks directories for one gate, from the moment it looks at what is there until the new batch is published.
#[derive(Debug)]
pub struct GateLock {
    _directories: Vec<File>,
}

impl GateLock {
    /// Waits for other gates that publish to one of `directories`; one that is not there yet is nobody's.
    ///
    /// # Errors
    /// A directory cannot be opened or locked, or another program does not let go of it.
    pub fn of(mut directories: Vec<PathBuf>, waiting: &Waiting) -> Result<Self, Fault> {
        // All gates take them in the same order, so that none waits for a gate that waits for it.
        directories.sort();
        directories.dedup();
        let held = directories.iter().filter(|d| d.is_dir()).map(|d| waiting.hold(d)).collect::<Result<_, _>>()?;
        Ok(Self { _directories: held })
    }
}

/// A hidden file of this process's own.
pub(super) struct Staged {
    pub path: PathBuf,
    pub file: File,
    /// Directories that were made for it, the innermost first.
    pub made: Vec<PathBuf>,
    /// A name that no other gate uses, where the file system has no locks.
    pub own_name: Option<String>,
}

/// A new hidden file in `directory`, which is made if it is not there. Whoever holds the lock of such a file is at work
/// on it; files of this user that nobody holds were left by killed runs, and are removed.
///
/// # Errors
/// The directory cannot be made or written.
pub(super) fn stage(directory: &Path, access: Access) -> Result<Staged, Fault> {
    // Of a table the directory for it goes too; others above are as the user named them.
    let table = directory.parent().filter(|_| directory.ends_with(RESERVED));
    if table.is_some() && files::is_link_of_another(directory) {
        let fault = Fault::new(Code::UnsafeLink, format!("{}: this is a symbolic link of another user", directory.display()));
        return Err(fault.hint("it may lead anywhere; nothing was written: remove it"));
    }
    let made = [Some(directory), table].into_iter().flatten().filter(|d| !d.is_dir()).map(Path::to_owned).collect();
    make_directory(directory).map_err(|e| cannot_write(directory, &e))?;
    sweep(directory);
    // Earlier versions staged in the table's directory itself.
    table.into_iter().for_each(sweep);
    for _ in 0..files::ATTEMPTS_MAX {
        let name = files::unused_name();
        let path = directory.join(format!("{STAGED_PREFIX}{name}{STAGED_SUFFIX}"));
        match files::create(&path, access) {
            Ok(file) => match files::try_lock(&file).map_err(|e| cannot_write(&path, &e))? {
                lock @ (Lock::Held | Lock::Unknown) if files::is_still(&file, &path) => {
                    kill::step();
                    let own_name = (lock == Lock::Unknown).then_some(name);
                    return Ok(Staged { path, file, made, own_name });
                }
                // Another gate's sweep came between the name and the lock.
                Lock::Held | Lock::Unknown | Lock::Taken => {}
            },
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // A gate that made the directory too, and published nothing, has taken it away again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_directory(directory).map_err(|e| cannot_write(directory, &e))?;
            }
            Err(error) => return Err(cannot_write(&path, &error)),
        }
    }
    Err(Fault::new(Code::Unwritable, format!("{}: no name is left to stage under", directory.display())))
}

/// Removes what killed runs staged in `location`, if it is of this machine.
pub fn sweep_at(location: &Location) {
    if let Some(directory) = location.local() {
        sweep(directory);
    }
}

/// Removes the staged files of this user in `directory` that no living process holds.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_staged = name.to_str().is_some_and(|n| n.starts_with(STAGED_PREFIX) && n.ends_with(STAGED_SUFFIX));
        if is_staged
            && let Ok(file) = files::open_own(&entry.path())
            && files::try_lock(&file).is_ok_and(|lock| lock == Lock::Held)
        {
            // While the lock is held, so that no gate takes the file for its own. What cannot be removed is hidden from readers.
            files::discard(&entry.path());
        }
    }
}

/// What is in its place already, and may not survive a crash of the machine.
pub(super) fn not_durable(location: &Location, error: &dyn std::fmt::Display) -> Fault {
    let fault = Fault::new(Code::NotDurable, format!("{location}: it is written, and cannot be made durable: {error}"));
    fault.hint("run it again: a batch that is published does not come twice")
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Fault {
    cannot_write_at(&Location::Local(path.to_owned()), error)
}

pub(super) fn cannot_write_at(location: &Location, error: &io::Error) -> Fault {
    let fault = Fault::new(Code::of_writing(error), format!("{location}: cannot write: {error}"));
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
