//! Second looks at an ordered column: the values inside windows, the rows outside fences, equal-width bins.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use super::column::Numbers;
use super::number::ToFloat;
use super::ordered::{Window, for_each_float, order_of};
use super::{Column, Number, Rows, State};
use crate::each_width;
use crate::rows::RowSet;

/// Collects the values whose order lies in some windows, each with its count.
#[derive(Debug, Clone)]
pub struct Collect {
    windows: Vec<Window>,
    values: BTreeMap<Number, u64>,
}

impl State for Collect {
    /// Ascending, not overlapping.
    type Spec = Vec<Window>;
    /// Ascending values with their counts.
    type Out = Vec<(Number, u64)>;

    fn empty(windows: &Vec<Window>, _: &[DataType]) -> Self {
        Self { windows: windows.clone(), values: BTreeMap::new() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
        let present = columns[0].present(rows.selection);
        let Self { windows, values: found } = self;
        let mut offer = |float: f64, number: Number| {
            let order = order_of(float);
            if float.is_finite() && windows.iter().any(|w| w.contains(order)) {
                *found.entry(number).or_default() += 1;
            }
        };
        match columns[0].numbers() {
            Some(Numbers::Ints { values, scale }) => each_width!(values, values => {
                let to_float = ToFloat::new(scale);
                present.rows(rows.len(), |i| {
                    let value = i128::from(values[i]);
                    offer(to_float.convert(value), Number::Int { value, scale });
                });
            }),
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

/// Finds the rows whose value lies outside fences; infinities always do.
#[derive(Debug, Clone)]
pub struct Outside {
    fences: Fences,
    low: u64,
    high: u64,
    rows: RowSet,
    charged: usize,
}

/// Values below `low` or above `high` are outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fences {
    pub low: f64,
    pub high: f64,
}

impl Fences {
    pub fn is_outside(&self, x: f64) -> bool {
        x < self.low || x > self.high || x.is_infinite()
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
            if self.fences.is_outside(x) {
                let below = x < self.fences.low || x == f64::NEG_INFINITY;
                self.low += u64::from(below);
                self.high += u64::from(!below);
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
