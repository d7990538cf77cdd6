//! Intervals, tests and distances, each from its published definition.

use std::collections::BTreeMap;

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

/// z such that a share `confidence` of the standard normal lies within ±z.
pub fn normal_z(confidence: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + confidence / 2.0)
}

/// Wilson's score interval for `part` of `whole` (E. B. Wilson 1927), without continuity correction.
pub fn wilson_interval(part: u64, whole: u64, confidence: f64) -> (f64, f64) {
    let (n, p, z) = (whole as f64, part as f64 / whole as f64, normal_z(confidence));
    let z2 = z * z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let low = if part == 0 { 0.0 } else { centre - half };
    let high = if part == whole { 1.0 } else { centre + half };
    (low, high)
}

/// Two-sided p-value of the score test that `part` of `whole` has the share `share`: the smallest 1 − confidence at which
/// Wilson's interval, which inverts this test, leaves `share` out.
pub fn score_p_value(part: u64, whole: u64, share: f64) -> f64 {
    let (n, found) = (whole as f64, part as f64 / whole as f64);
    let error = (share * (1.0 - share) / n).sqrt();
    if found == share {
        return 1.0;
    }
    2.0 * Normal::standard().sf(((found - share) / error).abs())
}

/// Pearson's chi-square of goodness of fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GoodnessOfFit {
    pub statistic: f64,
    pub degrees_of_freedom: u64,
    pub p_value: f64,
    /// Cohen's w, the effect: √(χ²/n).
    pub cohens_w: f64,
}

/// Tests `observed` counts against `expected` shares; none where a share of 0 was observed, or there is but one cell.
pub fn goodness_of_fit(observed: &[u64], expected: &[f64]) -> Option<GoodnessOfFit> {
    let n: u64 = observed.iter().sum();
    let cells: Vec<(f64, f64)> =
        observed.iter().zip(expected).map(|(&o, &e)| (o as f64, e * n as f64)).filter(|&(o, e)| o > 0.0 || e > 0.0).collect();
    if n == 0 || cells.len() < 2 || cells.iter().any(|&(_, e)| e == 0.0) {
        return None;
    }
    let statistic: f64 = cells.iter().map(|(o, e)| (o - e) * (o - e) / e).sum();
    let degrees_of_freedom = cells.len() as u64 - 1;
    let p_value = ChiSquared::new(degrees_of_freedom as f64).expect("there are two cells at least").sf(statistic);
    Some(GoodnessOfFit { statistic, degrees_of_freedom, p_value, cohens_w: (statistic / n as f64).sqrt() })
}

/// Total variation distance: half the sum of absolute differences.
pub fn total_variation(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0
}

/// Jensen–Shannon distance: the square root of the divergence in base 2, 0 to 1.
pub fn jensen_shannon(p: &[f64], q: &[f64]) -> f64 {
    let half = |a: f64, m: f64| if a > 0.0 { a * (a / m).log2() } else { 0.0 };
    let divergence: f64 = p.iter().zip(q).map(|(&a, &b)| (half(a, (a + b) / 2.0) + half(b, (a + b) / 2.0)) / 2.0).sum();
    divergence.max(0.0).sqrt()
}

/// Cramér's V, uncorrected, of a table given by its cells: √(χ² / (n · min(rows − 1, columns − 1))). None where the
/// table has a single row or column.
pub fn cramers_v<'a>(cells: impl Iterator<Item = ((&'a str, &'a str), u64)>) -> Option<f64> {
    let cells: Vec<_> = cells.filter(|(_, count)| *count > 0).collect();
    let (mut rows, mut columns, mut n) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new(), 0u64);
    for ((row, column), count) in &cells {
        *rows.entry(row).or_default() += count;
        *columns.entry(column).or_default() += count;
        n += count;
    }
    let degrees = (rows.len().min(columns.len())).checked_sub(1).filter(|d| *d > 0)?;
    // χ² / n = Σ o² / (r·c) − 1; empty cells add nothing.
    let phi: f64 = cells.iter().map(|((r, c), o)| *o as f64 / rows[r] as f64 * (*o as f64 / columns[c] as f64)).sum::<f64>() - 1.0;
    Some((phi.max(0.0) / degrees as f64).sqrt().min(1.0))
}
