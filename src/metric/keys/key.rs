//! A key as it is held: its hash, and the row that has it.

use crate::rows::RowId;

/// Keys are taken apart by the first byte of their hash.
pub(super) const PARTITIONS: usize = 256;

/// The unit of keys that are not the batch's.
pub(super) const FOREIGN: u32 = u32::MAX;

/// The keys of a unit, in the order of its rows.
pub(super) type UnitKeys = (u32, Vec<Entry>);

/// A key of one unit: 20 bytes, so the hash is held in four parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub hash: [u32; 4],
    pub row: u32,
}

/// A key of the whole input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub hash: [u32; 4],
    pub unit: u32,
    pub row: u32,
}

impl Record {
    pub(super) fn id(&self) -> RowId {
        RowId { unit: self.unit, row: self.row }
    }

    pub(super) const BYTES: usize = 24;

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (to, part) in bytes.chunks_exact_mut(4).zip(self.hash.into_iter().chain([self.unit, self.row])) {
            to.copy_from_slice(&part.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let part = |i: usize| u32::from_le_bytes([bytes[i * 4], bytes[i * 4 + 1], bytes[i * 4 + 2], bytes[i * 4 + 3]]);
        Self { hash: [part(0), part(1), part(2), part(3)], unit: part(4), row: part(5) }
    }
}

/// The partition of a hash.
pub(super) fn partition(hash: [u32; 4]) -> usize {
    (hash[0] >> 24) as usize
}

/// The hash's parts, most significant first.
pub(super) fn split(hash: u128) -> [u32; 4] {
    [(hash >> 96) as u32, (hash >> 64) as u32, (hash >> 32) as u32, hash as u32]
}

/// Takes units, or parts of them, apart by partition, each part in input order.
pub(super) fn partitions<E: AsRef<[Entry]>>(units: Vec<(u32, E)>) -> Vec<Vec<Record>> {
    let mut sizes = [0; PARTITIONS];
    units.iter().flat_map(|(_, entries)| entries.as_ref()).for_each(|e| sizes[partition(e.hash)] += 1);
    let mut partitions: Vec<Vec<Record>> = sizes.into_iter().map(Vec::with_capacity).collect();
    for (unit, entries) in units {
        for &Entry { hash, row } in entries.as_ref() {
            partitions[partition(hash)].push(Record { hash, unit, row });
        }
    }
    partitions
}
