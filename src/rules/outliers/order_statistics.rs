//! Quantiles and the median absolute deviation, exact: a histogram tells which values decide, one second look sees them.

use std::cmp::Ordering;

use num_bigint::BigInt;

use super::exact::whole_of;
use crate::diagnostic::Fault;
use crate::metric::ordered::OrderedHistogram;
use crate::metric::{Number, Transform};
use crate::rules::facts::{GroupFacts, SecondPass};
use crate::rules::narrow::{Narrowing, Ranked, Seen, Sought, lost, middle_ranks};
use crate::rules::requests::Handle;

/// Order statistics on their way to being exact.
#[derive(Debug, Clone)]
pub(super) struct OrderStatistics {
    wanted: Wanted,
    values: Narrowing,
}

/// Which order statistics are needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Quantiles at these eighths, ascending.
    pub(super) eighths: &'static [u64],
    pub(super) mad: bool,
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
    /// Order statistics that were found elsewhere.
    pub(super) fn of(count: u64, eighths: &'static [u64], quantiles: Vec<BigInt>, median: (Number, u64)) -> Self {
        Self { count, eighths, quantiles, mad: None, median }
    }

    /// The same with a median absolute deviation, in quarters of the unit.
    pub(super) fn with_mad(self, mad: Option<BigInt>) -> Self {
        Self { mad, ..self }
    }

    /// Of these finite values, ascending, each with its count; none without values.
    pub(super) fn of_values(values: &[(Number, u64)], wanted: Wanted) -> Option<Self> {
        let mut count = 0;
        let ranked = values.iter().map(|&(number, times)| {
            count += times;
            (count - times, number, times)
        });
        let values = Ranked(ranked.collect());
        (count > 0).then(|| settle(&Seen { values, count, nearer: 0 }, wanted)).flatten()
    }

    /// The quantile at so many eighths, in eighths of the unit: linear interpolation between the two nearest ranks of (n − 1)·p,
    /// Hyndman and Fan's type 7.
    pub(super) fn quantile(&self, eighth: u64) -> BigInt {
        let place = self.eighths.iter().position(|e| *e == eighth);
        place.map(|place| self.quantiles[place].clone()).unwrap_or_default()
    }
}

impl OrderStatistics {
    pub(super) fn new(handle: Handle<OrderedHistogram>, column: usize, transform: Transform, wanted: Wanted) -> Self {
        Self { wanted, values: Narrowing::new(handle, column, transform) }
    }

    /// How many finite values there are.
    pub(super) fn count(&self, facts: &GroupFacts<'_>) -> Result<u64, Fault> {
        self.values.count(facts)
    }

    /// Goes one pass further, or gives the order statistics. There must be finite values.
    pub(super) fn advance(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Progress, Fault> {
        let wanted = self.wanted;
        let sought = Sought { ranks: &|count| ranks(wanted, count), deviations: wanted.mad };
        match self.values.advance(facts, pass, &sought)? {
            None => Ok(Progress::NeedsPass),
            Some(seen) => settle(&seen, wanted).map(Progress::Ready).ok_or_else(lost),
        }
    }
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

fn settle(seen: &Seen, wanted: Wanted) -> Option<Settled> {
    let (values, count) = (&seen.values, seen.count);
    let quantile = |&eighth: &u64| {
        let (low, high, beyond) = ranks_of(eighth, count);
        Some(whole_of(values.at(low)?) * (8 - beyond) + whole_of(values.at(high)?) * beyond)
    };
    let quantiles = wanted.eighths.iter().map(quantile).collect::<Option<Vec<_>>>()?;
    let (low, high) = middle_ranks(count);
    let (median, b) = (values.counted_at(low)?, values.at(high)?);
    let of_seen = |rank: u64| rank.checked_sub(seen.nearer);
    let mad = if wanted.mad { Some(mad(values, (median.0, b), (of_seen(low)?, of_seen(high)?))?) } else { None };
    Some(Settled { count, eighths: wanted.eighths, quantiles, mad, median })
}

/// Walks outwards from the median, which lies in the middle of `a` and `b`: the sum of the deviations at two ranks of those
/// seen, each in halves of the unit.
fn mad(values: &Ranked, (a, b): (Number, Number), (low, high): (u64, u64)) -> Option<BigInt> {
    let values = &values.0;
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
