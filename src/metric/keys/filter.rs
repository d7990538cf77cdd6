//! Which keys of other data may be the batch's.

use super::key::{Entry, PARTITIONS, partition};

/// Which hashes the batch has, with some more: one bit for each, found by a part of it. Hashes of one partition have
/// their bits together, so that those of many rows can be looked for in a cache at a time.
pub(super) struct Filter {
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
    pub(super) fn new(keys: u64) -> Self {
        let bits = (keys as usize).saturating_mul(8).next_power_of_two().clamp(PARTITIONS * 64, Self::BITS_MAX);
        let waiting = (0..PARTITIONS).map(|_| Vec::with_capacity(Self::WAITING_MAX)).collect();
        Self { bits: vec![0; bits / 64], mask: bits / 64 / PARTITIONS - 1, waiting }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bits.len() * 8 + PARTITIONS * Self::WAITING_MAX * size_of::<[u32; 4]>()
    }

    pub(super) fn insert(&mut self, hash: [u32; 4]) {
        let (word, bit) = Self::place(self.mask, hash);
        self.bits[partition(hash) * (self.mask + 1) + word] |= bit;
    }

    /// The word in its partition, and the bit in that.
    fn place(mask: usize, hash: [u32; 4]) -> (usize, u64) {
        (hash[2] as usize & mask, 1 << (hash[3] % 64))
    }

    /// Looks for `hash`, now or later; those found go to `found`.
    pub(super) fn look_for(&mut self, hash: [u32; 4], found: &mut Vec<Entry>) {
        let waiting = &mut self.waiting[partition(hash)];
        waiting.push(hash);
        if waiting.len() == Self::WAITING_MAX {
            self.look(partition(hash), found);
        }
    }

    /// Looks for all that were waiting.
    pub(super) fn finish(&mut self, found: &mut Vec<Entry>) {
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
