//! Reports that were written as files: those in JSON are read, and the same report in another format lies beside.

use std::fmt::{self, Display};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use chrono::DateTime;

use crate::diagnostic::{Code, Fault};
use crate::files::{self, Draft};
use crate::report::{self, Rendering, Report};

/// Files and directories that hold reports.
#[derive(Debug, Clone, Default)]
pub struct ReportFiles {
    pub paths: Vec<PathBuf>,
}

impl Display for ReportFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
        f.write_str(&paths.join(", "))
    }
}

/// A report that was found.
pub(super) struct Found {
    /// The file in JSON.
    pub path: PathBuf,
    /// The same report in other formats.
    pub beside: Vec<PathBuf>,
    pub report: Report,
    /// When its run began, or else when it was written, in milliseconds since 1970.
    pub at: i64,
}

impl ReportFiles {
    /// The reports of `dataset`, and what was found beside them that is none.
    ///
    /// # Errors
    /// A path is not there, or cannot be read.
    pub(super) fn of(&self, dataset: &str) -> Result<(Vec<Found>, Vec<String>), Fault> {
        let (mut found, mut notes) = (Vec::new(), Vec::new());
        for path in &self.paths {
            let files = files_in(path)?;
            for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
                match read(file)? {
                    Ok(report) if speaks_of(&report, dataset) => found.push(Found::new(file, report, &files)?),
                    Ok(_) => {}
                    Err(why) => notes.push(format!("{}: left alone: {why}", file.display())),
                }
            }
            let is_known = |file: &PathBuf| found.iter().any(|f| f.path == *file || f.beside.contains(file));
            let others = files.iter().filter(|file| file.extension().is_some_and(|e| e != "json") && is_report(file));
            let alone = others.filter(|file| !is_known(file) && !file.with_extension("json").exists());
            notes.extend(alone.map(|file| {
                format!("{}: left alone: what it tells cannot be read without the same report in JSON beside it", file.display())
            }));
        }
        Ok((found, notes))
    }
}

/// Whether a report is of the data set, or holds one of it as that of a table.
fn speaks_of(report: &Report, dataset: &str) -> bool {
    report.dataset == dataset || report.tables.iter().any(|table| speaks_of(&table.report, dataset))
}

/// The file itself, or those of a directory, in order.
fn files_in(path: &Path) -> Result<Vec<PathBuf>, Fault> {
    let failed = |e: &std::io::Error| match e.kind() {
        ErrorKind::NotFound => Fault::new(Code::FileNotFound, format!("{}: there is no such file or directory", path.display()))
            .hint("check the path behind `--reports`"),
        _ => Fault::new(Code::of_reading(e), format!("{}: cannot read: {e}", path.display())),
    };
    if !fs::metadata(path).map_err(|e| failed(&e))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|e| failed(&e))?;
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(|e| failed(&e))?;
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}

/// Whether a file is a report in a format that is not read: by its name, and since it says who wrote it. Others write such
/// files too.
fn is_report(path: &Path) -> bool {
    let says_who = |bytes: Vec<u8>| ["Sluicegate", "sluicegate"].iter().any(|name| memchr::memmem::find(&bytes, name.as_bytes()).is_some());
    report::format_of(path).is_ok() && fs::read(path).is_ok_and(says_who)
}

/// The report in a file; inside, why it is none.
fn read(path: &Path) -> Result<Result<Report, String>, Fault> {
    let failed = |e: std::io::Error| Fault::new(Code::of_reading(&e), format!("{}: cannot read: {e}", path.display()));
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut files::open(path).map_err(failed)?, &mut bytes).map_err(failed)?;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(Err("it is no text".to_owned())) };
    Ok(report::read(&text, "it").map_err(|fault| fault.what))
}

impl Found {
    fn new(path: &Path, report: Report, files: &[PathBuf]) -> Result<Self, Fault> {
        let is_beside = |file: &&PathBuf| file.with_extension("json") == path && *file != path && is_report(file);
        let began = report.began.as_ref().and_then(|began| DateTime::parse_from_rfc3339(began).ok());
        let at = match began {
            Some(began) => began.timestamp_millis(),
            // Reports of version 0.1 do not say it.
            None => written(path).map_err(|e| Fault::new(Code::of_reading(&e), format!("{}: cannot read: {e}", path.display())))?,
        };
        Ok(Self { path: path.to_owned(), beside: files.iter().filter(is_beside).cloned().collect(), report, at })
    }

    /// Removes it in all formats; the one that can be read goes last.
    pub(super) fn remove(&self) -> Result<(), Fault> {
        for path in self.beside.iter().chain([&self.path]) {
            fs::remove_file(path).map_err(|e| Fault::new(Code::of_writing(&e), format!("{}: cannot remove: {e}", path.display())))?;
        }
        Ok(())
    }

    /// Writes `report` in its place, in all formats; the one that can be read is written last.
    pub(super) fn replace(&self, report: &Report) -> Result<(), Fault> {
        for path in self.beside.iter().chain([&self.path]) {
            let format = report::format_of(path)?;
            let written = Draft::of(path).and_then(|draft| {
                draft.file()?.write_all(format.text(report, &Rendering::default()).as_bytes())?;
                draft.place()
            });
            written.map_err(|e| Fault::new(Code::of_writing(&e), format!("{}: cannot write: {e}", path.display())))?;
        }
        Ok(())
    }
}

fn written(path: &Path) -> std::io::Result<i64> {
    let modified = path.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(modified.as_millis()).unwrap_or(i64::MAX))
}
