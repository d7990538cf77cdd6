//! The hashed rows of one data set, in memory and on disk.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::metric::budget::SpillFile;
use crate::metric::canonical::RowBytes;
use crate::metric::{Budget, Column, Reservation};
use crate::rows::{Mask, RowId, RowNumbers};

/// Keys are taken apart by the first byte of their hash.
pub(super) const PARTITIONS: usize = 256;
/// So many rows are put in order at a time.
const BLOCK_ROWS: usize = 1 << 17;
/// Fewer rows are not worth a file.
const SPILL_ROWS: usize = 1 << 17;

/// A row: 40 bytes, so hashes are held in two parts each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) key: [u64; 2],
    pub(super) values: [u64; 2],
    pub(super) row: RowId,
}

impl Entry {
    const BYTES: usize = 40;

    pub(super) fn partition(&self) -> usize {
        (self.key[0] >> 56) as usize
    }

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let place = u64::from(self.row.unit) << 32 | u64::from(self.row.row);
        for (to, part) in bytes.chunks_exact_mut(8).zip([self.key[0], self.key[1], self.values[0], self.values[1], place]) {
            to.copy_from_slice(&part.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let parts = bytes.as_chunks::<8>().0;
        let part = |i: usize| u64::from_le_bytes(parts[i]);
        let row = RowId { unit: (part(4) >> 32) as u32, row: part(4) as u32 };
        Self { key: [part(0), part(1)], values: [part(2), part(3)], row }
    }
}

fn split(hash: u128) -> [u64; 2] {
    [(hash >> 64) as u64, hash as u64]
}

/// Hashes rows, one batch after the other.
#[derive(Debug, Default)]
pub struct Hashing {
    keys: RowBytes,
    values: RowBytes,
    waiting: Vec<Entry>,
    blocks: Vec<Block>,
}

impl Hashing {
    /// Takes the selected rows of a batch of a unit.
    pub fn take(&mut self, (keys, values): (&[&Column], &[&Column]), selection: &Mask, (unit, numbers): (u32, &RowNumbers)) {
        let len = numbers.len();
        self.keys.encode(keys, len);
        self.values.encode(values, len);
        let Self { keys, values, waiting, .. } = self;
        selection.rows(len, |i| {
            let row = RowId { unit, row: numbers.get(i) };
            waiting.push(Entry { key: split(xxh3_128(keys.row(i))), values: split(xxh3_128(values.row(i))), row });
        });
        if self.waiting.len() >= BLOCK_ROWS {
            self.blocks.push(Block::of(&self.waiting));
            self.waiting.clear();
        }
    }

    /// What was hashed.
    pub fn finish(mut self) -> Vec<Block> {
        if !self.waiting.is_empty() {
            self.blocks.push(Block::of(&self.waiting));
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
    fn of(entries: &[Entry]) -> Self {
        let mut starts = vec![0u32; PARTITIONS + 1];
        entries.iter().for_each(|entry| starts[entry.partition() + 1] += 1);
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let Some(&first) = entries.first() else { return Self { entries: Vec::new(), starts } };
        let mut ordered = vec![first; entries.len()];
        for entry in entries {
            let place = &mut next[entry.partition()];
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
                file.write_all(&entry.to_bytes())?;
                rows += 1;
            }
            spill.starts.push(rows);
        }
        file.flush()?;
        Ok(spill)
    }

    fn read(&self, index: usize, to: &mut Vec<Entry>) -> io::Result<()> {
        let mut file = files::open(self.file.path())?;
        file.seek(SeekFrom::Start(self.starts[index] * Entry::BYTES as u64))?;
        let mut bytes = vec![0; (self.starts[index + 1] - self.starts[index]) as usize * Entry::BYTES];
        file.read_exact(&mut bytes)?;
        to.extend(bytes.as_chunks().0.iter().map(Entry::from_bytes));
        Ok(())
    }
}
