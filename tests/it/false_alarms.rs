//! The default limits of `outliers` on batches that nothing is wrong with. The batches follow from seeds alone, and are those
//! of `tests/reference/outliers.py`, which computes the fences a second time and the tables of `docs/statistics.md`.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch};
use chrono::DateTime;
use serde_json::Value as Json;
use sluicegate::audit::{self, Budget, Job, NoSink};
use sluicegate::findings::{Finding, Outcome, figures};
use sluicegate::ruleset::RuleFile;
use sluicegate::source;

use crate::support::project;

const RULES: &str = "dataset: t\nprofile: none\nrules:\n  - outliers: { id: iqr, column: x }\n  - outliers: { id: mad, column: x, method: mad }\n  \
                     - outliers: { id: zscore, column: x, method: zscore }\n";

/// Kinds of data, as numbered in `outliers.py`: how many random numbers a value takes, and the value.
type Kind = (&'static str, usize, fn(&[f64]) -> f64);

const KINDS: [Kind; 18] = [
    ("normal", 2, |u| 100.0 + 15.0 * normal(u)),
    ("lognormal, σ 1", 2, |u| 50.0 * normal(u).exp()),
    ("exponential", 1, |u| -50.0 * u[0].ln()),
    ("gamma, shape 2", 2, |u| -50.0 * (u[0] * u[1]).ln()),
    ("gamma, shape ½", 2, |u| 25.0 * normal(u) * normal(u)),
    ("Poisson, mean 2", 1, |u| poisson(u[0], 2.0)),
    ("counts, 30 % zeros", 2, |u| if u[0] < 0.3 { 0.0 } else { poisson(u[1], 3.0) }),
    ("counts, 60 % zeros", 2, |u| if u[0] < 0.6 { 0.0 } else { poisson(u[1], 3.0) }),
    ("amounts, 30 % zeros", 3, |u| if u[2] < 0.3 { 0.0 } else { 50.0 * normal(u).exp() }),
    ("amounts, 60 % zeros", 3, |u| if u[2] < 0.6 { 0.0 } else { 50.0 * normal(u).exp() }),
    ("amounts, 80 % zeros", 3, |u| if u[2] < 0.8 { 0.0 } else { 50.0 * normal(u).exp() }),
    ("uniform", 1, |u| 100.0 * u[0]),
    ("lognormal, σ 2", 2, |u| 50.0 * (2.0 * normal(u)).exp()),
    ("Pareto, α 2", 1, |u| u[0].powf(-0.5)),
    ("Poisson, mean ½", 1, |u| poisson(u[0], 0.5)),
    ("Poisson, mean 5", 1, |u| poisson(u[0], 5.0)),
    ("geometric, p 0.3", 1, |u| (u[0].ln() / 0.7f64.ln()).floor()),
    ("ratings, 1 to 5", 1, |u| 1.0 + [0.05, 0.12, 0.27, 0.60].iter().filter(|limit| **limit < u[0]).count() as f64),
];
/// The kinds that the limits are made for.
const HEALTHY: usize = 11;

/// Box and Muller.
fn normal(u: &[f64]) -> f64 {
    (-2.0 * u[0].ln()).sqrt() * (std::f64::consts::TAU * u[1]).cos()
}

fn poisson(u: f64, mean: f64) -> f64 {
    let (mut p, mut total, mut out) = ((-mean).exp(), (-mean).exp(), 0.0);
    for k in 1..=40 {
        out += f64::from(u8::from(u > total));
        p *= mean / f64::from(k);
        total += p;
    }
    out
}

/// SplitMix64 by counter: the batch of a kind and a run is the same wherever it is made.
fn batch(kind: usize, run: u64, n: usize) -> Vec<f64> {
    let (_, k, value) = KINDS[kind];
    let start = (1_000_000 * kind as u64 + run) << 32;
    let uniform = |i: usize| {
        let mut z = start.wrapping_add((i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((((z ^ z >> 31) >> 12) as f64) + 0.5) * 2f64.powi(-52)
    };
    let mut numbers = [0.0; 3];
    let mut next = |i: usize| {
        numbers[..k].iter_mut().enumerate().for_each(|(j, number)| *number = uniform(i * k + j));
        value(&numbers[..k])
    };
    (0..n).map(&mut next).collect()
}

/// What `iqr`, `mad` and `zscore` find by default.
fn judged(rules: &RuleFile, values: Vec<f64>) -> Vec<Finding> {
    let options = rules.sections.read_options(&rules.path).expect("options");
    let batch = RecordBatch::try_from_iter([("x", Arc::new(Float64Array::from(values)) as _)]).expect("a batch");
    let source = source::from_batches(&batch.schema(), vec![batch], &options).expect("a source");
    let job = Job::new(rules, source, DateTime::UNIX_EPOCH, Arc::new(Budget::new(1 << 30, std::env::temp_dir())));
    let audited = audit::audit(&job, &NoSink::default()).expect("an audit");
    let named = |id: &str| audited.findings.iter().find(|f| f.finding.id == id).map(|f| f.finding.clone()).expect("a finding");
    ["iqr", "mad", "zscore"].map(named).to_vec()
}

fn rules() -> RuleFile {
    RuleFile::parse(RULES, "r.yaml").expect("rules")
}

#[test]
fn fences_by_default_are_those_of_the_published_formula() {
    let text = std::fs::read_to_string(project("tests/reference/outliers.json")).expect("the reference");
    let cases: Vec<Json> = serde_json::from_str(&text).expect("JSON");
    let rules = rules();
    let mut compared = 0;
    for case in &cases {
        let number = |key: &str| case[key].as_u64().expect("a number");
        for (run, expected) in (0..).zip(case["fences"].as_array().expect("fences")) {
            let values = batch(number("kind") as usize, run, number("n") as usize);
            let findings = judged(&rules, values);
            let finding = findings.iter().find(|f| f.id == case["method"]).expect("a finding");
            let fence = |name| finding.figures.get(name).and_then(|figure| figure.value.as_f64());
            let found = fence(&figures::LOWER_FENCE).zip(fence(&figures::UPPER_FENCE));
            let expected = expected.as_array().map(|f| (f[0].as_f64().expect("low"), f[1].as_f64().expect("high")));
            let is_close = match (found, expected) {
                (Some((a, b)), Some((c, d))) => (a - c).abs().max((b - d).abs()) <= 1e-9 * (d - c).abs(),
                // All values of a batch may be equal: it has no fences, and passes.
                (None, None) => finding.outcome == Outcome::NoData || finding.failing_rows == 0,
                (Some(_), None) | (None, Some(_)) => false,
            };
            assert!(is_close, "{case} run {run}: {found:?} where {expected:?} is expected: {}", finding.message);
            compared += usize::from(found.is_some());
        }
    }
    assert!(compared > 500, "only {compared} batches have fences");
}

/// By kind and method: how many of the batches have an outlier.
fn alarms(kinds: usize, n: usize, runs: u64) -> Vec<[u64; 3]> {
    let rules = rules();
    let of_kind = |kind: usize| {
        let mut fired = [0; 3];
        for run in 0..runs {
            for (fired, finding) in fired.iter_mut().zip(judged(&rules, batch(kind, run, n))) {
                *fired += u64::from(finding.failing_rows > 0);
            }
        }
        fired
    };
    (0..kinds).map(of_kind).collect()
}

#[test]
fn healthy_batches_have_no_outliers_by_default() {
    for (n, runs) in [(30, 60), (100, 40), (1000, 10)] {
        let fired: u64 = alarms(HEALTHY, n, runs).concat().iter().sum();
        // One in a hundred at most: of so few batches, hardly any.
        assert!(fired * 100 <= 3 * HEALTHY as u64 * runs, "{fired} alarms over {n} values");
    }
}

/// `cargo test --release --test it -- --ignored --nocapture false_alarms`
#[test]
#[ignore = "takes minutes: the false alarms of docs/statistics.md, by the program itself"]
fn the_table_of_false_alarms() {
    for (n, runs) in [(30, 10_000), (100, 10_000), (1000, 2000), (100_000, 20)] {
        println!("{n} values, {runs} batches: % with an outlier by iqr, mad, zscore");
        for ((name, _, _), fired) in KINDS.iter().zip(alarms(KINDS.len(), n, runs)) {
            println!("{name}: {}", fired.map(|fired| format!("{:.2}", 100.0 * fired as f64 / runs as f64)).join(" "));
        }
    }
}
