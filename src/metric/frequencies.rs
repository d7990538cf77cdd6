//! How often each value occurs, while there are few enough to count.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use foldhash::HashMap;

use super::budget::{Budget, Reservation};
use super::column::{Column, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;

/// Beyond so many distinct values nothing is counted any more.
pub const VALUES_MAX: usize = 10_000;

/// Counts of a string, boolean or integer column's values.
#[derive(Debug)]
pub struct Frequencies {
    /// None once there were more than [`VALUES_MAX`] of them.
    counts: Option<Counts>,
    memory: Reservation,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    texts: HashMap<Box<str>, u64>,
    integers: HashMap<i128, u64>,
    /// Bytes of all texts.
    text_bytes: usize,
}

/// Texts and integers with their counts, ascending.
type Saved = Option<(BTreeMap<Box<str>, u64>, BTreeMap<i128, u64>)>;

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

    fn empty((): &(), _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { counts: Some(Counts::default()), memory: Reservation::new(memory) }
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
                counts.text_bytes += text.len();
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
        self.account();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        let Some(theirs) = later.counts else {
            self.counts = None;
            self.account();
            return Ok(());
        };
        let Some(ours) = &mut self.counts else { return Ok(()) };
        for (text, count) in theirs.texts {
            let bytes = text.len();
            match ours.texts.entry(text) {
                Entry::Occupied(mut ours) => *ours.get_mut() += count,
                Entry::Vacant(place) => {
                    place.insert(count);
                    ours.text_bytes += bytes;
                }
            }
        }
        for (value, count) in theirs.integers {
            *ours.integers.entry(value).or_default() += count;
        }
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { counts: self.counts.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let sorted = self.counts.as_ref().map(|counts| {
            let texts: BTreeMap<&str, u64> = counts.texts.iter().map(|(text, count)| (text.as_ref(), *count)).collect();
            let integers: BTreeMap<i128, u64> = counts.integers.iter().map(|(value, count)| (*value, *count)).collect();
            (texts, integers)
        });
        encoding::write(&sorted, to)
    }

    fn decode((): &(), _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let saved: Saved = encoding::read(from)?;
        if let Some((texts, integers)) = &saved {
            encoding::ensure(texts.len().max(integers.len()) <= VALUES_MAX, "it counts more values than are counted")?;
            encoding::ensure_counts(texts.values().chain(integers.values()).copied())?;
        }
        let counts = saved.map(|(texts, integers)| Counts {
            text_bytes: texts.keys().map(|text| text.len()).sum(),
            texts: texts.into_iter().collect(),
            integers: integers.into_iter().collect(),
        });
        let mut state = Self { counts, memory: Reservation::new(memory) };
        state.account();
        Ok(state)
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
    /// Lets go of the counts if there are too many; holds the memory of those that are left.
    fn account(&mut self) {
        self.counts = self.counts.take().filter(|c| c.texts.len().max(c.integers.len()) <= VALUES_MAX);
        let bytes = |c: &Counts| {
            c.text_bytes + c.texts.capacity() * size_of::<(Box<str>, u64)>() + c.integers.capacity() * size_of::<(i128, u64)>()
        };
        self.memory.resize(self.counts.as_ref().map_or(0, bytes));
    }
}
