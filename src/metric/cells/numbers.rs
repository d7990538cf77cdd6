//! Cells of numbers, dates, times and booleans, by the order of floats.

use super::super::column::{Column, Floats, Numbers};
use super::super::number::ToFloat;
use super::super::ordered::{order_of, value_at};
use super::out::{Cell, Value};
use super::table::{Entry, Table, coarsened, smallest_shift};
use crate::each_width;
use crate::rows::Mask;
use arrow::array::AsArray;

/// So many values are always kept as they are.
pub(super) const EXACT_MAX: u64 = 1 << 16;
/// More values than [`EXACT_MAX`] have at most so many cells. More would not fit the processor's nearest memory.
pub(super) const CELLS_MAX: usize = 1 << 12;

/// Numbers: all of them while they are few, then cells.
#[derive(Debug, Clone)]
pub(super) struct NumberCells {
    /// Values that wait to be counted, as places in the order.
    waiting: Vec<u64>,
    table: Table,
    /// Values in all.
    pub(super) count: u64,
}

impl NumberCells {
    pub(super) fn new() -> Self {
        Self { waiting: Vec::new(), table: Self::table(), count: 0 }
    }

    /// How many values there are decides when they begin to share cells.
    fn table() -> Table {
        Table::new(usize::MAX, CELLS_MAX)
    }

    pub(super) fn update(&mut self, column: &Column, present: &Mask) {
        let len = column.len();
        match column.numbers() {
            Some(Numbers::Floats(Floats::F64(values))) => {
                present.ranges(len, |range| self.take(values[range].iter().map(|&x| order_of(x))));
            }
            Some(Numbers::Floats(Floats::F32(values))) => {
                present.ranges(len, |range| self.take(values[range].iter().map(|&x| order_of(f64::from(x)))));
            }
            Some(Numbers::Ints { values, scale: 0 }) => {
                each_width!(values, values => present.ranges(len, |range| self.take(values[range].iter().map(|&v| order_of(v as f64)))));
            }
            Some(Numbers::Ints { values, scale }) => {
                let float = ToFloat::new(scale);
                each_width!(values, values => present.ranges(len, |range| {
                    self.take(values[range].iter().map(|&v| order_of(float.convert(i128::from(v)))));
                }));
            }
            None => {
                if let Some(values) = column.array.as_boolean_opt() {
                    let trues = present.and(&Mask::new(values.values().clone())).count(len) as u64;
                    self.take_many(0.0, present.count(len) as u64 - trues);
                    self.take_many(1.0, trues);
                }
            }
        }
        self.settle();
    }

    fn take(&mut self, keys: impl ExactSizeIterator<Item = u64>) {
        self.count += keys.len() as u64;
        if !self.table.is_limited() {
            return self.waiting.extend(keys);
        }
        self.table.add_each(keys);
    }

    fn take_many(&mut self, x: f64, count: u64) {
        if count > 0 {
            self.table.add(order_of(x), count);
            self.count += count;
        }
    }

    /// Counts what waits, once there are too many values to keep them all.
    fn settle(&mut self) {
        if self.count <= EXACT_MAX {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.len() > CELLS_MAX {
            // Some of the values need a shift that all of them need at least: it spares most of the way there.
            let mut some: Vec<u64> = waiting.iter().step_by(waiting.len().div_ceil(2 * CELLS_MAX)).copied().collect();
            some.sort_unstable();
            self.table.coarsen(smallest_shift(&some, CELLS_MAX));
        }
        self.table.share();
        self.table.add_each(waiting.into_iter());
    }

    pub(super) fn merge(&mut self, later: Self) {
        self.count += later.count;
        if self.table.len() == 0 && self.table.shift() == 0 && self.waiting.is_empty() {
            self.table = later.table;
        } else {
            self.table.merge(&later.table);
        }
        if self.waiting.is_empty() {
            self.waiting = later.waiting;
        } else {
            self.waiting.extend(later.waiting);
        }
        self.settle();
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.bytes() + self.waiting.capacity() * size_of::<u64>()
    }

    pub(super) fn shift(&self) -> u32 {
        self.table.shift()
    }

    /// The cells, ascending.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let counted = self.table.entries();
        if self.waiting.is_empty() {
            return counted;
        }
        let mut waiting = self.waiting.clone();
        waiting.sort_unstable();
        let one = |&key: &u64| Entry { key, count: 1, mixed: false };
        let waiting = coarsened(waiting.iter().map(one).collect(), self.shift());
        let mut all = [counted, waiting].concat();
        all.sort_by_key(|entry| entry.key);
        coarsened(all, self.shift())
    }

    /// The state with these cells, which hold `count` values.
    pub(super) fn of(entries: &[Entry], shift: u32, count: u64) -> Self {
        let mut state = Self { waiting: Vec::new(), table: Table::of(entries, shift, Self::table()), count };
        state.settle();
        state
    }

    pub(super) fn cells(&self) -> Vec<Cell> {
        let shift = self.shift();
        let cell = |entry: Entry| {
            let only = (!entry.mixed).then(|| Value::Number(value_at(entry.key)));
            Cell { index: entry.key >> shift, count: entry.count, only }
        };
        self.entries().into_iter().map(cell).collect()
    }
}
