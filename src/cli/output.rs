//! Printing: reports to the terminal and to files, faults to standard error.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Fault, Faults};
use crate::report::terminal::{self, Style};
use crate::report::{self, Report};

/// Writes to standard output; a reader that has gone away is no error.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints faults, one a line.
pub fn complain(faults: &Faults) {
    let mut err = std::io::stderr().lock();
    for fault in &faults.0 {
        let _ = writeln!(err, "error: {fault}");
    }
}

/// Prints what a person at the terminal should know now.
pub fn note(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "note: {text}");
}

/// Prints the report for a person.
pub fn show(report: &Report, quiet: bool, verbose: bool) {
    if quiet {
        return;
    }
    let terminal = std::io::stdout().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let width = terminal.then(terminal_size::terminal_size).flatten().map_or(120, |(w, _)| w.0);
    print(&terminal::render(report, Style { colour, width, verbose }));
}

/// Writes the report to each path, whole or not at all.
///
/// # Errors
/// A path cannot be written.
pub fn write(report: &Report, paths: &[PathBuf]) -> Result<(), Fault> {
    for path in paths {
        // An unknown format was complained of before anything was judged.
        let Ok(format) = report::format_of(path) else { continue };
        let text = (format.render)(report);
        write_whole(path, &text).map_err(|e| Fault::new(format!("{}: cannot write: {e}", path.display())))?;
    }
    Ok(())
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!(".{}.tmp", std::process::id()));
    let staged = PathBuf::from(staged);
    let written = std::fs::write(&staged, text).and_then(|()| std::fs::rename(&staged, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&staged);
    }
    written
}
