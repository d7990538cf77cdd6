//! How far two distributions over the same cells are apart.

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

/// The largest difference of two shares: TFDV's L-infinity distance of categories, 0 to 1.
pub fn linf(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Hellinger's distance: √(½ Σ (√p − √q)²), 0 to 1.
pub fn hellinger(p: &[f64], q: &[f64]) -> f64 {
    // √a − √b is (a − b) / (√a + √b), which loses nothing where they are nearly equal.
    let of_cell = |a: f64, b: f64| if a == b { 0.0 } else { (a - b) / (a.sqrt() + b.sqrt()) };
    let squares: f64 = p.iter().zip(q).map(|(&a, &b)| of_cell(a, b) * of_cell(a, b)).sum();
    (squares / 2.0).sqrt().min(1.0)
}

/// The share of each count; none where all are 0.
pub fn shares(counts: &[u64]) -> Option<Vec<f64>> {
    let n: u64 = counts.iter().sum();
    (n > 0).then(|| counts.iter().map(|&count| count as f64 / n as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_that_nearly_agree_have_a_distance() {
        assert_eq!(jensen_shannon(&[0.5, 0.5], &[0.5, 0.5]), 0.0);
        assert_eq!(jensen_shannon(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
        // Its definition in 60 decimal digits, by Python's decimal.
        let near = jensen_shannon(&[0.5 + 1e-9, 0.5 - 1e-9], &[0.5, 0.5]);
        assert!((near / 8.493_217_998_409_739e-10 - 1.0).abs() < 1e-14, "{near}");
    }
}
