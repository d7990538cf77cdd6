//! Second looks at an ordered column: the values inside windows, the rows outside fences, equal-width bins.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::budget::Reservation;
use super::column::Numbers;
use super::number::ToFloat;
use super::ordered::{Window, for_each_float, order_of};
use super::{Budget, Column, Inputs, Number, Rows, State, Transform};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::RowSet;

/// Collects the values whose order lies in some windows, each with its count.
#[derive(Debug, Clone)]
pub struct Collect {
    spec: CollectSpec,
    /// By order, and for a column of integers by value.
    near: Near,
    near_integers: Option<Near>,
    values: BTreeMap<Number, u64>,
}

/// Which values to collect.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CollectSpec {
    /// Ascending, not overlapping.
    pub windows: Vec<Window>,
    pub transform: Transform,
}

impl State for Collect {
    const NAME: &'static str = "collect";
    const VERSION: u32 = 1;
    type Spec = CollectSpec;
    /// Ascending values with their counts.
    type Out = Vec<(Number, u64)>;

    fn empty(spec: &CollectSpec, _: &[DataType], _: &Arc<Budget>) -> Self {
        let ranges: Vec<(u64, u64)> = spec.windows.iter().map(|w| (w.low, w.high)).collect();
        Self { spec: spec.clone(), near: Near::new(&ranges), near_integers: None, values: BTreeMap::new() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let Self { spec: CollectSpec { windows, transform }, near, near_integers, values: found } = self;
        let mut offer = |float: f64, number: Number| {
            let order = order_of(float);
            if near.contains(order) && float.is_finite() && windows.iter().any(|w| w.contains(order)) {
                *found.entry(number).or_default() += 1;
            }
        };
        if !transform.is_identity() {
            transform.for_each(columns[0], &present, |_, x| offer(x, Number::Float(x + 0.0)));
            return Ok(());
        }
        match columns[0].numbers() {
            Some(Numbers::Ints { values, scale }) => {
                let to_float = ToFloat::new(scale);
                let near = near_integers.get_or_insert_with(|| Near::of_integers(windows, to_float));
                each_width!(values, values => present.rows(rows.len(), |i| {
                    // No float is needed of a value that lies far from all windows.
                    let value = i128::from(values[i]);
                    if i64::try_from(value).map_or(true, |narrow| near.contains(place_of(narrow))) {
                        offer(to_float.convert(value), Number::Int { value, scale });
                    }
                }));
            }
            Some(Numbers::Floats(_)) => {
                for_each_float(columns[0], &present, |_, x| offer(x, Number::Float(x + 0.0)));
            }
            None => {}
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (value, count) in later.values {
            *self.values.entry(value).or_default() += count;
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(self, _: &Inputs) -> Result<Self::Out, Fault> {
        Ok(self.values.into_iter().collect())
    }
}

/// Roughly where windows lie: one look-up settles nearly every value, and no branch is in doubt.
#[derive(Debug, Clone)]
struct Near {
    first: u64,
    /// Low bits of the distance from `first` that share an entry.
    shift: u32,
    touched: Vec<bool>,
}

impl Near {
    /// More entries would leave the cache.
    const ENTRIES: u64 = 1 << 13;

    /// Of inclusive ranges.
    fn new(ranges: &[(u64, u64)]) -> Self {
        let (Some(low), Some(high)) = (ranges.iter().map(|r| r.0).min(), ranges.iter().map(|r| r.1).max()) else {
            return Self { first: 0, shift: 0, touched: Vec::new() };
        };
        let shift = (0..64).find(|&shift| (high - low) >> shift < Self::ENTRIES).unwrap_or(63);
        let entry = |x: u64| ((x - low) >> shift) as usize;
        let mut touched = vec![false; entry(high) + 1];
        for range in ranges {
            touched[entry(range.0)..=entry(range.1)].fill(true);
        }
        Self { first: low, shift, touched }
    }

    /// Of windows over the order of floats, for integers: where those lie whose float is inside.
    fn of_integers(windows: &[Window], to_float: ToFloat) -> Self {
        let order = |place: u64| order_of(to_float.convert(i128::from(integer_at(place))));
        let range = |window: &Window| {
            let low = partition_point(|place| order(place) < window.low)?;
            let end = partition_point(|place| order(place) <= window.high);
            let high = end.map_or(Some(u64::MAX), |end| end.checked_sub(1))?;
            (low <= high).then_some((low, high))
        };
        Self::new(&windows.iter().filter_map(range).collect::<Vec<_>>())
    }

    fn contains(&self, place: u64) -> bool {
        let entry = place.wrapping_sub(self.first) >> self.shift;
        self.touched.get(entry as usize).copied().unwrap_or(false)
    }
}

/// An integer's place in the order of integers.
fn place_of(x: i64) -> u64 {
    x as u64 ^ 1 << 63
}

fn integer_at(place: u64) -> i64 {
    (place ^ 1 << 63) as i64
}

/// The first place for which `before` does not hold, where it holds for all before some place; none if it holds for all.
fn partition_point(before: impl Fn(u64) -> bool) -> Option<u64> {
    if before(u64::MAX) {
        return None;
    }
    let (mut low, mut high) = (0, u64::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        match before(middle) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Some(low)
}

/// Finds the rows whose value lies outside fences; infinities always do.
#[derive(Debug)]
pub struct Outside {
    fences: Fences,
    low: u64,
    high: u64,
    rows: RowSet,
    memory: Reservation,
}

/// Values below `low` or above `high`, as the transform sees them, are outside.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Fences {
    #[serde(with = "super::encoding::float")]
    pub low: f64,
    #[serde(with = "super::encoding::float")]
    pub high: f64,
    pub side: Side,
    pub log: bool,
}

/// Which fence counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    #[default]
    Both,
    Low,
    High,
}

impl Fences {
    /// The side on which `x` lies outside, if it does and the side counts. Infinities always do; what has no
    /// logarithm lies low.
    pub fn side_of(&self, x: f64) -> Option<Side> {
        let seen = if self.log { Transform { log: true, around: None }.apply(x).unwrap_or(f64::NEG_INFINITY) } else { x };
        let side = if seen < self.low || seen == f64::NEG_INFINITY {
            Side::Low
        } else if seen > self.high || seen == f64::INFINITY {
            Side::High
        } else {
            return None;
        };
        (self.side == Side::Both || self.side == side).then_some(side)
    }
}

/// The rows outside, and on which side how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideOut {
    pub rows: RowSet,
    pub low: u64,
    pub high: u64,
}

impl State for Outside {
    const NAME: &'static str = "outside";
    const VERSION: u32 = 1;
    type Spec = Fences;
    type Out = OutsideOut;

    fn empty(fences: &Fences, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { fences: *fences, low: 0, high: 0, rows: RowSet::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let mut outside = Vec::new();
        for_each_float(columns[0], &present, |i, x| {
            if let Some(side) = self.fences.side_of(x) {
                self.low += u64::from(side == Side::Low);
                self.high += u64::from(side == Side::High);
                outside.push(rows.numbers.get(i));
            }
        });
        self.rows.insert_unit(rows.unit, outside);
        self.memory.resize(self.rows.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.low += later.low;
        self.high += later.high;
        self.rows.union(&later.rows);
        self.memory.absorb(later.memory);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { rows: self.rows.clone(), memory: self.memory.again(), ..*self })
    }

    fn finish(self, _: &Inputs) -> Result<OutsideOut, Fault> {
        Ok(OutsideOut { rows: self.rows, low: self.low, high: self.high })
    }
}

/// Counts finite values in bins of equal width between two bounds.
#[derive(Debug, Clone)]
pub struct Bins {
    spec: BinsSpec,
    counts: Vec<u64>,
}

/// `bins` bins from `low` to `high`, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BinsSpec {
    #[serde(with = "super::encoding::float")]
    pub low: f64,
    #[serde(with = "super::encoding::float")]
    pub high: f64,
    pub bins: usize,
}

impl State for Bins {
    const NAME: &'static str = "bins";
    const VERSION: u32 = 1;
    type Spec = BinsSpec;
    /// One count a bin.
    type Out = Vec<u64>;

    fn empty(spec: &BinsSpec, _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { spec: *spec, counts: vec![0; spec.bins] }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let BinsSpec { low, high, bins } = self.spec;
        // Halving first keeps the width finite for any two floats.
        let width = (high / 2.0 - low / 2.0) * 2.0 / bins as f64;
        for_each_float(columns[0], &present, |_, x| {
            if x.is_finite() && x >= low && x <= high {
                let bin = if width > 0.0 { ((x - low) / width) as usize } else { 0 };
                self.counts[bin.min(bins - 1)] += 1;
            }
        });
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (a, b) in self.counts.iter_mut().zip(later.counts) {
            *a += b;
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(self, _: &Inputs) -> Result<Vec<u64>, Fault> {
        Ok(self.counts)
    }
}
