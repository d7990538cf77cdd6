//! Exact quantiles in bounded memory: a histogram brackets them, second passes settle them.

use super::Asking;
use super::facts::{GroupFacts, SecondPass};
use super::narrow::{Narrowing, Sought, lost};
use super::requests::Scope;
use crate::diagnostic::Fault;
use crate::metric::fraction::Fraction;
use crate::metric::ordered::{HistogramOut, OrderedHistogram};
use crate::metric::{Number, Transform};

/// Quantiles on their way to being exact.
#[derive(Debug, Clone)]
pub struct ExactQuantiles {
    probabilities: Vec<f64>,
    values: Narrowing,
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
        let handle = requests.want::<OrderedHistogram>(Narrowing::spec(transform), &[column], scope);
        Self { probabilities, values: Narrowing::new(handle, column, transform) }
    }

    /// Quantiles of `column`, whose histogram was counted before.
    pub fn beside(histogram: &HistogramOut, column: usize, probabilities: Vec<f64>) -> Self {
        Self { probabilities, values: Narrowing::beside(histogram, column) }
    }

    /// Goes one pass further, or gives the quantiles: linear interpolation between the two nearest
    /// ranks of (n − 1)·p, Hyndman and Fan's type 7. `p` is the decimal that it is written as, and the quantile is
    /// rounded once.
    pub fn advance(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Progress, Fault> {
        if self.values.count(facts)? == 0 {
            return Ok(Progress::Empty);
        }
        let probabilities = &self.probabilities;
        let sought = Sought { ranks: &|count| ranks(probabilities, count), deviations: false };
        let Some(seen) = self.values.advance(facts, pass, &sought)? else { return Ok(Progress::NeedsPass) };
        let quantile = |&p: &f64| {
            let place = Place::of(p, seen.count);
            let (low, high) = (seen.values.at(place.low)?, seen.values.at(place.high())?);
            Some(if low == high { low.as_f64() } else { place.between(low, high) })
        };
        let quantiles = probabilities.iter().map(quantile).collect::<Option<_>>().ok_or_else(lost)?;
        Ok(Progress::Ready { quantiles, count: seen.count })
    }
}

/// The quantile at `p` of finite numbers, ascending, each with its count, as [`ExactQuantiles::advance`] gives it; none without numbers.
pub fn quantile_of_counts(numbers: &[(Number, u64)], p: f64) -> Option<f64> {
    let finite = || numbers.iter().filter(|(number, _)| number.as_f64().is_finite());
    let count = finite().map(|(_, count)| count).sum::<u64>();
    let place = Place::of(p, count);
    let at = |rank: u64| {
        let mut before = 0;
        finite().find(|(_, count)| {
            before += count;
            rank < before
        })
    };
    let ((low, _), (high, _)) = (at(place.low)?, at(place.high())?);
    Some(if low == high { low.as_f64() } else { place.between(*low, *high) })
}

/// The ranks whose values are needed among `count` values, ascending.
fn ranks(probabilities: &[f64], count: u64) -> Vec<u64> {
    let both = |&p: &f64| {
        let place = Place::of(p, count);
        [place.low, place.high()]
    };
    let mut ranks: Vec<u64> = probabilities.iter().flat_map(both).collect();
    ranks.sort_unstable();
    ranks
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
