//! Which keys of a partition occur how often, and which rows must go.

use std::collections::BTreeMap;

use super::key::{FOREIGN, Record};
use super::outcome::{Keep, KeysOut, Lookup};
use crate::rows::RowSet;

/// Looks through one partition after another, in memory that is used again.
pub(super) struct PartitionJudge {
    keep: Keep,
    lookup: Lookup,
    out: KeysOut,
    /// Open addressing, at least twice as large as the partition.
    table: Vec<Slot>,
    /// One bit for each row that must go, by unit.
    failing: BTreeMap<u32, Vec<u64>>,
    /// One for each row whose key occurs in the other data.
    elsewhere: BTreeMap<u32, Vec<u64>>,
}

/// A key of the partition: most are told from others without a look at their records.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// A part of the key's hash.
    tag: u32,
    /// The index of the record to be kept so far.
    kept: u32,
    /// How often the key came, and whether it occurs in the other data; 0 for a free slot.
    count: u32,
}

/// Marks a key that occurs in the other data. No partition has so many rows.
const IS_FOREIGN: u32 = 1 << 31;

impl PartitionJudge {
    pub(super) fn new(keep: Keep, lookup: Lookup) -> Self {
        Self { keep, lookup, out: KeysOut::default(), table: Vec::new(), failing: BTreeMap::new(), elsewhere: BTreeMap::new() }
    }

    /// Counts the keys of one partition and notes the rows that must go.
    pub(super) fn look_through(&mut self, partition: &mut [Record]) {
        // In input order, the other data's keys last, unless units were merged in another, or spilled between others.
        if !partition.is_sorted_by_key(|r| (r.unit, r.row)) {
            partition.sort_unstable_by_key(|r| (r.unit, r.row));
        }
        let slots = (partition.len() * 2).next_power_of_two();
        let foreign_before = self.out.foreign;
        let goes_by_keep = self.lookup == Lookup::Beside;
        let counts_lacking = matches!(self.lookup, Lookup::FewerThan(_));
        self.table.clear();
        self.table.resize(slots, Slot::default());
        for (i, record) in partition.iter().enumerate() {
            let tag = record.hash[1];
            let mut place = (record.hash[3] as usize | (record.hash[2] as usize) << 32) & (slots - 1);
            loop {
                let slot = &mut self.table[place];
                if record.unit == FOREIGN {
                    let is_key = slot.count > 0 && slot.tag == tag && partition[slot.kept as usize].hash == record.hash;
                    if is_key && slot.count & IS_FOREIGN == 0 {
                        // The others with this key are failing already.
                        let kept = goes_by_keep.then(|| &partition[slot.kept as usize]);
                        kept.into_iter().for_each(|kept| note(&mut self.failing, kept));
                        self.out.foreign += u64::from(slot.count);
                        slot.count |= IS_FOREIGN;
                    }
                    if slot.count == 0 && counts_lacking {
                        *slot = Slot { tag, kept: i as u32, count: IS_FOREIGN };
                        break;
                    }
                    if is_key || slot.count == 0 {
                        break;
                    }
                    place = (place + 1) & (slots - 1);
                    continue;
                }
                if slot.count == 0 {
                    *slot = Slot { tag, kept: i as u32, count: 1 };
                    break;
                }
                if slot.tag == tag && partition[slot.kept as usize].hash == record.hash {
                    if !goes_by_keep {
                        slot.count += 1;
                        break;
                    }
                    let before = &partition[slot.kept as usize];
                    if self.keep == Keep::None && slot.count == 1 {
                        note(&mut self.failing, before);
                        self.out.repeats.note(before.id(), record.id());
                    }
                    let (fails, other) = if self.keep == Keep::Last { (before, record) } else { (record, before) };
                    note(&mut self.failing, fails);
                    self.out.repeats.note(fails.id(), other.id());
                    if self.keep == Keep::Last {
                        slot.kept = i as u32;
                    }
                    slot.count += 1;
                    break;
                }
                place = (place + 1) & (slots - 1);
            }
        }
        match self.lookup {
            Lookup::Beside if self.out.foreign > foreign_before => self.note_elsewhere(partition),
            Lookup::Beside => {}
            Lookup::Present => self.note_sought(partition, |count| count & IS_FOREIGN != 0),
            Lookup::Absent => self.note_sought(partition, |count| count & IS_FOREIGN == 0),
            Lookup::MoreThan(most) => self.note_sought(partition, |count| count & !IS_FOREIGN > most),
            Lookup::FewerThan(least) => {
                let lacks = |slot: &&Slot| slot.count & IS_FOREIGN != 0 && slot.count & !IS_FOREIGN < least;
                self.out.sought += self.table.iter().filter(lacks).count() as u64;
            }
        }
        for count in self.table.iter().map(|slot| slot.count & !IS_FOREIGN).filter(|&count| count > 0) {
            self.out.rows += u64::from(count);
            self.out.distinct += 1;
            self.out.once += u64::from(count == 1);
            self.out.groups += u64::from(count > 1);
            self.out.note_size(u64::from(count));
        }
    }

    /// The slot of a row of the batch: each has one.
    fn slot_of(&self, partition: &[Record], record: &Record) -> Slot {
        let tag = record.hash[1];
        let mut place = (record.hash[3] as usize | (record.hash[2] as usize) << 32) & (self.table.len() - 1);
        while self.table[place].tag != tag || partition[self.table[place].kept as usize].hash != record.hash {
            place = (place + 1) & (self.table.len() - 1);
        }
        self.table[place]
    }

    /// Notes every row of a partition whose key was found in the other data.
    fn note_elsewhere(&mut self, partition: &[Record]) {
        for record in partition.iter().filter(|record| record.unit != FOREIGN) {
            if self.slot_of(partition, record).count & IS_FOREIGN != 0 {
                note(&mut self.elsewhere, record);
            }
        }
    }

    /// Lets every row of a partition go whose key is one that goes, by how often it came and whether the other data have it.
    fn note_sought(&mut self, partition: &[Record], goes: impl Fn(u32) -> bool) {
        self.out.sought += self.table.iter().filter(|slot| slot.count > 0 && goes(slot.count)).count() as u64;
        for record in partition.iter().filter(|record| record.unit != FOREIGN) {
            if goes(self.slot_of(partition, record).count) {
                note(&mut self.failing, record);
            }
        }
    }

    pub(super) fn finish(mut self) -> KeysOut {
        self.out.failing = row_set(self.failing);
        self.out.elsewhere = row_set(self.elsewhere);
        self.out
    }
}

fn row_set(bits: BTreeMap<u32, Vec<u64>>) -> RowSet {
    let mut rows = RowSet::default();
    for (unit, words) in bits {
        let set = |word: u64| (0..64).filter(move |bit| word >> bit & 1 == 1);
        let of_unit = words.iter().zip((0u32..).step_by(64)).flat_map(|(&word, first)| set(word).map(move |bit| first + bit));
        rows.insert_unit(unit, of_unit.collect());
    }
    rows
}

fn note(rows: &mut BTreeMap<u32, Vec<u64>>, record: &Record) {
    let words = rows.entry(record.unit).or_default();
    let word = record.row as usize / 64;
    if word >= words.len() {
        words.resize(word + 1, 0);
    }
    words[word] |= 1 << (record.row % 64);
}
