//! Second looks at an ordered column: the values inside windows, the rows outside fences, equal-width bins.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use super::column::Numbers;
use super::number::ToFloat;
use super::ordered::{SHIFT_COARSE, Window, for_each_float, order_of};
use super::{Column, Number, Rows, State, Transform};
use crate::each_width;
use crate::rows::RowSet;

/// Collects the values whose order lies in some windows, each with its count.
#[derive(Debug, Clone)]
pub struct Collect {
    spec: CollectSpec,
    near: Near,
    values: BTreeMap<Number, u64>,
}

/// Which values to collect.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectSpec {
    /// Ascending, not overlapping.
    pub windows: Vec<Window>,
    pub transform: Transform,
}

impl State for Collect {
    type Spec = CollectSpec;
    /// Ascending values with their counts.
    type Out = Vec<(Number, u64)>;

    fn empty(spec: &CollectSpec, _: &[DataType]) -> Self {
        Self { spec: spec.clone(), near: Near::new(&spec.windows), values: BTreeMap::new() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
        let present = columns[0].present(rows.selection);
        let Self { spec: CollectSpec { windows, transform }, near, values: found } = self;
        let mut offer = |float: f64, number: Number| {
            let order = order_of(float);
            if near.contains(order) && float.is_finite() && windows.iter().any(|w| w.contains(order)) {
                *found.entry(number).or_default() += 1;
            }
        };
        if !transform.is_identity() {
            return transform.for_each(columns[0], &present, |_, x| offer(x, Number::Float(x + 0.0)));
        }
        match columns[0].numbers() {
            Some(Numbers::Ints { values, scale }) => {
                let to_float = ToFloat::new(scale);
                each_width!(values, values => present.rows(rows.len(), |i| {
                    let value = i128::from(values[i]);
                    offer(to_float.convert(value), Number::Int { value, scale });
                }));
            }
            Some(Numbers::Floats(_)) => {
                for_each_float(columns[0], &present, |_, x| offer(x, Number::Float(x + 0.0)));
            }
            None => {}
        }
    }

    fn merge(&mut self, later: Self) {
        for (value, count) in later.values {
            *self.values.entry(value).or_default() += count;
        }
    }

    fn bytes(&self) -> usize {
        self.values.len() * 64
    }

    fn finish(self) -> Result<Self::Out, std::io::Error> {
        Ok(self.values.into_iter().collect())
    }
}

/// Which coarse buckets of the order windows touch: one look-up settles nearly every value, and no branch is in doubt.
#[derive(Debug, Clone)]
struct Near {
    /// The first bucket that is touched.
    first: u64,
    touched: Vec<bool>,
}

impl Near {
    fn new(windows: &[Window]) -> Self {
        let bucket = |order: u64| order >> SHIFT_COARSE;
        let (Some(low), Some(high)) = (windows.iter().map(|w| w.low).min(), windows.iter().map(|w| w.high).max()) else {
            return Self { first: 0, touched: Vec::new() };
        };
        let mut touched = vec![false; (bucket(high) - bucket(low)) as usize + 1];
        for window in windows {
            let range = (bucket(window.low) - bucket(low)) as usize..=(bucket(window.high) - bucket(low)) as usize;
            touched[range].fill(true);
        }
        Self { first: bucket(low), touched }
    }

    fn contains(&self, order: u64) -> bool {
        let bucket = (order >> SHIFT_COARSE).wrapping_sub(self.first);
        self.touched.get(bucket as usize).copied().unwrap_or(false)
    }
}

/// Finds the rows whose value lies outside fences; infinities always do.
#[derive(Debug, Clone)]
pub struct Outside {
    fences: Fences,
    low: u64,
    high: u64,
    rows: RowSet,
    charged: usize,
}

/// Values below `low` or above `high`, as the transform sees them, are outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fences {
    pub low: f64,
    pub high: f64,
    pub side: Side,
    pub log: bool,
}

/// Which fence counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
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
    type Spec = Fences;
    type Out = OutsideOut;

    fn empty(fences: &Fences, _: &[DataType]) -> Self {
        Self { fences: *fences, low: 0, high: 0, rows: RowSet::default(), charged: 0 }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
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
        let bytes = self.rows.bytes();
        rows.budget.charge(bytes.saturating_sub(self.charged));
        self.charged = self.charged.max(bytes);
    }

    fn merge(&mut self, later: Self) {
        self.low += later.low;
        self.high += later.high;
        self.rows.union(&later.rows);
    }

    fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    fn finish(self) -> Result<OutsideOut, std::io::Error> {
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinsSpec {
    pub low: f64,
    pub high: f64,
    pub bins: usize,
}

impl State for Bins {
    type Spec = BinsSpec;
    /// One count a bin.
    type Out = Vec<u64>;

    fn empty(spec: &BinsSpec, _: &[DataType]) -> Self {
        Self { spec: *spec, counts: vec![0; spec.bins] }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
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
    }

    fn merge(&mut self, later: Self) {
        for (a, b) in self.counts.iter_mut().zip(later.counts) {
            *a += b;
        }
    }

    fn bytes(&self) -> usize {
        self.counts.len() * 8
    }

    fn finish(self) -> Result<Vec<u64>, std::io::Error> {
        Ok(self.counts)
    }
}
