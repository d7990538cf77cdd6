//! The laws every state obeys: merging is associative with an identity, batches and units do not
//! matter, and states that are not ordered merge in any order.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use proptest::prelude::*;
use sluicegate::metric::canonical::Normalize;
use sluicegate::metric::comoments::CoMoments;
use sluicegate::metric::completeness::{Completeness, MissingSpec};
use sluicegate::metric::distinct::Distinct;
use sluicegate::metric::extrema::Extrema;
use sluicegate::metric::frequencies::Frequencies;
use sluicegate::metric::grouped::{Grouped, GroupedSpec};
use sluicegate::metric::groups::GroupCounts;
use sluicegate::metric::keys::{Keep, Keys, KeysSpec};
use sluicegate::metric::moments::Moments;
use sluicegate::metric::ordered::{HistogramSpec, OrderedHistogram, SHIFT_COARSE, Window, order_of};
use sluicegate::metric::runs::MissingRuns;
use sluicegate::metric::select::{Bins, BinsSpec, Collect, CollectSpec, Fences, Outside, Side};
use sluicegate::metric::sequence::{Breaks, OrderSpec};
use sluicegate::metric::stand_ins::{StandIns, Wanted};
use sluicegate::metric::stuck::{EqualRuns, SortedRuns, SortedSpec};
use sluicegate::metric::{Budget, Column, Inputs, Rows, State, Transform};
use sluicegate::rows::{Mask, RowNumbers};

/// A row of test data: an integer, a float, a short text, and whether it is selected.
type Row = (Option<i64>, Option<f64>, Option<String>, bool);

fn row() -> impl Strategy<Value = Row> {
    let float = prop_oneof![5 => -1e6f64..1e6, 2 => (-20i32..20).prop_map(f64::from), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(-0.0)];
    let text = prop_oneof![Just("a"), Just("b"), Just(""), Just(" "), Just("long text of many characters")].prop_map(str::to_owned);
    (
        proptest::option::weighted(0.8, -30i64..30),
        proptest::option::weighted(0.8, float),
        proptest::option::weighted(0.8, text),
        any::<bool>(),
    )
}

/// Units of batches of rows.
fn units() -> impl Strategy<Value = Vec<Vec<Vec<Row>>>> {
    prop::collection::vec(prop::collection::vec(prop::collection::vec(row(), 0..12), 0..4), 1..4)
}

fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(u64::MAX, std::env::temp_dir()))
}

fn columns(rows: &[Row]) -> [Column; 3] {
    let integers: ArrayRef = Arc::new(Int64Array::from_iter(rows.iter().map(|r| r.0)));
    let floats: ArrayRef = Arc::new(Float64Array::from_iter(rows.iter().map(|r| r.1)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter(rows.iter().map(|r| r.2.clone())));
    [integers, floats, texts].map(Column::new)
}

/// Folds one unit, batch by batch.
fn fold<S: State>(spec: &S::Spec, which: &[usize], unit: u32, batches: &[Vec<Row>]) -> S {
    let types: Vec<_> = columns(&[]).iter().map(|c| c.array.data_type().clone()).collect();
    let types: Vec<_> = which.iter().map(|&c| types[c].clone()).collect();
    let mut state = S::empty(spec, &types, &budget());
    let mut first = 0;
    for rows in batches.iter().filter(|b| !b.is_empty()) {
        let columns = columns(rows);
        let selection = Mask::new(BooleanArray::from_iter(rows.iter().map(|r| Some(r.3))).values().clone());
        let numbers = RowNumbers::Dense { first, len: rows.len() as u32 };
        let rows = Rows { unit, numbers: &numbers, selection: &selection };
        state.update(&rows, &which.iter().map(|&c| &columns[c]).collect::<Vec<_>>()).expect("counted");
        first += numbers.len() as u32;
    }
    state
}

fn law<S: State>(spec: &S::Spec, which: &[usize], units: &[Vec<Vec<Row>>])
where
    S::Out: PartialEq + Debug,
{
    let name = std::any::type_name::<S>();
    let unit = |i: usize| fold::<S>(spec, which, i as u32, &units[i]);
    let finish = |state: S| state.finish(&Inputs::default()).expect("no spill to fail");
    let merge = |mut a: S, b: S| {
        a.merge(b).expect("merged");
        a
    };
    let empty = || fold::<S>(spec, which, 0, &[]);
    let all = |order: &[usize]| finish(order.iter().fold(empty(), |state, &i| merge(state, unit(i))));
    let forward: Vec<usize> = (0..units.len()).collect();
    let whole = all(&forward);
    // Identity, on both sides.
    assert_eq!(finish(merge(empty(), unit(0))), finish(unit(0)), "{name}: left identity");
    assert_eq!(finish(merge(unit(0), empty())), finish(unit(0)), "{name}: right identity");
    // Associativity: folded from the right.
    let right = finish(forward.iter().rev().fold(empty(), |state, &i| merge(unit(i), state)));
    assert_eq!(whole, right, "{name}: associativity");
    // Batches do not matter.
    let as_one: Vec<Vec<Vec<Row>>> = units.iter().map(|u| vec![u.concat()]).collect();
    let one = finish((0..as_one.len()).fold(empty(), |state, i| merge(state, fold::<S>(spec, which, i as u32, &as_one[i]))));
    assert_eq!(whole, one, "{name}: batches");
    if !S::ORDERED {
        let backward: Vec<usize> = forward.iter().rev().copied().collect();
        assert_eq!(whole, all(&backward), "{name}: commutativity");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_state_obeys_the_laws(units in units()) {
        for column in 0..3 {
            law::<Completeness>(&(), &[column], &units);
            law::<Distinct>(&(), &[column], &units);
            law::<Frequencies>(&(), &[column], &units);
            law::<MissingRuns>(&MissingSpec { tokens: vec!["a".into()], blank: true }, &[column], &units);
            law::<GroupCounts>(&(), &[column, 2], &units);
        }
        for column in 0..2 {
            for transform in [Transform::IDENTITY, Transform { log: true, around: None }, Transform { log: false, around: Some(2.5) }] {
                law::<Moments>(&transform, &[column], &units);
                law::<OrderedHistogram>(&HistogramSpec { transform, ..HistogramSpec::COARSE }, &[column], &units);
            }
            law::<Extrema>(&(), &[column], &units);
            let window = Window { low: order_of(-5.0), high: order_of(15.0) };
            law::<OrderedHistogram>(&HistogramSpec { shift: SHIFT_COARSE - 9, windows: vec![window], ..HistogramSpec::COARSE }, &[column], &units);
            law::<Collect>(&CollectSpec { windows: vec![window], transform: Transform::IDENTITY }, &[column], &units);
            for side in [Side::Both, Side::Low, Side::High] {
                law::<Outside>(&Fences { low: -10.0, high: 12.5, side, log: false }, &[column], &units);
                law::<Outside>(&Fences { low: 0.5, high: 2.5, side, log: true }, &[column], &units);
            }
            law::<Bins>(&BinsSpec { low: -20.0, high: 20.0, bins: 7 }, &[column], &units);
            let every = GroupedSpec { keys: 1, every: Some(Transform::IDENTITY), each: Default::default() };
            law::<Grouped<Moments>>(&every, &[2, column], &units);
        }
        for keep in [Keep::First, Keep::Last, Keep::None] {
            for nulls_equal in [false, true] {
                law::<Keys>(&KeysSpec { keep, nulls_equal, normalize: Normalize { trim: nulls_equal, ..Normalize::default() }, optimistic: false, beside: None }, &[0, 2], &units);
            }
        }
        for column in 0..3 {
            for (decreasing, strict) in [(false, false), (false, true), (true, true)] {
                law::<Breaks>(&OrderSpec { decreasing, strict }, &[column], &units);
            }
            law::<EqualRuns>(&1, &[column], &units);
            law::<EqualRuns>(&2, &[column], &units);
            law::<SortedRuns>(&SortedSpec { max_run: 1 }, &[column, 0], &units);
            law::<SortedRuns>(&SortedSpec { max_run: 2 }, &[column, 1], &units);
        }
        law::<CoMoments>(&(), &[0, 1], &units);
        law::<StandIns>(&vec![Wanted::Int(0), Wanted::Int(-1)], &[0], &units);
        law::<StandIns>(&vec![Wanted::Float(0.0), Wanted::Float(-1.0)], &[1], &units);
        law::<StandIns>(&vec![Wanted::Text("a".into()), Wanted::Text(String::new())], &[2], &units);
        let runs = GroupedSpec { keys: 1, every: Some(MissingSpec::default()), each: Default::default() };
        law::<Grouped<MissingRuns>>(&runs, &[2, 0], &units);
    }

    /// Keys that ascend are proven different, and nothing is proven of others; what is proven is what hashes say.
    #[test]
    fn keys_in_order_are_judged_like_keys_by_hash(
        units in units(), sort in 0..3, key in prop::sample::select(vec![vec![0], vec![2, 0], vec![1, 0, 2], vec![2]])
    ) {
        let mut units = units;
        match sort {
            0 => units.iter_mut().flatten().for_each(|rows| rows.sort_by_key(|r| r.0)),
            1 => {
                // Ascending over everything, but for what chance repeats.
                let mut next = 0;
                units.iter_mut().flatten().flatten().for_each(|r| {
                    next += r.0.map_or(0, |n| (n + 29).signum());
                    r.0 = Some(next);
                });
            }
            _ => {}
        }
        let judge = |optimistic| {
            let spec = KeysSpec { keep: Keep::First, nulls_equal: false, normalize: Normalize::default(), optimistic, beside: None };
            let mut state = Keys::empty(&spec, &[], &budget());
            for (i, batches) in units.iter().enumerate() {
                state.merge(fold::<Keys>(&spec, &key, i as u32, batches)).expect("merged");
            }
            state.finish(&Inputs::default()).expect("nothing spilled")
        };
        let proven = judge(true);
        prop_assert!(proven.unsettled || proven == judge(false), "{:?}", proven);
    }

    #[test]
    fn spilled_keys_are_judged_like_keys_in_memory(units in units()) {
        let directory = tempfile::tempdir().expect("a directory");
        let tight = Arc::new(Budget::new(0, directory.path().to_owned()));
        let judge = |budget: Arc<Budget>| {
            let spec = KeysSpec { keep: Keep::First, nulls_equal: true, normalize: Normalize::default(), optimistic: false, beside: None };
            let mut state = Keys::empty(&spec, &[], &budget);
            for (i, batches) in units.iter().enumerate() {
                let mut unit = Keys::empty(&spec, &[], &budget);
                let mut first = 0;
                for rows in batches.iter().filter(|b| !b.is_empty()) {
                    let columns = columns(rows);
                    let numbers = RowNumbers::Dense { first, len: rows.len() as u32 };
                    let rows = Rows { unit: i as u32, numbers: &numbers, selection: &Mask::All };
                    unit.update(&rows, &[&columns[0]]).expect("counted");
                    first += numbers.len() as u32;
                }
                state.merge(unit).expect("spilled");
            }
            state.finish(&Inputs::default()).expect("readable")
        };
        prop_assert_eq!(judge(tight.clone()), judge(budget()));
        prop_assert_eq!(std::fs::read_dir(directory.path()).expect("list").count(), 0, "spill files are removed");
        prop_assert_eq!(tight.used(), 0, "all memory is given back");
    }
}
