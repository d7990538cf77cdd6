//! Whether a table's log is whole, before anything trusts it.
//!
//! A crash or a full disk may leave a log entry that is empty or cut short, and readers take an empty one for a commit
//! that did nothing: its rows would vanish without a word.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::diagnostic::Fault;
use crate::store::location::Location;

/// The directory of the log in that of the table.
pub const LOG: &str = "_delta_log";

/// The entry of `version`.
pub(super) fn entry(table: &Location, version: u64) -> Location {
    table.join(LOG).join(&format!("{version:020}.json"))
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
            let _ = fs::remove_file(file.path());
        }
    }
}

/// Refuses a log with entries missing, empty or damaged since its last checkpoint, or since the version `known` already. Whether it has any entry at all: a gate
/// that was killed before its first commit leaves an empty log.
///
/// # Errors
/// What is wrong with it, or that it cannot be read.
pub(super) fn verify(table: &Location, known: Option<u64>) -> Result<bool, Fault> {
    let directory = table.join(LOG);
    let names = directory.names().map_err(|e| Fault::new(format!("{directory}: cannot read: {e}")))?;
    if let Some(local) = directory.local() {
        only_files(local)?;
    }
    let (mut entries, mut checkpoint) = (BTreeSet::new(), None);
    for name in &names {
        let Some((version, rest)) = name.split_once('.') else { continue };
        let Some(version) = (version.len() == 20).then(|| version.parse::<u64>().ok()).flatten() else { continue };
        if rest == "json" {
            entries.insert(version);
        } else if rest.starts_with("checkpoint") && rest.ends_with(".parquet") {
            checkpoint = checkpoint.max(Some(version));
        }
    }
    let first = checkpoint.max(known).map_or(0, |version| version + 1);
    let mut new = Vec::new();
    for (expected, &version) in (first..).zip(entries.range(first..)) {
        if version != expected {
            return Err(damaged(&entry(table, expected), "is missing"));
        }
        new.push(entry(table, version));
    }
    for (entry, bytes) in new.iter().zip(Location::read_all(&new)) {
        verify_entry(entry, bytes)?;
    }
    if checkpoint.is_none() && entries.is_empty() && names.iter().any(|n| n == "_last_checkpoint") {
        return Err(Fault::new(format!("{directory}: the log of the Delta table has no entry")));
    }
    Ok(checkpoint.is_some() || !entries.is_empty())
}

/// Refuses a log with anything in it but files and directories: the library would wait for ever for what a pipe brings.
fn only_files(directory: &Path) -> Result<(), Fault> {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_plain = |kind: fs::FileType| kind.is_file() || kind.is_dir();
        let is_strange = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()).is_ok_and(|there| !is_plain(there.file_type())),
            Ok(kind) => !is_plain(kind),
            // It went away meanwhile.
            Err(_) => false,
        };
        if is_strange {
            let what = format!("{}: this is no file, and the log of a Delta table has nothing else", entry.path().display());
            return Err(Fault::new(what).hint("nothing was changed; remove it"));
        }
    }
    Ok(())
}

fn verify_entry(entry: &Location, bytes: io::Result<Bytes>) -> Result<(), Fault> {
    let bytes = bytes.map_err(|e| damaged(entry, &format!("cannot be read: {e}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|e| damaged(entry, &format!("is damaged: {e}")))?;
    if text.trim().is_empty() {
        return Err(damaged(entry, "is empty"));
    }
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(line) {
            return Err(damaged(entry, &format!("is damaged in line {}: {error}", i + 1)));
        }
    }
    Ok(())
}

fn damaged(entry: &Location, what: &str) -> Fault {
    let fault = Fault::new(format!("{entry}: this entry of the Delta table's log {what}"));
    fault.hint("nothing was changed; restore the entry from a copy, or remove it if no later one exists and its batch is gated again")
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
        verify(&Location::Local(place.path().to_owned()), None)
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
