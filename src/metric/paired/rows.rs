//! The hashed rows of one data set, in memory and on disk.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::hashes::{Hash, hash};
use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::metric::budget::SpillFile;
use crate::metric::{Budget, Column, Reservation};
use crate::rows::{Mask, RowId, RowNumbers};

/// Keys are taken apart by the first byte of their hash.
pub(super) const PARTITIONS: usize = 256;
/// So many rows are put in order at a time.
const BLOCK_ROWS: usize = 1 << 17;
/// Fewer rows are not worth a file.
const SPILL_ROWS: usize = 1 << 17;

/// A row: the hash of its key, that of its values, and where it is. An array of numbers, since a block of zeros costs nothing.
pub(super) type Entry = [u64; 5];
const ENTRY_BYTES: usize = size_of::<Entry>();

fn entry(key: Hash, values: Hash, row: RowId) -> Entry {
    [key[0], key[1], values[0], values[1], u64::from(row.unit) << 32 | u64::from(row.row)]
}

pub(super) fn key(entry: &Entry) -> Hash {
    [entry[0], entry[1]]
}

pub(super) fn values(entry: &Entry) -> Hash {
    [entry[2], entry[3]]
}

pub(super) fn row(entry: &Entry) -> RowId {
    RowId { unit: (entry[4] >> 32) as u32, row: entry[4] as u32 }
}

fn partition(entry: &Entry) -> usize {
    (entry[0] >> 56) as usize
}

/// Hashes rows, one batch after the other.
#[derive(Debug, Default)]
pub struct Hashing {
    keys: Vec<Hash>,
    values: Vec<Hash>,
    waiting: Vec<Entry>,
    /// How many of those that wait are of each partition.
    counts: Vec<u32>,
    blocks: Vec<Block>,
}

impl Hashing {
    /// Takes the selected rows of a batch of a unit.
    pub fn take(&mut self, (keys, values): (&[&Column], &[&Column]), selection: &Mask, (unit, numbers): (u32, &RowNumbers)) {
        let len = numbers.len();
        hash(keys, len, &mut self.keys);
        hash(values, len, &mut self.values);
        self.counts.resize(PARTITIONS, 0);
        let Self { keys, values, waiting, counts, .. } = self;
        selection.rows(len, |i| {
            let entry = entry(keys[i], values[i], RowId { unit, row: numbers.get(i) });
            counts[partition(&entry)] += 1;
            waiting.push(entry);
        });
        if self.waiting.len() >= BLOCK_ROWS {
            self.put_in_order();
        }
    }

    fn put_in_order(&mut self) {
        self.blocks.push(Block::of(&self.waiting, &self.counts));
        self.waiting.clear();
        self.counts.fill(0);
    }

    /// What was hashed.
    pub fn finish(mut self) -> Vec<Block> {
        if !self.waiting.is_empty() {
            self.put_in_order();
        }
        self.blocks
    }
}

/// Some hashed rows, by partition.
#[derive(Debug)]
pub struct Block {
    entries: Vec<Entry>,
    /// Where each partition begins; one more than there are partitions.
    starts: Vec<u32>,
}

impl Block {
    fn of(entries: &[Entry], counts: &[u32]) -> Self {
        let mut starts = Vec::with_capacity(PARTITIONS + 1);
        starts.push(0);
        starts.extend(counts.iter().scan(0, |rows, count| {
            *rows += count;
            Some(*rows)
        }));
        let (mut next, mut ordered) = (starts.clone(), vec![Entry::default(); entries.len()]);
        for entry in entries {
            let place = &mut next[partition(entry)];
            ordered[*place as usize] = *entry;
            *place += 1;
        }
        Self { entries: ordered, starts }
    }

    fn partition(&self, index: usize) -> &[Entry] {
        &self.entries[self.starts[index] as usize..self.starts[index + 1] as usize]
    }
}

/// The hashed rows of a data set.
#[derive(Debug)]
pub struct Hashed {
    blocks: Vec<Block>,
    spills: Vec<Spill>,
    memory: Reservation,
    rows: u64,
}

impl Hashed {
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { blocks: Vec::new(), spills: Vec::new(), memory: Reservation::new(budget), rows: 0 }
    }

    /// How many rows it holds.
    pub fn len(&self) -> u64 {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Takes in the rows of a unit; past the memory limit, what is held goes to disk.
    ///
    /// # Errors
    /// The disk fails.
    pub fn push(&mut self, blocks: Vec<Block>) -> Result<(), Fault> {
        for block in blocks {
            self.rows += block.entries.len() as u64;
            self.memory.grow(block.entries.capacity() * size_of::<Entry>() + block.starts.capacity() * 4);
            self.blocks.push(block);
        }
        let held: usize = self.blocks.iter().map(|block| block.entries.len()).sum();
        if held >= SPILL_ROWS && self.memory.budget().is_exceeded() {
            let spill = Spill::write(self.memory.budget(), &self.blocks).map_err(failed)?;
            self.spills.push(spill);
            self.blocks.clear();
            self.memory.resize(0);
        }
        Ok(())
    }

    /// Adds the rows of a partition to `to`.
    pub(super) fn partition(&self, index: usize, to: &mut Vec<Entry>) -> Result<(), Fault> {
        self.blocks.iter().for_each(|block| to.extend_from_slice(block.partition(index)));
        self.spills.iter().try_for_each(|spill| spill.read(index, to)).map_err(failed)
    }
}

fn failed(why: io::Error) -> Fault {
    Fault::new(Code::ScratchFailed, format!("cannot compare: {why}"))
}

/// A file of hashed rows, by partition.
#[derive(Debug)]
struct Spill {
    file: SpillFile,
    /// Where each partition begins, in rows; one more than there are partitions.
    starts: Vec<u64>,
}

impl Spill {
    fn write(budget: &Budget, blocks: &[Block]) -> io::Result<Self> {
        let (kept, file) = budget.spill()?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let mut spill = Self { file: kept, starts: vec![0] };
        let mut rows = 0;
        for index in 0..PARTITIONS {
            for entry in blocks.iter().flat_map(|block| block.partition(index)) {
                entry.iter().try_for_each(|word| file.write_all(&word.to_le_bytes()))?;
                rows += 1;
            }
            spill.starts.push(rows);
        }
        file.flush()?;
        Ok(spill)
    }

    fn read(&self, index: usize, to: &mut Vec<Entry>) -> io::Result<()> {
        let mut file = files::open(self.file.path())?;
        file.seek(SeekFrom::Start(self.starts[index] * ENTRY_BYTES as u64))?;
        let mut bytes = vec![0; (self.starts[index + 1] - self.starts[index]) as usize * ENTRY_BYTES];
        file.read_exact(&mut bytes)?;
        let words = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect::<Vec<_>>();
        to.extend_from_slice(words.as_chunks().0);
        Ok(())
    }
}
