//! A directory that is watched: each complete new file is a batch, once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::remembered::{Remembered, Seen};
use super::{Arrival, Data, Feed, Next, Pace, Positions};
use crate::diagnostic::{Code, Fault};
use crate::files;

/// How a directory is watched.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    pub directory: PathBuf,
    /// How often it is looked at.
    pub every: Duration,
    /// How long a file must stay as it is before it counts as complete.
    pub settle: Duration,
    /// What the name of a file beside it ends in that says that it is complete: then nothing else does.
    pub marker: Option<String>,
    /// Where files go once their batch is settled.
    pub move_to: Option<PathBuf>,
    /// Where it is remembered which files have been judged.
    pub remember: PathBuf,
    /// Ends when no file is left that could become a batch.
    pub drain: bool,
}

/// Names that end so are being written.
const UNFINISHED: [&str; 5] = [".tmp", ".part", ".partial", ".crdownload", ".filepart"];

/// A directory and what is known of its files.
#[derive(Debug)]
pub struct Watch {
    options: WatchOptions,
    remembered: Remembered,
    /// Files that are not complete yet, and since when they are as they are.
    waiting: BTreeMap<PathBuf, (Seen, Duration)>,
    /// The file whose batch is judged.
    current: Option<(PathBuf, Seen)>,
}

impl Watch {
    /// # Errors
    /// The directory is not there, or what is remembered cannot be read.
    pub fn new(options: WatchOptions) -> Result<Self, Fault> {
        let directory = options.directory.display();
        if !options.directory.is_dir() {
            return Err(Fault::new(Code::NotAFile, format!("{directory}: no directory is there to be watched")).hint("make it first"));
        }
        if let Some(to) = &options.move_to {
            fs::create_dir_all(to).map_err(|e| cannot_move(to, &e))?;
            if to.canonicalize().ok() == options.directory.canonicalize().ok() {
                let fault = Fault::new(Code::ConflictingOptions, format!("{directory}: files would be moved to where they are"));
                return Err(fault.hint("`--move-to` names another directory"));
            }
        }
        let remembered = Remembered::read(&options.remember)?;
        Ok(Self { options, remembered, waiting: BTreeMap::new(), current: None })
    }

    /// The first complete file in byte order that was not judged yet.
    fn complete(&mut self, now: Duration) -> Result<Option<(PathBuf, Seen)>, Fault> {
        let there = files_in(&self.options.directory)?;
        self.waiting.retain(|path, _| there.contains_key(path));
        let marker = self.options.marker.clone();
        for (path, seen) in &there {
            let is_marker = marker.as_ref().is_some_and(|marker| seen.path.ends_with(marker.as_str()));
            if is_marker || self.remembered.has(seen) {
                continue;
            }
            let is_complete = match &marker {
                Some(marker) => there.contains_key(&beside(path, marker)),
                None => {
                    let since = self.waiting.entry(path.clone()).or_insert_with(|| (seen.clone(), now));
                    if since.0 != *seen {
                        *since = (seen.clone(), now);
                    }
                    now >= since.1 + self.options.settle
                }
            };
            if is_complete {
                return Ok(Some((path.clone(), seen.clone())));
            }
        }
        Ok(None)
    }

    /// Whether a file is there that may become a batch.
    fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Feed for Watch {
    /// The table remembers nothing of it.
    fn moved_on(&mut self, _: &mut Positions<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn next(&mut self, pace: &dyn Pace) -> Result<Next, Fault> {
        while pace.goes_on() {
            if let Some((path, seen)) = self.complete(pace.elapsed())? {
                self.waiting.remove(&path);
                let Some(name) = path.to_str().map(str::to_owned) else {
                    let fault = Fault::new(Code::InvalidLocation, format!("{}: the name is not UTF-8", path.display()));
                    return Err(fault.hint("rename the file: reports could not say which one it is"));
                };
                self.current = Some((path, seen));
                // The name is that of one file, whatever a glob would make of it.
                let data = Data::Named(vec![name.clone()]);
                return Ok(Next::Batch(Arrival { name, id: None, data, positions: Vec::new() }));
            }
            if self.options.drain && !self.is_waiting() {
                return Ok(Next::End);
            }
            if !pace.wait(self.options.every) {
                return Ok(Next::End);
            }
        }
        Ok(Next::End)
    }

    fn pass_over(&mut self, _: &Arrival) {
        if let Some((_, seen)) = self.current.take() {
            self.remembered.for_now(&seen);
        }
    }

    /// Remembered first: moved or not, the file is not judged again.
    fn settled(&mut self, _: &Arrival) -> Result<(), Fault> {
        let Some((path, seen)) = self.current.take() else { return Ok(()) };
        self.remembered.add(&seen)?;
        let Some(to) = &self.options.move_to else { return Ok(()) };
        let marker = self.options.marker.as_ref().map(|marker| beside(&path, marker));
        for from in [Some(path), marker].into_iter().flatten() {
            move_into(to, &from)?;
        }
        Ok(())
    }
}

/// The files of a directory that are data by their names, and how they are now.
fn files_in(directory: &Path) -> Result<BTreeMap<PathBuf, Seen>, Fault> {
    let failed = |e: &std::io::Error| Fault::new(Code::of_reading(e), format!("{}: cannot read: {e}", directory.display()));
    let mut there = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(|e| failed(&e))? {
        let entry = entry.map_err(|e| failed(&e))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(['_', '.']) || UNFINISHED.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        // What has just gone was moved away by someone else.
        let Ok(meta) = fs::metadata(entry.path()) else { continue };
        if !meta.is_file() {
            continue;
        }
        let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_nanos();
        there.insert(entry.path(), Seen { path: name.into_owned(), bytes: meta.len(), modified });
    }
    Ok(there)
}

/// The file whose name is that of `path` with `end` behind it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Moves a file into a directory; one of its name that is there already stays, and this one gets a number.
fn move_into(to: &Path, from: &Path) -> Result<(), Fault> {
    let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (0u32..).map(|n| if n == 0 { to.join(&name) } else { to.join(format!("{name}.{n}")) }).find(|place| !place.exists());
    let place = free.unwrap_or_else(|| to.join(&name));
    let moved = fs::rename(from, &place).or_else(|error| match error.kind() {
        // Another file system: copied whole before the name is there.
        std::io::ErrorKind::CrossesDevices => {
            let draft = to.join(format!(".{}", files::unused_name()));
            fs::copy(from, &draft).and_then(|_| fs::rename(&draft, &place)).and_then(|()| fs::remove_file(from))
        }
        // It was moved away by someone else.
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    });
    moved.map_err(|e| cannot_move(&place, &e))
}

fn cannot_move(place: &Path, error: &std::io::Error) -> Fault {
    let fault = Fault::new(Code::of_writing(error), format!("{}: files cannot be moved there: {error}", place.display()));
    fault.hint("a batch that is settled is remembered: its file is not judged again")
}
