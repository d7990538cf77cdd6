//! The two-sample Kolmogorov–Smirnov test.

use super::kolmogorov::kolmogorov_sf;
use super::samples::{Cell, totals};

/// The largest distance of two distribution functions: between `low` and `high`, which are equal where cells tell it exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KsDistance {
    pub low: f64,
    pub high: f64,
}

/// The distance of batch and baseline. At the ends of a cell both functions are known, so it is at least the largest distance
/// there. Within a cell that holds values of both, all of the one may come before all of the other, and no more than that. None
/// where one of them has no values.
pub fn ks_distance(cells: &[Cell]) -> Option<KsDistance> {
    let (n, m) = totals(cells);
    if n == 0 || m == 0 {
        return None;
    }
    // F_a − F_b in units of 1 / (n·m), which are whole: no rounding.
    let unit = |a: u64, b: u64| i128::from(a) * i128::from(m) - i128::from(b) * i128::from(n);
    let (mut before_a, mut before_b, mut low, mut high) = (0, 0, 0u128, 0u128);
    for cell in cells {
        if cell.is_mixed() {
            let all_of_one = unit(before_a + cell.a, before_b).unsigned_abs().max(unit(before_a, before_b + cell.b).unsigned_abs());
            high = high.max(all_of_one);
        }
        before_a += cell.a;
        before_b += cell.b;
        low = low.max(unit(before_a, before_b).unsigned_abs());
    }
    let share = |units: u128| units as f64 / (n as f64 * m as f64);
    Some(KsDistance { low: share(low), high: share(high.max(low)) })
}

/// The p-value of a distance of samples of `n` and `m` values: scipy's `kstwo.sf(d, round(n·m / (n + m)))`, which its
/// `ks_2samp(method="asymp")` computes.
pub fn ks_p_value(d: f64, n: u64, m: u64) -> f64 {
    kolmogorov_sf(effective_number(n, m).max(1), d)
}

/// n·m / (n + m), rounded to the nearest whole number, and halves to the even one.
fn effective_number(n: u64, m: u64) -> u64 {
    let (product, sum) = (u128::from(n) * u128::from(m), u128::from(n) + u128::from(m));
    if sum == 0 {
        return 0;
    }
    let (whole, twice_rest) = (product / sum, product % sum * 2);
    let up = twice_rest > sum || (twice_rest == sum && whole % 2 == 1);
    u64::try_from(whole + u128::from(up)).unwrap_or(u64::MAX)
}
