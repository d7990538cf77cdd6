//! Intervals, tests and distances, each from its published definition.

use std::collections::BTreeMap;

use num_bigint::BigUint;
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

/// z such that a share `confidence` of the standard normal lies within ±z.
pub fn normal_z(confidence: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + confidence / 2.0)
}

/// The standard normal quantile above which a share `p` lies.
pub fn normal_upper(p: f64) -> f64 {
    -Normal::standard().inverse_cdf(p)
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
    let divergence: f64 = p.iter().zip(q).map(|(&a, &b)| divergence_of_cell(a, b)).sum();
    (divergence / std::f64::consts::LN_2).sqrt().min(1.0)
}

/// (a·ln(a/m) + b·ln(b/m)) / 2 with m = (a + b) / 2, without the difference of nearly equal terms: with d = (a − b) / (a + b)
/// it is m/2·((1 + d)·ln(1 + d) + (1 − d)·ln(1 − d)).
fn divergence_of_cell(a: f64, b: f64) -> f64 {
    if a == b {
        return 0.0;
    }
    let (m, d) = ((a + b) / 2.0, (a - b).abs() / (a + b));
    let sum = if d < 0.1 {
        // Σ d^2k / (k·(2k − 1)), whose terms are all positive.
        (1..=9u8).rev().map(f64::from).fold(0.0, |sum, k| d * d * (1.0 / (k * (2.0 * k - 1.0)) + sum))
    } else {
        let half = |x: f64| if x > -1.0 { (1.0 + x) * x.ln_1p() } else { 0.0 };
        half(d) + half(-d)
    };
    m / 2.0 * sum
}

/// Cramér's V, uncorrected, of a table given by its cells: √(χ² / (n · min(rows − 1, columns − 1))). None where the
/// table has a single row or column. Counts are compared as integers, so independent columns have a V of exactly 0.
pub fn cramers_v<'a>(cells: impl Iterator<Item = ((&'a str, &'a str), u64)>) -> Option<f64> {
    /// χ² is counted in so small parts.
    const FRACTION_BITS: u32 = 256;
    /// V is rounded from so many bits.
    const ROOT_BITS: u32 = 100;
    let cells: Vec<_> = cells.filter(|(_, count)| *count > 0).collect();
    let (mut rows, mut columns, mut n) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new(), 0u64);
    for ((row, column), count) in &cells {
        *rows.entry(row).or_default() += count;
        *columns.entry(column).or_default() += count;
        n += count;
    }
    let degrees = (rows.len().min(columns.len())).checked_sub(1).filter(|d| *d > 0)?;
    // χ²·n = Σ (o·n − r·c)² / (r·c); of an empty cell it is r·c, which is what the others leave of n².
    let (mut sum, mut left) = (BigUint::ZERO, u128::from(n) * u128::from(n));
    for ((row, column), count) in &cells {
        let expected = u128::from(rows[row]) * u128::from(columns[column]);
        let off = BigUint::from((u128::from(*count) * u128::from(n)).abs_diff(expected));
        sum += ((&off * &off) << FRACTION_BITS) / expected;
        left -= expected;
    }
    sum += BigUint::from(left) << FRACTION_BITS;
    let square = (sum << (2 * ROOT_BITS)) / (BigUint::from(n) * n * degrees);
    let root = u128::try_from((square >> FRACTION_BITS).sqrt()).unwrap_or(u128::MAX);
    Some((root as f64 / 2f64.powi(ROOT_BITS as i32)).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cells: &[(&'static str, &'static str, u64)]) -> Option<f64> {
        cramers_v(cells.iter().map(|&(a, b, n)| ((a, b), n)))
    }

    #[test]
    fn independent_columns_have_a_v_of_zero() {
        let cells: Vec<_> = ["x", "y", "z"].iter().flat_map(|a| ["u", "v", "w"].map(|b| (*a, b, 1))).collect();
        assert_eq!(table(&cells), Some(0.0));
        assert_eq!(table(&[("x", "u", 30), ("x", "v", 70), ("y", "u", 33), ("y", "v", 77)]), Some(0.0));
        assert_eq!(table(&[("x", "u", 1), ("x", "v", 1)]), None);
    }

    #[test]
    fn columns_that_tell_each_other_have_a_v_of_one() {
        assert_eq!(table(&[("x", "u", 7), ("y", "v", 3)]), Some(1.0));
        assert_eq!(table(&[("x", "u", 1 << 60), ("y", "v", 1), ("z", "w", 12345)]), Some(1.0));
    }

    #[test]
    fn a_weak_association_is_not_lost_to_rounding() {
        // Exactly 1 / √(10^20 − 1), by Python's fractions; floats find 0 or noise.
        let (a, b) = (5_000_000_001, 4_999_999_999);
        let v = table(&[("x", "u", a), ("x", "v", b), ("y", "u", 5_000_000_000), ("y", "v", 5_000_000_000)]);
        assert_eq!(v, Some(1e-10));
    }

    #[test]
    fn shares_that_nearly_agree_have_a_distance() {
        assert_eq!(jensen_shannon(&[0.5, 0.5], &[0.5, 0.5]), 0.0);
        assert_eq!(jensen_shannon(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
        // Its definition in 60 decimal digits, by Python's decimal.
        let near = jensen_shannon(&[0.5 + 1e-9, 0.5 - 1e-9], &[0.5, 0.5]);
        assert!((near / 8.493_217_998_409_739e-10 - 1.0).abs() < 1e-14, "{near}");
    }
}
