//! How far a run is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::shown::count;

/// A progress bar on standard error, where that is a terminal and the work is long.
pub(super) struct Progress {
    bar: ProgressBar,
    styled: AtomicBool,
    began: Instant,
    /// Rows that were looked at.
    rows: Arc<AtomicU64>,
    /// Another program that wants to know.
    listener: Option<Listener>,
}

/// Is told of bytes done, bytes in all, and rows done.
pub type Listener = Arc<dyn Fn(u64, u64, u64) + Send + Sync>;

impl Progress {
    /// Below this much data the work is over before a bar could be read.
    const BYTES_MIN: u64 = 64 << 20;

    pub(super) fn new(quiet: bool) -> Self {
        Self::on(if quiet || !is_watched() { ProgressBar::hidden() } else { ProgressBar::new(0) })
    }

    /// For a program that runs this one within itself, if it listens.
    pub(super) fn told_to(mut self, listener: Option<Listener>) -> Self {
        self.listener = listener;
        self
    }

    /// Of steps that are counted.
    pub(super) fn of_steps() -> Self {
        Self::on(if is_watched() { ProgressBar::no_length() } else { ProgressBar::hidden() })
    }

    fn on(bar: ProgressBar) -> Self {
        Self { bar, styled: AtomicBool::new(false), began: Instant::now(), rows: Arc::default(), listener: None }
    }

    /// So many steps are done.
    pub(super) fn step(&self, done: u64, total: u64) {
        if !self.styled.swap(true, Ordering::Relaxed)
            && let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len}, {eta} left")
        {
            self.bar.set_style(style);
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Where the run counts its rows.
    pub(super) fn rows(&self) -> Arc<AtomicU64> {
        self.rows.clone()
    }

    pub(super) fn advance(&self, done: u64, total: u64) {
        if let Some(listener) = &self.listener {
            listener(done, total, self.rows.load(Ordering::Relaxed));
        }
        if total < Self::BYTES_MIN || self.bar.is_hidden() {
            return;
        }
        if !self.styled.swap(true, Ordering::Relaxed)
            && let Ok(style) = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {msg}, {eta} left")
        {
            self.bar.set_style(style);
        }
        let (rows, seconds) = (self.rows.load(Ordering::Relaxed), self.began.elapsed().as_secs_f64());
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(format!("{} rows, {} rows/s", count(rows), count((rows as f64 / seconds.max(1e-3)) as u64)));
    }
}

/// Whether somebody may be looking: nobody does in CI, and a terminal that cannot go back in a line shows no bar.
fn is_watched() -> bool {
    let is = |name: &str, not: &[&str]| std::env::var(name).is_ok_and(|value| !value.is_empty() && !not.contains(&value.as_str()));
    !is("CI", &["0", "false"]) && std::env::var("TERM").map_or(true, |term| term != "dumb")
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
