//! Which rows with a key stay, and what comes of looking at all keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rows::{Repeats, RowSet};

/// Which of several rows with one key is left standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    #[default]
    First,
    Last,
    None,
}

/// What the keys of other data decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookup {
    /// Rows whose key occurs there go, beside those that [`Keep`] does not leave standing.
    #[default]
    Beside,
    /// Rows whose key occurs there go, and no others.
    Present,
    /// Rows whose key does not occur there go, and no others.
    Absent,
    /// No other data decide: all rows go whose key occurs more often than so.
    MoreThan(u32),
    /// No row goes: of the keys of the other data, those are counted that occur less often than so.
    FewerThan(u32),
}

/// How often keys occur, and the rows that must go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysOut {
    /// Rows counted: those of [`super::KeyRows`].
    pub rows: u64,
    /// Of these, the ones of whose key every part is missing.
    pub empty: u64,
    pub distinct: u64,
    /// Keys that occur once.
    pub once: u64,
    /// Keys that occur more than once.
    pub groups: u64,
    /// Rows whose key occurs in the other data.
    pub foreign: u64,
    /// Different keys of rows that [`Lookup::Present`], [`Lookup::Absent`] or [`Lookup::MoreThan`] makes go; or those that
    /// [`Lookup::FewerThan`] counts.
    pub sought: u64,
    /// Rows to set aside: those, and the others that [`Keep`] does not leave standing.
    pub failing: RowSet,
    /// Rows whose key occurs in the other data.
    pub elsewhere: RowSet,
    /// Of the first rows to set aside: another row that has their key.
    pub repeats: Repeats,
    /// How often the most frequent keys occur, descending.
    pub largest: Vec<u64>,
    /// Nothing is known: keys ascend here and there only, and must be looked at again.
    pub unsettled: bool,
}

/// How many of the most frequent keys are told of.
pub const LARGEST_MAX: usize = 16;

impl KeysOut {
    pub(super) fn note_size(&mut self, size: u64) {
        if self.largest.len() == LARGEST_MAX && self.largest.last().is_some_and(|&least| size <= least) {
            return;
        }
        let at = self.largest.partition_point(|&s| s >= size);
        self.largest.insert(at, size);
        self.largest.truncate(LARGEST_MAX);
    }
}
