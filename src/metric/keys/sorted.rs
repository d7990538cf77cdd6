//! Which row of each key stays, by the order of another column.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::outcome::Keep;
use super::rows::{KeyRows, hashes};
use crate::diagnostic::Fault;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::canonical::Normalize;
use crate::metric::column::Column;
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
use crate::metric::ordered::places;
use crate::metric::state::{Rows, State};
use crate::rows::{Repeats, RowId, RowSet};

/// So many entries are written at a time.
const CHUNK: usize = 1 << 16;

/// What counts as a key, and which of its rows stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortedKeysSpec {
    pub keep: Keep,
    /// The rows that count; others are no duplicates.
    pub rows: KeyRows,
    /// What is done to text before it is compared.
    pub normalize: Normalize,
}

/// Keys and the place of each of their rows in the order of another column: all rows in memory, as far as the memory limit lets.
///
/// Whether they fit depends on how many they are, and on nothing else that is held: the same rows are judged alike
/// wherever and beside whatever they are counted.
#[derive(Debug)]
pub struct SortedKeys {
    spec: SortedKeysSpec,
    entries: Vec<Entry>,
    memory: Reservation,
    /// The rows did not fit, and were let go.
    overflow: bool,
}

/// Hash of the key, place, unit, row; rows without a place stay only where no row of their key has one.
type Entry = (u128, Option<i128>, u32, u32);

/// The rows that do not stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortedKeysOut {
    pub failing: RowSet,
    /// Of the first of them: the row that stays in their place; with [`Keep::None`] another one with their key.
    pub repeats: Repeats,
}

impl State for SortedKeys {
    const NAME: &'static str = "sorted_keys";
    const VERSION: u32 = 1;
    type Spec = SortedKeysSpec;
    /// None where the rows do not fit the memory limit.
    type Out = Option<SortedKeysOut>;
    const FORKS: bool = false;

    fn empty(spec: &SortedKeysSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { spec: spec.clone(), entries: Vec::new(), memory: Reservation::new(memory), overflow: false }
    }

    /// The last column holds the order, those before it the key.
    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let Some((order, key)) = columns.split_last().filter(|_| !self.overflow) else { return Ok(()) };
        let place = places(order);
        let hashes = hashes(key, (self.spec.rows, self.spec.normalize), rows.selection, rows.len());
        let entry = |(i, hash): (usize, Option<u128>)| Some((hash?, place(i), rows.unit, rows.numbers.get(i)));
        self.entries.extend(hashes.into_iter().enumerate().filter_map(entry));
        self.account();
        Ok(())
    }

    fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        self.entries.append(&mut later.entries);
        self.overflow |= later.overflow;
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        let (spec, entries, memory) = (self.spec.clone(), self.entries.clone(), self.memory.again());
        Ok(Self { spec, entries, memory, overflow: self.overflow })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let by_row = |entry: &Entry| (entry.2, entry.3);
        let mut entries = Cow::Borrowed(&self.entries);
        if !entries.is_sorted_by_key(by_row) {
            entries.to_mut().sort_unstable_by_key(by_row);
        }
        encoding::write(&(self.overflow, entries.len()), to)?;
        entries.chunks(CHUNK).try_for_each(|chunk| encoding::write(chunk, to))
    }

    fn decode(spec: &SortedKeysSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (overflow, len): (bool, usize) = encoding::read(from)?;
        encoding::ensure(len == 0 || !overflow, "it has rows that did not fit")?;
        let mut state = Self { overflow, ..Self::empty(spec, types, memory) };
        let (mut last, mut seen) = (None, 0);
        while seen < len {
            let chunk: Vec<Entry> = encoding::read(from)?;
            encoding::ensure(chunk.len() == CHUNK.min(len - seen), "it has other rows than it says")?;
            for entry in &chunk {
                encoding::ensure(last < Some((entry.2, entry.3)), "its rows are out of order")?;
                last = Some((entry.2, entry.3));
            }
            seen += chunk.len();
            if !state.overflow {
                state.entries.extend(chunk);
                state.account();
            }
        }
        Ok(state)
    }

    fn finish(mut self, _: &Inputs) -> Result<Self::Out, Fault> {
        if self.overflow {
            return Ok(None);
        }
        // Of each key, the row that stays comes first.
        match self.spec.keep {
            Keep::First | Keep::None => {
                self.entries.sort_unstable_by_key(|&(hash, place, unit, row)| (hash, place.is_none(), place, unit, row))
            }
            Keep::Last => {
                self.entries.sort_unstable_by_key(|&(hash, place, unit, row)| (hash, place.is_none(), Reverse((place, unit, row))));
            }
        }
        let (mut out, mut failing) = (SortedKeysOut::default(), Vec::new());
        let id = |entry: &Entry| RowId { unit: entry.2, row: entry.3 };
        for rows in self.entries.chunk_by(|a, b| a.0 == b.0).filter(|rows| rows.len() > 1) {
            let (stays, others) = (id(&rows[0]), &rows[1..]);
            for other in others {
                out.repeats.note(id(other), stays);
            }
            if self.spec.keep == Keep::None {
                out.repeats.note(stays, id(&rows[1]));
                failing.push(stays);
            }
            failing.extend(others.iter().map(id));
        }
        failing.sort_unstable();
        for unit in failing.chunk_by(|a, b| a.unit == b.unit) {
            out.failing.insert_unit(unit[0].unit, unit.iter().map(|id| id.row).collect());
        }
        Ok(Some(out))
    }
}

impl SortedKeys {
    /// Gives up beyond the memory limit; holds the memory of what is kept.
    fn account(&mut self) {
        if self.overflow || (self.entries.len() * size_of::<Entry>()) as u64 > self.memory.budget().limit() {
            self.overflow = true;
            self.entries = Vec::new();
        }
        self.memory.resize(self.entries.capacity() * size_of::<Entry>());
    }
}
