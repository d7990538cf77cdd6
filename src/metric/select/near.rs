//! A quick look-up that rules out nearly every value that lies in no window.

use crate::metric::number::ToFloat;
use crate::metric::ordered::{Window, order_of};

/// Roughly where windows lie: one look-up settles nearly every value, and no branch is in doubt.
#[derive(Debug, Clone)]
pub(super) struct Near {
    first: u64,
    /// Low bits of the distance from `first` that share an entry.
    shift: u32,
    touched: Vec<bool>,
}

impl Near {
    /// More entries would leave the cache.
    const ENTRIES: u64 = 1 << 13;

    /// Of inclusive ranges.
    pub(super) fn new(ranges: &[(u64, u64)]) -> Self {
        let (Some(low), Some(high)) = (ranges.iter().map(|r| r.0).min(), ranges.iter().map(|r| r.1).max()) else {
            return Self { first: 0, shift: 0, touched: Vec::new() };
        };
        let shift = (0..64).find(|&shift| (high - low) >> shift < Self::ENTRIES).unwrap_or(63);
        let entry = |x: u64| ((x - low) >> shift) as usize;
        let mut touched = vec![false; entry(high) + 1];
        for range in ranges {
            touched[entry(range.0)..=entry(range.1)].fill(true);
        }
        Self { first: low, shift, touched }
    }

    /// Of windows over the order of floats, for integers: where those lie whose float is inside.
    pub(super) fn of_integers(windows: &[Window], to_float: ToFloat) -> Self {
        let order = |place: u64| order_of(to_float.convert(i128::from(integer_at(place))));
        let range = |window: &Window| {
            let low = partition_point(|place| order(place) < window.low)?;
            let end = partition_point(|place| order(place) <= window.high);
            let high = end.map_or(Some(u64::MAX), |end| end.checked_sub(1))?;
            (low <= high).then_some((low, high))
        };
        Self::new(&windows.iter().filter_map(range).collect::<Vec<_>>())
    }

    pub(super) fn contains(&self, place: u64) -> bool {
        let entry = place.wrapping_sub(self.first) >> self.shift;
        self.touched.get(entry as usize).copied().unwrap_or(false)
    }
}

/// An integer's place in the order of integers.
pub(super) fn place_of(x: i64) -> u64 {
    x as u64 ^ 1 << 63
}

fn integer_at(place: u64) -> i64 {
    (place ^ 1 << 63) as i64
}

/// The first place for which `before` does not hold, where it holds for all before some place; none if it holds for all.
fn partition_point(before: impl Fn(u64) -> bool) -> Option<u64> {
    if before(u64::MAX) {
        return None;
    }
    let (mut low, mut high) = (0, u64::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        match before(middle) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Some(low)
}
