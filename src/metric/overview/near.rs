//! Counts of integers that lie close together: an element of an array for each.

use serde::{Deserialize, Serialize};

/// Integers share blocks of so many neighbours.
const BLOCK: i64 = 1 << 10;
/// Integers within so many blocks are counted here.
const SPAN_BLOCKS: i64 = 1 << 6;

/// How often each integer occurs, of integers within [`SPAN_BLOCKS`] blocks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Near {
    /// What the first count stands for: where a block begins.
    base: i64,
    counts: Vec<u64>,
}

impl Near {
    /// Whether `count` more of `value` could be taken in.
    #[inline]
    pub(super) fn add(&mut self, value: i64, count: u64) -> bool {
        let place = value.wrapping_sub(self.base) as u64;
        if let Some(there) = usize::try_from(place).ok().and_then(|place| self.counts.get_mut(place)) {
            *there += count;
            return true;
        }
        self.widen(value) && {
            self.counts[value.wrapping_sub(self.base) as usize] += count;
            true
        }
    }

    /// Makes room for `value`, unless the integers would span too many blocks.
    #[cold]
    fn widen(&mut self, value: i64) -> bool {
        let new = value.div_euclid(BLOCK);
        let blocks = self.counts.len() as i64 / BLOCK;
        let (mut low, mut high) = (new, new);
        if blocks > 0 {
            low = low.min(self.base / BLOCK);
            high = high.max(self.base / BLOCK + blocks - 1);
        }
        if high.checked_sub(low).is_none_or(|span| span >= SPAN_BLOCKS) {
            return false;
        }
        let before = if blocks > 0 { self.base / BLOCK - low } else { 0 };
        self.counts.splice(0..0, std::iter::repeat_n(0, (before * BLOCK) as usize));
        self.counts.resize(((high - low + 1) * BLOCK) as usize, 0);
        self.base = low * BLOCK;
        true
    }

    /// The integers that occur, ascending, each with its count.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        (self.base..).zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    pub(super) fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
    }
}
