//! The rows outside fences.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Fault};
use crate::each_width;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::column::{Column, Numbers, for_each_float};
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
use crate::metric::number::Number;
use crate::metric::state::{Rows, State};
use crate::metric::transform::Transform;
use crate::rows::RowSet;

/// Finds the rows whose value lies outside fences; infinities always do.
#[derive(Debug)]
pub struct Outside {
    fences: Fences,
    low: u64,
    high: u64,
    rows: RowSet,
    memory: Reservation,
}

/// What lies inside, on which side a value may lie outside, and whether the logarithm is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fences {
    pub inside: Inside,
    pub side: Side,
    pub log: bool,
}

/// The smallest and the largest value inside, in what the column holds: no value is rounded before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inside {
    /// Of integers, and of decimals in units of their last place.
    Integers {
        #[serde(with = "crate::metric::plain::integer")]
        low: i128,
        #[serde(with = "crate::metric::plain::integer")]
        high: i128,
    },
    /// Of floats, and of logarithms. Infinities lie outside whatever the bounds.
    Floats {
        #[serde(with = "crate::metric::plain::float")]
        low: f64,
        #[serde(with = "crate::metric::plain::float")]
        high: f64,
    },
}

/// Which fence counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    #[default]
    Both,
    Low,
    High,
}

impl Side {
    /// Whether values may be outliers on the low side.
    pub fn has_low(self) -> bool {
        self != Self::High
    }

    /// Whether values may be outliers on the high side.
    pub fn has_high(self) -> bool {
        self != Self::Low
    }
}

impl Fences {
    /// Whether `number` of the column lies inside, or beyond a fence that does not count.
    pub fn admit(&self, number: Number) -> bool {
        let side = match (self.inside, number) {
            (Inside::Integers { low, high }, Number::Int { value, .. }) => integer_side(value, low, high),
            (Inside::Floats { low, high }, number) => float_side(self.seen(number.as_f64()), low, high),
            (Inside::Integers { .. }, Number::Float(_)) => None,
        };
        side.is_none_or(|side| !self.counts(side))
    }

    /// The value as the fences see it; what has no logarithm lies low.
    fn seen(&self, x: f64) -> f64 {
        if self.log { Transform { log: true }.apply(x).unwrap_or(f64::NEG_INFINITY) } else { x }
    }

    fn counts(&self, side: Side) -> bool {
        self.side == Side::Both || self.side == side
    }
}

fn integer_side(x: i128, low: i128, high: i128) -> Option<Side> {
    if x < low { Some(Side::Low) } else { (x > high).then_some(Side::High) }
}

fn float_side(x: f64, low: f64, high: f64) -> Option<Side> {
    if x < low || x == f64::NEG_INFINITY { Some(Side::Low) } else { (x > high || x == f64::INFINITY).then_some(Side::High) }
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
    const VERSION: u32 = 2;
    type Spec = Fences;
    type Out = OutsideOut;

    fn empty(fences: &Fences, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { fences: *fences, low: 0, high: 0, rows: RowSet::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let (fences, mut outside) = (self.fences, Vec::new());
        let (mut lows, mut highs) = (0, 0);
        let mut note = |i: usize, side: Option<Side>| {
            if let Some(side) = side.filter(|&side| fences.counts(side)) {
                lows += u64::from(side == Side::Low);
                highs += u64::from(side == Side::High);
                outside.push(rows.numbers.get(i));
            }
        };
        match (fences.inside, columns[0].numbers()) {
            (Inside::Integers { low, high }, Some(Numbers::Ints { values, .. })) => each_width!(values, values => {
                present.rows(rows.len(), |i| note(i, integer_side(i128::from(values[i]), low, high)));
            }),
            (Inside::Floats { low, high }, Some(Numbers::Floats(_))) if !fences.log => {
                for_each_float(columns[0], &present, |i, x| note(i, float_side(x, low, high)));
            }
            (Inside::Floats { low, high }, _) => {
                for_each_float(columns[0], &present, |i, x| note(i, float_side(fences.seen(x), low, high)));
            }
            (Inside::Integers { .. }, _) => {
                return Err(Fault::new(Code::Internal, "internal error: fences of integers stand before a column of another kind"));
            }
        }
        self.low += lows;
        self.high += highs;
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

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&(self.low, self.high, &self.rows), to)
    }

    fn decode(fences: &Fences, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (low, high, rows): (u64, u64, RowSet) = encoding::read(from)?;
        encoding::ensure_counts([low, high])?;
        encoding::ensure(low + high == rows.len(), "its rows are not as many as it counts")?;
        let mut memory = Reservation::new(memory);
        memory.resize(rows.bytes());
        Ok(Self { fences: *fences, low, high, rows, memory })
    }

    fn finish(self, _: &Inputs) -> Result<OutsideOut, Fault> {
        Ok(OutsideOut { rows: self.rows, low: self.low, high: self.high })
    }
}
