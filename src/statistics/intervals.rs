//! Intervals of shares and of their differences.

use statrs::distribution::{ContinuousCDF, Normal};

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

/// Newcombe's interval of the difference of two shares, `a` less `b`, each a part of a whole (R. G. Newcombe 1998, method 10:
/// from Wilson's intervals, without continuity correction).
pub fn newcombe_interval(a: (u64, u64), b: (u64, u64), confidence: f64) -> (f64, f64) {
    let (share_a, share_b) = (a.0 as f64 / a.1 as f64, b.0 as f64 / b.1 as f64);
    let ((low_a, high_a), (low_b, high_b)) = (wilson_interval(a.0, a.1, confidence), wilson_interval(b.0, b.1, confidence));
    let difference = share_a - share_b;
    (difference - (share_a - low_a).hypot(high_b - share_b), difference + (high_a - share_a).hypot(share_b - low_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_test_is_what_wilsons_interval_inverts() {
        // scipy: 2 * norm.sf(abs(k / n - b) / sqrt(b * (1 - b) / n)).
        for (part, whole, share, expected) in
            [(300, 1000, 0.22, 1.0149061877339703e-09), (150, 1000, 0.18, 0.013536859346243426), (6, 10, 0.55, 0.750620824165631)]
        {
            let found = score_p_value(part, whole, share);
            assert!((found - expected).abs() <= 1e-9 * expected, "{part} of {whole} against {share}: {found}");
            // The interval ends at the share at that confidence.
            if expected > 1e-6 {
                let (low, high) = wilson_interval(part, whole, 1.0 - expected);
                assert!((low - share).abs().min((high - share).abs()) < 1e-9, "{low} to {high}");
            }
        }
        assert_eq!(score_p_value(5, 10, 0.5), 1.0);
    }
}
