//! What a state costs a row: `cargo bench --bench states`, or `-- keys` for those whose name holds it.
//!
//! A million rows in batches of 8,192, folded in eight units that are merged and finished, on one thread.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sluicegate::metric::canonical::Normalize;
use sluicegate::metric::cells::{Cells, Shapes};
use sluicegate::metric::completeness::Completeness;
use sluicegate::metric::distinct::Distinct;
use sluicegate::metric::extrema::Extrema;
use sluicegate::metric::frequencies::Frequencies;
use sluicegate::metric::groups::GroupCounts;
use sluicegate::metric::keys::{Keep, KeyRows, Keys, KeysSpec, Lookup};
use sluicegate::metric::moments::Moments;
use sluicegate::metric::ordered::{HistogramSpec, OrderedHistogram};
use sluicegate::metric::{Budget, Column, Inputs, Rows, State, Transform};
use sluicegate::rows::{Mask, RowNumbers};

const ROWS: usize = 1 << 20;
const BATCH_ROWS: usize = 8192;
const UNIT_BATCHES: usize = 16;

/// A table's columns by batch.
type Batches = Vec<Vec<Column>>;

/// A number that looks like chance and is never twice the same.
fn scattered(i: usize) -> u64 {
    let mixed = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

fn batches(array: impl Fn(std::ops::Range<usize>) -> ArrayRef) -> Batches {
    (0..ROWS).step_by(BATCH_ROWS).map(|first| vec![Column::new(array(first..first + BATCH_ROWS))]).collect()
}

fn integers(value: impl Fn(usize) -> i64) -> Batches {
    batches(|rows| Arc::new(Int64Array::from_iter_values(rows.map(&value))))
}

fn texts(text: impl Fn(usize) -> String) -> Batches {
    batches(|rows| Arc::new(StringArray::from_iter_values(rows.map(&text))))
}

/// One value in a hundred is missing.
fn floats() -> Batches {
    let value = |i: usize| (!i.is_multiple_of(100)).then(|| (scattered(i) % 10_000_000) as f64 / 97.0);
    batches(|rows| Arc::new(Float64Array::from_iter(rows.map(value))))
}

fn fold<S: State>(spec: &S::Spec, table: &[Vec<Column>], budget: &Arc<Budget>) -> S::Out {
    let types: Vec<_> = table[0].iter().map(|c| c.array.data_type().clone()).collect();
    let mut all = S::empty(spec, &types, budget);
    for (unit, batches) in table.chunks(UNIT_BATCHES).enumerate() {
        let mut state = S::empty(spec, &types, budget);
        for (i, columns) in batches.iter().enumerate() {
            let numbers = RowNumbers::Dense { first: (i * BATCH_ROWS) as u32, len: BATCH_ROWS as u32 };
            let rows = Rows { unit: unit as u32, numbers: &numbers, selection: &Mask::All };
            state.update(&rows, &columns.iter().collect::<Vec<_>>()).expect("nothing spills");
        }
        all.merge(state).expect("nothing spills");
    }
    all.finish(&Inputs::default()).expect("nothing spills")
}

fn bench<S: State>(criterion: &mut Criterion, name: &str, spec: &S::Spec, tables: &[(&str, &Batches)]) {
    let budget = Arc::new(Budget::new(u64::MAX, std::env::temp_dir()));
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(ROWS as u64));
    for (table, batches) in tables {
        group.bench_function(*table, |b| b.iter(|| fold::<S>(spec, black_box(batches), &budget)));
    }
    group.finish();
}

fn states(criterion: &mut Criterion) {
    let ascending = &integers(|i| i as i64 * 3);
    let shuffled = &integers(|i| scattered(i) as i64);
    let small = &integers(|i| (scattered(i) % 50) as i64);
    let float = &floats();
    let few = &texts(|i| ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"][(scattered(i) % 7) as usize].to_owned());
    let many = &texts(|i| format!("{:016x}{:016x}", scattered(i), i));
    let pair = &few.iter().zip(small).map(|(a, b)| [a.clone(), b.clone()].concat()).collect();

    let numbers = [("int64", shuffled), ("int64 of 50", small), ("float64", float)];
    bench::<Moments>(criterion, "moments", &Transform::IDENTITY, &numbers);
    bench::<Extrema>(criterion, "extrema", &(), &numbers);
    bench::<OrderedHistogram>(criterion, "histogram", &HistogramSpec::COARSE, &numbers);
    let all = [("int64", shuffled), ("float64", float), ("string of 7", few), ("string", many)];
    bench::<Completeness>(criterion, "completeness", &(), &all);
    bench::<Distinct>(criterion, "distinct", &(), &all);
    bench::<Cells>(criterion, "cells", &(), &[&numbers[..], &[("string of 7", few), ("string", many)]].concat());
    bench::<Shapes>(criterion, "shapes", &(), &[("string of 7", few), ("string", many)]);
    bench::<Frequencies>(criterion, "frequencies", &(), &[("int64 of 50", small), ("string of 7", few), ("string", many)]);
    bench::<GroupCounts>(criterion, "groups", &(), &[("int64 of 50", small), ("string of 7", few), ("string of 7, int64 of 50", pair)]);
    for (name, optimistic) in [("keys", false), ("keys, optimistic", true)] {
        let spec = KeysSpec {
            keep: Keep::First,
            rows: KeyRows::Whole,
            normalize: Normalize::default(),
            optimistic,
            beside: None,
            lookup: Lookup::default(),
        };
        bench::<Keys>(criterion, name, &spec, &[("int64 ascending", ascending), ("int64", shuffled), ("float64", float), ("string", many)]);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = states
}
criterion_main!(benches);
