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
use self::judge::Judge;
use self::spill::Spill;
use super::ascending::Run;
use super::budget::Reservation;
use super::canonical::{Normalize, RowBytes};
pub use super::inputs::{Foreign, TakeKeys};
use super::{Budget, Column, Inputs, Rows, State};
use crate::diagnostic::{Code, Fault};
use crate::rows::{Mask, RowSet};

const PARTITIONS: usize = 256;
/// So many keys go to one spill file, or those of one unit: 24 MiB of them as records.
const SPILL_ENTRIES: usize = 1 << 20;

/// Which of several rows with one key is left standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    #[default]
    First,
    Last,
    None,
}

/// What counts as a key and which row of a group stays.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeysSpec {
    pub keep: Keep,
    /// Whether a missing value equals a missing value; otherwise rows with one are no duplicates and not counted.
    pub nulls_equal: bool,
    /// What is done to text before it is compared.
    pub normalize: Normalize,
    /// Whether keys that ascend strictly are taken for different without hashing them. Where that does not settle
    /// it, [`KeysOut::unsettled`] asks for a second look without.
    pub optimistic: bool,
    /// The name of the input in which no key of the batch may occur.
    pub beside: Option<String>,
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
    /// Of what is in memory; what was spilled is held by nobody.
    memory: Reservation,
    spills: Vec<Spill>,
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
    const NAME: &'static str = "keys";
    const VERSION: u32 = 1;
    type Spec = KeysSpec;
    type Out = KeysOut;
    const FORKS: bool = false;

    fn empty(spec: &KeysSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self {
            spec: spec.clone(),
            units: Vec::new(),
            runs: Vec::new(),
            unsettled: false,
            memory: Reservation::new(memory),
            spills: Vec::new(),
            encoder: RowBytes::default(),
        }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let mut selection = rows.selection.clone();
        if !self.spec.nulls_equal {
            for column in columns {
                selection = column.present(&selection);
            }
        }
        if matches!(selection, Mask::None) || self.unsettled {
            return Ok(());
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
                    return Ok(());
                }
                (Some(_), None) => {
                    self.give_up();
                    return Ok(());
                }
                (None, Some(run)) => {
                    self.runs.push((rows.unit, run));
                    return Ok(());
                }
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
        Ok(())
    }

    fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        self.runs.append(&mut later.runs);
        self.unsettled |= later.unsettled;
        self.units.append(&mut later.units);
        self.spills.append(&mut later.spills);
        self.memory.absorb(later.memory);
        // Some keys hashed and others not: neither way is complete.
        if self.unsettled || (!self.runs.is_empty() && (!self.units.is_empty() || !self.spills.is_empty())) {
            self.give_up();
        }
        self.spill_if_exceeded()
    }

    /// A copy with memory of its own. What was spilled is not copied, and does not prove anything in the copy.
    fn fork(&self) -> Result<Self, Fault> {
        if !self.spills.is_empty() {
            return Err(Fault::new(Code::Internal, "internal error: keys that were spilled are not copied"));
        }
        Ok(Self {
            spec: self.spec.clone(),
            units: self.units.clone(),
            runs: self.runs.clone(),
            unsettled: self.unsettled,
            memory: self.memory.again(),
            spills: Vec::new(),
            encoder: RowBytes::default(),
        })
    }

    fn finish(mut self, inputs: &Inputs) -> Result<KeysOut, Fault> {
        if let Some(out) = self.proven() {
            return Ok(out);
        }
        if !self.spills.is_empty() {
            self.spill()?;
        }
        if let Some(beside) = self.spec.beside.take() {
            self.take_foreign(inputs.get(&beside)?.as_ref())?;
            // Where the batch's keys spilled, all of them are looked for on disk.
            if !self.spills.is_empty() {
                self.spill()?;
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
                    spill.read(index, &mut partition).map_err(cannot_count)?;
                }
                judge.look_through(&mut partition);
            }
        }
        Ok(judge.finish())
    }
}

impl Keys {
    /// Some keys were not hashed, and do not ascend: all must be looked at again.
    fn give_up(&mut self) {
        self.unsettled = true;
        self.units.clear();
        self.runs.clear();
        self.spills.clear();
        self.memory.resize(0);
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

    /// Holds what the keys in memory take.
    fn account(&mut self) {
        self.memory.resize(self.units.iter().map(|(_, entries)| entries.capacity() * size_of::<Entry>()).sum());
    }

    fn spill_if_exceeded(&mut self) -> Result<(), Fault> {
        if self.memory.bytes() > 0 && self.memory.budget().is_exceeded() { self.spill() } else { Ok(()) }
    }

    /// Writes everything in memory to spill files, some of it at a time, since its copy by partition takes memory too.
    fn spill(&mut self) -> Result<(), Fault> {
        let mut units = std::mem::take(&mut self.units).into_iter().peekable();
        self.memory.resize(0);
        while units.peek().is_some() {
            let (mut some, mut entries) = (Vec::new(), 0);
            while let Some(unit) = units.next_if(|_| entries < SPILL_ENTRIES) {
                entries += unit.1.len();
                some.push(unit);
            }
            let path = self.memory.budget().spill_file();
            self.spills.push(Spill::write(path, &partitions(some)).map_err(cannot_count)?);
        }
        Ok(())
    }
}

/// A disk that fails under the keys.
fn cannot_count(why: io::Error) -> Fault {
    Fault::new(Code::ScratchFailed, format!("cannot count: {why}"))
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
