//! A table as its log says that it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::SchemaRef;
use deltalake_core::kernel::LogicalFileView;
use deltalake_core::logstore::{StorageConfig, default_logstore};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::prefix::PrefixStore;

use super::commit_state::{CommitState, commit_state};
use super::{log, protocol};
use crate::delta_log::leads_elsewhere;
use crate::diagnostic::{Code, Fault};
use crate::remote;
use crate::rules::schema::table::TableTerms;
use crate::store::interface::Layout;
use crate::store::location::Location;
use crate::store::parquet::Span;
use crate::store::stamp::Stamp;

/// Where a table is, and what was read of its log before: only what is new is read again.
#[derive(Debug, Clone)]
pub(super) struct DeltaStore {
    pub location: Location,
    /// How it shall be laid out.
    pub layout: Layout,
    cache: Arc<Mutex<LogCache>>,
}

#[derive(Debug, Default)]
struct LogCache {
    table: Option<DeltaTable>,
    /// The last entry of the log that was found to be whole.
    verified: Option<u64>,
    /// The checkpoint behind which the log was read.
    checkpoint: Option<u64>,
    /// Versions of applications' transactions since that checkpoint.
    transactions: BTreeMap<String, i64>,
    /// The same of transactions before it, as far as they were asked for.
    before_checkpoint: BTreeMap<String, Option<i64>>,
    /// Whose rows are in files of several batches, by their paths.
    contents: BTreeMap<String, Arc<Vec<Span>>>,
    /// What the table promised when the batch began to be judged.
    judged_under: Option<TableTerms>,
}

impl DeltaStore {
    pub(super) fn new(location: Location) -> Self {
        Self { location, layout: Layout::default(), cache: Arc::default() }
    }

    pub(super) fn laid_out(&self, layout: &Layout) -> Self {
        Self { layout: layout.clone(), ..self.clone() }
    }

    /// What the table promises as a batch begins to be judged.
    pub(super) fn judged_under(&self, terms: Option<&TableTerms>) {
        let terms = terms.cloned().unwrap_or_else(|| TableTerms::of_nothing(&self.location.to_string()));
        self.cache().judged_under = Some(terms);
    }

    /// Refuses a table that promises something else than when the batch began to be judged.
    pub(super) fn promises_as_judged(&self, table: &Table<'_>) -> Result<(), Fault> {
        if self.cache().judged_under.as_ref().is_none_or(|then| then.promises_as(&table.terms)) {
            return Ok(());
        }
        let fault =
            Fault::new(Code::TableChanged, format!("{}: what the Delta table promises of its rows changed meanwhile", self.location));
        Err(fault.hint("nothing was published; run the gate again"))
    }

    fn cache(&self) -> MutexGuard<'_, LogCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for DeltaStore {
    fn eq(&self, other: &Self) -> bool {
        self.location == other.location
    }
}

impl Eq for DeltaStore {}

/// The table as it is now, if there is one.
pub(super) struct Table<'a> {
    store: &'a DeltaStore,
    pub location: &'a Location,
    pub table: DeltaTable,
    /// What it promises.
    pub terms: TableTerms,
}

impl<'a> Table<'a> {
    /// Opens the table, if there is one, after a look at its log.
    pub(super) fn open(store: &'a DeltaStore) -> Result<Option<Self>, Fault> {
        let location = &store.location;
        let mut cache = store.cache();
        let failed = |e: DeltaTableError| cannot_read(location, &e);
        let mut table: Option<DeltaTable> = cache.table.take();
        // Entries that come while the table is read are looked at too: what is read is what was found to be whole.
        let table = loop {
            let verified = log::verify(location, cache.verified)?;
            if cache.verified.is_none() || verified.begins_anew {
                cache.checkpoint = verified.checkpoint;
                cache.transactions.clear();
                cache.before_checkpoint.clear();
            }
            let Some(last) = verified.last else { return Ok(None) };
            cache.verified = Some(last);
            cache.transactions.extend(verified.transactions);
            let mut opened = table.take().map_or_else(|| unopened(location), Ok).map_err(failed)?;
            block_on(opened.load()).map_err(failed)?;
            if opened.version().is_none_or(|version| version <= last) {
                break opened;
            }
            table = Some(opened);
        };
        cache.table = Some(table.clone());
        let terms = protocol::terms(location, table.snapshot().map_err(failed)?)?;
        Ok(Some(Self { store, location, table, terms }))
    }

    pub(super) fn schema(&self) -> Result<SchemaRef, Fault> {
        Ok(self.terms.schema.clone())
    }

    /// The data files.
    pub(super) fn files(&self) -> Result<Vec<LogicalFileView>, Fault> {
        let snapshot = self.table.snapshot().map_err(|e| cannot_read(self.location, &e))?;
        let files: Vec<LogicalFileView> = snapshot.log_data().iter().collect();
        // Whoever wrote the log must not lead a run to files that are none of the table's.
        match files.iter().map(LogicalFileView::path).find(|path| leads_elsewhere(path)) {
            None => Ok(files),
            Some(path) => {
                let fault = Fault::new(
                    Code::Unsupported,
                    format!("{}: the log of the Delta table names a file outside of it: `{path}`", self.location),
                );
                Err(fault.hint("a shallow clone of another table is not supported; copy its files"))
            }
        }
    }

    /// Whose rows are in a file of several batches, which never changes.
    pub(super) fn batches_in(&self, file: &LogicalFileView) -> Result<Arc<Vec<Span>>, Fault> {
        let path = file.path().into_owned();
        if let Some(spans) = self.store.cache().contents.get(&path) {
            return Ok(spans.clone());
        }
        let spans = Arc::new(self.contents_of(file)?);
        self.store.cache().contents.insert(path, spans.clone());
        Ok(spans)
    }

    /// The version of the transaction by which the batch was published.
    pub(super) fn transaction(&self, stamp: &Stamp) -> Result<Option<i64>, Fault> {
        for application in self.applications(stamp)? {
            if let Some(version) = self.transaction_of(application)? {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// What became of the rows of a batch that published some, and whose own file is gone.
    pub(super) fn commit_state(&self, stamp: &Stamp) -> Result<CommitState, Fault> {
        commit_state(self.location, self.table.version().unwrap_or(0), &stamp.batch_id, &self.applications(stamp)?)
    }

    /// The applications that the batch's transaction may be of: as it is written now, and as version 0.1 wrote it, by the
    /// data set's name or by that of the table, which is the first one that the data set had.
    fn applications(&self, stamp: &Stamp) -> Result<Vec<String>, Fault> {
        let snapshot = self.table.snapshot().map_err(|e| cannot_read(self.location, &e))?;
        let first = snapshot.metadata().name().filter(|name| *name != stamp.dataset).map(str::to_owned);
        let names = std::iter::once(stamp.dataset.clone()).chain(first);
        let of_0_1 = names.map(|dataset| format!("sluicegate/{dataset}/{}", stamp.batch_id));
        Ok(std::iter::once(application(stamp)).chain(of_0_1).collect())
    }

    /// The last transaction of an application.
    pub(super) fn transaction_of(&self, application: String) -> Result<Option<i64>, Fault> {
        let cache = self.store.cache();
        let there = cache.transactions.get(&application).copied();
        if there.is_some() || cache.checkpoint.is_none() {
            return Ok(there);
        }
        if let Some(before) = cache.before_checkpoint.get(&application) {
            return Ok(*before);
        }
        drop(cache);
        let failed = |e: DeltaTableError| cannot_read(self.location, &e);
        let (snapshot, log_store) = (self.table.snapshot().map_err(failed)?, self.table.log_store());
        let version = block_on(snapshot.transaction_version(log_store.as_ref(), application.as_str())).map_err(failed)?;
        self.store.cache().before_checkpoint.insert(application, version);
        Ok(version)
    }
}

/// The application id of a batch's transaction. Ids of batches are those of a table, whatever its data sets are called.
pub(super) fn application(stamp: &Stamp) -> String {
    format!("sluicegate-batch/{}", stamp.batch_id)
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

pub(super) fn cannot_read(location: &Location, error: &DeltaTableError) -> Fault {
    Fault::new(Code::Unreadable, format!("{location}: cannot read the Delta table: {}", remote::told(&error.to_string())))
}
