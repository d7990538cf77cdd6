//! Two shares beside each other: their ratio, and whether chance explains that they differ.

use statrs::distribution::{ContinuousCDF, Normal};

use super::intervals::{normal_z, wilson_interval};

/// Katz's interval of the ratio of two shares, `a` by `b`, each a part of a whole: of the logarithm, whose variance is
/// 1/x₁ − 1/n₁ + 1/x₂ − 1/n₂ (D. Katz et al. 1978). Where a part is 0, half a row is added to every count (S. D. Walter 1975);
/// below a part of 0 the interval begins at 0, above one of 0 it has no end. Where a part is the whole, its variance would be 0
/// however few rows there are: there the interval follows from Wilson's two (`ratio_of_intervals`).
pub fn katz_interval(a: (u64, u64), b: (u64, u64), confidence: f64) -> (f64, f64) {
    if a.0 == a.1 || b.0 == b.1 {
        return ratio_of_intervals(a, b, confidence);
    }
    let added = if a.0 == 0 || b.0 == 0 { 0.5 } else { 0.0 };
    let with = |(part, whole): (u64, u64)| (part as f64 + added, whole as f64 + added);
    let ((x1, n1), (x2, n2)) = (with(a), with(b));
    let ratio = (x1 / n1) / (x2 / n2);
    let reach = normal_z(confidence) * (1.0 / x1 - 1.0 / n1 + 1.0 / x2 - 1.0 / n2).sqrt();
    let low = if a.0 == 0 { 0.0 } else { ratio * (-reach).exp() };
    let high = if b.0 == 0 { f64::INFINITY } else { ratio * reach.exp() };
    (low, high)
}

/// An interval of the ratio of two shares from Wilson's interval of each (A. Donner and G. Y. Zou 2012, equation 9: MOVER-R).
fn ratio_of_intervals(a: (u64, u64), b: (u64, u64), confidence: f64) -> (f64, f64) {
    let ((low_a, high_a), (low_b, high_b)) = (wilson_interval(a.0, a.1, confidence), wilson_interval(b.0, b.1, confidence));
    let (share_a, share_b) = (a.0 as f64 / a.1 as f64, b.0 as f64 / b.1 as f64);
    let product = share_a * share_b;
    let of = |share: f64, end: f64| end * (2.0 * share - end);
    let root = |ours: f64, theirs: f64| (product * product - ours * theirs).max(0.0).sqrt();
    // As printed, both sides multiplied by the other root: so nothing is divided by 0.
    let low = match of(share_a, low_a) {
        0.0 => 0.0,
        ours => ours / (product + root(ours, of(share_b, high_b))),
    };
    let high = match of(share_b, low_b) {
        0.0 => f64::INFINITY,
        theirs => (product + root(of(share_a, high_a), theirs)) / theirs,
    };
    (low, high)
}

/// Two-sided p-value of the two-proportion test with the pooled share: how likely shares are to differ so much, or more, if both
/// samples are drawn alike. 1 where the shares are equal, and none where a sample is empty.
pub fn two_proportions_p_value(a: (u64, u64), b: (u64, u64)) -> Option<f64> {
    if a.1 == 0 || b.1 == 0 {
        return None;
    }
    let (n1, n2) = (a.1 as f64, b.1 as f64);
    let (difference, pooled) = (a.0 as f64 / n1 - b.0 as f64 / n2, (a.0 + b.0) as f64 / (n1 + n2));
    let error = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    // Where all or none are a part, both shares are the same.
    Some(if difference == 0.0 || error == 0.0 { 1.0 } else { 2.0 * Normal::standard().sf((difference / error).abs()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::newcombe_interval;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} where {expected} is expected");
    }

    /// statsmodels 0.15.0: `confint_proportions_2indep(x1, n1, x2, n2, method="log", compare="ratio", alpha=1 - c)`,
    /// `proportions_ztest([x1, x2], [n1, n2])[1]`; with a part of 0 `method="log-adjusted"`.
    #[test]
    fn ratios_and_tests_are_those_of_statsmodels() {
        for (a, b, confidence, (low, high), p_value) in [
            ((30, 100), (45, 100), 0.95, (0.46068560140225634, 0.9647456814183548), 0.02845973691631055),
            ((7, 50), (90, 300), 0.99, (0.18394219839849377, 1.1839468032560012), 0.019273267833832656),
            ((1, 10), (9, 10), 0.95, (0.017110685081023817, 0.7215186857735667), 0.0003466193511346662),
            ((0, 20), (5, 20), 0.95, (0.0, 1.5398673212557585), 0.01682740948275685),
            ((5, 20), (0, 20), 0.95, (0.6494065989948421, f64::INFINITY), 0.01682740948275685),
        ] {
            let found = katz_interval(a, b, confidence);
            close(found.0, low);
            if high.is_finite() {
                close(found.1, high)
            } else {
                assert_eq!(found.1, high)
            }
            close(two_proportions_p_value(a, b).expect("a p-value"), p_value);
        }
    }

    #[test]
    fn what_no_part_or_the_whole_tells_of_a_ratio() {
        // Nothing is known of 0 by 0.
        assert_eq!(katz_interval((0, 20), (0, 30), 0.95), (0.0, f64::INFINITY));
        // statsmodels: 1 / proportion_confint(30, 30, 0.05, "wilson")[0], proportion_confint(20, 20, 0.05, "wilson")[0].
        let (low, high) = katz_interval((20, 20), (30, 30), 0.95);
        close(low, 0.8388748419471804);
        close(high, 1.128048627356471);
        // Donner and Zou's equation 9 in Python, of Wilson's intervals: a part that is the whole of few rows tells little.
        for (a, b, low, high) in [
            ((50, 50), (40, 50), 1.1001543253021966, 1.4933643683140077),
            ((750, 1000), (3, 3), 0.7222397197409143, 1.7111573861846645),
            ((3, 3), (750, 1000), 0.5843997799814785, 1.3845818398892897),
            ((700, 1000), (1, 1), 0.6708761390827829, 3.3897064348176635),
            ((0, 20), (5, 5), 0.0, 0.17889273202008849),
        ] {
            let found = katz_interval(a, b, 0.95);
            close(found.0, low);
            close(found.1, high);
        }
        let (low, high) = katz_interval((5, 5), (0, 20), 0.95);
        close(low, 5.589942021164428);
        assert_eq!(high, f64::INFINITY);
        for (a, b, p_value) in
            [((20, 20), (30, 30), Some(1.0)), ((0, 20), (0, 30), Some(1.0)), ((5, 10), (5, 10), Some(1.0)), ((0, 0), (5, 10), None)]
        {
            assert_eq!(two_proportions_p_value(a, b), p_value);
        }
    }

    /// Draws numbers of rows with an outcome from a seeded generator (splitmix64).
    struct Draws(u64);

    impl Draws {
        fn share(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }

        fn of(&mut self, n: u64, p: f64) -> u64 {
            (0..n).filter(|_| self.share() < p).count() as u64
        }
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        const TIMES: u32 = 4000;
        let mut draws = Draws(7);
        for (n1, p1, n2, p2) in [(200, 0.3, 400, 0.45), (60, 0.2, 600, 0.2), (150, 0.9, 150, 0.7)] {
            let (mut ratios, mut differences, mut shares) = (0, 0, 0);
            for _ in 0..TIMES {
                let (a, b) = ((draws.of(n1, p1), n1), (draws.of(n2, p2), n2));
                let (low, high) = katz_interval(a, b, 0.95);
                ratios += u32::from(low <= p1 / p2 && p1 / p2 <= high);
                let (low, high) = newcombe_interval(a, b, 0.95);
                differences += u32::from(low <= p1 - p2 && p1 - p2 <= high);
                let (low, high) = wilson_interval(a.0, a.1, 0.95);
                shares += u32::from(low <= p1 && p1 <= high);
            }
            for (what, held) in [("Katz", ratios), ("Newcombe", differences), ("Wilson", shares)] {
                let coverage = f64::from(held) / f64::from(TIMES);
                // Four standard errors of 4,000 draws are 1.4 points; both intervals lean to the safe side.
                assert!((0.936..=0.97).contains(&coverage), "{what} of {n1} and {n2}: {coverage}");
            }
        }
        // In the corners, where Katz has no variance, the interval may hold the truth more often, never much less.
        for (n1, p1, n2, p2) in
            [(30, 0.02, 300, 0.05), (20, 0.98, 25, 0.99), (1000, 0.75, 3, 0.75), (1000, 0.75, 1, 0.75), (60, 0.97, 600, 0.99)]
        {
            let held = (0..TIMES).filter(|_| {
                let (low, high) = katz_interval((draws.of(n1, p1), n1), (draws.of(n2, p2), n2), 0.95);
                low <= p1 / p2 && p1 / p2 <= high
            });
            let coverage = held.count() as f64 / f64::from(TIMES);
            assert!(coverage >= 0.936, "{n1} and {n2}: {coverage}");
        }
    }
}
