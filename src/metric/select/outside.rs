//! The rows outside fences.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Fault;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::column::{Column, for_each_float};
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
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

/// Values below `low` or above `high`, as the transform sees them, are outside.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fences {
    #[serde(with = "crate::metric::plain::float")]
    pub low: f64,
    #[serde(with = "crate::metric::plain::float")]
    pub high: f64,
    pub side: Side,
    pub log: bool,
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
