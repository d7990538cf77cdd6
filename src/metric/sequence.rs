//! Whether values come in order, row after row.

use std::cmp::Ordering;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Reservation};
use super::column::{Column, Floats, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::number::Number;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::RowSet;

/// Which order is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSpec {
    pub decreasing: bool,
    /// Equal neighbours are wrong too.
    pub strict: bool,
}

impl OrderSpec {
    /// Whether `next` breaks the order behind a value to which it stands so.
    fn breaks(self, next_to_last: Ordering) -> bool {
        let forward = if self.decreasing { next_to_last.reverse() } else { next_to_last };
        forward == Ordering::Less || (self.strict && forward == Ordering::Equal)
    }
}

/// The rows whose value breaks the order of the value before.
#[derive(Debug)]
pub struct Breaks {
    spec: OrderSpec,
    found: Found,
    memory: Reservation,
}

/// Breaks, and the values at both ends so that units can be joined.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Found {
    /// The first value and its row, which what comes before may turn into a break.
    first: Option<(Key, u32, u32)>,
    last: Option<Key>,
    rows: RowSet,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Key {
    Number(Number),
    Text(String),
}

impl Key {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

impl State for Breaks {
    const NAME: &'static str = "order_breaks";
    const VERSION: u32 = 1;
    type Spec = OrderSpec;
    /// The rows that break the order.
    type Out = RowSet;
    const ORDERED: bool = true;

    fn empty(spec: &OrderSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { spec: *spec, found: Found::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let column = columns[0];
        let present = column.present(rows.selection);
        let (mut breaks, mut last, spec) = (Vec::new(), self.found.last.take(), self.spec);
        let mut first = None;
        let mut offer = |i: usize, order: Option<Ordering>, key: &dyn Fn() -> Key| match order {
            Some(order) if spec.breaks(order) => breaks.push(rows.numbers.get(i)),
            Some(_) => {}
            None => first = Some((key(), rows.unit, rows.numbers.get(i))),
        };
        match column.numbers() {
            Some(numbers) => {
                let mut before = if let Some(Key::Number(n)) = last { Some(n) } else { None };
                let mut each = |i: usize, n: Number| {
                    offer(i, before.map(|b| n.cmp(&b)), &|| Key::Number(n));
                    before = Some(n);
                };
                match numbers {
                    Numbers::Ints { values, scale } => each_width!(values, values => {
                        present.rows(rows.len(), |i| each(i, Number::Int { value: i128::from(values[i]), scale }));
                    }),
                    Numbers::Floats(Floats::F32(values)) => {
                        present.rows(rows.len(), |i| each(i, Number::Float(f64::from(values[i]) + 0.0)))
                    }
                    Numbers::Floats(Floats::F64(values)) => present.rows(rows.len(), |i| each(i, Number::Float(values[i] + 0.0))),
                }
                last = before.map(Key::Number);
            }
            None => {
                let kept = if let Some(Key::Text(text)) = last { Some(text) } else { None };
                let mut before: Option<&str> = kept.as_deref();
                column.for_each_text(rows.selection, |i, text| {
                    offer(i, before.map(|b| text.cmp(b)), &|| Key::Text(text.to_owned()));
                    before = Some(text);
                });
                last = before.map(|text| Key::Text(text.to_owned()));
            }
        }
        self.found.first = self.found.first.take().or(first);
        self.found.last = last;
        self.found.rows.insert_unit(rows.unit, breaks);
        self.memory.resize(self.found.rows.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        let (ours, theirs) = (&mut self.found, later.found);
        if let (Some(last), Some((key, unit, row))) = (&ours.last, &theirs.first)
            && self.spec.breaks(key.compare(last))
        {
            ours.rows.insert_unit(*unit, vec![*row]);
        }
        ours.first = ours.first.take().or(theirs.first);
        ours.last = theirs.last.or(ours.last.take());
        ours.rows.union(&theirs.rows);
        self.memory.absorb(later.memory);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec, found: self.found.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.found, to)
    }

    fn decode(spec: &OrderSpec, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let found: Found = encoding::read(from)?;
        encoding::ensure(found.first.is_some() == found.last.is_some(), "it has a first value and no last one")?;
        let mut memory = Reservation::new(memory);
        memory.resize(found.rows.bytes());
        Ok(Self { spec: *spec, found, memory })
    }

    fn finish(self, _: &Inputs) -> Result<RowSet, Fault> {
        Ok(self.found.rows)
    }
}
