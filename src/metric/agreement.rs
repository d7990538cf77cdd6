//! Rows whose key comes with several values.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::budget::{Budget, Reservation};
use super::canonical::RowBytes;
use super::column::Column;
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::rows::{Mask, RowSet};

/// So many rows are written at a time.
const CHUNK: usize = 1 << 16;

/// The hash of a missing value, which agrees with every other.
const NO_VALUE: u64 = 0;

/// For each key, by its 128-bit hash, the 64-bit hashes of the values that come with it: all rows in memory, as far as the memory
/// limit lets.
///
/// Whether they fit depends on how many they are, and on nothing else that is held: the same rows are judged alike wherever
/// and beside whatever they are counted.
#[derive(Debug)]
pub struct Agreement {
    spec: AgreementSpec,
    rows: Vec<Keyed>,
    /// Of each row as many as there are columns of values.
    values: Vec<u64>,
    /// How many columns of values there are.
    width: usize,
    memory: Reservation,
    /// The rows did not fit, and were let go.
    overflow: bool,
    encoder: RowBytes,
}

/// Hash of the key, unit, row.
type Keyed = (u128, u32, u32);

/// What is a key, and which rows stay where its values differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementSpec {
    /// The first so many columns are the key, the others come with it.
    pub keys: usize,
    /// Whether rows with the value that most rows of the key have are right.
    pub majority: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgreementOut {
    /// Rows with a whole key.
    pub rows: u64,
    /// Different keys.
    pub distinct: u64,
    /// Keys that come with several values.
    pub conflicting: u64,
    /// The rows that fail, by column of values.
    pub failing: Vec<RowSet>,
}

impl State for Agreement {
    const NAME: &'static str = "agreement";
    const VERSION: u32 = 1;
    type Spec = AgreementSpec;
    /// None where the rows do not fit the memory limit.
    type Out = Option<AgreementOut>;
    const FORKS: bool = false;

    fn empty(spec: &AgreementSpec, types: &[DataType], memory: &Arc<Budget>) -> Self {
        Self {
            spec: *spec,
            rows: Vec::new(),
            values: Vec::new(),
            width: types.len() - spec.keys,
            memory: Reservation::new(memory),
            overflow: false,
            encoder: RowBytes::default(),
        }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        if self.overflow {
            return Ok(());
        }
        let (keys, values) = columns.split_at(self.spec.keys);
        let whole = keys.iter().fold(rows.selection.clone(), |whole, key| whole.without(key.missing()));
        if matches!(whole, Mask::None) {
            return Ok(());
        }
        self.encoder.encode(keys, rows.len());
        let (encoder, first) = (&self.encoder, self.values.len());
        whole.rows(rows.len(), |i| self.rows.push((xxh3_128(encoder.row(i)), rows.unit, rows.numbers.get(i))));
        self.values.resize(self.rows.len() * self.width, NO_VALUE);
        for (at, column) in values.iter().enumerate() {
            let missing = column.missing().bits(rows.len());
            self.encoder.encode(&[column], rows.len());
            let mut next = first + at;
            whole.rows(rows.len(), |i| {
                if !missing.value(i) {
                    self.values[next] = xxh3_64(self.encoder.row(i)).max(NO_VALUE + 1);
                }
                next += self.width;
            });
        }
        self.account();
        Ok(())
    }

    fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        self.rows.append(&mut later.rows);
        self.values.append(&mut later.values);
        self.overflow |= later.overflow;
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self {
            spec: self.spec,
            rows: self.rows.clone(),
            values: self.values.clone(),
            width: self.width,
            memory: self.memory.again(),
            overflow: self.overflow,
            encoder: RowBytes::default(),
        })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let order = self.sorted_by(|row| (row.1, row.2));
        encoding::write(&(self.overflow, order.len()), to)?;
        order.chunks(CHUNK).try_for_each(|chunk| {
            let rows: Vec<Keyed> = chunk.iter().map(|&at| self.rows[at]).collect();
            let values: Vec<u64> = chunk.iter().flat_map(|&at| self.values_of(at)).copied().collect();
            encoding::write(&(rows, values), to)
        })
    }

    fn decode(spec: &AgreementSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        encoding::ensure(spec.keys <= types.len(), "it has fewer columns than its key")?;
        let (overflow, len): (bool, usize) = encoding::read(from)?;
        encoding::ensure(len == 0 || !overflow, "it has rows that did not fit")?;
        let mut state = Self { overflow, ..Self::empty(spec, types, memory) };
        let (mut last, mut seen) = (None, 0);
        while seen < len {
            let (rows, values): (Vec<Keyed>, Vec<u64>) = encoding::read(from)?;
            let is_whole = rows.len() == CHUNK.min(len - seen) && values.len() == rows.len() * state.width;
            encoding::ensure(is_whole, "it has other rows than it says")?;
            for row in &rows {
                encoding::ensure(last < Some((row.1, row.2)), "its rows are out of order")?;
                last = Some((row.1, row.2));
            }
            seen += rows.len();
            if !state.overflow {
                state.rows.extend(rows);
                state.values.extend(values);
                state.account();
            }
        }
        Ok(state)
    }

    fn finish(self, _: &Inputs) -> Result<Self::Out, Fault> {
        if self.overflow {
            return Ok(None);
        }
        let order = self.sorted_by(|row| *row);
        let mut out = AgreementOut { rows: self.rows.len() as u64, ..AgreementOut::default() };
        let mut failing: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.width];
        for group in order.chunk_by(|&a, &b| self.rows[a].0 == self.rows[b].0) {
            out.distinct += 1;
            let mut conflicts = false;
            for (at, failing) in failing.iter_mut().enumerate() {
                conflicts |= self.judge(group, at, failing);
            }
            out.conflicting += u64::from(conflicts);
        }
        for mut failing in failing {
            failing.sort_unstable();
            let mut rows = RowSet::default();
            failing.chunk_by(|a, b| a.0 == b.0).for_each(|unit| rows.insert_unit(unit[0].0, unit.iter().map(|row| row.1).collect()));
            out.failing.push(rows);
        }
        Ok(Some(out))
    }
}

impl Agreement {
    /// Indices of the rows in an order.
    fn sorted_by<K: Ord>(&self, key: impl Fn(&Keyed) -> K) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_unstable_by_key(|&at| key(&self.rows[at]));
        order
    }

    fn values_of(&self, row: usize) -> &[u64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// Whether the rows of one key have several values in the column `at`; those that fail go to `failing`.
    fn judge(&self, group: &[usize], at: usize, failing: &mut Vec<(u32, u32)>) -> bool {
        let value = |row: usize| self.values[row * self.width + at];
        let mut values: Vec<(u64, usize)> = group.iter().map(|&row| (value(row), row)).filter(|(value, _)| *value != NO_VALUE).collect();
        if values.iter().all(|(value, _)| *value == values[0].0) {
            return false;
        }
        values.sort_unstable();
        let all = values.len();
        let right = values.chunk_by(|a, b| a.0 == b.0).find(|same| self.spec.majority && same.len() * 2 > all).map(|same| same[0].0);
        let fails = values.iter().filter(|(value, _)| Some(*value) != right);
        failing.extend(fails.map(|&(_, row)| (self.rows[row].1, self.rows[row].2)));
        true
    }

    /// Gives up beyond the memory limit; holds the memory of what is kept.
    fn account(&mut self) {
        let each = size_of::<Keyed>() + self.width * size_of::<u64>() + size_of::<usize>();
        if self.overflow || (self.rows.len() * each) as u64 > self.memory.budget().limit() {
            self.overflow = true;
            (self.rows, self.values) = (Vec::new(), Vec::new());
        }
        self.memory.resize(self.rows.capacity() * size_of::<Keyed>() + self.values.capacity() * size_of::<u64>());
    }
}
