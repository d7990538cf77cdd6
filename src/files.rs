//! Files in places where others may write too: opened without being led elsewhere or kept waiting, made under names that
//! nobody can foresee, locked. What only Unix knows of files is in here and nowhere else.

use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Names that are tried for a new file before it is given up.
pub const ATTEMPTS_MAX: usize = 100;

static SEED: AtomicU64 = AtomicU64::new(0);
static NAMES: AtomicU64 = AtomicU64::new(0);

/// Makes the names of new files unforeseeable. The program sets it once, with a random number.
pub fn seed_names(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
}

/// A part of a name that this process has not used before. Files are made only where none is, so a name that is taken all
/// the same costs another attempt and nothing else.
pub fn unused_name() -> String {
    let own = [u64::from(std::process::id()), NAMES.fetch_add(1, Ordering::Relaxed)].map(u64::to_le_bytes).concat();
    format!("{:016x}", xxh3_64_with_seed(&own, SEED.load(Ordering::Relaxed)))
}

/// Whether a text can be part of a file's name everywhere, and names nothing hidden or in another directory.
pub fn is_plain_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'=');
    !text.is_empty() && text.len() <= 200 && !text.starts_with('.') && text.bytes().all(fits)
}

/// Whether `path` names a symbolic link that neither this user made nor the system's: it may lead anywhere.
pub fn is_link_of_another(path: &Path) -> bool {
    let is_strange = |there: Metadata| there.is_symlink() && ![0, rustix::process::geteuid().as_raw()].contains(&there.uid());
    fs::symlink_metadata(path).is_ok_and(is_strange)
}

/// Opens a regular file for reading. Anything else is an error at once: opening a named pipe would wait for a writer.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    regular(File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?)
}

/// Opens a regular file of this user that the path names itself, not by a symbolic link.
///
/// # Errors
/// It cannot be opened, is no regular file, or belongs to another user.
pub fn open_own(path: &Path) -> io::Result<File> {
    let file = regular(File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)?)?;
    own(&file.metadata()?)?;
    Ok(file)
}

/// Opens a directory, to lock it or to make it durable.
///
/// # Errors
/// It cannot be opened, or is no directory.
pub fn open_directory(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_DIRECTORY).open(path)
}

/// Opens a directory of this user that the path names itself, not by a symbolic link.
///
/// # Errors
/// It cannot be opened, is no directory, or belongs to another user.
pub fn open_own_directory(path: &Path) -> io::Result<File> {
    let directory = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path)?;
    own(&directory.metadata()?)?;
    Ok(directory)
}

fn regular(file: File) -> io::Result<File> {
    let kind = file.metadata()?.file_type();
    match kind.is_file() {
        true => Ok(file),
        false if kind.is_dir() => Err(ErrorKind::IsADirectory.into()),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file")),
    }
}

fn own(there: &Metadata) -> io::Result<()> {
    match there.uid() == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::PermissionDenied, "it belongs to another user")),
    }
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its owner: what is kept for a while in a place that others share.
    Private,
    /// Whoever the user's `umask` lets: what is published, and reports.
    Umask,
}

/// Makes a new file, for writing and reading back.
///
/// # Errors
/// Something is there already, be it a symbolic link; or the directory cannot be written.
pub fn create(path: &Path, access: Access) -> io::Result<File> {
    let mode = match access {
        Access::Private => 0o600,
        Access::Umask => 0o666,
    };
    File::options().read(true).write(true).create_new(true).mode(mode).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// Makes a new directory that only this user can look into.
///
/// # Errors
/// Something is there already, or the directory above cannot be written.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Whether `path` still names the file or directory that `open` is.
pub fn is_still(open: &File, path: &Path) -> bool {
    let place = |there: Metadata| (there.dev(), there.ino());
    open.metadata().is_ok_and(|ours| fs::symlink_metadata(path).is_ok_and(|there| place(there) == place(ours)))
}

/// What came of asking for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
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
pub fn try_lock(file: &File) -> io::Result<Lock> {
    match file.try_lock() {
        Ok(()) => Ok(Lock::Held),
        Err(TryLockError::WouldBlock) => Ok(Lock::Taken),
        Err(TryLockError::Error(error)) if is_without_locks(&error) => Ok(Lock::Unknown),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a file system says by this error that it has no locks. NFS says EBADF of what is not open for writing, and a
/// directory never is.
fn is_without_locks(error: &io::Error) -> bool {
    let codes = [libc::EOPNOTSUPP, libc::ENOSYS, libc::ENOLCK, libc::EBADF];
    error.kind() == ErrorKind::Unsupported || error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// A file on its way to `to`: written beside it, and put there when it is whole. It goes if it is dropped before.
#[derive(Debug)]
pub struct Draft {
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
    pub fn of(to: &Path) -> io::Result<Self> {
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
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Makes it durable and puts it in its place, instead of what is there.
    ///
    /// # Errors
    /// The disk is full, or the place cannot be written.
    pub fn place(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.to)?;
        self.is_placed = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_placed {
            // What cannot be removed is hidden, and its name says whose it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_waits() {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| place.path().join(name);
        assert!(Command::new("mkfifo").arg(path("pipe")).status().expect("mkfifo runs").success());
        fs::write(path("file"), "x").expect("a file");
        symlink(path("file"), path("link")).expect("a link");
        symlink(place.path(), path("up")).expect("a link");
        assert!(open(&path("file")).is_ok() && open(&path("link")).is_ok());
        assert_eq!(open(&path("pipe")).expect_err("a pipe").to_string(), "it is no regular file");
        assert_eq!(open(place.path()).expect_err("a directory").kind(), ErrorKind::IsADirectory);
        assert!(open_own(&path("file")).is_ok() && open_own(&path("link")).is_err() && open_own(&path("pipe")).is_err());
        assert!(open_directory(&path("up")).is_ok() && open_own_directory(&path("up")).is_err());
        assert!(open_own_directory(place.path()).is_ok() && open_directory(&path("pipe")).is_err());
    }

    #[test]
    fn new_files_take_no_place_and_private_ones_are_private() {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| place.path().join(name);
        symlink(path("elsewhere"), path("link")).expect("a link");
        assert_eq!(create(&path("link"), Access::Private).expect_err("taken").kind(), ErrorKind::AlreadyExists);
        assert!(!path("elsewhere").exists());
        create(&path("file"), Access::Private).expect("a file");
        create_private_directory(&path("directory")).expect("a directory");
        let mode = |name: &str| fs::metadata(path(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode("file"), mode("directory")), (0o600, 0o700));
    }

    #[test]
    fn a_lock_is_held_once_and_file_systems_may_have_none() {
        let place = tempfile::tempdir().expect("a directory");
        let (one, other) = (open_directory(place.path()).expect("open"), open_directory(place.path()).expect("open"));
        assert_eq!(try_lock(&one).expect("a lock"), Lock::Held);
        assert_eq!(try_lock(&other).expect("an answer"), Lock::Taken);
        drop(one);
        // Other tests start programs, which keep what was open for a moment.
        let mut answers = (0..100).map(|_| try_lock(&other).expect("a lock"));
        assert!(answers.any(|lock| lock == Lock::Held || {
            std::thread::sleep(std::time::Duration::from_millis(10));
            false
        }));
        let without = |code| is_without_locks(&io::Error::from_raw_os_error(code));
        assert!(without(libc::ENOLCK) && without(libc::ENOSYS) && without(libc::EOPNOTSUPP) && without(libc::EBADF));
        assert!(!without(libc::EIO) && !without(libc::EACCES));
    }

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
}
