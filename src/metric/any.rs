//! The list of all states, and a state of whatever kind.

use std::any::Any;
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde_json::Value as Json;

use super::budget::Budget;
use super::column::Column;
use super::grouped::Grouped;
use super::inputs::Inputs;
use super::state::{Listed, Rows, State};
use super::{
    agreement, cells, centroid, comoments, completeness, deviations, distinct, extrema, frequencies, group_units, groups, json_schema,
    keys, members, minhash, moments, ordered, overlaps, overview, periods, personal, row_sample, runs, select, sequence, stand_ins, stuck,
    text_format, within,
};
use crate::diagnostic::{Code, Fault};

/// Lists states with what each counts; each is known by its name, plain and by group.
macro_rules! states {
    ($(#[doc = $counts:literal] $state:ty,)+) => {
        /// Every state there is.
        pub const STATES: &[&Kind] = &[$(Kind::of::<$state>(), Kind::of::<Grouped<$state>>()),+];
        $(impl Listed for $state {
            const COUNTS: &'static str = $counts.trim_ascii();
        })+
    };
}

states![
    /// Rows, and missing values of a column.
    completeness::Completeness,
    /// The longest run of missing values.
    runs::MissingRuns,
    /// The smallest and the largest value.
    extrema::Extrema,
    /// The first and the last text, by code points.
    extrema::TextExtrema,
    /// Exact sums of values and of their squares: mean and standard deviation.
    moments::Moments,
    /// The exact sum of absolute deviations from a centre.
    deviations::Deviations,
    /// Exact sums of two columns' products: how they correlate.
    comoments::CoMoments,
    /// Distinct values: exactly while they are few or close together, else by HyperLogLog.
    distinct::Distinct,
    /// How often each value occurs, up to 10,000 values.
    frequencies::Frequencies,
    /// Which of a few given values occur: a bit for each of them, whatever the rows.
    members::Members,
    /// Rows by group, up to 10,000 groups.
    groups::GroupCounts,
    /// Different units by group, each as `distinct` counts them, and over all groups.
    group_units::GroupUnits,
    /// Rows by what of a JSON Schema they fail, up to 1,000 reasons.
    json_schema::Violations,
    /// A histogram in buckets of 1/512 relative width or less, which brackets every quantile.
    ordered::OrderedHistogram,
    /// The values inside windows, each with its count: they settle a quantile.
    select::Collect,
    /// All values, each with its count, as far as memory lets.
    select::AllValues,
    /// The rows whose value lies outside fences.
    select::Outside,
    /// Values in bins of equal width.
    select::Bins,
    /// The rows whose value breaks the order of the one before.
    sequence::Breaks,
    /// The rows that hold one of a few values.
    stand_ins::StandIns,
    /// The rows whose value is one of some.
    cells::RowsOfValues,
    /// Runs of one value in the order of the rows, and the rows of those that are too long.
    stuck::EqualRuns,
    /// The same in the order of another column.
    stuck::SortedRuns,
    /// Which periods of time have a row: a bit for each.
    periods::Periods,
    /// Ranges of all rows: which overlap.
    overlaps::Overlaps,
    /// 128-bit hashes of keys: which rows share one, exactly.
    keys::Keys,
    /// The rows that have not the first or the last value of another column among those of their key.
    keys::SortedKeys,
    /// The values that come with each key: rows in which they differ.
    agreement::Agreement,
    /// Minima of hashes of texts, 128 each: which texts are nearly the same.
    minhash::MinHash,
    /// The rows whose value lies within the range of other data.
    within::Within,
    /// The mean of vectors: an exact sum for each of their numbers.
    centroid::Centroid,
    /// How often values occur, by cell of their order or of their hash: each by itself while they are few.
    cells::Cells,
    /// How texts look: each digit a 9, letters in a row one a, the first 24 characters.
    cells::Shapes,
    /// All that a report tells of a column: each value with its count, or what can be kept of too many.
    overview::Overview,
    /// Some rows, the same whatever the order: numbers as floats, other values as hashes.
    row_sample::RowSample,
    /// How many texts have a format, and the first that has another one.
    text_format::FormatCheck,
    /// How many of a thousand different values look like personal data, by kind.
    personal::Personal,
];

impl<S: State> Listed for Grouped<S> {
    const COUNTS: &'static str = S::COUNTS;
}

/// A spec of whatever type.
type AnyValue = Arc<dyn Any + Send + Sync>;

type Empty = fn(&AnySpec, &[DataType], &Arc<Budget>) -> Box<dyn AnyState>;
type OfSummary = fn(&AnySpec, &[DataType], &Arc<Budget>, &Json) -> Result<Box<dyn AnyState>, Fault>;
type Decode = fn(&AnySpec, &[DataType], &Arc<Budget>, &mut dyn Read) -> Result<Box<dyn AnyState>, Fault>;

/// A kind of state: what its trait says, and how to make one of a spec.
pub struct Kind {
    pub name: &'static str,
    pub version: u32,
    pub ordered: bool,
    pub forks: bool,
    pub grouped: bool,
    /// Whether summaries hold it.
    pub summarised: bool,
    /// Whether what a summary keeps of columns that are held in different ways does not merge.
    pub minds_types: bool,
    /// What it counts, in a sentence.
    pub counts: &'static str,
    is_equal: fn(&AnySpec, &AnySpec) -> bool,
    show: fn(&AnySpec, &mut fmt::Formatter<'_>) -> fmt::Result,
    json: fn(&AnySpec) -> Result<Json, Fault>,
    read: fn(&Json) -> Result<AnyValue, Fault>,
    empty: Empty,
    decode: Decode,
    of_summary: OfSummary,
}

impl Kind {
    /// The kind of `S`.
    pub const fn of<S: State>() -> &'static Self {
        const {
            &Self {
                name: S::NAME,
                version: S::VERSION,
                ordered: S::ORDERED,
                forks: S::FORKS,
                grouped: S::GROUPED,
                summarised: S::SUMMARISED,
                minds_types: S::MINDS_TYPES,
                counts: S::COUNTS,
                is_equal: |a, b| a.downcast::<S>().is_some_and(|a| Some(a) == b.downcast::<S>()),
                show: |spec, f| fmt::Debug::fmt(&spec.downcast::<S>(), f),
                json: |spec| {
                    let why = |e| Fault::new(Code::Internal, format!("internal error: the spec of `{}` cannot be written: {e}", S::NAME));
                    serde_json::to_value(spec.expect::<S>()).map_err(why)
                },
                read: |json| {
                    let why = |e| Fault::new(Code::Damaged, format!("this is no spec of the state `{}`: {e}", S::NAME));
                    let spec: S::Spec = serde::Deserialize::deserialize(json).map_err(why)?;
                    Ok(Arc::new(spec))
                },
                empty: |spec, types, memory| Box::new(S::empty(spec.expect::<S>(), types, memory)),
                decode: |spec, types, memory, from| Ok(Box::new(S::decode(spec.expect::<S>(), types, memory, from)?)),
                of_summary: |spec, types, memory, json| Ok(Box::new(S::of_summary(spec.expect::<S>(), types, memory, json)?)),
            }
        }
    }

    /// Whether states of this kind are `S`.
    pub fn is<S: State>(&self) -> bool {
        self.name == S::NAME && self.grouped == S::GROUPED
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} v{}", self.name, if self.grouped { " by group" } else { "" }, self.version)
    }
}

/// The spec of a state of whatever kind.
#[derive(Clone)]
pub struct AnySpec {
    kind: &'static Kind,
    value: AnyValue,
}

impl AnySpec {
    pub fn of<S: State>(spec: S::Spec) -> Self {
        Self { kind: Kind::of::<S>(), value: Arc::new(spec) }
    }

    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// The spec as text; [`AnySpec::read`] reads it.
    ///
    /// # Errors
    /// It cannot be written, which is a mistake of the state.
    pub fn json(&self) -> Result<Json, Fault> {
        (self.kind.json)(self)
    }

    /// Reads a spec of the state with this name and version.
    ///
    /// # Errors
    /// There is no such state, it has another version here, or this is no spec of it.
    pub fn read(name: &str, version: u32, grouped: bool, spec: &Json) -> Result<Self, Fault> {
        let Some(kind) = STATES.iter().find(|kind| kind.name == name && kind.grouped == grouped) else {
            let names = STATES.iter().filter(|kind| kind.grouped == grouped).map(|kind| kind.name);
            return Err(Fault::new(Code::Unsupported, format!("no state is called `{name}`")).hint_nearest(name, names));
        };
        if kind.version != version {
            let what = format!("the state `{name}` was counted in version {version}, and this program counts in version {}", kind.version);
            return Err(Fault::new(Code::Unsupported, what).hint("count again, or use the program that counted"));
        }
        Ok(Self { kind, value: (kind.read)(spec)? })
    }

    /// The spec, if it is one of `S`.
    pub fn downcast<S: State>(&self) -> Option<&S::Spec> {
        if self.kind.is::<S>() { self.value.downcast_ref() } else { None }
    }

    /// The spec to be changed, if it is one of `S`.
    pub fn downcast_mut<S: State>(&mut self) -> Option<&mut S::Spec> {
        if Arc::get_mut(&mut self.value).is_none() {
            // Others hold it too: this one gets a value of its own.
            self.value = Arc::new(self.downcast::<S>()?.clone());
        }
        if self.kind.is::<S>() { Arc::get_mut(&mut self.value)?.downcast_mut() } else { None }
    }

    fn expect<S: State>(&self) -> &S::Spec {
        self.downcast::<S>().expect("a spec is of its kind's type, by construction")
    }

    /// The state before it has seen any row.
    pub fn empty(&self, types: &[DataType], memory: &Arc<Budget>) -> Box<dyn AnyState> {
        (self.kind.empty)(self, types, memory)
    }

    /// The state that was encoded.
    ///
    /// # Errors
    /// See [`State::decode`].
    pub fn decode(&self, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Box<dyn AnyState>, Fault> {
        (self.kind.decode)(self, types, memory, from)
    }

    /// The state of which a summary kept `json`.
    ///
    /// # Errors
    /// See [`State::of_summary`].
    pub fn of_summary(&self, types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Box<dyn AnyState>, Fault> {
        (self.kind.of_summary)(self, types, memory, json)
    }
}

impl PartialEq for AnySpec {
    fn eq(&self, other: &Self) -> bool {
        (self.kind.is_equal)(self, other)
    }
}

impl fmt::Debug for AnySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: ", self.kind)?;
        (self.kind.show)(self, f)
    }
}

/// A state of whatever kind.
pub trait AnyState: Send {
    /// # Errors
    /// See [`State::update`].
    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault>;
    /// # Errors
    /// See [`State::merge`]; `later` is of another kind.
    fn merge(&mut self, later: Box<dyn AnyState>) -> Result<(), Fault>;
    /// # Errors
    /// See [`State::fork`].
    fn fork(&self) -> Result<Box<dyn AnyState>, Fault>;
    /// See [`State::looks_again`].
    fn looks_again(&self, at_end: bool) -> bool;
    /// # Errors
    /// See [`State::encode`].
    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault>;
    /// # Errors
    /// See [`State::summarise`].
    fn summarise(&self) -> Result<Option<Json>, Fault>;
    /// # Errors
    /// See [`State::finish`].
    fn finish(self: Box<Self>, inputs: &Inputs) -> Result<Arc<dyn Any + Send + Sync>, Fault>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<S: State> AnyState for S {
    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        State::update(self, rows, columns)
    }

    fn merge(&mut self, later: Box<dyn AnyState>) -> Result<(), Fault> {
        match later.into_any().downcast::<S>() {
            Ok(later) => State::merge(self, *later),
            Err(_) => {
                Err(Fault::new(Code::Internal, format!("internal error: a state of another kind was to be merged with `{}`", S::NAME)))
            }
        }
    }

    fn fork(&self) -> Result<Box<dyn AnyState>, Fault> {
        Ok(Box::new(State::fork(self)?))
    }

    fn looks_again(&self, at_end: bool) -> bool {
        State::looks_again(self, at_end)
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        State::encode(self, to)
    }

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        if S::SUMMARISED { State::summarise(self) } else { Ok(None) }
    }

    fn finish(self: Box<Self>, inputs: &Inputs) -> Result<Arc<dyn Any + Send + Sync>, Fault> {
        Ok(Arc::new(State::finish(*self, inputs)?))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
