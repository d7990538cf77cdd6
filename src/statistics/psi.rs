//! The population stability index, and the bins it is taken over.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::samples::{Cell, totals};

/// Shares below this count as this: a bin that one side does not have would make the index infinite.
const SHARE_MIN: f64 = 1e-4;
/// A category that the baseline has less often than once in so many values is pooled with its like.
const RARE_BELOW: u64 = 100;
/// Parts of the baseline that make bins.
const DECILES: u64 = 10;

/// Σ (p − q)·ln(p / q) over the shares of both samples in the same bins, none below 1e-4. None where one of them has no values.
pub fn psi(a: &[u64], b: &[u64]) -> Option<f64> {
    let (n, m) = (a.iter().sum::<u64>() as f64, b.iter().sum::<u64>() as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let share = |count: u64, all: f64| (count as f64 / all).max(SHARE_MIN);
    Some(a.iter().zip(b).map(|(&a, &b)| of_bin(share(a, n), share(b, m))).sum())
}

/// (p − q)·ln(p / q).
fn of_bin(p: f64, q: f64) -> f64 {
    if p == q { 0.0 } else { (p - q) * ((p - q) / q).ln_1p() }
}

/// χ²₀.₉₅ with one degree of freedom less than there are bins. Times (1/n + 1/m) it is what the index exceeds in one of 20 batches
/// that did not change (B. Yurdakul 2018); a limit at or below that tells nothing.
pub fn noise(bins: usize) -> f64 {
    match bins {
        0 | 1 => 0.0,
        _ => ChiSquared::new((bins - 1) as f64).expect("there are two bins at least").inverse_cdf(0.95),
    }
}

/// The fewest rows N with `noise`·(1/N + 1/`other`) below `limit`; none where the other sample alone is too small.
pub fn rows_for(noise: f64, limit: f64, other: u64) -> Option<u64> {
    let left = limit - noise / other as f64;
    // Not positive, or no number.
    if left.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
        return None;
    }
    Some((noise / left).floor() as u64 + 1)
}

/// The bin of each cell: the baseline's deciles, between linear interpolations of the two nearest ranks (type 7 of Hyndman and Fan),
/// a value on the border in the lower bin, the outer bins open. Deciles that fall on one value are one border behind it, and where
/// two or more do, there is one before it too, so that this value has a bin of its own. A bin without values of the baseline joins
/// the one before it. Where a cell holds several values, a border within it moves to its end.
pub fn decile_bins(cells: &[Cell]) -> Vec<usize> {
    let (_, m) = totals(cells);
    let mut cuts: Vec<usize> = Vec::new();
    let mut tied: Vec<usize> = Vec::new();
    let (mut at, mut before) = (0, 0u64);
    for decile in 1..DECILES {
        if m == 0 {
            break;
        }
        let scaled = u128::from(m - 1) * u128::from(decile);
        let (rank, part) = ((scaled / u128::from(DECILES)) as u64, (scaled % u128::from(DECILES)) as f64 / DECILES as f64);
        while before + cells[at].b <= rank {
            before += cells[at].b;
            at += 1;
        }
        let ends_here = part == 0.0 || rank + 1 < before + cells[at].b;
        cuts.push(if ends_here { at + 1 } else { cut_between(cells, at, part) });
        if ends_here && tied.last() == Some(&at) {
            cuts.push(at);
        }
        if ends_here {
            tied.push(at);
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    without_empty(cells, &cuts)
}

/// The first cell beyond the border that lies `part` of the way from the end of cell `at` to the next that has a value of the baseline.
fn cut_between(cells: &[Cell], at: usize, part: f64) -> usize {
    let Some(next) = (at + 1..cells.len()).find(|&i| cells[i].b > 0) else { return cells.len() };
    let (low, high) = (cells[at].high, cells[next].low);
    let border = low + (high - low) * part;
    // An infinite end has no border beyond it: nothing between is then in the lower bin.
    (at + 1..next).find(|&i| cells[i].high > border || border.is_nan()).unwrap_or(next)
}

/// The bin of each cell between `cuts`, bins without values of the baseline joined to the one before.
fn without_empty(cells: &[Cell], cuts: &[usize]) -> Vec<usize> {
    let mut parts = vec![0; cells.len()];
    cuts.iter().filter(|cut| **cut < cells.len()).for_each(|&cut| parts[cut] = 1);
    let mut part = 0;
    parts.iter_mut().for_each(|mark| {
        part += *mark;
        *mark = part;
    });
    let mut bins = 0usize;
    let bin_of_part: Vec<usize> = binned(&parts, cells.iter().map(|cell| cell.b))
        .into_iter()
        .map(|count| {
            bins += usize::from(count > 0);
            bins.saturating_sub(1)
        })
        .collect();
    parts.into_iter().map(|part| bin_of_part[part]).collect()
}

/// Where a category is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CategoryBin {
    /// By itself.
    Own,
    /// With all that have less than 1 % of the baseline.
    Rare,
    /// With all that the baseline has not.
    Unseen,
}

/// The bin of each category, from its count in the baseline.
pub fn category_bins(b: &[u64]) -> Vec<CategoryBin> {
    let all: u64 = b.iter().sum();
    b.iter()
        .map(|&count| match count {
            0 => CategoryBin::Unseen,
            _ if u128::from(count) * u128::from(RARE_BELOW) < u128::from(all) => CategoryBin::Rare,
            _ => CategoryBin::Own,
        })
        .collect()
}

/// The counts of bins from those of cells; `bins` has the bin of each cell.
pub fn binned(bins: &[usize], counts: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut sums = vec![0; bins.iter().max().map_or(0, |last| last + 1)];
    bins.iter().zip(counts).for_each(|(&bin, count)| sums[bin] += count);
    sums
}

/// The share of values that a further sample is expected to have in categories that the baseline has not: that of its categories
/// with one value (Good 1953, after Turing).
pub fn expected_unseen(b: &[u64]) -> f64 {
    let all: u64 = b.iter().sum();
    if all == 0 { 1.0 } else { b.iter().filter(|count| **count == 1).count() as f64 / all as f64 }
}
