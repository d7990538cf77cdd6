//! Points between the steps of a publish, at which a test kills the process: what is on disk then is what a crash leaves.

use std::sync::atomic::{AtomicU64, Ordering};

/// The step at which to die; 0 for none.
static DIES_AT: AtomicU64 = AtomicU64::new(0);
static STEPS: AtomicU64 = AtomicU64::new(0);

/// Lets the process die at its `step`th step, counted from 1.
pub fn at_step(step: u64) {
    DIES_AT.store(step, Ordering::SeqCst);
}

/// One more step is done.
pub(crate) fn step() {
    let dies_at = DIES_AT.load(Ordering::SeqCst);
    if dies_at > 0 && STEPS.fetch_add(1, Ordering::SeqCst) + 1 == dies_at {
        // No destructor runs, and nothing is flushed.
        std::process::abort();
    }
}
