//! Whether rows of one kind are more often among those that fail.

use super::fisher::fisher_greater;
use super::intervals::normal_z;

/// How often rows fail that have a value, and how often the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Rows that fail and have the value.
    pub failing_with: u64,
    pub failing: u64,
    /// Rows that have the value.
    pub with: u64,
    pub rows: u64,
}

/// How many times as often rows with the value fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lift {
    /// None where no other row fails.
    pub ratio: Option<f64>,
    pub low: f64,
    pub high: Option<f64>,
}

impl Counts {
    /// The probability that so many of the failing rows or more have the value, if which rows fail is chance (hypergeometric).
    pub fn p_value(&self) -> f64 {
        fisher_greater((self.failing_with, self.failing), (self.with - self.failing_with, self.rows - self.failing))
    }

    /// (x / n) / (y / m) of x failing rows of n with the value, and y of m others; with the interval of its logarithm (D. Katz and
    /// others 1978): ln ratio ± z·√(1/x − 1/n + 1/y − 1/m). Where y is 0 there is no ratio, and the lower end is that of x + ½, y + ½
    /// of n + ½, m + ½ (S. D. Walter 1975).
    pub fn lift(&self, confidence: f64) -> Lift {
        let (x, n) = (self.failing_with as f64, self.with as f64);
        let (y, m) = ((self.failing - self.failing_with) as f64, (self.rows - self.with) as f64);
        let ends = |half: f64| {
            let (x, n, y, m) = (x + half, n + half, y + half, m + half);
            let (ratio, reach) = ((x / n) / (y / m), normal_z(confidence) * (1.0 / x - 1.0 / n + 1.0 / y - 1.0 / m).max(0.0).sqrt());
            (ratio, ratio * (-reach).exp(), ratio * reach.exp())
        };
        if y == 0.0 {
            return Lift { ratio: None, low: ends(0.5).1, high: None };
        }
        let (ratio, low, high) = ends(0.0);
        Lift { ratio: Some(ratio), low, high: Some(high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_and_ratios_are_those_of_scipy() {
        // scipy.stats.hypergeom.sf(x - 1, rows, with, failing);
        // scipy.stats.contingency.relative_risk(x, n, y, m), and .confidence_interval(0.95)
        for (counts, p, ratio, low, high) in REFERENCE {
            let [failing_with, failing, with, rows] = counts;
            let counts = Counts { failing_with, failing, with, rows };
            assert!((counts.p_value() / p - 1.0).abs() < 1e-9, "{counts:?}: {}", counts.p_value());
            let lift = counts.lift(0.95);
            for (ours, theirs) in [(lift.ratio, ratio), (Some(lift.low), low), (lift.high, high)] {
                assert!((ours.expect("a ratio") / theirs - 1.0).abs() < 1e-9, "{counts:?}: {lift:?}");
            }
        }
        let all = Counts { failing_with: 20, failing: 20, with: 100, rows: 2000 };
        let lift = all.lift(0.95);
        assert!(lift.ratio.is_none() && lift.high.is_none() && lift.low > 40.0, "{lift:?}");
        assert_eq!(Counts { failing_with: 0, failing: 5, with: 10, rows: 100 }.p_value(), 1.0);
    }

    type Reference = ([u64; 4], f64, f64, f64, f64);

    /// Failing rows with the value, failing rows, rows with the value, rows; p, ratio, low, high.
    const REFERENCE: [Reference; 5] = [
        ([94, 100, 500, 10000], 6.364639279454419e-118, 297.6666666666667, 131.05208563955296, 676.1086175167468),
        ([3, 10, 20, 100], 0.3187799361823112, 1.7142857142857144, 0.4859603143684514, 6.0473570028517285),
        ([47, 50, 1000, 1000000], 6.525081677529784e-138, 15651.0, 4879.4949746643615, 50200.64622914163),
        ([300, 1000, 3000, 10000], 0.512959294124179, 1.0, 0.8795808764795477, 1.1369051178129521),
        ([9, 10, 12, 40], 7.3449214565763065e-06, 21.0, 2.9812765503739467, 147.92321092945392),
    ];
}
