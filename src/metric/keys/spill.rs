//! Keys that went to disk, so that memory stays within its budget.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::key::Record;
use crate::files;
use crate::metric::Budget;

/// A file of records by partition.
#[derive(Debug)]
pub(super) struct Spill {
    path: PathBuf,
    /// Where each partition begins, in records; one more than there are partitions.
    starts: Vec<u64>,
}

impl Spill {
    /// Each partition in the order of its rows.
    pub(super) fn write(budget: &Budget, partitions: &mut [Vec<Record>]) -> io::Result<Self> {
        let (path, file) = budget.spill_file()?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        // From here on the file goes with the value, also where writing fails.
        let mut spill = Self { path, starts: vec![0] };
        for partition in partitions {
            // Units may have been merged in another order.
            if !partition.is_sorted_by_key(|r| (r.unit, r.row)) {
                partition.sort_unstable_by_key(|r| (r.unit, r.row));
            }
            for record in partition.iter() {
                file.write_all(&record.to_bytes())?;
            }
            spill.starts.push(spill.len() + partition.len() as u64);
        }
        file.flush()?;
        Ok(spill)
    }

    /// A copy in a file of its own.
    pub(super) fn copy(&self, budget: &Budget) -> io::Result<Self> {
        let (path, mut file) = budget.spill_file()?;
        let copy = Self { path, starts: self.starts.clone() };
        io::copy(&mut files::open(&self.path)?, &mut file)?;
        Ok(copy)
    }

    /// How many records it holds.
    pub(super) fn len(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// How many records of a partition it holds.
    pub(super) fn len_of(&self, partition: usize) -> u64 {
        self.starts[partition + 1] - self.starts[partition]
    }

    /// Gives every record, a partition at a time.
    pub(super) fn each(&self, mut take: impl FnMut(&Record)) -> io::Result<()> {
        (0..self.starts.len() - 1).try_for_each(|partition| self.records(partition, CHUNK).each(&mut take))
    }

    /// The records of a partition, of which up to `chunk` are held at a time.
    pub(super) fn records(&self, partition: usize, chunk: usize) -> Records<'_> {
        Records { spill: self, next: self.starts[partition], end: self.starts[partition + 1], chunk, held: Vec::new().into_iter() }
    }

    pub(super) fn read(&self, partition: usize, records: &mut Vec<Record>) -> io::Result<()> {
        self.read_some(self.starts[partition], self.len_of(partition) as usize, records)
    }

    /// Reads `count` records from the one at `start`.
    fn read_some(&self, start: u64, count: usize, records: &mut Vec<Record>) -> io::Result<()> {
        let mut file = files::open(&self.path)?;
        file.seek(SeekFrom::Start(start * Record::BYTES as u64))?;
        let mut bytes = vec![0; count * Record::BYTES];
        file.read_exact(&mut bytes)?;
        records.extend(bytes.as_chunks().0.iter().map(Record::from_bytes));
        Ok(())
    }
}

/// So many records are read at a time where nothing else is held.
const CHUNK: usize = 1 << 16;

/// The records of one partition, in the order of their rows. No file is held open: there may be many of these.
pub(super) struct Records<'a> {
    spill: &'a Spill,
    next: u64,
    end: u64,
    chunk: usize,
    held: std::vec::IntoIter<Record>,
}

impl Records<'_> {
    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        if let Some(record) = self.held.next() {
            return Ok(Some(record));
        }
        let count = (self.end - self.next).min(self.chunk as u64);
        let mut records = Vec::with_capacity(count as usize);
        if count > 0 {
            self.spill.read_some(self.next, count as usize, &mut records)?;
        }
        self.next += count;
        self.held = records.into_iter();
        Ok(self.held.next())
    }

    pub(super) fn each(mut self, mut take: impl FnMut(&Record)) -> io::Result<()> {
        while let Some(record) = self.next()? {
            take(&record);
        }
        Ok(())
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        // The directory is swept by its owner as well; a file left behind costs only space.
        files::discard(&self.path);
    }
}
