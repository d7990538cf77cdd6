//! A directory as a Delta table: one data file and one commit a batch.
//!
//! The commit carries an application transaction for (data set, batch), so a batch is known to be there even after
//! another program has compacted the files. Its version is a digest of the batch and its rules, not a counter.
//! The library makes nothing durable: the gate does, before it says that a batch is published.

mod log;
mod schema;
mod statistics;

use std::fs;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, MetadataExt, StructType, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use xxhash_rust::xxh3::xxh3_128;

use super::durable::{cannot_write, make_directory, sync_directory, sync_file};
use super::{StagedFile, Stamp, Stored, destination, kill};
use crate::diagnostic::Fault;
use crate::rules::schema::Evolution;

/// Commits that lost a race are tried again so often.
const ATTEMPTS_MAX: usize = 100;

/// Whether the directory holds a Delta table.
pub(super) fn is_table(directory: &Path) -> bool {
    log::directory(directory).is_dir()
}

/// The table as it is now, if there is one.
struct Table {
    directory: PathBuf,
    table: DeltaTable,
}

/// How a batch's columns are written, as long as the table stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    pub written: SchemaRef,
    batch: SchemaRef,
    evolution: Evolution,
}

/// How the columns of a batch are written to the table in `directory`.
///
/// # Errors
/// The table cannot be read or written, or cannot take these columns.
pub(super) fn columns(directory: &Path, batch: &SchemaRef, evolution: Evolution) -> Result<Columns, Fault> {
    let there = Table::open(directory)?.as_ref().map(Table::schema).transpose()?;
    let (written, _) = schema::written(batch, there.as_deref(), evolution)?;
    Ok(Columns { written, batch: batch.clone(), evolution })
}

/// What the table in `directory` holds of the batch that `stamp` names.
///
/// # Errors
/// The table cannot be read.
pub(super) fn stored(directory: &Path, stamp: &Stamp) -> Result<Stored, Fault> {
    let Some(table) = Table::open(directory)? else { return Ok(Stored::Nothing) };
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

/// Publishes the finished `staged` file as the batch that `stamp` names, in place of what the table holds of it.
///
/// # Errors
/// The table cannot be written, or has changed since `columns` was asked.
pub(super) fn commit(directory: &Path, staged: StagedFile, stamp: &Stamp, columns: &Columns) -> Result<(), Fault> {
    let rows = staged.rows();
    let table = Table::open(directory)?;
    let there = table.as_ref().map(Table::schema).transpose()?;
    let (written, grown) = schema::written(&columns.batch, there.as_deref(), columns.evolution)?;
    if written != columns.written {
        let fault = Fault::new(format!("{}: the columns of the Delta table changed meanwhile", directory.display()));
        return Err(fault.hint("nothing was published; run the gate again"));
    }
    // With a log, though an empty one, the directory is no place of plain parts.
    make_directory(&log::directory(directory)).map_err(|e| cannot_write(directory, &e))?;
    let (replaced, version) = match &table {
        Some(table) => (table.files_of(stamp)?, table.table.version().unwrap_or(0)),
        None => (Vec::new(), 0),
    };
    let before = table.as_ref().map(|table| table.transaction(stamp)).transpose()?.flatten();
    if replaced.is_empty() && before.is_some_and(had_rows) {
        let what = format!("{}: the rows of batch `{}` cannot be told from others", directory.display(), stamp.batch_id);
        return Err(Fault::new(what).hint("another program has rewritten its file; nothing was changed"));
    }
    // A name is used once: readers of an older version may still read what was superseded.
    let name = match before {
        None => format!("{}.{:032x}.parquet", stamp.batch_id, digest(stamp)),
        Some(_) => format!("{}.{:032x}.{}.parquet", stamp.batch_id, digest(stamp), version + 1),
    };
    let path = directory.join(&name);
    let failed = |e: std::io::Error| cannot_write(&path, &e);
    if let Ok(now) = fs::metadata(staged.path()).and_then(|m| m.modified()) {
        log::sweep(directory, now);
    }
    let mut actions: Vec<Action> = replaced.into_iter().map(|(file, _)| Action::Remove(file)).collect();
    if rows > 0 {
        staged.rename(&path).map_err(failed)?;
        kill::step();
        sync_directory(directory).map_err(failed)?;
        kill::step();
        actions.push(Action::Add(add(&path, name)?));
    }
    let committed = match table {
        Some(table) => table.append(actions, properties(stamp, rows > 0), grown),
        None => create(directory, actions, stamp, properties(stamp, rows > 0), columns),
    };
    let version = committed.inspect_err(|_| remove_unless_named(directory, &path, stamp))?;
    kill::step();
    sync_entry(directory, version)?;
    kill::step();
    sync_directories(directory)?;
    kill::step();
    Ok(())
}

/// Removes a data file whose commit failed, unless the log names it after all.
fn remove_unless_named(directory: &Path, path: &Path, stamp: &Stamp) {
    let names = |table: &Table| Ok(table.files_of(stamp)?.iter().any(|(file, _)| directory.join(&file.path) == path));
    let is_named: Result<Option<bool>, Fault> = Table::open(directory).and_then(|table| table.as_ref().map(names).transpose());
    // Where that cannot be known it stays: a file too many is no harm.
    if is_named.is_ok_and(|named| named != Some(true)) {
        let _ = fs::remove_file(path);
    }
}

/// Makes what is published already durable: a gate that was killed may have left that undone.
///
/// # Errors
/// The table cannot be read or written.
pub(super) fn confirm(directory: &Path, stamp: &Stamp) -> Result<(), Fault> {
    let Some(table) = Table::open(directory)? else { return Ok(()) };
    for (file, _) in table.files_of(stamp)? {
        let path = directory.join(&file.path);
        sync_file(&path).map_err(|e| cannot_write(&path, &e))?;
    }
    // Nothing tells which of the commits was the batch's.
    (0..=table.table.version().unwrap_or(0)).filter(|v| log::entry(directory, *v).exists()).try_for_each(|v| sync_entry(directory, v))?;
    sync_directories(directory)
}

fn sync_entry(directory: &Path, version: u64) -> Result<(), Fault> {
    let entry = log::entry(directory, version);
    sync_file(&entry).map_err(|e| cannot_write(&entry, &e))
}

fn sync_directories(directory: &Path) -> Result<(), Fault> {
    let log = log::directory(directory);
    sync_directory(&log).and_then(|()| sync_directory(directory)).map_err(|e| cannot_write(&log, &e))
}

/// Makes the table, with the batch in its first commit.
fn create(directory: &Path, actions: Vec<Action>, stamp: &Stamp, properties: CommitProperties, columns: &Columns) -> Result<u64, Fault> {
    let kernel: StructType = columns.written.as_ref().try_into_kernel().map_err(|e| cannot_commit(directory, &e))?;
    let table = builder(directory)?.build().map_err(|e| cannot_commit(directory, &e))?;
    let create = CreateBuilder::new()
        .with_log_store(table.log_store())
        .with_save_mode(SaveMode::ErrorIfExists)
        .with_table_name(&stamp.dataset)
        .with_columns(kernel.fields().cloned())
        .with_actions(actions)
        .with_commit_properties(properties);
    let table = block_on(directory, async { create.await })?.map_err(|e| cannot_commit(directory, &e))?;
    Ok(table.version().unwrap_or(0))
}

impl Table {
    /// Opens the table in `directory`, if there is one, after a look at its log.
    fn open(directory: &Path) -> Result<Option<Self>, Fault> {
        if !is_table(directory) {
            return Ok(None);
        }
        // A gate that was killed before its first commit leaves an empty log.
        let log = log::directory(directory);
        if fs::read_dir(&log).is_ok_and(|mut entries| entries.all(|e| e.is_ok_and(|e| !is_entry(&e.path())))) {
            return Ok(None);
        }
        log::verify(directory)?;
        let failed = |e: DeltaTableError| Fault::new(format!("{}: cannot read the Delta table: {e}", directory.display()));
        let table = block_on(directory, async { builder(directory)?.load().await.map_err(failed) })??;
        let snapshot = table.snapshot().map_err(failed)?;
        if !snapshot.metadata().partition_columns().is_empty() {
            let fault = Fault::new(format!("{}: the Delta table is partitioned", directory.display()));
            return Err(fault.hint("publish to a table without partitions"));
        }
        Ok(Some(Self { directory: directory.to_owned(), table }))
    }

    fn schema(&self) -> Result<SchemaRef, Fault> {
        Ok(self.table.snapshot().map_err(|e| cannot_commit(&self.directory, &e))?.snapshot().arrow_schema())
    }

    /// The table's files that hold the batch, with the stamps in them.
    fn files_of(&self, stamp: &Stamp) -> Result<Vec<(deltalake_core::kernel::Remove, Stamp)>, Fault> {
        let snapshot = self.table.snapshot().map_err(|e| cannot_commit(&self.directory, &e))?;
        let prefix = format!("{}.", stamp.batch_id);
        let mut files = Vec::new();
        for file in snapshot.log_data().iter().filter(|file| file.path().starts_with(&prefix)) {
            let path = self.directory.join(file.path().as_ref());
            if let Stored::Batch(there) = destination::stored_in(&path)?
                && (&there.dataset, &there.batch_id) == (&stamp.dataset, &stamp.batch_id)
            {
                files.push((file.remove_action(true), there));
            }
        }
        Ok(files)
    }

    /// The transaction by which the batch was published.
    fn transaction(&self, stamp: &Stamp) -> Result<Option<i64>, Fault> {
        let failed = |e: DeltaTableError| cannot_commit(&self.directory, &e);
        let (snapshot, log_store) = (self.table.snapshot().map_err(failed)?, self.table.log_store());
        block_on(&self.directory, snapshot.transaction_version(log_store.as_ref(), application(stamp)))?.map_err(failed)
    }

    /// Commits `actions` behind whatever others commit meanwhile.
    fn append(&self, mut actions: Vec<Action>, properties: CommitProperties, grown: Option<SchemaRef>) -> Result<u64, Fault> {
        let failed = |e: DeltaTableError| conflict(&self.directory, e);
        let snapshot = self.table.snapshot().map_err(failed)?;
        if let Some(grown) = grown {
            let schema: StructType = grown.as_ref().try_into_kernel().map_err(|e| cannot_commit(&self.directory, &e))?;
            actions
                .push(Action::Metadata(snapshot.metadata().clone().with_schema(&schema).map_err(|e| cannot_commit(&self.directory, &e))?));
        }
        let replaces = actions.iter().any(|a| matches!(a, Action::Remove(_)));
        let mode = if replaces { SaveMode::Overwrite } else { SaveMode::Append };
        let commit = CommitBuilder::from(properties).with_actions(actions).build(
            Some(snapshot),
            self.table.log_store(),
            DeltaOperation::Write { mode, partition_by: None, predicate: None },
        );
        Ok(block_on(&self.directory, async { commit.await })?.map_err(failed)?.version())
    }
}

fn is_entry(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json" || e == "parquet") || path.file_name().is_some_and(|n| n == "_last_checkpoint")
}

fn properties(stamp: &Stamp, has_rows: bool) -> CommitProperties {
    CommitProperties::default()
        .with_max_retries(ATTEMPTS_MAX)
        .with_application_transaction(Transaction::new(application(stamp), transaction_version(stamp, has_rows)))
        .with_metadata(stamp.entries().map(|(key, value)| (key.to_owned(), serde_json::Value::from(value))))
}

/// The application id of a batch's transaction.
fn application(stamp: &Stamp) -> String {
    format!("sluicegate/{}/{}", stamp.dataset, stamp.batch_id)
}

/// A digest of what the stamp says, in 62 bits, and whether the batch published a row.
fn transaction_version(stamp: &Stamp, has_rows: bool) -> i64 {
    (digest(stamp) >> 66) as i64 * 2 + i64::from(has_rows)
}

/// Whether the batch of a transaction published a row.
fn had_rows(transaction_version: i64) -> bool {
    transaction_version % 2 == 1
}

fn digest(stamp: &Stamp) -> u128 {
    xxh3_128(stamp.entries().map(|(_, value)| value).join("\u{1f}").as_bytes())
}

fn add(path: &Path, name: String) -> Result<Add, Fault> {
    let failed = |e: std::io::Error| Fault::new(format!("{}: cannot read back: {e}", path.display()));
    let metadata = fs::metadata(path).map_err(failed)?;
    let modified = metadata.modified().map_err(failed)?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Add {
        path: name,
        size: metadata.len() as i64,
        modification_time: modified.as_millis() as i64,
        data_change: true,
        stats: Some(statistics::of(path)?),
        ..Add::default()
    })
}

fn builder(directory: &Path) -> Result<DeltaTableBuilder, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(format!("{}: cannot open the Delta table: {e}", directory.display()));
    let absolute = fs::canonicalize(directory).map_err(|e| failed(&e))?;
    let url = url::Url::from_directory_path(absolute).map_err(|()| failed(&"the path cannot be written as a URL"))?;
    DeltaTableBuilder::from_url(url).map_err(|e| failed(&e))
}

/// Runs `future` to its end.
fn block_on<F: Future>(directory: &Path, future: F) -> Result<F::Output, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|e| cannot_commit(directory, &e))?;
    Ok(runtime.block_on(future))
}

fn cannot_commit(directory: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("{}: cannot commit to the Delta table: {error}", directory.display())).hint("nothing was published")
}

/// What came in the way of a commit.
fn conflict(directory: &Path, error: DeltaTableError) -> Fault {
    match error {
        DeltaTableError::Transaction { source: TransactionError::CommitConflict(why) } => {
            let what = format!("{}: the Delta table changed meanwhile: {why}", directory.display());
            Fault::new(what).hint("nothing was published; run the gate again")
        }
        other => cannot_commit(directory, &other),
    }
}
