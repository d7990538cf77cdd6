//! What a table needs now and then beside commits: checkpoints, and an end of log entries that have expired.
//!
//! The batch is published before any of it: where it fails, that is a warning, and the next commit tries again.

use std::sync::Arc;

use delta_kernel::Snapshot;
use delta_kernel::checkpoint::LastCheckpointHintStats;
use deltalake_core::checkpoints::cleanup_metadata;
use deltalake_core::table::config::TablePropertiesExt;
use url::Url;

use super::compact::compact;
use super::log::{LOG, entries, sync_directories};
use super::table::{DeltaStore, Table, block_on};
use crate::remote;
use crate::store::kill;
use crate::store::location::Location;

/// Makes few files of many small ones, and writes a checkpoint, where these are due. Gives what failed, for people.
pub(super) fn keep_up(store: &DeltaStore) -> Vec<String> {
    let compacted = compact(store).err();
    let compacted =
        compacted.map(|fault| format!("the batch is published; the table's small files could not be put together: {}", fault.what));
    compacted.into_iter().chain(checkpoint(store)).collect()
}

/// Commits between checkpoints where small files are put together.
const INTERVAL_OF_SMALL: u64 = 20;

/// Writes a checkpoint if one is due. Gives what failed, for people.
fn checkpoint(store: &DeltaStore) -> Option<String> {
    let location = &store.location;
    match is_due(store).and_then(|due| if due { write_checkpoint(store) } else { Ok(()) }) {
        Ok(()) => None,
        Err(why) => Some(format!("{location}: the batch is published; a checkpoint of the table's log could not be written: {why}")),
    }
}

/// Whether the table's interval has passed since its last checkpoint.
fn is_due(store: &DeltaStore) -> Result<bool, String> {
    let (entries, checkpoint) = entries(&store.location.join(LOG)).map_err(|e| e.to_string())?;
    let since = entries.last().map_or(0, |last| (last + 1).saturating_sub(checkpoint.map_or(0, |c| c + 1)));
    let Some(table) = Table::open(store).map_err(|e| e.to_string())? else { return Ok(false) };
    let interval = table.table.snapshot().map_err(|e| e.to_string())?.table_config().checkpoint_interval().get();
    // Small batches come often, and each run reads what came since the last checkpoint.
    let often = store.layout.compact.map_or(interval, |_| interval.min(INTERVAL_OF_SMALL));
    Ok(since >= often)
}

/// Writes a checkpoint of the table as it is, durable before `_last_checkpoint` names it; then removes entries of the log
/// that are older than the table keeps them.
fn write_checkpoint(store: &DeltaStore) -> Result<(), String> {
    let location = &store.location;
    let Some(table) = Table::open(store).map_err(|e| e.to_string())? else { return Ok(()) };
    let log_store = table.table.log_store();
    let version = table.table.version().unwrap_or(0);
    let directory = location.clone();
    let written = remote::block_on(async move {
        // The kernel's reader and writer need the runtime that this thread belongs to.
        let engine = log_store.engine(None);
        let root: Url = log_store.transaction_url(None).map_err(|e| e.to_string())?;
        let write = move || -> Result<(), String> {
            let failed = |e: delta_kernel::Error| e.to_string();
            let snapshot = Snapshot::builder_for(root).at_version(version).build(engine.as_ref()).map_err(failed)?;
            let writer = snapshot.create_checkpoint_writer(engine.as_ref()).map_err(failed)?;
            let path = writer.checkpoint_path().map_err(failed)?;
            let data = writer.checkpoint_data(engine.as_ref()).map_err(failed)?;
            let state = data.state();
            let rows = data.map(|batch| batch.and_then(|batch| batch.apply_selection_vector()));
            engine.parquet_handler().write_parquet_file(path.clone(), Box::new(rows)).map_err(failed)?;
            let size = engine.storage_handler().head(&path).map_err(failed)?.size;
            kill::step();
            sync(&directory, path.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default())?;
            let state = Arc::into_inner(state).ok_or("internal error: the checkpoint's state is still in use")?;
            let stats = LastCheckpointHintStats::from_reconciliation_state(state, size, 0).map_err(failed)?;
            writer.finalize(engine.as_ref(), &stats).map_err(failed)?;
            kill::step();
            sync(&directory, "_last_checkpoint")
        };
        tokio::task::spawn_blocking(write).await.map_err(|e| e.to_string())?
    });
    written.map_err(|e| e.to_string())??;
    let snapshot = table.table.snapshot().map_err(|e| e.to_string())?;
    if snapshot.table_config().enable_expired_log_cleanup() {
        block_on(cleanup_metadata(&table.table, None)).map_err(|e| format!("expired entries stay: {e}"))?;
    }
    Ok(())
}

/// Makes the file `name` of the log durable, and its name.
fn sync(table: &Location, name: &str) -> Result<(), String> {
    let file = table.join(LOG).join(name);
    file.sync().map_err(|e| format!("{file}: {e}"))?;
    sync_directories(table).map_err(|e| e.to_string())
}
