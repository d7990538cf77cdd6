//! Baseline files: read, replaced as a whole, moved on with accepted batches, and taken back.
//!
//! Beside the file `orders.json` stands the directory `orders.json.d`: earlier contents (`before-000001.json`, the highest
//! number is the latest), and, of a baseline with a window, a summary a batch (`batch-000001.json`, in the order in which they
//! came), and the changes that people made, with their reasons (`changes.ndjson`).

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Fault, Place};
use crate::files::Draft;
use crate::metric::Budget;
use crate::summary::Summary;

/// So many earlier contents are kept.
const EARLIER_MAX: usize = 20;
/// A file of more bytes than this is no baseline.
const BYTES_MAX: u64 = 64 << 20;

const BEFORE: &str = "before";
const BATCH: &str = "batch";
const CHANGES: &str = "changes.ndjson";

/// The baseline at `path`; none where there is no file.
///
/// # Errors
/// It cannot be read, or is no summary.
pub fn read(path: &str) -> Result<Option<Summary>, Fault> {
    let at = |fault: Fault| fault.at(Place::file(path));
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

/// Takes an accepted batch in: into what is there, or, with a window, into the last `window` batches.
///
/// # Errors
/// The baseline cannot be read or written, or is of other columns.
pub fn advance(path: &str, batch: &Summary, window: Option<u64>, memory: &Arc<Budget>) -> Result<(), Fault> {
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
        let text = fs::read_to_string(&part).map_err(|e| unreadable(&part, &e))?;
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
    let mut text = match fs::read_to_string(&file) {
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
    match fs::read_to_string(&file) {
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
    let Some((_, latest)) = numbered(&beside(path), BEFORE)?.pop() else { return Ok(None) };
    let text = fs::read_to_string(&latest).map_err(|e| unreadable(&latest, &e))?;
    let summary = Summary::read(&text).map_err(|fault| fault.at(Place::file(latest.display().to_string())))?;
    place(path, &text)?;
    fs::remove_file(&latest).map_err(|e| unwritable(&latest, &e))?;
    // The batches of the window led to what was taken back: from here on it starts anew.
    for (_, part) in numbered(&beside(path), BATCH)? {
        fs::remove_file(&part).map_err(|e| unwritable(&part, &e))?;
    }
    Ok(Some(summary))
}

fn beside(path: &str) -> PathBuf {
    PathBuf::from(format!("{path}.d"))
}

/// Keeps what is at `path`, if there is something.
fn keep_earlier(path: &str) -> Result<(), Fault> {
    let text = match fs::read_to_string(path) {
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
