//! Rows paired by key with those of other data: what is asked, and what comes of it.

mod tolerance;

use std::sync::Arc;

pub use self::tolerance::Apart;
use crate::findings::Sample;
use crate::rows::RowSet;

/// What shall be compared with the batch, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct DiffQuery {
    /// Where the other data are.
    pub against: Vec<String>,
    /// The columns that tell rows apart.
    pub key: Vec<String>,
    /// The columns that are compared; none for all that both have.
    pub columns: Option<Vec<String>>,
    /// How far values may be apart, by name or pattern of a column; the first that fits counts.
    pub tolerance: Vec<(String, Apart)>,
    /// SQL: the rows that are compared, of both.
    pub condition: Option<String>,
}

impl DiffQuery {
    /// How far values of a column may be apart: what names it comes before patterns.
    pub fn tolerance_of(&self, column: &str) -> Option<Apart> {
        let named = self.tolerance.iter().find(|(name, _)| name == column);
        let fits = |name: &str| glob::Pattern::new(name).is_ok_and(|pattern| pattern.matches(column));
        named.or_else(|| self.tolerance.iter().find(|(name, _)| fits(name))).map(|(_, apart)| *apart)
    }
}

/// A number of each: of the batch, and of what it is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Of {
    pub batch: u64,
    pub other: u64,
}

impl Of {
    pub fn sum(self) -> u64 {
        self.batch + self.other
    }
}

/// How the rows of both stand to each other.
#[derive(Debug, Clone, Default)]
pub struct DiffAnswer {
    /// Rows in scope.
    pub rows: Of,
    /// Rows without a whole key.
    pub without_key: Of,
    /// Keys that occur more than once.
    pub repeated_keys: Of,
    /// Rows that cannot be paired since one of both has their key more than once.
    pub repeated_rows: Of,
    /// Records of the other data that cannot be read.
    pub unreadable: u64,
    /// Keys that each of both has once.
    pub both: u64,
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    /// The compared columns in which rows differ, and in how many.
    pub columns: Vec<(String, u64)>,
    /// How many columns are compared.
    pub compared: u64,
    /// Columns that only one of both has, and columns whose values cannot be compared, in words.
    pub columns_differ: Vec<String>,
    /// Rows of the batch that are not as they were there: added, changed, and those that cannot be paired.
    pub failing: Arc<RowSet>,
    /// The first changed, added and removed rows, and the first that cannot be paired.
    pub samples: Vec<Sample>,
}

/// What came of a query.
#[derive(Debug, Clone)]
pub enum Compared {
    Answer(Box<DiffAnswer>),
    /// The two cannot be compared, and why.
    Unfit(String),
}
