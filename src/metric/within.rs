//! Rows whose value lies between the smallest and the largest of other data.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::column::{Column, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::{Code, Fault};
use crate::each_width;
use crate::rows::{Mask, RowSet};

/// The rows found so far: a row set of those inside, and counts.
#[derive(Debug, Clone)]
pub struct Within {
    spec: WithinSpec,
    counted: Counted,
}

/// What is asked: first what the other data's range is, then which rows lie in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithinSpec {
    /// The range of the input of this name.
    Of(String),
    /// The rows between these, both among them, in the column's own units.
    Between(i64, i64),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Counted {
    before: u64,
    after: u64,
    inside: RowSet,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WithinOut {
    /// Smallest and largest value of the other data.
    pub range: Option<(i64, i64)>,
    pub inside: RowSet,
    /// Rows with a smaller value.
    pub before: u64,
    /// Rows with a larger one.
    pub after: u64,
}

/// Calls `each` with the integers of the selected rows that have one.
fn each_integer(column: &Column, selection: &Mask, len: usize, mut each: impl FnMut(usize, i64)) {
    if let Some(Numbers::Ints { values, .. }) = column.numbers() {
        let narrow = |value: i128| i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
        each_width!(values, values => column.present(selection).rows(len, |i| each(i, narrow(i128::from(values[i])))));
    }
}

impl State for Within {
    const NAME: &'static str = "within";
    const VERSION: u32 = 1;
    type Spec = WithinSpec;
    type Out = WithinOut;

    fn empty(spec: &WithinSpec, _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { spec: spec.clone(), counted: Counted::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let WithinSpec::Between(low, high) = self.spec else { return Ok(()) };
        let (counted, mut inside) = (&mut self.counted, Vec::new());
        each_integer(columns[0], rows.selection, rows.len(), |i, value| match value {
            value if value < low => counted.before += 1,
            value if value > high => counted.after += 1,
            _ => inside.push(rows.numbers.get(i)),
        });
        if !inside.is_empty() {
            self.counted.inside.insert_unit(rows.unit, inside);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.counted.before += later.counted.before;
        self.counted.after += later.counted.after;
        self.counted.inside.union(&later.counted.inside);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.counted, to)
    }

    fn decode(spec: &WithinSpec, _: &[DataType], _: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let counted: Counted = encoding::read(from)?;
        encoding::ensure_counts([counted.before, counted.after])?;
        Ok(Self { spec: spec.clone(), counted })
    }

    fn finish(self, inputs: &Inputs) -> Result<WithinOut, Fault> {
        let Counted { before, after, inside } = self.counted;
        let WithinSpec::Of(name) = &self.spec else { return Ok(WithinOut { range: None, inside, before, after }) };
        let mut range: Option<(i64, i64)> = None;
        let read = inputs.get(name)?.each(&mut |columns, selection| {
            let Some(column) = columns.first() else { return };
            each_integer(column, selection, column.len(), |_, value| {
                let (low, high) = range.unwrap_or((value, value));
                range = Some((low.min(value), high.max(value)));
            });
        });
        read.map_err(|why| Fault::new(Code::ScratchFailed, format!("cannot compare: {why}")))?;
        Ok(WithinOut { range, ..WithinOut::default() })
    }
}
