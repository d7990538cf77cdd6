//! Values that moved by a constant factor: a unit that was changed, cents for euros, milliseconds for seconds.

use std::fmt;

use super::profile::VALUES_MIN;
use crate::metric::cells::{CellsOut, Value, align};
use crate::shown::{count, digits};
use crate::statistics::{self, ks_distance, ks_p_value};

/// Factors between units that people mix up.
const FACTORS: [f64; 8] = [10.0, 60.0, 100.0, 1000.0, 1024.0, 3600.0, 1e6, 1e9];

/// What moved, and how far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ScaleShift {
    /// By what values were multiplied: one of the factors, or one divided by it; then those that cannot be told from it.
    pub(super) factors: Vec<f64>,
    /// The median size of values other than 0.
    pub(super) before: f64,
    pub(super) now: f64,
}

impl fmt::Display for ScaleShift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_more = self.factors.first().is_none_or(|factor| *factor >= 1.0);
        let factor = |factor: &f64| match is_more {
            true => count(factor.round() as u64),
            false => format!("1/{}", count((1.0 / factor).round() as u64)),
        };
        let factors = self.factors.iter().map(factor).collect::<Vec<_>>().join(" or ");
        write!(f, "about {}, {factors} {}", digits(self.now, 4), if is_more { "times as much" } else { "of that" })
    }
}

/// Chance alone makes two samples of one distribution so different once in a million times.
const P_MAX: f64 = 1e-6;
/// Smaller differences of the distribution functions are a drift at most.
const DISTANCE_MIN: f64 = 0.2;
/// So far apart, as a share of them, values may be from what the factor makes of them.
const DRIFT_MAX: f64 = 0.1;
/// The same of the shares of zeros and of negative values.
const SHARE_MAX: f64 = 0.1;
/// For how many standard errors chance may account: of 99 % intervals.
const Z: f64 = 2.576;

/// The factor by which the values moved from `a` to `b`, if one explains how they differ: each quantile of their sizes moved by
/// it, as far as chance lets tell, and they are spread as they were. `is_whole` says whether they are integers.
pub(super) fn scale_shift(a: &CellsOut, b: &CellsOut, is_whole: bool) -> Option<ScaleShift> {
    let (old, new) = (Sizes::of(a), Sizes::of(b));
    if old.count < VALUES_MIN || new.count < VALUES_MIN || !differ(a, b) || !old.shares_are_those_of(&new) {
        return None;
    }
    let moved = new.quantile(0.5) - old.quantile(0.5);
    let mut signed: Vec<f64> = FACTORS.iter().flat_map(|factor| [*factor, 1.0 / factor]).collect();
    signed.sort_by(|x, y| (moved - x.ln()).abs().total_cmp(&(moved - y.ln()).abs()));
    let nearest = signed.first()?.ln();
    let by_chance = old.half_width(0.5) + new.half_width(0.5);
    let factors: Vec<f64> =
        signed.iter().enumerate().filter(|(i, x)| *i == 0 || (moved - x.ln()).abs() <= by_chance).map(|(_, x)| *x).collect();
    let (spread, spread_now) = (old.spread(), new.spread());
    let is_constant = spread.max(spread_now) <= f64::EPSILON;
    let is_as_wide = is_constant || (spread.min(spread_now) / spread.max(spread_now) >= 0.5);
    // One code is another code; and numbers that count the rows grow as these do.
    let growth = (new.count as f64 / old.count as f64).ln();
    let may_count_rows = is_whole && (growth - nearest).abs() <= 1.5f64.ln();
    if !is_as_wide || (is_constant && is_whole) || may_count_rows {
        return None;
    }
    let is_explained = (1..20).map(|i| f64::from(i) / 20.0).all(|p| {
        let by_chance = (old.half_width(p) + new.half_width(p)).min(nearest.abs() / 2.0);
        (new.quantile(p) - old.quantile(p) - nearest).abs() <= DRIFT_MAX + by_chance
    });
    is_explained.then(|| ScaleShift { factors, before: old.quantile(0.5).exp(), now: new.quantile(0.5).exp() })
}

/// Whether the values other than 0 are no samples of one distribution, and not nearly so.
fn differ(a: &CellsOut, b: &CellsOut) -> bool {
    let (mut cells, mut n, mut m) = (Vec::new(), 0, 0);
    for pair in align(a, b) {
        let Some((low, high)) = pair.edges else { return false };
        if low > 0.0 || high < 0.0 {
            (n, m) = (n + pair.a, m + pair.b);
            cells.push(statistics::Cell { a: pair.a, b: pair.b, low, high });
        }
    }
    ks_distance(&cells).is_some_and(|d| d.low >= DISTANCE_MIN && ks_p_value(d.low, n, m) <= P_MAX)
}

/// Logarithms of the sizes of values that are neither 0 nor infinite.
struct Sizes {
    /// From which to which, ascending, and how many.
    cells: Vec<(f64, f64, u64)>,
    count: u64,
    zeros: u64,
    negative: u64,
    all: u64,
}

impl Sizes {
    fn of(of: &CellsOut) -> Self {
        let mut sizes = Self { cells: Vec::new(), count: 0, zeros: 0, negative: 0, all: of.count };
        for cell in &of.cells {
            let (low, high) = match (&cell.only, of.edges(cell.index)) {
                (Some(Value::Number(only)), _) => (*only, *only),
                (_, Some(edges)) => edges,
                (_, None) => continue,
            };
            if high < 0.0 {
                sizes.negative += cell.count;
            }
            let (small, large) = if high < 0.0 { (-high, -low) } else { (low, high) };
            if large == 0.0 {
                sizes.zeros += cell.count;
            } else if large.is_finite() {
                let small = if small > 0.0 { small } else { large };
                sizes.cells.push((small.ln(), large.ln(), cell.count));
                sizes.count += cell.count;
            }
        }
        sizes.cells.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)));
        sizes
    }

    /// The logarithm at a share of the values; within a cell they are taken as evenly spread.
    fn quantile(&self, p: f64) -> f64 {
        let wanted = p.clamp(0.0, 1.0) * self.count as f64;
        let mut before = 0.0;
        for (low, high, count) in &self.cells {
            let count = *count as f64;
            if before + count >= wanted {
                return low + (high - low) * ((wanted - before) / count).clamp(0.0, 1.0);
            }
            before += count;
        }
        self.cells.last().map_or(0.0, |(_, high, _)| *high)
    }

    /// How far the quantile may be from the true one: by chance, and since it is not known where in a cell values lie.
    fn half_width(&self, p: f64) -> f64 {
        let by = Z * (p * (1.0 - p) / self.count as f64).sqrt();
        (self.quantile(p + by) - self.quantile(p)).max(self.quantile(p) - self.quantile(p - by)) + self.width(p) / 2.0
    }

    /// How wide the cell is in which the quantile lies.
    fn width(&self, p: f64) -> f64 {
        let wanted = p.clamp(0.0, 1.0) * self.count as f64;
        let mut before = 0.0;
        let is_there = |(_, _, count): &&(f64, f64, u64)| {
            before += *count as f64;
            before >= wanted
        };
        self.cells.iter().find(is_there).map_or(0.0, |(low, high, _)| high - low)
    }

    fn spread(&self) -> f64 {
        self.quantile(0.9) - self.quantile(0.1)
    }

    /// Whether zeros and negative values are about as frequent.
    fn shares_are_those_of(&self, other: &Self) -> bool {
        let by_chance = Z * (0.25 / self.all.max(1) as f64 + 0.25 / other.all.max(1) as f64).sqrt();
        let share = |part: u64, of: &Self| part as f64 / of.all.max(1) as f64;
        let near = |a: f64, b: f64| (a - b).abs() <= SHARE_MAX + by_chance;
        near(share(self.zeros, self), share(other.zeros, other)) && near(share(self.negative, self), share(other.negative, other))
    }
}
