//! A directory as a Delta table: one data file and one commit a batch.
//!
//! The commit carries an application transaction for (data set, batch), so a batch is known to be there even after
//! another program has compacted the files. Its version is a digest of the batch and its rules, not a counter.
//! The library makes nothing durable: the gate does, before it says that a batch is published.

mod commit;
mod constraints;
mod fate;
mod log;
mod protocol;
mod replace;
mod schema;
mod table;
mod upkeep;

use std::path::Path;

use arrow::datatypes::SchemaRef;

pub(super) use self::commit::{commit, rehearse};
use self::fate::Fate;
pub use self::log::LOG;
pub use self::table::Lake;
use self::table::{Table, had_rows, transaction_version};
use super::durable::{not_durable, sync_directory};
use super::location::Location;
use super::view::{TableFile, View};
use super::{Stamp, Stored};
use crate::diagnostic::{Code, Fault};
use crate::rules::schema::Evolution;
use crate::rules::schema::table::TableTerms;

/// How a batch's columns are written, as long as the table stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    pub written: SchemaRef,
    batch: SchemaRef,
    evolution: Evolution,
}

/// What the table promises, if there is one.
///
/// # Errors
/// It cannot be read, or promises what is not kept here.
pub(super) fn terms(lake: &Lake) -> Result<Option<TableTerms>, Fault> {
    let terms = Table::open(lake)?.map(|table| table.terms);
    lake.judged_under(terms.as_ref());
    Ok(terms)
}

/// How the columns of a batch are written to the table; inside, why its columns do not let them.
///
/// # Errors
/// The table cannot be read or written, or no table could hold these columns.
pub(super) fn columns(lake: &Lake, batch: &SchemaRef, evolution: Evolution) -> Result<Result<Columns, Fault>, Fault> {
    let table = Table::open(lake)?;
    if let Some(table) = &table {
        lake.promises_as_judged(table)?;
    }
    let written = schema::written(batch, table.as_ref().map(|table| &table.terms), evolution)?;
    Ok(written.map(|written| Columns { written: written.columns, batch: batch.clone(), evolution }))
}

/// What the table holds of the batch that `stamp` names.
///
/// # Errors
/// The table cannot be read.
pub(super) fn stored(lake: &Lake, stamp: &Stamp) -> Result<Stored, Fault> {
    let Some(table) = Table::open(lake)? else { return Ok(Stored::Nothing) };
    if let Some((_, there)) = table.files_of(stamp)?.pop() {
        return Ok(Stored::Batch(there));
    }
    let Some(version) = table.transaction(stamp)? else { return Ok(Stored::Nothing) };
    if had_rows(version) {
        match table.fate(stamp)? {
            Fate::Rewritten | Fate::Replaced => {}
            Fate::TakenAway(how) => return Ok(Stored::TakenAway(how)),
            Fate::Unknown => return Err(unknown(&lake.location, stamp)),
        }
    }
    Ok(match [true, false].map(|has_rows| transaction_version(stamp, has_rows)).contains(&version) {
        true => Stored::Batch(stamp.clone()),
        // It published no row, or another program has rewritten its file: what it was is known by this digest alone.
        false => Stored::Batch(Stamp { content_digest: format!("{version:x}"), ..stamp.clone() }),
    })
}

/// The file that holds the rows of the batch that `stamp` names; none if it published none.
///
/// # Errors
/// The table cannot be read, or the batch's rows cannot be told from others.
pub(super) fn file_of(lake: &Lake, stamp: &Stamp) -> Result<Option<Location>, Fault> {
    let location = &lake.location;
    let Some(table) = Table::open(lake)? else { return Ok(None) };
    match (table.files_of(stamp)?.pop(), table.transaction(stamp)?) {
        (Some((file, _)), _) => Ok(Some(location.join(&file.path))),
        (None, Some(version)) if had_rows(version) => Err(untold(location, stamp)),
        (None, _) => Ok(None),
    }
}

fn unknown(location: &Location, stamp: &Stamp) -> Fault {
    let what = format!(
        "{location}: batch `{}` was published, its file is no longer in the table, and the log does not reach back far enough to say why",
        stamp.batch_id
    );
    Fault::new(Code::FateUnknown, what)
        .hint("look whether the table has its rows: another program may have compacted them; if it has not, give another `--batch-id`")
}

fn untold(location: &Location, stamp: &Stamp) -> Fault {
    let what = format!("{location}: the rows of batch `{}` cannot be told from others", stamp.batch_id);
    Fault::new(Code::NotReplayable, what)
        .hint("nothing was changed; other batches took their place, or another program has rewritten the file")
}

/// The table's files as they are now, but for those of the batch `own`; none of them if that batch is there and its rows
/// cannot be told from others: then it will not be published again.
///
/// # Errors
/// The table cannot be read.
pub(super) fn view(lake: &Lake, own: &Stamp) -> Result<View, Fault> {
    let location = &lake.location;
    let Some(table) = Table::open(lake)? else { return Ok(View::default()) };
    let version = table.table.version().map(u128::from);
    let ours = table.files_of(own)?;
    if ours.is_empty() && table.transaction(own)?.is_some_and(had_rows) && !matches!(table.fate(own)?, Fate::TakenAway(_)) {
        return Ok(View { version, ..View::default() });
    }
    let mut files = Vec::new();
    for file in table.files()? {
        if file.deletion_vector_descriptor().is_some() {
            let fault =
                Fault::new(Code::Unsupported, format!("{location}: another program deleted single rows of the table by deletion vectors"));
            return Err(fault.hint("rows cannot be judged beside those that are left; rewrite the table's files without deletion vectors"));
        }
        if !ours.iter().any(|(own, _)| own.path == file.path()) {
            let statistics = file.stats().and_then(|stats| serde_json::from_str(&stats).ok());
            files.push(TableFile { location: location.join(&file.path()), statistics });
        }
    }
    Ok(View { version, files, schema: Some(table.schema()?) })
}

/// Makes what is published already durable: a gate that was killed may have left that undone.
///
/// # Errors
/// The table cannot be read or written.
pub(super) fn confirm(lake: &Lake, stamp: &Stamp) -> Result<(), Fault> {
    let location = &lake.location;
    let Some(table) = Table::open(lake)? else { return Ok(()) };
    for (file, _) in table.files_of(stamp)? {
        let path = location.join(&file.path);
        path.sync().map_err(|e| not_durable(&path, &e))?;
    }
    // Nothing tells which of the commits was the batch's.
    let is_there = |version: &u64| log::entry(location, *version).local().is_some_and(Path::exists);
    (0..=table.table.version().unwrap_or(0)).filter(is_there).try_for_each(|v| sync_entry(location, v))?;
    sync_directories(location)
}

fn sync_entry(location: &Location, version: u64) -> Result<(), Fault> {
    let entry = log::entry(location, version);
    entry.sync().map_err(|e| not_durable(&entry, &e))
}

fn sync_directories(location: &Location) -> Result<(), Fault> {
    let Location::Local(directory) = location else { return Ok(()) };
    let synced = sync_directory(&directory.join(LOG)).and_then(|()| sync_directory(directory));
    synced.map_err(|e| not_durable(location, &e))
}
