//! Counts by cell of a 64-bit order, in a table that coarsens all its cells at once when there are too many.

use super::super::encoding;
use crate::diagnostic::Fault;

/// A cell that holds values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The place in the order of its value; where there are several, the lowest place of the cell.
    pub(super) key: u64,
    pub(super) count: u64,
    /// Whether it holds more than one value.
    pub(super) mixed: bool,
}

/// A cell as it is saved: see [`Entry`].
type Saved = (u64, u64, bool);

/// Twice the count, and one more where another value than the first came; 0 is an empty place.
#[derive(Debug, Clone, Copy)]
struct Slot {
    key: u64,
    tally: u64,
}

/// Counts by cell: open addressing with linear probing, at most half full; less while it is small.
#[derive(Debug, Clone)]
pub(super) struct Table {
    shift: u32,
    /// A power of two, or none yet.
    slots: Vec<Slot>,
    len: usize,
    /// With more cells than these, values begin to share them.
    limit: usize,
    /// Then there are at most so many.
    shared_max: usize,
}

/// An odd number near 2^64 divided by the golden ratio: its multiples scatter neighbours (D. Knuth, "Sorting and
/// Searching", 6.4).
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Table {
    /// Every value has a cell of its own up to `exact_max`; beyond, there are at most `shared_max` cells.
    pub(super) fn new(exact_max: usize, shared_max: usize) -> Self {
        Self { shift: 0, slots: Vec::new(), len: 0, limit: exact_max, shared_max }
    }

    pub(super) fn shift(&self) -> u32 {
        self.shift
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }

    /// Counts `count` more of a value; whether its cell is new.
    #[inline]
    pub(super) fn add(&mut self, key: u64, count: u64) -> bool {
        self.add_tally(key, count << 1)
    }

    /// Counts one more of each value.
    #[inline]
    pub(super) fn add_each(&mut self, mut keys: impl Iterator<Item = u64>) {
        // What does not change while all cells are there already stands outside the inner loop: the compiler cannot see that.
        while let Some(first) = keys.next() {
            self.add(first, 1);
            let (shift, home) = (self.shift, 64 - self.slots.len().trailing_zeros());
            let (last, slots) = (self.slots.len() - 1, self.slots.as_mut_slice());
            let new = keys.find(|&key| {
                let mut place = ((key >> shift).wrapping_mul(SCATTER) >> home) as usize & last;
                loop {
                    let slot = &mut slots[place];
                    if slot.tally == 0 {
                        return true;
                    }
                    if (slot.key ^ key) >> shift == 0 {
                        slot.tally = (slot.tally + 2) | u64::from(slot.key != key);
                        return false;
                    }
                    place = (place + 1) & last;
                }
            });
            if let Some(new) = new {
                self.insert(new, 2);
            }
        }
    }

    #[inline]
    fn add_tally(&mut self, key: u64, tally: u64) -> bool {
        if !self.slots.is_empty() {
            let last = self.slots.len() - 1;
            let mut place = self.home(key);
            loop {
                let slot = &mut self.slots[place & last];
                if slot.tally == 0 {
                    break;
                }
                if (slot.key ^ key) >> self.shift == 0 {
                    let mixed = (slot.tally | tally | u64::from(slot.key != key)) & 1;
                    slot.tally = ((slot.tally & !1) + (tally & !1)) | mixed;
                    return false;
                }
                place += 1;
            }
        }
        self.insert(key, tally);
        true
    }

    fn home(&self, key: u64) -> usize {
        ((key >> self.shift).wrapping_mul(SCATTER) >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    /// Takes in a cell that is not there yet.
    fn insert(&mut self, key: u64, tally: u64) {
        if (self.len + 1) * 2 > self.slots.len() && self.len < self.limit {
            self.resize(self.len + 1);
        }
        let last = self.slots.len() - 1;
        let mut place = self.home(key);
        while self.slots[place & last].tally != 0 {
            place += 1;
        }
        self.slots[place & last] = Slot { key, tally };
        self.len += 1;
        if self.len > self.limit {
            self.fit();
        }
    }

    /// Makes room for so many cells in all. To do so beforehand spares the long searches of a table that is filled in its own order.
    pub(super) fn reserve(&mut self, cells: usize) {
        if cells * 2 > self.slots.len() {
            self.resize(cells);
        }
    }

    fn resize(&mut self, cells: usize) {
        let places = (cells * if cells <= 1024 { 4 } else { 2 }).next_power_of_two().max(64);
        self.rebuild(self.shift, places);
    }

    fn rebuild(&mut self, shift: u32, places: usize) {
        let before = std::mem::replace(&mut self.slots, vec![Slot { key: 0, tally: 0 }; places]);
        (self.shift, self.len) = (shift, 0);
        for slot in before.into_iter().filter(|slot| slot.tally != 0) {
            self.add_tally(slot.key, slot.tally);
        }
    }

    /// From now on cells are no finer.
    pub(super) fn coarsen(&mut self, shift: u32) {
        if shift > self.shift {
            self.limit = usize::MAX;
            self.rebuild(shift, self.slots.len());
            self.share();
        }
    }

    /// Goes to the smallest shift with no more cells than values may share.
    #[cold]
    fn fit(&mut self) {
        self.limit = usize::MAX;
        let mut shift = self.shift + 1;
        if self.len > self.shared_max + self.shared_max / 2 {
            let mut keys: Vec<u64> = self.slots.iter().filter(|slot| slot.tally != 0).map(|slot| slot.key).collect();
            keys.sort_unstable();
            shift = shift.max(smallest_shift(&keys, self.shared_max));
        }
        self.rebuild(shift, self.slots.len());
        self.share();
    }

    /// Whether there may be only so many cells.
    pub(super) fn is_limited(&self) -> bool {
        self.limit < usize::MAX
    }

    /// From now on values share cells.
    pub(super) fn share(&mut self) {
        self.limit = self.shared_max;
        if self.len > self.limit {
            self.fit();
        }
    }

    pub(super) fn merge(&mut self, later: &Self) {
        self.coarsen(later.shift);
        self.reserve((self.len + later.len).min(self.limit));
        for slot in later.slots.iter().filter(|slot| slot.tally != 0) {
            self.add_tally(slot.key, slot.tally);
        }
    }

    /// The cells, ascending.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let cells = self.slots.iter().filter(|slot| slot.tally != 0);
        let mut entries: Vec<Entry> =
            cells.map(|slot| Entry { key: slot.key, count: slot.tally >> 1, mixed: slot.tally & 1 == 1 }).collect();
        entries.sort_unstable_by_key(|entry| entry.key);
        coarsened(entries, self.shift)
    }

    /// The table of these cells.
    pub(super) fn of(entries: &[Entry], shift: u32, empty: Self) -> Self {
        let mut table = empty;
        table.coarsen(shift);
        table.reserve(entries.len().min(table.limit));
        for entry in entries {
            table.add_tally(entry.key, entry.count << 1 | u64::from(entry.mixed));
        }
        table
    }
}

/// The smallest shift at which keys, ascending, lie in at most `cells` cells.
pub(super) fn smallest_shift(keys: &[u64], cells: usize) -> u32 {
    // Neighbours share a cell from the shift on that drops the highest bit in which they differ.
    let mut parted = [0usize; 65];
    for pair in keys.windows(2) {
        parted[(64 - (pair[0] ^ pair[1]).leading_zeros()) as usize] += 1;
    }
    let mut count = usize::from(!keys.is_empty()) + parted[1..].iter().sum::<usize>();
    let mut shift = 0;
    while count > cells && shift < 63 {
        shift += 1;
        count -= parted[shift as usize];
    }
    shift
}

/// Cells, ascending, at a coarser shift; what falls together becomes one.
pub(super) fn coarsened(entries: Vec<Entry>, shift: u32) -> Vec<Entry> {
    let mut cells: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match cells.last_mut().filter(|last| (last.key ^ entry.key) >> shift == 0) {
            Some(last) => {
                last.mixed |= entry.mixed || last.key != entry.key;
                last.count += entry.count;
            }
            None => cells.push(entry),
        }
    }
    // Which of its values came first is nobody's business.
    cells.iter_mut().filter(|cell| cell.mixed).for_each(|cell| cell.key = cell.key >> shift << shift);
    cells
}

/// Cells as they are saved.
pub(super) fn saved(entries: &[Entry]) -> Vec<Saved> {
    entries.iter().map(|entry| (entry.key, entry.count, entry.mixed)).collect()
}

/// Cells as [`saved`] wrote them, and how many values they hold.
pub(super) fn read(saved: Vec<Saved>, shift: u32) -> Result<(Vec<Entry>, u64), Fault> {
    encoding::ensure(shift < u64::BITS, "an order has 64 bits")?;
    encoding::ensure_counts(saved.iter().map(|(_, count, _)| *count))?;
    encoding::ensure(saved.is_sorted_by(|a, b| a.0 >> shift < b.0 >> shift), "its cells are out of order")?;
    let is_cell = |&(key, count, mixed): &Saved| count > 0 && (!mixed || (shift > 0 && key >> shift << shift == key));
    encoding::ensure(saved.iter().all(is_cell), "it has a cell where there can be none")?;
    let count = saved.iter().fold(0u64, |all, (_, count, _)| all.saturating_add(*count));
    encoding::ensure_counts([count])?;
    Ok((saved.into_iter().map(|(key, count, mixed)| Entry { key, count, mixed }).collect(), count))
}
