//! Partitions of keys that went to disk, looked through in bounded memory however often one key comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::ops::Range;

use super::judge::PartitionJudge;
use super::key::Record;
use super::spill::Spill;
use crate::metric::Budget;

/// The parts that a partition is taken into which is too large, by the next byte of the hash.
const PARTS: usize = 256;

/// So many records of all spills together are held while these are read side by side.
const SIDE_BY_SIDE: usize = 1 << 18;

/// How many records may be looked through at once: they, and the table of their keys, take up to 72 bytes each.
pub(super) fn records_max(budget: &Budget) -> u64 {
    (budget.limit() / 4 / 72).max(1 << 12)
}

/// Looks through one partition of `spills`. `records` is used again.
pub(super) fn look_through(
    judge: &mut PartitionJudge,
    spills: &[Spill],
    index: usize,
    most: u64,
    records: &mut Vec<Record>,
) -> io::Result<()> {
    records.clear();
    let len: u64 = spills.iter().map(|spill| spill.len_of(index)).sum();
    // How often a key comes is counted in 31 bits.
    if len > i32::MAX as u64 {
        return Err(io::Error::other("2,147,483,647 rows of one part of the keys can be counted, and there are more"));
    }
    if len <= most {
        spills.iter().try_for_each(|spill| spill.read(index, records))?;
        judge.look_through(records);
        return Ok(());
    }
    let mut sizes = [0; PARTS];
    for spill in spills {
        spill.records(index, SIDE_BY_SIDE).each(|record| sizes[part(record)] += 1)?;
    }
    for parts in together(&sizes, most) {
        let is_heavy = sizes[parts.clone()].iter().sum::<u64>() > most;
        if is_heavy {
            // A part of a part: nearly all of it is one key, or a few.
            judge.look_through_few(&|take| {
                in_order(spills, index, |record| {
                    if parts.contains(&part(record)) {
                        take(record)
                    }
                })
            })?;
            continue;
        }
        records.clear();
        for spill in spills {
            spill.records(index, SIDE_BY_SIDE).each(|record| {
                if parts.contains(&part(record)) {
                    records.push(*record)
                }
            })?;
        }
        judge.look_through(records);
    }
    Ok(())
}

fn part(record: &Record) -> usize {
    (record.hash[0] >> 16 & 0xff) as usize
}

/// Ranges of parts that have at most `most` records together, or are a single part.
fn together(sizes: &[u64; PARTS], most: u64) -> Vec<Range<usize>> {
    let (mut ranges, mut sum): (Vec<Range<usize>>, u64) = (Vec::new(), 0);
    for (part, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
        match ranges.last_mut() {
            Some(range) if sum + size <= most => {
                range.end = part + 1;
                sum += size;
            }
            Some(_) | None => {
                ranges.push(part..part + 1);
                sum = *size;
            }
        }
    }
    ranges
}

/// Gives every record of a partition in input order.
fn in_order(spills: &[Spill], index: usize, mut take: impl FnMut(&Record)) -> io::Result<()> {
    let each = (SIDE_BY_SIDE / spills.len().max(1)).clamp(1 << 8, 1 << 13);
    let mut readers: Vec<_> = spills.iter().map(|spill| spill.records(index, each)).collect();
    let mut heap = BinaryHeap::new();
    for (reader, records) in readers.iter_mut().enumerate() {
        if let Some(record) = records.next()? {
            heap.push(Reverse((record.unit, record.row, record.hash, reader)));
        }
    }
    while let Some(Reverse((unit, row, hash, reader))) = heap.pop() {
        let mut record = Record { hash, unit, row };
        // Spills mostly hold units of their own: the same one goes on until another has the next row.
        loop {
            take(&record);
            let Some(next) = readers[reader].next()? else { break };
            if heap.peek().is_some_and(|Reverse((unit, row, ..))| (*unit, *row) < (next.unit, next.row)) {
                heap.push(Reverse((next.unit, next.row, next.hash, reader)));
                break;
            }
            record = next;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::tempdir;

    use super::super::key::{FOREIGN, PARTITIONS, partition};
    use super::super::outcome::{Keep, Lookup};
    use super::*;
    use crate::metric::keys::KeysOut;

    /// Records of which many share a key, some of them of other data; all hashes begin alike.
    fn records() -> impl Strategy<Value = Vec<Record>> {
        let hash = prop_oneof![3 => Just([7 << 24, 1, 2, 3]), 1 => (0..40u32).prop_map(|n| [7 << 24 | (n % 5) << 16, n / 3, 0, n / 9])];
        let unit = prop_oneof![4 => 0..6u32, 1 => Just(FOREIGN)];
        prop::collection::vec((hash, unit), 0..400).prop_map(|all| {
            let row =
                |(row, (hash, unit)): (usize, ([u32; 4], u32))| Record { hash, unit, row: if unit == FOREIGN { 0 } else { row as u32 } };
            all.into_iter().enumerate().map(row).collect()
        })
    }

    /// What comes of the records in spills of `chunk` each, no more than `most` of which are held.
    fn spilled(records: &[Record], chunk: usize, most: u64, keep: Keep, lookup: Lookup) -> KeysOut {
        let place = tempdir().expect("a directory");
        let budget = Budget::new(0, place.path().to_owned());
        let spill = |records: &[Record]| {
            let mut partitions = vec![Vec::new(); PARTITIONS];
            records.iter().for_each(|record| partitions[partition(record.hash)].push(*record));
            Spill::write(&budget, &mut partitions).expect("written")
        };
        let spills: Vec<Spill> = records.chunks(chunk).map(spill).collect();
        let (mut judge, mut held) = (PartitionJudge::new(keep, lookup), Vec::new());
        for index in 0..PARTITIONS {
            look_through(&mut judge, &spills, index, most, &mut held).expect("looked through");
        }
        judge.finish()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_partition_is_judged_alike_whole_in_parts_and_row_by_row(records in records(), chunk in 1usize..200, most in 0u64..150) {
            for keep in [Keep::First, Keep::Last, Keep::None] {
                for lookup in [Lookup::Beside, Lookup::Present, Lookup::Absent, Lookup::MoreThan(2), Lookup::FewerThan(3)] {
                    let whole = spilled(&records, records.len().max(1), u64::MAX, keep, lookup);
                    prop_assert_eq!(spilled(&records, chunk, most, keep, lookup), whole);
                }
            }
        }
    }
}
