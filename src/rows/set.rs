//! Sets of rows, in the cheaper of two forms for each unit.

use std::collections::BTreeMap;

use arrow::buffer::BooleanBuffer;
use serde::{Deserialize, Serialize};

use super::{Mask, RowId, RowNumbers};

/// A set of rows of the whole input: sparse where few of a unit's rows are in it, bits where many are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SavedRows")]
pub struct RowSet {
    units: BTreeMap<u32, UnitRows>,
}

/// A set of rows as it was saved, not looked at yet.
#[derive(Deserialize)]
struct SavedRows {
    units: BTreeMap<u32, UnitRows>,
}

impl TryFrom<SavedRows> for RowSet {
    type Error = &'static str;

    fn try_from(saved: SavedRows) -> Result<Self, Self::Error> {
        let is_sound = saved.units.values().all(UnitRows::is_sound);
        is_sound.then_some(Self { units: saved.units }).ok_or("rows of a unit are not held as they should be")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum UnitRows {
    /// Ascending.
    Sparse(Vec<u32>),
    Dense(Vec<u64>),
}

impl UnitRows {
    fn contains(&self, row: u32) -> bool {
        match self {
            Self::Sparse(rows) => rows.binary_search(&row).is_ok(),
            Self::Dense(words) => words.get(row as usize / 64).is_some_and(|w| w >> (row % 64) & 1 == 1),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Sparse(rows) => rows.len() as u64,
            Self::Dense(words) => words.iter().map(|w| u64::from(w.count_ones())).sum(),
        }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            Self::Sparse(rows) => Box::new(rows.iter().copied()),
            Self::Dense(words) => Box::new(
                words
                    .iter()
                    .enumerate()
                    .flat_map(|(i, &word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| i as u32 * 64 + bit)),
            ),
        }
    }

    /// Whether so many rows up to `last` take less as a list than as bits.
    fn is_sparse(rows: u64, last: u32) -> bool {
        rows * 32 <= u64::from(last) + 64
    }

    /// Whether it is as [`UnitRows::of`] makes it.
    fn is_sound(&self) -> bool {
        match self {
            Self::Sparse(rows) => {
                rows.is_sorted_by(|a, b| a < b) && rows.last().is_some_and(|&last| Self::is_sparse(rows.len() as u64, last))
            }
            Self::Dense(words) => {
                let last = |word: &u64| u32::try_from(words.len() as u64 * 64 - 1 - u64::from(word.leading_zeros())).ok();
                let last = words.last().filter(|word| **word != 0).and_then(last);
                last.is_some_and(|last| !Self::is_sparse(self.len(), last))
            }
        }
    }

    /// The cheaper of the two forms for ascending `rows`.
    fn of(rows: Vec<u32>) -> Self {
        match rows.last() {
            Some(&last) if !Self::is_sparse(rows.len() as u64, last) => Self::Dense(words_of(&rows)),
            Some(_) | None => Self::Sparse(rows),
        }
    }

    /// The cheaper of the two forms; none without a row.
    fn of_words(mut words: Vec<u64>) -> Option<Self> {
        words.truncate(words.iter().rposition(|word| *word != 0)? + 1);
        let last = words.len() as u32 * 64 - 1 - words.last()?.leading_zeros();
        let all = Self::Dense(words);
        Some(if Self::is_sparse(all.len(), last) { Self::Sparse(all.iter().collect()) } else { all })
    }

    /// All rows of both. No list of many rows is made.
    fn or(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Sparse(mut rows), Self::Sparse(more)) => {
                rows.extend(more);
                rows.sort_unstable();
                rows.dedup();
                Self::of(rows)
            }
            (Self::Sparse(few), many @ Self::Dense(_)) => many.clone().or(&Self::Sparse(few)),
            (Self::Dense(mut words), more) => {
                match more {
                    Self::Sparse(rows) => set(&mut words, rows),
                    Self::Dense(more) => {
                        words.resize(words.len().max(more.len()), 0);
                        words.iter_mut().zip(more).for_each(|(word, more)| *word |= more);
                    }
                }
                // What is added may be few rows far behind.
                Self::of_words(words).unwrap_or(Self::Sparse(Vec::new()))
            }
        }
    }
}

/// Ascending rows as bits.
fn words_of(rows: &[u32]) -> Vec<u64> {
    let mut words = Vec::new();
    set(&mut words, rows);
    words
}

/// Sets the bits of ascending rows.
fn set(words: &mut Vec<u64>, rows: &[u32]) {
    words.resize(words.len().max(rows.last().map_or(0, |&last| last as usize / 64 + 1)), 0);
    for row in rows {
        words[*row as usize / 64] |= 1 << (row % 64);
    }
}

impl RowSet {
    /// Adds the rows of one unit; `rows` may repeat and be out of order.
    pub fn insert_unit(&mut self, unit: u32, mut rows: Vec<u32>) {
        if rows.is_empty() {
            return;
        }
        rows.sort_unstable();
        rows.dedup();
        self.insert(unit, UnitRows::of(rows));
    }

    /// Adds the rows of one unit whose bits are set.
    pub fn insert_words(&mut self, unit: u32, words: Vec<u64>) {
        if let Some(rows) = UnitRows::of_words(words) {
            self.insert(unit, rows);
        }
    }

    fn insert(&mut self, unit: u32, rows: UnitRows) {
        let all = match self.units.remove(&unit) {
            Some(present) => present.or(&rows),
            None => rows,
        };
        self.units.insert(unit, all);
    }

    /// The rows of all `sets`, each unit's put in order once, however many sets there are.
    pub fn of_all<'a>(sets: impl IntoIterator<Item = &'a RowSet>) -> Self {
        let mut units: BTreeMap<u32, (Vec<u32>, Vec<u64>)> = BTreeMap::new();
        for (&unit, rows) in sets.into_iter().flat_map(|set| &set.units) {
            let (few, many) = units.entry(unit).or_default();
            match rows {
                UnitRows::Sparse(rows) => few.extend(rows),
                UnitRows::Dense(words) => {
                    many.resize(many.len().max(words.len()), 0);
                    many.iter_mut().zip(words).for_each(|(word, more)| *word |= more);
                }
            }
        }
        let mut all = Self::default();
        for (unit, (few, many)) in units {
            all.insert_words(unit, many);
            all.insert_unit(unit, few);
        }
        all
    }

    pub fn union(&mut self, other: &RowSet) {
        other.units.iter().for_each(|(&unit, rows)| self.insert(unit, rows.clone()));
    }

    /// Takes in the rows of units of which this set has none, or some.
    pub fn append(&mut self, later: RowSet) {
        later.units.into_iter().for_each(|(unit, rows)| self.insert(unit, rows));
    }

    /// The rows of the units `from..to` alone.
    #[must_use]
    pub fn within(&self, units: std::ops::Range<u32>) -> Self {
        Self { units: self.units.range(units).map(|(unit, rows)| (*unit, rows.clone())).collect() }
    }

    pub fn contains(&self, row: RowId) -> bool {
        self.units.get(&row.unit).is_some_and(|u| u.contains(row.row))
    }

    pub fn len(&self) -> u64 {
        self.units.values().map(UnitRows::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// How many rows of `unit` are in the set.
    pub fn len_of(&self, unit: u32) -> u64 {
        self.units.get(&unit).map_or(0, UnitRows::len)
    }

    /// Every row, ascending.
    pub fn iter(&self) -> impl Iterator<Item = RowId> + '_ {
        self.units.iter().flat_map(|(&unit, rows)| rows.iter().map(move |row| RowId { unit, row }))
    }

    /// The units that hold rows of the set.
    pub fn units(&self) -> impl Iterator<Item = u32> + '_ {
        self.units.keys().copied()
    }

    /// Which of `rows` of `unit` are in the set.
    pub fn mask(&self, unit: u32, rows: &RowNumbers) -> Mask {
        match self.units.get(&unit) {
            None => Mask::None,
            Some(set) => Mask::new(BooleanBuffer::collect_bool(rows.len(), |i| set.contains(rows.get(i)))),
        }
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        let unit = |u: &UnitRows| match u {
            UnitRows::Sparse(rows) => rows.capacity() * 4,
            UnitRows::Dense(words) => words.capacity() * 8,
        };
        self.units.values().map(|u| unit(u) + 64).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set_of(rows: &BTreeSet<u32>) -> RowSet {
        let mut set = RowSet::default();
        set.insert_unit(3, rows.iter().copied().collect());
        set
    }

    /// Few rows far apart, or many close together.
    fn rows() -> impl Strategy<Value = BTreeSet<u32>> {
        prop_oneof![prop::collection::btree_set(0..90_000u32, 0..20), prop::collection::btree_set(0..300u32, 0..200)]
    }

    proptest! {
        #[test]
        fn rows_are_the_same_however_they_were_put_together(a in rows(), b in rows()) {
            let both = set_of(&a.union(&b).copied().collect());
            let mut united = set_of(&a);
            united.union(&set_of(&b));
            let mut appended = set_of(&a);
            appended.append(set_of(&b));
            let mut inserted = set_of(&a);
            inserted.insert_unit(3, b.iter().rev().copied().collect());
            let mut words = set_of(&a);
            words.insert_words(3, words_of(&b.iter().copied().collect::<Vec<_>>()));
            let all = RowSet::of_all([&set_of(&a), &set_of(&b)]);
            for set in [united, appended, inserted, words, all] {
                prop_assert!(set.units.values().all(UnitRows::is_sound));
                prop_assert_eq!(&set, &both);
            }
        }
    }
}
