//! Quantiles and the median absolute deviation, exact: a histogram tells which values decide, one second look sees them.

use std::cmp::Ordering;

use num_bigint::BigInt;

use super::cells::{Cells, Chosen, middle_ranks};
use super::exact::whole_of;
use crate::diagnostic::{Code, Fault};
use crate::metric::ordered::{HistogramSpec, OrderedHistogram, Window, order_of};
use crate::metric::select::{Collect, CollectSpec};
use crate::metric::{Number, Transform};
use crate::rules::facts::{GroupFacts, SecondPass};
use crate::rules::requests::Handle;

/// So many values are collected at most; cells that hold more are first cut finer.
const COLLECT_MAX: u64 = 1 << 20;
/// Bits by which cells are cut finer in one pass.
const REFINE_BITS: u32 = 9;

/// Order statistics on their way to being exact.
#[derive(Debug, Clone)]
pub(super) struct OrderStatistics {
    column: usize,
    transform: Transform,
    wanted: Wanted,
    stage: Stage,
}

/// Which order statistics are needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Quantiles at these eighths, ascending.
    pub(super) eighths: &'static [u64],
    pub(super) mad: bool,
}

#[derive(Debug, Clone)]
enum Stage {
    Sketched(Handle<OrderedHistogram>),
    Refined { handle: Handle<OrderedHistogram>, cells: Cells, seen: Vec<bool> },
    Collected { handle: Handle<Collect>, cells: Cells, seen: Vec<bool>, nearer: u64 },
}

/// How far they are.
#[derive(Debug)]
pub(super) enum Progress {
    NeedsPass,
    Ready(Settled),
}

/// Order statistics of `count` finite values, in fractions of the column's unit.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) count: u64,
    eighths: &'static [u64],
    quantiles: Vec<BigInt>,
    /// In quarters of the unit.
    pub(super) mad: Option<BigInt>,
    /// The value below the median, or the median itself, and how often it occurs.
    pub(super) median: (Number, u64),
}

impl Settled {
    /// The quantile at so many eighths, in eighths of the unit: linear interpolation between the two nearest ranks of (n − 1)·p,
    /// Hyndman and Fan's type 7.
    pub(super) fn quantile(&self, eighth: u64) -> BigInt {
        let place = self.eighths.iter().position(|e| *e == eighth);
        place.map(|place| self.quantiles[place].clone()).unwrap_or_default()
    }
}

impl OrderStatistics {
    pub(super) fn spec(transform: Transform) -> HistogramSpec {
        HistogramSpec { transform, ..HistogramSpec::COARSE }
    }

    pub(super) fn new(handle: Handle<OrderedHistogram>, column: usize, transform: Transform, wanted: Wanted) -> Self {
        Self { column, transform, wanted, stage: Stage::Sketched(handle) }
    }

    /// How many finite values there are.
    pub(super) fn count(&self, facts: &GroupFacts<'_>) -> Result<u64, Fault> {
        Ok(match &self.stage {
            Stage::Sketched(handle) => facts.get(*handle)?.map_or(0, |out| out.count),
            Stage::Refined { cells, .. } | Stage::Collected { cells, .. } => cells.count(),
        })
    }

    /// Goes one pass further, or gives the order statistics. There must be finite values.
    pub(super) fn advance(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Progress, Fault> {
        let cells = match &self.stage {
            Stage::Sketched(handle) => facts.get(*handle)?.map(Cells::of).unwrap_or_default(),
            Stage::Refined { handle, cells, seen } => {
                let finer = facts.get(*handle)?.ok_or_else(lost)?;
                cells.refined(seen, finer).ok_or_else(lost)?
            }
            Stage::Collected { handle, cells, seen, nearer } => {
                let values = facts.get(*handle)?.ok_or_else(lost)?;
                let ranked = Ranked::of(cells, seen, values).ok_or_else(lost)?;
                return ranked.settle(self.wanted, cells.count(), *nearer).map(Progress::Ready).ok_or_else(lost);
            }
        };
        self.narrow(cells, pass);
        Ok(Progress::NeedsPass)
    }

    /// Asks for the values that decide, or for finer cells where these are many.
    fn narrow(&mut self, cells: Cells, pass: &mut SecondPass<'_>) {
        let Chosen { seen, nearer } = cells.choose(&ranks(self.wanted, cells.count()), self.wanted.mad);
        let windows = windows(&cells, &seen);
        let chosen = || cells.0.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(cell, _)| cell);
        let held: u64 = chosen().map(|cell| cell.count).sum();
        let shift = chosen().map(|cell| cell.shift).max().unwrap_or(0);
        self.stage = if held > COLLECT_MAX && shift > 0 {
            let spec = HistogramSpec { shift: shift.saturating_sub(REFINE_BITS), windows, transform: self.transform };
            Stage::Refined { handle: pass.want::<OrderedHistogram>(spec, &[self.column]), cells, seen }
        } else {
            let spec = CollectSpec { windows, transform: self.transform };
            Stage::Collected { handle: pass.want::<Collect>(spec, &[self.column]), cells, seen, nearer }
        };
    }
}

/// Looks do not agree on the values: a mistake of ours, or the data changed between them.
fn lost() -> Fault {
    Fault::new(Code::Internal, "internal error: a second look did not find the values that the first one counted")
}

/// The two ranks of a quantile, and how many eighths it lies beyond the first.
fn ranks_of(eighth: u64, count: u64) -> (u64, u64, u64) {
    let place = u128::from(count - 1) * u128::from(eighth);
    let (low, beyond) = ((place / 8) as u64, (place % 8) as u64);
    (low, low + u64::from(beyond > 0), beyond)
}

/// The ranks whose values are needed, ascending.
fn ranks(wanted: Wanted, count: u64) -> Vec<u64> {
    let both = |&eighth: &u64| {
        let (low, high, _) = ranks_of(eighth, count);
        [low, high]
    };
    let mut ranks: Vec<u64> = wanted.eighths.iter().flat_map(both).collect();
    ranks.sort_unstable();
    ranks
}

/// The cells that are to be seen, neighbours as one.
fn windows(cells: &Cells, seen: &[bool]) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut last_seen = false;
    for (cell, &seen) in cells.0.iter().zip(seen) {
        match windows.last_mut().filter(|_| last_seen) {
            Some(last) if seen => last.high = cell.window.high,
            _ if seen => windows.push(cell.window),
            _ => {}
        }
        last_seen = seen;
    }
    windows
}

/// Values that were seen, ascending, each with the rank of its first and how often it occurs.
struct Ranked(Vec<(u64, Number, u64)>);

impl Ranked {
    /// None unless every cell that was to be seen holds as many values as were counted in it.
    fn of(cells: &Cells, seen: &[bool], values: &[(Number, u64)]) -> Option<Self> {
        let mut ranked = Vec::with_capacity(values.len());
        let mut values = values.iter().peekable();
        let mut rank = 0;
        for (cell, &seen) in cells.0.iter().zip(seen) {
            let end = rank + cell.count;
            while let Some(&&(number, count)) = values.peek().filter(|v| seen && cell.window.contains(order_of(v.0.as_f64()))) {
                ranked.push((rank, number, count));
                rank += count;
                values.next();
            }
            if seen && rank != end {
                return None;
            }
            rank = end;
        }
        values.next().is_none().then_some(Self(ranked))
    }

    fn at(&self, rank: u64) -> Option<Number> {
        self.counted_at(rank).map(|(number, _)| number)
    }

    /// The value at this rank, and how often it occurs.
    fn counted_at(&self, rank: u64) -> Option<(Number, u64)> {
        let place = self.0.partition_point(|(first, _, _)| *first <= rank).checked_sub(1)?;
        let (first, number, count) = self.0[place];
        (rank - first < count).then_some((number, count))
    }

    fn settle(&self, wanted: Wanted, count: u64, nearer: u64) -> Option<Settled> {
        let quantile = |&eighth: &u64| {
            let (low, high, beyond) = ranks_of(eighth, count);
            Some(whole_of(self.at(low)?) * (8 - beyond) + whole_of(self.at(high)?) * beyond)
        };
        let quantiles = wanted.eighths.iter().map(quantile).collect::<Option<Vec<_>>>()?;
        let (low, high) = middle_ranks(count);
        let (median, b) = (self.counted_at(low)?, self.at(high)?);
        let a = median.0;
        let mad = if wanted.mad { Some(self.mad(a, b, low.checked_sub(nearer)?, high.checked_sub(nearer)?)?) } else { None };
        Some(Settled { count, eighths: wanted.eighths, quantiles, mad, median })
    }

    /// Walks outwards from the median, which lies in the middle of `a` and `b`: the sum of the deviations at two ranks of those
    /// seen, each in halves of the unit.
    fn mad(&self, a: Number, b: Number, low: u64, high: u64) -> Option<BigInt> {
        let values = &self.0;
        let twice_median = whole_of(a) + whole_of(b);
        let deviation = |number: Number| {
            let twice = whole_of(number) * 2;
            if twice > twice_median { twice - &twice_median } else { &twice_median - twice }
        };
        let mut right = values.partition_point(|(_, number, _)| compare_sums((*number, *number), (a, b)) == Ordering::Less);
        let mut left = right;
        let (mut before, mut at_low) = (0, None);
        loop {
            let left_is_next = match (left.checked_sub(1).map(|i| values[i].1), values.get(right).map(|v| v.1)) {
                (None, None) => return None,
                (None, Some(_)) => false,
                (Some(_), None) => true,
                (Some(l), Some(r)) => compare_sums((l, r), (a, b)) != Ordering::Less,
            };
            let (_, number, count) = if left_is_next {
                left -= 1;
                values[left]
            } else {
                right += 1;
                values[right - 1]
            };
            before += count;
            if at_low.is_none() && low < before {
                at_low = Some(deviation(number));
            }
            if high < before {
                return at_low.map(|at_low| at_low + deviation(number));
            }
        }
    }
}

/// How a + b stands to c + d; exact.
fn compare_sums((a, b): (Number, Number), (c, d): (Number, Number)) -> Ordering {
    let quickly = match (a, b, c, d) {
        (Number::Int { value: a, .. }, Number::Int { value: b, .. }, Number::Int { value: c, .. }, Number::Int { value: d, .. }) => {
            a.checked_add(b).zip(c.checked_add(d)).map(|(ours, theirs)| ours.cmp(&theirs))
        }
        (Number::Float(a), Number::Float(b), Number::Float(c), Number::Float(d)) => {
            // The rounded sums decide unless they are the same: then what rounding took away does.
            let (ours, theirs) = (two_sum(a, b), two_sum(c, d));
            (ours.0.is_finite() && theirs.0.is_finite()).then(|| ours.partial_cmp(&theirs)).flatten()
        }
        _ => None,
    };
    quickly.unwrap_or_else(|| (whole_of(a) + whole_of(b)).cmp(&(whole_of(c) + whole_of(d))))
}

/// A sum, rounded, and what rounding took from it (Knuth).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_compare_as_they_are(a in any::<i32>(), b in any::<i32>(), c in any::<i32>(), scale in -600i32..600) {
            // d is such that both sums are nearly the same.
            let float = |x: i32| Number::Float(f64::from(x) * 2f64.powi(scale));
            let (near, d) = (f64::from(c) * 2f64.powi(scale), f64::from(a) + f64::from(b) - f64::from(c));
            let d = Number::Float(d * 2f64.powi(scale));
            prop_assert_eq!(compare_sums((float(a), float(b)), (float(c), d)), Ordering::Equal);
            let above = Number::Float(near.next_up());
            let exact = (whole_of(float(a)) + whole_of(float(b))).cmp(&(whole_of(above) + whole_of(d)));
            prop_assert_eq!(compare_sums((float(a), float(b)), (above, d)), exact);
        }
    }
}
