//! Kolmogorov's distribution, by the ways and within the limits of Simard and L'Ecuyer (2011), as in scipy's `kstwo`.

use std::f64::consts::{PI, TAU};

use super::binomial::stirling_error;
use super::smirnov::smirnov_sf;

/// The probability that the Kolmogorov–Smirnov statistic of `n` values is at least `d`.
pub fn kolmogorov_sf(n: u64, d: f64) -> f64 {
    if n == 0 || d.is_nan() {
        return f64::NAN;
    }
    let count = n as f64;
    let steps = count * d;
    if d >= 1.0 {
        return 0.0;
    }
    if steps <= 0.5 {
        return 1.0;
    }
    if steps <= 1.0 {
        // Ruben and Gambino: n!/n^n · (2nd − 1)^n.
        return 1.0 - (ln_factorial_by_power(count) + count * (2.0 * steps - 1.0).ln()).exp();
    }
    if steps >= count - 1.0 {
        return 2.0 * (count * (-d).ln_1p()).exp();
    }
    let square = steps * d;
    if n > 140 && square >= 370.0 {
        // Below what a float can tell from 0.
        return 0.0;
    }
    let both_sides = || (2.0 * smirnov_sf(n, d)).min(1.0);
    if d >= 0.5 {
        return both_sides();
    }
    if n <= 140 {
        return if square <= 4.0 { 1.0 - durbin_cdf(n, d) } else { both_sides() };
    }
    if square >= 2.2 {
        return both_sides();
    }
    if PI * PI / (8.0 * square) > 32.0 {
        // The distribution function is below 1e-12.
        return 1.0;
    }
    let cdf = if n <= 100_000 && count * d.powf(1.5) <= 1.4 { durbin_cdf(n, d) } else { pelz_good_cdf(count, d) };
    1.0 - cdf.clamp(0.0, 1.0)
}

/// ln(n! / n^n).
fn ln_factorial_by_power(n: f64) -> f64 {
    (TAU * n).ln() / 2.0 - n + stirling_error(n)
}

/// Exact but for rounding: the middle of n!/n^n · Hⁿ (Durbin 1968; Marsaglia, Tsang and Wang 2003).
fn durbin_cdf(n: u64, d: f64) -> f64 {
    /// Powers are held below this; what is taken away is counted in powers of it.
    const SCALE: f64 = 1e140;
    let steps = n as f64 * d;
    let k = steps.ceil() as usize;
    let m = 2 * k - 1;
    let mut matrix = durbin_matrix(m, k as f64 - steps);
    // Row k of the power, since no other is asked for.
    let mut row = vec![0.0; m];
    row[k - 1] = 1.0;
    let (mut row_scales, mut matrix_scales, mut left) = (0u64, 0u64, n);
    loop {
        if left & 1 == 1 {
            row = times(&row, &matrix, m);
            row_scales += matrix_scales;
            if row[k - 1] > SCALE {
                row.iter_mut().for_each(|x| *x /= SCALE);
                row_scales += 1;
            }
        }
        left >>= 1;
        if left == 0 {
            break;
        }
        matrix = matrix.chunks_exact(m).flat_map(|line| times(line, &matrix, m)).collect();
        matrix_scales *= 2;
        if matrix[(k - 1) * m + k - 1] > SCALE {
            matrix.iter_mut().for_each(|x| *x /= SCALE);
            matrix_scales += 1;
        }
    }
    // Of n!/n^n a factor at a time: its logarithm is large, and would cost digits.
    let (mut p, mut scales) = (row[k - 1], row_scales as i64);
    for i in 1..=n {
        p *= i as f64 / n as f64;
        if p < 1.0 / SCALE {
            p *= SCALE;
            scales -= 1;
        }
    }
    p * SCALE.powi(scales as i32)
}

/// The matrix H of Marsaglia, Tsang and Wang, row after row.
fn durbin_matrix(m: usize, h: f64) -> Vec<f64> {
    let mut matrix = vec![0.0; m * m];
    let (mut inverse, mut power) = (vec![1.0; m + 1], 1.0);
    for i in 1..=m {
        inverse[i] = inverse[i - 1] / i as f64;
    }
    for i in 0..m {
        for j in 1..m.min(i + 2) {
            matrix[i * m + j] = inverse[i + 1 - j];
        }
    }
    for i in 0..m {
        power *= h;
        let edge = (1.0 - power) * inverse[i + 1];
        matrix[i * m] = edge;
        matrix[(m - 1) * m + m - 1 - i] = edge;
    }
    let beyond = (2.0 * h - 1.0).max(0.0).powi(m as i32);
    matrix[(m - 1) * m] = (1.0 - 2.0 * power + beyond) * inverse[m];
    matrix
}

/// A row times a matrix of `m` columns.
fn times(row: &[f64], matrix: &[f64], m: usize) -> Vec<f64> {
    let mut product = vec![0.0; m];
    for (&x, line) in row.iter().zip(matrix.chunks_exact(m)) {
        if x != 0.0 {
            product.iter_mut().zip(line).for_each(|(sum, y)| *sum += x * y);
        }
    }
    product
}

/// Pelz and Good's expansion (1976) to n^(−3/2).
fn pelz_good_cdf(n: f64, d: f64) -> f64 {
    let z = n.sqrt() * d;
    let (z2, p2) = (z * z, PI * PI);
    let (z4, z6, p4, p6) = (z2 * z2, z2 * z2 * z2, p2 * p2, p2 * p2 * p2);
    let root = TAU.sqrt();
    let terms = (16.0 * z / PI).ceil() as i32;
    let mut sums = [0.0; 4];
    for k in (1..=terms).rev() {
        // Odd numbers m = 2k − 1, then all numbers k.
        let m2 = f64::from((2 * k - 1) * (2 * k - 1));
        let (m4, m6) = (m2 * m2, m2 * m2 * m2);
        let e = (-p2 * m2 / (8.0 * z2)).exp();
        sums[0] += e / z;
        sums[1] += e * (p2 / 4.0 * m2 - z2) / (6.0 * z4);
        sums[2] += e * (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * p2 / 4.0 * m2 + p4 * (1.0 - 2.0 * z2) / 16.0 * m4) / (72.0 * z6 * z);
        sums[3] += e
            * (-30.0 * z6 - 90.0 * z4 * z4
                + p2 * (135.0 * z4 - 96.0 * z6) / 4.0 * m2
                + p4 * (212.0 * z4 - 60.0 * z2) / 16.0 * m4
                + p6 * (5.0 - 30.0 * z2) / 64.0 * m6)
            / (6480.0 * z6 * z4);
        let k2 = f64::from(k * k);
        let e = (-p2 * k2 / (2.0 * z2)).exp() * k2;
        sums[2] -= e * p2 / (36.0 * z2 * z);
        sums[3] += e * p2 * (3.0 * z2 - p2 * k2) / (216.0 * z6);
    }
    root * (sums[0] + sums[1] / n.sqrt() + sums[2] / n + sums[3] / (n * n.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_distance_of_any_number_has_a_probability() {
        for n in [1, 2, 7, 50, 139, 140, 141, 500, 1000, 1479, 5000, 10_000, 100_000, 1_000_000, 100_000_000] {
            let mut last = 1.0;
            for i in 0..=400 {
                let p = kolmogorov_sf(n, f64::from(i) / 400.0);
                assert!((0.0..=1.0).contains(&p) && p <= last + 1e-9, "{n} {i}: {p} after {last}");
                last = p;
            }
        }
    }
}
