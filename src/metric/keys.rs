//! Exact duplicates: a 128-bit hash of every key, and which rows share one.
//!
//! Each unit's keys are kept as (hash, row) in the unit's order. Past the budget, what has been
//! merged so far is partitioned by the hash's first byte and written to a spill file. At the end
//! every partition is sorted by itself, so only one partition is in memory beside what was never
//! spilled. Exact up to a collision of 128-bit hashes.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_128;

use super::canonical::{Normalize, RowBytes};
use super::{Budget, Column, Rows, State};
use crate::rows::{Mask, RowSet};

const PARTITIONS: usize = 256;
const RECORD_BYTES: usize = 24;

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
    /// Where memory is accounted and spilled.
    pub budget: Arc<Budget>,
}

impl PartialEq for KeysSpec {
    fn eq(&self, other: &Self) -> bool {
        (self.keep, self.nulls_equal, self.normalize) == (other.keep, other.nulls_equal, other.normalize)
    }
}

/// A key of one unit: 20 bytes, so the hash is held in four parts.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: [u32; 4],
    row: u32,
}

/// A key of the whole input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    charged: usize,
    spills: Vec<Spill>,
    failure: Option<io::Error>,
    /// Used again by every batch.
    encoder: RowBytes,
}

/// A file of records by partition.
#[derive(Debug)]
struct Spill {
    path: PathBuf,
    /// Where each partition begins, in records; one more than there are partitions.
    starts: Vec<u64>,
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
    /// Rows to set aside, by [`Keep`].
    pub failing: RowSet,
    /// How often the most frequent keys occur, descending.
    pub largest: Vec<u64>,
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

    fn empty(spec: &KeysSpec, _: &[DataType]) -> Self {
        Self { spec: spec.clone(), units: Vec::new(), charged: 0, spills: Vec::new(), failure: None, encoder: RowBytes::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
        let mut selection = rows.selection.clone();
        if !self.spec.nulls_equal {
            for column in columns {
                selection = column.present(&selection);
            }
        }
        if matches!(selection, Mask::None) {
            return;
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
        self.units.append(&mut later.units);
        self.spills.append(&mut later.spills);
        self.charged += std::mem::take(&mut later.charged);
        self.failure = self.failure.take().or(later.failure.take());
        if self.spec.budget.is_exceeded() {
            self.spill();
        }
    }

    fn bytes(&self) -> usize {
        self.units.iter().map(|(_, entries)| entries.capacity() * size_of::<Entry>()).sum()
    }

    fn finish(mut self) -> Result<KeysOut, io::Error> {
        if !self.spills.is_empty() {
            self.spill();
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut out = KeysOut::default();
        let mut failing: Vec<(u32, u32)> = Vec::new();
        if self.spills.is_empty() {
            for mut partition in self.partitions() {
                judge(&mut partition, self.spec.keep, &mut out, &mut failing);
            }
        } else {
            let mut partition = Vec::new();
            for index in 0..PARTITIONS {
                partition.clear();
                for spill in &self.spills {
                    spill.read(index, &mut partition)?;
                }
                judge(&mut partition, self.spec.keep, &mut out, &mut failing);
            }
        }
        failing.sort_unstable();
        for unit in failing.chunk_by(|a, b| a.0 == b.0) {
            out.failing.insert_unit(unit[0].0, unit.iter().map(|f| f.1).collect());
        }
        Ok(out)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.spec.budget.release(self.charged);
        for spill in &self.spills {
            // The directory is swept by its owner as well; a file left behind costs only space.
            let _ = std::fs::remove_file(&spill.path);
        }
    }
}

impl Keys {
    fn account(&mut self) {
        let bytes = self.bytes();
        if bytes > self.charged {
            self.spec.budget.charge(bytes - self.charged);
            self.charged = bytes;
        }
    }

    /// Takes everything in memory apart by the hash's first byte, each part in input order.
    fn partitions(&mut self) -> Vec<Vec<Record>> {
        let mut partitions: Vec<Vec<Record>> = vec![Vec::new(); PARTITIONS];
        for (unit, entries) in self.units.drain(..) {
            for Entry { hash, row } in entries {
                partitions[(hash[0] >> 24) as usize].push(Record { hash, unit, row });
            }
        }
        partitions
    }

    /// Writes everything in memory to a spill file; a failure is kept for `finish`.
    fn spill(&mut self) {
        let partitions = self.partitions();
        self.spec.budget.release(std::mem::take(&mut self.charged));
        if self.failure.is_some() || partitions.iter().all(Vec::is_empty) {
            return;
        }
        match Spill::write(self.spec.budget.spill_file(), &partitions) {
            Ok(spill) => self.spills.push(spill),
            Err(error) => self.failure = Some(error),
        }
    }
}

impl Spill {
    fn write(path: PathBuf, partitions: &[Vec<Record>]) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        let mut starts = vec![0u64];
        for partition in partitions {
            for record in partition {
                for part in record.hash.into_iter().chain([record.unit, record.row]) {
                    file.write_all(&part.to_le_bytes())?;
                }
            }
            starts.push(starts[starts.len() - 1] + partition.len() as u64);
        }
        file.flush()?;
        Ok(Self { path, starts })
    }

    fn read(&self, partition: usize, records: &mut Vec<Record>) -> io::Result<()> {
        let count = (self.starts[partition + 1] - self.starts[partition]) as usize;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.starts[partition] * RECORD_BYTES as u64))?;
        let mut bytes = vec![0; count * RECORD_BYTES];
        file.read_exact(&mut bytes)?;
        records.extend(bytes.chunks_exact(RECORD_BYTES).map(|record| {
            let part = |i: usize| u32::from_le_bytes([record[i * 4], record[i * 4 + 1], record[i * 4 + 2], record[i * 4 + 3]]);
            Record { hash: [part(0), part(1), part(2), part(3)], unit: part(4), row: part(5) }
        }));
        Ok(())
    }
}

/// Counts the keys of one partition and notes the rows that must go.
fn judge(partition: &mut [Record], keep: Keep, out: &mut KeysOut, failing: &mut Vec<(u32, u32)>) {
    partition.sort_unstable();
    for group in partition.chunk_by(|a, b| a.hash == b.hash) {
        out.rows += group.len() as u64;
        out.distinct += 1;
        out.note_size(group.len() as u64);
        match group {
            [_] => out.once += 1,
            [first, rest @ ..] => {
                out.groups += 1;
                let goes: &[Record] = match keep {
                    Keep::First => rest,
                    Keep::Last => &group[..group.len() - 1],
                    Keep::None => group,
                };
                debug_assert!(first.hash == rest[0].hash);
                failing.extend(goes.iter().map(|r| (r.unit, r.row)));
            }
            [] => {}
        }
    }
}

/// The hash's parts, most significant first.
fn split(hash: u128) -> [u32; 4] {
    [(hash >> 96) as u32, (hash >> 64) as u32, (hash >> 32) as u32, hash as u32]
}
