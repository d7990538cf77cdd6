//! Rows that have a key in common with another row.

use std::collections::BTreeMap;

use super::RowId;

/// Of the first rows noted: another row with the same key. As many are held as reports show, and some more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repeats(BTreeMap<RowId, RowId>);

impl Repeats {
    const ROWS_MAX: usize = 100;

    /// Notes that `row` has the key of `other`.
    pub fn note(&mut self, row: RowId, other: RowId) {
        let is_full = self.0.len() == Self::ROWS_MAX;
        if is_full && self.0.last_key_value().is_some_and(|(last, _)| *last < row) {
            return;
        }
        self.0.insert(row, other);
        if self.0.len() > Self::ROWS_MAX {
            self.0.pop_last();
        }
    }

    /// Another row with the key of `row`.
    pub fn get(&self, row: RowId) -> Option<RowId> {
        self.0.get(&row).copied()
    }

    /// Takes in those of other keys.
    pub fn union(&mut self, others: Self) {
        others.0.into_iter().for_each(|(row, other)| self.note(row, other));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rows_are_held_in_whatever_order_they_come() {
        let row = |row| RowId { unit: 0, row };
        let mut repeats = Repeats::default();
        (0..500).rev().for_each(|n| repeats.note(row(n), row(n + 1000)));
        (500..600).for_each(|n| repeats.note(row(n), row(n + 1000)));
        assert_eq!((repeats.get(row(0)), repeats.get(row(99)), repeats.get(row(100))), (Some(row(1000)), Some(row(1099)), None));
    }
}
