//! Exact duplicates: a 128-bit hash of every key, and which rows share one.
//!
//! Each unit's keys are kept as (hash, row) in the unit's order. Past the budget, what has been
//! merged so far is partitioned by the hash's first byte and written to a spill file. At the end
//! every partition is looked through by itself, so only one partition is in memory beside what was never
//! spilled. Exact up to a collision of 128-bit hashes.

mod foreign;
mod judge;
mod spill;

use std::io;
use std::sync::Arc;

use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_128;

use self::foreign::FOREIGN;
pub use self::foreign::{Foreign, TakeKeys};
use self::judge::Judge;
use self::spill::Spill;
use super::ascending::Run;
use super::canonical::{Normalize, RowBytes};
use super::{Budget, Column, Rows, State};
use crate::rows::{Mask, RowSet};

const PARTITIONS: usize = 256;
/// So many keys go to one spill file, or those of one unit: 24 MiB of them as records.
const SPILL_ENTRIES: usize = 1 << 20;

/// Which of several rows with one key is left standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    #[default]
    First,
    Last,
    None,
}

/// What counts as a key and which row of a group stays.
#[derive(Debug, Clone)]
pub struct KeysSpec {
    pub keep: Keep,
    /// Whether a missing value equals a missing value; otherwise rows with one are no duplicates and not counted.
    pub nulls_equal: bool,
    /// What is done to text before it is compared.
    pub normalize: Normalize,
    /// Whether keys that ascend strictly are taken for different without hashing them. Where that does not settle
    /// it, [`KeysOut::unsettled`] asks for a second look without.
    pub optimistic: bool,
    /// Other data in which no key of the batch may occur.
    pub foreign: Option<Arc<dyn Foreign>>,
    /// Where memory is accounted and spilled.
    pub budget: Arc<Budget>,
}

impl PartialEq for KeysSpec {
    fn eq(&self, other: &Self) -> bool {
        let same_foreign = match (&self.foreign, &other.foreign) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        };
        let plain = |spec: &Self| (spec.keep, spec.nulls_equal, spec.normalize, spec.optimistic);
        same_foreign && plain(self) == plain(other)
    }
}

/// A key of one unit: 20 bytes, so the hash is held in four parts.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: [u32; 4],
    row: u32,
}

/// A key of the whole input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    hash: [u32; 4],
    unit: u32,
    row: u32,
}

/// The keys of some units.
#[derive(Debug)]
pub struct Keys {
    spec: KeysSpec,
    units: Vec<(u32, Vec<Entry>)>,
    /// Units whose keys ascend, by unit.
    runs: Vec<(u32, Run)>,
    unsettled: bool,
    charged: usize,
    spills: Vec<Spill>,
    failure: Option<io::Error>,
    /// Used again by every batch.
    encoder: RowBytes,
}

/// Deequ's figures and the rows that must go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysOut {
    /// Rows counted: all, or those whose whole key is there.
    pub rows: u64,
    pub distinct: u64,
    /// Keys that occur once.
    pub once: u64,
    /// Keys that occur more than once.
    pub groups: u64,
    /// Rows whose key occurs in the other data.
    pub foreign: u64,
    /// Rows to set aside: those, and the others that [`Keep`] does not leave standing.
    pub failing: RowSet,
    /// Rows whose key occurs in the other data.
    pub elsewhere: RowSet,
    /// How often the most frequent keys occur, descending.
    pub largest: Vec<u64>,
    /// Nothing is known: keys ascend here and there only, and must be looked at again.
    pub unsettled: bool,
}

/// How many of the most frequent keys are told of.
pub const LARGEST_MAX: usize = 16;

impl KeysOut {
    fn note_size(&mut self, size: u64) {
        if self.largest.len() == LARGEST_MAX && self.largest.last().is_some_and(|&least| size <= least) {
            return;
        }
        let at = self.largest.partition_point(|&s| s >= size);
        self.largest.insert(at, size);
        self.largest.truncate(LARGEST_MAX);
    }
}

impl State for Keys {
    type Spec = KeysSpec;
    type Out = KeysOut;
    const COPIES: bool = false;

    fn empty(spec: &KeysSpec, _: &[DataType]) -> Self {
        Self {
            spec: spec.clone(),
            units: Vec::new(),
            runs: Vec::new(),
            unsettled: false,
            charged: 0,
            spills: Vec::new(),
            failure: None,
            encoder: RowBytes::default(),
        }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
        let mut selection = rows.selection.clone();
        if !self.spec.nulls_equal {
            for column in columns {
                selection = column.present(&selection);
            }
        }
        if matches!(selection, Mask::None) || self.unsettled {
            return;
        }
        let is_first = self.units.last().is_none_or(|(unit, _)| *unit != rows.unit);
        if self.spec.optimistic && self.spec.normalize == Normalize::default() && is_first {
            let before = self.runs.last_mut().filter(|(unit, _)| *unit == rows.unit);
            let run = Run::of(columns, &selection, before.as_ref().map(|(_, run)| run));
            match (before, run) {
                (Some((_, before)), Some(run)) => {
                    if !before.extend(run) {
                        self.give_up();
                    }
                    return;
                }
                (Some(_), None) => return self.give_up(),
                (None, Some(run)) => return self.runs.push((rows.unit, run)),
                (None, None) => {}
            }
        }
        if self.units.last().is_none_or(|(unit, _)| *unit != rows.unit) {
            self.units.push((rows.unit, Vec::new()));
        }
        let normalized: Vec<Option<Column>> = columns.iter().map(|c| self.spec.normalize.column(c)).collect();
        let columns: Vec<&Column> = columns.iter().zip(&normalized).map(|(plain, n)| n.as_ref().unwrap_or(plain)).collect();
        self.encoder.encode(&columns, rows.len());
        if let Some((_, entries)) = self.units.last_mut() {
            let encoder = &self.encoder;
            selection.rows(rows.len(), |i| entries.push(Entry { hash: split(xxh3_128(encoder.row(i))), row: rows.numbers.get(i) }));
        }
        self.account();
    }

    fn merge(&mut self, mut later: Self) {
        self.runs.append(&mut later.runs);
        self.unsettled |= later.unsettled;
        self.units.append(&mut later.units);
        self.spills.append(&mut later.spills);
        self.charged += std::mem::take(&mut later.charged);
        self.failure = self.failure.take().or(later.failure.take());
        // Some keys hashed and others not: neither way is complete.
        if self.unsettled || (!self.runs.is_empty() && (!self.units.is_empty() || !self.spills.is_empty())) {
            self.give_up();
        }
        if self.spec.budget.is_exceeded() {
            self.spill();
        }
    }

    fn bytes(&self) -> usize {
        self.units.iter().map(|(_, entries)| entries.capacity() * size_of::<Entry>()).sum()
    }

    fn finish(mut self) -> Result<KeysOut, io::Error> {
        if let Some(out) = self.proven() {
            return Ok(out);
        }
        if !self.spills.is_empty() {
            self.spill();
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if let Some(foreign) = self.spec.foreign.take() {
            self.take_foreign(&foreign)?;
            // Where the batch's keys spilled, all of them are looked for on disk.
            if !self.spills.is_empty() {
                self.spill();
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
        }
        let mut judge = Judge::new(self.spec.keep);
        if self.spills.is_empty() {
            partitions(std::mem::take(&mut self.units)).iter_mut().for_each(|partition| judge.look_through(partition));
        } else {
            let mut partition = Vec::new();
            for index in 0..PARTITIONS {
                partition.clear();
                for spill in &self.spills {
                    spill.read(index, &mut partition)?;
                }
                judge.look_through(&mut partition);
            }
        }
        Ok(judge.finish())
    }
}

impl Clone for Keys {
    /// A copy with memory of its own. Only what has not spilled is copied: units' states, which never spill.
    fn clone(&self) -> Self {
        debug_assert!(self.spills.is_empty() && self.failure.is_none(), "a spilled state is not copied");
        self.spec.budget.charge(self.charged);
        let (spec, units, runs) = (self.spec.clone(), self.units.clone(), self.runs.clone());
        let (charged, unsettled) = (self.charged, self.unsettled || !self.spills.is_empty());
        Self { spec, units, runs, unsettled, charged, spills: Vec::new(), failure: None, encoder: RowBytes::default() }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.spec.budget.release(self.charged);
        for spill in &self.spills {
            // The directory is swept by its owner as well; a file left behind costs only space.
            let _ = std::fs::remove_file(spill.path());
        }
    }
}

impl Keys {
    /// Some keys were not hashed, and do not ascend: all must be looked at again.
    fn give_up(&mut self) {
        self.unsettled = true;
        self.units.clear();
        self.runs.clear();
        self.spec.budget.release(std::mem::take(&mut self.charged));
        for spill in self.spills.drain(..) {
            let _ = std::fs::remove_file(spill.path());
        }
    }

    /// What ascending keys prove, or that they prove nothing.
    fn proven(&self) -> Option<KeysOut> {
        let unsettled = Some(KeysOut { unsettled: true, ..KeysOut::default() });
        match (self.unsettled, self.runs.is_empty(), self.units.is_empty() && self.spills.is_empty()) {
            (true, ..) | (false, false, false) => unsettled,
            (false, true, _) => None,
            (false, false, true) => {
                let runs: Vec<&Run> = self.runs.iter().map(|(_, run)| run).collect();
                if !Run::are_apart(&runs) {
                    return unsettled;
                }
                let rows = runs.iter().map(|r| r.rows).sum();
                let largest = vec![1; LARGEST_MAX.min(rows as usize)];
                Some(KeysOut { rows, distinct: rows, once: rows, largest, ..KeysOut::default() })
            }
        }
    }

    fn account(&mut self) {
        let bytes = self.bytes();
        if bytes > self.charged {
            self.spec.budget.charge(bytes - self.charged);
            self.charged = bytes;
        }
    }

    /// Writes everything in memory to spill files, some of it at a time, since its copy by partition takes memory too; a
    /// failure is kept for `finish`.
    fn spill(&mut self) {
        self.spec.budget.release(std::mem::take(&mut self.charged));
        let mut units = std::mem::take(&mut self.units).into_iter().peekable();
        while self.failure.is_none() && units.peek().is_some() {
            let (mut some, mut entries) = (Vec::new(), 0);
            while let Some(unit) = units.next_if(|_| entries < SPILL_ENTRIES) {
                entries += unit.1.len();
                some.push(unit);
            }
            match Spill::write(self.spec.budget.spill_file(), &partitions(some)) {
                Ok(spill) => self.spills.push(spill),
                Err(error) => self.failure = Some(error),
            }
        }
    }
}

/// Takes units apart by the hash's first byte, each part in input order.
fn partitions(units: Vec<(u32, Vec<Entry>)>) -> Vec<Vec<Record>> {
    let mut sizes = [0; PARTITIONS];
    units.iter().flat_map(|(_, entries)| entries).for_each(|e| sizes[(e.hash[0] >> 24) as usize] += 1);
    let mut partitions: Vec<Vec<Record>> = sizes.into_iter().map(Vec::with_capacity).collect();
    for (unit, entries) in units {
        for Entry { hash, row } in entries {
            partitions[(hash[0] >> 24) as usize].push(Record { hash, unit, row });
        }
    }
    partitions
}

/// The hash's parts, most significant first.
fn split(hash: u128) -> [u32; 4] {
    [(hash >> 96) as u32, (hash >> 64) as u32, (hash >> 32) as u32, hash as u32]
}
