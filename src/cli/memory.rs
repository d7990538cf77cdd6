//! The guard behind `--memory-limit`: what states and decoders forget to bound ends the run with a message, not the machine's memory.
//!
//! States spill to disk before the limit; most decoders do not know it. This looks at the process as a whole: at its resident memory many
//! times a second, and at each single allocation that alone would be more than all of it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{output, scratch};
use crate::diagnostic::{Code, Fault};
use crate::engine::Cancel;
use crate::shown::count;

/// The memory that the process may take, in bytes.
static LIMIT: AtomicU64 = AtomicU64::new(u64::MAX);

/// Tells whether the run is publishing.
static RUN: OnceLock<Cancel> = OnceLock::new();

/// The program needs some memory whatever the data.
const LEAST: u64 = 304 << 20;

/// From now on the process is ended where it takes a tenth more than `limit`, and what the program itself needs.
pub(super) fn watch(limit: u64, run: Cancel) {
    drop(RUN.set(run));
    const OWN: u64 = 32 << 20;
    LIMIT.store(limit.saturating_add(limit / 10 + OWN).max(LEAST), Ordering::Relaxed);
}

/// Ends the process where it has taken more than it may.
pub(super) fn look() {
    if let Some(taken) = resident()
        && taken > LIMIT.load(Ordering::Relaxed)
    {
        end(&format!("the run took {} of memory", megabytes(taken)));
    }
}

/// The bytes of its own memory that the process holds, where the system tells that. Nothing is allocated.
fn resident() -> Option<u64> {
    use std::io::Read;
    let mut text = [0; 4096];
    let read = std::fs::File::open("/proc/self/status").ok()?.read(&mut text).ok()?;
    // In kilobytes, whatever the size of a page.
    let line = std::str::from_utf8(text.get(..read)?).ok()?.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", count(bytes / 1_000_000))
}

/// Ends the process. What was staged stays, and the next run removes it.
#[expect(clippy::exit, reason = "there is no memory to go on with, and what asked for it cannot be told to do without")]
fn end(what: &str) {
    LIMIT.store(u64::MAX, Ordering::Relaxed);
    scratch::discard_all();
    let hint = match RUN.get().is_some_and(Cancel::is_committing) {
        true => "it broke off while it published: run it again, and what was begun is ended",
        false => "nothing was published; allow it more with `--memory-limit`, or read less at once",
    };
    output::complain(&Fault::new(Code::TooLarge, format!("{what}, more than `--memory-limit` lets it")).hint(hint).into());
    std::process::exit(2);
}

/// The system's allocator, but for what could never fit.
#[derive(Debug)]
pub struct Guarded;

impl Guarded {
    /// Ends the run where this alone is more than the process may take; a failed allocation would abort it without a word.
    #[inline]
    fn allow(bytes: usize) {
        if bytes as u64 > LIMIT.load(Ordering::Relaxed) {
            Self::refuse(bytes);
        }
    }

    #[cold]
    fn refuse(bytes: usize) {
        end(&format!("the run asked for {} of memory at once", megabytes(bytes as u64)));
    }
}

// SAFETY: each call is handed to the system's allocator unchanged, which keeps the contract; `allow` returns or ends the process.
#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
unsafe impl GlobalAlloc for Guarded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::allow(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::allow(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::allow(size);
        // SAFETY: the caller's promise is the same.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(at, layout) }
    }
}
