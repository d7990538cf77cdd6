//! A table as its log says that it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::SchemaRef;
use deltalake_core::kernel::LogicalFileView;
use deltalake_core::kernel::Remove;
use deltalake_core::logstore::{StorageConfig, default_logstore};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::prefix::PrefixStore;

use super::log;
use crate::diagnostic::Fault;
use crate::store::location::Location;
use crate::store::{Stamp, Stored, remote};

/// Where a table is, and what was read of its log before: only what is new is read again.
#[derive(Debug, Clone)]
pub struct Lake {
    pub location: Location,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    table: Option<DeltaTable>,
    /// Versions of applications' transactions, by the table's version and the application.
    transactions: BTreeMap<(u64, String), Option<i64>>,
}

impl Lake {
    pub fn new(location: Location) -> Self {
        Self { location, known: Arc::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Lake {
    fn eq(&self, other: &Self) -> bool {
        self.location == other.location
    }
}

impl Eq for Lake {}

/// The table as it is now, if there is one.
pub(super) struct Table<'a> {
    lake: &'a Lake,
    pub location: &'a Location,
    pub table: DeltaTable,
}

impl<'a> Table<'a> {
    /// Opens the table, if there is one, after a look at its log.
    pub fn open(lake: &'a Lake) -> Result<Option<Self>, Fault> {
        let location = &lake.location;
        let mut known = lake.known();
        let before = known.table.take();
        if !log::verify(location, before.as_ref().and_then(DeltaTable::version))? {
            return Ok(None);
        }
        let failed = |e: DeltaTableError| cannot_read(location, &e);
        let mut table = before.map_or_else(|| unopened(location), Ok).map_err(failed)?;
        block_on(table.load()).map_err(failed)?;
        known.table = Some(table.clone());
        let snapshot = table.snapshot().map_err(failed)?;
        if !snapshot.metadata().partition_columns().is_empty() {
            let fault = Fault::new(format!("{location}: the Delta table is partitioned"));
            return Err(fault.hint("publish to a table without partitions"));
        }
        Ok(Some(Self { lake, location, table }))
    }

    pub fn schema(&self) -> Result<SchemaRef, Fault> {
        Ok(self.table.snapshot().map_err(|e| cannot_read(self.location, &e))?.snapshot().arrow_schema())
    }

    /// The data files.
    pub fn files(&self) -> Result<Vec<LogicalFileView>, Fault> {
        let snapshot = self.table.snapshot().map_err(|e| cannot_read(self.location, &e))?;
        Ok(snapshot.log_data().iter().collect())
    }

    /// The table's files that hold the batch, with the stamps in them.
    pub fn files_of(&self, stamp: &Stamp) -> Result<Vec<(Remove, Stamp)>, Fault> {
        let prefix = format!("{}.", stamp.batch_id);
        let mut files = Vec::new();
        for file in self.files()?.iter().filter(|file| file.path().starts_with(&prefix)) {
            if let Stored::Batch(there) = Stored::at(&self.location.join(file.path().as_ref()))?
                && there.is_of_batch(stamp)
            {
                files.push((file.remove_action(true), there));
            }
        }
        Ok(files)
    }

    /// The transaction by which the batch was published.
    pub fn transaction(&self, stamp: &Stamp) -> Result<Option<i64>, Fault> {
        let failed = |e: DeltaTableError| cannot_read(self.location, &e);
        let key = (self.table.version().unwrap_or(0), application(stamp));
        if let Some(transaction) = self.lake.known().transactions.get(&key) {
            return Ok(*transaction);
        }
        let (snapshot, log_store) = (self.table.snapshot().map_err(failed)?, self.table.log_store());
        let transaction = block_on(snapshot.transaction_version(log_store.as_ref(), key.1.as_str())).map_err(failed)?;
        self.lake.known().transactions.insert(key, transaction);
        Ok(transaction)
    }
}

/// The application id of a batch's transaction.
pub(super) fn application(stamp: &Stamp) -> String {
    format!("sluicegate/{}/{}", stamp.dataset, stamp.batch_id)
}

/// A digest of what the stamp says, in 62 bits, and whether the batch published a row.
pub(super) fn transaction_version(stamp: &Stamp, has_rows: bool) -> i64 {
    (stamp.digest() >> 66) as i64 * 2 + i64::from(has_rows)
}

/// Whether the batch of a transaction published a row.
pub(super) fn had_rows(transaction_version: i64) -> bool {
    transaction_version % 2 == 1
}

/// The table, before its log is read.
pub(super) fn unopened(location: &Location) -> Result<DeltaTable, DeltaTableError> {
    let failed = |e: &dyn std::fmt::Display| DeltaTableError::Generic(e.to_string());
    match location {
        Location::Local(directory) => {
            let absolute = directory.canonicalize().map_err(|e| failed(&e))?;
            let url = url::Url::from_directory_path(absolute).map_err(|()| failed(&"the path cannot be written as a URL"))?;
            DeltaTableBuilder::from_url(url)?.build()
        }
        Location::Remote(remote) => {
            let table = Arc::new(PrefixStore::new(remote.store().clone(), remote.path().clone()));
            let url = remote.url().map_err(|e| failed(&e))?;
            Ok(DeltaTable::new(default_logstore(table, remote.store().clone(), &url, &StorageConfig::default())))
        }
    }
}

/// Runs `future` to its end.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, DeltaTableError>>) -> Result<T, DeltaTableError> {
    remote::block_on(future).map_err(|e| DeltaTableError::Generic(e.to_string()))?
}

fn cannot_read(location: &Location, error: &DeltaTableError) -> Fault {
    Fault::new(format!("{location}: cannot read the Delta table: {}", remote::told(&error.to_string())))
}
