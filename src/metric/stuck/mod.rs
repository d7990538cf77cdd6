//! Runs of one value: a sensor that is frozen says the same for too long.

mod equal;
mod sorted;

pub use self::equal::{EqualRuns, RunsOut};
pub use self::sorted::{SortedRuns, SortedSpec};
