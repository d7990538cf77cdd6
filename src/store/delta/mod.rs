//! A directory as a Delta table: one data file and one commit a batch.
//!
//! The commit carries an application transaction for (data set, batch), so a batch is known to be there even after
//! another program has compacted the files. Its version is a digest of the batch and its rules, not a counter.
//! The library makes nothing durable: the gate does, before it says that a batch is published.

mod log;
mod schema;

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, MetadataExt, StructType, Transaction};
use deltalake_core::logstore::{StorageConfig, default_logstore};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::prefix::PrefixStore;

pub use self::log::LOG;
use super::destination::Committed;
use super::durable::{cannot_write_at, make_directory, sync_directory};
use super::location::Location;
use super::view::{TableFile, View};
use super::{StagedFile, Stamp, Stored, kill, remote, statistics};
use crate::diagnostic::Fault;
use crate::rules::schema::Evolution;

/// Commits that lost a race are tried again so often.
const ATTEMPTS_MAX: usize = 100;

/// The table as it is now, if there is one.
struct Table<'a> {
    location: &'a Location,
    table: DeltaTable,
}

/// How a batch's columns are written, as long as the table stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    pub written: SchemaRef,
    batch: SchemaRef,
    evolution: Evolution,
}

/// How the columns of a batch are written to the table at `location`.
///
/// # Errors
/// The table cannot be read or written, or cannot take these columns.
pub(super) fn columns(location: &Location, batch: &SchemaRef, evolution: Evolution) -> Result<Columns, Fault> {
    let there = Table::open(location)?.as_ref().map(Table::schema).transpose()?;
    let (written, _) = schema::written(batch, there.as_deref(), evolution)?;
    Ok(Columns { written, batch: batch.clone(), evolution })
}

/// What the table at `location` holds of the batch that `stamp` names.
///
/// # Errors
/// The table cannot be read.
pub(super) fn stored(location: &Location, stamp: &Stamp) -> Result<Stored, Fault> {
    let Some(table) = Table::open(location)? else { return Ok(Stored::Nothing) };
    if let Some((_, there)) = table.files_of(stamp)?.pop() {
        return Ok(Stored::Batch(there));
    }
    Ok(match table.transaction(stamp)? {
        None => Stored::Nothing,
        Some(version) if [true, false].map(|has_rows| transaction_version(stamp, has_rows)).contains(&version) => {
            Stored::Batch(stamp.clone())
        }
        // It published no row, or another program has rewritten its file: what it was is known by this digest alone.
        Some(version) => Stored::Batch(Stamp { content_digest: format!("{version:x}"), ..stamp.clone() }),
    })
}

/// The file that holds the rows of the batch that `stamp` names; none if it published none.
///
/// # Errors
/// The table cannot be read, or the batch's rows cannot be told from others.
pub(super) fn file_of(location: &Location, stamp: &Stamp) -> Result<Option<Location>, Fault> {
    let Some(table) = Table::open(location)? else { return Ok(None) };
    match (table.files_of(stamp)?.pop(), table.transaction(stamp)?) {
        (Some((file, _)), _) => Ok(Some(location.join(&file.path))),
        (None, Some(version)) if had_rows(version) => Err(untold(location, stamp)),
        (None, _) => Ok(None),
    }
}

fn untold(location: &Location, stamp: &Stamp) -> Fault {
    let what = format!("{location}: the rows of batch `{}` cannot be told from others", stamp.batch_id);
    Fault::new(what).hint("another program has rewritten its file; nothing was changed")
}

/// The table's files as they are now, but for those of the batch `own`; none of them if that batch is there and its rows
/// cannot be told from others: then it will not be published again.
///
/// # Errors
/// The table cannot be read.
pub(super) fn view(location: &Location, own: &Stamp) -> Result<View, Fault> {
    let Some(table) = Table::open(location)? else { return Ok(View::default()) };
    let failed = |e: DeltaTableError| cannot_commit(location, &e);
    let version = table.table.version().map(u128::from);
    let ours = table.files_of(own)?;
    if ours.is_empty() && table.transaction(own)?.is_some_and(had_rows) {
        return Ok(View { version, files: Vec::new() });
    }
    let mut files = Vec::new();
    for file in table.table.snapshot().map_err(failed)?.log_data().iter() {
        if file.deletion_vector_descriptor().is_some() {
            let fault = Fault::new(format!("{location}: another program deleted single rows of the table by deletion vectors"));
            return Err(fault.hint("`across: published` cannot tell which; rewrite the table's files without them"));
        }
        if !ours.iter().any(|(own, _)| own.path == file.path()) {
            let statistics = file.stats().and_then(|stats| serde_json::from_str(&stats).ok());
            files.push(TableFile { location: location.join(&file.path()), statistics });
        }
    }
    Ok(View { version, files })
}

/// Publishes the finished `staged` file as the batch that `stamp` names, in place of what the table holds of it.
///
/// # Errors
/// The table cannot be written, or has changed since `columns` was asked.
pub(super) fn commit(
    location: &Location,
    staged: &mut StagedFile,
    stamp: &Stamp,
    columns: &Columns,
    seen: Option<&View>,
) -> Result<Committed, Fault> {
    let rows = staged.rows();
    let table = Table::open(location)?;
    if seen.is_some_and(|seen| seen.version != table.as_ref().and_then(|t| t.table.version()).map(u128::from)) {
        return Ok(Committed::Overtaken("another batch was published".into()));
    }
    // A batch that was judged beside the table's rows is not committed behind rows that it was not judged beside.
    let attempts = if seen.is_some() { 0 } else { ATTEMPTS_MAX };
    let there = table.as_ref().map(Table::schema).transpose()?;
    let (written, grown) = schema::written(&columns.batch, there.as_deref(), columns.evolution)?;
    if written != columns.written {
        let fault = Fault::new(format!("{location}: the columns of the Delta table changed meanwhile"));
        return Err(fault.hint("nothing was published; run the gate again"));
    }
    let (replaced, version) = match &table {
        Some(table) => (table.files_of(stamp)?, table.table.version().unwrap_or(0)),
        None => (Vec::new(), 0),
    };
    let before = table.as_ref().map(|table| table.transaction(stamp)).transpose()?.flatten();
    if replaced.is_empty() && before.is_some_and(had_rows) {
        return Err(untold(location, stamp));
    }
    if let Location::Local(directory) = location {
        // With a log, though an empty one, the directory is no place of plain parts.
        make_directory(&directory.join(LOG)).map_err(|e| cannot_write_at(location, &e))?;
        if let Ok(now) = staged.path().metadata().and_then(|m| m.modified()) {
            log::sweep(directory, now);
        }
    }
    // A name is used once: readers of an older version may still read what was superseded.
    let name = match before {
        None => format!("{}.{:032x}.parquet", stamp.batch_id, stamp.digest()),
        Some(_) => format!("{}.{:032x}.{}.parquet", stamp.batch_id, stamp.digest(), version + 1),
    };
    let mut actions: Vec<Action> = replaced.into_iter().map(|(file, _)| Action::Remove(file)).collect();
    if rows > 0 {
        actions.push(Action::Add(add(staged.path(), name.clone())?));
        staged.place(&location.join(&name))?;
    }
    let committed = match table {
        Some(table) => table.append(actions, properties(stamp, rows > 0, attempts), grown),
        None => create(location, actions, stamp, properties(stamp, rows > 0, attempts), columns),
    };
    let version = match committed {
        Ok(version) => version,
        Err(error) => {
            remove_unless_named(location, &name, stamp);
            return overtaken(location, error);
        }
    };
    kill::step();
    sync_entry(location, version)?;
    kill::step();
    sync_directories(location)?;
    kill::step();
    Ok(Committed::There(location.clone()))
}

/// Whether the commit failed because others were first.
fn overtaken(location: &Location, error: DeltaTableError) -> Result<Committed, Fault> {
    match error {
        DeltaTableError::Transaction { source: TransactionError::CommitConflict(why) } => Ok(Committed::Overtaken(why.to_string())),
        DeltaTableError::Transaction { source: TransactionError::MaxCommitAttempts(_) } => {
            Ok(Committed::Overtaken("another batch was published".into()))
        }
        DeltaTableError::VersionAlreadyExists(version) => Ok(Committed::Overtaken(format!("version {version} came first"))),
        // The table was made meanwhile.
        DeltaTableError::GenericError { source } if source.to_string().contains("already exists") => {
            Ok(Committed::Overtaken(source.to_string()))
        }
        other => Err(cannot_commit(location, &other)),
    }
}

/// Removes a data file whose commit failed, unless the log names it after all.
fn remove_unless_named(location: &Location, name: &str, stamp: &Stamp) {
    let names = |table: &Table<'_>| Ok(table.files_of(stamp)?.iter().any(|(file, _)| file.path == name));
    // Elsewhere another gate may be about to commit the same file, and nothing holds it back.
    if location.local().is_some() {
        let is_named: Result<Option<bool>, Fault> = Table::open(location).and_then(|table| table.as_ref().map(names).transpose());
        // Where that cannot be known it stays: a file too many is no harm.
        if is_named.is_ok_and(|named| named != Some(true)) {
            let _ = location.join(name).remove();
        }
    }
}

/// Makes what is published already durable: a gate that was killed may have left that undone.
///
/// # Errors
/// The table cannot be read or written.
pub(super) fn confirm(location: &Location, stamp: &Stamp) -> Result<(), Fault> {
    let Some(table) = Table::open(location)? else { return Ok(()) };
    for (file, _) in table.files_of(stamp)? {
        let path = location.join(&file.path);
        path.sync().map_err(|e| cannot_write_at(&path, &e))?;
    }
    // Nothing tells which of the commits was the batch's.
    let is_there = |version: &u64| log::entry(location, *version).local().is_some_and(Path::exists);
    (0..=table.table.version().unwrap_or(0)).filter(is_there).try_for_each(|v| sync_entry(location, v))?;
    sync_directories(location)
}

fn sync_entry(location: &Location, version: u64) -> Result<(), Fault> {
    let entry = log::entry(location, version);
    entry.sync().map_err(|e| cannot_write_at(&entry, &e))
}

fn sync_directories(location: &Location) -> Result<(), Fault> {
    let Location::Local(directory) = location else { return Ok(()) };
    let synced = sync_directory(&directory.join(LOG)).and_then(|()| sync_directory(directory));
    synced.map_err(|e| cannot_write_at(location, &e))
}

/// Makes the table, with the batch in its first commit.
fn create(
    location: &Location,
    actions: Vec<Action>,
    stamp: &Stamp,
    properties: CommitProperties,
    columns: &Columns,
) -> Result<u64, DeltaTableError> {
    let kernel: StructType = columns.written.as_ref().try_into_kernel()?;
    let create = CreateBuilder::new()
        .with_log_store(unopened(location)?.log_store())
        .with_save_mode(SaveMode::ErrorIfExists)
        .with_table_name(&stamp.dataset)
        .with_columns(kernel.fields().cloned())
        .with_actions(actions)
        .with_commit_properties(properties);
    Ok(block_on(async { create.await })?.version().unwrap_or(0))
}

impl<'a> Table<'a> {
    /// Opens the table at `location`, if there is one, after a look at its log.
    fn open(location: &'a Location) -> Result<Option<Self>, Fault> {
        if !log::verify(location)? {
            return Ok(None);
        }
        let failed = |e: DeltaTableError| Fault::new(format!("{location}: cannot read the Delta table: {e}"));
        let mut table = unopened(location).map_err(failed)?;
        block_on(table.load()).map_err(failed)?;
        let snapshot = table.snapshot().map_err(failed)?;
        if !snapshot.metadata().partition_columns().is_empty() {
            let fault = Fault::new(format!("{location}: the Delta table is partitioned"));
            return Err(fault.hint("publish to a table without partitions"));
        }
        Ok(Some(Self { location, table }))
    }

    fn schema(&self) -> Result<SchemaRef, Fault> {
        Ok(self.table.snapshot().map_err(|e| cannot_commit(self.location, &e))?.snapshot().arrow_schema())
    }

    /// The table's files that hold the batch, with the stamps in them.
    fn files_of(&self, stamp: &Stamp) -> Result<Vec<(deltalake_core::kernel::Remove, Stamp)>, Fault> {
        let snapshot = self.table.snapshot().map_err(|e| cannot_commit(self.location, &e))?;
        let prefix = format!("{}.", stamp.batch_id);
        let mut files = Vec::new();
        for file in snapshot.log_data().iter().filter(|file| file.path().starts_with(&prefix)) {
            if let Stored::Batch(there) = Stored::at(&self.location.join(file.path().as_ref()))?
                && there.is_of_batch(stamp)
            {
                files.push((file.remove_action(true), there));
            }
        }
        Ok(files)
    }

    /// The transaction by which the batch was published.
    fn transaction(&self, stamp: &Stamp) -> Result<Option<i64>, Fault> {
        let failed = |e: DeltaTableError| cannot_commit(self.location, &e);
        let (snapshot, log_store) = (self.table.snapshot().map_err(failed)?, self.table.log_store());
        block_on(snapshot.transaction_version(log_store.as_ref(), application(stamp))).map_err(failed)
    }

    /// Commits `actions` behind whatever others commit meanwhile.
    fn append(&self, mut actions: Vec<Action>, properties: CommitProperties, grown: Option<SchemaRef>) -> Result<u64, DeltaTableError> {
        let snapshot = self.table.snapshot()?;
        if let Some(grown) = grown {
            let schema: StructType = grown.as_ref().try_into_kernel()?;
            actions.push(Action::Metadata(snapshot.metadata().clone().with_schema(&schema)?));
        }
        let replaces = actions.iter().any(|a| matches!(a, Action::Remove(_)));
        let mode = if replaces { SaveMode::Overwrite } else { SaveMode::Append };
        let commit = CommitBuilder::from(properties).with_actions(actions).build(
            Some(snapshot),
            self.table.log_store(),
            DeltaOperation::Write { mode, partition_by: None, predicate: None },
        );
        Ok(block_on(async { commit.await })?.version())
    }
}

fn properties(stamp: &Stamp, has_rows: bool, attempts: usize) -> CommitProperties {
    CommitProperties::default()
        .with_max_retries(attempts)
        .with_application_transaction(Transaction::new(application(stamp), transaction_version(stamp, has_rows)))
        .with_metadata(stamp.entries().map(|(key, value)| (key.to_owned(), serde_json::Value::from(value))))
}

/// The application id of a batch's transaction.
fn application(stamp: &Stamp) -> String {
    format!("sluicegate/{}/{}", stamp.dataset, stamp.batch_id)
}

/// A digest of what the stamp says, in 62 bits, and whether the batch published a row.
fn transaction_version(stamp: &Stamp, has_rows: bool) -> i64 {
    (stamp.digest() >> 66) as i64 * 2 + i64::from(has_rows)
}

/// Whether the batch of a transaction published a row.
fn had_rows(transaction_version: i64) -> bool {
    transaction_version % 2 == 1
}

/// The data file that stands at `path` for now, as `name`.
fn add(path: &Path, name: String) -> Result<Add, Fault> {
    let failed = |e: std::io::Error| Fault::new(format!("{}: cannot read back: {e}", path.display()));
    let metadata = path.metadata().map_err(failed)?;
    let file = std::fs::File::open(path).map_err(failed)?;
    let stats = statistics::of(&file).map_err(|e| failed(e.into()))?;
    let modified = metadata.modified().map_err(failed)?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Add {
        path: name,
        size: metadata.len() as i64,
        modification_time: modified.as_millis() as i64,
        data_change: true,
        stats: Some(stats.to_string()),
        ..Add::default()
    })
}

/// The table, before its log is read.
fn unopened(location: &Location) -> Result<DeltaTable, DeltaTableError> {
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
fn block_on<T>(future: impl Future<Output = Result<T, DeltaTableError>>) -> Result<T, DeltaTableError> {
    remote::block_on(future).map_err(|e| DeltaTableError::Generic(e.to_string()))?
}

fn cannot_commit(location: &Location, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("{location}: cannot commit to the Delta table: {error}")).hint("nothing was published")
}
