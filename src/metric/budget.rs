//! One memory budget for everything that grows with the data.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files::{self, Access};

/// How much memory states may hold together, and where they spill beyond it.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    used: AtomicU64,
    spill: PathBuf,
    spilled_files: AtomicU64,
}

impl Budget {
    /// `limit` bytes; spilled data goes to files in the directory `spill`.
    pub fn new(limit: u64, spill: PathBuf) -> Self {
        Self { limit, used: AtomicU64::new(0), spill, spilled_files: AtomicU64::new(0) }
    }

    /// Bytes held now by all reservations.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether more is held than may be: time to spill.
    pub fn is_exceeded(&self) -> bool {
        self.used() > self.limit
    }

    /// Whether more than half is held: no time to keep what can be had again.
    pub fn is_half_used(&self) -> bool {
        self.used() > self.limit / 2
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    pub fn spill_directory(&self) -> &Path {
        &self.spill
    }

    /// A new spill file, which goes with the value.
    pub(crate) fn spill(&self) -> io::Result<(SpillFile, File)> {
        self.spill_file().map(|(path, file)| (SpillFile { path }, file))
    }

    /// A new spill file. Its name may be taken by another budget over the same directory; then the next one is tried.
    pub(super) fn spill_file(&self) -> io::Result<(PathBuf, File)> {
        loop {
            let number = self.spilled_files.fetch_add(1, Ordering::Relaxed);
            let path = self.spill.join(format!("run-{number}"));
            match files::create(&path, Access::Private) {
                Ok(file) => return Ok((path, file)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// A file of what was spilled; dropped, it is gone.
#[derive(Debug)]
pub struct SpillFile {
    path: PathBuf,
}

impl SpillFile {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        // The directory is swept by its owner as well; a file left behind costs only space.
        files::discard(&self.path);
    }
}

/// Memory that one owner holds of the budget, free again when it is dropped.
///
/// The memory is there before or after it is accounted: a reservation never refuses. Its owner looks at
/// [`Budget::is_exceeded`] and makes room.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reservation {
    /// Nothing held yet.
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds so many bytes from now on. That costs next to nothing where they are as many as before.
    pub fn resize(&mut self, bytes: usize) {
        match bytes.checked_sub(self.bytes) {
            Some(0) => {}
            Some(more) => _ = self.budget.used.fetch_add(more as u64, Ordering::Relaxed),
            None => _ = self.budget.used.fetch_sub((self.bytes - bytes) as u64, Ordering::Relaxed),
        }
        self.bytes = bytes;
    }

    /// Holds so many bytes more.
    pub fn grow(&mut self, more: usize) {
        self.resize(self.bytes + more);
    }

    /// Holds what `other` held as well.
    pub fn absorb(&mut self, mut other: Self) {
        match Arc::ptr_eq(&self.budget, &other.budget) {
            // Without a moment in which both are counted.
            true => self.bytes += std::mem::take(&mut other.bytes),
            false => self.grow(other.bytes),
        }
    }

    /// As much again, for a copy.
    #[must_use]
    pub fn again(&self) -> Self {
        let mut copy = Self::new(&self.budget);
        copy.resize(self.bytes);
        copy
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_free_again() {
        let budget = Arc::new(Budget::new(100, PathBuf::new()));
        let mut one = Reservation::new(&budget);
        one.grow(70);
        let mut copy = one.again();
        assert!(budget.used() == 140 && budget.is_exceeded());
        copy.resize(10);
        assert!(budget.used() == 80 && !budget.is_exceeded() && budget.is_half_used());
        one.absorb(copy);
        assert_eq!((budget.used(), one.bytes()), (80, 80));
        let other = Arc::new(Budget::new(100, PathBuf::new()));
        let mut elsewhere = Reservation::new(&other);
        elsewhere.absorb(one);
        assert_eq!((budget.used(), other.used()), (0, 80));
        drop(elsewhere);
        assert_eq!(other.used(), 0);
    }
}
