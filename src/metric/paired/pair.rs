//! Which rows of two data sets have one key, and whether their values are the same.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::rows::{Entry, Hashed, PARTITIONS, key, row, values};
use crate::diagnostic::{Code, Fault};
use crate::rows::{RowId, RowSet};

/// How the rows of two data sets stand to each other. Of two things, the first is of A and the second of B.
#[derive(Debug, Default)]
pub struct Paired {
    /// Keys that each of both has once.
    pub both: u64,
    /// Rows of those of which the other values differ.
    pub differing: [RowSet; 2],
    /// Rows whose key the other has not.
    pub alone: [RowSet; 2],
    /// Rows whose key one of both has several times: which row is which cannot be told.
    pub repeated: [RowSet; 2],
    /// Keys that it has several times itself.
    pub repeated_keys: [u64; 2],
}

/// Pairs the rows of `a` and `b` on so many threads.
///
/// # Errors
/// What was spilled cannot be read back.
pub fn pair(a: &Hashed, b: &Hashed, threads: usize) -> Result<Paired, Fault> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut worker = Worker::default();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= PARTITIONS {
                return Ok(worker.found);
            }
            worker.entries.clear();
            a.partition(index, &mut worker.entries)?;
            let of_a = worker.entries.len();
            b.partition(index, &mut worker.entries)?;
            worker.look_through(of_a);
        }
    };
    let found: Vec<Result<Found, Fault>> = thread::scope(|scope| {
        let begin = |_| thread::Builder::new().spawn_scoped(scope, work);
        // A container may let us have fewer threads; this one is there.
        let workers: Vec<_> = (1..threads.clamp(1, PARTITIONS)).map_while(|i| begin(i).ok()).collect();
        let own = work();
        let broken = || Fault::new(Code::Internal, "internal error while rows were compared");
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(broken()))).chain([own]).collect()
    });
    let mut all = Found::default();
    for found in found {
        all.merge(found?);
    }
    let Found { both, differing, alone, repeated, repeated_keys } = all;
    let sets = |marks: [Marks; 2]| marks.map(Marks::into_rows);
    Ok(Paired { both, differing: sets(differing), alone: sets(alone), repeated: sets(repeated), repeated_keys })
}

/// What one thread found.
#[derive(Debug, Default)]
struct Found {
    both: u64,
    differing: [Marks; 2],
    alone: [Marks; 2],
    repeated: [Marks; 2],
    repeated_keys: [u64; 2],
}

impl Found {
    fn merge(&mut self, other: Self) {
        self.both += other.both;
        for side in 0..2 {
            self.repeated_keys[side] += other.repeated_keys[side];
        }
        let pairs = [(&mut self.differing, other.differing), (&mut self.alone, other.alone), (&mut self.repeated, other.repeated)];
        for (ours, theirs) in pairs {
            ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| ours.merge(theirs));
        }
    }
}

/// One bit for each row, by unit.
#[derive(Debug, Default)]
struct Marks(Vec<Vec<u64>>);

impl Marks {
    fn set(&mut self, row: RowId) {
        let unit = row.unit as usize;
        if unit >= self.0.len() {
            self.0.resize_with(unit + 1, Vec::new);
        }
        let (words, word) = (&mut self.0[unit], row.row as usize / 64);
        if word >= words.len() {
            words.resize(word + 1, 0);
        }
        words[word] |= 1 << (row.row % 64);
    }

    fn merge(&mut self, other: Self) {
        self.0.resize_with(self.0.len().max(other.0.len()), Vec::new);
        for (ours, theirs) in self.0.iter_mut().zip(other.0) {
            ours.resize(ours.len().max(theirs.len()), 0);
            ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours |= theirs);
        }
    }

    fn into_rows(self) -> RowSet {
        let mut rows = RowSet::default();
        for (unit, words) in (0u32..).zip(self.0) {
            let set = |word: u64| (0..64).filter(move |bit| word >> bit & 1 == 1);
            let of_unit = words.iter().zip((0u32..).step_by(64)).flat_map(|(&word, first)| set(word).map(move |bit| first + bit));
            rows.insert_unit(unit, of_unit.collect());
        }
        rows
    }
}

/// What is known of a key of the partition: one bit each, those of A before those of B.
mod seen {
    pub(super) const ONCE: [u8; 2] = [1, 2];
    pub(super) const AGAIN: [u8; 2] = [4, 8];
    /// The values of the first rows of both differ.
    pub(super) const DIFFERS: u8 = 16;
}

/// Looks through one partition after another, in memory that is used again.
#[derive(Default)]
struct Worker {
    found: Found,
    /// Rows of A, then those of B.
    entries: Vec<Entry>,
    /// Open addressing: the index of the first row with a key, from 1, under a part of the key's hash that tells most keys from
    /// others without a look at their rows. 0 is free.
    table: Vec<u64>,
    /// By the index of the first row with a key, what is known of it; 0 for all other rows.
    seen: Vec<u8>,
    /// By the same, the first row of B where both have it.
    partner: Vec<u32>,
}

/// The part of a key's hash that stands in the table, above the index.
const TAG: u64 = !(u32::MAX as u64);

impl Worker {
    fn look_through(&mut self, of_a: usize) {
        let rows = self.entries.len();
        // Two thirds of it are taken at most.
        self.table.clear();
        self.table.resize((rows + rows / 2 + 1).next_power_of_two(), 0);
        self.seen.clear();
        self.seen.resize(rows, 0);
        self.partner.resize(rows, 0);
        for index in 0..rows {
            match self.look_up(index) {
                Ok(first) => self.see_again(first, index, usize::from(index >= of_a)),
                Err(place) => {
                    self.table[place] = key(&self.entries[index])[1] & TAG | (index as u64 + 1);
                    self.seen[index] = seen::ONCE[usize::from(index >= of_a)];
                }
            }
        }
        let mut is_repeated = false;
        for index in 0..rows {
            let (seen, side) = (self.seen[index], usize::from(index >= of_a));
            if seen == 0 {
                continue;
            }
            let again = seen::AGAIN.map(|again| seen & again != 0);
            if again != [false; 2] {
                is_repeated = true;
                (0..2).for_each(|side| self.found.repeated_keys[side] += u64::from(again[side]));
            } else if seen == seen::ONCE[side] {
                self.found.alone[side].set(row(&self.entries[index]));
            } else {
                self.found.both += 1;
                if seen & seen::DIFFERS != 0 {
                    self.found.differing[0].set(row(&self.entries[index]));
                    self.found.differing[1].set(row(&self.entries[self.partner[index] as usize]));
                }
            }
        }
        if is_repeated {
            for index in 0..rows {
                if self.look_up(index).is_ok_and(|first| self.seen[first] & (seen::AGAIN[0] | seen::AGAIN[1]) != 0) {
                    self.found.repeated[usize::from(index >= of_a)].set(row(&self.entries[index]));
                }
            }
        }
    }

    /// Takes a row whose key `first` has, too.
    fn see_again(&mut self, first: usize, index: usize, side: usize) {
        let seen = &mut self.seen[first];
        if *seen & seen::ONCE[side] != 0 {
            *seen |= seen::AGAIN[side];
            return;
        }
        *seen |= seen::ONCE[side];
        self.partner[first] = index as u32;
        if values(&self.entries[first]) != values(&self.entries[index]) {
            *seen |= seen::DIFFERS;
        }
    }

    /// The first row with the key of this one; or the free place in the table where the key would stand.
    fn look_up(&self, index: usize) -> Result<usize, usize> {
        let (wanted, mask) = (key(&self.entries[index]), self.table.len() - 1);
        // The first byte chose the partition.
        let mut place = (wanted[0] as usize) & mask;
        loop {
            let slot = self.table[place];
            if slot == 0 {
                return Err(place);
            }
            if (slot ^ wanted[1]) & TAG == 0 {
                let first = (slot & !TAG) as usize - 1;
                if key(&self.entries[first]) == wanted {
                    return Ok(first);
                }
            }
            place = (place + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};
    use proptest::prelude::*;

    use super::*;
    use crate::metric::paired::Hashing;
    use crate::metric::{Budget, Column};
    use crate::rows::{Mask, RowNumbers};

    /// Rows of key and value, in units of so many.
    fn hashed(rows: &[(i64, i64)], unit_rows: usize, budget: &Arc<Budget>) -> Hashed {
        let mut hashed = Hashed::new(budget);
        for (unit, rows) in rows.chunks(unit_rows).enumerate() {
            let column = |values: Vec<i64>| Column::new(Arc::new(Int64Array::from(values)) as ArrayRef);
            let (keys, values) = (column(rows.iter().map(|r| r.0).collect()), column(rows.iter().map(|r| r.1).collect()));
            let mut hashing = Hashing::default();
            let numbers = RowNumbers::Dense { first: 0, len: rows.len() as u32 };
            hashing.take((&[&keys], &[&values]), &Mask::All, (unit as u32, &numbers));
            hashed.push(hashing.finish()).expect("pushed");
        }
        hashed
    }

    fn numbers(rows: &RowSet, unit_rows: usize) -> Vec<usize> {
        rows.iter().map(|row| row.unit as usize * unit_rows + row.row as usize).collect()
    }

    proptest! {
        #[test]
        fn rows_are_paired_as_a_map_by_key_pairs_them(
            a in prop::collection::vec((0i64..60, 0i64..3), 0..80),
            b in prop::collection::vec((0i64..60, 0i64..3), 0..80),
            threads in 1usize..4,
        ) {
            let budget = Arc::new(Budget::new(u64::MAX, PathBuf::new()));
            let paired = pair(&hashed(&a, 7, &budget), &hashed(&b, 13, &budget), threads).expect("paired");
            let by_key = |rows: &[(i64, i64)]| {
                let mut map: BTreeMap<i64, Vec<(usize, i64)>> = BTreeMap::new();
                rows.iter().enumerate().for_each(|(i, (key, value))| map.entry(*key).or_default().push((i, *value)));
                map
            };
            let maps = [by_key(&a), by_key(&b)];
            let of = |side: usize, key: &i64| maps[side].get(key).cloned().unwrap_or_default();
            let is_paired = |key: &i64| of(0, key).len() == 1 && of(1, key).len() == 1;
            let both = maps[0].keys().filter(|key| is_paired(key)).count() as u64;
            prop_assert_eq!(paired.both, both);
            for side in 0..2 {
                let rows = |wanted: &dyn Fn(&i64) -> bool| {
                    let mut rows: Vec<usize> = maps[side].iter().filter(|(key, _)| wanted(key)).flat_map(|(_, rows)| rows.iter().map(|r| r.0)).collect();
                    rows.sort_unstable();
                    rows
                };
                let unit_rows = [7, 13][side];
                let differs = |key: &i64| is_paired(key) && of(0, key)[0].1 != of(1, key)[0].1;
                prop_assert_eq!(numbers(&paired.differing[side], unit_rows), rows(&differs));
                let is_alone = |key: &i64| of(side, key).len() == 1 && of(1 - side, key).is_empty();
                prop_assert_eq!(numbers(&paired.alone[side], unit_rows), rows(&is_alone));
                let is_repeated = |key: &i64| of(0, key).len() > 1 || of(1, key).len() > 1;
                prop_assert_eq!(numbers(&paired.repeated[side], unit_rows), rows(&is_repeated));
                prop_assert_eq!(paired.repeated_keys[side], maps[side].values().filter(|rows| rows.len() > 1).count() as u64);
            }
        }
    }

    #[test]
    fn what_goes_to_disk_is_paired_as_what_stays_in_memory() {
        let rows = |add: i64| (0..300_000).map(|i| (i * 7 % 300_007 + add, i % 11)).collect::<Vec<_>>();
        let (a, mut b) = (rows(0), rows(5));
        b.reverse();
        let dir = tempfile::tempdir().expect("a directory");
        let found = [u64::MAX, 0].map(|limit| {
            let budget = Arc::new(Budget::new(limit, dir.path().to_owned()));
            let (a, b) = (hashed(&a, 140_000, &budget), hashed(&b, 150_000, &budget));
            assert_eq!(a.len() + b.len(), 600_000);
            assert_eq!(budget.used() < 2 << 20, limit == 0, "most of it is on disk");
            let Paired { both, differing, alone, .. } = pair(&a, &b, 2).expect("paired");
            (both, differing, alone)
        });
        assert!(found[0].0 > 200_000 && !found[0].1[0].is_empty() && !found[0].2[1].is_empty());
        assert!(found[0] == found[1], "the same rows");
        assert_eq!(std::fs::read_dir(dir.path()).expect("read").count(), 0, "spill files go with what they are of");
    }
}
