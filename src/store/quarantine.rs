//! Rows set aside: one Parquet file for each content of a batch that was judged under each set of rules.
//!
//! What a batch left is named by its whole stamp, so that the rows a published batch left stay until the batch that
//! supersedes it is published too, and gates that race for one batch do not overwrite each other's.

use arrow::datatypes::SchemaRef;

use super::durable::cannot_write_at;
use super::location::Location;
use super::{Columns, Destination, StagedFile, Stamp, Stored, plain};
use crate::diagnostic::Fault;

/// A directory of rows set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    pub directory: Location,
}

impl Quarantine {
    /// Where none is named: beside `destination`.
    pub fn beside(destination: &Destination) -> Self {
        Self { directory: destination.location().sibling("_quarantine") }
    }

    /// Where the rows of the batch are that `stamp` names.
    pub fn place_of(&self, stamp: &Stamp) -> Location {
        self.directory.join(&format!("{}.{:08x}.parquet", stamp.batch_id, stamp.digest() >> 96))
    }

    /// How rows of `batch` are written here.
    pub fn columns(batch: &SchemaRef) -> Columns {
        Columns::Plain(plain::written(batch))
    }

    /// Whether the rows that `stamp` names are there.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn has(&self, stamp: &Stamp) -> Result<bool, Fault> {
        Ok(Stored::at(&self.place_of(stamp))? == Stored::Batch(stamp.clone()))
    }

    /// Puts a finished file there as the rows that `stamp` names, durably.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn commit(&self, staged: &mut StagedFile, stamp: &Stamp) -> Result<Location, Fault> {
        let place = self.place_of(stamp);
        staged.place(&place)?;
        Ok(place)
    }

    /// Makes rows that are there durable: the gate that set them aside may have been killed before it did.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn confirm(&self, stamp: &Stamp) -> Result<Location, Fault> {
        let place = self.place_of(stamp);
        place.sync().map_err(|e| cannot_write_at(&place, &e))?;
        Ok(place)
    }

    /// All that is there, by batch.
    ///
    /// # Errors
    /// The directory or a file cannot be read.
    pub fn all(&self) -> Result<Vec<(Location, Stamp)>, Fault> {
        self.named("")
    }

    /// Removes what other contents of the batch, or other rules, left: it is published as `stamp` says, and set rows aside
    /// or did not.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn settle(&self, stamp: &Stamp, has_rows: bool) -> Result<(), Fault> {
        for (place, there) in self.named(&format!("{}.", stamp.batch_id))? {
            if there.is_of_batch(stamp) && (there != *stamp || !has_rows) {
                place.remove().map_err(|e| cannot_write_at(&place, &e))?;
            }
        }
        Ok(())
    }

    fn named(&self, prefix: &str) -> Result<Vec<(Location, Stamp)>, Fault> {
        let names = self.directory.names().map_err(|e| Fault::new(format!("{}: cannot read: {e}", self.directory)))?;
        let mut found = Vec::new();
        for name in names.iter().filter(|n| n.starts_with(prefix) && n.ends_with(".parquet") && !n.starts_with('.')) {
            let place = self.directory.join(name);
            if let Stored::Batch(stamp) = Stored::at(&place)? {
                found.push((place, stamp));
            }
        }
        Ok(found)
    }
}
