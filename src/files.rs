//! Files in places where others may write too: opened without being led elsewhere or kept waiting, made under names that
//! nobody can foresee, locked. What only Unix knows of files is in `unix`, and nowhere else; `portable` stands in for it.

#[cfg(any(test, not(unix)))]
mod portable;
#[cfg(unix)]
mod unix;

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

#[cfg(not(unix))]
use portable as system;
#[cfg(unix)]
use unix as system;

/// Names that are tried for a new file before it is given up.
pub(crate) const ATTEMPTS_MAX: usize = 100;

static SEED: AtomicU64 = AtomicU64::new(0);
static NAMES: AtomicU64 = AtomicU64::new(0);

/// Makes the names of new files unforeseeable. The program sets it once, with a random number.
pub(crate) fn seed_names(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
}

/// A part of a name that this process has not used before. Files are made only where none is, so a name that is taken all
/// the same costs another attempt and nothing else.
pub(crate) fn unused_name() -> String {
    let own = [u64::from(std::process::id()), NAMES.fetch_add(1, Ordering::Relaxed)].map(u64::to_le_bytes).concat();
    format!("{:016x}", xxh3_64_with_seed(&own, SEED.load(Ordering::Relaxed)))
}

/// Whether a text can be part of a file's name everywhere, and names nothing hidden or in another directory.
pub(crate) fn is_plain_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'=');
    !text.is_empty() && text.len() <= 200 && !text.starts_with('.') && text.bytes().all(fits)
}

/// What becomes of a symbolic link in the place of what is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Followed,
    Refused,
}

/// When the file itself, its name or its rights were last changed, in nanoseconds since 1970, where the system knows that.
pub(crate) fn changed(there: &Metadata) -> i128 {
    system::changed(there)
}

/// Whether `path` leads to a device: it may give bytes for ever.
pub(crate) fn is_device(path: impl AsRef<Path>) -> bool {
    fs::metadata(path).is_ok_and(|there| system::is_device(&there))
}

/// Whether `path` names a symbolic link that neither this user made nor the system's: it may lead anywhere.
pub(crate) fn is_link_of_another(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink() && system::is_of_another(&there))
}

/// Opens a regular file for reading. Anything else is an error at once: opening a named pipe would wait for a writer.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = system::open(path, Links::Followed)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file of this user that the path names itself, not by a symbolic link.
///
/// # Errors
/// It cannot be opened, is no regular file, or belongs to another user.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let file = system::open(path, Links::Refused)?;
    let there = file.metadata()?;
    regular(&there)?;
    system::own(&there)?;
    Ok(file)
}

/// Opens a directory, to lock it.
///
/// # Errors
/// It cannot be opened, or is no directory.
pub(crate) fn open_directory(path: &Path) -> io::Result<File> {
    system::open_directory(path, Links::Followed)
}

/// Opens a directory of this user that the path names itself, not by a symbolic link.
///
/// # Errors
/// It cannot be opened, is no directory, or belongs to another user.
pub(crate) fn open_own_directory(path: &Path) -> io::Result<File> {
    let directory = system::open_directory(path, Links::Refused)?;
    system::own(&directory.metadata()?)?;
    Ok(directory)
}

fn regular(there: &Metadata) -> io::Result<()> {
    let kind = there.file_type();
    match kind.is_file() {
        true => Ok(()),
        false if kind.is_dir() => Err(ErrorKind::IsADirectory.into()),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner: what is kept for a while in a place that others share.
    Private,
    /// Whoever the user's `umask` lets: what is published, and reports.
    Umask,
}

/// Makes a new file, for writing and reading back.
///
/// # Errors
/// Something is there already, be it a symbolic link; or the directory cannot be written.
pub(crate) fn create(path: &Path, access: Access) -> io::Result<File> {
    system::create(path, access)
}

/// Opens a regular file to write behind what is there; makes it where it is not.
///
/// # Errors
/// It is a symbolic link of another user, is no regular file, or cannot be written.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    if is_link_of_another(path) {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "it is a symbolic link of another user"));
    }
    if let Ok(there) = fs::metadata(path) {
        regular(&there)?;
    }
    File::options().append(true).create(true).open(path)
}

/// Makes a new directory that only this user can look into.
///
/// # Errors
/// Something is there already, or the directory above cannot be written.
pub(crate) fn create_private_directory(path: &Path) -> io::Result<()> {
    system::create_private_directory(path)
}

/// Whether `path` still names the file or directory that `open` is.
pub(crate) fn is_still(open: &File, path: &Path) -> bool {
    system::is_still(open, path)
}

/// What came of asking for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// It is held until the file is closed.
    Held,
    /// Someone else holds it.
    Taken,
    /// The file system has no locks.
    Unknown,
}

/// Asks for the lock of a file or directory without waiting.
///
/// # Errors
/// It cannot be asked for.
pub(crate) fn try_lock(file: &File) -> io::Result<Lock> {
    system::try_lock(file)
}

/// Makes durable what stands in a file.
///
/// # Errors
/// It cannot be opened, is no regular file, or cannot be made durable.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    system::sync_file(path)
}

/// Makes the names in a directory durable.
///
/// # Errors
/// It cannot be opened, is no directory, or cannot be made durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    system::sync_directory(path)
}

/// Fills `bytes` with what stands in the file from `start` on. Where the file's own position is afterwards depends on the system.
///
/// # Errors
/// The file ends before, or cannot be read.
pub(crate) fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    system::read_exact_at(file, bytes, start)
}

/// Standard input, without a buffer of its own: what was not read stays there for others.
///
/// # Errors
/// It is closed.
pub(crate) fn standard_input() -> io::Result<File> {
    system::standard_input()
}

/// Standard output, without a buffer.
///
/// # Errors
/// It is closed.
pub(crate) fn standard_output() -> io::Result<File> {
    system::standard_output()
}

/// Waits until something can be read, or the end; gives whether it can. Where the system cannot tell, reading waits.
///
/// # Errors
/// It cannot be waited for.
pub(crate) fn is_readable(file: &File, within: Duration) -> io::Result<bool> {
    system::is_readable(file, within)
}

/// Makes it an error to write more than a limit on the size of files allows. By default it is the end of the program.
pub(crate) fn be_told_of_size_limits() {
    system::be_told_of_size_limits();
}

/// Removes a file of our own that nobody wants any more. It may stay if it cannot be removed: only for files that are hidden
/// or temporary, so that nobody takes them for data.
#[expect(clippy::let_underscore_must_use, reason = "what stays costs only space, and its name says whose it is")]
pub(crate) fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Removes a directory of our own, if nothing is in it.
#[expect(clippy::let_underscore_must_use, reason = "what others have put there stays")]
pub(crate) fn discard_empty_directory(path: &Path) {
    let _ = fs::remove_dir(path);
}

/// Removes a directory of our own and all in it, as [`discard`] does a file.
#[expect(clippy::let_underscore_must_use, reason = "what stays costs only space, and its name says whose it is")]
pub(crate) fn discard_directory(path: &Path) {
    let _ = fs::remove_dir_all(path);
}

/// A file on its way to `to`: written beside it, and put there when it is whole. It goes if it is dropped before.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    to: PathBuf,
    file: File,
    is_placed: bool,
}

impl Draft {
    /// Begins a file that will be `to`.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(crate) fn of(to: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS_MAX {
            let path = to.with_file_name(format!(".sluicegate-{}.tmp", unused_name()));
            match create(&path, Access::Umask) {
                Ok(file) => return Ok(Self { path, to: to.to_owned(), file, is_placed: false }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// The file, to be written.
    ///
    /// # Errors
    /// There are too many open files.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Makes it durable and puts it in its place, instead of what is there.
    ///
    /// # Errors
    /// The disk is full, or the place cannot be written.
    pub(crate) fn place(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.to)?;
        self.is_placed = true;
        Ok(())
    }

    /// Makes it durable and puts it in its place, if nothing is there yet; gives whether nothing was.
    ///
    /// # Errors
    /// The disk is full, or the place cannot be written.
    pub(crate) fn place_new(mut self) -> io::Result<bool> {
        self.file.sync_all()?;
        match fs::hard_link(&self.path, &self.to) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            // A file system without links: between the look and the rename another may come.
            Err(_) if fs::symlink_metadata(&self.to).is_err() => {
                fs::rename(&self.path, &self.to)?;
                self.is_placed = true;
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_placed {
            discard(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_there_whole_or_not_at_all() {
        let place = tempfile::tempdir().expect("a directory");
        let to = place.path().join("report.json");
        fs::write(&to, "before").expect("a file");
        drop(Draft::of(&to).expect("a draft"));
        assert_eq!((fs::read(&to).expect("there"), fs::read_dir(place.path()).expect("a list").count()), (b"before".to_vec(), 1));
        let draft = Draft::of(&to).expect("a draft");
        io::Write::write_all(&mut draft.file().expect("a file"), b"after").expect("written");
        draft.place().expect("placed");
        assert_eq!((fs::read(&to).expect("there"), fs::read_dir(place.path()).expect("a list").count()), (b"after".to_vec(), 1));
    }

    #[test]
    fn a_draft_of_a_new_file_takes_the_place_of_none() {
        let place = tempfile::tempdir().expect("a directory");
        let to = place.path().join("run.json");
        for (text, expected) in [("first", true), ("second", false)] {
            let draft = Draft::of(&to).expect("a draft");
            io::Write::write_all(&mut draft.file().expect("a file"), text.as_bytes()).expect("written");
            assert_eq!(draft.place_new().expect("tried"), expected, "{text}");
        }
        assert_eq!((fs::read(&to).expect("there"), fs::read_dir(place.path()).expect("a list").count()), (b"first".to_vec(), 1));
    }
}
