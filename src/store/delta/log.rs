//! Whether a table's log is whole, before anything trusts it.
//!
//! A crash or a full disk may leave a log entry that is empty or cut short, and readers take an empty one for a commit
//! that did nothing: its rows would vanish without a word.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Deserialize;

pub(crate) use crate::delta_log::LOG;
use crate::delta_log::{LogVersions, actions, entry_name, only_files};
use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::store::durable::not_durable;
use crate::store::location::Location;

/// The entry of `version`.
pub(super) fn entry(table: &Location, version: u64) -> Location {
    table.join(LOG).join(&entry_name(version))
}

/// Commits under way are written under such names; nobody takes an hour for one.
const COMMIT_TIME_MAX: Duration = Duration::from_secs(3600);

/// Removes what killed programs left of their commits: by the file system's clock, of which `now` is a time.
pub(super) fn sweep(table: &Path, now: SystemTime) {
    for file in fs::read_dir(table.join(LOG)).into_iter().flatten().flatten() {
        let is_begun = file.file_name().to_str().is_some_and(|n| n.contains(".json#"));
        let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|modified| now.duration_since(modified).ok());
        if is_begun && age.is_some_and(|age| age > COMMIT_TIME_MAX) {
            // What cannot be removed is no entry to any reader.
            files::discard(&file.path());
        }
    }
}

/// What a look at the log found.
#[derive(Debug, Default)]
pub(super) struct Verified {
    /// The last entry, or the last checkpoint; none where there is no table: a gate that was killed before its first commit
    /// leaves an empty log.
    pub last: Option<u64>,
    pub checkpoint: Option<u64>,
    /// Whether entries behind the known version are gone, which others cleared away behind a checkpoint: what was taken from
    /// earlier ones no longer holds.
    pub begins_anew: bool,
    /// Versions of applications' transactions in the entries that were read.
    pub transactions: BTreeMap<String, i64>,
}

/// Reads the entries since the last checkpoint, or since the version `known` already.
///
/// # Errors
/// An entry is missing, empty or damaged; or the log cannot be read.
pub(super) fn verify(table: &Location, known: Option<u64>) -> Result<Verified, Fault> {
    let directory = table.join(LOG);
    let names = names(&directory)?;
    if let Some(local) = directory.local() {
        only_files(local)?;
    }
    let (entries, checkpoint) = versions(&names);
    // A checkpoint that others wrote since then holds what stands in the entries before it: they are read all the same, as long
    // as they are there.
    let behind = known.map(|known| known + 1);
    let begins_anew =
        behind.is_some_and(|behind| checkpoint.is_some_and(|made| (behind..=made).any(|version| !entries.contains(&version))));
    let first = match behind.filter(|_| !begins_anew) {
        Some(behind) => behind,
        None => checkpoint.map_or(0, |version| version + 1),
    };
    let mut new = Vec::new();
    for (expected, &version) in (first..).zip(entries.range(first..)) {
        if version != expected {
            return Err(damaged(&entry(table, expected), "is missing"));
        }
        new.push(entry(table, version));
    }
    let last = entries.last().copied().max(checkpoint);
    let mut verified = Verified { last, checkpoint, begins_anew, transactions: BTreeMap::new() };
    for (entry, bytes) in new.iter().zip(Location::read_all(&new)) {
        verify_entry(entry, bytes, &mut verified.transactions)?;
    }
    if last.is_none() && names.iter().any(|n| n == "_last_checkpoint") {
        return Err(Fault::new(Code::Damaged, format!("{directory}: the log of the Delta table has no entry")));
    }
    Ok(verified)
}

/// The versions that the log in `directory` has entries of, and that of its last checkpoint.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn entries(directory: &Location) -> Result<(BTreeSet<u64>, Option<u64>), Fault> {
    Ok(versions(&names(directory)?))
}

fn names(directory: &Location) -> Result<Vec<String>, Fault> {
    directory.names().map_err(|e| Fault::new(Code::of_reading(&e), format!("{directory}: cannot read: {e}")))
}

fn versions(names: &[String]) -> (BTreeSet<u64>, Option<u64>) {
    let LogVersions { entries, checkpoints } = LogVersions::of_names(names.iter().map(String::as_str));
    (entries, checkpoints.last().copied())
}

/// Whether the entry of this version holds all of these transactions: applications with their versions.
///
/// # Errors
/// It cannot be read.
pub(super) fn holds(table: &Location, version: u64, transactions: &[(String, i64)]) -> Result<bool, Fault> {
    let entry = entry(table, version);
    let bytes = Location::read_all(std::slice::from_ref(&entry)).pop().unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()));
    let bytes = bytes.map_err(|e| Fault::new(Code::of_reading(&e), format!("{entry}: cannot read back: {e}")))?;
    let text = String::from_utf8_lossy(&bytes);
    let there: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    let is_there = |(application, version): &(String, i64)| {
        there.iter().any(|action| action["txn"]["appId"] == *application && action["txn"]["version"] == *version)
    };
    Ok(transactions.iter().all(is_there))
}

/// An action of the log, as far as it is a transaction.
#[derive(Deserialize)]
struct Action {
    txn: Option<Txn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

fn verify_entry(entry: &Location, bytes: io::Result<Bytes>, transactions: &mut BTreeMap<String, i64>) -> Result<(), Fault> {
    let bytes = bytes.map_err(|e| damaged(entry, &format!("cannot be read: {e}")))?;
    let actions: Vec<Action> = actions(&bytes).map_err(|what| damaged(entry, &what))?;
    transactions.extend(actions.into_iter().filter_map(|action| action.txn).map(|txn| (txn.app_id, txn.version)));
    Ok(())
}

fn damaged(entry: &Location, what: &str) -> Fault {
    let fault = Fault::new(Code::Damaged, format!("{entry}: this entry of the Delta table's log {what}"));
    fault.hint("nothing was changed; restore the entry from a copy, or remove it if no later one exists and its batch is gated again")
}

/// Makes the entry of `version` durable.
///
/// # Errors
/// It cannot be written.
pub(super) fn sync_entry(location: &Location, version: u64) -> Result<(), Fault> {
    let entry = entry(location, version);
    entry.sync().map_err(|e| not_durable(&entry, &e))
}

/// Makes the names of a table's files and of its entries durable.
///
/// # Errors
/// A directory cannot be written.
pub(super) fn sync_directories(location: &Location) -> Result<(), Fault> {
    let Location::Local(directory) = location else { return Ok(()) };
    let synced = files::sync_directory(&directory.join(LOG)).and_then(|()| files::sync_directory(directory));
    synced.map_err(|e| not_durable(location, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(&str, &str)]) -> Result<bool, Fault> {
        let place = tempfile::tempdir().expect("a directory");
        fs::create_dir(place.path().join(LOG)).expect("a log");
        for (name, text) in entries {
            fs::write(place.path().join(LOG).join(name), text).expect("an entry");
        }
        verify(&Location::Local(place.path().to_owned()), None).map(|verified| verified.last.is_some())
    }

    #[test]
    fn commits_that_were_never_finished_are_swept() {
        let place = tempfile::tempdir().expect("a directory");
        let log = place.path().join(LOG);
        fs::create_dir(&log).expect("a log");
        let names = ["00000000000000000001.json", "00000000000000000002.json#1", "00000000000000000003.json#1"];
        let files: Vec<fs::File> = names.iter().map(|name| fs::File::create(log.join(name)).expect("a file")).collect();
        let now = files[2].metadata().and_then(|m| m.modified()).expect("a time");
        for file in &files[..2] {
            file.set_modified(now - 2 * COMMIT_TIME_MAX).expect("set");
        }
        sweep(place.path(), now);
        let left = |name: &&str| log.join(name).exists();
        assert_eq!(names.iter().filter(|n| left(n)).collect::<Vec<_>>(), [&names[0], &names[2]]);
    }

    #[test]
    fn a_damaged_log_is_refused() {
        let whole = ("00000000000000000000.json", "{\"protocol\":{}}\n{\"metaData\":{}}\n");
        assert!(!log(&[]).expect("no table yet"));
        assert!(log(&[whole, ("00000000000000000001.json", "{}"), ("_last_checkpoint", "")]).is_ok());
        assert!(log(&[("00000000000000000004.checkpoint.parquet", ""), ("00000000000000000005.json", "{}")]).is_ok());
        let refused = |entries: &[(&str, &str)]| log(entries).expect_err("damage").to_string();
        assert!(refused(&[("_last_checkpoint", "{}")]).contains("has no entry"));
        assert!(refused(&[whole, ("00000000000000000001.json", "")]).contains("is empty"));
        assert!(refused(&[whole, ("00000000000000000001.json", "{}\n{\"add\":{\"pa")]).contains("damaged in line 2"));
        assert!(refused(&[whole, ("00000000000000000002.json", "{}")]).contains("00000000000000000001.json: this entry"));
    }
}
