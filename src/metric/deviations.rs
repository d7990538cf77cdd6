//! The sum of absolute deviations from a centre, without rounding.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Reservation};
use super::column::{Column, Numbers};
use super::encoding;
use super::exact_sum::ExactSum;
use super::inputs::Inputs;
use super::state::{Rows, State};
use super::transform::Transform;
use crate::diagnostic::Fault;
use crate::each_width;

/// Sums |x − centre| of finite values.
#[derive(Debug)]
pub struct Deviations {
    spec: DeviationsSpec,
    sums: Sums,
    memory: Reservation,
}

/// From what, and whether of logarithms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeviationsSpec {
    pub centre: Centre,
    pub transform: Transform,
}

/// A value of the column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centre {
    /// An integer, or a decimal in units of its last place.
    Integer(#[serde(with = "super::plain::integer")] i128),
    Float(#[serde(with = "super::plain::float")] f64),
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Sums {
    count: u64,
    integers: u128,
    /// How often they overflowed.
    carry: u64,
    floats: ExactSum,
}

/// How many values there are, and the sum of their deviations: in units of the last place of decimals, in 2^-1074 of floats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviationsOut {
    pub count: u64,
    pub sum: BigInt,
}

impl State for Deviations {
    const NAME: &'static str = "deviations";
    const VERSION: u32 = 1;
    type Spec = DeviationsSpec;
    type Out = DeviationsOut;

    fn empty(spec: &DeviationsSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { spec: *spec, sums: Sums::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let DeviationsSpec { centre, transform } = self.spec;
        let sums = &mut self.sums;
        match (centre, columns[0].numbers()) {
            (Centre::Integer(centre), Some(Numbers::Ints { values, .. })) => each_width!(values, values => {
                present.rows(rows.len(), |i| sums.add_integer(i128::from(values[i]).abs_diff(centre)));
            }),
            (Centre::Float(centre), _) => transform.for_each(columns[0], &present, |_, x| sums.add_float(x, centre)),
            (Centre::Integer(_), _) => {}
        }
        self.memory.resize(self.sums.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.sums.merge(later.sums);
        self.memory.resize(self.sums.bytes());
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec, sums: self.sums.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.sums, to)
    }

    fn decode(spec: &DeviationsSpec, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let sums: Sums = encoding::read(from)?;
        encoding::ensure_counts([sums.count, sums.carry])?;
        let mut memory = Reservation::new(memory);
        memory.resize(sums.bytes());
        Ok(Self { spec: *spec, sums, memory })
    }

    fn finish(self, _: &Inputs) -> Result<DeviationsOut, Fault> {
        let Sums { count, integers, carry, floats } = self.sums;
        Ok(DeviationsOut { count, sum: floats.whole() + integers + (BigInt::from(carry) << 128) })
    }
}

impl Sums {
    fn add_integer(&mut self, deviation: u128) {
        self.count += 1;
        let (sum, overflows) = self.integers.overflowing_add(deviation);
        self.integers = sum;
        self.carry += u64::from(overflows);
    }

    fn add_float(&mut self, x: f64, centre: f64) {
        if x.is_infinite() {
            return;
        }
        self.count += 1;
        // The larger and the negated smaller one: their difference is never rounded.
        self.floats.add(x.max(centre));
        self.floats.add(-x.min(centre));
    }

    fn merge(&mut self, later: Self) {
        let count = self.count + later.count;
        self.add_integer(later.integers);
        self.count = count;
        self.carry += later.carry;
        self.floats.merge(&later.floats);
    }

    fn bytes(&self) -> usize {
        self.floats.bytes()
    }
}
