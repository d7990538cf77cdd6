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
        let Some(&last) = rows.last() else { return Self::Sparse(rows) };
        if Self::is_sparse(rows.len() as u64, last) {
            return Self::Sparse(rows);
        }
        let mut words = vec![0u64; last as usize / 64 + 1];
        for row in rows {
            words[row as usize / 64] |= 1 << (row % 64);
        }
        Self::Dense(words)
    }
}

impl RowSet {
    /// Adds the rows of one unit; `rows` may repeat and be out of order.
    pub fn insert_unit(&mut self, unit: u32, mut rows: Vec<u32>) {
        if rows.is_empty() {
            return;
        }
        if let Some(present) = self.units.remove(&unit) {
            rows.extend(present.iter());
        }
        rows.sort_unstable();
        rows.dedup();
        self.units.insert(unit, UnitRows::of(rows));
    }

    /// The rows of all `sets`, each unit's put in order once, however many sets there are.
    pub fn of_all<'a>(sets: impl IntoIterator<Item = &'a RowSet>) -> Self {
        let mut units: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (&unit, rows) in sets.into_iter().flat_map(|set| &set.units) {
            units.entry(unit).or_default().extend(rows.iter());
        }
        let mut all = Self::default();
        units.into_iter().for_each(|(unit, rows)| all.insert_unit(unit, rows));
        all
    }

    pub fn union(&mut self, other: &RowSet) {
        for (&unit, rows) in &other.units {
            match self.units.get(&unit) {
                Some(_) => self.insert_unit(unit, rows.iter().collect()),
                None => {
                    self.units.insert(unit, rows.clone());
                }
            }
        }
    }

    /// Takes in the rows of units of which this set has none, or some.
    pub fn append(&mut self, later: RowSet) {
        for (unit, rows) in later.units {
            match self.units.get(&unit) {
                Some(_) => self.insert_unit(unit, rows.iter().collect()),
                None => _ = self.units.insert(unit, rows),
            }
        }
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
