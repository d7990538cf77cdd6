//! Whether values come in order, row after row.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::column::{Floats, Numbers};
use super::{Budget, Column, Inputs, Number, Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::RowSet;

/// Which order is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Breaks {
    spec: OrderSpec,
    /// The first value and its row, which what comes before may turn into a break.
    first: Option<(Key, u32, u32)>,
    last: Option<Key>,
    rows: RowSet,
}

#[derive(Debug, Clone, PartialEq)]
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

    fn empty(spec: &OrderSpec, _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { spec: *spec, first: None, last: None, rows: RowSet::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let column = columns[0];
        let present = column.present(rows.selection);
        let (mut breaks, mut last, spec) = (Vec::new(), self.last.take(), self.spec);
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
        self.first = self.first.take().or(first);
        self.last = last;
        self.rows.insert_unit(rows.unit, breaks);
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        if let (Some(last), Some((key, unit, row))) = (&self.last, &later.first)
            && self.spec.breaks(key.compare(last))
        {
            self.rows.insert_unit(*unit, vec![*row]);
        }
        self.first = self.first.take().or(later.first);
        self.last = later.last.or(self.last.take());
        self.rows.union(&later.rows);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(self, _: &Inputs) -> Result<RowSet, Fault> {
        Ok(self.rows)
    }
}
