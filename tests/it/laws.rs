//! The laws every state obeys: merging is associative with an identity, batches and units do not
//! matter, states that are not ordered merge in any order, and a state that was saved and read back,
//! wherever in the tree of merges, is the state it was. They hold on small data that nobody thought of,
//! and on data large enough for estimates, overflow and spilling.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use proptest::prelude::*;
use serde_json::Value as Json;
use sluicegate::diagnostic::{Code, Fault};
use sluicegate::metric::agreement::{Agreement, AgreementSpec};
use sluicegate::metric::canonical::Normalize;
use sluicegate::metric::cells::{Cells, RowsOfValues, Shapes, text_key};
use sluicegate::metric::centroid::Centroid;
use sluicegate::metric::comoments::CoMoments;
use sluicegate::metric::completeness::{Completeness, MissingSpec};
use sluicegate::metric::deviations::{Centre, Deviations, DeviationsSpec};
use sluicegate::metric::distinct::{Distinct, DistinctOut};
use sluicegate::metric::extrema::{Extrema, TextExtrema};
use sluicegate::metric::frequencies::Frequencies;
use sluicegate::metric::group_units::GroupUnits;
use sluicegate::metric::grouped::{Grouped, GroupedOut, GroupedSpec};
use sluicegate::metric::groups::{GroupCounts, GroupCountsOut};
use sluicegate::metric::json_schema::{Instance, SchemaSpec, Violations};
use sluicegate::metric::keys::{Keep, KeyRows, Keys, KeysSpec, Lookup, SortedKeys, SortedKeysSpec};
use sluicegate::metric::members::{Member, Members};
use sluicegate::metric::minhash::{MinHash, MinHashSpec};
use sluicegate::metric::moments::Moments;
use sluicegate::metric::ordered::{HistogramSpec, OrderedHistogram, SHIFT_COARSE, Window, order_of};
use sluicegate::metric::overlaps::{Overlaps, OverlapsSpec};
use sluicegate::metric::overview::Overview;
use sluicegate::metric::periods::{Every, Periods, PeriodsSpec};
use sluicegate::metric::personal::Personal;
use sluicegate::metric::row_sample::{RowSample, SampleSpec};
use sluicegate::metric::runs::MissingRuns;
use sluicegate::metric::select::{AllValues, Bins, BinsSpec, Collect, CollectSpec, Edges, Fences, Inside, Outside, Side};
use sluicegate::metric::sequence::{Breaks, OrderSpec};
use sluicegate::metric::stand_ins::{StandIn, StandIns};
use sluicegate::metric::stuck::{EqualRuns, SortedRuns, SortedSpec};
use sluicegate::metric::text_format::FormatCheck;
use sluicegate::metric::within::{Within, WithinSpec};
use sluicegate::metric::{AnySpec, AnyState, Budget, Column, Inputs, Rows, STATES, State, Transform};
use sluicegate::rows::{Mask, RowNumbers};

/// A row of test data: an integer, a float, a short text, and whether it is selected.
type Row = (Option<i64>, Option<f64>, Option<String>, bool);

/// A batch of rows as states are offered it.
struct Batch {
    columns: [Column; 7],
    selection: Mask,
    len: u32,
}

impl Batch {
    fn of(rows: &[Row]) -> Self {
        let selection = Mask::new(BooleanArray::from_iter(rows.iter().map(|r| Some(r.3))).values().clone());
        Self { columns: columns(rows), selection, len: rows.len() as u32 }
    }
}

/// Rows of a large unit.
const ROWS: u64 = 25_000;

/// A unit's rows, batch by batch.
type Unit = Vec<Batch>;

/// Batches without rows do not come.
fn unit(batches: &[Vec<Row>]) -> Unit {
    batches.iter().filter(|rows| !rows.is_empty()).map(|rows| Batch::of(rows)).collect()
}

const INTEGER: usize = 0;
const FLOAT: usize = 1;
const TEXT: usize = 2;
const CODES: usize = 3;
const DECIMAL: usize = 4;
const BOOLEAN: usize = 5;
const VECTOR: usize = 6;

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

fn columns(rows: &[Row]) -> [Column; 7] {
    let integers: ArrayRef = Arc::new(Int64Array::from_iter(rows.iter().map(|r| r.0)));
    let floats: ArrayRef = Arc::new(Float64Array::from_iter(rows.iter().map(|r| r.1)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter(rows.iter().map(|r| r.2.clone())));
    let codes = cast(&texts, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).expect("texts have codes");
    let decimals = Decimal128Array::from_iter(rows.iter().map(|r| r.0.map(i128::from))).with_precision_and_scale(20, 2);
    let decimals: ArrayRef = Arc::new(decimals.expect("20 digits are enough"));
    let booleans: ArrayRef = Arc::new(BooleanArray::from_iter(rows.iter().map(|r| r.0.map(|n| n > 0))));
    let vector = |r: &Row| r.2.is_some().then(|| [r.1, r.0.map(|n| n as f64)].into_iter().take(1 + usize::from(r.3)).collect::<Vec<_>>());
    let vectors: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows.iter().map(vector)));
    [integers, floats, texts, codes, decimals, booleans, vectors].map(Column::new)
}

/// A state to try, and over which columns.
struct Trial {
    spec: AnySpec,
    columns: Vec<usize>,
    /// Whether how a unit is cut into batches is no matter to what is kept, and not only to what comes of it.
    minds_no_batches: bool,
    is_equal: fn(&dyn Any, &dyn Any) -> bool,
    show: fn(&dyn Any) -> String,
}

impl Trial {
    fn of<S: State>(spec: S::Spec, columns: &[usize]) -> Self
    where
        S::Out: PartialEq + Debug,
    {
        Self {
            spec: AnySpec::of::<S>(spec),
            columns: columns.to_vec(),
            minds_no_batches: true,
            is_equal: |a, b| a.downcast_ref::<S::Out>().expect("what it counts") == b.downcast_ref::<S::Out>().expect("what it counts"),
            show: |out| format!("{:.1000?}", out.downcast_ref::<S::Out>()),
        }
    }

    fn types(&self) -> Vec<DataType> {
        let all = columns(&[]);
        self.columns.iter().map(|&c| all[c].array.data_type().clone()).collect()
    }

    fn empty(&self, memory: &Arc<Budget>) -> Box<dyn AnyState> {
        self.spec.empty(&self.types(), memory)
    }

    /// Folds one unit, batch by batch.
    fn fold(&self, memory: &Arc<Budget>, unit: usize, batches: &Unit) -> Box<dyn AnyState> {
        let mut state = self.empty(memory);
        let mut first = 0;
        for Batch { columns, selection, len } in batches {
            let numbers = RowNumbers::Dense { first, len: *len };
            let offered = Rows { unit: unit as u32, numbers: &numbers, selection };
            state.update(&offered, &self.columns.iter().map(|&c| &columns[c]).collect::<Vec<_>>()).expect("counted");
            first += len;
        }
        state
    }

    fn decode(&self, memory: &Arc<Budget>, mut bytes: &[u8]) -> Result<Box<dyn AnyState>, Fault> {
        self.spec.decode(&self.types(), memory, &mut bytes)
    }

    /// Saves a state and reads it back.
    fn through_bytes(&self, memory: &Arc<Budget>, state: Box<dyn AnyState>) -> Box<dyn AnyState> {
        let bytes = encode(state.as_ref());
        drop(state);
        let mut rest = bytes.as_slice();
        let read = self.spec.decode(&self.types(), memory, &mut rest).expect("what was encoded is decoded");
        assert!(rest.is_empty(), "{:?}: a state knows where it ends", self.spec);
        assert!(encode(read.as_ref()) == bytes, "{:?}: what was decoded is encoded alike", self.spec);
        read
    }

    /// Holds the laws against the states of some units that follow each other; gives what all of them count.
    fn law(&self, memory: &Arc<Budget>, units: &[Box<dyn AnyState>]) -> Arc<dyn Any + Send + Sync> {
        let fork = |i: usize| units[i].fork().expect("a copy");
        let empty = || self.empty(memory);
        let forward = || 0..units.len();
        let whole = forward().fold(empty(), |all, i| merge(all, fork(i)));
        let bytes = encode(whole.as_ref());
        let finished = finish(whole);
        let same = |state: Box<dyn AnyState>, law: &str| {
            assert!(encode(state.as_ref()) == bytes, "{:?}: {law}: other bytes", self.spec);
            let out = finish(state);
            assert!(
                (self.is_equal)(out.as_ref(), finished.as_ref()),
                "{:?}: {law}: {} is not {}",
                self.spec,
                (self.show)(out.as_ref()),
                (self.show)(finished.as_ref())
            );
        };
        same(forward().rev().fold(empty(), |all, i| merge(fork(i), all)), "associativity");
        same(merge(forward().map(fork).reduce(merge).expect("a unit"), empty()), "identity");
        let read = |state| self.through_bytes(memory, state);
        same(read(forward().fold(empty(), |all, i| merge(read(all), fork(i)))), "saved between merges");
        same(forward().rev().fold(empty(), |all, i| merge(read(fork(i)), all)), "saved before merges");
        if !self.spec.kind().ordered {
            same(forward().rev().fold(empty(), |all, i| merge(all, fork(i))), "commutativity");
        }
        if self.spec.kind().summarised {
            self.law_of_summaries(memory, units);
        }
        finished
    }

    /// What a summary keeps of all is what it keeps of the parts that were kept and merged, in any order.
    fn law_of_summaries(&self, memory: &Arc<Budget>, units: &[Box<dyn AnyState>]) {
        let fork = |i: usize| units[i].fork().expect("a copy");
        let read = |state: Box<dyn AnyState>| self.of_summary(memory, &keep(state.as_ref())).expect("what was kept is read");
        let whole = keep((0..units.len()).fold(self.empty(memory), |all, i| merge(all, fork(i))).as_ref());
        let same = |state: Box<dyn AnyState>, law: &str| assert_eq!(keep(state.as_ref()), whole, "{:?}: {law}", self.spec);
        same(self.of_summary(memory, &whole).expect("what was kept is read"), "kept again");
        same((0..units.len()).fold(read(self.empty(memory)), |all, i| merge(all, read(fork(i)))), "parts kept");
        same((0..units.len()).fold(self.empty(memory), |all, i| merge(read(fork(i)), all)), "in another order");
        same((0..units.len()).rev().fold(read(self.empty(memory)), |all, i| read(merge(read(all), fork(i)))), "kept between merges");
        let saved = |state| self.through_bytes(memory, state);
        same((0..units.len()).fold(self.empty(memory), |all, i| merge(all, saved(read(fork(i))))), "saved on the way");
    }

    fn of_summary(&self, memory: &Arc<Budget>, kept: &Json) -> Result<Box<dyn AnyState>, Fault> {
        // As text and back, as in a file.
        let text = serde_json::to_string(kept).expect("text");
        self.spec.of_summary(&self.types(), memory, &serde_json::from_str(&text).expect("JSON"))
    }

    /// Folds the units and holds the laws against them; all memory is free again at the end.
    fn try_on(&self, memory: &Arc<Budget>, units: &[Unit]) -> Arc<dyn Any + Send + Sync> {
        let states: Vec<_> = units.iter().enumerate().map(|(i, unit)| self.fold(memory, i, unit)).collect();
        let out = self.law(memory, &states);
        drop(states);
        assert_eq!(memory.used(), 0, "{:?}: memory is free again", self.spec);
        out
    }
}

fn encode(state: &dyn AnyState) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes).expect("encoded");
    bytes
}

fn keep(state: &dyn AnyState) -> Json {
    state.summarise().expect("kept").expect("there is something to keep")
}

fn merge(mut a: Box<dyn AnyState>, b: Box<dyn AnyState>) -> Box<dyn AnyState> {
    a.merge(b).expect("merged");
    a
}

fn finish(state: Box<dyn AnyState>) -> Arc<dyn Any + Send + Sync> {
    state.finish(&Inputs::default()).expect("finished")
}

/// The trials of one state, plain and by the groups of the text column.
struct Trials(Vec<Trial>);

impl Trials {
    fn of<S: State>(&mut self, spec: S::Spec, columns: &[usize])
    where
        S::Out: PartialEq + Debug,
    {
        let by = [&[TEXT], columns].concat();
        let every = GroupedSpec { keys: 1, every: Some(spec.clone()), each: Default::default() };
        self.0.push(Trial::of::<S>(spec, columns));
        self.0.push(Trial::of::<Grouped<S>>(every, &by));
    }

    /// Stand-ins for missing values, and JSON Schemas.
    fn lists(&mut self) {
        self.of::<StandIns>(vec![StandIn::Int(0), StandIn::Int(-1)], &[INTEGER]);
        self.of::<StandIns>(vec![StandIn::Float(0.0), StandIn::Float(-1.0)], &[FLOAT]);
        self.of::<StandIns>(vec![StandIn::Text("a".into()), StandIn::Text(String::new())], &[TEXT]);
        let schema = r#"{"properties": {"n": {"minimum": 0}, "x": {"type": "number", "maximum": 7}, "t": {"enum": ["a", null]}}}"#;
        let schema = |omit_missing| SchemaSpec::read(schema.to_owned(), None, false, omit_missing).expect("a schema");
        let record = Instance::Record(["n", "x", "t"].map(str::to_owned).to_vec());
        self.of::<Violations>(schema(true).of(record), &[INTEGER, FLOAT, CODES]);
        self.of::<Violations>(schema(true).of(Instance::Text), &[TEXT]);
        self.of::<Violations>(schema(false).of(Instance::Value), &[DECIMAL]);
    }

    /// Sets of values.
    fn members(&mut self) {
        self.of::<Members>(vec![Member::Missing, Member::Int(0), Member::Int(100)], &[INTEGER]);
        self.of::<Members>(vec![Member::Int(0), Member::Int(-7)], &[DECIMAL]);
        self.of::<Members>(vec![Member::float(0.0), Member::float(f64::INFINITY), Member::float(0.5), Member::Missing], &[FLOAT]);
        self.of::<Members>(vec![Member::Boolean(true), Member::Missing, Member::Boolean(false)], &[BOOLEAN]);
        for column in [TEXT, CODES] {
            self.of::<Members>(
                vec![Member::Text("a".into()), Member::Text(String::new()), Member::Missing, Member::Text("c".into())],
                &[column],
            );
        }
    }

    fn keys(&mut self) {
        for (keep, rows) in [(Keep::First, KeyRows::Whole), (Keep::Last, KeyRows::All), (Keep::None, KeyRows::Partial)] {
            self.of::<Keys>(keys(keep, rows, false), &[INTEGER, TEXT]);
            self.of::<SortedKeys>(sorted_keys(keep, rows), &[INTEGER, TEXT, FLOAT]);
        }
        for columns in [vec![INTEGER], vec![TEXT, BOOLEAN], vec![CODES], vec![DECIMAL, FLOAT]] {
            self.of::<Keys>(keys(Keep::First, KeyRows::Whole, true), &columns);
            self.of::<Keys>(keys(Keep::None, KeyRows::All, true), &columns);
        }
    }
}

fn keys(keep: Keep, rows: KeyRows, optimistic: bool) -> KeysSpec {
    let normalize = Normalize { trim: rows == KeyRows::All, ..Normalize::default() };
    KeysSpec { keep, rows, normalize, optimistic, beside: None, lookup: Lookup::default() }
}

fn sorted_keys(keep: Keep, rows: KeyRows) -> SortedKeysSpec {
    let KeysSpec { normalize, .. } = keys(keep, rows, false);
    SortedKeysSpec { keep, rows, normalize }
}

/// What the laws of every state are tried with: every state of the list is here.
fn trials() -> Vec<Trial> {
    let mut all = Trials(Vec::new());
    let window = Window { low: order_of(-5.0), high: order_of(15.0) };
    let log = Transform { log: true };
    for column in [INTEGER, FLOAT, TEXT, CODES, DECIMAL, BOOLEAN] {
        all.of::<Completeness>((), &[column]);
        all.of::<Distinct>((), &[column]);
        all.of::<Cells>((), &[column]);
        all.of::<Frequencies>((), &[column]);
        all.of::<Overview>((), &[column]);
        all.of::<GroupCounts>((), &[column, TEXT]);
        all.of::<GroupUnits>((), &[TEXT, column]);
        all.of::<EqualRuns>(1 + column as u64 % 2, &[column]);
    }
    for column in [INTEGER, FLOAT, TEXT] {
        all.of::<MissingRuns>(MissingSpec { tokens: vec!["a".into()], blank: true }, &[column]);
        for (decreasing, strict) in [(false, false), (true, true)] {
            all.of::<Breaks>(OrderSpec { decreasing, strict }, &[column]);
        }
        all.of::<SortedRuns>(SortedSpec { max_run: 1 }, &[column, INTEGER]);
        all.of::<Agreement>(AgreementSpec { keys: 1, majority: true }, &[column, INTEGER, TEXT]);
        all.of::<Agreement>(AgreementSpec { keys: 2, majority: false }, &[column, INTEGER, FLOAT]);
        all.of::<SortedRuns>(SortedSpec { max_run: 2 }, &[column, FLOAT]);
        all.of::<MinHash>(MinHashSpec { least: 100, beside: None }, &[TEXT]);
        all.of::<Overlaps>(OverlapsSpec { inclusive: column == INTEGER }, &[column, INTEGER]);
    }
    for (every, zone) in [(Every::Seconds(1), None), (Every::Seconds(7), Some("+00:01")), (Every::Months(1), Some("Europe/Berlin"))] {
        all.of::<Periods>(PeriodsSpec { every, zone: zone.map(str::to_owned) }, &[INTEGER]);
    }
    all.of::<Centroid>(2, &[VECTOR]);
    all.of::<Within>(WithinSpec::Between(-5, 7), &[INTEGER]);
    for column in [INTEGER, FLOAT, DECIMAL] {
        for transform in [Transform::IDENTITY, log] {
            all.of::<Moments>(transform, &[column]);
            all.of::<OrderedHistogram>(HistogramSpec { transform, ..HistogramSpec::COARSE }, &[column]);
        }
        let fine = HistogramSpec { shift: SHIFT_COARSE - 9, windows: vec![window], ..HistogramSpec::COARSE };
        all.of::<OrderedHistogram>(fine, &[column]);
        all.of::<Extrema>((), &[column]);
        all.of::<Collect>(CollectSpec { windows: vec![window], transform: Transform::IDENTITY }, &[column]);
        all.of::<AllValues>(Transform::IDENTITY, &[column]);
        all.of::<Deviations>(DeviationsSpec { centre: Centre::Float(2.5), transform: Transform::IDENTITY }, &[column]);
        all.of::<RowsOfValues>(vec![order_of(-3.0), order_of(0.0), order_of(2.5)], &[column]);
        all.of::<Outside>(Fences { inside: Inside::Floats { low: -10.0, high: 12.5 }, side: Side::Both, log: false }, &[column]);
        all.of::<Outside>(Fences { inside: Inside::Floats { low: 0.5, high: 2.5 }, side: Side::Low, log: true }, &[column]);
        all.of::<Bins>(BinsSpec { edges: Edges::Floats { low: -20.0, high: 20.0 }, bins: 7 }, &[column]);
        all.of::<Bins>(BinsSpec { edges: Edges::Integers { low: -20, width: 6 }, bins: 7 }, &[column]);
        all.of::<Bins>(BinsSpec { edges: Edges::Decimals { low: -5, step: 5, scale: 1 }, bins: 30 }, &[column]);
    }
    for column in [INTEGER, DECIMAL] {
        all.of::<Deviations>(DeviationsSpec { centre: Centre::Integer(7), transform: Transform::IDENTITY }, &[column]);
        all.of::<Outside>(Fences { inside: Inside::Integers { low: -2, high: 7 }, side: Side::Both, log: false }, &[column]);
    }
    all.of::<RowSample>(SampleSpec { rows_max: 5 }, &[INTEGER, FLOAT, TEXT, CODES]);
    all.of::<RowSample>(SampleSpec { rows_max: 1000 }, &[DECIMAL, BOOLEAN]);
    all.of::<Personal>((), &[INTEGER]);
    all.of::<CoMoments>((), &[INTEGER, FLOAT]);
    all.of::<CoMoments>((), &[BOOLEAN, DECIMAL]);
    for column in [TEXT, CODES] {
        all.of::<TextExtrema>((), &[column]);
        all.of::<Shapes>((), &[column]);
        all.of::<FormatCheck>("pattern a9".to_owned(), &[column]);
        all.of::<Personal>((), &[column]);
    }
    all.of::<Moments>(Transform::IDENTITY, &[BOOLEAN]);
    all.of::<Extrema>((), &[BOOLEAN]);
    all.lists();
    all.members();
    all.keys();
    let first = vec![Some("a".to_owned())];
    let each = GroupedSpec { keys: 1, every: None, each: [(first, Transform::IDENTITY)].into() };
    all.0.push(Trial::of::<Grouped<Moments>>(each, &[TEXT, FLOAT]));
    // Whether keys ascend is seen batch by batch.
    for trial in &mut all.0 {
        let ascends = |spec: &AnySpec| spec.downcast::<Keys>().is_some_and(|s| s.optimistic);
        let by_group = |spec: &AnySpec| spec.downcast::<Grouped<Keys>>().is_some_and(|s| s.every.as_ref().is_some_and(|s| s.optimistic));
        trial.minds_no_batches = !ascends(&trial.spec) && !by_group(&trial.spec);
    }
    all.0
}

#[test]
fn every_state_of_the_list_has_laws() {
    let name = |spec: &AnySpec| (spec.kind().name, spec.kind().grouped);
    let tried: BTreeSet<_> = trials().iter().map(|trial| name(&trial.spec)).collect();
    let listed: Vec<_> = STATES.iter().map(|kind| (kind.name, kind.grouped)).collect();
    assert_eq!(tried, listed.iter().copied().collect(), "every state of the list, and no other");
    assert_eq!(listed.len(), tried.len(), "no two states have one name");
}

#[test]
fn a_spec_is_text_and_reads_back() {
    let infinite =
        AnySpec::of::<Outside>(Fences { inside: Inside::Floats { low: f64::NEG_INFINITY, high: 0.1 + 0.2 }, side: Side::High, log: false });
    let wide = AnySpec::of::<StandIns>(vec![StandIn::Int(i128::MAX), StandIn::Float(-0.0), StandIn::Text("a".into())]);
    for spec in trials().into_iter().map(|trial| trial.spec).chain([infinite, wide]) {
        let kind = spec.kind();
        let text = serde_json::to_string(&spec.json().expect("text")).expect("text");
        let json = serde_json::from_str(&text).expect("JSON");
        assert_eq!(AnySpec::read(kind.name, kind.version, kind.grouped, &json).expect("read back"), spec, "{text}");
        let fault = AnySpec::read(kind.name, kind.version + 1, kind.grouped, &json).expect_err("another version");
        assert_eq!(fault.code, Code::Unsupported, "{fault}");
    }
    let unknown = AnySpec::read("completness", 1, false, &serde_json::Value::Null).expect_err("no such state");
    assert_eq!(unknown.to_string(), "no state is called `completness`; did you mean `completeness`?");
    for (name, spec) in [
        ("histogram", r#"{"shift": 64, "windows": [], "transform": {"log": false}}"#),
        ("bins", r#"{"edges": {"floats": {"low": "0", "high": "1"}}, "bins": 1000000000000}"#),
        ("bins", r#"{"edges": {"integers": {"low": "0", "width": "0"}}, "bins": 10}"#),
        ("moments", "7"),
    ] {
        let json = serde_json::from_str(spec).expect("JSON");
        let version = STATES.iter().find(|kind| kind.name == name).expect("in the list").version;
        assert_eq!(AnySpec::read(name, version, false, &json).expect_err("no such spec").code, Code::Damaged);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn every_state_obeys_the_laws(units in units()) {
        let place = tempfile::tempdir().expect("a directory");
        let (ample, tight) = (budget(), Arc::new(Budget::new(0, place.path().to_owned())));
        let wholes: Vec<Unit> = units.iter().map(|batches| unit(&[batches.concat()])).collect();
        let units: Vec<Unit> = units.iter().map(|batches| unit(batches)).collect();
        for trial in trials() {
            let out = trial.try_on(&ample, &units);
            // These are all that look at the memory limit.
            if [Keys::NAME, SortedKeys::NAME, AllValues::NAME, SortedRuns::NAME, Agreement::NAME, Overlaps::NAME, MinHash::NAME].contains(&trial.spec.kind().name) {
                let tightly = trial.try_on(&tight, &units);
                let is_equal = (trial.is_equal)(out.as_ref(), tightly.as_ref());
                prop_assert!(is_equal || [SortedKeys::NAME, AllValues::NAME, SortedRuns::NAME, Agreement::NAME, Overlaps::NAME, MinHash::NAME].contains(&trial.spec.kind().name), "{:?}: spilling changes nothing", trial.spec);
            }
            if trial.minds_no_batches {
                for (i, (cut, whole)) in units.iter().zip(&wholes).enumerate() {
                    let (cut, whole) = (trial.fold(&ample, i, cut), trial.fold(&ample, i, whole));
                    prop_assert!(encode(cut.as_ref()) == encode(whole.as_ref()), "{:?}: batches", trial.spec);
                }
            }
        }
        prop_assert_eq!(std::fs::read_dir(place.path()).expect("list").count(), 0, "spill files are removed");
    }

    /// Bytes that no state wrote are a fault, or another state; they are no panic, and ask for no memory that is not there.
    #[test]
    fn damaged_bytes_are_a_fault(
        units in units(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0..4, any::<u8>()), 1..12),
    ) {
        let (memory, units) = (budget(), units.iter().map(|batches| unit(batches)).collect::<Vec<_>>());
        for trial in trials() {
            let whole = units.iter().enumerate().fold(trial.empty(&memory), |all, (i, unit)| merge(all, trial.fold(&memory, i, unit)));
            let bytes = encode(whole.as_ref());
            for (place, how, byte) in &damages {
                let (mut damaged, at) = (bytes.clone(), place.index(bytes.len()));
                match how {
                    0 => damaged[at] ^= 1 << (byte % 8),
                    1 => damaged[at] = *byte,
                    2 => damaged.insert(at, *byte),
                    _ => damaged.truncate(at),
                }
                match trial.decode(&memory, &damaged) {
                    Ok(state) => {
                        // A digest would have told; what comes of it is at least a state.
                        let again = merge(state.fork().expect("a copy"), state);
                        encode(again.as_ref());
                        // A damaged row of a key may be any of four billion, each with a bit to mark it.
                        if trial.spec.kind().name != Keys::NAME {
                            finish(again);
                        }
                    }
                    Err(fault) => prop_assert_eq!(fault.code, Code::Damaged, "{:?}: {}", trial.spec, fault),
                }
                prop_assert!(*how != 3 || trial.decode(&memory, &damaged).is_err(), "{:?}: cut short at {at}", trial.spec);
            }
        }
    }

    /// A summary that nobody wrote is a fault, or another summary; it is no panic.
    #[test]
    fn damaged_summaries_are_a_fault(
        units in units(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"0129afp-:= ,\"[]{}"[..])), 1..20),
    ) {
        let (memory, units) = (budget(), units.iter().map(|batches| unit(batches)).collect::<Vec<_>>());
        for trial in trials().iter().filter(|trial| trial.spec.kind().summarised) {
            let whole = units.iter().enumerate().fold(trial.empty(&memory), |all, (i, unit)| merge(all, trial.fold(&memory, i, unit)));
            let text = serde_json::to_vec(&keep(whole.as_ref())).expect("text");
            for (place, byte) in &damages {
                let mut damaged = text.clone();
                damaged[place.index(text.len())] = *byte;
                let Ok(json) = serde_json::from_slice(&damaged) else { continue };
                match trial.of_summary(&memory, &json) {
                    Ok(state) => {
                        let again = merge(state.fork().expect("a copy"), state);
                        keep(again.as_ref());
                        finish(again);
                    }
                    Err(fault) => prop_assert_eq!(fault.code, Code::Damaged, "{:?}: {}", trial.spec, fault),
                }
            }
        }
    }

    /// Keys that ascend are proven different, and nothing is proven of others; what is proven is what hashes say.
    #[test]
    fn keys_in_order_are_judged_like_keys_by_hash(
        units in units(), sort in 0..3,
        key in prop::sample::select(vec![vec![0], vec![2, 0], vec![1, 0, 2], vec![2], vec![3, 4], vec![5, 4]])
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
        let (memory, units) = (budget(), units.iter().map(|batches| unit(batches)).collect::<Vec<_>>());
        let judge = |optimistic| {
            let trial = Trial::of::<Keys>(keys(Keep::First, KeyRows::Whole, optimistic), &key);
            let all = units.iter().enumerate().fold(trial.empty(&memory), |all, (i, unit)| merge(all, trial.fold(&memory, i, unit)));
            finish(all).downcast::<<Keys as State>::Out>().expect("keys")
        };
        let proven = judge(true);
        prop_assert!(proven.unsettled || proven == judge(false), "{:?}", proven);
    }
}

/// Units of data that is large: scattered numbers, all different, in batches of 8,192 rows.
///
/// A unit's rows make 6,000 groups by text, and no unit has a group of another: two units have more than are counted.
fn large_units(rows: u64) -> Vec<Unit> {
    let scattered = |i: u64| (i ^ (i >> 7)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let row = |unit: u64, i: u64| {
        let number = scattered(unit * rows + i);
        let integer = (!i.is_multiple_of(50)).then_some(number as i64 >> 8);
        let float = (!i.is_multiple_of(40)).then_some((number % 1_000_000) as f64 / 97.0 - 5_000.0);
        (integer, float, Some(format!("group {}", unit * 6_000 + i % 6_000)), !i.is_multiple_of(25))
    };
    let of_rows = |rows: Vec<Row>| rows.chunks(8192).map(Batch::of).collect();
    (0..4).map(|unit| of_rows((0..rows).map(|i| row(unit, i)).collect())).collect()
}

/// The trials that grow with the data, of which one after the other would take too long where there are many alike.
fn large_trials() -> Vec<Trial> {
    let window = Window { low: order_of(-1e6), high: order_of(1e6) };
    let mut wanted = vec![text_key("group 7"), text_key("group 13")];
    wanted.sort_unstable();
    vec![
        Trial::of::<Completeness>((), &[INTEGER]),
        Trial::of::<MissingRuns>(MissingSpec::default(), &[INTEGER]),
        Trial::of::<Extrema>((), &[FLOAT]),
        Trial::of::<TextExtrema>((), &[TEXT]),
        Trial::of::<Moments>(Transform::IDENTITY, &[FLOAT]),
        Trial::of::<CoMoments>((), &[INTEGER, FLOAT]),
        Trial::of::<Frequencies>((), &[TEXT]),
        Trial::of::<Cells>((), &[FLOAT]),
        Trial::of::<Overview>((), &[INTEGER]),
        Trial::of::<Overview>((), &[FLOAT]),
        Trial::of::<Overview>((), &[TEXT]),
        Trial::of::<RowSample>(SampleSpec { rows_max: 20_000 }, &[INTEGER, FLOAT, TEXT]),
        Trial::of::<Shapes>((), &[TEXT]),
        Trial::of::<RowsOfValues>(wanted, &[TEXT]),
        Trial::of::<Cells>((), &[INTEGER]),
        Trial::of::<Personal>((), &[INTEGER]),
        Trial::of::<Cells>((), &[TEXT]),
        Trial::of::<OrderedHistogram>(HistogramSpec::COARSE, &[INTEGER]),
        Trial::of::<Collect>(CollectSpec { windows: vec![window], transform: Transform::IDENTITY }, &[FLOAT]),
        Trial::of::<Outside>(Fences { inside: Inside::Floats { low: -10.0, high: 12.5 }, side: Side::Both, log: false }, &[FLOAT]),
        Trial::of::<Bins>(BinsSpec { edges: Edges::Floats { low: -5000.0, high: 5000.0 }, bins: 100 }, &[FLOAT]),
        Trial::of::<Breaks>(OrderSpec { decreasing: false, strict: false }, &[TEXT]),
        Trial::of::<StandIns>(vec![StandIn::Text("group 7".into()), StandIn::Text("group 13".into())], &[TEXT]),
        Trial::of::<EqualRuns>(1, &[BOOLEAN]),
        Trial::of::<SortedRuns>(SortedSpec { max_run: 1 }, &[TEXT, FLOAT]),
        Trial::of::<Agreement>(AgreementSpec { keys: 1, majority: true }, &[TEXT, FLOAT]),
        Trial::of::<MinHash>(MinHashSpec { least: 128, beside: None }, &[CODES]),
        Trial::of::<Centroid>(1, &[VECTOR]),
        Trial::of::<Within>(WithinSpec::Between(-500, 70), &[INTEGER]),
        Trial::of::<Overlaps>(OverlapsSpec { inclusive: false }, &[INTEGER, DECIMAL]),
        Trial::of::<Periods>(PeriodsSpec { every: Every::Seconds(3), zone: None }, &[INTEGER]),
        Trial::of::<Keys>(keys(Keep::First, KeyRows::Whole, true), &[INTEGER]),
        Trial::of::<AllValues>(Transform::IDENTITY, &[DECIMAL]),
        Trial::of::<SortedKeys>(sorted_keys(Keep::Last, KeyRows::Whole), &[TEXT, FLOAT]),
    ]
}

#[test]
fn the_laws_hold_of_large_data() {
    let (memory, units) = (budget(), large_units(ROWS));
    large_trials().iter().for_each(|trial| drop(trial.try_on(&memory, &units)));
}

#[test]
fn the_laws_hold_where_estimates_and_overflow_begin() {
    let (memory, units) = (budget(), large_units(ROWS));
    let out = Trial::of::<Distinct>((), &[INTEGER]).try_on(&memory, &units);
    let &DistinctOut { count, exact, .. } = out.downcast_ref().expect("a count");
    assert!(!exact && count.abs_diff(94_080) < 94_080 / 25, "about 94,080 and no exact count: {count}");
    let out = Trial::of::<GroupCounts>((), &[TEXT]).try_on(&memory, &units);
    let GroupCountsOut { counts, overflow } = out.downcast_ref().expect("counts");
    assert!(*overflow && counts.is_empty());
    let every = GroupedSpec { keys: 1, every: Some(()), each: Default::default() };
    let by_group = Trial::of::<Grouped<Distinct>>(every, &[TEXT, INTEGER]);
    let units = large_units(6_000);
    let out = by_group.try_on(&memory, &units);
    let out: &GroupedOut<DistinctOut> = out.downcast_ref().expect("groups");
    assert!(out.overflow && out.groups.is_empty());
    let one = by_group.try_on(&memory, &units[..1]);
    let one: &GroupedOut<DistinctOut> = one.downcast_ref().expect("groups");
    assert!(!one.overflow && one.groups.len() > 5_000);
}

/// Keys beyond the memory limit are on disk, and nothing else is told of them.
#[test]
fn the_laws_hold_where_keys_spill() {
    let place = tempfile::tempdir().expect("a directory");
    let (ample, tight) = (budget(), Arc::new(Budget::new(1 << 18, place.path().to_owned())));
    let units = large_units(ROWS);
    {
        let trial = Trial::of::<Keys>(keys(Keep::None, KeyRows::Whole, false), &[INTEGER, TEXT]);
        let whole = units.iter().enumerate().fold(trial.empty(&tight), |all, (i, unit)| merge(all, trial.fold(&tight, i, unit)));
        assert!(std::fs::read_dir(place.path()).expect("list").count() > 0, "keys are spilled");
        let bytes = encode(whole.as_ref());
        drop(whole);
        let (out, spilled) = (trial.try_on(&ample, &units), trial.try_on(&tight, &units));
        assert!((trial.is_equal)(out.as_ref(), spilled.as_ref()), "spilling changes nothing");
        let read = finish(trial.decode(&ample, &bytes).expect("read where there is more memory"));
        assert!((trial.is_equal)(out.as_ref(), read.as_ref()), "nor does reading back");
        assert_eq!(std::fs::read_dir(place.path()).expect("list").count(), 0, "spill files are removed");
    }
}

#[test]
fn states_of_different_kinds_do_not_merge() {
    let memory = budget();
    let mut rows = AnySpec::of::<Completeness>(()).empty(&[], &memory);
    let fault = rows.merge(AnySpec::of::<Extrema>(()).empty(&[], &memory)).expect_err("another kind");
    assert_eq!(fault.code, Code::Internal, "{fault}");
}

/// A disk that fails is a fault of the step that needed it, and leaves no memory held.
#[test]
fn keys_that_cannot_spill_are_a_fault_at_once() {
    let memory = Arc::new(Budget::new(0, "/nowhere/at/all".into()));
    let trial = Trial::of::<Keys>(keys(Keep::First, KeyRows::Whole, false), &[INTEGER]);
    let units = large_units(ROWS);
    let (mut all, unit) = (trial.empty(&memory), trial.fold(&memory, 0, &units[0]));
    let bytes = encode(unit.as_ref());
    let fault = all.merge(unit).expect_err("no such directory");
    assert_eq!((fault.code, fault.what.starts_with("cannot count: ")), (Code::ScratchFailed, true), "{fault}");
    let fault = trial.decode(&memory, &bytes).err().expect("no such directory");
    assert_eq!(fault.code, Code::ScratchFailed, "{fault}");
    drop(all);
    assert_eq!(memory.used(), 0);
}
