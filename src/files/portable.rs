//! What any system knows of files, for those that are no Unix. Owners cannot be told here, so a place that others may write to
//! is trusted. There are no locks either: those of Windows keep the file's own program from reading it by a second handle.
//! So two gates must not publish to one place at the same time, which is said, and what a killed run left is not swept.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::{Access, Links, Lock};

/// When the file was last changed: here nothing but its time of change tells.
pub(super) fn changed(_: &Metadata) -> i128 {
    0
}

pub(super) fn is_device(_: &Metadata) -> bool {
    false
}

pub(super) fn is_of_another(_: &Metadata) -> bool {
    false
}

pub(super) fn own(_: &Metadata) -> io::Result<()> {
    Ok(())
}

pub(super) fn open(path: &Path, links: Links) -> io::Result<File> {
    let there = looked_at(path, links)?;
    // Looked at before it is opened: opening a pipe may wait.
    super::regular(&there)?;
    File::open(path)
}

pub(super) fn open_directory(path: &Path, links: Links) -> io::Result<File> {
    match looked_at(path, links)?.is_dir() {
        true => directory(path),
        false => Err(ErrorKind::NotADirectory.into()),
    }
}

fn looked_at(path: &Path, links: Links) -> io::Result<Metadata> {
    match links {
        Links::Followed => fs::metadata(path),
        Links::Refused => {
            let there = fs::symlink_metadata(path)?;
            match there.is_symlink() {
                true => Err(io::Error::new(ErrorKind::InvalidInput, "it is a symbolic link")),
                false => Ok(there),
            }
        }
    }
}

#[cfg(windows)]
fn directory(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    /// Without it Windows opens no directory.
    const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
    File::options().read(true).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)
}

#[cfg(not(windows))]
fn directory(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Directories for temporary files are the user's own on Windows, and files inherit who may read them.
pub(super) fn create(path: &Path, _: Access) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).open(path)
}

pub(super) fn create_private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// As far as the kind of it and the time it was made tell.
pub(super) fn is_still(open: &File, path: &Path) -> bool {
    let known = |there: Metadata| (there.is_dir(), there.is_symlink(), there.created().ok());
    open.metadata().is_ok_and(|ours| fs::symlink_metadata(path).is_ok_and(|there| known(there) == known(ours)))
}

pub(super) fn try_lock(_: &File) -> io::Result<Lock> {
    Ok(Lock::Unknown)
}

/// What is flushed must be open for writing.
pub(super) fn sync_file(path: &Path) -> io::Result<()> {
    super::regular(&fs::metadata(path)?)?;
    File::options().append(true).open(path)?.sync_all()
}

/// NTFS keeps a journal of its directories; there is no call that flushes one.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    open_directory(path, Links::Followed).map(|_| ())
}

pub(super) fn read_exact_at(mut file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(bytes)
}

#[cfg(windows)]
pub(super) fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
pub(super) fn standard_output() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}

#[cfg(not(windows))]
pub(super) fn standard_input() -> io::Result<File> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(not(windows))]
pub(super) fn standard_output() -> io::Result<File> {
    Err(ErrorKind::Unsupported.into())
}

/// Nobody can tell: reading waits.
pub(super) fn is_readable(_: &File, _: Duration) -> io::Result<bool> {
    Ok(true)
}

/// Only Unix sends a signal.
pub(super) fn be_told_of_size_limits() {}

/// Run on every system, so that what no test machine uses still works.
#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn files_and_directories_are_told_apart_without_unix() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("file");
        fs::write(&file, "rows").expect("a file");
        for links in [Links::Followed, Links::Refused] {
            assert!(open(&file, links).is_ok() && open_directory(place.path(), links).is_ok());
            assert_eq!(open(place.path(), links).expect_err("a directory").kind(), ErrorKind::IsADirectory);
            assert_eq!(open_directory(&file, links).expect_err("a file").kind(), ErrorKind::NotADirectory);
            assert_eq!(open(&place.path().join("none"), links).expect_err("nothing").kind(), ErrorKind::NotFound);
        }
        let there = fs::metadata(&file).expect("there");
        assert!(own(&there).is_ok() && !is_of_another(&there) && !is_device(&there));
        assert_eq!(changed(&there), 0);
        be_told_of_size_limits();
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_and_pipes_not_waited_for_without_unix() {
        let place = tempfile::tempdir().expect("a directory");
        let (file, link, pipe) = (place.path().join("file"), place.path().join("link"), place.path().join("pipe"));
        fs::write(&file, "rows").expect("a file");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
        assert!(open(&link, Links::Followed).is_ok() && open(&link, Links::Refused).is_err());
        assert_eq!(open(&pipe, Links::Followed).expect_err("a pipe").to_string(), "it is no regular file");
    }

    #[test]
    fn new_files_take_no_place_and_are_read_anywhere_without_unix() {
        let place = tempfile::tempdir().expect("a directory");
        let (file, below) = (place.path().join("file"), place.path().join("below"));
        let mut new = create(&file, Access::Private).expect("a file");
        assert_eq!(create(&file, Access::Umask).expect_err("taken").kind(), ErrorKind::AlreadyExists);
        new.write_all(b"some rows").expect("written");
        sync_file(&file).expect("durable");
        let mut bytes = [0; 4];
        read_exact_at(&new, &mut bytes, 5).expect("read");
        assert_eq!(&bytes, b"rows");
        assert!(is_readable(&new, Duration::ZERO).expect("an answer"));
        assert_eq!((standard_input().is_ok(), standard_output().is_ok()), (cfg!(windows), cfg!(windows)));
        assert_eq!(read_exact_at(&new, &mut bytes, 6).expect_err("too short").kind(), ErrorKind::UnexpectedEof);
        create_private_directory(&below).expect("a directory");
        assert_eq!(create_private_directory(&below).expect_err("taken").kind(), ErrorKind::AlreadyExists);
        sync_directory(&below).expect("durable");
        assert!(sync_directory(&file).is_err() && sync_file(&below).is_err());
        let open = open_directory(&below, Links::Refused).expect("open");
        assert_eq!(try_lock(&open).expect("an answer"), Lock::Unknown);
        assert!(is_still(&open, &below) && !is_still(&open, &file));
        fs::remove_dir(&below).expect("removed");
        assert!(!is_still(&open, &below));
    }
}
