//! Baseline files: read, replaced as a whole, moved on with accepted batches, and taken back.
//!
//! Beside the file `orders.json` stands the directory `orders.json.d`: earlier contents (`before-000001.json`, the highest
//! number is the latest), and, of a baseline with a window, a summary a batch (`batch-000001.json`, in the order in which they
//! came), and the changes that people made, with their reasons (`changes.ndjson`).

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Fault, Place};
use crate::files::{self, Draft, Lock};
use crate::metric::Budget;
use crate::summary::Summary;

/// So many earlier contents are kept.
const EARLIER_MAX: usize = 20;
/// A file of more bytes than this is no baseline.
const BYTES_MAX: u64 = 64 << 20;

const BEFORE: &str = "before";
const BATCH: &str = "batch";
const CHANGES: &str = "changes.ndjson";
const SEEN: &str = "batches.txt";

/// The baseline at `path`; none where there is no file.
///
/// # Errors
/// It cannot be read, or is no summary.
pub fn read(path: &str) -> Result<Option<Summary>, Fault> {
    let at = |fault: Fault| fault.at(Place::file(path));
    if files::is_link_of_another(Path::new(path)) {
        return Err(at(Fault::new(Code::UnsafeLink, "this is a link of another user").hint("name the file itself")));
    }
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(at(Fault::new(Code::of_reading(&e), format!("the baseline cannot be read: {e}")))),
        Ok(about) if !about.is_file() || about.len() > BYTES_MAX => {
            return Err(at(Fault::new(Code::NotAFile, format!("a baseline is a file of at most {} MiB", BYTES_MAX >> 20))));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(|e| at(Fault::new(Code::of_reading(&e), format!("the baseline cannot be read: {e}"))))?;
    Summary::read(&text).map(Some).map_err(at)
}

/// Whether the file begins as a baseline does.
pub fn is_one(path: &str) -> bool {
    let mut head = [0; 64];
    let read = files::open(Path::new(path)).and_then(|mut file| file.read(&mut head));
    read.is_ok_and(|n| String::from_utf8_lossy(&head[..n]).contains("\"sluicegate_summary\""))
}

/// Puts `summary` in the place of what is at `path`, durably; what was there is kept for [`roll_back`].
///
/// # Errors
/// It cannot be written.
pub fn replace(path: &str, summary: &Summary) -> Result<(), Fault> {
    let text = summary.write()?;
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    keep_earlier(path)?;
    place(path, &text)
}

/// The files of the baseline at `path`: itself, its earlier contents, the batches of its window.
///
/// # Errors
/// The directory beside it cannot be read.
pub fn files_of(path: &str) -> Result<Vec<String>, Fault> {
    let beside = beside(path);
    let others = [numbered(&beside, BEFORE)?, numbered(&beside, BATCH)?].concat();
    Ok(std::iter::once(path.to_owned()).chain(others.into_iter().map(|(_, file)| file.display().to_string())).collect())
}

/// Writes `summary` in the place of one of these files, and keeps nothing of what was there.
///
/// # Errors
/// It cannot be written.
pub fn rewrite(file: &str, summary: &Summary) -> Result<(), Fault> {
    place(file, &summary.write()?)
}

/// The same for what a person puts there: a window starts anew with it.
///
/// # Errors
/// It cannot be written.
pub fn restart(path: &str, summary: &Summary) -> Result<(), Fault> {
    let _held = hold(path)?;
    replace(path, summary)?;
    for (_, part) in numbered(&beside(path), BATCH)? {
        fs::remove_file(&part).map_err(|e| unwritable(&part, &e))?;
    }
    Ok(())
}

/// Takes an accepted batch in: into what is there, or, with a window, into the last `window` batches.
///
/// # Errors
/// The baseline cannot be read or written, or is of other columns.
pub fn advance(path: &str, batch: &Summary, window: Option<u64>, memory: &Arc<Budget>) -> Result<(), Fault> {
    let _held = hold(path)?;
    take_in(path, batch, window, memory)?;
    note_seen(&beside(path), &batch.batches.first)
}

/// The same for a batch that was published before, unless it went into the baseline then: the run may have been killed.
///
/// # Errors
/// See [`advance`].
pub fn catch_up(path: &str, batch: &Summary, window: Option<u64>, memory: &Arc<Budget>) -> Result<(), Fault> {
    let _held = hold(path)?;
    if has_seen(&beside(path), &batch.batches.first) {
        return Ok(());
    }
    take_in(path, batch, window, memory)?;
    note_seen(&beside(path), &batch.batches.first)
}

fn take_in(path: &str, batch: &Summary, window: Option<u64>, memory: &Arc<Budget>) -> Result<(), Fault> {
    let Some(window) = window else {
        let all = match read(path)? {
            Some(before) => before.merged(batch, memory)?,
            None => batch.clone(),
        };
        return replace(path, &all);
    };
    let beside = beside(path);
    fs::create_dir_all(&beside).map_err(|e| unwritable(&beside, &e))?;
    if numbered(&beside, BATCH)?.is_empty()
        && let Some(before) = read(path)?
    {
        // What was captured before a window was asked for counts as its first batch.
        place(&part_of(&beside, 1), &before.write()?)?;
    }
    let next = numbered(&beside, BATCH)?.last().map_or(1, |(number, _)| number + 1);
    place(&part_of(&beside, next), &batch.write()?)?;
    let mut parts = Vec::new();
    for (_, part) in numbered(&beside, BATCH)? {
        let text = text_of(&part).map_err(|e| unreadable(&part, &e))?;
        let summary = Summary::read(&text).map_err(|fault| fault.at(Place::file(part.display().to_string())))?;
        parts.push((part, summary));
    }
    // A batch that is judged again takes its own place.
    let is_again = |(i, (_, part)): (usize, &(PathBuf, Summary))| {
        i + 1 < parts.len() && part.batches == batch.batches && !batch.batches.first.is_empty()
    };
    let again: Vec<bool> = parts.iter().enumerate().map(is_again).collect();
    let (mut gone, mut stay) = (Vec::new(), Vec::new());
    for ((part, summary), again) in parts.into_iter().zip(again) {
        if again { gone.push(part) } else { stay.push((part, summary)) }
    }
    let surplus = stay.len().saturating_sub(usize::try_from(window).unwrap_or(usize::MAX));
    gone.extend(stay.drain(..surplus).map(|(part, _)| part));
    let mut all: Option<Summary> = None;
    for (_, summary) in &stay {
        all = Some(match all {
            None => summary.clone(),
            Some(all) => all.merged(summary, memory)?,
        });
    }
    replace(path, &all.unwrap_or_else(|| batch.clone()))?;
    gone.iter().try_for_each(|part| fs::remove_file(part).map_err(|e| unwritable(part, &e)))
}

/// The file of the batch with this number.
fn part_of(beside: &Path, number: u64) -> String {
    beside.join(format!("{BATCH}-{number:06}.json")).display().to_string()
}

/// What a person did to a baseline, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// RFC 3339, UTC.
    pub time: String,
    pub what: String,
    pub reason: String,
    pub by: String,
}

/// Notes a change beside the baseline.
///
/// # Errors
/// The notes cannot be read or written.
pub fn note(path: &str, change: &Change) -> Result<(), Fault> {
    let file = beside(path).join(CHANGES);
    let mut text = match text_of(&file) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
        Err(e) => return Err(unreadable(&file, &e)),
    };
    let line =
        serde_json::to_string(change).map_err(|e| Fault::new(Code::Internal, format!("internal error: a note cannot be written: {e}")))?;
    text.push_str(&line);
    text.push('\n');
    place(&file.display().to_string(), &text)
}

/// The last change that a person made; lines that are none are left out.
///
/// # Errors
/// The notes cannot be read.
pub fn last_change(path: &str) -> Result<Option<Change>, Fault> {
    let file = beside(path).join(CHANGES);
    match text_of(&file) {
        Ok(text) => Ok(text.lines().rev().find_map(|line| serde_json::from_str(line).ok())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable(&file, &e)),
    }
}

/// Puts the content back that was there before the last change; none where no earlier content is kept.
///
/// # Errors
/// It cannot be read or written.
pub fn roll_back(path: &str) -> Result<Option<Summary>, Fault> {
    if read(path)?.is_none() {
        let fault = Fault::new(Code::FileNotFound, "there is no such baseline").at(Place::file(path));
        return Err(fault);
    }
    let _held = hold(path)?;
    let Some((_, latest)) = numbered(&beside(path), BEFORE)?.pop() else { return Ok(None) };
    let text = text_of(&latest).map_err(|e| unreadable(&latest, &e))?;
    let summary = Summary::read(&text).map_err(|fault| fault.at(Place::file(latest.display().to_string())))?;
    place(path, &text)?;
    fs::remove_file(&latest).map_err(|e| unwritable(&latest, &e))?;
    // The last batch of the window led to what was taken back.
    if let Some((_, part)) = numbered(&beside(path), BATCH)?.pop() {
        fs::remove_file(&part).map_err(|e| unwritable(&part, &e))?;
    }
    Ok(Some(summary))
}

fn beside(path: &str) -> PathBuf {
    PathBuf::from(format!("{path}.d"))
}

/// Refuses a link that stands where the directory of a baseline should: what is written there would go elsewhere.
fn ensure_no_link(beside: &Path) -> Result<(), Fault> {
    match fs::symlink_metadata(beside) {
        Ok(about) if about.is_symlink() => {
            Err(Fault::new(Code::UnsafeLink, format!("{}: a link is in the way of a directory", beside.display())).hint("remove it"))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The directory beside the baseline, held by this run alone until what is given back is dropped: gates may run at once.
///
/// # Errors
/// It cannot be made, or another run holds it for too long.
fn hold(path: &str) -> Result<fs::File, Fault> {
    const PAUSE: Duration = Duration::from_millis(20);
    const PAUSES: u32 = 3000;
    let beside = beside(path);
    ensure_no_link(&beside)?;
    fs::create_dir_all(&beside).map_err(|e| unwritable(&beside, &e))?;
    let directory = files::open_directory(&beside).map_err(|e| unwritable(&beside, &e))?;
    for _ in 0..PAUSES {
        match files::try_lock(&directory).map_err(|e| unwritable(&beside, &e))? {
            Lock::Held | Lock::Unknown => return Ok(directory),
            Lock::Taken => std::thread::sleep(PAUSE),
        }
    }
    Err(Fault::new(Code::Unwritable, format!("{}: another run is at work there", beside.display())).hint("run again later"))
}

/// The text of a regular file of a size that a baseline may have.
fn text_of(path: &Path) -> std::io::Result<String> {
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() > BYTES_MAX {
        return Err(std::io::Error::other(format!("this is no file of at most {} MiB", BYTES_MAX >> 20)));
    }
    fs::read_to_string(path)
}

/// Whether the batch went into the baseline before, as far back as is kept.
fn has_seen(beside: &Path, batch: &str) -> bool {
    !batch.is_empty() && text_of(&beside.join(SEEN)).is_ok_and(|text| text.lines().any(|line| line == batch))
}

/// Notes that the batch went into the baseline.
fn note_seen(beside: &Path, batch: &str) -> Result<(), Fault> {
    const SEEN_MAX: usize = 10_000;
    if batch.is_empty() || has_seen(beside, batch) {
        return Ok(());
    }
    let file = beside.join(SEEN);
    let before = text_of(&file).unwrap_or_default();
    let mut lines: Vec<&str> = before.lines().collect();
    lines.push(batch);
    let kept = &lines[lines.len().saturating_sub(SEEN_MAX)..];
    place(&file.display().to_string(), &(kept.join("\n") + "\n"))
}

/// Keeps what is at `path`, if there is something.
fn keep_earlier(path: &str) -> Result<(), Fault> {
    let text = match text_of(Path::new(path)) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(unreadable(Path::new(path), &e)),
    };
    let beside = beside(path);
    fs::create_dir_all(&beside).map_err(|e| unwritable(&beside, &e))?;
    let earlier = numbered(&beside, BEFORE)?;
    let next = earlier.last().map_or(1, |(number, _)| number + 1);
    place(&beside.join(format!("{BEFORE}-{next:06}.json")).display().to_string(), &text)?;
    let surplus = (earlier.len() + 1).saturating_sub(EARLIER_MAX);
    for (_, old) in earlier.iter().take(surplus) {
        fs::remove_file(old).map_err(|e| unwritable(old, &e))?;
    }
    Ok(())
}

/// The files `KIND-NUMBER.json` of a directory, by number.
fn numbered(directory: &Path, kind: &str) -> Result<Vec<(u64, PathBuf)>, Fault> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(unreadable(directory, &e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| unreadable(directory, &e))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".json")?.parse().ok());
        if let Some(number) = number {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Writes a whole file, durably: it is there with all its text, or as it was.
fn place(path: &str, text: &str) -> Result<(), Fault> {
    let path = Path::new(path);
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(|e| unwritable(parent, &e))?;
    }
    let draft = Draft::of(path).map_err(|e| unwritable(path, &e))?;
    let mut file = draft.file().map_err(|e| unwritable(path, &e))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| unwritable(path, &e))?;
    draft.place().map_err(|e| unwritable(path, &e))
}

fn unreadable(path: &Path, e: &std::io::Error) -> Fault {
    Fault::new(Code::of_reading(e), format!("{}: cannot be read: {e}", path.display()))
}

fn unwritable(path: &Path, e: &std::io::Error) -> Fault {
    Fault::new(Code::of_writing(e), format!("{}: cannot be written: {e}", path.display()))
}
