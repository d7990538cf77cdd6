//! What Unix knows of files: owners, links that are not followed, pipes that are not waited for, locks.

use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::{Access, Links, Lock};

/// When the file itself, its name or its rights were last changed, in nanoseconds since 1970: no program can set that.
pub(super) fn changed(there: &Metadata) -> i128 {
    i128::from(there.ctime()) * 1_000_000_000 + i128::from(there.ctime_nsec())
}

pub(super) fn is_device(there: &Metadata) -> bool {
    let kind = there.file_type();
    kind.is_char_device() || kind.is_block_device()
}

pub(super) fn is_of_another(there: &Metadata) -> bool {
    ![0, rustix::process::geteuid().as_raw()].contains(&there.uid())
}

pub(super) fn own(there: &Metadata) -> io::Result<()> {
    match there.uid() == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::PermissionDenied, "it belongs to another user")),
    }
}

fn links(links: Links) -> i32 {
    match links {
        Links::Followed => 0,
        Links::Refused => libc::O_NOFOLLOW,
    }
}

pub(super) fn open(path: &Path, at: Links) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | links(at)).open(path)
}

pub(super) fn open_directory(path: &Path, at: Links) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_DIRECTORY | links(at)).open(path)
}

pub(super) fn create(path: &Path, access: Access) -> io::Result<File> {
    let mode = match access {
        Access::Private => 0o600,
        Access::Umask => 0o666,
    };
    File::options().read(true).write(true).create_new(true).mode(mode).custom_flags(libc::O_NOFOLLOW).open(path)
}

pub(super) fn create_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

pub(super) fn is_still(open: &File, path: &Path) -> bool {
    let place = |there: Metadata| (there.dev(), there.ino());
    open.metadata().is_ok_and(|ours| fs::symlink_metadata(path).is_ok_and(|there| place(there) == place(ours)))
}

pub(super) fn try_lock(file: &File) -> io::Result<Lock> {
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

pub(super) fn sync_file(path: &Path) -> io::Result<()> {
    super::open(path)?.sync_all()
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    open_directory(path, Links::Followed)?.sync_all()
}

pub(super) fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    file.read_exact_at(bytes, start)
}

pub(super) fn standard_input() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

pub(super) fn standard_output() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[expect(unsafe_code, reason = "the standard library cannot wait for a file")]
pub(super) fn is_readable(file: &File, within: Duration) -> io::Result<bool> {
    let mut one = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let millis = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: it is one structure of this kind, and lives until the call returns.
    match unsafe { libc::poll(&raw mut one, 1, millis) } {
        0 => Ok(false),
        ready if ready > 0 => Ok(true),
        _ => match io::Error::last_os_error() {
            // A signal came: whoever waits looks what it says.
            error if error.kind() == ErrorKind::Interrupted => Ok(false),
            error => Err(error),
        },
    }
}

#[expect(unsafe_code, reason = "the standard library cannot ignore a signal")]
pub(super) fn be_told_of_size_limits() {
    // SAFETY: a signal that is ignored calls no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use crate::files::*;

    use super::is_without_locks;

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
}
