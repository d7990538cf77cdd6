//! Rows whose value is one of a short list, value by value.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::budget::{Budget, Reservation};
use super::column::{Column, Floats, Numbers};
use super::encoding;
use super::inputs::Inputs;
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
    rows: Vec<RowSet>,
    memory: Reservation,
}

impl State for StandIns {
    const NAME: &'static str = "stand_ins";
    const VERSION: u32 = 1;
    /// The values to look for, no two alike.
    type Spec = Vec<StandIn>;
    /// By wanted value.
    type Out = Vec<RowSet>;

    fn empty(wanted: &Vec<StandIn>, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { wanted: wanted.clone(), rows: vec![RowSet::default(); wanted.len()], memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let mut found: Vec<Vec<u32>> = vec![Vec::new(); self.wanted.len()];
        let mut note = |i: usize, is: &dyn Fn(&StandIn) -> bool| {
            if let Some(which) = self.wanted.iter().position(is) {
                found[which].push(rows.numbers.get(i));
            }
        };
        match columns[0].numbers() {
            Some(Numbers::Ints { values, .. }) => each_width!(values, values => {
                present.rows(rows.len(), |i| note(i, &|w| *w == StandIn::Int(i128::from(values[i]))));
            }),
            Some(Numbers::Floats(Floats::F32(values))) => {
                present.rows(rows.len(), |i| note(i, &|w| *w == StandIn::Float(f64::from(values[i]))));
            }
            Some(Numbers::Floats(Floats::F64(values))) => present.rows(rows.len(), |i| note(i, &|w| *w == StandIn::Float(values[i]))),
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
        for (set, more) in self.rows.iter_mut().zip(found) {
            set.insert_unit(rows.unit, more);
        }
        self.memory.resize(self.rows.iter().map(RowSet::bytes).sum());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (set, more) in self.rows.iter_mut().zip(&later.rows) {
            set.union(more);
        }
        self.memory.absorb(later.memory);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { wanted: self.wanted.clone(), rows: self.rows.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.rows, to)
    }

    fn decode(wanted: &Vec<StandIn>, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let rows: Vec<RowSet> = encoding::read(from)?;
        encoding::ensure(rows.len() == wanted.len(), "it looked for other values")?;
        let mut memory = Reservation::new(memory);
        memory.resize(rows.iter().map(RowSet::bytes).sum());
        Ok(Self { wanted: wanted.clone(), rows, memory })
    }

    fn finish(self, _: &Inputs) -> Result<Self::Out, Fault> {
        Ok(self.rows)
    }
}
