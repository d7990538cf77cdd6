//! What profiles show, on data of which it is known what became of them. Batches follow from seeds alone.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use arrow::datatypes::DataType;

use super::profile::{ALIKE_MIN, ColumnProfile, Profiles};
use super::scale::scale_shift;
use super::written::{Rewritten, rewritten};
use crate::metric::cells::{Cells, CellsOut, Shapes};
use crate::metric::{Budget, Column, Inputs, Rows, State};
use crate::rows::{Mask, RowNumbers};

/// SplitMix64.
struct Random(u64);

impl Random {
    /// Between 0 and 1, both excluded.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

type Kind = (&'static str, fn(&mut Random) -> f64);

const HEALTHY: [Kind; 6] = [
    ("lognormal, σ 1", |r| 50.0 * r.normal().exp()),
    ("lognormal, σ 3", |r| 50.0 * (3.0 * r.normal()).exp()),
    ("normal", |r| 100.0 + 15.0 * r.normal()),
    ("normal around 0", Random::normal),
    ("amounts, 60 % zeros", |r| if r.uniform() < 0.6 { 0.0 } else { 50.0 * r.normal().exp() }),
    ("counts", |r| (-4.0 * r.uniform().ln()).floor()),
];

fn counted<S: State<Spec = (), Out = CellsOut>>(array: ArrayRef) -> CellsOut {
    let (memory, len) = (Arc::new(Budget::new(1 << 30, std::env::temp_dir())), array.len() as u32);
    let mut state = S::empty(&(), &[array.data_type().clone()], &memory);
    let rows = Rows { unit: 0, numbers: &RowNumbers::Dense { first: 0, len }, selection: &Mask::All };
    state.update(&rows, &[&Column::new(array)]).expect("counted");
    state.finish(&Inputs::default()).expect("finished")
}

fn numbers(values: impl IntoIterator<Item = f64>) -> CellsOut {
    counted::<Cells>(Arc::new(Float64Array::from_iter_values(values)))
}

/// The same as a summary keeps them.
fn kept(values: impl IntoIterator<Item = f64>) -> CellsOut {
    let (memory, array) =
        (Arc::new(Budget::new(1 << 30, std::env::temp_dir())), Arc::new(Float64Array::from_iter_values(values)) as ArrayRef);
    let (types, len) = ([DataType::Float64], array.len() as u32);
    let mut state = Cells::empty(&(), &types, &memory);
    let rows = Rows { unit: 0, numbers: &RowNumbers::Dense { first: 0, len }, selection: &Mask::All };
    state.update(&rows, &[&Column::new(array)]).expect("counted");
    let json = state.summarise().expect("kept").expect("a summary holds cells");
    Cells::of_summary(&(), &types, &memory, &json).expect("read").finish(&Inputs::default()).expect("finished")
}

fn texts<S: State<Spec = (), Out = CellsOut>>(values: impl IntoIterator<Item = String>) -> CellsOut {
    counted::<S>(Arc::new(StringArray::from_iter_values(values)))
}

fn factor(a: &CellsOut, b: &CellsOut) -> Option<f64> {
    scale_shift(a, b, false).map(|shift| shift.factors[0])
}

#[test]
fn healthy_data_is_of_the_scale_it_was() {
    // No alarm in 3,600 runs of 100 rows says with 95 % confidence that there is one in a thousand at most. That there is one in a
    // million follows from the test that comes first, whatever the number of rows.
    for (n, runs) in [(100, 600), (1000, 60), (100_000, 1)] {
        for (kind, (name, draw)) in HEALTHY.iter().enumerate() {
            for run in 0..runs {
                let mut random = Random((kind as u64) << 40 | (n as u64) << 16 | run);
                let mut sample = || (0..n).map(|_| draw(&mut random)).collect::<Vec<_>>();
                let (a, b) = (kept(sample()), numbers(sample()));
                assert_eq!(scale_shift(&a, &b, false), None, "{name} of {n}, run {run}");
            }
        }
    }
}

#[test]
fn values_times_a_constant_are_found_and_the_constant_named() {
    for n in [100, 1000, 20_000] {
        for (kind, (name, draw)) in HEALTHY.iter().enumerate().filter(|(kind, _)| *kind != 1) {
            for (i, by) in [10.0, 60.0, 100.0, 1000.0, 3600.0, 0.01, 0.001, 1.0 / 60.0].into_iter().enumerate() {
                let mut random = Random((kind as u64) << 40 | (n as u64) << 16 | i as u64);
                let a = kept((0..n).map(|_| draw(&mut random)).collect::<Vec<_>>());
                let b = numbers((0..n).map(|_| draw(&mut random) * by).collect::<Vec<_>>());
                let factors = scale_shift(&a, &b, false).map(|shift| shift.factors).unwrap_or_default();
                // Of 100 rows, 60 times may be 100 times; of more, 1,000 times only 1,024 times.
                let is_kibi = |factor: f64| factor == 1024.0 || factor == 1.0 / 1024.0;
                let first = factors.first().copied().unwrap_or_default();
                let named = factors.contains(&by) && (n == 100 || first == by || is_kibi(first));
                assert!(named, "{name} of {n}, times {by}: {factors:?}");
            }
        }
    }
    // Where there are enough values, a thousand is told from a kibi.
    let mut random = Random(7);
    let mut sample = |by: f64| (0..20_000).map(|_| random.normal().mul_add(0.1, 5.0) * by).collect::<Vec<_>>();
    assert_eq!(factor(&kept(sample(1.0)), &numbers(sample(1024.0))), Some(1024.0));
    assert_eq!(factor(&kept(sample(1.0)), &numbers(sample(1000.0))), Some(1000.0));
    // Seconds since 1970, and a day later milliseconds.
    let times = |day: u32, by: f64| (0..500).map(move |i| (1.79e9 + f64::from(day) * 86_400.0 + f64::from(i * 160)) * by);
    assert_eq!(factor(&kept(times(0, 1.0)), &numbers(times(1, 1000.0))), Some(1000.0));
    assert_eq!(factor(&kept(times(0, 1.0)), &numbers(times(1, 1.0))), None);
    // A tax rate.
    assert_eq!(factor(&kept([0.19; 50]), &numbers([19.0; 50])), Some(100.0));
}

#[test]
fn a_drift_is_no_shift_of_scale() {
    let mut random = Random(11);
    let mut sample = |draw: &dyn Fn(f64) -> f64| numbers((0..2000).map(|_| draw(random.normal())).collect::<Vec<_>>());
    let prices = sample(&|z| 50.0 * z.exp());
    for by in [0.2, 0.5, 2.0, 3.0, 5.0, 20.0, 40.0] {
        let drifted = sample(&|z| 50.0 * by * z.exp());
        assert_eq!(factor(&prices, &drifted), None, "prices times {by}");
    }
    let heights = sample(&|z| 10.0 + z);
    for (mean, spread) in [(10.5, 1.0), (15.0, 1.0), (100.0, 1.0), (10.0, 2.0), (1000.0, 10.0), (10.0, 10.0)] {
        let drifted = sample(&|z| mean + spread * z);
        assert_eq!(factor(&heights, &drifted), None, "mean {mean}, spread {spread}");
    }
    // Half of the values are in another unit: that is no constant factor.
    let mixed = sample(&|z| 50.0 * z.exp() * if z.to_bits() % 2 == 0 { 100.0 } else { 1.0 });
    assert_eq!(factor(&prices, &mixed), None);
    // Two values, the one of which became frequent.
    let flip = |tens: usize| numbers((0..200).map(move |i| if i < tens { 10.0 } else { 1.0 }));
    assert_eq!(factor(&flip(20), &flip(180)), None);
    // Numbers that count the rows grow with them; one code is another code.
    let ids = |n: u32| numbers((1..=n).map(f64::from));
    assert_eq!(scale_shift(&ids(200), &ids(2000), true), None);
    assert_eq!(scale_shift(&numbers([1.0; 50]), &numbers([10.0; 50]), true), None);
    assert_eq!(factor(&numbers([1.0; 20]), &numbers([10.0; 20])), None, "too few");
}

#[test]
fn texts_that_are_written_otherwise_are_found_and_longer_ones_are_not() {
    let rows = |told: &dyn Fn(u32) -> String| texts::<Shapes>((0..200).map(told));
    let found =
        |a: &dyn Fn(u32) -> String, b: &dyn Fn(u32) -> String| rewritten(&rows(a), &rows(b)).map(|Rewritten { before, now }| (before, now));
    let shapes = |before: &str, now: &str| Some((before.to_owned(), now.to_owned()));
    let (iso, german): (fn(u32) -> String, fn(u32) -> String) =
        (|i| format!("2026-{:02}-{:02}", i % 12 + 1, i % 28 + 1), |i| format!("{:02}.{:02}.2026", i % 28 + 1, i % 12 + 1));
    assert_eq!(found(&iso, &german), shapes("9999-99-99", "99.99.9999"));
    assert_eq!(found(&iso, &|i| format!("{:02}-{:02}-2026", i % 28 + 1, i % 12 + 1)), shapes("9999-99-99", "99-99-9999"));
    assert_eq!(
        found(&|i| format!("{}.{:02}", i * 7, i % 100), &|i| format!("{},{:02}", i * 7, i % 100)).map(|f| f.1.contains(',')),
        Some(true)
    );
    assert_eq!(found(&|i| format!("{i}"), &|i| format!("{i} EUR")), shapes("999", "999 a"));
    // Numbers grow, words change, names have as many parts as they have; a few in another form are no format.
    assert_eq!(found(&|i| format!("A{i}"), &|i| format!("A{}", i + 10_000)), None);
    assert_eq!(found(&|i| format!("{}.5", i % 9), &|i| format!("{}.25", i + 100)), None);
    assert_eq!(found(&|i| format!("{i}.5"), &|i| format!("-{i}.5")), None);
    assert_eq!(found(&|_| "new".into(), &|_| "PAID".into()), None);
    assert_eq!(found(&iso, &|i| if i % 5 == 0 { german(i) } else { iso(i) }), None);
    assert_eq!(found(&|i| "x y".repeat(1 + i as usize % 12), &|i| "z-".repeat(1 + i as usize % 12)), None, "free text has no format");
    let few = |told: fn(u32) -> String| texts::<Shapes>((0..20).map(told));
    assert_eq!(rewritten(&few(iso), &few(german)), None, "too few");
}

#[test]
fn columns_of_one_distribution_are_alike_and_others_are_not() {
    let mut random = Random(3);
    let mut sample = |draw: &dyn Fn(&mut Random) -> f64| (0..1000).map(|_| draw(&mut random)).collect::<Vec<_>>();
    let profile = |cells: CellsOut| ColumnProfile { cells: Some(cells), shapes: None };
    let word = |of: &[&str]| {
        let values: Vec<String> = (0..300).map(|i| of[i % of.len()].to_owned()).collect();
        ColumnProfile { cells: Some(texts::<Cells>(values.clone())), shapes: Some(texts::<Shapes>(values)) }
    };
    let old = [
        ("price", profile(kept(sample(&|r| 50.0 * r.normal().exp())))),
        ("age", profile(kept(sample(&|r| 18.0 + 60.0 * r.uniform())))),
        ("state", word(&["new", "paid", "sent"])),
    ];
    let new = [
        ("amount", profile(numbers(sample(&|r| 50.0 * r.normal().exp())))),
        ("years", profile(numbers(sample(&|r| 18.0 + 60.0 * r.uniform())))),
        ("status", word(&["new", "paid", "sent"])),
        ("country", word(&["DE", "FR", "IT"])),
    ];
    let map = |of: &[(&str, ColumnProfile)]| of.iter().map(|(name, profile)| ((*name).to_owned(), profile.clone())).collect();
    let profiles = Profiles { label: "earlier".into(), old: map(&old), new: map(&new) };
    for (before, now) in [("price", "amount"), ("age", "years"), ("state", "status")] {
        for (other, _) in &new {
            let alike = profiles.likeness(before, other);
            match *other == now {
                true => assert!(alike.is_some_and(|alike| alike >= ALIKE_MIN), "{before} and {now}: {alike:?}"),
                false => assert!(alike.is_none_or(|alike| alike < ALIKE_MIN - 0.2), "{before} and {other}: {alike:?}"),
            }
        }
    }
    assert_eq!(profiles.likeness("price", "nobody"), None);
}
