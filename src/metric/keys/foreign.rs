//! Keys of other data, in which those of the batch must not occur.

use std::io;
use std::sync::Arc;

use super::{Entry, Keys, SPILL_ENTRIES, split};
use crate::metric::Column;
use crate::metric::canonical::RowBytes;
use crate::rows::Mask;
use xxhash_rust::xxh3::xxh3_128;

/// Takes some rows of the key's columns, and which of them count.
pub type TakeKeys<'a> = &'a mut dyn FnMut(&[Column], &Mask);

/// Rows elsewhere whose keys are taken.
pub trait Foreign: Send + Sync + std::fmt::Debug {
    /// Gives all rows of the key's columns, of the types that the batch has.
    ///
    /// # Errors
    /// They cannot be read.
    fn each(&self, take: TakeKeys<'_>) -> io::Result<()>;
}

/// The unit of keys that are not the batch's.
pub(super) const FOREIGN: u32 = u32::MAX;

/// Which hashes the batch has, with some more: one bit for each, found by a part of it.
struct Filter {
    bits: Vec<u64>,
    mask: usize,
}

impl Filter {
    /// 64 MiB at most; of a larger batch's keys more pass, and are compared in full.
    const BITS_MAX: usize = 1 << 29;

    /// For so many keys.
    fn new(keys: u64) -> Self {
        let bits = (keys as usize).saturating_mul(8).next_power_of_two().clamp(64, Self::BITS_MAX);
        Self { bits: vec![0; bits / 64], mask: bits - 1 }
    }

    fn place(&self, hash: [u32; 4]) -> (usize, u64) {
        let bit = (hash[2] as usize) & self.mask;
        (bit / 64, 1 << (bit % 64))
    }

    fn insert(&mut self, hash: [u32; 4]) {
        let (word, bit) = self.place(hash);
        self.bits[word] |= bit;
    }

    fn may_have(&self, hash: [u32; 4]) -> bool {
        let (word, bit) = self.place(hash);
        self.bits[word] & bit != 0
    }
}

impl Keys {
    /// Takes in the keys of `foreign` that may be the batch's: so the memory is the batch's, however much there is elsewhere.
    pub(super) fn take_foreign(&mut self, foreign: &Arc<dyn Foreign>) -> io::Result<()> {
        let spilled: u64 = self.spills.iter().map(super::Spill::len).sum();
        let mut filter = Filter::new(spilled + self.units.iter().map(|(_, entries)| entries.len() as u64).sum::<u64>());
        let filter_bytes = filter.bits.len() * 8;
        self.spec.budget.charge(filter_bytes);
        self.units.iter().flat_map(|(_, entries)| entries).for_each(|entry| filter.insert(entry.hash));
        for spill in &self.spills {
            spill.each(|record| filter.insert(record.hash))?;
        }
        let (mut found, mut encoder) = (Vec::new(), RowBytes::default());
        foreign.each(&mut |columns, selection| {
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
            selection.rows(len, |i| {
                let hash = split(xxh3_128(encoder.row(i)));
                if filter.may_have(hash) {
                    found.push(Entry { hash, row: 0 });
                }
            });
            if found.len() >= SPILL_ENTRIES {
                self.take_found(std::mem::take(&mut found));
            }
        })?;
        self.take_found(found);
        self.spec.budget.release(filter_bytes);
        Ok(())
    }

    fn take_found(&mut self, found: Vec<Entry>) {
        self.units.push((FOREIGN, found));
        self.account();
        if self.spec.budget.is_exceeded() {
            self.spill();
        }
    }
}
