//! What has changed between two runs.

use std::collections::BTreeMap;

use super::brief::Brief;
use crate::history::changed;
use crate::report::since::Change;

/// What became of each finding that is or was a problem, by its id.
pub(super) fn between<'a>(then: &'a Brief, now: &'a Brief) -> BTreeMap<&'a str, Change> {
    let standing = |brief: &'a Brief| brief.findings.iter().map(|f| (f.id.as_str(), &f.standing)).collect::<BTreeMap<_, _>>();
    let (before, after) = (standing(then), standing(now));
    let ids = before.keys().chain(after.keys());
    let read = (then.head.rows.read, now.head.rows.read);
    ids.filter_map(|id| Some((*id, changed((before.get(id).copied(), read.0), (after.get(id).copied(), read.1))?))).collect()
}

/// How many have changed so, in words, in the order of reports.
pub(super) fn counted(changes: &BTreeMap<&str, Change>) -> Vec<(&'static str, usize)> {
    let count = |change: Change| changes.values().filter(|other| **other == change).count();
    Change::ALL.into_iter().map(|change| (change.as_str(), count(change))).filter(|(_, number)| *number > 0).collect()
}
