//! The Wasserstein distance on a line.

use super::samples::{Cell, totals};

/// A figure with what it may be at least and at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounded {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// The first Wasserstein distance ∫ |F_a − F_b| dx of batch and baseline. Infinite values are left out. It is exact where each
/// cell holds one value. Where a cell is wider, the values in it are taken to be spread evenly, and the bounds hold wherever in it
/// they are. None where one of the samples has no finite values.
pub fn wasserstein(cells: &[Cell]) -> Option<Bounded> {
    let finite: Vec<Cell> = cells.iter().copied().filter(|cell| cell.low.is_finite() && cell.high.is_finite()).collect();
    let (n, m) = totals(&finite);
    if n == 0 || m == 0 {
        return None;
    }
    let (n, m) = (n as f64, m as f64);
    let (mut before_a, mut before_b, mut last) = (0u64, 0u64, None);
    let mut sum = Bounded { value: 0.0, low: 0.0, high: 0.0 };
    let mut add = |value: f64, low: f64, high: f64| {
        sum = Bounded { value: sum.value + value, low: sum.low + low, high: sum.high + high };
    };
    for cell in &finite {
        let (a, b) = (before_a as f64 / n, before_b as f64 / m);
        if let Some(last) = last {
            // The way may be infinite though its ends are not.
            let gap = if a == b { 0.0 } else { (a - b).abs() * (cell.low - last) };
            add(gap, gap, gap);
        }
        before_a += cell.a;
        before_b += cell.b;
        last = Some(cell.high);
        if !cell.is_atom() {
            let (after_a, after_b) = (before_a as f64 / n, before_b as f64 / m);
            let width = cell.high - cell.low;
            // How far apart the functions are at any place of the cell, at least and at most.
            let nearest = (a - after_b).max(b - after_a).max(0.0);
            let farthest = (after_a - b).abs().max((after_b - a).abs());
            add(width * mean_of_absolute(a - b, after_a - after_b), width * nearest, width * farthest);
        }
    }
    Some(sum)
}

/// The mean of |x| over a straight way from one value to another.
fn mean_of_absolute(from: f64, to: f64) -> f64 {
    if from * to >= 0.0 {
        return (from.abs() + to.abs()) / 2.0;
    }
    (from * from + to * to) / (2.0 * (from.abs() + to.abs()))
}

/// What the distance of samples of n and m values from the baseline's distribution exceeds in one of 20, divided by √(1/n + 1/m). Their
/// difference is nearly a Brownian bridge, whose mean is √(2/π)·∫ √(F·(1 − F)) dx; its 95 % quantile is less than
/// twice that, and where the tails of few values are heavy, than 2.5 times.
pub fn wasserstein_noise(cells: &[Cell]) -> f64 {
    let finite: Vec<Cell> = cells.iter().copied().filter(|cell| cell.low.is_finite() && cell.high.is_finite()).collect();
    let all = totals(&finite).1 as f64;
    let spread = |share: f64| (share * (1.0 - share)).max(0.0).sqrt();
    let (mut before, mut last, mut sum) = (0u64, None, 0.0);
    for cell in &finite {
        let share = before as f64 / all;
        if let Some(last) = last {
            sum += spread(share) * (cell.low - last);
        }
        before += cell.b;
        sum += (spread(share) + spread(before as f64 / all)) / 2.0 * (cell.high - cell.low);
        last = Some(cell.high);
    }
    2.5 * (2.0 / std::f64::consts::PI).sqrt() * sum
}
