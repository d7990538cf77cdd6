//! Commits: a batch's file, in place of what it replaces.

use std::path::Path;

use arrow::datatypes::SchemaRef;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, MetadataExt, StructType, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};

use super::table::{Lake, Table, application, block_on, had_rows, transaction_version, unopened};
use super::{Columns, LOG, log, replace, schema, sync_directories, sync_entry, untold};
use crate::diagnostic::Fault;
use crate::store::destination::{Commit, Committed};
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
    // What was judged beside the table's rows, or takes the place of some, is not committed behind others; nor is a new
    // table, whose columns would take the place of those of another that was made meanwhile.
    let attempts = if what.seen.is_some() || what.replace.is_some() || table.is_none() { 0 } else { ATTEMPTS_MAX };
    let there = table.as_ref().map(Table::schema).transpose()?;
    let (written, grown) = schema::written(&columns.batch, there.as_deref(), columns.evolution)?;
    if written != columns.written {
        let fault = Fault::new(format!("{location}: the columns of the Delta table changed meanwhile"));
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
    if rows > 0 {
        change.actions.push(Action::Add(add(staged.path(), change.name.clone())?));
        staged.place(&location.join(&change.name))?;
    }
    let properties = properties(stamp, rows > 0, attempts);
    let committed = match table {
        Some(table) => table.append(change.actions, properties, grown),
        None => create(location, change.actions, stamp, properties, columns),
    };
    let version = match committed {
        Ok(version) => version,
        Err(error) => match overtaken(location, error) {
            Ok(overtaken) => {
                staged.take_back();
                return Ok(overtaken);
            }
            Err(fault) => {
                remove_unless_named(lake, &change.name, stamp);
                return Err(fault);
            }
        },
    };
    kill::step();
    sync_entry(location, version)?;
    kill::step();
    sync_directories(location)?;
    kill::step();
    Ok(Committed::There { place: location.clone(), replaced_rows: change.replaced_rows })
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
        let (own, before) = (table.files_of(stamp)?, table.transaction(stamp)?);
        // Where rows are replaced by value, another batch may have taken the place of this one's.
        if own.is_empty() && before.is_some_and(had_rows) && what.replace.is_none() {
            return Err(untold(table.location, stamp));
        }
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
            let (more, rows) = replace::actions(table, &paths, partition)?;
            actions.extend(more);
            replaced_rows = rows;
        }
        Ok(Self { actions, replaced_rows, name })
    }
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
        DeltaTableError::Transaction { source: TransactionError::ObjectStore { source } } => Err(cannot_commit(location, &source)),
        other => Err(cannot_commit(location, &other)),
    }
}

/// Removes a data file whose commit failed, unless the log names it after all.
fn remove_unless_named(lake: &Lake, name: &str, stamp: &Stamp) {
    let location = &lake.location;
    let names = |table: &Table<'_>| Ok(table.files_of(stamp)?.iter().any(|(file, _)| file.path == name));
    // Elsewhere another gate may be about to commit the same file, and nothing holds it back.
    if location.local().is_some() {
        let is_named: Result<Option<bool>, Fault> = Table::open(lake).and_then(|table| table.as_ref().map(names).transpose());
        // Where that cannot be known it stays: a file too many is no harm.
        if is_named.is_ok_and(|named| named != Some(true)) {
            let _ = location.join(name).remove();
        }
    }
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

/// The data file that stands at `path` for now, as `name`.
pub(super) fn add(path: &Path, name: String) -> Result<Add, Fault> {
    let failed = |e: std::io::Error| Fault::new(format!("{}: cannot read back: {e}", path.display()));
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

fn cannot_commit(location: &Location, error: &dyn std::fmt::Display) -> Fault {
    let what = format!("{location}: cannot commit to the Delta table: {}", remote::told(&error.to_string()));
    Fault::new(what).hint("nothing was published")
}
