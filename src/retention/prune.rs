//! What is too old goes, or what is of batches that are named.

use super::{Kind, Places};
use crate::diagnostic::{Code, Fault};
use crate::history::{Contents, Entry, History};
use crate::quarantine;
use crate::shown::counted;

/// What goes: that which passes every limit that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// What was written before, in milliseconds since 1970.
    pub before: Option<i64>,
    /// All but so many of the newest of each kind.
    pub keep_last: Option<usize>,
    /// What is of these batches.
    pub batches: Vec<String>,
}

/// One thing that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub batch_id: String,
    /// When it was written, in milliseconds since 1970.
    pub at: i64,
    /// What it is called where it lies.
    pub name: String,
    /// What it holds, in words; empty if there is nothing to say.
    pub holds: String,
}

/// What came of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    pub kind: Kind,
    pub place: String,
    /// The oldest first.
    pub removed: Vec<Item>,
    pub kept: u64,
    /// What was let be, and why, in a sentence each.
    pub notes: Vec<String>,
}

/// Removes what `limits` say of what lies in `places`, or says what would be removed.
///
/// # Errors
/// No limit is given, or something cannot be read or removed.
pub fn prune(places: &Places<'_>, limits: &Limits) -> Result<Vec<Pruned>, Fault> {
    if *limits == Limits::default() {
        let fault = Fault::new(Code::MissingOption, "nothing says what to remove");
        return Err(fault.hint("give `--older-than 90d`, `--keep-last 30` or `--batch ID`; with several, what goes must meet all of them"));
    }
    let mut all = Vec::new();
    for kind in Kind::ALL.iter().filter(|kind| places.has(**kind)) {
        all.extend(match kind {
            Kind::Summaries => Some(summaries(places, limits)?),
            // A baseline is of no age: it counts until another takes its place.
            Kind::Baselines => None,
            Kind::Quarantine => Some(parts(places, limits)?),
            Kind::History => places.history.as_ref().map(|history| runs(places, history, limits)).transpose()?,
            Kind::Reports if places.reports.paths.is_empty() => None,
            Kind::Reports => Some(reports(places, limits)?),
        });
    }
    Ok(all)
}

/// Which of `items` go.
fn chosen(mut items: Vec<Item>, limits: &Limits) -> (Vec<Item>, u64) {
    items.sort_by(|a, b| (a.at, &a.batch_id, &a.name).cmp(&(b.at, &b.batch_id, &b.name)));
    let all = items.len();
    let newest = all - limits.keep_last.unwrap_or(0).min(all);
    let goes = |item: &Item| {
        limits.before.is_none_or(|before| item.at < before) && (limits.batches.is_empty() || limits.batches.contains(&item.batch_id))
    };
    let chosen: Vec<Item> = items.into_iter().take(newest).filter(goes).collect();
    let kept = (all - chosen.len()) as u64;
    (chosen, kept)
}

fn summaries(places: &Places<'_>, limits: &Limits) -> Result<Pruned, Fault> {
    let item = |name: &crate::store::SummaryName| Item {
        batch_id: name.batch_id.clone(),
        at: name.since,
        name: name.file_name(),
        holds: String::new(),
    };
    let (removed, kept) = chosen(places.summaries()?.iter().map(item).collect(), limits);
    let texts = places.publish.texts();
    let place = texts.as_ref().map_or_else(|| places.publish.to_string(), |texts| texts.place());
    if let Some(texts) = texts.filter(|_| !places.dry_run && !removed.is_empty()) {
        places.remove_merged()?;
        removed.iter().try_for_each(|item| texts.remove(&item.name))?;
    }
    Ok(Pruned { kind: Kind::Summaries, place, removed, kept, notes: Vec::new() })
}

/// Rows set aside. A part that a killed replay has begun to publish stays: nobody else could tell which rows are in both places.
fn parts(places: &Places<'_>, limits: &Limits) -> Result<Pruned, Fault> {
    let quarantine = &places.quarantine;
    let mut notes = Vec::new();
    let mut parts = Vec::new();
    if quarantine.is_there()? {
        let listing = quarantine::listing(quarantine)?;
        notes.extend(listing.foreign.iter().map(|place| format!("{place}: Sluicegate did not write this file; it is left alone")));
        parts.extend(listing.parts.into_iter().filter(|part| part.stamp.dataset == places.dataset));
    }
    let mut items = Vec::new();
    for part in &parts {
        let holds = counted(part.rows, "row");
        let batch_id = part.stamp.batch_id.clone();
        items.push(Item { batch_id, at: quarantine.written(&part.place)?, name: part.place.name().to_owned(), holds });
    }
    let (mut removed, mut kept) = chosen(items, limits);
    for part in &parts {
        let Some(at) = removed.iter().position(|item| item.name == part.place.name()) else { continue };
        if !quarantine.begun(&part.stamp)?.is_empty() {
            notes.push(format!("{}: a replay of these rows was killed before its end; `sluicegate replay` ends it first", part.place));
            removed.remove(at);
            kept += 1;
        } else if !places.dry_run {
            quarantine.remove(&part.place)?;
        }
    }
    Ok(Pruned { kind: Kind::Quarantine, place: quarantine.directory.to_string(), removed, kept, notes })
}

/// Recorded runs, with their summaries and marks.
fn runs(places: &Places<'_>, history: &History, limits: &Limits) -> Result<Pruned, Fault> {
    let Contents { runs, warnings: mut notes } = history.contents()?;
    let is_of = |entry: &Entry, batch: &String| entry.name.is_of_batch(batch);
    let item = |(at, entry): (usize, &Entry)| Item {
        // Long ids are cut in names of runs.
        batch_id: limits.batches.iter().find(|batch| is_of(entry, batch)).cloned().unwrap_or_else(|| entry.name.batch.clone()),
        at: entry.name.time.timestamp_millis(),
        name: at.to_string(),
        holds: String::new(),
    };
    let (mut removed, kept) = chosen(runs.iter().enumerate().map(item).collect(), limits);
    for item in &mut removed {
        let Some(entry) = item.name.parse::<usize>().ok().and_then(|at| runs.get(at)) else { continue };
        item.name = entry.name.to_string();
        if !places.dry_run {
            history.remove(entry)?;
        }
    }
    let swept = if places.dry_run { 0 } else { history.sweep()? };
    if swept > 0 {
        notes.push(format!("{} of runs that are gone went too", counted(swept, "file")));
    }
    Ok(Pruned { kind: Kind::History, place: history.place(), removed, kept, notes })
}

fn reports(places: &Places<'_>, limits: &Limits) -> Result<Pruned, Fault> {
    let (found, notes) = places.reports.of(places.dataset)?;
    let item = |(at, report): (usize, &super::reports::Found)| Item {
        batch_id: report.report.batch.id.clone(),
        at: report.at,
        name: at.to_string(),
        holds: String::new(),
    };
    let (mut removed, kept) = chosen(found.iter().enumerate().map(item).collect(), limits);
    for item in &mut removed {
        let Some(found) = item.name.parse::<usize>().ok().and_then(|at| found.get(at)) else { continue };
        item.name = found.path.display().to_string();
        if !places.dry_run {
            found.remove()?;
        }
    }
    Ok(Pruned { kind: Kind::Reports, place: places.reports.to_string(), removed, kept, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_meets_every_limit() {
        let item = |batch: &str, at| Item { batch_id: batch.into(), at, name: format!("{batch}-{at}"), holds: String::new() };
        let items = vec![item("c", 30), item("a", 10), item("b", 20), item("a", 40)];
        let chosen = |before, keep_last, batches: &[&str]| {
            let limits = Limits { before, keep_last, batches: batches.iter().map(|b| (*b).to_owned()).collect() };
            let (items, kept) = chosen(items.clone(), &limits);
            assert_eq!(items.len() as u64 + kept, 4);
            items.into_iter().map(|item| item.name).collect::<Vec<_>>()
        };
        assert_eq!(chosen(Some(30), None, &[]), ["a-10", "b-20"]);
        assert_eq!(chosen(Some(30), Some(3), &[]), ["a-10"]);
        assert_eq!(chosen(None, Some(1), &[]), ["a-10", "b-20", "c-30"]);
        assert_eq!(chosen(None, None, &["a"]), ["a-10", "a-40"]);
        assert_eq!(chosen(Some(30), None, &["a"]), ["a-10"]);
        assert!(chosen(Some(100), Some(9), &[]).is_empty());
    }
}
