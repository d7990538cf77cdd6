//! Fisher's exact test of two shares.

use super::binomial::binomial_pmf;

/// Probabilities that differ by less than this part of themselves are equal but for rounding.
const EQUAL: f64 = 1e-9;

/// The two-sided p-value that `a` of `n` and `b` of `m` have one share: the probability, given `a` + `b`, of all that is no more
/// probable than what was found (Fisher 1935; R's and scipy's `fisher_exact`).
pub fn fisher_exact((a, n): (u64, u64), (b, m): (u64, u64)) -> f64 {
    let tables = Tables { n, m, parts: a + b };
    let found = tables.probability(a);
    let (least, most) = tables.range();
    let is_tail = |x: u64| tables.probability(x) <= found * (1.0 + EQUAL);
    // The most probable one parts both tails.
    let mode = (((u128::from(n) + 1) * (u128::from(tables.parts) + 1)) / (u128::from(n) + u128::from(m) + 2)) as u64;
    let mode = mode.clamp(least, most);
    if is_tail(mode) {
        return 1.0;
    }
    // The last of the lower tail, the first of the upper one.
    let lower = last_where(least, mode, is_tail);
    let upper = last_where(mode, most, |x| !is_tail(x)).map_or(mode, |x| x + 1);
    let below = lower.map_or(0.0, |x| tables.tail(x, |x| x.checked_sub(1).filter(|x| *x >= least)));
    let above = if upper > most { 0.0 } else { tables.tail(upper, |x| Some(x + 1).filter(|x| *x <= most)) };
    (below + above).min(1.0)
}

/// The one-sided p-value: the probability, given `a` + `b`, of `a` of `n` or more (scipy's `fisher_exact` with
/// `alternative="greater"`, which is `hypergeom.sf(a - 1, n + m, a + b, n)`).
pub fn fisher_greater((a, n): (u64, u64), (b, m): (u64, u64)) -> f64 {
    let tables = Tables { n, m, parts: a + b };
    let (least, most) = tables.range();
    if a <= least {
        return 1.0;
    }
    tables.tail(a, |x| Some(x + 1).filter(|x| *x <= most)).min(1.0)
}

/// The last number of a range for which `holds`, if it holds for none after one for which it does not.
fn last_where(first: u64, last: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    if !holds(first) {
        return None;
    }
    let (mut yes, mut no) = (first, last + 1);
    while no - yes > 1 {
        let middle = yes + (no - yes) / 2;
        if holds(middle) { yes = middle } else { no = middle }
    }
    Some(yes)
}

/// All tables of two samples in which `parts` together have what is counted.
struct Tables {
    n: u64,
    m: u64,
    parts: u64,
}

impl Tables {
    /// Of how many of the first sample at least, and at most.
    fn range(&self) -> (u64, u64) {
        (self.parts.saturating_sub(self.m), self.parts.min(self.n))
    }

    /// That `x` of the first sample are among them: hypergeometric, as a ratio of binomial probabilities.
    fn probability(&self, x: u64) -> f64 {
        let whole = self.n + self.m;
        if self.parts == 0 || self.parts == whole {
            return 1.0;
        }
        // The means less what was found are differences of products: exact in whole numbers.
        let off = (i128::from(self.n) * i128::from(self.parts) - i128::from(x) * i128::from(whole)) as f64 / whole as f64;
        let first = binomial_pmf(x as f64, self.n as f64, off);
        let second = binomial_pmf((self.parts - x) as f64, self.m as f64, -off);
        first * second / binomial_pmf(self.parts as f64, whole as f64, 0.0)
    }

    /// The probability of `x` and all that follow, which are ever less probable.
    fn tail(&self, x: u64, next: impl Fn(u64) -> Option<u64>) -> f64 {
        let (mut sum, mut at) = (0.0, Some(x));
        while let Some(x) = at {
            let term = self.probability(x);
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
            at = next(x);
        }
        sum
    }
}
