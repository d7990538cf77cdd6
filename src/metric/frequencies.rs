//! How often each value occurs, while there are few enough to count.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use foldhash::HashMap;

use super::column::Numbers;
use super::{Budget, Column, Inputs, Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;

/// Beyond so many distinct values nothing is counted any more.
pub const VALUES_MAX: usize = 10_000;

/// Counts of a string, boolean or integer column's values.
#[derive(Debug, Clone, PartialEq)]
pub struct Frequencies {
    /// None once there were more than [`VALUES_MAX`] of them.
    counts: Option<Counts>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Counts {
    texts: HashMap<Box<str>, u64>,
    integers: HashMap<i128, u64>,
}

/// A value whose occurrences were counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Text(String),
    /// An integer, the digits of a decimal, a day or instant, or 0 and 1 for false and true.
    Integer(i128),
}

/// Values with their counts, most frequent first, ties by value; none when there were too many.
pub type FrequenciesOut = Option<Vec<(Value, u64)>>;

impl State for Frequencies {
    const NAME: &'static str = "frequencies";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = FrequenciesOut;

    fn empty((): &(), _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { counts: Some(Counts::default()) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let Some(counts) = &mut self.counts else { return Ok(()) };
        let column = columns[0];
        let present = column.present(rows.selection);
        let is_text = column.for_each_text(rows.selection, |_, text| {
            if let Some(count) = counts.texts.get_mut(text) {
                *count += 1;
            } else if counts.texts.len() <= VALUES_MAX {
                counts.texts.insert(text.into(), 1);
            }
        });
        if !is_text {
            let mut add = |value: i128| {
                if let Some(count) = counts.integers.get_mut(&value) {
                    *count += 1;
                } else if counts.integers.len() <= VALUES_MAX {
                    counts.integers.insert(value, 1);
                }
            };
            match (column.array.data_type(), column.numbers()) {
                (DataType::Boolean, _) => {
                    let values = column.array.as_boolean();
                    present.rows(rows.len(), |i| add(i128::from(values.value(i))));
                }
                (_, Some(Numbers::Ints { values, .. })) => {
                    each_width!(values, values => present.rows(rows.len(), |i| add(i128::from(values[i]))));
                }
                (_, Some(Numbers::Floats(_)) | None) => {}
            }
        }
        self.drop_if_many();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        let Some(theirs) = later.counts else {
            self.counts = None;
            return Ok(());
        };
        let Some(ours) = &mut self.counts else { return Ok(()) };
        for (text, count) in theirs.texts {
            *ours.texts.entry(text).or_default() += count;
        }
        for (value, count) in theirs.integers {
            *ours.integers.entry(value).or_default() += count;
        }
        self.drop_if_many();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(self, _: &Inputs) -> Result<FrequenciesOut, Fault> {
        Ok(self.counts.map(|counts| {
            let texts = counts.texts.into_iter().map(|(t, n)| (Value::Text(t.into()), n));
            let integers = counts.integers.into_iter().map(|(v, n)| (Value::Integer(v), n));
            let mut all: Vec<(Value, u64)> = texts.chain(integers).collect();
            all.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
            all
        }))
    }
}

impl Frequencies {
    fn drop_if_many(&mut self) {
        if self.counts.as_ref().is_some_and(|c| c.texts.len().max(c.integers.len()) > VALUES_MAX) {
            self.counts = None;
        }
    }
}
