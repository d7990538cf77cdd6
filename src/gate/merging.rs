//! Batches of change data: what the rule file says of their merge into the table, as the store takes it.

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};

use crate::prepare::RowCondition;
use crate::store::{Deletes, Merge};

/// How rows become those of a table by their key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merging {
    pub key: Vec<String>,
    pub sequence: String,
    /// SQL: the rows that delete.
    pub delete: Option<String>,
}

impl Merging {
    /// Calls `with` with the same as the store takes it; the clock in the condition is `now`.
    pub(super) fn with<T>(this: Option<&Self>, now: DateTime<Utc>, with: impl FnOnce(Option<&Merge<'_>>) -> T) -> T {
        let Some(Self { key, sequence, delete }) = this else { return with(None) };
        let condition = delete.as_ref().map(|text| RowCondition::new(text, now));
        let deletes = condition.as_ref().map(|condition| |rows: &RecordBatch| condition.test(rows));
        let deletes = deletes.as_ref().map(|deletes| deletes as &Deletes<'_>);
        with(Some(&Merge { key, sequence, deletes }))
    }
}
