//! Columns whose values move on by nature: `auto` does not hold them against what was.

use super::sides::Sides;
use crate::metric::cells::CellsKind;

/// Nearly all values differ, as far as an estimate tells.
const DIFFERENT: f64 = 0.9;
/// Numbers that count something leave few out.
const DENSE: f64 = 1.2;

/// What is known of how many values of batch and baseline differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Different {
    pub ours: u64,
    pub theirs: u64,
}

impl Sides {
    /// Why the values need not be distributed as before, if so. `is_time` says that they are dates or times; `different` how many
    /// of whole numbers differ.
    pub(super) fn moves_on(&self, is_time: bool, different: Option<Different>) -> Option<&'static str> {
        if self.kind != CellsKind::Numbers {
            return None;
        }
        let (low, high) = self.reach()?;
        let beyond: u64 = self.pairs.iter().filter(|pair| pair.edges.is_some_and(|(from, _)| from > high)).map(|pair| pair.a).sum();
        let is_behind = beyond * 2 >= self.n;
        if is_time {
            return is_behind.then_some("times that run on");
        }
        let differ = |count: u64, of: u64| count as f64 >= DIFFERENT * of as f64;
        let is_key = different.is_some_and(|d| differ(d.ours, self.n) && differ(d.theirs, self.m));
        let is_dense = high - low + 1.0 <= DENSE * self.m as f64;
        (is_key && (is_behind || is_dense)).then_some("numbers that only tell rows apart")
    }

    /// The lowest and the highest value of the baseline, as far as its cells tell.
    fn reach(&self) -> Option<(f64, f64)> {
        let mut there = self.pairs.iter().filter(|pair| pair.b > 0).filter_map(|pair| pair.edges);
        let first = there.next()?;
        Some((first.0, there.next_back().unwrap_or(first).1))
    }
}
