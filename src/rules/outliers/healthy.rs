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
/// Least skew g of a tail, over √n, and the same widening of the whole.
const SKEW_MIN: f64 = 0.4;
const SKEW_MARGIN: f64 = 2.5;
const WIDENING: f64 = 2.0;
/// No tail is taken for heavier.
const SKEW_MAX: f64 = 2.0;

/// How far quantiles lie from the median on one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) quartile: f64,
    pub(super) octile: f64,
}

/// How far from the median healthy values of this tail reach, with `opposite` on the other side; none where both tails are 0.
pub(super) fn reach(count: u64, tail: Tail, opposite: Tail) -> Option<f64> {
    let octile = tail.octile.max(QUARTILE_WEIGHT * tail.quartile);
    let skew = match (octile > 0.0, opposite.octile > 0.0) {
        (true, true) => (octile / opposite.octile).ln() / OCTILE,
        (true, false) => SKEW_MAX,
        (false, true) => 0.0,
        (false, false) => return None,
    };
    let root = (count as f64).sqrt();
    let g = (skew.max(SKEW_MIN + skew.min(0.0)) + SKEW_MARGIN / root).clamp(-SKEW_MAX, SKEW_MAX);
    let z = normal_upper(BEYOND / count as f64);
    let octiles = if g.abs() < 1e-9 { z / OCTILE } else { (g * z).exp_m1() / (g * OCTILE).exp_m1() };
    let scale = if octile > 0.0 { octile } else { opposite.octile };
    Some((scale * octiles * (1.0 + WIDENING / root)).min(f64::MAX))
}
