//! What is certain of a column before it is read: counts and bounds that a file's own footer gives.

use super::number::Number;

/// What is certain of one column over the whole source, without reading it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnStatistics {
    pub rows: u64,
    /// Rows without a value.
    pub missing: u64,
    /// The smallest and the largest value, exactly; none for types without order, or where all are missing.
    pub range: Option<(Number, Number)>,
}
