//! How far a run is.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on standard error, where that is a terminal and the work is long.
pub(super) struct Progress {
    bar: ProgressBar,
    styled: AtomicBool,
}

impl Progress {
    /// Below this much data the work is over before a bar could be read.
    const BYTES_MIN: u64 = 64 << 20;

    pub(super) fn new(quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
        Self { bar, styled: AtomicBool::new(false) }
    }

    /// Of steps that are counted.
    pub(super) fn of_steps() -> Self {
        Self { bar: ProgressBar::no_length(), styled: AtomicBool::new(false) }
    }

    /// So many steps are done.
    pub(super) fn step(&self, done: u64, total: u64) {
        if !self.styled.swap(true, Ordering::Relaxed)
            && let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}")
        {
            self.bar.set_style(style);
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    pub(super) fn advance(&self, done: u64, total: u64) {
        if total < Self::BYTES_MIN {
            return;
        }
        if !self.styled.swap(true, Ordering::Relaxed)
            && let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}")
        {
            self.bar.set_style(style);
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
