//! How many values look like personal data, of a sample of the different values.
//!
//! The sample holds the thousand different values with the smallest hashes (a bottom-k sketch: Cohen and Kaplan 2007), so it
//! follows from the values alone: neither their order nor how often each occurs changes it. Of a value it keeps its hash and what
//! it was recognised as, never the value.

pub mod checksums;
mod recognised;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

pub use self::recognised::{PersonalKind, Recognised};
use super::budget::{Budget, Reservation};
use super::column::{Column, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;

/// So many different values are looked at.
const VALUES_MAX: usize = 1000;
/// What an entry of the sample takes.
const ENTRY_BYTES: usize = 32;

/// The sample, and rows.
#[derive(Debug)]
pub struct Personal {
    counted: Counted,
    memory: Reservation,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    rows: u64,
    present: u64,
    /// By hash.
    sample: BTreeMap<u64, Recognised>,
    /// Whether a value was left out of it.
    is_part: bool,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalOut {
    pub rows: u64,
    /// Rows with a value.
    pub present: u64,
    /// Different values that were looked at.
    pub values: u64,
    /// Whether there are more of them.
    pub is_part: bool,
    /// By kind: how many of them have its shape, and how many are one as far as can be told.
    pub found: Vec<(PersonalKind, u64, u64)>,
}

impl Counted {
    fn note(&mut self, hash: u64, recognise: impl FnOnce() -> Recognised) {
        if self.is_part && self.sample.last_key_value().is_some_and(|(&largest, _)| hash > largest) {
            return;
        }
        self.sample.entry(hash).or_insert_with(recognise);
        self.cut();
    }

    fn cut(&mut self) {
        while self.sample.len() > VALUES_MAX {
            self.sample.pop_last();
            self.is_part = true;
        }
    }
}

impl State for Personal {
    const NAME: &'static str = "personal";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = PersonalOut;

    fn empty((): &(), _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { counted: Counted::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let (column, counted) = (columns[0], &mut self.counted);
        let present = column.present(rows.selection);
        counted.rows += rows.selection.count(rows.len()) as u64;
        counted.present += present.count(rows.len()) as u64;
        match column.numbers() {
            Some(Numbers::Ints { values, scale: 0 }) => each_width!(values, values => present.rows(rows.len(), |i| {
                let value = i128::from(values[i]);
                counted.note(xxh3_64(&value.to_le_bytes()), || recognised::recognise(&value.to_string()));
            })),
            Some(Numbers::Ints { .. } | Numbers::Floats(_)) => {}
            None => {
                column.for_each_text(rows.selection, |_, text| counted.note(xxh3_64(text.as_bytes()), || recognised::recognise(text)));
            }
        }
        self.memory.resize(self.counted.sample.len() * ENTRY_BYTES);
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        let Counted { rows, present, sample, is_part } = later.counted;
        self.counted.rows += rows;
        self.counted.present += present;
        self.counted.is_part |= is_part;
        self.counted.sample.extend(sample);
        self.counted.cut();
        self.memory.absorb(later.memory);
        self.memory.resize(self.counted.sample.len() * ENTRY_BYTES);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { counted: self.counted.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.counted, to)
    }

    fn decode((): &(), _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let counted: Counted = encoding::read(from)?;
        encoding::ensure_counts([counted.rows])?;
        encoding::ensure(counted.present <= counted.rows, "more rows have a value than there are")?;
        encoding::ensure(counted.sample.len() <= VALUES_MAX, "too many values were looked at")?;
        encoding::ensure(!counted.is_part || counted.sample.len() == VALUES_MAX, "values were left out before there were too many")?;
        let mut memory = Reservation::new(memory);
        memory.resize(counted.sample.len() * ENTRY_BYTES);
        Ok(Self { counted, memory })
    }

    fn finish(self, _: &Inputs) -> Result<PersonalOut, Fault> {
        let Counted { rows, present, sample, is_part } = self.counted;
        let count = |is: &dyn Fn(&Recognised) -> bool| sample.values().filter(|found| is(found)).count() as u64;
        let of = |kind: PersonalKind| (kind, count(&|found| found.has_shape(kind)), count(&|found| found.is(kind)));
        Ok(PersonalOut { rows, present, values: sample.len() as u64, is_part, found: PersonalKind::ALL.map(of).to_vec() })
    }
}
