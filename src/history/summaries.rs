//! Summaries of recorded runs: what rules compare a batch with.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Datelike, Utc};

use super::name::{RunName, SUFFIX};
use super::since::passes;
use super::{Entry, History};
use crate::diagnostic::{Code, Fault};
use crate::rules::words::Season;
use crate::store::Location;
use crate::summary::Summary;

/// Fewer runs than this say little of what is usual, however few are asked for.
const ENOUGH: u64 = 14;

/// Which runs are asked for, and for which batch.
pub struct Window<'a> {
    pub last: u64,
    pub season: Option<Season>,
    /// The time that the batch's run speaks of.
    pub time: DateTime<Utc>,
    /// The batch's id, be it one that follows from its content.
    pub batch: &'a dyn Fn() -> Result<String, Fault>,
}

/// The summaries that were found.
#[derive(Debug, Default)]
pub struct Past {
    /// With the batch's id or the run's time, the oldest first.
    pub parts: Vec<(String, Arc<Summary>)>,
    /// Runs that would count, and have no summary.
    pub without: u64,
    /// Why these are too few, if they are.
    pub too_few: Option<String>,
    /// Files that could not be read, and were left out.
    pub warnings: Vec<String>,
}

impl RunName {
    /// The name of the file with its summary.
    pub(super) fn summary_file(&self) -> String {
        format!("{self}{SUMMARY}{SUFFIX}")
    }
}

const SUMMARY: &str = ".summary";

/// The run whose summary a file holds.
pub(super) fn summarised(file: &str) -> Option<&str> {
    file.strip_suffix(SUFFIX)?.strip_suffix(SUMMARY)
}

impl History {
    /// The summaries of the last runs before a batch that were not marked bad and published something. A batch counts once,
    /// by its last run; the batch that is judged does not count.
    ///
    /// # Errors
    /// The directory cannot be listed, or the batch has no id.
    pub fn summaries(&self, window: &Window<'_>) -> Result<Past, Fault> {
        let contents = self.contents()?;
        let mut past = Past { warnings: contents.warnings, ..Past::default() };
        let of_season = |name: &RunName| match window.season {
            None => true,
            Some(Season::Weekday) => name.time.weekday() == window.time.weekday(),
        };
        // A run of no batch that has an id may be this very one.
        let is_before = |name: &RunName| name.time < window.time || (name.time == window.time && !name.batch.is_empty());
        let counts = |entry: &&Entry| !entry.is_bad && passes(entry.name.verdict) && is_before(&entry.name) && of_season(&entry.name);
        let candidates: Vec<&Entry> = contents.runs.iter().filter(counts).collect();
        let own = match candidates.iter().any(|entry| !entry.name.batch.is_empty()) {
            true => (window.batch)()?,
            false => String::new(),
        };
        let (mut seen, mut chosen) = (BTreeSet::new(), Vec::new());
        for entry in candidates.into_iter().rev().filter(|entry| !entry.name.is_of_batch(&own)) {
            if chosen.len() as u64 == window.last {
                break;
            }
            if !entry.name.batch.is_empty() && !seen.insert(entry.name.batch.clone()) {
                continue;
            }
            match entry.has_summary {
                true => chosen.push(entry),
                false => past.without += 1,
            }
        }
        chosen.reverse();
        let places: Vec<Location> = chosen.iter().map(|entry| self.directory.join(&entry.name.summary_file())).collect();
        for ((bytes, place), entry) in Location::read_all(&places).into_iter().zip(&places).zip(&chosen) {
            let read = bytes.map_err(|e| e.to_string()).and_then(|bytes| {
                let text = std::str::from_utf8(&bytes).map_err(|e| e.to_string())?;
                Summary::read(text).map_err(|fault| fault.what)
            });
            match read {
                Ok(summary) if summary.dataset == self.dataset => past.parts.push((label(entry), Arc::new(summary))),
                Ok(other) => past.warnings.push(format!("{place}: this summary is of the data set `{}`; it is left out", other.dataset)),
                Err(why) => past.warnings.push(format!("{place}: this summary of a run cannot be read: {why}; it is left out")),
            }
        }
        past.too_few = too_few(past.parts.len() as u64, window);
        Ok(past)
    }
}

/// How a run is called where a batch is compared with it.
fn label(entry: &Entry) -> String {
    match entry.name.batch.as_str() {
        "" => crate::report::model::time(entry.name.time),
        batch => batch.to_owned(),
    }
}

fn too_few(found: u64, window: &Window<'_>) -> Option<String> {
    let wanted = window.last.min(ENOUGH);
    let alike = match window.season {
        None => String::new(),
        Some(Season::Weekday) => format!(" of a {}", window.time.format("%A")),
    };
    match found {
        0 => Some(format!("no run{alike} is recorded yet: {wanted} are needed")),
        n if n < wanted => Some(format!("{n} of the {wanted} runs{alike} that are needed are recorded")),
        _ => None,
    }
}

impl History {
    /// The summary of one recorded run.
    ///
    /// # Errors
    /// None is kept, or it cannot be read.
    pub fn summary(&self, entry: &Entry) -> Result<Summary, Fault> {
        let place = self.directory.join(&entry.name.summary_file());
        if !entry.has_summary {
            let fault = Fault::new(Code::FileNotFound, format!("{place}: no summary of this run was recorded"));
            return Err(fault.hint("a run that could not be judged has none"));
        }
        let unreadable = |what: String| Fault::new(Code::Damaged, format!("{place}: this summary of a run cannot be read: {what}"));
        let read = Location::read_all(std::slice::from_ref(&place)).pop().unwrap_or_else(|| Err(std::io::ErrorKind::NotFound.into()));
        let bytes = read.map_err(|e| Fault::new(Code::of_reading(&e), format!("{place}: cannot be read: {e}")))?;
        let text = std::str::from_utf8(&bytes).map_err(|e| unreadable(e.to_string()))?;
        Summary::read(text).map_err(|fault| unreadable(fault.what))
    }

    /// Writes the summary of a run beside it.
    pub(super) fn record_summary(&self, name: &RunName, summary: &Summary) -> Result<(), Fault> {
        let place = self.directory.join(&name.summary_file());
        let text = summary.write()?;
        place
            .put_new(text.as_bytes())
            .map(|_| ())
            .map_err(|e| Fault::new(Code::of_writing(&e), format!("{place}: the summary of the run cannot be recorded: {e}")))
    }
}
