//! Exact quantiles in bounded memory: a histogram brackets them, second passes settle them.

use super::Asking;
use super::facts::{GroupFacts, SecondPass};
use super::requests::Handle;
use super::requests::Scope;
use crate::diagnostic::{Code, Fault};
use crate::metric::fraction::Fraction;
use crate::metric::ordered::{HistogramOut, HistogramSpec, OrderedHistogram, Window, order_of};
use crate::metric::select::{Collect, CollectSpec};
use crate::metric::{Number, Transform};

/// So many values are collected at most; a bracket that holds more is first cut finer.
const COLLECT_MAX: u64 = 1 << 20;
/// Bits by which a bracket is cut finer in one pass.
const REFINE_BITS: u32 = 9;

/// Quantiles on their way to being exact.
#[derive(Debug, Clone)]
pub struct ExactQuantiles {
    column: usize,
    transform: Transform,
    probabilities: Vec<f64>,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Sketched(Handle<OrderedHistogram>),
    Refined { handle: Handle<OrderedHistogram>, shift: u32, count: u64, ranks: Vec<Rank> },
    Collected { handle: Handle<Collect>, count: u64, ranks: Vec<Rank> },
}

/// A rank, the window that holds its value, and how many values come before the window.
#[derive(Debug, Clone, Copy)]
struct Rank {
    rank: u64,
    window: Window,
    before: u64,
    holds: u64,
}

/// How far the quantiles are.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A second pass was asked for.
    NeedsPass,
    /// There are no finite values.
    Empty,
    Ready {
        quantiles: Vec<f64>,
        count: u64,
    },
}

impl ExactQuantiles {
    /// Asks for what is needed in the first pass: quantiles at `probabilities` (0 to 1) of `column`.
    pub fn bind(requests: &mut Asking<'_>, scope: &Scope, column: usize, transform: Transform, probabilities: Vec<f64>) -> Self {
        let spec = HistogramSpec { transform, ..HistogramSpec::COARSE };
        let handle = requests.want::<OrderedHistogram>(spec, &[column], scope);
        Self { column, transform, probabilities, stage: Stage::Sketched(handle) }
    }

    /// Goes one pass further, or gives the quantiles: linear interpolation between the two nearest
    /// ranks of (n − 1)·p, Hyndman and Fan's type 7. `p` is the decimal that it is written as, and the quantile is
    /// rounded once.
    pub fn advance(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Progress, Fault> {
        match &self.stage {
            Stage::Sketched(handle) => {
                let Some(out) = facts.get(*handle)?.filter(|o| o.count > 0) else { return Ok(Progress::Empty) };
                let ranks = self.ranks(out.count).into_iter().map(|rank| {
                    let (window, before, holds) = out.bracket(rank).ok_or_else(|| lost(rank))?;
                    Ok(Rank { rank, window, before, holds })
                });
                let (count, shift, ranks) = (out.count, out.shift, ranks.collect::<Result<_, Fault>>()?);
                Ok(self.narrow(ranks, count, shift, pass))
            }
            Stage::Refined { handle, shift, count, ranks } => {
                let Some(out) = facts.get(*handle)? else { return Ok(Progress::Empty) };
                let finer = ranks.iter().map(|r| r.within(out).ok_or_else(|| lost(r.rank))).collect::<Result<_, Fault>>()?;
                let (count, shift) = (*count, *shift);
                Ok(self.narrow(finer, count, shift, pass))
            }
            Stage::Collected { handle, count, ranks } => {
                let empty = Vec::new();
                let values = facts.get(*handle)?.unwrap_or(&empty);
                let value_at = |rank: u64| ranks.iter().find(|r| r.rank == rank).and_then(|r| r.value(values)).ok_or_else(|| lost(rank));
                let quantile = |&p: &f64| {
                    let place = Place::of(p, *count);
                    let (low, high) = (value_at(place.low)?, value_at(place.high())?);
                    Ok(if low == high { low.as_f64() } else { place.between(low, high) })
                };
                let quantiles = self.probabilities.iter().map(quantile).collect::<Result<_, Fault>>()?;
                Ok(Progress::Ready { quantiles, count: *count })
            }
        }
    }

    /// The ranks whose values are needed, ascending.
    fn ranks(&self, count: u64) -> Vec<u64> {
        let both = |&p: &f64| {
            let place = Place::of(p, count);
            [place.low, place.high()]
        };
        let mut ranks: Vec<u64> = self.probabilities.iter().flat_map(both).collect();
        ranks.sort_unstable();
        ranks.dedup();
        ranks
    }

    fn narrow(&mut self, ranks: Vec<Rank>, count: u64, shift: u32, pass: &mut SecondPass<'_>) -> Progress {
        let mut windows: Vec<Window> = ranks.iter().map(|r| r.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let held: u64 = {
            let mut counted: Vec<(Window, u64)> = ranks.iter().map(|r| (r.window, r.holds)).collect();
            counted.sort_unstable();
            counted.dedup();
            counted.iter().map(|(_, holds)| holds).sum()
        };
        self.stage = if held > COLLECT_MAX && shift > 0 {
            let shift = shift.saturating_sub(REFINE_BITS);
            let handle = pass.want::<OrderedHistogram>(HistogramSpec { shift, windows, transform: self.transform }, &[self.column]);
            Stage::Refined { handle, shift, count, ranks }
        } else {
            let spec = CollectSpec { windows, transform: self.transform };
            Stage::Collected { handle: pass.want::<Collect>(spec, &[self.column]), count, ranks }
        };
        Progress::NeedsPass
    }
}

/// Looks do not agree on the values: a mistake of ours, or the data changed between them.
fn lost(rank: u64) -> Fault {
    Fault::new(Code::Internal, format!("internal error: a second look did not find the value of rank {rank}"))
}

/// The place (n − 1)·p among ascending values: a rank, and how far it is from there to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    low: u64,
    /// Of `whole`, fewer than those.
    part: u128,
    whole: u128,
}

impl Place {
    /// Powers of ten up to this one fit 128 bits.
    const POWER_MAX: u32 = 38;

    /// Of the probability `p`, 0 to 1, among `count` values.
    fn of(p: f64, count: u64) -> Self {
        // The shortest decimal that is this float, which is what was written: 29 of 100 steps, not 28.999….
        let written = format!("{p:e}");
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let decimals = digits.len() as i32 - 1 - exponent.parse::<i32>().unwrap_or(0);
        // Digits of a p that is smaller than any step between ranks do not count.
        let (digits, decimals) = match decimals.clamp(0, i32::MAX).unsigned_abs() {
            few @ 0..=Self::POWER_MAX => (digits.parse().unwrap_or(0), few),
            _ => (0u128, 0),
        };
        let whole = 10u128.pow(decimals);
        let place = digits * u128::from(count.saturating_sub(1));
        Self { low: (place / whole) as u64, part: place % whole, whole }
    }

    fn high(&self) -> u64 {
        self.low + u64::from(self.part > 0)
    }

    /// The nearest float to the value at this place.
    fn between(&self, low: Number, high: Number) -> f64 {
        Fraction::of_number(low).towards(&Fraction::of_number(high), (self.part, self.whole)).as_f64()
    }
}

impl Rank {
    /// The same rank in the finer buckets of `out`.
    fn within(&self, out: &HistogramOut) -> Option<Rank> {
        let mut before = self.before;
        for &(bucket, count) in &out.buckets {
            let low = bucket << out.shift;
            if !self.window.contains(low) {
                continue;
            }
            if self.rank < before + count {
                let window = Window { low, high: low | ((1 << out.shift) - 1) };
                return Some(Rank { rank: self.rank, window, before, holds: count });
            }
            before += count;
        }
        None
    }

    /// The value at this rank among collected values, ascending.
    fn value(&self, values: &[(Number, u64)]) -> Option<Number> {
        let mut before = self.before;
        for (number, count) in values {
            if !self.window.contains(order_of(number.as_f64())) {
                continue;
            }
            before += count;
            if self.rank < before {
                return Some(*number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_the_decimal_that_is_written() {
        let place = |p, count| {
            let place = Place::of(p, count);
            (place.low, place.high(), place.part as f64 / place.whole as f64)
        };
        assert_eq!(place(0.5, 2), (0, 1, 0.5));
        // In floats, 0.29·100 is 28.999999999999996.
        assert_eq!(place(0.29, 101), (29, 29, 0.0));
        assert_eq!(place(0.0, 10), (0, 0, 0.0));
        assert_eq!(place(1.0, 10), (9, 9, 0.0));
        assert_eq!(place(1e-5, 2), (0, 1, 1e-5));
        assert_eq!(place(5e-324, 1 << 40), (0, 0, 0.0));
        let near_the_end = Place { low: 1_099_511_627_774, part: 9_998_900_488_372_225, whole: 10u128.pow(16) };
        assert_eq!(Place::of(0.999_999_999_999_999_9, 1 << 40), near_the_end);
    }
}
