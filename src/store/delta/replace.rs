//! Rows that a batch takes the place of by their values.

use super::rewrite::{Leaving, opened, refuse_vectors};
use super::table::Table;
use crate::diagnostic::{Code, Fault};
use crate::store::parquet::{may_hold, rows_in};
use crate::store::partition::Partition;

/// Marks the rows of `partition` as `leaving`; gives how many were not before.
///
/// # Errors
/// A file cannot be read.
pub(super) fn mark(table: &Table<'_>, leaving: &mut Leaving, partition: &Partition) -> Result<u64, Fault> {
    let mut replaced = 0;
    for (index, file) in table.files()?.iter().enumerate() {
        if leaving.has_all_of(index) {
            continue;
        }
        let (location, constants) = (table.location.descend(&file.path()), table.constants_of(file)?);
        let known = file.stats().and_then(|stats| serde_json::from_str(&stats).ok()).unwrap_or_default();
        if !may_hold(partition, Some(&constants.known(known))) {
            continue;
        }
        refuse_vectors(table, file)?;
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"));
        let gone = rows_in(partition, opened(&location)?, &constants).map_err(|e| failed(&e))?;
        replaced += leaving.rows(index, file, gone);
    }
    Ok(replaced)
}
