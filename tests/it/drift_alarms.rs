//! How often the tests of `drift` call healthy data changed, and how often they find a change, by our own functions. The full
//! study is `tests/reference/drift.py`, with the tests written a second time.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use sluicegate::statistics::{
    Cell, binned, decile_bins, fisher_exact, homogeneity, kolmogorov_sf, ks_distance, ks_p_value, noise as noise_of, psi,
};

const RUNS: usize = 400;
/// The defaults of `drift`.
const ALPHA: f64 = 0.001;
const MIN_EFFECT: f64 = 0.1;
const PSI_MAX: f64 = 0.2;

/// Knuth's MMIX generator.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    fn lognormal(&mut self) -> f64 {
        self.normal().exp()
    }

    fn inflated(&mut self) -> f64 {
        if self.uniform() < 0.6 { 0.0 } else { self.lognormal() }
    }

    fn category(&mut self, shares: &[f64]) -> usize {
        let mut left = self.uniform();
        shares
            .iter()
            .position(|share| {
                left -= share;
                left < 0.0
            })
            .unwrap_or(shares.len() - 1)
    }
}

fn cells(a: &[f64], b: &[f64]) -> Vec<Cell> {
    let mut counts: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    let key = |x: f64| (x * 1000.0).round() as i64;
    a.iter().for_each(|x| counts.entry(key(*x)).or_default().0 += 1);
    b.iter().for_each(|x| counts.entry(key(*x)).or_default().1 += 1);
    counts.into_iter().map(|(x, (a, b))| Cell::atom(x as f64 / 1000.0, a, b)).collect()
}

fn ks_fails(cells: &[Cell], n: u64) -> bool {
    let d = ks_distance(cells).expect("values").low;
    d >= MIN_EFFECT && ks_p_value(d, n, n) < ALPHA
}

/// Whether the index fails; none where there are too few values.
fn psi_fails(cells: &[Cell], n: u64) -> Option<bool> {
    let bins = decile_bins(cells);
    let (a, b) = (binned(&bins, cells.iter().map(|c| c.a)), binned(&bins, cells.iter().map(|c| c.b)));
    (noise_of(a.len()) * 2.0 / (n as f64) < PSI_MAX).then(|| psi(&a, &b).expect("values") > PSI_MAX)
}

/// In how many of the runs something holds.
fn share(mut holds: impl FnMut() -> bool) -> f64 {
    (0..RUNS).filter(|_| holds()).count() as f64 / RUNS as f64
}

/// The most that a share `p` of the runs may come to: beyond is one in 200 studies, and more where it is seldom.
fn band(p: f64) -> f64 {
    p + 2.58 * (p * (1.0 - p) / RUNS as f64).sqrt() + 1.0 / RUNS as f64
}

const HEALTHY: [(&str, fn(&mut Random) -> f64); 3] =
    [("normal", Random::normal), ("lognormal", Random::lognormal), ("60 % zeros", Random::inflated)];

#[test]
fn healthy_data_are_called_changed_no_more_often_than_claimed() {
    let mut random = Random(1);
    for (name, draw) in HEALTHY {
        for n in [100, 1000] {
            let sample = |random: &mut Random| (0..n).map(|_| draw(random)).collect::<Vec<f64>>();
            let (mut ks, mut index) = (0, 0);
            for _ in 0..RUNS {
                let cells = cells(&sample(&mut random), &sample(&mut random));
                ks += usize::from(ks_fails(&cells, n));
                index += usize::from(psi_fails(&cells, n) == Some(true));
            }
            let (ks, index) = (ks as f64 / RUNS as f64, index as f64 / RUNS as f64);
            assert!(ks <= band(ALPHA), "ks, {name}, {n} rows: {ks}");
            assert!(index <= band(0.05), "psi, {name}, {n} rows: {index}");
        }
    }
    let shares = [0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.03, 0.02];
    for n in [100, 1000] {
        let mut counts = |shares: &[f64]| {
            let mut counts = vec![0; shares.len()];
            (0..n).for_each(|_| counts[random.category(shares)] += 1);
            counts
        };
        let found = share(|| chi2_fails(&counts(&shares), &counts(&shares)));
        assert!(found <= band(ALPHA), "chi2, {n} rows: {found}");
    }
    for (n, missing) in [(100, 0.02), (1000, 0.01), (1000, 0.1)] {
        let mut count = || (0..n).filter(|_| random.uniform() < missing).count() as u64;
        let found = share(|| nulls_fail(count(), count(), n));
        assert!(found <= band(ALPHA), "null_share, {n} rows, {missing}: {found}");
    }
}

fn chi2_fails(a: &[u64], b: &[u64]) -> bool {
    homogeneity(a, b).is_some_and(|test| test.effect >= MIN_EFFECT && test.p_value < ALPHA)
}

fn nulls_fail(a: u64, b: u64, n: u64) -> bool {
    a.abs_diff(b) as f64 / n as f64 > 0.01 && fisher_exact((a, n), (b, n)) < ALPHA
}

/// The least that docs/statistics.md states of 1,000 rows.
#[test]
fn changes_of_a_thousand_rows_are_found_as_often_as_stated() {
    let mut random = Random(2);
    let n = 1000;
    let mut compared = |change: fn(f64) -> f64| {
        let (mut ks, mut index) = (0, 0);
        for _ in 0..RUNS {
            let before: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            let after: Vec<f64> = (0..n).map(|_| change(random.normal())).collect();
            let cells = cells(&after, &before);
            ks += usize::from(ks_fails(&cells, n));
            index += usize::from(psi_fails(&cells, n) == Some(true));
        }
        (ks as f64 / RUNS as f64, index as f64 / RUNS as f64)
    };
    let (ks, index) = compared(|x| x + 0.5);
    assert!(ks >= 0.99 && index >= 0.7, "the mean by half a standard deviation: {ks}, {index}");
    let (ks, index) = compared(|x| 2.0 * x);
    assert!(ks >= 0.99 && index >= 0.99, "doubled spread: {ks}, {index}");
    let (ks, _) = compared(|x| x + 0.2);
    assert!(ks >= 0.2, "the mean by a fifth of a standard deviation: {ks}");
    let mut counts = |shares: &[f64]| {
        let mut counts = vec![0; shares.len()];
        (0..n).for_each(|_| counts[random.category(shares)] += 1);
        counts
    };
    let (before, after) = ([0.1; 10], std::array::from_fn::<f64, 10, _>(|i| if i == 0 { 0.2 } else { 0.8 / 9.0 }));
    let found = share(|| chi2_fails(&counts(&after), &counts(&before)));
    assert!(found >= 0.85, "a category from 10 to 20 %: {found}");
    let mut count = |missing: f64| (0..n).filter(|_| random.uniform() < missing).count() as u64;
    let found = share(|| nulls_fail(count(0.05), count(0.01), n));
    assert!(found >= 0.9, "missing values from 1 to 5 %: {found}");
}

/// Rising distances have falling p-values, across all the ways in which they are computed.
#[test]
fn p_values_fall_as_distances_rise() {
    for n in [1, 2, 5, 20, 140, 141, 1000, 4096, 4097, 100_000, 1_000_000, 1_000_001] {
        let p_values: Vec<f64> = (1..400).map(|i| kolmogorov_sf(n, i as f64 / 100.0 / (n as f64).sqrt())).collect();
        let falls = |pair: &[f64]| pair[1] <= pair[0] * (1.0 + 1e-6) + 1e-9;
        assert!(p_values.windows(2).all(falls) && p_values.iter().all(|p| (0.0..=1.0).contains(p)), "{n}");
    }
}
