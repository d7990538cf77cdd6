//! What a commit makes the table remember: of a batch that stands for itself, that it is there; of one that moves a source
//! on, where its parts are now. The log's snapshot keeps one entry an application, so that of a topic stays small.

use std::fmt::Display;

use deltalake_core::kernel::Transaction;

use super::log;
use super::table::{Table, application, transaction_version};
use crate::diagnostic::Fault;
use crate::store::interface::Commit;
use crate::store::location::Location;
use crate::store::position::{Position, moved_on};

/// The applications of a commit with their new versions; at least one.
pub(super) struct Transactions(Vec<(String, i64)>);

impl Transactions {
    pub(super) fn of(what: &Commit<'_>, has_rows: bool) -> Self {
        match what.positions {
            [] => Self(vec![(application(what.stamp), transaction_version(what.stamp, has_rows))]),
            positions => Self(positions.iter().map(|position| (position.application.clone(), position.to)).collect()),
        }
    }

    /// One more.
    pub(super) fn with(&mut self, application: &str, version: i64) {
        self.0.push((application.to_owned(), version));
    }

    /// As actions of the log.
    pub(super) fn actions(&self) -> Vec<Transaction> {
        self.0.iter().map(|(application, version)| Transaction::new(application, *version)).collect()
    }

    /// Whether all of them are in the log's entry of this version.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn are_in(&self, location: &Location, version: u64) -> Result<bool, Fault> {
        log::holds(location, version, &self.0)
    }

    /// Whether they are the last ones of their applications.
    ///
    /// # Errors
    /// The table cannot be read.
    pub(super) fn are_last(&self, table: &Table<'_>) -> Result<bool, Fault> {
        for (application, version) in &self.0 {
            if table.transaction_of(application.clone())? != Some(*version) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Refuses to move on from where the table is not.
///
/// # Errors
/// One of them is elsewhere, or the table cannot be read.
pub(super) fn ensure_at(place: &dyn Display, table: Option<&Table<'_>>, positions: &[Position]) -> Result<(), Fault> {
    for position in positions {
        let now = table.map_or(Ok(None), |table| table.transaction_of(position.application.clone()))?;
        if now != position.from {
            return Err(moved_on(place, position, now));
        }
    }
    Ok(())
}
