//! The history of a data set: each run as one file that is never changed, and what can be told from many of them.
//!
//! - [`History`] is where the runs of one data set are. A run is its report, as JSON; its name sorts by time and says which batch
//!   it was of and how it came out ([`RunName`]), so that a listing tells most of what readers ask, and files are opened only
//!   for the rest. There is no index that could contradict the files.
//! - A [`Mark`] says that a run is bad (or good again): a small file beside it.
//! - [`beside`] says what has changed since the last run.
//!
//! What is damaged is named and left out, never silently.

mod backtest;
mod figure;
mod limits;
mod mark;
mod name;
mod since;
mod summaries;
mod trends;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;

pub use self::backtest::{AtMost, Backtested, backtest};
pub use self::figure::{Shown, figure, names};
pub use self::mark::Mark;
use self::mark::MarkName;
pub use self::name::{RunName, digest, time_of, word};
pub use self::since::{Last, beside, changed, last};
pub use self::summaries::{Past, Window};
use crate::diagnostic::{Code, Fault};
use crate::report::{self, Report};
use crate::store::{Location, kill};
use crate::summary::Summary;

/// Where the runs of one data set are recorded.
#[derive(Debug, Clone)]
pub struct History {
    dataset: String,
    directory: Location,
}

/// A run that is recorded, as far as its name and the marks beside it tell.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: RunName,
    /// Whether the last mark says that it is bad.
    pub is_bad: bool,
    /// Whether the summary of what passed is kept beside it.
    has_summary: bool,
    /// The files of its marks, in their order.
    marks: Vec<String>,
}

/// All that is there.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// The oldest first.
    pub runs: Vec<Entry>,
    /// Files that are nothing of ours.
    pub warnings: Vec<String>,
}

/// So many characters of a digest name a run.
const DIGEST_MIN: usize = 6;

/// What a file in the place of a history is, as far as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    Run,
    /// What was said of the run of this name; later ones are said later.
    Mark {
        run: String,
        ordinal: u32,
    },
    Summary,
    /// None of ours.
    Other,
}

impl FileKind {
    /// Of the file called `file`.
    pub fn of(file: &str) -> Self {
        match (RunName::read(file), MarkName::read(file)) {
            (Some(_), _) => Self::Run,
            (None, Some(MarkName { run, ordinal, .. })) => Self::Mark { run, ordinal },
            (None, None) if summaries::summarised(file).is_some() => Self::Summary,
            (None, None) => Self::Other,
        }
    }
}

/// What came of recording a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    New,
    /// The very same run was recorded before.
    Before,
}

impl History {
    /// Of the runs of `dataset` below the directory `root`.
    pub fn new(root: &Location, dataset: &str) -> Self {
        Self { dataset: dataset.to_owned(), directory: root.join(&name::directory_of(dataset)) }
    }

    /// Makes sure that runs can be recorded here, before anything is judged.
    ///
    /// # Errors
    /// They cannot.
    pub fn ensure_writable(&self) -> Result<(), Fault> {
        self.directory.ensure_writable().map_err(|e| self.cannot_write(&self.directory, &e))
    }

    /// The runs that are recorded, and whether they are marked bad. No file is opened.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn contents(&self) -> Result<Contents, Fault> {
        let names = self.directory.names().map_err(|e| {
            let fault = Fault::new(Code::of_reading(&e), format!("{}: the history cannot be read: {e}", self.directory));
            fault.hint("check the place behind `--record`, or `history` in the rule file")
        })?;
        let (mut contents, mut marks) = (Contents::default(), Vec::new());
        let summaries: BTreeSet<&str> = names.iter().filter_map(|file| summaries::summarised(file)).collect();
        for file in &names {
            match (RunName::read(file), MarkName::read(file)) {
                (Some(name), _) => contents.runs.push(Entry { name, is_bad: false, has_summary: false, marks: Vec::new() }),
                (None, Some(mark)) => marks.push((mark, file)),
                // What begins so is hidden, or on its way.
                (None, None) if file.starts_with(['.', '_']) || summaries::summarised(file).is_some() => {}
                (None, None) => {
                    contents.warnings.push(format!("{}: this is no recorded run; it is left alone", self.directory.join(file)));
                }
            }
        }
        for entry in &mut contents.runs {
            entry.has_summary = summaries.contains(entry.name.to_string().as_str());
        }
        contents.runs.sort_by(|a, b| a.name.cmp(&b.name));
        marks.sort_by_key(|(mark, _)| mark.ordinal);
        for (mark, file) in marks {
            // A mark may outlive its run.
            if let Some(entry) = contents.runs.iter_mut().find(|entry| entry.name.to_string() == mark.run) {
                entry.is_bad = mark.is_bad;
                entry.marks.push(file.clone());
            }
        }
        Ok(contents)
    }

    /// Records a run, and the summary of what passed, unless the very same one is there: of the same batch, rules and clock,
    /// with the same outcome.
    ///
    /// # Errors
    /// The directory cannot be read or written, or the report does not say when it was made.
    pub fn record(&self, report: &Report, summary: Option<&Summary>) -> Result<Recorded, Fault> {
        let own = RunName::of(report, 0).ok_or_else(|| Fault::new(Code::Internal, "internal error: a run without a time"))?;
        let there = self.contents()?.runs;
        if there.iter().any(|entry| entry.name.digest == own.digest && entry.name.time == own.time) {
            return Ok(Recorded::Before);
        }
        let ordinal = there.iter().filter(|entry| entry.name.time == own.time).count();
        let name = own.after(u32::try_from(ordinal).unwrap_or(u32::MAX));
        // First, so that whoever finds the run finds its summary.
        if let Some(summary) = summary {
            self.record_summary(&name, summary)?;
        }
        let place = self.place_of(&name);
        match place.put_new(report::json(report).as_bytes()).map_err(|e| self.cannot_write(&place, &e))? {
            true => Ok(Recorded::New),
            false => Ok(Recorded::Before),
        }
    }

    /// Where the runs are.
    pub fn place(&self) -> String {
        self.directory.to_string()
    }

    /// Removes a run with all that lies beside it. The run goes first: what is left of it when this is killed goes with
    /// [`History::sweep`].
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn remove(&self, entry: &Entry) -> Result<(), Fault> {
        let beside = entry.has_summary.then(|| entry.name.summary_file());
        for file in [entry.name.file()].into_iter().chain(beside).chain(entry.marks.iter().cloned()) {
            let place = self.directory.join(&file);
            place.remove().map_err(|e| self.cannot_write(&place, &e))?;
            kill::step();
        }
        Ok(())
    }

    /// Removes summaries and marks of runs that are no longer there; gives how many.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn sweep(&self) -> Result<u64, Fault> {
        let runs: BTreeSet<String> = self.contents()?.runs.iter().map(|entry| entry.name.to_string()).collect();
        let names = self.directory.names().map_err(|e| self.cannot_write(&self.directory, &e))?;
        let mut swept = 0;
        for file in &names {
            let of_run = summaries::summarised(file).map(str::to_owned).or_else(|| MarkName::read(file).map(|mark| mark.run));
            if of_run.is_some_and(|run| !runs.contains(&run)) {
                let place = self.directory.join(file);
                place.remove().map_err(|e| self.cannot_write(&place, &e))?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Writes a report and a summary in the place of those of a run, where values in them had to go.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn rewrite(&self, entry: &Entry, report: Option<&Report>, summary: Option<&Summary>) -> Result<(), Fault> {
        let put = |file: String, text: String| {
            let place = self.directory.join(&file);
            place.put(text.as_bytes()).map_err(|e| self.cannot_write(&place, &e))
        };
        if let Some(summary) = summary {
            put(entry.name.summary_file(), summary.write()?)?;
            kill::step();
        }
        if let Some(report) = report {
            put(entry.name.file(), report::json(report))?;
            kill::step();
        }
        Ok(())
    }

    /// The run that `text` means: `last`, its name, the beginning of its digest, or the id of its batch.
    ///
    /// # Errors
    /// No run is meant, or several are.
    pub fn find<'a>(&self, contents: &'a Contents, text: &str) -> Result<&'a Entry, Fault> {
        let means = |entry: &&Entry| {
            let name = entry.name.to_string();
            let is_digest = text.len() >= DIGEST_MIN && entry.name.digest.starts_with(text);
            name == text.trim_end_matches(name::SUFFIX) || is_digest || entry.name.is_of_batch(text)
        };
        let found: Vec<&Entry> = match text {
            "last" => contents.runs.last().into_iter().collect(),
            _ => contents.runs.iter().filter(means).collect(),
        };
        let runs = |runs: &[&Entry]| runs.iter().map(|entry| format!("`{}`", entry.name.digest)).collect::<Vec<_>>().join(", ");
        match found.as_slice() {
            [one] => Ok(one),
            [] => {
                let fault = Fault::new(Code::UnknownRun, format!("{}: no run `{text}` is recorded", self.directory));
                Err(fault.hint("`sluicegate history` lists the runs: name one by its `run`, by its batch, or as `last`"))
            }
            several => {
                let fault = Fault::new(Code::UnknownRun, format!("{} runs are called `{text}`", several.len()));
                Err(fault.hint(format!("name one of them: {}", runs(&several[..several.len().min(12)]))))
            }
        }
    }

    /// The reports of these runs.
    ///
    /// # Errors
    /// Of each: it cannot be read, is damaged, or is of another data set than its place says.
    pub fn read(&self, runs: &[&RunName]) -> Vec<Result<Report, Fault>> {
        let places: Vec<Location> = runs.iter().map(|name| self.place_of(name)).collect();
        let read = Location::read_all(&places);
        read.into_iter().zip(&places).zip(runs).map(|((bytes, place), name)| self.report(bytes, place, name)).collect()
    }

    fn report(&self, bytes: io::Result<impl AsRef<[u8]>>, place: &Location, name: &RunName) -> Result<Report, Fault> {
        let damaged = |why: &dyn Display| Fault::new(Code::Damaged, format!("{place}: this recorded run is damaged: {why}"));
        let bytes = bytes.map_err(|e| Fault::new(Code::of_reading(&e), format!("{place}: cannot read: {e}")))?;
        let text = std::str::from_utf8(bytes.as_ref()).map_err(|e| damaged(&e))?;
        let report = report::read(text, &place.to_string())?;
        if report.dataset != self.dataset {
            return Err(damaged(&format!("it is of the data set `{}`", report.dataset)));
        }
        match name::digest(&report) == name.digest {
            true => Ok(report),
            false => Err(damaged(&"what is in it is not what its name says")),
        }
    }

    fn place_of(&self, name: &RunName) -> Location {
        self.directory.join(&name.file())
    }

    fn cannot_write(&self, place: &Location, error: &io::Error) -> Fault {
        let fault = Fault::new(Code::of_writing(error), format!("{place}: the run cannot be recorded: {error}"));
        fault.hint("name a directory behind `--record`, or as `history` in the rule file, that can be written")
    }
}
