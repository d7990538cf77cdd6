//! What a histogram says of order statistics and of deviations from the median, before a value was seen.

use crate::metric::ordered::{HistogramOut, Window, value_at};

/// A bucket that holds values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) window: Window,
    pub(super) count: u64,
    /// How many low bits of the order its values may differ in.
    pub(super) shift: u32,
}

/// All cells of a column, ascending.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells(pub(super) Vec<Cell>);

/// Cells whose values must be seen.
pub(super) struct Chosen {
    /// By cell.
    pub(super) seen: Vec<bool>,
    /// Values of other cells that lie nearer the median than the ranks that are sought among the deviations.
    pub(super) nearer: u64,
}

impl Cells {
    pub(super) fn of(out: &HistogramOut) -> Self {
        Self(out.buckets.iter().map(|&(bucket, count)| cell(bucket, out.shift, count)).collect())
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|cell| cell.count).sum()
    }

    /// The same with the buckets of `finer` in the place of the cells they lie in; none if they do not hold as many values.
    pub(super) fn refined(&self, chosen: &[bool], finer: &HistogramOut) -> Option<Self> {
        let mut cells = Vec::with_capacity(self.0.len() + finer.buckets.len());
        let mut buckets = finer.buckets.iter().map(|&(bucket, count)| cell(bucket, finer.shift, count)).peekable();
        for (&old, &is_chosen) in self.0.iter().zip(chosen) {
            if !is_chosen {
                cells.push(old);
                continue;
            }
            let before = cells.len();
            while let Some(part) = buckets.next_if(|part| part.window.low <= old.window.high) {
                cells.push(part);
            }
            if cells[before..].iter().map(|cell| cell.count).sum::<u64>() != old.count {
                return None;
            }
        }
        Some(Self(cells))
    }

    /// The cells that hold the values of `ranks`, and with `deviations` those that may hold the values whose distance from the
    /// median is the median distance.
    pub(super) fn choose(&self, ranks: &[u64], deviations: bool) -> Chosen {
        let mut seen = vec![false; self.0.len()];
        let (mut before, mut rest) = (0, ranks.iter().peekable());
        for (cell, seen) in self.0.iter().zip(&mut seen) {
            before += cell.count;
            while rest.next_if(|rank| **rank < before).is_some() {
                *seen = true;
            }
        }
        let nearer = if deviations { self.choose_by_deviation(&mut seen) } else { 0 };
        Chosen { seen, nearer }
    }

    fn choose_by_deviation(&self, seen: &mut [bool]) -> u64 {
        let (low, high) = middle_ranks(self.count());
        let (Some(lowest), Some(highest)) = (self.at(low), self.at(high)) else { return 0 };
        let median = (bounds(lowest).0, bounds(highest).1);
        let distances: Vec<(f64, f64)> = self.0.iter().map(|cell| distance(bounds(cell), median)).collect();
        // Order statistics of lower bounds are lower bounds of the order statistics; the same holds of upper bounds.
        let at_least = self.weighted(low, distances.iter().map(|d| d.0));
        let at_most = self.weighted(high, distances.iter().map(|d| d.1));
        let mut nearer = 0;
        for ((cell, &(least, most)), seen) in self.0.iter().zip(&distances).zip(seen) {
            if most < at_least {
                nearer += if *seen { 0 } else { cell.count };
            } else if least <= at_most {
                *seen = true;
            }
        }
        nearer
    }

    /// The cell with the value of this rank.
    fn at(&self, rank: u64) -> Option<&Cell> {
        let mut before = 0;
        self.0.iter().find(|cell| {
            before += cell.count;
            rank < before
        })
    }

    /// The order statistic of this rank among one number a value.
    fn weighted(&self, rank: u64, of_cells: impl Iterator<Item = f64>) -> f64 {
        let mut weighted: Vec<(f64, u64)> = of_cells.zip(self.0.iter().map(|cell| cell.count)).collect();
        weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut before = 0;
        let found = weighted.iter().find(|(_, count)| {
            before += count;
            rank < before
        });
        found.map_or(f64::INFINITY, |found| found.0)
    }
}

fn cell(bucket: u64, shift: u32, count: u64) -> Cell {
    let low = bucket << shift;
    Cell { window: Window { low, high: low | ((1 << shift) - 1) }, count, shift }
}

/// The ranks between which the median of `count` values lies.
pub(crate) fn middle_ranks(count: u64) -> (u64, u64) {
    (count.saturating_sub(1) / 2, count / 2)
}

/// Between these lie the values of the cell, those too that were rounded to floats.
fn bounds(cell: &Cell) -> (f64, f64) {
    (value_at(cell.window.low).next_down(), value_at(cell.window.high).next_up())
}

/// The least and the largest distance between a value and the median, each somewhere between its bounds.
fn distance((low, high): (f64, f64), (median_low, median_high): (f64, f64)) -> (f64, f64) {
    // `max` passes over what is not a number: nothing is known then.
    let least = (low - median_high).next_down().max((median_low - high).next_down()).max(0.0);
    let most = (high - median_low).next_up().max((median_high - low).next_up());
    (least, if most.is_nan() { f64::INFINITY } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::ordered::{SHIFT_COARSE, order_of};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_values_that_decide_are_seen(mut values in prop::collection::vec(-50.0f64..80.0, 1..60), shift in 30u32..SHIFT_COARSE + 8) {
            values.sort_by(f64::total_cmp);
            let mut buckets = BTreeMap::new();
            values.iter().for_each(|x| *buckets.entry(order_of(*x) >> shift).or_insert(0) += 1);
            let n = values.len() as u64;
            let cells = Cells::of(&HistogramOut { shift, buckets: buckets.into_iter().collect(), count: n });
            let (low, high) = middle_ranks(n);
            let chosen = cells.choose(&[low, high], true);
            let median = (values[low as usize] + values[high as usize]) / 2.0;
            let is_seen = |x: f64| cells.0.iter().zip(&chosen.seen).any(|(cell, seen)| *seen && cell.window.contains(order_of(x)));
            prop_assert!(is_seen(values[low as usize]) && is_seen(values[high as usize]));
            let mut distances: Vec<(f64, bool)> = values.iter().map(|x| ((x - median).abs(), is_seen(*x))).collect();
            distances.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut of_seen = distances.iter().filter(|d| d.1).map(|d| d.0);
            let at_low = of_seen.nth((low - chosen.nearer) as usize);
            prop_assert_eq!(at_low, Some(distances[low as usize].0));
        }
    }
}
