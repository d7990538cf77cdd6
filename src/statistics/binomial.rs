//! Binomial probabilities without differences of large logarithms (C. Loader 2000).

use std::f64::consts::TAU;

/// C(n, x)·p^x·(1 − p)^(n−x), where the mean n·p is `x` + `off`. `x` may lie between whole numbers.
pub(super) fn binomial_pmf(x: f64, n: f64, off: f64) -> f64 {
    let rest = n - x;
    if x <= 0.0 {
        return (n * (-off / n).ln_1p()).exp();
    }
    if rest <= 0.0 {
        return (n * (off / n).ln_1p()).exp();
    }
    let exponent = stirling_error(n) - stirling_error(x) - stirling_error(rest) - deviance(x, off) - deviance(rest, -off);
    exponent.exp() * (n / (TAU * x * rest)).sqrt()
}

/// x·ln(x/m) + m − x, where m is `x` + `off`.
fn deviance(x: f64, off: f64) -> f64 {
    let mean = x + off;
    if off.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + off;
    }
    // With r = (x − m) / (x + m) it is (x − m)·r + 2x·(r³/3 + r⁵/5 + …).
    let ratio = -off / (x + mean);
    let square = ratio * ratio;
    let (mut sum, mut power) = (-off * ratio, 2.0 * x * ratio);
    for odd in (3..).step_by(2) {
        power *= square;
        let next = sum + power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// What Stirling's formula lacks of ln(n!): ln(n!) − (n + ½)·ln(n) + n − ½·ln(2π).
pub(super) fn stirling_error(n: f64) -> f64 {
    if n < 16.0 && n.fract() == 0.0 {
        let factorial: f64 = (2..=n as u64).map(|i| i as f64).product();
        return factorial.ln() - (n + 0.5) * n.ln() + n - TAU.ln() / 2.0;
    }
    // B_2k / (2k·(2k − 1)·n^(2k−1)).
    const TERMS: [f64; 6] = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    let square = 1.0 / (n * n);
    TERMS.iter().rev().fold(0.0, |sum, term| sum * square + term) / n
}
