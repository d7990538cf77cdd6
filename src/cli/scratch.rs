//! A directory of this run's own, for what does not fit in memory or must be read more than once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::diagnostic::{Code, Fault};
use crate::files::{self, Lock};

const PREFIX: &str = "sluicegate-run-";

/// Whether this process has removed what killed ones left.
static IS_SWEPT: AtomicBool = AtomicBool::new(false);

/// The directories of this process.
static ALL: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes the directories of this process, which is about to end.
pub(super) fn discard_all() {
    if let Ok(all) = ALL.lock() {
        all.iter().for_each(|path| files::discard_directory(path));
    }
}

/// A directory that goes when the run ends. The run holds the directory's lock; a killed run's lock is gone with it, and
/// the next run removes what it left.
pub(super) struct Scratch {
    pub path: PathBuf,
    /// None of a directory within another one, which is held.
    _alive: Option<File>,
}

impl Scratch {
    /// Makes a directory in the system's temporary one.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn new() -> Result<Self, Fault> {
        let place = std::env::temp_dir();
        // One look is enough, however many directories a run needs.
        if !IS_SWEPT.swap(true, Ordering::Relaxed) {
            sweep(&place);
        }
        Self::below(&place)
    }

    /// A directory within this one, for one of many batches.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn within(&self) -> Result<Self, Fault> {
        let path = self.path.join(files::unused_name());
        files::create_private_directory(&path)
            .map_err(|e| Fault::new(Code::ScratchFailed, format!("{}: cannot make a temporary directory: {e}", path.display())))?;
        Ok(Self { path, _alive: None })
    }

    fn below(parent: &Path) -> Result<Self, Fault> {
        let failed = |e: std::io::Error| {
            let fault = Fault::new(Code::ScratchFailed, format!("{}: cannot make a temporary directory: {e}", parent.display()));
            fault.hint("TMPDIR names another place for it")
        };
        for _ in 0..files::ATTEMPTS_MAX {
            let path = parent.join(format!("{PREFIX}{}", files::unused_name()));
            match files::create_private_directory(&path) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(failed(e)),
            }
            // Another run may see the new directory before it is locked, and remove it: then another name is tried.
            let opened = match files::open_directory(&path) {
                Ok(opened) => opened,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(failed(e)),
            };
            match files::try_lock(&opened).map_err(failed)? {
                // Without locks nothing is ever swept.
                Lock::Held | Lock::Unknown if files::is_still(&opened, &path) => {
                    ALL.lock().into_iter().for_each(|mut all| _ = all.insert(path.clone()));
                    return Ok(Self { path, _alive: Some(opened) });
                }
                Lock::Held | Lock::Unknown | Lock::Taken => {}
            }
        }
        Err(Fault::new(Code::ScratchFailed, format!("{}: no name is free for a temporary directory", parent.display())))
    }
}

/// Removes what killed runs of this user left in `directory`.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours
            && let Ok(left) = files::open_own_directory(&entry.path())
            && files::try_lock(&left).is_ok_and(|lock| lock == Lock::Held)
        {
            // While the lock is held, so that no run takes the directory for its own. What cannot be removed is tried again.
            files::discard_directory(&entry.path());
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        files::discard_directory(&self.path);
        ALL.lock().into_iter().for_each(|mut all| _ = all.remove(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_in_use_stays_and_one_that_a_killed_run_left_goes() {
        let place = tempfile::tempdir().expect("a directory");
        let left = place.path().join("sluicegate-run-left");
        fs::create_dir(&left).expect("a directory");
        sweep(place.path());
        let one = Scratch::below(place.path()).expect("a directory");
        assert!(!left.exists());
        assert_eq!(fs::metadata(&one.path).expect("there").permissions().mode() & 0o777, 0o700);
        sweep(place.path());
        let other = Scratch::below(place.path()).expect("a directory");
        assert!(one.path.exists() && other.path.exists() && one.path != other.path);
        drop((one, other));
        assert_eq!(fs::read_dir(place.path()).expect("a list").count(), 0);
    }

    /// Runs that begin at once look at each other's directories while these are being made.
    #[test]
    fn runs_that_begin_at_once_leave_each_other_alone() {
        let place = tempfile::tempdir().expect("a directory");
        let run = |_| {
            for _ in 0..150 {
                let scratch = Scratch::below(place.path()).expect("a directory");
                let file = scratch.path.join("spool");
                fs::write(&file, "x").expect("written");
                sweep(place.path());
                assert_eq!(fs::read(&file).expect("still there"), b"x");
            }
        };
        std::thread::scope(|threads| (0..8).for_each(|i| _ = threads.spawn(move || run(i))));
    }
}
