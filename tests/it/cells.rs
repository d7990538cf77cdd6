//! Cells: what they count of many kinds of data, that they are the same whatever the way the data came, and how large they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use proptest::prelude::*;
use sluicegate::metric::cells::{Cells, CellsOut, SUMMARY_CELLS, Value, align};
use sluicegate::metric::completeness::Completeness;
use sluicegate::metric::distinct::Distinct;
use sluicegate::metric::extrema::{Extrema, TextExtrema};
use sluicegate::metric::moments::Moments;
use sluicegate::metric::{AnySpec, Budget, Column, Inputs, Rows, State, Transform};
use sluicegate::rows::{Mask, RowNumbers};

fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(u64::MAX, std::env::temp_dir()))
}

fn fold<S: State>(spec: S::Spec, arrays: &[ArrayRef]) -> S {
    let types = [arrays[0].data_type().clone()];
    let mut state = S::empty(&spec, &types, &budget());
    for array in arrays {
        let numbers = RowNumbers::Dense { first: 0, len: array.len() as u32 };
        let rows = Rows { unit: 0, numbers: &numbers, selection: &Mask::All };
        state.update(&rows, &[&Column::new(array.clone())]).expect("counted");
    }
    state
}

fn out(state: Cells) -> CellsOut {
    state.finish(&Inputs::default()).expect("finished")
}

fn cells(array: ArrayRef) -> CellsOut {
    out(fold::<Cells>((), &[array]))
}

fn through_summary(state: &Cells, data_type: &DataType) -> Cells {
    let kept = state.summarise().expect("kept").expect("kept");
    Cells::of_summary(&(), std::slice::from_ref(data_type), &budget(), &kept).expect("read")
}

/// Counts by value, as numbers.
fn by_number(out: &CellsOut) -> Vec<(f64, u64)> {
    let number = |value: &Option<Value>| match value {
        Some(Value::Number(x)) => *x,
        other => panic!("no number: {other:?}"),
    };
    out.cells.iter().map(|cell| (number(&cell.only), cell.count)).collect()
}

/// Scattered 64 bits for each number.
fn scattered(i: u64) -> u64 {
    let x = (i ^ (i >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A number that is spread like the sum of twelve even ones: nearly normal.
fn bell(i: u64) -> f64 {
    (0..12).map(|j| (scattered(i * 12 + j + 1) >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>() - 6.0
}

#[test]
fn every_value_has_a_cell_while_there_are_few() {
    let found = cells(Arc::new(Float64Array::from(vec![
        Some(2.5),
        None,
        Some(-0.0),
        Some(0.0),
        Some(f64::NAN),
        Some(f64::NEG_INFINITY),
        Some(2.5),
    ])));
    assert_eq!((found.shift, found.count, found.missing), (0, 5, 2));
    assert_eq!(by_number(&found), [(f64::NEG_INFINITY, 1), (0.0, 2), (2.5, 2)]);
    let decimals = Decimal128Array::from(vec![150, -25, 150]).with_precision_and_scale(10, 2).expect("a decimal");
    assert_eq!(by_number(&cells(Arc::new(decimals))), [(-0.25, 1), (1.5, 2)]);
    assert_eq!(by_number(&cells(Arc::new(BooleanArray::from(vec![Some(true), None, Some(true), Some(false)])))), [(0.0, 1), (1.0, 2)]);
    assert_eq!(by_number(&cells(Arc::new(TimestampMicrosecondArray::from(vec![7, -7])))), [(-7.0, 1), (7.0, 1)]);
    let none = cells(Arc::new(Int64Array::from(Vec::<i64>::new())));
    assert_eq!((none.cells.len(), none.count, none.missing), (0, 0, 0));
}

#[test]
fn texts_have_names_and_everything_else_a_hash() {
    let long = "x".repeat(65);
    let found = cells(Arc::new(StringArray::from(vec!["a", "b", "a", long.as_str(), ""])));
    let mut named: Vec<(Value, u64)> = found.cells.iter().map(|cell| (cell.only.clone().expect("one value"), cell.count)).collect();
    named.sort_by_key(|(value, _)| format!("{value:?}"));
    let text = |text: &str| Value::Text(text.into());
    assert!(
        matches!(&named[..], [(Value::Hash(_), 1), (empty, 1), (a, 2), (b, 1)] if *empty == text("") && *a == text("a") && *b == text("b"))
    );
    assert!(named[0].0.is_same(&text(&long)) && !named[0].0.is_same(&text("a")));
    let codes =
        cast(&StringArray::from(vec!["b", "a", "a"]), &DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())).expect("codes");
    assert_eq!(cells(codes).cells, cells(Arc::new(StringArray::from(vec!["a", "b", "a"]))).cells);
    let bytes = cells(Arc::new(BinaryArray::from(vec![&b"a"[..], b"a", b"b"])));
    assert_eq!(bytes.cells.iter().map(|cell| cell.count).max(), Some(2));
}

/// 65,536 numbers are kept as they are; one more, and there are cells, unless few numbers repeat.
#[test]
fn many_numbers_share_cells_and_few_never_do() {
    let numbers = |n: u64| -> ArrayRef { Arc::new(Float64Array::from_iter_values((0..n).map(bell))) };
    let exact = cells(numbers(65_536));
    assert_eq!((exact.shift, exact.cells.len()), (0, 65_536));
    let shared = cells(numbers(65_537));
    assert!(shared.shift > 30 && (2_048..=4_096).contains(&shared.cells.len()), "{} {}", shared.shift, shared.cells.len());
    let repeated = cells(Arc::new(Int64Array::from_iter_values((0..200_000).map(|i| i % 4_000))));
    assert_eq!((repeated.shift, repeated.cells.len(), repeated.cells[3_999].count), (0, 4_000, 50));
}

/// Wherever a cell's edges are, the numbers that it counts lie between them.
#[test]
fn a_cell_counts_the_numbers_between_its_edges() {
    let values: Vec<f64> = (0..100_000).map(|i| bell(i) * 1e3).chain([0.0, f64::INFINITY, f64::MIN_POSITIVE / 4.0]).collect();
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let state = fold::<Cells>((), &[Arc::new(Float64Array::from(values))]);
    for found in [out(through_summary(&state, &DataType::Float64)), out(state)] {
        assert_eq!(found.cells.iter().map(|cell| cell.count).sum::<u64>(), 100_003);
        for cell in &found.cells {
            let (low, high) = found.edges(cell.index).expect("numbers have edges");
            let within = sorted.partition_point(|x| *x <= high) - sorted.partition_point(|x| *x < low);
            assert_eq!(within as u64, cell.count, "from {low} to {high}");
        }
    }
}

#[test]
fn two_that_are_aligned_have_the_counts_of_both() {
    let a = cells(Arc::new(Float64Array::from_iter_values((0..70_000).map(bell))));
    let b = cells(Arc::new(Float64Array::from(vec![0.25, 0.25, 50.0, f64::INFINITY])));
    let pairs = align(&a, &b);
    assert_eq!((pairs.iter().map(|pair| pair.a).sum::<u64>(), pairs.iter().map(|pair| pair.b).sum::<u64>()), (70_000, 4));
    assert!(pairs.is_sorted_by(|x, y| x.index < y.index));
    let last: Vec<_> = pairs.iter().rev().take(2).map(|pair| (pair.b_only.clone(), pair.is_exact())).collect();
    assert_eq!(last, [(Some(Value::Number(f64::INFINITY)), true), (Some(Value::Number(50.0)), true)]);
    let quarter = pairs.iter().find(|pair| pair.b == 2).expect("a cell with 0.25");
    assert!(!quarter.is_exact() && quarter.edges.is_some_and(|(low, high)| low <= 0.25 && 0.25 <= high));
    let swapped = align(&b, &a);
    assert!(pairs.iter().zip(&swapped).all(|(x, y)| (x.a, x.b, x.index, &x.b_only) == (y.b, y.a, y.index, &y.a_only)));
}

/// Kinds of data: which they are, and how many rows.
type Kind = (&'static str, fn(u64) -> f64);

fn kinds() -> Vec<Kind> {
    vec![
        ("normal", bell),
        ("skewed", |i| (bell(i) * 2.0).exp()),
        ("mostly zero", |i| if i % 10 < 8 { 0.0 } else { bell(i).exp() }),
        ("prices", |i| (scattered(i) % 20_000) as f64 / 100.0),
        ("instants of a day", |i| 1.7e15 + (scattered(i) % 86_400_000_000) as f64),
        ("everything", |i| f64::from_bits(scattered(i))),
    ]
}

/// The same cells, whatever the order of the rows, the batches, the shards and the tree in which these merge.
#[test]
fn cells_depend_on_the_values_alone() {
    for (kind, value) in kinds() {
        let values: Vec<f64> = (0..90_000).map(value).collect();
        let array = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
        let whole = fold::<Cells>((), &[array(&values)]);
        let mut shuffled = values.clone();
        shuffled.sort_by(f64::total_cmp);
        let parts: Vec<Cells> =
            shuffled.chunks(17_000).map(|part| fold::<Cells>((), &part.chunks(999).map(array).collect::<Vec<_>>())).collect();
        let kept: Vec<Cells> = parts.iter().map(|part| through_summary(part, &DataType::Float64)).collect();
        let bytes = |state: &Cells| {
            let mut bytes = Vec::new();
            state.encode(&mut bytes).expect("encoded");
            bytes
        };
        let merged = |parts: Vec<Cells>| {
            let merge = |mut a: Cells, b: Cells| {
                a.merge(b).expect("merged");
                a
            };
            let mut parts = parts.into_iter();
            let (a, b, rest) = (parts.next().expect("a part"), parts.next().expect("a part"), parts.rev().reduce(merge));
            merge(merge(b, rest.expect("parts")), a)
        };
        assert!(bytes(&merged(parts)) == bytes(&whole), "{kind}");
        assert_eq!(merged(kept).summarise().expect("kept"), whole.summarise().expect("kept"), "{kind}");
        let found = out(through_summary(&whole, &DataType::Float64));
        assert!(found.cells.len() <= SUMMARY_CELLS, "{kind}");
        // The largest share in one cell bounds the error of a distribution function.
        let largest = found.cells.iter().filter(|cell| cell.only.is_none()).map(|cell| cell.count).max().unwrap_or_default();
        assert!(largest < 90_000 / 12, "{kind}: a cell holds {largest} of 90,000");
    }
}

#[test]
fn a_million_texts_are_told_apart_and_more_share_cells_by_hash() {
    let texts = |n: u64| -> ArrayRef { Arc::new(StringArray::from_iter_values((0..n).map(|i| format!("item {i}")))) };
    let found = cells(texts(20_000));
    assert_eq!((found.shift, found.cells.len()), (0, 20_000));
    assert!(found.cells.iter().all(|cell| matches!(cell.only, Some(Value::Hash(_)))), "too many for names");
    let found = cells(texts((1 << 20) + 1));
    assert!(found.shift > 40 && (300_000..1 << 19).contains(&found.cells.len()), "{} {}", found.shift, found.cells.len());
    assert_eq!(found.count, (1 << 20) + 1);
}

/// A numeric column takes at most 4 KB of a summary, so that 50 of them fit into 200 KB, whatever the rows.
#[test]
fn a_column_takes_four_kilobytes_of_a_summary_at_most() {
    let size = |array: &ArrayRef, specs: &[AnySpec]| -> usize {
        let numbers = RowNumbers::Dense { first: 0, len: array.len() as u32 };
        let rows = Rows { unit: 0, numbers: &numbers, selection: &Mask::All };
        let kept = |spec: &AnySpec| {
            let mut state = spec.empty(&[array.data_type().clone()], &budget());
            state.update(&rows, &[&Column::new(array.clone())]).expect("counted");
            serde_json::to_string(&state.summarise().expect("kept").expect("kept")).expect("text").len()
        };
        specs.iter().map(kept).sum()
    };
    let all = || vec![AnySpec::of::<Completeness>(()), AnySpec::of::<Distinct>(()), AnySpec::of::<Cells>(())];
    let numeric = [all(), vec![AnySpec::of::<Extrema>(()), AnySpec::of::<Moments>(Transform::IDENTITY)]].concat();
    for (kind, value) in kinds().into_iter().filter(|(kind, _)| *kind != "everything") {
        for n in [20, 90, 120, 150, 300, 5_000, 100_000] {
            let array: ArrayRef = Arc::new(Float64Array::from_iter_values((0..n).map(value)));
            let size = size(&array, &numeric);
            assert!(size <= 4_096, "{kind}, {n} rows: {size} bytes");
        }
    }
    let texts = [all(), vec![AnySpec::of::<TextExtrema>(())]].concat();
    for (different, len) in [(5, 5), (120, 10), (150, 60), (250, 5), (250, 60), (10_000, 300)] {
        let array: ArrayRef = Arc::new(StringArray::from_iter_values((0..10_000).map(|i| format!("{:x<len$}", i % different))));
        let size = size(&array, &texts);
        assert!(size <= 5_000, "{different} texts of {len}: {size} bytes");
    }
}

/// A column may be of integers in one batch, of decimals or floats in the next: what was kept of them still adds up.
#[test]
fn what_was_kept_of_numbers_of_one_type_merges_with_those_of_another() {
    let cents = |values: Vec<i128>| Decimal128Array::from(values).with_precision_and_scale(12, 2).expect("a decimal");
    let arrays: [ArrayRef; 4] = [
        Arc::new(Int64Array::from(vec![3, -1])),
        Arc::new(cents(vec![150, -25])),
        Arc::new(Float64Array::from(vec![0.5, 1e3])),
        Arc::new(Int64Array::from(Vec::<i64>::new())),
    ];
    let kept = |array: &ArrayRef| {
        let kept = |json: Result<Option<serde_json::Value>, _>| json.expect("kept").expect("kept");
        let types = [array.data_type().clone()];
        let moments = kept(fold::<Moments>(Transform::IDENTITY, std::slice::from_ref(array)).summarise());
        let extrema = kept(fold::<Extrema>((), std::slice::from_ref(array)).summarise());
        (
            Moments::of_summary(&Transform::IDENTITY, &types, &budget(), &moments).expect("read"),
            Extrema::of_summary(&(), &types, &budget(), &extrema).expect("read"),
        )
    };
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
        let mut parts = order.iter().map(|&i| kept(&arrays[i]));
        let (mut moments, mut extrema) = parts.next().expect("a part");
        for (more, also) in parts {
            moments.merge(more).expect("merged");
            extrema.merge(also).expect("merged");
        }
        let out = moments.finish(&Inputs::default()).expect("finished");
        // Of 3, -1, 1.5, -0.25, 0.5, 1000, by Python: statistics.mean and statistics.stdev.
        let (mean, stddev) = (out.mean.expect("a mean"), out.stddev.expect("a deviation"));
        assert!(
            out.count == 6 && (mean - 167.291_666_666_666_66).abs() < 1e-12 && (stddev - 407.944_494_284_046_75).abs() < 1e-9,
            "{order:?}: {mean} {stddev}"
        );
        let (min, max) = extrema.finish(&Inputs::default()).expect("finished").expect("values");
        assert_eq!((min.as_f64(), max.as_f64()), (-1.0, 1000.0), "{order:?}");
    }
}

proptest! {
    /// Cells of any numbers are those that counting by hand gives.
    #[test]
    fn counted_by_hand(values in prop::collection::vec(prop_oneof![any::<f64>(), -5.0..5.0f64, (-3i32..3).prop_map(f64::from)], 0..400)) {
        let state = fold::<Cells>((), &[Arc::new(Float64Array::from(values.clone()))]);
        let mut expected: BTreeMap<u64, u64> = BTreeMap::new();
        let key = |x: f64| { let bits = (x + 0.0).to_bits(); if bits >> 63 == 1 { !bits } else { bits | 1 << 63 } };
        values.iter().filter(|x| !x.is_nan()).for_each(|x| *expected.entry(key(*x)).or_default() += 1);
        let kept = out(through_summary(&state, &DataType::Float64));
        let exact = out(state);
        prop_assert_eq!(exact.cells.iter().map(|cell| (cell.index, cell.count)).collect::<BTreeMap<_, _>>(), expected.clone());
        // At the shift of a summary, and no finer one would do: each step further down there are too many, or too long ones.
        let mut coarse: BTreeMap<u64, (u64, Vec<u64>)> = BTreeMap::new();
        for (key, count) in &expected {
            let cell = coarse.entry(key >> kept.shift).or_default();
            cell.0 += count;
            cell.1.push(*key);
        }
        prop_assert_eq!(kept.cells.iter().map(|cell| (cell.index, cell.count)).collect::<Vec<_>>(),
            coarse.iter().map(|(index, cell)| (*index, cell.0)).collect::<Vec<_>>());
        for (cell, (_, keys)) in kept.cells.iter().zip(coarse.values()) {
            prop_assert!(cell.only.is_none() || keys.len() == 1);
        }
    }
}
