//! What the log of a Delta table is made of, for those who read tables and those who write them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::diagnostic::{Code, Fault};
use crate::files;

/// The directory of the log in that of the table.
pub(crate) const LOG: &str = "_delta_log";

/// The name of the entry of `version`.
pub(crate) fn entry_name(version: u64) -> String {
    format!("{version:020}.json")
}

/// The versions of which a log has an entry, and those of which it has a checkpoint.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LogVersions {
    pub entries: BTreeSet<u64>,
    pub checkpoints: BTreeSet<u64>,
}

impl LogVersions {
    /// By the names of the files in the log's directory.
    pub(crate) fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        for name in names {
            let Some((version, rest)) = name.split_once('.') else { continue };
            let Some(version) = (version.len() == 20).then(|| version.parse::<u64>().ok()).flatten() else { continue };
            if rest == "json" {
                found.entries.insert(version);
            } else if rest.starts_with("checkpoint") && (rest.ends_with(".parquet") || rest.ends_with(".json")) {
                found.checkpoints.insert(version);
            }
        }
        found
    }
}

/// The actions of a log entry, one each line, as far as `T` has words for them.
///
/// # Errors
/// The entry is empty, cut short, or no text: readers take an empty one for a commit that did nothing.
pub(crate) fn actions<T: serde::de::DeserializeOwned>(entry: &[u8]) -> Result<Vec<T>, String> {
    let text = std::str::from_utf8(entry).map_err(|e| format!("is damaged: {e}"))?;
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(i, line)| serde_json::from_str(line).map_err(|e| format!("is damaged in line {}: {e}", i + 1))).collect()
}

/// Whether a data file's path, which is relative to the table's directory, leaves it.
pub(crate) fn leads_elsewhere(path: &str) -> bool {
    path.starts_with('/') || path.contains("://") || path.split('/').any(|part| part == "..")
}

/// Refuses a log with anything in it but files and directories: the library would wait for ever for what a pipe brings.
pub(crate) fn only_files(directory: &Path) -> Result<(), Fault> {
    if files::is_link_of_another(directory) {
        let fault = Fault::new(Code::UnsafeLink, format!("{}: this is a symbolic link of another user", directory.display()));
        return Err(fault.hint("it may lead anywhere; nothing was changed: remove it"));
    }
    // A checkpoint may have parts in this directory.
    let entries = [directory.to_owned(), directory.join("_sidecars")].into_iter().flat_map(fs::read_dir).flatten().flatten();
    for entry in entries {
        let is_plain = |kind: fs::FileType| kind.is_file() || kind.is_dir();
        let is_strange = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()).is_ok_and(|there| !is_plain(there.file_type())),
            Ok(kind) => !is_plain(kind),
            // It went away meanwhile.
            Err(_) => false,
        };
        if is_strange {
            let what = format!("{}: this is no file, and the log of a Delta table has nothing else", entry.path().display());
            return Err(Fault::new(Code::NotAFile, what).hint("nothing was changed; remove it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_found_among_the_parts_of_a_checkpoint_too() {
        let place = tempfile::tempdir().expect("a directory");
        let parts = place.path().join("_sidecars");
        fs::create_dir(&parts).expect("a directory");
        only_files(place.path()).expect("nothing is wrong");
        std::os::unix::net::UnixListener::bind(parts.join("x.parquet")).expect("a socket");
        only_files(place.path()).expect_err("a socket");
    }

    #[test]
    fn names_say_versions() {
        let names =
            ["00000000000000000001.json", "00000000000000000002.checkpoint.parquet", "00000000000000000003.json#1", "_last_checkpoint"];
        let found = LogVersions::of_names(names);
        assert_eq!((found.entries, found.checkpoints), (BTreeSet::from([1]), BTreeSet::from([2])));
        assert_eq!(entry_name(1), names[0]);
    }
}
