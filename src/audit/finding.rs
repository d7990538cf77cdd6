//! A finding and the rows it names.

use std::sync::Arc;

use crate::findings::Finding;
use crate::rows::RowSet;

/// A finding, with the rows that stand behind it.
#[derive(Debug, Clone, Default)]
pub struct FindingWithRows {
    pub finding: Finding,
    /// The failing rows, of failing groups where the rule has `by`.
    pub rows: Arc<RowSet>,
    /// Of these, rows that are published already.
    pub published: Arc<RowSet>,
    /// Columns whose values samples show.
    pub(super) shows: Vec<usize>,
}

impl From<Finding> for FindingWithRows {
    /// It names no rows.
    fn from(finding: Finding) -> Self {
        Self { finding, ..Self::default() }
    }
}

impl FindingWithRows {
    /// Its rows but for those that are published already.
    pub fn add_bad_rows(&self, to: &mut RowSet) {
        if self.published.is_empty() {
            to.union(&self.rows);
            return;
        }
        for unit in self.rows.units() {
            let rows = self.rows.iter().filter(|row| row.unit == unit && !self.published.contains(*row));
            to.insert_unit(unit, rows.map(|row| row.row).collect());
        }
    }
}
