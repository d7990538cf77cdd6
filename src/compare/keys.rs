//! Which rows and values two data sets share, by their hashes.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashSet, HashSetExt};
use xxhash_rust::xxh3::xxh3_128;

use crate::diagnostic::Fault;
use crate::metric::Column;
use crate::metric::canonical::RowBytes;
use crate::source::{Chunk, Projection, Source};

/// So many different keys are held of each column; beyond, only those of a part of all hashes, half as large each time.
const KEYS_MAX: usize = 500_000;
/// Columns of more different values than these hold no categories.
const VALUES_MAX: usize = 50;

/// Different keys, or those whose hash ends in so many zeros.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    hashes: HashSet<u128>,
    zeros: u32,
}

impl KeySet {
    /// Takes a key in; whether it is a new one, as far as it is held at all.
    fn insert(&mut self, hash: u128) -> bool {
        if hash.trailing_zeros() < self.zeros {
            return true;
        }
        let is_new = self.hashes.insert(hash);
        while self.hashes.len() > KEYS_MAX {
            self.zeros += 1;
            let zeros = self.zeros;
            self.hashes.retain(|hash| hash.trailing_zeros() >= zeros);
        }
        is_new
    }
}

/// How many keys two sets share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared {
    pub both: u64,
    pub only_a: u64,
    pub only_b: u64,
    /// Whether these are estimates from a part of the hashes.
    pub is_estimate: bool,
}

pub(super) fn shared(a: &KeySet, b: &KeySet) -> Shared {
    let zeros = a.zeros.max(b.zeros);
    let held = |set: &KeySet, other: Option<&KeySet>| {
        let is_counted = |hash: &&u128| hash.trailing_zeros() >= zeros && other.is_none_or(|other| other.hashes.contains(*hash));
        (set.hashes.iter().filter(is_counted).count() as u64) << zeros
    };
    let both = held(a, Some(b));
    Shared { both, only_a: held(a, None) - both, only_b: held(b, None) - both, is_estimate: zeros > 0 }
}

/// What one of two data sets holds.
pub(super) struct Side {
    pub rows: u64,
    /// Whole rows, of the columns that both have.
    pub whole: KeySet,
    /// By column, where no value is missing and no two are alike.
    pub keys: Vec<Option<KeySet>>,
    /// By column, its different values where these are few.
    pub values: Vec<Option<BTreeSet<u128>>>,
}

impl Side {
    /// Reads `columns` of `source`.
    pub(super) fn read(source: &Arc<dyn Source>, columns: &[usize]) -> Result<Self, Fault> {
        let mut side = Self {
            rows: 0,
            whole: KeySet::default(),
            keys: columns.iter().map(|_| Some(KeySet { hashes: HashSet::new(), zeros: 0 })).collect(),
            values: columns.iter().map(|_| Some(BTreeSet::new())).collect(),
        };
        let projection = Projection::new(source.schema(), columns.to_vec());
        // The projection is in the order of the source, the columns in that of the first data set.
        let places: Vec<usize> = columns.iter().filter_map(|column| projection.columns.iter().position(|c| c == column)).collect();
        let mut previous = None;
        while let Some((unit, preread)) = source.next_unit(previous.as_ref())? {
            let mut take = |chunk: Chunk| {
                side.take(&chunk, &places);
                Ok(())
            };
            source.read(&unit, preread, &projection, &mut take)?;
            previous = Some(unit);
        }
        Ok(side)
    }

    fn take(&mut self, chunk: &Chunk, places: &[usize]) {
        let columns: Vec<Column> = places.iter().map(|&place| Column::new(chunk.batch.column(place).clone())).collect();
        let (len, mut bytes) = (chunk.batch.num_rows(), RowBytes::default());
        self.rows += len as u64;
        bytes.encode(&columns.iter().collect::<Vec<_>>(), len);
        for row in 0..len {
            self.whole.insert(xxh3_128(bytes.row(row)));
        }
        for ((column, keys), values) in columns.iter().zip(&mut self.keys).zip(&mut self.values) {
            if keys.is_none() && values.is_none() {
                continue;
            }
            let missing = column.missing().bits(len);
            bytes.encode(&[column], len);
            for row in 0..len {
                if missing.value(row) {
                    *keys = None;
                    continue;
                }
                let hash = xxh3_128(bytes.row(row));
                if keys.as_mut().is_some_and(|keys| !keys.insert(hash)) {
                    *keys = None;
                }
                if values.as_mut().is_some_and(|values| values.insert(hash) && values.len() > VALUES_MAX) {
                    *values = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_sets_share_is_counted_exactly_while_they_are_small_and_estimated_beyond() {
        let set = |numbers: std::ops::Range<u64>| {
            let mut set = KeySet::default();
            numbers.for_each(|n| _ = set.insert(xxh3_128(&n.to_le_bytes())));
            set
        };
        let exact = shared(&set(0..1000), &set(900..1500));
        assert_eq!(exact, Shared { both: 100, only_a: 900, only_b: 500, is_estimate: false });
        let (a, b) = (set(0..1_200_000), set(600_000..1_800_000));
        let about = shared(&a, &b);
        assert!(about.is_estimate && a.hashes.len() <= KEYS_MAX);
        for count in [about.both, about.only_a, about.only_b] {
            assert!(count.abs_diff(600_000) < 6_000, "{about:?}");
        }
    }
}
