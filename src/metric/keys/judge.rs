//! Which keys of a partition occur how often, and which rows must go.

use std::collections::BTreeMap;
use std::io;

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

/// Marks a key that occurs in the other data. No partition has so many rows: see `skew`.
const IS_FOREIGN: u32 = 1 << 31;

/// Slots for few keys, to begin with.
const FEW: usize = 1 << 10;

/// Gives every record of some, in input order, as often as it is asked.
pub(super) type EachRecord<'a> = dyn Fn(&mut dyn FnMut(&Record)) -> io::Result<()> + 'a;

/// Where the records lie that slots speak of.
trait Held {
    fn at(&self, index: u32) -> &Record;
    /// Holds a record, as the next one.
    fn keep(&mut self, record: &Record);
    /// Holds `record`, of index `index`, in the place of the one at `kept`; the index to find it by.
    fn replace(&mut self, kept: u32, record: &Record, index: u32) -> u32;
}

/// All records: each is where it is.
impl Held for &[Record] {
    #[inline]
    fn at(&self, index: u32) -> &Record {
        &self[index as usize]
    }

    #[inline]
    fn keep(&mut self, _: &Record) {}

    #[inline]
    fn replace(&mut self, _: u32, _: &Record, index: u32) -> u32 {
        index
    }
}

/// One record of each key.
impl Held for Vec<Record> {
    fn at(&self, index: u32) -> &Record {
        &self[index as usize]
    }

    fn keep(&mut self, record: &Record) {
        self.push(*record);
    }

    fn replace(&mut self, kept: u32, record: &Record, _: u32) -> u32 {
        self[kept as usize] = *record;
        kept
    }
}

/// Where the search for a key begins.
fn place(hash: [u32; 4]) -> usize {
    hash[3] as usize | (hash[2] as usize) << 32
}

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
        let foreign_before = self.out.foreign;
        self.begin((partition.len() * 2).next_power_of_two());
        let mut kept: &[Record] = partition;
        for (i, record) in partition.iter().enumerate() {
            self.take(record, i as u32, &mut kept);
        }
        if self.decides_by_key(foreign_before) {
            partition.iter().for_each(|record| self.decide(record, &kept));
        }
        self.count();
    }

    /// Does the same with records that are too many to be held, and of few keys: they are read in input order, twice where
    /// that is needed.
    pub(super) fn look_through_few(&mut self, records: &EachRecord<'_>) -> io::Result<()> {
        let foreign_before = self.out.foreign;
        self.begin(FEW);
        let mut kept: Vec<Record> = Vec::new();
        records(&mut |record| {
            if (kept.len() + 1) * 2 > self.table.len() {
                self.widen(&kept);
            }
            self.take(record, kept.len() as u32, &mut kept);
        })?;
        if self.decides_by_key(foreign_before) {
            records(&mut |record| self.decide(record, &kept))?;
        }
        self.count();
        Ok(())
    }

    fn begin(&mut self, slots: usize) {
        self.table.clear();
        self.table.resize(slots, Slot::default());
    }

    /// Makes room for more keys than were thought of.
    fn widen(&mut self, kept: &[Record]) {
        let slots = self.table.len() * 2;
        let before = std::mem::replace(&mut self.table, vec![Slot::default(); slots]);
        for slot in before.into_iter().filter(|slot| slot.count > 0) {
            let mut place = place(kept[slot.kept as usize].hash) & (slots - 1);
            while self.table[place].count > 0 {
                place = (place + 1) & (slots - 1);
            }
            self.table[place] = slot;
        }
    }

    /// Takes in a record, the next one in input order. `index` is where it can be found again if it is one to be kept.
    #[inline]
    fn take<H: Held>(&mut self, record: &Record, index: u32, held: &mut H) {
        let goes_by_keep = self.lookup == Lookup::Beside;
        let tag = record.hash[1];
        let last = self.table.len() - 1;
        let mut place = place(record.hash) & last;
        loop {
            let slot = &mut self.table[place];
            if slot.count > 0 && (slot.tag != tag || held.at(slot.kept).hash != record.hash) {
                place = (place + 1) & last;
                continue;
            }
            if record.unit == FOREIGN {
                if slot.count == 0 {
                    if matches!(self.lookup, Lookup::FewerThan(_)) {
                        held.keep(record);
                        *slot = Slot { tag, kept: index, count: IS_FOREIGN };
                    }
                } else if slot.count & IS_FOREIGN == 0 {
                    // The others with this key are failing already.
                    if goes_by_keep {
                        note(&mut self.failing, held.at(slot.kept));
                    }
                    self.out.foreign += u64::from(slot.count);
                    slot.count |= IS_FOREIGN;
                }
                return;
            }
            if slot.count == 0 {
                held.keep(record);
                *slot = Slot { tag, kept: index, count: 1 };
                return;
            }
            if goes_by_keep {
                let before = held.at(slot.kept);
                if self.keep == Keep::None && slot.count == 1 {
                    note(&mut self.failing, before);
                    self.out.repeats.note(before.id(), record.id());
                }
                let (fails, other) = if self.keep == Keep::Last { (before, record) } else { (record, before) };
                note(&mut self.failing, fails);
                self.out.repeats.note(fails.id(), other.id());
                if self.keep == Keep::Last {
                    slot.kept = held.replace(slot.kept, record, index);
                }
            }
            slot.count += 1;
            return;
        }
    }

    /// Whether what is known of a key decides on all of its rows.
    fn decides_by_key(&self, foreign_before: u64) -> bool {
        match self.lookup {
            Lookup::Beside => self.out.foreign > foreign_before,
            Lookup::Present | Lookup::Absent | Lookup::MoreThan(_) => true,
            Lookup::FewerThan(_) => false,
        }
    }

    /// Whether rows go whose key came so often, and occurs in the other data or not.
    fn goes(&self, count: u32) -> bool {
        match self.lookup {
            Lookup::Beside | Lookup::Present => count & IS_FOREIGN != 0,
            Lookup::Absent => count & IS_FOREIGN == 0,
            Lookup::MoreThan(most) => count & !IS_FOREIGN > most,
            Lookup::FewerThan(least) => count & IS_FOREIGN != 0 && count & !IS_FOREIGN < least,
        }
    }

    /// Notes a row of the batch where its key says so.
    fn decide<H: Held>(&mut self, record: &Record, held: &H) {
        if record.unit == FOREIGN {
            return;
        }
        let (tag, last) = (record.hash[1], self.table.len() - 1);
        let mut place = place(record.hash) & last;
        while self.table[place].tag != tag || held.at(self.table[place].kept).hash != record.hash {
            place = (place + 1) & last;
        }
        if self.goes(self.table[place].count) {
            note(if self.lookup == Lookup::Beside { &mut self.elsewhere } else { &mut self.failing }, record);
        }
    }

    /// Counts the keys that were looked through.
    fn count(&mut self) {
        if self.lookup != Lookup::Beside {
            self.out.sought += self.table.iter().filter(|slot| slot.count > 0 && self.goes(slot.count)).count() as u64;
        }
        for count in self.table.iter().map(|slot| slot.count & !IS_FOREIGN).filter(|&count| count > 0) {
            self.out.rows += u64::from(count);
            self.out.distinct += 1;
            self.out.once += u64::from(count == 1);
            self.out.groups += u64::from(count > 1);
            self.out.note_size(u64::from(count));
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
    bits.into_iter().for_each(|(unit, words)| rows.insert_words(unit, words));
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
