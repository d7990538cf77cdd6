//! One commit to a table's log, behind what was read, or the first one of a new table.

use std::collections::HashMap;

use arrow::datatypes::{FieldRef, Schema};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitData, CommitProperties, PROTOCOL, TransactionError};
use deltalake_core::kernel::{Action, MetadataExt, StructType};
use deltalake_core::logstore::CommitOrBytes;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use serde_json::Value;

use super::schema::DeltaWriteSchema;
use super::table::{Table, block_on, unopened};
use super::transactions::Transactions;
use crate::store::location::Location;
use crate::store::stamp::Stamp;

/// Makes the table, with the batch in its first commit.
pub(super) fn create(
    location: &Location,
    actions: Vec<Action>,
    stamp: &Stamp,
    properties: CommitProperties,
    columns: &DeltaWriteSchema,
) -> Result<u64, DeltaTableError> {
    let kernel: StructType = columns.written.as_ref().try_into_kernel()?;
    let create = CreateBuilder::new()
        .with_log_store(unopened(location)?.log_store())
        .with_save_mode(SaveMode::ErrorIfExists)
        .with_table_name(&stamp.dataset)
        .with_columns(kernel.fields().cloned())
        .with_partition_columns(columns.partition_by.iter().map(|column| column.name()))
        .with_actions(actions)
        .with_commit_properties(properties);
    Ok(block_on(async { create.await })?.version().unwrap_or(0))
}

impl Table<'_> {
    /// Commits `actions` behind whatever others commit meanwhile.
    pub(super) fn append(
        &self,
        mut actions: Vec<Action>,
        properties: CommitProperties,
        added: &[FieldRef],
        batch: (&Stamp, &Transactions),
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

    /// Commits `actions` that put the same rows into other files, as the version behind the one that was read or not at all.
    pub(super) fn rewrite(&self, actions: Vec<Action>, operation: DeltaOperation) -> Result<u64, DeltaTableError> {
        let data = CommitData::new(actions, operation, HashMap::new(), Vec::new());
        self.write_entry(&data)
    }

    /// Whether the library refuses to write here for features whose promises are kept without it.
    fn is_past_library(&self) -> bool {
        self.table.snapshot().is_ok_and(|state| PROTOCOL.can_write_to(state).is_err())
    }

    /// Commits `actions` as the version behind the one that was read, or not at all.
    fn append_past_library(&self, actions: Vec<Action>, stamp: &Stamp, transactions: &Transactions) -> Result<u64, DeltaTableError> {
        let replaces = actions.iter().any(|a| matches!(a, Action::Remove(_)));
        let mode = if replaces { SaveMode::Overwrite } else { SaveMode::Append };
        let operation = DeltaOperation::Write { mode, partition_by: None, predicate: None };
        let metadata = stamp.entries().map(|(key, value)| (key.to_owned(), Value::from(value)));
        let data = CommitData::new(actions, operation, metadata.into_iter().collect(), transactions.actions());
        self.write_entry(&data)
    }

    fn write_entry(&self, data: &CommitData) -> Result<u64, DeltaTableError> {
        let bytes = data.get_bytes().map_err(DeltaTableError::from)?;
        let version = self.table.version().unwrap_or(0) + 1;
        let log = self.table.log_store();
        let written = async { log.write_commit_entry(version, CommitOrBytes::LogBytes(bytes), Default::default()).await };
        match block_on(async { written.await.map_err(DeltaTableError::from) }) {
            Ok(()) => Ok(version),
            Err(DeltaTableError::Transaction { source: TransactionError::VersionAlreadyExists(version) }) => {
                Err(DeltaTableError::VersionAlreadyExists(version))
            }
            Err(other) => Err(other),
        }
    }
}

/// What a commit says beside its actions; others that come first are followed so often.
pub(super) fn properties(stamp: &Stamp, transactions: &Transactions, attempts: usize) -> CommitProperties {
    CommitProperties::default()
        .with_max_retries(attempts)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false))
        .with_application_transactions(transactions.actions())
        .with_metadata(stamp.entries().map(|(key, value)| (key.to_owned(), Value::from(value))))
}

/// Why the commit came too late, if others were first.
pub(super) fn conflict(error: &DeltaTableError) -> Option<String> {
    match error {
        DeltaTableError::Transaction { source: TransactionError::CommitConflict(why) } => Some(why.to_string()),
        DeltaTableError::Transaction { source: TransactionError::MaxCommitAttempts(_) } => Some("another batch was published".into()),
        DeltaTableError::VersionAlreadyExists(version) => Some(format!("version {version} came first")),
        // The table was made meanwhile.
        DeltaTableError::GenericError { source } if source.to_string().contains("already exists") => Some(source.to_string()),
        _ => None,
    }
}
