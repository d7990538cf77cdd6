//! A directory that is watched: each complete new file is a batch, once.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::ErrorKind;
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
    /// Files that were complete at the last look, and are not judged yet.
    ready: VecDeque<(PathBuf, Seen)>,
    notes: Vec<String>,
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
        Ok(Self { options, remembered, waiting: BTreeMap::new(), ready: VecDeque::new(), notes: Vec::new(), current: None })
    }

    /// The next complete file that was not judged yet; in byte order among those that were there at the last look.
    fn complete(&mut self, now: Duration) -> Result<Option<(PathBuf, Seen)>, Fault> {
        if self.ready.is_empty() {
            self.look(now)?;
        }
        while let Some((path, seen)) = self.ready.pop_front() {
            // Others were judged since then.
            if seen_at(&path).as_ref() == Some(&seen) {
                return Ok(Some((path, seen)));
            }
        }
        Ok(None)
    }

    /// Looks which files are there, and which of them are complete.
    fn look(&mut self, now: Duration) -> Result<(), Fault> {
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
                self.ready.push_back((path.clone(), seen.clone()));
            }
        }
        Ok(())
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
                if self.remembered.has_name(&seen) {
                    self.notes.push(format!("{name} was gated before and has changed since: all of it is a new batch"));
                }
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
        if !move_into(to, &path, Some(&seen))? {
            self.notes.push(format!("{} was replaced while it was gated: it stays, and is gated anew", path.display()));
            return Ok(());
        }
        let marker = self.options.marker.as_ref().map(|marker| beside(&path, marker));
        marker.map_or(Ok(()), |marker| move_into(to, &marker, None).map(|_| ()))
    }

    fn comes_again(&mut self) -> bool {
        self.current.take().is_some()
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// How the file is now; none if it is none, or gone.
fn seen_at(path: &Path) -> Option<Seen> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_nanos();
    let name = path.file_name()?.to_string_lossy().into_owned();
    Some(Seen { path: name, bytes: meta.len(), modified, changed: files::changed(&meta) })
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
        let path = entry.path();
        there.extend(seen_at(&path).map(|seen| (path, seen)));
    }
    Ok(there)
}

/// The file whose name is that of `path` with `end` behind it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Moves a file into a directory; one of its name that is there already stays, and this one gets a number. Gives whether it was
/// moved: a file that is not the one that was `seen` stays where it is.
fn move_into(to: &Path, from: &Path, seen: Option<&Seen>) -> Result<bool, Fault> {
    let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_other = |there: &Path| seen.is_some_and(|seen| seen_at(there).is_some_and(|now| !now.has_content_of(seen)));
    if is_other(from) {
        return Ok(false);
    }
    // Under a name that nobody looks at, until it is known which file was moved: another may have taken its place just now.
    let draft = to.join(format!(".{}", files::unused_name()));
    let moved = fs::rename(from, &draft).or_else(|error| match error.kind() {
        // Another file system.
        ErrorKind::CrossesDevices => fs::copy(from, &draft).and_then(|_| keep_time(from, &draft)).and_then(|()| fs::remove_file(from)),
        _ => Err(error),
    });
    match moved {
        Ok(()) => {}
        // It was moved away by someone else.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(cannot_move(to, &error)),
    }
    if is_other(&draft) && !from.exists() {
        fs::rename(&draft, from).map_err(|e| cannot_move(from, &e))?;
        return Ok(false);
    }
    let free = (0u32..).map(|n| if n == 0 { to.join(&name) } else { to.join(format!("{name}.{n}")) }).find(|place| !place.exists());
    let place = free.unwrap_or_else(|| to.join(&name));
    fs::rename(&draft, &place).map_err(|e| cannot_move(&place, &e))?;
    Ok(true)
}

fn keep_time(from: &Path, to: &Path) -> std::io::Result<()> {
    let modified = fs::metadata(from)?.modified()?;
    fs::File::options().write(true).open(to)?.set_modified(modified)
}

fn cannot_move(place: &Path, error: &std::io::Error) -> Fault {
    let fault = Fault::new(Code::of_writing(error), format!("{}: files cannot be moved there: {error}", place.display()));
    fault.hint("a batch that is settled is remembered: its file is not judged again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_took_the_place_of_the_one_that_was_gated_stays() {
        let place = tempfile::tempdir().expect("a directory");
        let (from, to) = (place.path().join("a.csv"), place.path().join("done"));
        fs::create_dir(&to).expect("a directory");
        fs::write(&from, "old").expect("written");
        let seen = seen_at(&from).expect("a file");
        fs::write(&from, "another one").expect("written");
        assert_eq!(move_into(&to, &from, Some(&seen)), Ok(false));
        assert_eq!(fs::read_to_string(&from).expect("text"), "another one");
        let seen = seen_at(&from).expect("a file");
        assert_eq!(move_into(&to, &from, Some(&seen)), Ok(true));
        assert!(!from.exists() && to.join("a.csv").exists());
        assert_eq!(fs::read_dir(&to).expect("a list").count(), 1);
    }
}
