//! Exact duplicates: a 128-bit hash of every key, and which rows share one.
//!
//! Each unit's keys are kept as (hash, row) in the unit's order. Past the budget, what has been
//! counted so far is partitioned by the hash's first byte and written to a spill file. At the end
//! every partition is looked through by itself, so at most one partition is in memory beside what was never
//! spilled; one that is too large for that is read in parts, or row by row where it has few keys.
//! Exact up to a collision of 128-bit hashes.

mod filter;
mod judge;
mod key;
mod outcome;
mod rows;
mod saved;
mod skew;
mod sorted;
mod spill;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use self::filter::Filter;
use self::judge::PartitionJudge;
use self::key::{Entry, FOREIGN, PARTITIONS, Record, UnitKeys, partitions, split};
pub use self::outcome::{Keep, KeysOut, LARGEST_MAX, Lookup};
pub use self::rows::{KeyRows, hashes};
pub use self::sorted::{SortedKeys, SortedKeysOut, SortedKeysSpec};
use self::spill::Spill;
use super::ascending::Run;
use super::budget::{Budget, Reservation};
use super::canonical::{Normalize, RowBytes};
use super::column::Column;
use super::encoding;
use super::inputs::Inputs;
pub use super::inputs::{Foreign, TakeKeys};
use super::state::{Rows, State};
use crate::diagnostic::{Code, Fault};
use crate::rows::Mask;

/// So many keys go to one spill file, or those of one unit: 24 MiB of them as records.
const SPILL_ENTRIES: usize = 1 << 20;

/// With fewer keys than this, a unit that is being read does not spill: that would make many small files.
const UNIT_ENTRIES: usize = 1 << 18;

/// What counts as a key and which row of a group stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysSpec {
    pub keep: Keep,
    /// The rows that count; others are no duplicates.
    pub rows: KeyRows,
    /// What is done to text before it is compared.
    pub normalize: Normalize,
    /// Whether keys that ascend strictly are taken for different without hashing them. Where that does not settle
    /// it, [`KeysOut::unsettled`] asks for a second pass without.
    pub optimistic: bool,
    /// The name of the input in which the keys of the batch are looked for.
    pub beside: Option<String>,
    /// What comes of it.
    pub lookup: Lookup,
}

/// The keys of some units.
#[derive(Debug)]
pub struct Keys {
    spec: KeysSpec,
    units: Vec<UnitKeys>,
    /// The unit whose keys are hashed now; some of them may have spilled.
    hashed: Option<u32>,
    /// Units whose keys ascend, by unit.
    runs: Vec<(u32, Run)>,
    unsettled: bool,
    /// Rows counted of whose key every part is missing.
    empty: u64,
    /// Of what is in memory; what was spilled is held by nobody.
    memory: Reservation,
    spills: Vec<Spill>,
    /// Used again by every batch.
    encoder: RowBytes,
}

impl State for Keys {
    const NAME: &'static str = "keys";
    const VERSION: u32 = 3;
    type Spec = KeysSpec;
    type Out = KeysOut;
    const FORKS: bool = false;

    fn empty(spec: &KeysSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self {
            spec: spec.clone(),
            units: Vec::new(),
            hashed: None,
            runs: Vec::new(),
            unsettled: false,
            empty: 0,
            memory: Reservation::new(memory),
            spills: Vec::new(),
            encoder: RowBytes::default(),
        }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let selection = self.spec.rows.of(columns, rows.selection);
        if matches!(selection, Mask::None) || self.unsettled {
            return Ok(());
        }
        if self.spec.rows == KeyRows::All {
            self.empty += rows::empty(columns, &selection).count(rows.len()) as u64;
        }
        if self.spec.optimistic && self.spec.normalize == Normalize::default() && self.hashed != Some(rows.unit) {
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
        self.hashed = Some(rows.unit);
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
        // A unit may be large by itself, and its list of keys doubles where it grows: there must be room for that.
        if self.memory.bytes() >= UNIT_ENTRIES * size_of::<Entry>() && self.memory.budget().is_half_used() { self.spill() } else { Ok(()) }
    }

    fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        self.runs.append(&mut later.runs);
        self.unsettled |= later.unsettled;
        self.empty += later.empty;
        self.units.append(&mut later.units);
        self.hashed = later.hashed.or(self.hashed);
        self.spills.append(&mut later.spills);
        self.memory.absorb(later.memory);
        // Some keys hashed and others not: neither way is complete.
        if self.unsettled || (!self.runs.is_empty() && (!self.units.is_empty() || !self.spills.is_empty())) {
            self.give_up();
        }
        self.spill_if_exceeded()
    }

    /// A copy, of what was spilled too.
    fn fork(&self) -> Result<Self, Fault> {
        let copy = |spill: &Spill| spill.copy(self.memory.budget()).map_err(cannot_count);
        Ok(Self {
            spec: self.spec.clone(),
            units: self.units.clone(),
            hashed: self.hashed,
            runs: self.runs.clone(),
            unsettled: self.unsettled,
            empty: self.empty,
            memory: self.memory.again(),
            spills: self.spills.iter().map(copy).collect::<Result<_, _>>()?,
            encoder: RowBytes::default(),
        })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        // By unit, and by row where rows of one unit were counted apart.
        let mut runs = self.runs.clone();
        runs.sort_by_key(|(unit, _)| *unit);
        encoding::write(&(self.unsettled, self.empty, runs), to)?;
        saved::write(&self.units, &self.spills, to)
    }

    fn decode(spec: &KeysSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (unsettled, empty, runs): (bool, u64, Vec<(u32, Run)>) = encoding::read(from)?;
        encoding::ensure_counts(runs.iter().map(|(_, run)| run.rows).chain([empty]))?;
        encoding::ensure(empty == 0 || (spec.rows == KeyRows::All && !unsettled), "it counts keys that nobody asked for")?;
        let is_sound = runs.iter().all(|(_, run)| run.is_sound(types.len())) && runs.is_sorted_by_key(|(unit, _)| *unit);
        encoding::ensure(is_sound && (spec.optimistic || runs.is_empty()), "its keys do not ascend as they should")?;
        let mut state = Self { unsettled, empty, runs, ..Self::empty(spec, types, memory) };
        let mut units = BTreeMap::new();
        saved::read(from, |records| state.take_saved(&mut units, records))?;
        state.gather(units);
        let kept = [state.unsettled, !state.runs.is_empty(), !state.units.is_empty() || !state.spills.is_empty()];
        encoding::ensure(kept.iter().filter(|is| **is).count() <= 1, "some keys are hashed and others not")?;
        state.spill_if_exceeded()?;
        Ok(state)
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
        let mut judge = PartitionJudge::new(self.spec.keep, self.spec.lookup);
        if self.spills.is_empty() {
            partitions(std::mem::take(&mut self.units)).iter_mut().for_each(|partition| judge.look_through(partition));
        } else {
            let (most, mut records) = (skew::records_max(self.memory.budget()), Vec::new());
            for index in 0..PARTITIONS {
                skew::look_through(&mut judge, &self.spills, index, most, &mut records).map_err(cannot_count)?;
            }
        }
        Ok(KeysOut { empty: self.empty, ..judge.finish() })
    }
}

impl Keys {
    /// Some keys were not hashed, and do not ascend: all must be looked at again.
    fn give_up(&mut self) {
        self.unsettled = true;
        self.empty = 0;
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
                Some(KeysOut { rows, distinct: rows, once: rows, largest, empty: self.empty, ..KeysOut::default() })
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
        let units = std::mem::take(&mut self.units);
        self.memory.resize(0);
        let (mut some, mut count) = (Vec::new(), 0);
        // A unit may be large by itself.
        let parts = units.iter().flat_map(|(unit, entries)| entries.chunks(SPILL_ENTRIES).map(|part| (*unit, part)));
        for (unit, part) in parts {
            count += part.len();
            some.push((unit, part));
            if count >= SPILL_ENTRIES {
                self.spill_some(std::mem::take(&mut some))?;
                count = 0;
            }
        }
        if some.is_empty() { Ok(()) } else { self.spill_some(some) }
    }

    fn spill_some(&mut self, parts: Vec<(u32, &[Entry])>) -> Result<(), Fault> {
        self.spills.push(Spill::write(self.memory.budget(), &mut partitions(parts)).map_err(cannot_count)?);
        Ok(())
    }

    /// Takes in the keys of `foreign` that may be the batch's: so the memory is the batch's, however much there is elsewhere. Where
    /// keys count that the batch lacks, all are taken.
    pub(super) fn take_foreign(&mut self, foreign: &dyn Foreign) -> Result<(), Fault> {
        let spilled: u64 = self.spills.iter().map(Spill::len).sum();
        let mut filter = Filter::new(spilled + self.units.iter().map(|(_, entries)| entries.len() as u64).sum::<u64>());
        let mut memory = Reservation::new(self.memory.budget());
        memory.resize(filter.bytes());
        self.units.iter().flat_map(|(_, entries)| entries).for_each(|entry| filter.insert(entry.hash));
        for spill in &self.spills {
            spill.each(|record| filter.insert(record.hash)).map_err(cannot_count)?;
        }
        let (mut found, mut encoder, mut failure) = (Vec::new(), RowBytes::default(), None);
        let read = foreign.each(&mut |columns, selection| {
            let normalized: Vec<Option<Column>> = columns.iter().map(|c| self.spec.normalize.column(c)).collect();
            let columns: Vec<&Column> = columns.iter().zip(&normalized).map(|(plain, n)| n.as_ref().unwrap_or(plain)).collect();
            let selection = self.spec.rows.of(&columns, selection);
            let len = columns.first().map_or(0, |c| c.len());
            encoder.encode(&columns, len);
            let all = matches!(self.spec.lookup, Lookup::FewerThan(_));
            selection.rows(len, |i| match split(xxh3_128(encoder.row(i))) {
                hash if all => found.push(Entry { hash, row: 0 }),
                hash => filter.look_for(hash, &mut found),
            });
            if found.len() >= SPILL_ENTRIES {
                failure = failure.take().or(self.take_found(std::mem::take(&mut found)).err());
            }
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        read.map_err(cannot_count)?;
        filter.finish(&mut found);
        self.take_found(found)
    }

    fn take_found(&mut self, found: Vec<Entry>) -> Result<(), Fault> {
        self.units.push((FOREIGN, found));
        self.account();
        self.spill_if_exceeded()
    }

    /// Takes in some keys that were saved.
    fn take_saved(&mut self, units: &mut BTreeMap<u32, Vec<Entry>>, records: Vec<Record>) -> Result<(), Fault> {
        self.memory.grow(records.len() * size_of::<Entry>());
        for Record { hash, unit, row } in records {
            units.entry(unit).or_default().push(Entry { hash, row });
        }
        // Fewer keys would make many small files.
        if self.memory.bytes() < SPILL_ENTRIES * size_of::<Entry>() {
            return Ok(());
        }
        self.gather(std::mem::take(units));
        self.spill_if_exceeded()
    }

    /// Puts keys that were saved back into the order of their rows.
    fn gather(&mut self, units: BTreeMap<u32, Vec<Entry>>) {
        self.units.extend(units.into_iter().map(|(unit, mut entries)| {
            entries.sort_unstable_by_key(|entry| entry.row);
            (unit, entries)
        }));
        self.account();
    }
}

/// A disk that fails under the keys.
fn cannot_count(why: io::Error) -> Fault {
    Fault::new(Code::ScratchFailed, format!("cannot count: {why}"))
}
