//! What became of a batch whose file is no longer in its table, as far as the table's log tells.

use std::collections::BTreeSet;
use std::str::from_utf8;

use chrono::DateTime;
use serde_json::Value;

use super::log::{LOG, entries, entry};
use super::name::is_compacted;
use super::paths::{decoded, file_name};
use crate::diagnostic::{Code, Fault};
use crate::store::location::Location;
use crate::store::stamp::Stamp;

/// Log entries that are read at a time.
const ENTRIES_AT_A_TIME: usize = 256;

/// What became of the rows of a published batch whose own file is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommitState {
    /// Other files hold them, or what another program left of them: it compacted the files, or deleted some rows.
    Rewritten,
    /// Other batches took their place by `gate: { replace: … }`.
    Replaced,
    /// Another program took all of them out of the table: it restored an older version, or deleted or overwrote the rows. The text
    /// names the operation.
    RolledBack(String),
    /// The log no longer reaches back to the batch.
    Unknown,
}

/// Follows the rows of `batch_id` from the commit that holds a transaction of one of `applications` up to `version`.
///
/// # Errors
/// The log cannot be read.
pub(super) fn commit_state(table: &Location, version: u64, batch_id: &str, applications: &[String]) -> Result<CommitState, Fault> {
    let (versions, _) = entries(&table.join(LOG))?;
    let versions: Vec<u64> = versions.into_iter().filter(|v| *v <= version).collect();
    let mut trail =
        Trail { prefix: format!("{batch_id}."), applications, known: BTreeSet::new(), live: BTreeSet::new(), commit_state: None };
    for some in versions.chunks(ENTRIES_AT_A_TIME) {
        let files: Vec<Location> = some.iter().map(|v| entry(table, *v)).collect();
        for ((version, file), bytes) in some.iter().zip(&files).zip(Location::read_all(&files)) {
            let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{file}: cannot read: {e}"));
            let bytes = bytes.map_err(|e| failed(&e))?;
            let text = from_utf8(&bytes).map_err(|e| failed(&e))?;
            let actions = text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str);
            let actions: Vec<Value> = actions.collect::<Result<_, _>>().map_err(|e| failed(&e))?;
            trail.follow(*version, &actions);
        }
    }
    Ok(trail.commit_state.unwrap_or(CommitState::Unknown))
}

/// The files that may hold rows of the batch, commit by commit.
struct Trail<'a> {
    /// How names of the batch's own files begin.
    prefix: String,
    applications: &'a [String],
    /// All that ever held some.
    known: BTreeSet<String>,
    /// Those in the table now.
    live: BTreeSet<String>,
    /// None before the commit of the batch.
    commit_state: Option<CommitState>,
}

impl Trail<'_> {
    fn follow(&mut self, version: u64, actions: &[Value]) {
        let files = |kind: &'static str| {
            let named = actions.iter().filter_map(move |action| Some((&action[kind], action[kind]["path"].as_str()?)));
            named.map(|(action, path)| (decoded(path), action["dataChange"].as_bool().unwrap_or(true))).collect::<Vec<_>>()
        };
        let (added, removed) = (files("add"), files("remove"));
        let is_ours = |action: &Value| action["txn"]["appId"].as_str().is_some_and(|id| self.applications.iter().any(|a| a == id));
        if actions.iter().any(is_ours) {
            self.live = added.into_iter().map(|(path, _)| path).filter(|path| file_name(path).starts_with(&self.prefix)).collect();
            self.known.extend(self.live.iter().cloned());
            self.commit_state = Some(CommitState::Rewritten);
            return;
        }
        if self.commit_state.is_none() {
            return;
        }
        let gone: Vec<&(String, bool)> = removed.iter().filter(|(path, _)| self.live.contains(path)).collect();
        let info = actions.iter().map(|action| &action["commitInfo"]).find(|info| info.is_object()).unwrap_or(&Value::Null);
        let kind = Kind::of(info, gone.iter().any(|(_, changes)| *changes));
        let carries = |(path, changes): &(String, bool)| {
            self.known.contains(path)
                || match kind {
                    _ if gone.is_empty() => false,
                    Kind::Compaction => !*changes,
                    Kind::Deletion => true,
                    Kind::Replacement => file_name(path).starts_with(&self.prefix) || is_compacted(path),
                    Kind::Other => false,
                }
        };
        let carriers: Vec<String> = added.iter().filter(|file| carries(file)).map(|(path, _)| path.clone()).collect();
        let had_rows = !self.live.is_empty();
        for (path, _) in &removed {
            self.live.remove(path);
        }
        self.known.extend(carriers.iter().cloned());
        self.live.extend(carriers);
        self.commit_state = match (self.live.is_empty(), had_rows, kind) {
            (false, _, _) => Some(CommitState::Rewritten),
            (true, true, Kind::Replacement) => Some(CommitState::Replaced),
            (true, true, Kind::Compaction | Kind::Deletion | Kind::Other) => Some(CommitState::RolledBack(described(version, info))),
            (true, false, _) => self.commit_state.take(),
        };
    }
}

/// What a commit that removes files is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The same rows in other files.
    Compaction,
    /// Some rows go, or change; the others are written again.
    Deletion,
    /// A gate that replaced published rows by their values.
    Replacement,
    /// All rows of the files go: an overwrite, a restored version.
    Other,
}

impl Kind {
    fn of(info: &Value, changes_data: bool) -> Self {
        if !changes_data {
            return Self::Compaction;
        }
        if info.get(Stamp::BATCH_ID).is_some() {
            return Self::Replacement;
        }
        match info["operation"].as_str().unwrap_or_default().to_ascii_uppercase().as_str() {
            "DELETE" | "UPDATE" | "MERGE" => Self::Deletion,
            _ => Self::Other,
        }
    }
}

/// The commit for people: what it did, when, and by which program.
fn described(version: u64, info: &Value) -> String {
    let operation = info["operation"].as_str().unwrap_or("a commit");
    let day =
        info["timestamp"].as_i64().and_then(DateTime::from_timestamp_millis).map(|time| format!(", {}", time.format("%Y-%m-%d %H:%M UTC")));
    let by = info["engineInfo"].as_str().or_else(|| info["clientVersion"].as_str()).map(|engine| format!(", by {engine}"));
    format!("{operation} in version {version}{}{}", day.unwrap_or_default(), by.unwrap_or_default())
}

/// Nobody knows any more whether the batch's rows are there.
pub(super) fn unknown(location: &Location, stamp: &Stamp) -> Fault {
    let what = format!(
        "{location}: batch `{}` was published, its file is no longer in the table, and the log does not reach back far enough to say why",
        stamp.batch_id
    );
    Fault::new(Code::FateUnknown, what)
        .hint("look whether the table has its rows: another program may have compacted them; if it has not, give another `--batch-id`")
}

/// The batch's rows are there, and others may be among them.
pub(super) fn untold(location: &Location, stamp: &Stamp) -> Fault {
    let what = format!("{location}: the rows of batch `{}` cannot be told from others", stamp.batch_id);
    Fault::new(Code::NotReplayable, what)
        .hint("nothing was changed; other batches took their place, or another program has rewritten the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state after commits, each a list of actions; the first publishes the batch `b` as `b.1.parquet`.
    fn after(commits: &[&[Value]]) -> Option<CommitState> {
        let applications = ["app".to_owned()];
        let mut trail =
            Trail { prefix: "b.".into(), applications: &applications, known: BTreeSet::new(), live: BTreeSet::new(), commit_state: None };
        let first = [serde_json::json!({ "txn": { "appId": "app", "version": 1 } }), add("b.1.parquet", true)];
        trail.follow(0, &first);
        commits.iter().zip(1..).for_each(|(actions, version)| trail.follow(version, actions));
        trail.commit_state
    }

    fn add(path: &str, changes: bool) -> Value {
        serde_json::json!({ "add": { "path": path, "dataChange": changes } })
    }

    fn remove(path: &str, changes: bool) -> Value {
        serde_json::json!({ "remove": { "path": path, "dataChange": changes } })
    }

    fn operation(name: &str) -> Value {
        serde_json::json!({ "commitInfo": { "operation": name } })
    }

    #[test]
    fn rows_are_followed_through_the_log() {
        let compacted: &[Value] = &[operation("OPTIMIZE"), remove("b.1.parquet", false), add("part-1.parquet", false)];
        assert_eq!(after(&[compacted]), Some(CommitState::Rewritten));
        let restored: &[Value] = &[operation("RESTORE"), remove("part-1.parquet", true), add("b.1.parquet", true)];
        assert_eq!(after(&[compacted, restored]), Some(CommitState::Rewritten), "restored to a version that has the batch");
        let taken: &[Value] = &[operation("RESTORE"), remove("part-1.parquet", true), add("a.1.parquet", true)];
        assert_eq!(after(&[compacted, taken]), Some(CommitState::RolledBack("RESTORE in version 2".into())));
        let other: &[Value] = &[operation("WRITE"), add("c.1.parquet", true)];
        assert_eq!(after(&[compacted, taken, other]), Some(CommitState::RolledBack("RESTORE in version 2".into())));
        let back: &[Value] = &[operation("RESTORE"), remove("a.1.parquet", true), add("part-1.parquet", true)];
        assert_eq!(after(&[compacted, taken, back]), Some(CommitState::Rewritten), "and back again");
        let some: &[Value] = &[operation("DELETE"), remove("b.1.parquet", true), add("part-2.parquet", true)];
        assert_eq!(after(&[some]), Some(CommitState::Rewritten));
        let all: &[Value] = &[operation("DELETE"), remove("part-2.parquet", true)];
        assert_eq!(after(&[some, all]), Some(CommitState::RolledBack("DELETE in version 2".into())));
        let overwritten: &[Value] = &[operation("WRITE"), remove("b.1.parquet", true), add("new.parquet", true)];
        assert_eq!(after(&[overwritten]), Some(CommitState::RolledBack("WRITE in version 1".into())));
        let ours = serde_json::json!({ "commitInfo": { "operation": "WRITE", "sluicegate.batch_id": "c" } });
        let replaced: &[Value] = &[ours.clone(), remove("b.1.parquet", true), add("c.1.parquet", true)];
        assert_eq!(after(&[replaced]), Some(CommitState::Replaced));
        let partly: &[Value] = &[ours, remove("b.1.parquet", true), add("c.1.parquet", true), add("b.2.parquet", true)];
        assert_eq!(after(&[partly]), Some(CommitState::Rewritten));
        // A deletion vector: the same file, with fewer rows.
        let vector: &[Value] = &[operation("DELETE"), remove("b.1.parquet", true), add("b.1.parquet", true)];
        assert_eq!(after(&[vector]), Some(CommitState::Rewritten));
    }
}
