//! The summaries of what is published, read.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::blocks::{Blocks, Piece, is_merged, ones};
use crate::audit::Kept;
use crate::diagnostic::Fault;
use crate::rules::Why;
use crate::store::{Coverage, Store, SummaryName, Uncovered};
use crate::summary::Summary;

/// Which batches are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    All,
    /// The last so many, in the order of their commits.
    Last(u64),
    /// All, each by itself.
    Each,
    /// Those of these ids.
    Batches(Vec<String>),
}

/// The summaries of the chosen batches, but for that of the batch `own`; read by so many threads.
///
/// # Errors
/// What is published, or a summary, cannot be read.
pub(in crate::gate) fn read(store: &dyn Store, choice: &Choice, own: Option<&str>, threads: usize) -> Result<(Kept, Vec<String>), Fault> {
    let Some(texts) = store.texts() else { return Ok((Kept::default(), Vec::new())) };
    let files = texts.names()?;
    let names: Vec<SummaryName> = files.iter().filter_map(|name| SummaryName::of_file(name)).collect();
    let Coverage { valid, without } = chosen(store.coverage(&names)?, choice, own);
    let mut lacking: Vec<String> = without.into_iter().map(|rows| rows.name).collect();
    let cached: BTreeSet<String> = match choice {
        Choice::All => files.into_iter().filter(|name| is_merged(name)).collect(),
        // Few as a rule, and some rules look at each by itself.
        Choice::Last(_) | Choice::Each | Choice::Batches(_) => BTreeSet::new(),
    };
    let pieces = Blocks::new(&valid).pieces(&cached);
    let found = summaries_of(store, &valid, &pieces, threads, &parsed)?;
    let mut kept = Kept { is_merged: !cached.is_empty(), grows: true, ..Kept::default() };
    for (piece, summary) in pieces.iter().zip(found) {
        match (piece, summary) {
            (Piece::One(at), Some(summary)) => kept.parts.push((valid[*at].batch_id.clone(), Arc::new(summary))),
            (Piece::Merged(range, _), Some(summary)) => kept.parts.push((format!("{} batches", range.len()), Arc::new(summary))),
            (Piece::One(at), None) => lacking.push(valid[*at].batch_id.clone()),
            // It went away meanwhile, or is damaged: it is a cache.
            (Piece::Merged(range, _), None) => {
                for (at, summary) in range.clone().zip(summaries_of(store, &valid, &ones(range), threads, &parsed)?) {
                    match summary {
                        Some(summary) => kept.parts.push((valid[at].batch_id.clone(), Arc::new(summary))),
                        None => lacking.push(valid[at].batch_id.clone()),
                    }
                }
            }
        }
    }
    kept.without = lacking.len() as u64;
    if kept.parts.is_empty() && lacking.is_empty() {
        kept.why = Some(Why::WarmingUp("nothing is published yet".into()));
    }
    Ok((kept, lacking))
}

/// What of the coverage is chosen.
fn chosen(coverage: Coverage, choice: &Choice, own: Option<&str>) -> Coverage {
    let Coverage { mut valid, mut without } = coverage;
    valid.retain(|name| Some(name.batch_id.as_str()) != own);
    without.retain(|rows| Some(rows.name.as_str()) != own);
    match choice {
        Choice::All | Choice::Each => {}
        Choice::Last(last) => {
            let last = usize::try_from(*last).unwrap_or(usize::MAX);
            let mut all: Vec<(i64, bool)> =
                valid.iter().map(|name| (name.since, true)).chain(without.iter().map(|rows| (rows.since, false))).collect();
            all.sort_unstable();
            let with = all.iter().rev().take(last).filter(|(_, has_summary)| *has_summary).count();
            let lacking = all.len().min(last) - with;
            valid.drain(..valid.len() - with);
            without.drain(..without.len() - lacking);
        }
        Choice::Batches(batches) => {
            valid.retain(|name| batches.contains(&name.batch_id));
            without.retain(|Uncovered { name, .. }| batches.contains(name));
        }
    }
    Coverage { valid, without }
}

/// A text as a summary; none if it is damaged.
pub(super) fn parsed(text: &str) -> Option<Summary> {
    Summary::read(text).ok()
}

/// The summaries of `pieces`, in their order, each read by `parse`; none for one that is not there or is damaged.
///
/// # Errors
/// A file cannot be read.
pub(super) fn summaries_of<T: Send>(
    store: &dyn Store,
    valid: &[SummaryName],
    pieces: &[Piece],
    threads: usize,
    parse: &(dyn Fn(&str) -> Option<T> + Sync),
) -> Result<Vec<Option<T>>, Fault> {
    let Some(texts) = store.texts() else { return Ok(pieces.iter().map(|_| None).collect()) };
    let name = |piece: &Piece| match piece {
        Piece::One(at) => valid[*at].file_name(),
        Piece::Merged(_, name) => name.clone(),
    };
    // A short piece each: they are not alike in size.
    const PIECES_A_THREAD: usize = 8;
    let threads = threads.clamp(1, pieces.len().div_ceil(PIECES_A_THREAD).max(1));
    let some = |pieces: &[Piece]| -> Result<Vec<Option<T>>, Fault> {
        let names: Vec<String> = pieces.iter().map(name).collect();
        let read = texts.read(&names)?;
        let one = |(piece, bytes): (&Piece, Option<bytes::Bytes>)| {
            let bytes = bytes?;
            let is_whole = match piece {
                Piece::One(at) => valid[*at].is_of(&bytes),
                Piece::Merged(..) => true,
            };
            std::str::from_utf8(&bytes).ok().filter(|_| is_whole).and_then(parse)
        };
        Ok(pieces.iter().zip(read).map(one).collect())
    };
    if threads == 1 {
        return some(pieces);
    }
    let size = pieces.len().div_ceil(threads);
    let mut all = Vec::with_capacity(pieces.len());
    std::thread::scope(|scope| -> Result<(), Fault> {
        // Where no thread can be had, this one does the work.
        let some = &some;
        let begin = |pieces| std::thread::Builder::new().spawn_scoped(scope, move || some(pieces)).map_err(|_| pieces);
        let running: Vec<_> = pieces.chunks(size).map(begin).collect();
        for thread in running {
            let found = match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(pieces) => some(pieces),
            };
            all.extend(found?);
        }
        Ok(())
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_batches_are_those_committed_last_and_the_judged_one_is_none_of_them() {
        let name = |since, batch: &str| SummaryName::new(since, batch, "0123456789abcdef", 0, "");
        let lacks = |since, name: &str| Uncovered { since, name: name.into() };
        let all = || Coverage { valid: vec![name(1, "a"), name(3, "c"), name(5, "e")], without: vec![lacks(2, "b"), lacks(4, "d")] };
        let ids = |choice: &Choice, own: Option<&str>| {
            let Coverage { valid, without } = chosen(all(), choice, own);
            let valid: Vec<String> = valid.into_iter().map(|name| name.batch_id).collect();
            let without: Vec<String> = without.into_iter().map(|rows| rows.name).collect();
            (valid.join(""), without.join(""))
        };
        let both = |valid: &str, without: &str| (valid.to_owned(), without.to_owned());
        assert_eq!(ids(&Choice::All, None), both("ace", "bd"));
        assert_eq!(ids(&Choice::Last(3), None), both("ce", "d"));
        assert_eq!(ids(&Choice::Last(3), Some("e")), both("c", "bd"));
        assert_eq!(ids(&Choice::Last(9), Some("b")), both("ace", "d"));
        assert_eq!(ids(&Choice::Batches(vec!["c".into(), "d".into()]), None), both("c", "d"));
    }
}
