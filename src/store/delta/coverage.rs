//! Which texts beside a table speak of rows that are in it now.
//!
//! A batch's own file says by its name which rows it holds. Another program may have written the same rows into other files
//! since: the log tells such a compaction from a change of rows, as far back as it reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::str::from_utf8;

use serde::Deserialize;

use super::log::{LOG, entries, entry};
use super::name::{gathered, is_compacted, named};
use super::paths::decoded;
use super::table::{DeltaStore, Table};
use crate::diagnostic::{Code, Fault};
use crate::store::location::Location;
use crate::store::summaries::{Coverage, LiveFile, SummaryName};

/// Log entries that are read at a time.
const ENTRIES_AT_A_TIME: usize = 256;

/// Which of the texts called `names` speak of rows that are in the table, and which of its rows have none.
///
/// # Errors
/// The table or its log cannot be read.
pub(super) fn coverage(store: &DeltaStore, names: &[SummaryName]) -> Result<Coverage, Fault> {
    let Some(table) = Table::open(store)? else { return Ok(Coverage::default()) };
    let (mut files, mut reduced) = (Vec::new(), BTreeSet::new());
    for file in table.files()? {
        let has_vector = file.deletion_vector_descriptor().is_some();
        if has_vector {
            reduced.insert(file.path().into_owned());
        }
        if is_compacted(&file.path()) {
            for span in table.batches_in(&file)?.iter() {
                let live = named(&span.name, span.since);
                let content = live.content.filter(|_| !has_vector && !span.is_partial);
                files.push(LiveFile { content, ..live });
            }
            continue;
        }
        let live = named(&file.path(), file.modification_time());
        let content = live.content.filter(|_| !has_vector);
        files.push(LiveFile { content, ..live });
    }
    let coverage = Coverage::of(names, &gathered(files.clone()));
    let is_valid: BTreeSet<&SummaryName> = coverage.valid.iter().collect();
    let is_moved = names.iter().any(|name| !is_valid.contains(name)) && files.iter().any(|file| file.batch_id.is_none());
    if !is_moved {
        return Ok(coverage);
    }
    let compactions = compactions(&table)?;
    Ok(Coverage::of(names, &gathered(unpacked(files, &reduced, &compactions))))
}

/// A commit of another program that wrote the same rows into other files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Compaction {
    from: BTreeSet<String>,
    to: BTreeSet<String>,
}

/// The files that `files` were before others compacted them, where that is known: a file of which every row was in a batch's
/// own file counts as these. Of the files `reduced` some rows were deleted.
fn unpacked(files: Vec<LiveFile>, reduced: &BTreeSet<String>, compactions: &[Compaction]) -> Vec<LiveFile> {
    let mut live: BTreeMap<String, LiveFile> = files.into_iter().map(|file| (file.name.clone(), file)).collect();
    // From the last one back, each is undone if all that it wrote is there.
    for Compaction { from, to } in compactions.iter().rev() {
        let is_whole = |path: &String| live.contains_key(path) && !reduced.contains(path);
        if to.is_empty() || !to.iter().all(is_whole) {
            continue;
        }
        let since = to.iter().filter_map(|path| live.remove(path)).map(|file| file.since).min().unwrap_or_default();
        live.extend(from.iter().map(|path| (path.clone(), named(path, since))));
    }
    live.into_values().collect()
}

/// The compactions that the table's log has entries of, in their order.
fn compactions(table: &Table<'_>) -> Result<Vec<Compaction>, Fault> {
    let (versions, _) = entries(&table.location.join(LOG))?;
    let last = table.table.version().unwrap_or(0);
    let versions: Vec<u64> = versions.into_iter().filter(|version| *version <= last).collect();
    let mut found = Vec::new();
    for some in versions.chunks(ENTRIES_AT_A_TIME) {
        let files: Vec<Location> = some.iter().map(|version| entry(table.location, *version)).collect();
        for (file, bytes) in files.iter().zip(Location::read_all(&files)) {
            let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{file}: cannot read: {e}"));
            let bytes = bytes.map_err(|e| failed(&e))?;
            found.extend(compaction(from_utf8(&bytes).map_err(|e| failed(&e))?).map_err(|e| failed(&e))?);
        }
    }
    Ok(found)
}

#[derive(Deserialize)]
struct Action {
    add: Option<File>,
    remove: Option<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    path: String,
    #[serde(default = "yes")]
    data_change: bool,
    /// Rows of the file that are deleted.
    deletion_vector: Option<serde::de::IgnoredAny>,
}

fn yes() -> bool {
    true
}

/// What an entry of the log says of one, if it is that of one and of nothing else.
fn compaction(entry: &str) -> serde_json::Result<Option<Compaction>> {
    // Most entries add a batch and remove nothing.
    if !entry.contains("\"remove\"") {
        return Ok(None);
    }
    let mut compaction = Compaction::default();
    for line in entry.lines().filter(|line| !line.trim().is_empty()) {
        let Action { add, remove } = serde_json::from_str(line)?;
        // A file that had rows deleted held fewer rows than its name says.
        if [&add, &remove].into_iter().flatten().any(|file| file.data_change || file.deletion_vector.is_some()) {
            return Ok(None);
        }
        compaction.to.extend(add.map(|file| decoded(&file.path)));
        compaction.from.extend(remove.map(|file| decoded(&file.path)));
    }
    Ok(Some(compaction).filter(|compaction| !compaction.from.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(batch: &str) -> String {
        format!("{batch}.0123456789abcdef0123456789abcdef.parquet")
    }

    #[test]
    fn the_name_of_a_data_file_says_which_rows_it_holds() {
        let rows = |path: &str| named(path, 0).batch_id.zip(named(path, 0).content);
        let digest = "0123456789abcdef0123456789abcdef";
        let of = |batch: &str| Some((batch.to_owned(), digest[..16].to_owned()));
        assert_eq!(rows(&file("b")), of("b"));
        assert_eq!(rows(&format!("2026.11.22.{digest}.12.parquet")), of("2026.11.22"));
        assert_eq!(rows(&format!("b.{digest}.12.89abcdef01234567.parquet")), of("b"));
        // A batch may be called by a digest, as those are that no one names.
        assert_eq!(rows(&file(&"f".repeat(32))), of(&"f".repeat(32)));
        for other in ["part-00000-5a-c000.snappy.parquet", "b.parquet", &format!("{digest}.parquet"), "d=1/x.parquet"] {
            assert_eq!(rows(other), None, "{other}");
        }
    }

    #[test]
    fn compacted_files_count_as_what_they_were() {
        let action = |kind: &str, path: &str, changes: bool| format!("{{\"{kind}\":{{\"path\":\"{path}\",\"dataChange\":{changes}}}}}\n");
        let moved = |from: &[&str], to: &[&str], changes: bool| {
            let removes = from.iter().map(|path| action("remove", path, changes));
            let adds = to.iter().map(|path| action("add", path, changes));
            compaction(&removes.chain(adds).collect::<String>()).expect("JSON")
        };
        let (a, b, c) = (file("a"), file("b"), file("c"));
        let first = moved(&[&a, &b], &["p1"], false).expect("a compaction");
        let second = moved(&["p1", &c], &["p2", "p3"], false).expect("a compaction");
        assert_eq!(moved(&[&a], &["p1"], true), None, "a change of rows");
        assert_eq!(moved(&[], &[&a], true), None, "a batch");
        let live = |paths: &[&str]| paths.iter().map(|path| named(path, 7)).collect::<Vec<_>>();
        let paths = |files: Vec<LiveFile>| files.into_iter().map(|file| file.name).collect::<Vec<_>>();
        let (both, none) = ([first, second], BTreeSet::new());
        let deleted = BTreeSet::from(["p3".to_owned()]);
        assert_eq!(paths(unpacked(live(&["p2", "p3"]), &deleted, &both)), ["p2", "p3"], "rows of one of its files were deleted since");
        assert_eq!(paths(unpacked(live(&["p1", &c]), &none, &both[..1])), [a.clone(), b.clone(), c.clone()]);
        assert_eq!(paths(unpacked(live(&["p2", "p3"]), &none, &both)), [a, b, c]);
        assert_eq!(paths(unpacked(live(&["p2", "p4"]), &none, &both)), ["p2", "p4"], "rows of one of its files were changed since");
        let vector = "{\"remove\":{\"path\":\"x\",\"dataChange\":false}}\n{\"add\":{\"path\":\"y\",\"dataChange\":false,\
                      \"deletionVector\":{\"storageType\":\"u\"}}}\n";
        assert_eq!(compaction(vector).expect("JSON"), None);
    }
}
