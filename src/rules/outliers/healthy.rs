//! How far values of a healthy batch reach: where the rule file sets no limit, fences stand no nearer.
//!
//! The fences are those of Tukey's g distribution (Hoaglin 1985; Bruffaerts, Verardi and Vermandele 2014 take the like for
//! boxplots of skewed data), at a depth that follows from the number of values, with margins for what few values do not tell.
//! `docs/statistics.md` has the formula, and how often healthy batches of several kinds reach beyond.

use crate::statistics::normal_upper;

/// Fewer values do not tell their shape: limits are then those of the published definitions, and groups are not judged.
pub(super) const VALUES_MIN: u64 = 10;

/// The octile of the standard normal distribution.
const OCTILE: f64 = 1.150_349_380_376_008;
/// With what probability the largest of all values of a g distribution lies beyond its fence.
const BEYOND: f64 = 0.005;
/// The distance of a quartile counts at least so many times: the octile of coarse data may fall short by a step.
const QUARTILE_WEIGHT: f64 = 1.4;
/// Octile by quartile of the normal distribution, and how fast the logarithm of this ratio grows with g.
const OCTILE_BY_QUARTILE: f64 = 1.7055;
const RATIO_GROWTH: f64 = 0.238;
/// Least skew g of the longer tail, and what a shorter one gains on its own.
const SKEW_MIN: f64 = 0.4;
/// Least skew of a tail with nothing on the other side, as that of counts and amounts that often are 0.
const SKEW_MIN_ALONE: f64 = 1.0;
/// No tail is taken for heavier.
const SKEW_MAX: f64 = 2.0;
/// What few values do not tell, over √n: of skew, of skew from one tail alone, and as a widening of the whole.
const SKEW_MARGIN: f64 = 3.0;
const SKEW_MARGIN_ALONE: f64 = 6.0;
const WIDENING: f64 = 3.0;

/// Whether one value in twenty or more, and not only one, is the median itself: data of a few steps, such as small counts.
pub(super) fn is_coarse(at_median: u64, count: u64) -> bool {
    at_median > 1 && at_median.saturating_mul(20) >= count
}

/// How far quantiles lie from the median on one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) quartile: f64,
    pub(super) octile: f64,
}

/// How far from the median healthy values of this tail reach, with `opposite` on the other side; none where both tails are 0.
pub(super) fn reach(count: u64, tail: Tail, opposite: Tail) -> Option<f64> {
    let octile = tail.octile.max(QUARTILE_WEIGHT * tail.quartile);
    let root = (count as f64).sqrt();
    let skew = match (octile > 0.0, opposite.octile > 0.0) {
        (true, true) => (octile / opposite.octile).ln() / OCTILE,
        (true, false) if tail.quartile > 0.0 => {
            let by_itself = (octile / tail.quartile / OCTILE_BY_QUARTILE).ln() / RATIO_GROWTH;
            (by_itself.max(SKEW_MIN_ALONE) + SKEW_MARGIN_ALONE / root).min(SKEW_MAX)
        }
        (true, false) => SKEW_MAX,
        (false, true) => 0.0,
        (false, false) => return None,
    };
    let g = (skew.max(SKEW_MIN + skew.min(0.0)) + SKEW_MARGIN / root).clamp(-SKEW_MAX, SKEW_MAX);
    let z = normal_upper(BEYOND / count as f64);
    let octiles = if g.abs() < 1e-9 { z / OCTILE } else { (g * z).exp_m1() / (g * OCTILE).exp_m1() };
    let scale = if octile > 0.0 { octile } else { opposite.octile };
    Some((scale * octiles * (1.0 + WIDENING / root)).min(f64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By scipy: `norm.isf(0.005 / n)` and the formula of docs/statistics.md in numpy.
    #[test]
    fn reaches_are_those_of_the_formula() {
        let tail = |quartile, octile| Tail { quartile, octile };
        let cases = [
            (30, tail(0.6745, 1.15), tail(0.6745, 1.15), 26.11325545308445),
            (100000, tail(0.963, 2.158), tail(0.491, 0.684), 212.97227971327632),
            (1000, tail(0.491, 0.684), tail(0.963, 2.158), 1.5321795400733567),
            (1000, tail(0.73, 1.63), tail(0.0, 0.0), 226.66434981707545),
            (20, tail(0.0, 1.0), tail(0.0, 0.0), 196.12476718067973),
            (50, tail(0.0, 0.0), tail(1.0, 2.0), 36.83385307319857),
            (10, tail(1.0, 1.0), tail(1.0, 2.0), 34.944762705142175),
        ];
        for (count, tail, opposite, expected) in cases {
            let found = reach(count, tail, opposite).expect("a reach");
            assert!((found / expected - 1.0).abs() < 1e-9, "{count} {tail:?} {opposite:?}: {found} where {expected} is expected");
        }
        assert_eq!(reach(100, tail(0.0, 0.0), tail(0.0, 0.0)), None);
    }
}
