//! Keys of other data, in which those of the batch must not occur.

use super::{Entry, Keys, PARTITIONS, SPILL_ENTRIES, cannot_count, split};
use crate::diagnostic::Fault;
use crate::metric::budget::Reservation;
use crate::metric::canonical::RowBytes;
use crate::metric::{Column, Foreign};
use xxhash_rust::xxh3::xxh3_128;

/// The unit of keys that are not the batch's.
pub(super) const FOREIGN: u32 = u32::MAX;

/// Which hashes the batch has, with some more: one bit for each, found by a part of it. Hashes of one partition have
/// their bits together, so that those of many rows can be looked for in a cache at a time.
struct Filter {
    bits: Vec<u64>,
    /// Words of a partition, less one.
    mask: usize,
    waiting: Vec<Vec<[u32; 4]>>,
}

impl Filter {
    /// 64 MiB at most; of a larger batch's keys more pass, and are compared in full.
    const BITS_MAX: usize = 1 << 29;
    /// So many hashes of a partition are looked for together.
    const WAITING_MAX: usize = 1 << 10;

    /// For so many keys.
    fn new(keys: u64) -> Self {
        let bits = (keys as usize).saturating_mul(8).next_power_of_two().clamp(PARTITIONS * 64, Self::BITS_MAX);
        let waiting = (0..PARTITIONS).map(|_| Vec::with_capacity(Self::WAITING_MAX)).collect();
        Self { bits: vec![0; bits / 64], mask: bits / 64 / PARTITIONS - 1, waiting }
    }

    fn bytes(&self) -> usize {
        self.bits.len() * 8 + PARTITIONS * Self::WAITING_MAX * size_of::<[u32; 4]>()
    }

    fn insert(&mut self, hash: [u32; 4]) {
        let (word, bit) = Self::place(self.mask, hash);
        self.bits[partition(hash) * (self.mask + 1) + word] |= bit;
    }

    /// The word in its partition, and the bit in that.
    fn place(mask: usize, hash: [u32; 4]) -> (usize, u64) {
        (hash[2] as usize & mask, 1 << (hash[3] % 64))
    }

    /// Looks for `hash`, now or later; those found go to `found`.
    fn look_for(&mut self, hash: [u32; 4], found: &mut Vec<Entry>) {
        let waiting = &mut self.waiting[partition(hash)];
        waiting.push(hash);
        if waiting.len() == Self::WAITING_MAX {
            self.look(partition(hash), found);
        }
    }

    /// Looks for all that were waiting.
    fn finish(&mut self, found: &mut Vec<Entry>) {
        (0..PARTITIONS).for_each(|partition| self.look(partition, found));
    }

    fn look(&mut self, partition: usize, found: &mut Vec<Entry>) {
        let words = &self.bits[partition * (self.mask + 1)..(partition + 1) * (self.mask + 1)];
        for hash in self.waiting[partition].drain(..) {
            let (word, bit) = Self::place(self.mask, hash);
            if words[word] & bit != 0 {
                found.push(Entry { hash, row: 0 });
            }
        }
    }
}

fn partition(hash: [u32; 4]) -> usize {
    (hash[0] >> 24) as usize
}

impl Keys {
    /// Takes in the keys of `foreign` that may be the batch's: so the memory is the batch's, however much there is elsewhere.
    pub(super) fn take_foreign(&mut self, foreign: &dyn Foreign) -> Result<(), Fault> {
        let spilled: u64 = self.spills.iter().map(super::Spill::len).sum();
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
            let mut selection = selection.clone();
            if !self.spec.nulls_equal {
                for column in &columns {
                    selection = column.present(&selection);
                }
            }
            let len = columns.first().map_or(0, |c| c.len());
            encoder.encode(&columns, len);
            selection.rows(len, |i| filter.look_for(split(xxh3_128(encoder.row(i))), &mut found));
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
}
