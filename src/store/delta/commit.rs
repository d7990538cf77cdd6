//! Commits: a batch's file, in place of what it replaces.

use std::path::Path;

use arrow::datatypes::{FieldRef, Schema};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, MetadataExt, Remove, StructType, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};

use super::fate::Fate;
use super::table::{Lake, Table, application, block_on, had_rows, transaction_version, unopened};
use super::{Columns, LOG, log, replace, schema, sync_directories, sync_entry, unknown, untold, upkeep};
use crate::diagnostic::{Code, Fault};
use crate::store::destination::{Commit, Committed, Landed};
use crate::store::durable::{cannot_write_at, make_directory};
use crate::store::location::Location;
use crate::store::{StagedFile, Stamp, kill, remote, statistics};

/// Commits that lost a race are tried again so often.
const ATTEMPTS_MAX: usize = 100;

/// Publishes the finished `staged` file as the batch that `stamp` names, in place of what the table holds of it.
///
/// # Errors
/// The table cannot be written, or has changed since `columns` was asked.
pub(in crate::store) fn commit(lake: &Lake, staged: &mut StagedFile, columns: &Columns, what: &Commit<'_>) -> Result<Committed, Fault> {
    let location = &lake.location;
    let (rows, stamp) = (staged.rows(), what.stamp);
    let table = Table::open(lake)?;
    if what.seen.is_some_and(|seen| seen.version != table.as_ref().and_then(|t| t.table.version()).map(u128::from)) {
        return Ok(Committed::Overtaken("another batch was published".into()));
    }
    if let Some(table) = &table {
        lake.promises_as_judged(table)?;
    }
    let terms = table.as_ref().map(|table| &table.terms);
    let schema::Written { columns: written, added } = schema::written(&columns.batch, terms, columns.evolution)??;
    if written != columns.written {
        let fault = Fault::new(Code::TableChanged, format!("{location}: the columns of the Delta table changed meanwhile"));
        return Err(fault.hint("nothing was published; run the gate again"));
    }
    if let Location::Local(directory) = location {
        // With a log, though an empty one, the directory is no place of plain parts.
        make_directory(&directory.join(LOG)).map_err(|e| cannot_write_at(location, &e))?;
        if let Ok(now) = staged.path().metadata().and_then(|m| m.modified()) {
            log::sweep(directory, now);
        }
    }
    let digest = staged.digest()?;
    let mut change = match &table {
        Some(table) => Change::of(table, what, digest)?,
        None => Change { actions: Vec::new(), replaced_rows: 0, name: format!("{}.{digest:032x}.parquet", stamp.batch_id) },
    };
    if let Some(nonce) = staged.own_name() {
        // Where gates cannot wait for each other, one that lost the race must not move or remove the other's file.
        change.name = format!("{}.{nonce}.parquet", change.name.trim_end_matches(".parquet"));
    }
    if rows > 0 {
        change.actions.push(Action::Add(add(staged.path(), change.name.clone())?));
        staged.place(&location.join(&change.name))?;
    }
    // What takes files out of the table, or was judged beside its rows, is not committed behind others: the library would not
    // look again what they did. Nor is a new table, whose columns would take the place of those of another that was made meanwhile.
    let takes_out = change.actions.iter().any(|action| matches!(action, Action::Remove(_)));
    let attempts = if takes_out || what.seen.is_some() || what.replace.is_some() || table.is_none() { 0 } else { ATTEMPTS_MAX };
    let properties = properties(stamp, rows > 0, attempts);
    let committed = match table {
        Some(table) => table.append(change.actions, properties, &added, (stamp, rows > 0)),
        None => create(location, change.actions, stamp, properties, columns),
    };
    let version = match committed {
        Ok(version) => version,
        Err(error) => match (overtaken(&error), landed(lake, stamp, rows > 0, &change.name)) {
            (Some(why), there) => {
                // Nobody but this gate knows the file, unless the commit is there after all.
                if matches!(there, Ok(None)) {
                    staged.take_back();
                }
                return Ok(Committed::Overtaken(why));
            }
            (None, Ok(Some(version))) => version,
            (None, Ok(None)) => {
                staged.take_back();
                return Err(Fault::new(Code::Unwritable, format!("{location}: cannot commit to the Delta table: {}", cause(&error)))
                    .hint("nothing was published"));
            }
            (None, Err(unread)) => {
                let what =
                    format!("{location}: cannot commit to the Delta table: {}; and whether it was done cannot be read", cause(&error));
                let again = "run the gate again: a batch that is there does not come twice";
                return Err(Fault::new(Code::FateUnknown, format!("{what}: {}", unread.what)).hint(again));
            }
        },
    };
    kill::step();
    // The batch is there: no fault from here on may say that it is not.
    let landed = |fault: Fault| fault.hint("the batch is committed; run the gate again: it does not come twice");
    if !log::is_of(location, version, &application(stamp), transaction_version(stamp, rows > 0)).map_err(landed)? {
        let what = format!("{location}: version {version} of the Delta table, which this gate committed, is another's now");
        return Err(Fault::new(Code::UnsafeStore, what)
            .hint("the store lets writers overwrite each other: look into the table before anything else is published there"));
    }
    sync_entry(location, version).map_err(landed)?;
    kill::step();
    sync_directories(location).map_err(landed)?;
    kill::step();
    let warnings = upkeep::keep_up(lake).into_iter().collect();
    Ok(Committed::There(Landed { place: location.clone(), replaced_rows: change.replaced_rows, warnings }))
}

/// The version by which the batch's file came into the table, if it did: an answer of the store may be lost after it has
/// done what it was asked.
fn landed(lake: &Lake, stamp: &Stamp, has_rows: bool, name: &str) -> Result<Option<u64>, Fault> {
    let Some(table) = Table::open(lake)? else { return Ok(None) };
    let is_there = if has_rows {
        table.files_of(stamp)?.iter().any(|(file, _)| file.path == name)
    } else {
        table.transaction(stamp)? == Some(transaction_version(stamp, has_rows))
    };
    if !is_there {
        return Ok(None);
    }
    let (versions, _) = log::entries(&lake.location.join(LOG))?;
    let (application, version) = (application(stamp), transaction_version(stamp, has_rows));
    for entry in versions.into_iter().rev() {
        if log::is_of(&lake.location, entry, &application, version)? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// The batch's own files in the table, which its commit takes out.
///
/// # Errors
/// Its rows are in the table and cannot be told from others.
fn own(table: &Table<'_>, what: &Commit<'_>) -> Result<Vec<(Remove, Stamp)>, Fault> {
    let own = table.files_of(what.stamp)?;
    // Where rows are replaced by value, another batch may have taken the place of this one's.
    if own.is_empty() && what.replace.is_none() && table.transaction(what.stamp)?.is_some_and(had_rows) {
        match table.fate(what.stamp)? {
            Fate::TakenAway(_) => {}
            Fate::Rewritten | Fate::Replaced => return Err(untold(table.location, what.stamp)),
            Fate::Unknown => return Err(unknown(table.location, what.stamp)),
        }
    }
    Ok(own)
}

/// How many rows of other batches a commit would take out.
///
/// # Errors
/// Those of the commit, as far as they can be foreseen.
pub(in crate::store) fn rehearse(lake: &Lake, columns: &Columns, what: &Commit<'_>) -> Result<u64, Fault> {
    let Some(table) = Table::open(lake)? else { return Ok(0) };
    schema::written(&columns.batch, Some(&table.terms), columns.evolution)??;
    let paths: Vec<String> = own(&table, what)?.into_iter().map(|(file, _)| file.path).collect();
    let Some(partition) = what.replace else { return Ok(0) };
    Ok(replace::hits(&table, &paths, partition)?.iter().map(|hit| hit.replaced_rows).sum())
}

/// What a commit takes out of the table, and what it calls its file.
struct Change {
    actions: Vec<Action>,
    /// Rows of other batches that go.
    replaced_rows: u64,
    name: String,
}

impl Change {
    fn of(table: &Table<'_>, what: &Commit<'_>, digest: u128) -> Result<Self, Fault> {
        let stamp = what.stamp;
        let (own, before) = (own(table, what)?, table.transaction(stamp)?);
        // A name is used once, since readers of an older version may still read what was superseded; and it says what the
        // file holds, since nothing keeps two gates from sending files of one name to a store.
        let name = match before {
            None => format!("{}.{digest:032x}.parquet", stamp.batch_id),
            Some(_) => format!("{}.{digest:032x}.{}.parquet", stamp.batch_id, table.table.version().unwrap_or(0) + 1),
        };
        let paths: Vec<String> = own.iter().map(|(file, _)| file.path.clone()).collect();
        let mut actions: Vec<Action> = own.into_iter().map(|(file, _)| Action::Remove(file)).collect();
        let mut replaced_rows = 0;
        if let Some(partition) = what.replace {
            let hits = replace::hits(table, &paths, partition)?;
            replaced_rows = hits.iter().map(|hit| hit.replaced_rows).sum();
            actions.extend(replace::actions(table, hits, partition)?);
        }
        Ok(Self { actions, replaced_rows, name })
    }
}

/// Why the commit came too late, if others were first.
fn overtaken(error: &DeltaTableError) -> Option<String> {
    match error {
        DeltaTableError::Transaction { source: TransactionError::CommitConflict(why) } => Some(why.to_string()),
        DeltaTableError::Transaction { source: TransactionError::MaxCommitAttempts(_) } => Some("another batch was published".into()),
        DeltaTableError::VersionAlreadyExists(version) => Some(format!("version {version} came first")),
        // The table was made meanwhile.
        DeltaTableError::GenericError { source } if source.to_string().contains("already exists") => Some(source.to_string()),
        _ => None,
    }
}

/// What went wrong, without the library's words around it.
fn cause(error: &DeltaTableError) -> String {
    remote::told(&match error {
        DeltaTableError::Transaction { source: TransactionError::ObjectStore { source } } => source.to_string(),
        other => other.to_string(),
    })
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

impl Table<'_> {
    /// Commits `actions` behind whatever others commit meanwhile.
    fn append(
        &self,
        mut actions: Vec<Action>,
        properties: CommitProperties,
        added: &[FieldRef],
        batch: (&Stamp, bool),
    ) -> Result<u64, DeltaTableError> {
        let snapshot = self.table.snapshot()?;
        if !added.is_empty() {
            // What the table says of its own columns stays as it is.
            let added: StructType = (&Schema::new(added.to_vec())).try_into_kernel()?;
            let schema = StructType::try_new(snapshot.schema().fields().chain(added.fields()).cloned())?;
            actions.push(Action::Metadata(snapshot.metadata().clone().with_schema(&schema)?));
        }
        if self.is_past_library() {
            return self.append_past_library(actions, batch.0, batch.1);
        }
        let replaces = actions.iter().any(|a| matches!(a, Action::Remove(_)));
        let mode = if replaces { SaveMode::Overwrite } else { SaveMode::Append };
        let commit = CommitBuilder::from(properties).with_actions(actions).build(
            Some(snapshot),
            self.table.log_store(),
            DeltaOperation::Write { mode, partition_by: None, predicate: None },
        );
        // Checkpoints and the end of old entries come afterwards: if they fail, the batch is published all the same.
        let prepared = block_on(commit.into_prepared_commit_future())?;
        Ok(block_on(async { prepared.await })?.version)
    }
}

fn properties(stamp: &Stamp, has_rows: bool, attempts: usize) -> CommitProperties {
    CommitProperties::default()
        .with_max_retries(attempts)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false))
        .with_application_transaction(Transaction::new(application(stamp), transaction_version(stamp, has_rows)))
        .with_metadata(stamp.entries().map(|(key, value)| (key.to_owned(), serde_json::Value::from(value))))
}

/// The data file that stands at `path` for now, as `name`.
pub(super) fn add(path: &Path, name: String) -> Result<Add, Fault> {
    let failed = |e: std::io::Error| Fault::new(Code::of_reading(&e), format!("{}: cannot read back: {e}", path.display()));
    let metadata = path.metadata().map_err(failed)?;
    let file = crate::files::open(path).map_err(failed)?;
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
