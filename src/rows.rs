//! Naming rows, selecting them, and remembering sets of them.

mod repeats;
mod set;

use std::borrow::Cow;
use std::fmt;

use arrow::array::{Array, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use serde::{Deserialize, Serialize};

pub use repeats::Repeats;
pub use set::RowSet;

/// A row of the batch: its unit and its number in the unit, malformed records counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowId {
    pub unit: u32,
    pub row: u32,
}

/// Where a row came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Origin {
    /// A file.
    File {
        file: String,
        /// Line on which the record begins, from 1; none for formats without lines.
        line: Option<u64>,
        /// Number of the record in its file, from 1, malformed records counted.
        row: u64,
    },
    /// Batches in memory.
    Memory {
        /// The partition, from 0, where another system (Spark, Dask) holds the rows in partitions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partition: Option<u32>,
        /// Number of the row among the rows of all batches, or of its partition, from 0.
        index: u64,
    },
    /// A topic.
    Event {
        topic: String,
        partition: i32,
        /// Number of the record in its partition, from 0.
        offset: i64,
    },
}

impl Origin {
    /// What rows in memory lie in, where others have a file.
    pub const MEMORY: &'static str = "memory";

    /// As columns of a table: what the row lies in, its line, and its number there: from 1, but for offsets, which are from 0.
    pub fn columns(&self) -> (Cow<'_, str>, Option<u64>, u64) {
        match self {
            Self::File { file, line, row } => (Cow::Borrowed(file), *line, *row),
            Self::Memory { partition: None, index } => (Cow::Borrowed(Self::MEMORY), None, index + 1),
            Self::Memory { partition: Some(partition), index } => (Cow::Owned(format!("partition {partition}")), None, index + 1),
            Self::Event { topic, partition, offset } => (Cow::Owned(format!("{topic}[{partition}]")), None, offset.cast_unsigned()),
        }
    }
}

impl Origin {
    /// Where it is to someone who looks at `other`: the file is named if it is another one.
    pub fn seen_from(&self, other: &Self) -> String {
        match (self, other) {
            (Self::File { file, line, row }, Self::File { file: near, .. }) if file == near => {
                line.map_or_else(|| format!("row {row}"), |line| format!("line {line}"))
            }
            (Self::File { file, line: Some(line), .. }, _) => format!("line {line} of {file}"),
            (Self::File { file, line: None, row }, _) => format!("row {row} of {file}"),
            (Self::Event { topic, partition, offset }, Self::Event { topic: near, partition: at, .. })
                if (topic, partition) == (near, at) =>
            {
                format!("offset {offset}")
            }
            (Self::Memory { partition: Some(partition), index }, Self::Memory { partition: Some(near), .. }) if partition == near => {
                format!("index {index}")
            }
            (Self::Memory { .. } | Self::Event { .. }, _) => self.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line: Some(line), .. } => write!(f, "{file}:{line}"),
            Self::File { file, line: None, row } => write!(f, "{file} row {row}"),
            Self::Memory { partition: None, index } => write!(f, "the row of index {index}"),
            Self::Memory { partition: Some(partition), index } => write!(f, "the row of index {index} in partition {partition}"),
            Self::Event { topic, partition, offset } => write!(f, "{topic}[{partition}]@{offset}"),
        }
    }
}

/// Which row of the unit each row of a record batch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowNumbers {
    /// `first`, `first + 1`, …
    Dense { first: u32, len: u32 },
    /// Ascending, with gaps where records were malformed or filtered.
    List(Vec<u32>),
}

impl RowNumbers {
    /// The cheaper of the two forms for ascending `rows`.
    pub fn of(rows: Vec<u32>) -> Self {
        match (rows.first(), rows.last()) {
            (Some(&first), Some(&last)) if (last - first) as usize + 1 == rows.len() => Self::Dense { first, len: rows.len() as u32 },
            _ => Self::List(rows),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Dense { len, .. } => *len as usize,
            Self::List(rows) => rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, index: usize) -> u32 {
        match self {
            Self::Dense { first, .. } => first + index as u32,
            Self::List(rows) => rows[index],
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map(|i| self.get(i))
    }

    /// The rows where `keep` is set.
    pub fn filter(&self, keep: &BooleanBuffer) -> Self {
        Self::List(keep.set_indices().map(|i| self.get(i)).collect())
    }
}

/// Some rows of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Mask {
    None,
    All,
    Bits(BooleanBuffer),
}

impl Mask {
    /// The set bits, named by the cheapest variant that holds them.
    pub fn new(bits: BooleanBuffer) -> Self {
        match bits.count_set_bits() {
            0 => Self::None,
            n if n == bits.len() => Self::All,
            _ => Self::Bits(bits),
        }
    }

    /// The rows where `array` is true; null counts as `null_as`.
    pub fn from_boolean(array: &BooleanArray, null_as: bool) -> Self {
        match array.nulls() {
            None => Self::new(array.values().clone()),
            Some(nulls) if null_as => Self::new(array.values() | &!nulls.inner()),
            Some(nulls) => Self::new(array.values() & nulls.inner()),
        }
    }

    /// The rows that `nulls` calls null.
    pub fn nulls(nulls: Option<&NullBuffer>) -> Self {
        match nulls {
            Some(nulls) if nulls.null_count() > 0 => Self::new(!nulls.inner()),
            Some(_) | None => Self::None,
        }
    }

    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// How many of `len` rows are selected.
    pub fn count(&self, len: usize) -> usize {
        match self {
            Self::None => 0,
            Self::All => len,
            Self::Bits(bits) => bits.count_set_bits(),
        }
    }

    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, x) | (x, Self::All) => x.clone(),
            (Self::Bits(a), Self::Bits(b)) => Self::new(a & b),
        }
    }

    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, x) | (x, Self::None) => x.clone(),
            (Self::Bits(a), Self::Bits(b)) => Self::new(a | b),
        }
    }

    #[must_use]
    pub fn not(&self) -> Self {
        match self {
            Self::None => Self::All,
            Self::All => Self::None,
            Self::Bits(bits) => Self::Bits(!bits),
        }
    }

    /// Rows of `self` that are not of `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.and(&other.not())
    }

    /// The mask as bits, `len` of them.
    pub fn bits(&self, len: usize) -> BooleanBuffer {
        match self {
            Self::None => BooleanBuffer::new_unset(len),
            Self::All => BooleanBuffer::new_set(len),
            Self::Bits(bits) => bits.clone(),
        }
    }

    /// Calls `each` with the ranges of selected rows, ascending.
    pub fn ranges(&self, len: usize, mut each: impl FnMut(std::ops::Range<usize>)) {
        let (whole, bits) = match self {
            Self::None => (None, None),
            Self::All => (Some(0..len), None),
            Self::Bits(bits) => (None, Some(bits.set_slices())),
        };
        // One place that calls `each`, so that the compiler puts it there.
        for range in whole.into_iter().chain(bits.into_iter().flatten().map(|(start, end)| start..end)) {
            each(range);
        }
    }

    /// Calls `each` with every selected row, ascending.
    pub fn rows(&self, len: usize, mut each: impl FnMut(usize)) {
        self.ranges(len, |range| {
            for row in range {
                each(row);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_set_is_a_set(a in prop::collection::vec((0u32..3, 0u32..500), 0..300), b in prop::collection::vec((0u32..3, 0u32..500), 0..300)) {
            let collect = |rows: &[(u32, u32)]| {
                let mut set = RowSet::default();
                for &(unit, row) in rows {
                    set.insert_unit(unit, vec![row]);
                }
                set
            };
            let mut union = collect(&a);
            union.union(&collect(&b));
            let expected: std::collections::BTreeSet<_> = a.iter().chain(&b).copied().collect();
            let found: Vec<_> = union.iter().map(|r| (r.unit, r.row)).collect();
            prop_assert_eq!(union.len() as usize, expected.len());
            prop_assert_eq!(found, expected.iter().copied().collect::<Vec<_>>());
            for &(unit, row) in &expected {
                let row = RowId { unit, row };
                prop_assert!(union.contains(row));
            }
        }

        #[test]
        fn masks_follow_set_algebra(a in prop::collection::vec(any::<bool>(), 70), b in prop::collection::vec(any::<bool>(), 70)) {
            let mask = |v: &[bool]| Mask::new(BooleanBuffer::from(v.to_vec()));
            let (x, y) = (mask(&a), mask(&b));
            let and: Vec<bool> = a.iter().zip(&b).map(|(p, q)| *p && *q).collect();
            let without: Vec<bool> = a.iter().zip(&b).map(|(p, q)| *p && !*q).collect();
            prop_assert_eq!(x.and(&y).bits(70), BooleanBuffer::from(and));
            prop_assert_eq!(x.without(&y).bits(70), BooleanBuffer::from(without));
            prop_assert_eq!(x.or(&y).count(70), a.iter().zip(&b).filter(|(p, q)| **p || **q).count());
        }
    }
}
