//! The one-sided Kolmogorov–Smirnov distribution.

use super::binomial::binomial_pmf;

/// From so many values on, the distribution is that of its expansion, as in scipy.
const EXPANDED_FROM: u64 = 1_000_000;
/// Beyond so many terms, as many of equal width stand for them: each is a smooth function of its place, and all its derivatives
/// vanish at both ends, so that nothing is lost.
const TERMS_MAX: u64 = 4096;

/// The probability that the one-sided statistic D⁺ of `n` values is at least `d` (Birnbaum and Tingey 1951):
/// d · Σ C(n, v) · (d + v/n)^(v−1) · (1 − d − v/n)^(n−v) over 0 ≤ v ≤ n·(1 − d).
pub(super) fn smirnov_sf(n: u64, d: f64) -> f64 {
    if d <= 0.0 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    let count = n as f64;
    if n > EXPANDED_FROM {
        let root = 6.0 * count * d + 1.0;
        return (-root * root / (18.0 * count)).exp();
    }
    // C(n, v) · p^v · (1 − p)^(n−v) / p with p = d + v/n.
    let term = |v: f64| if d + v / count < 1.0 { binomial_pmf(v, count, count * d) / (d + v / count) } else { 0.0 };
    let end = count * (1.0 - d);
    let sum: f64 = if n <= TERMS_MAX {
        (0..=end.floor() as u64).map(|v| term(v as f64)).sum()
    } else {
        let width = end / TERMS_MAX as f64;
        (0..TERMS_MAX).map(|i| term(width * (i as f64 + 0.5))).sum::<f64>() * width
    };
    (d * sum).min(1.0)
}
