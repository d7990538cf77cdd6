//! One memory budget for everything that grows with the data.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

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

    pub fn charge(&self, bytes: usize) {
        self.used.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Whether more is held than may be: time to spill.
    pub fn is_exceeded(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit
    }

    /// Whether more than half is held: no time to keep what can be had again.
    pub fn is_half_used(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit / 2
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    pub fn spill_directory(&self) -> &Path {
        &self.spill
    }

    /// A path for a new spill file; names never repeat within the directory.
    pub(super) fn spill_file(&self) -> PathBuf {
        let number = self.spilled_files.fetch_add(1, Ordering::Relaxed);
        self.spill.join(format!("run-{number}"))
    }
}
