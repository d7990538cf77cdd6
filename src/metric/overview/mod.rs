//! All that a report tells of a column, in one pass over it.
//!
//! Most columns of a table have few different values, or whole numbers that lie close together. Such values are counted one
//! by one, in a hash table or in an array, and everything else follows from the counts, exactly: range, mean, quantiles, histogram.
//! Where there are too many, the state goes on with a range, exact sums, an estimate of how many differ and a histogram over
//! the order of floats, and second looks settle what that leaves open. Which of these it comes to depends on the values alone.

mod few;
mod many;
mod near;
mod out;
mod saved;

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;

pub use self::few::VALUES_MAX;
use self::few::{FewNumbers, FewTexts};
use self::many::{ManyNumbers, ManyTexts};
use self::near::Near;
pub use self::out::{OverviewOut, TextCount};
use super::budget::{Budget, Reservation};
use super::column::{Column, Floats, Numbers as ColumnNumbers, is_ordered};
use super::distinct::Distinct;
use super::encoding;
use super::inputs::Inputs;
use super::number::Number;
use super::ordered::{order_of, value_at};
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::{Mask, RowId};

/// Every value with its count while they are few or close together, else what can be kept of them.
#[derive(Debug)]
pub struct Overview {
    types: Vec<DataType>,
    values: Values,
    memory: Reservation,
}

#[derive(Debug)]
enum Values {
    /// Integers, decimals, dates, times, booleans.
    Near(Near),
    FewNumbers(FewNumbers),
    ManyNumbers(Box<ManyNumbers>),
    FewTexts(FewTexts),
    ManyTexts(Box<ManyTexts>),
    /// What has no order and is no text.
    Others(Distinct),
}

impl State for Overview {
    const NAME: &'static str = "overview";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = OverviewOut;

    fn empty((): &(), types: &[DataType], memory: &Arc<Budget>) -> Self {
        let values = match &types[0] {
            t if t.is_floating() && is_ordered(t) => Values::FewNumbers(FewNumbers::default()),
            DataType::Boolean => Values::Near(Near::default()),
            t if is_ordered(t) => Values::Near(Near::default()),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => Values::FewTexts(FewTexts::default()),
            _ => Values::Others(Distinct::empty(&(), types, memory)),
        };
        Self { types: types.to_vec(), values, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let (column, len) = (columns[0], rows.len());
        match &mut self.values {
            Values::ManyNumbers(many) => return many.update(rows, columns),
            Values::Others(distinct) => return distinct.update(rows, columns),
            Values::FewTexts(_) | Values::ManyTexts(_) => self.take_texts(rows, column),
            Values::Near(_) | Values::FewNumbers(_) => {
                let present = column.present(rows.selection);
                self.take_numbers(column, &present, len);
            }
        }
        self.settle();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        match later.values {
            Values::Near(near) => near.iter().for_each(|(value, count)| self.add(i128::from(value), count)),
            Values::FewNumbers(few) => few.iter().for_each(|(key, count)| self.add(key, count)),
            Values::FewTexts(few) => few.iter().for_each(|(text, count, row)| self.add_text(&text, count, row)),
            Values::ManyNumbers(theirs) => {
                self.become_many();
                let Values::ManyNumbers(ours) = &mut self.values else { return Err(other_kind()) };
                ours.merge(*theirs)?;
            }
            Values::ManyTexts(theirs) => {
                self.become_many();
                let Values::ManyTexts(ours) = &mut self.values else { return Err(other_kind()) };
                ours.merge(*theirs)?;
            }
            Values::Others(theirs) => {
                let Values::Others(ours) = &mut self.values else { return Err(other_kind()) };
                ours.merge(theirs)?;
            }
        }
        self.settle();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        let values = match &self.values {
            Values::Near(near) => Values::Near(near.clone()),
            Values::FewNumbers(few) => Values::FewNumbers(few.clone()),
            Values::FewTexts(few) => Values::FewTexts(few.clone()),
            Values::ManyNumbers(many) => Values::ManyNumbers(Box::new(many.fork()?)),
            Values::ManyTexts(many) => Values::ManyTexts(Box::new(many.fork()?)),
            Values::Others(distinct) => Values::Others(distinct.fork()?),
        };
        Ok(Self { types: self.types.clone(), values, memory: self.memory.again() })
    }

    fn looks_again(&self, at_end: bool) -> bool {
        match &self.values {
            Values::Near(_) | Values::Others(_) => false,
            // What is far from too many in one unit is seldom too many in all.
            Values::FewNumbers(few) => !at_end || few.len() > VALUES_MAX / 2,
            Values::FewTexts(few) => !at_end || few.len() > VALUES_MAX / 2,
            Values::ManyNumbers(_) | Values::ManyTexts(_) => true,
        }
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        saved::encode(self, to)
    }

    fn decode(spec: &(), types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        saved::decode(Self::empty(spec, types, memory), memory, from)
    }

    fn finish(self, inputs: &Inputs) -> Result<OverviewOut, Fault> {
        let budget = self.memory.budget().clone();
        match &self.values {
            Values::Near(near) => {
                let counts = near.iter().map(|(value, count)| (self.number(i128::from(value)), count)).collect();
                out::of_numbers(counts, &self.types, &budget, inputs)
            }
            Values::FewNumbers(few) => {
                let mut counts: Vec<(i128, u64)> = few.iter().collect();
                counts.sort_unstable();
                let counts = counts.into_iter().map(|(key, count)| (self.number(key), count)).collect();
                out::of_numbers(counts, &self.types, &budget, inputs)
            }
            Values::FewTexts(few) => Ok(out::of_texts(few)),
            Values::ManyNumbers(_) | Values::ManyTexts(_) | Values::Others(_) => match self.values {
                Values::ManyNumbers(many) => out::of_many_numbers(*many, inputs),
                Values::ManyTexts(many) => out::of_many_texts(*many, inputs),
                Values::Others(distinct) => Ok(OverviewOut { distinct: distinct.finish(inputs)?, ..OverviewOut::default() }),
                Values::Near(_) | Values::FewNumbers(_) | Values::FewTexts(_) => Ok(OverviewOut::default()),
            },
        }
    }
}

fn other_kind() -> Fault {
    encoding::damaged("it counted values of another kind")
}

impl Overview {
    /// What the column's type makes of it.
    fn kind(&self) -> &'static str {
        match &self.types[0] {
            t if t.is_floating() && is_ordered(t) => "floats",
            DataType::Boolean => "integers",
            t if is_ordered(t) => "integers",
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => "texts",
            _ => "others",
        }
    }

    /// The number that a key stands for.
    fn number(&self, key: i128) -> Number {
        match &self.types[0] {
            t if t.is_floating() => Number::Float(value_at(key as u64)),
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                Number::Int { value: key, scale: *scale }
            }
            _ => Number::int(key),
        }
    }

    fn take_numbers(&mut self, column: &Column, present: &Mask, len: usize) {
        match column.numbers() {
            Some(ColumnNumbers::Ints { values, .. }) => each_width!(values, values => present.ranges(len, |range| {
                let mut rest = &values[range];
                if let Values::Near(near) = &mut self.values {
                    let taken = rest.iter().take_while(|&&v| i64::try_from(i128::from(v)).is_ok_and(|v| near.add(v, 1))).count();
                    rest = &rest[taken..];
                    if rest.is_empty() {
                        return;
                    }
                    self.scatter();
                }
                let mut last: Option<(i128, u64)> = None;
                for &value in rest {
                    let value = i128::from(value);
                    match &mut last {
                        Some((same, count)) if *same == value => *count += 1,
                        _ => {
                            if let Some((same, count)) = last.replace((value, 1)) {
                                self.add(same, count);
                            }
                        }
                    }
                }
                last.into_iter().for_each(|(same, count)| self.add(same, count));
            })),
            Some(ColumnNumbers::Floats(Floats::F32(values))) => {
                present.rows(len, |i| self.add(i128::from(order_of(f64::from(values[i]))), 1));
            }
            Some(ColumnNumbers::Floats(Floats::F64(values))) => present.rows(len, |i| self.add(i128::from(order_of(values[i])), 1)),
            None => {
                if let Some(values) = column.array.as_boolean_opt() {
                    let trues = present.and(&Mask::new(values.values().clone())).count(len) as u64;
                    for (value, count) in [(0, present.count(len) as u64 - trues), (1, trues)].into_iter().filter(|(_, count)| *count > 0) {
                        self.add(value, count);
                    }
                }
            }
        }
    }

    fn take_texts(&mut self, rows: &Rows<'_>, column: &Column) {
        let (unit, len) = (rows.unit, rows.len());
        let row = |i: usize| RowId { unit, row: rows.numbers.get(i) };
        if let Some((codes, texts)) = column.dictionary()
            && texts.len() <= len
        {
            let mut counts: Vec<(u64, usize)> = vec![(0, 0); texts.len()];
            column.present(rows.selection).rows(len, |i| {
                let (count, first) = &mut counts[codes[i] as usize];
                if *count == 0 {
                    *first = i;
                }
                *count += 1;
            });
            let there = counts.into_iter().zip(texts.iter()).filter(|((count, _), _)| *count > 0);
            return there.for_each(|((count, first), text)| self.add_text(text.unwrap_or_default(), count, row(first)));
        }
        let mut last: Option<(&str, u64, usize)> = None;
        column.for_each_text(rows.selection, |i, text| match &mut last {
            Some((same, count, _)) if *same == text => *count += 1,
            _ => {
                if let Some((same, count, first)) = last.replace((text, 1, i)) {
                    self.add_text(same, count, row(first));
                }
            }
        });
        last.into_iter().for_each(|(same, count, first)| self.add_text(same, count, row(first)));
    }

    /// Takes in `count` more of the number that `key` stands for.
    fn add(&mut self, key: i128, count: u64) {
        match &mut self.values {
            Values::Near(near) => {
                if !i64::try_from(key).is_ok_and(|value| near.add(value, count)) {
                    self.scatter();
                    self.add(key, count);
                }
            }
            Values::FewNumbers(few) => few.add(key, count),
            Values::ManyNumbers(_) => {
                let number = self.number(key);
                if let Values::ManyNumbers(many) = &mut self.values {
                    many.add(number, count);
                }
            }
            Values::FewTexts(_) | Values::ManyTexts(_) | Values::Others(_) => {}
        }
    }

    fn add_text(&mut self, text: &str, count: u64, row: RowId) {
        match &mut self.values {
            Values::FewTexts(few) => few.add(text, count, row),
            Values::ManyTexts(many) => many.add(text),
            Values::Near(_) | Values::FewNumbers(_) | Values::ManyNumbers(_) | Values::Others(_) => {}
        }
    }

    /// Goes on with a table: the integers lie too far apart for an array.
    fn scatter(&mut self) {
        if let Values::Near(near) = &self.values {
            let mut few = FewNumbers::default();
            near.iter().for_each(|(value, count)| few.add(i128::from(value), count));
            self.values = Values::FewNumbers(few);
        }
    }

    /// Goes on without a count for each value.
    fn become_many(&mut self) {
        self.scatter();
        let budget = self.memory.budget().clone();
        match &self.values {
            Values::FewNumbers(few) => {
                let mut many = ManyNumbers::empty(&self.types, &budget);
                few.iter().for_each(|(key, count)| many.add(self.number(key), count));
                self.values = Values::ManyNumbers(Box::new(many));
            }
            Values::FewTexts(few) => {
                let mut many = ManyTexts::empty(&self.types, &budget);
                few.iter().for_each(|(text, _, _)| many.add(&text));
                self.values = Values::ManyTexts(Box::new(many));
            }
            Values::Near(_) | Values::ManyNumbers(_) | Values::ManyTexts(_) | Values::Others(_) => {}
        }
    }

    /// Lets go of the counts if there are too many; holds the memory of those that are left.
    fn settle(&mut self) {
        let is_too_many = match &self.values {
            Values::FewNumbers(few) => few.is_too_many(),
            Values::FewTexts(few) => few.is_too_many(),
            Values::Near(_) | Values::ManyNumbers(_) | Values::ManyTexts(_) | Values::Others(_) => false,
        };
        if is_too_many {
            self.become_many();
        }
        self.memory.resize(match &self.values {
            Values::Near(near) => near.bytes(),
            Values::FewNumbers(few) => few.bytes(),
            Values::FewTexts(few) => few.bytes(),
            Values::ManyTexts(many) => many.bytes(),
            Values::ManyNumbers(_) | Values::Others(_) => 0,
        });
    }
}
