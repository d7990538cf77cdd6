//! Which row of each key stays, by the order of another column.

use std::cmp::Reverse;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::outcome::Keep;
use super::rows::{KeyRows, hashes};
use crate::diagnostic::Fault;
use crate::metric::budget::Budget;
use crate::metric::canonical::Normalize;
use crate::metric::column::Column;
use crate::metric::held_rows::{HeldRow, HeldRows};
use crate::metric::inputs::Inputs;
use crate::metric::ordered::places;
use crate::metric::state::{Rows, State};
use crate::rows::{Repeats, RowId, RowSet};

/// What counts as a key, and which of its rows stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortedKeysSpec {
    pub keep: Keep,
    /// The rows that count; others are no duplicates.
    pub rows: KeyRows,
    /// What is done to text before it is compared.
    pub normalize: Normalize,
}

/// Keys and the place of each of their rows in the order of another column.
#[derive(Debug)]
pub struct SortedKeys {
    spec: SortedKeysSpec,
    rows: HeldRows<Entry>,
}

/// Hash of the key, place, unit, row; rows without a place stay only where no row of their key has one.
type Entry = (u128, Option<i128>, u32, u32);

impl HeldRow for Entry {
    fn id(&self) -> (u32, u32) {
        (self.2, self.3)
    }
}

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
        Self { spec: spec.clone(), rows: HeldRows::new(memory) }
    }

    /// The last column holds the order, those before it the key.
    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let Some((order, key)) = columns.split_last().filter(|_| !self.rows.is_over()) else { return Ok(()) };
        let place = places(order);
        let hashes = hashes(key, (self.spec.rows, self.spec.normalize), rows.selection, rows.len());
        let entry = |(i, hash): (usize, Option<u128>)| Some((hash?, place(i), rows.unit, rows.numbers.get(i)));
        self.rows.extend(hashes.into_iter().enumerate().filter_map(entry));
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.rows.merge(later.rows);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec.clone(), rows: self.rows.fork() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        self.rows.encode(to)
    }

    fn decode(spec: &SortedKeysSpec, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        Ok(Self { spec: spec.clone(), rows: HeldRows::decode(memory, from)? })
    }

    fn finish(mut self, _: &Inputs) -> Result<Self::Out, Fault> {
        let Some(entries) = self.rows.all() else { return Ok(None) };
        // Of each key, the row that stays comes first.
        match self.spec.keep {
            Keep::First | Keep::None => entries.sort_unstable_by_key(|&(hash, place, unit, row)| (hash, place.is_none(), place, unit, row)),
            Keep::Last => {
                entries.sort_unstable_by_key(|&(hash, place, unit, row)| (hash, place.is_none(), Reverse((place, unit, row))));
            }
        }
        let (mut out, mut failing) = (SortedKeysOut::default(), Vec::new());
        let id = |entry: &Entry| RowId { unit: entry.2, row: entry.3 };
        for rows in entries.chunk_by(|a, b| a.0 == b.0).filter(|rows| rows.len() > 1) {
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
