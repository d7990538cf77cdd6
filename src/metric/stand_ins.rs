//! Rows whose value is one of a short list, value by value, and how far the other values reach.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::budget::{Budget, Reservation};
use super::column::{Column, Floats, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::number::Number;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::RowSet;

/// A value to look for, in the column's own terms.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum StandIn {
    /// At the column's scale; a count since 1970 for dates and times.
    Int(#[serde(with = "super::plain::integer")] i128),
    Float(#[serde(with = "super::plain::float")] f64),
    /// Compared without the white space around it, in lower case.
    Text(String),
}

/// The rows of each wanted value.
#[derive(Debug)]
pub struct StandIns {
    wanted: Vec<StandIn>,
    found: StandInsOut,
    memory: Reservation,
}

/// What was found of the wanted values.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StandInsOut {
    /// By wanted value.
    pub rows: Vec<RowSet>,
    /// The smallest and the largest of the other numbers, infinities left out.
    pub others: Option<(Number, Number)>,
}

impl StandInsOut {
    fn reach(&mut self, low: Number, high: Number) {
        self.others = Some(self.others.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
    }

    fn bytes(&self) -> usize {
        self.rows.iter().map(RowSet::bytes).sum()
    }
}

impl State for StandIns {
    const NAME: &'static str = "stand_ins";
    const VERSION: u32 = 2;
    /// The values to look for, no two alike.
    type Spec = Vec<StandIn>;
    type Out = StandInsOut;

    fn empty(wanted: &Vec<StandIn>, _: &[DataType], memory: &Arc<Budget>) -> Self {
        let found = StandInsOut { rows: vec![RowSet::default(); wanted.len()], others: None };
        Self { wanted: wanted.clone(), found, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let mut found: Vec<Vec<u32>> = vec![Vec::new(); self.wanted.len()];
        let mut note = |i: usize, is: &dyn Fn(&StandIn) -> bool| match self.wanted.iter().position(is) {
            Some(which) => {
                found[which].push(rows.numbers.get(i));
                true
            }
            None => false,
        };
        let mut ints: Option<(i128, i128)> = None;
        let mut floats: Option<(f64, f64)> = None;
        let mut float = |x: f64, is_wanted: bool| {
            if !is_wanted && x.is_finite() {
                floats = Some(floats.map_or((x, x), |(low, high)| (low.min(x), high.max(x))));
            }
        };
        match columns[0].numbers() {
            Some(Numbers::Ints { values, scale }) => {
                each_width!(values, values => {
                    present.rows(rows.len(), |i| {
                        let x = i128::from(values[i]);
                        if !note(i, &|w| *w == StandIn::Int(x)) {
                            ints = Some(ints.map_or((x, x), |(low, high)| (low.min(x), high.max(x))));
                        }
                    });
                });
                if let Some((low, high)) = ints {
                    self.found.reach(Number::Int { value: low, scale }, Number::Int { value: high, scale });
                }
            }
            Some(Numbers::Floats(Floats::F32(values))) => present.rows(rows.len(), |i| {
                let x = f64::from(values[i]);
                float(x, note(i, &|w| *w == StandIn::Float(x)));
            }),
            Some(Numbers::Floats(Floats::F64(values))) => present.rows(rows.len(), |i| {
                let x = values[i];
                float(x, note(i, &|w| *w == StandIn::Float(x)));
            }),
            None => {
                let longest = self.wanted.iter().map(|w| if let StandIn::Text(t) = w { t.len() } else { 0 }).max().unwrap_or(0);
                columns[0].for_each_text(rows.selection, |i, text| {
                    let trimmed = text.trim();
                    if trimmed.len() <= longest {
                        note(i, &|w| matches!(w, StandIn::Text(t) if t.eq_ignore_ascii_case(trimmed)));
                    }
                });
            }
        }
        if let Some((low, high)) = floats {
            // −0 is 0.
            self.found.reach(Number::Float(low + 0.0), Number::Float(high + 0.0));
        }
        for (set, more) in self.found.rows.iter_mut().zip(found) {
            set.insert_unit(rows.unit, more);
        }
        self.memory.resize(self.found.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (set, more) in self.found.rows.iter_mut().zip(&later.found.rows) {
            set.union(more);
        }
        if let Some((low, high)) = later.found.others {
            self.found.reach(low, high);
        }
        self.memory.absorb(later.memory);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { wanted: self.wanted.clone(), found: self.found.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.found, to)
    }

    fn decode(wanted: &Vec<StandIn>, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let found: StandInsOut = encoding::read(from)?;
        encoding::ensure(found.rows.len() == wanted.len(), "it looked for other values")?;
        encoding::ensure(found.others.is_none_or(|(low, high)| low <= high), "its values reach from high to low")?;
        let mut memory = Reservation::new(memory);
        memory.resize(found.bytes());
        Ok(Self { wanted: wanted.clone(), found, memory })
    }

    fn finish(self, _: &Inputs) -> Result<Self::Out, Fault> {
        Ok(self.found)
    }
}
