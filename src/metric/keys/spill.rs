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
    pub(super) fn write(budget: &Budget, partitions: &[Vec<Record>]) -> io::Result<Self> {
        let (path, file) = budget.spill_file()?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        // From here on the file goes with the value, also where writing fails.
        let mut spill = Self { path, starts: vec![0] };
        for partition in partitions {
            for record in partition {
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

    /// Gives every record, a partition at a time.
    pub(super) fn each(&self, mut take: impl FnMut(&Record)) -> io::Result<()> {
        let mut records = Vec::new();
        for partition in 0..self.starts.len() - 1 {
            records.clear();
            self.read(partition, &mut records)?;
            records.iter().for_each(&mut take);
        }
        Ok(())
    }

    pub(super) fn read(&self, partition: usize, records: &mut Vec<Record>) -> io::Result<()> {
        let count = (self.starts[partition + 1] - self.starts[partition]) as usize;
        let mut file = files::open(&self.path)?;
        file.seek(SeekFrom::Start(self.starts[partition] * Record::BYTES as u64))?;
        let mut bytes = vec![0; count * Record::BYTES];
        file.read_exact(&mut bytes)?;
        records.extend(bytes.as_chunks().0.iter().map(Record::from_bytes));
        Ok(())
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        // The directory is swept by its owner as well; a file left behind costs only space.
        files::discard(&self.path);
    }
}
