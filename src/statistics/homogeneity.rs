//! Whether two samples of categories come from one distribution.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Categories whose expected count is below this, in either sample, are pooled (Cochran 1954).
const EXPECTED_MIN: f64 = 5.0;

/// Pearson's chi-square of homogeneity, without continuity correction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homogeneity {
    pub statistic: f64,
    /// After pooling.
    pub categories: u64,
    pub pooled: u64,
    pub p_value: f64,
    /// √(χ² / (n + m)): small by itself where one sample is much larger than the other.
    pub cramers_v: f64,
    /// Cramér's V of samples of one size with the same shares, √(½ Σ (p − q)² / (p + q)): the effect, whatever the sizes.
    pub effect: f64,
}

/// Tests the counts `a` of the batch against the counts `b` of the baseline; none where fewer than two categories are left.
pub fn homogeneity(a: &[u64], b: &[u64]) -> Option<Homogeneity> {
    let (n, m) = (a.iter().sum::<u64>(), b.iter().sum::<u64>());
    let (all, fewer) = ((n + m) as f64, n.min(m) as f64);
    if fewer == 0.0 {
        return None;
    }
    let (mut pool, mut pooled, mut kept) = ((0u64, 0u64), 0u64, Vec::new());
    for (&a, &b) in a.iter().zip(b).filter(|&(&a, &b)| a + b > 0) {
        if (a + b) as f64 * fewer / all < EXPECTED_MIN {
            pool = (pool.0 + a, pool.1 + b);
            pooled += 1;
        } else {
            kept.push((a, b));
        }
    }
    if pooled > 0 {
        kept.push(pool);
    }
    if kept.len() < 2 {
        return None;
    }
    // Both cells of a category together: (a·m − b·n)² / (n·m·(a + b)).
    let of_column = |&(a, b): &(u64, u64)| {
        let off = (u128::from(a) * u128::from(m)).abs_diff(u128::from(b) * u128::from(n)) as f64;
        off / (n as f64 * m as f64) * off / (a + b) as f64
    };
    let statistic: f64 = kept.iter().map(of_column).sum();
    let of_shares = |&(a, b): &(u64, u64)| {
        let (p, q) = (a as f64 / n as f64, b as f64 / m as f64);
        (p - q) / (p + q) * (p - q)
    };
    let effect = (kept.iter().map(of_shares).sum::<f64>() / 2.0).sqrt().min(1.0);
    let p_value = ChiSquared::new((kept.len() - 1) as f64).expect("there are two categories at least").sf(statistic);
    let cramers_v = (statistic / all).sqrt().min(1.0);
    Some(Homogeneity { statistic, categories: kept.len() as u64, pooled, p_value, cramers_v, effect })
}
