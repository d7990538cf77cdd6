//! Printing: all that goes to standard output or standard error passes here.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;

use crate::diagnostic::{Code, Fault, Faults, without_credentials};
use crate::report::Report;
use crate::report::terminal::{self, COLOURS, Style};
use crate::verdict::Verdict;
use crate::visible;

/// Why standard output could not be written to.
static UNPRINTED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes to standard output. Names and values are made harmless where lines are put together; what was missed there is
/// here, but for its line breaks.
pub(super) fn print(text: &str) {
    print_own(&visible::coloured(text, &COLOURS));
}

/// Writes text that the program itself is made of to standard output: a schema, a completion script.
pub(super) fn print_own(text: &str) {
    let mut out = io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Notes what came of writing to standard output.
pub(super) fn printed(written: io::Result<()>) {
    if let Err(error) = written
        // A reader that has gone away has seen what it wanted.
        && error.kind() != ErrorKind::BrokenPipe
        && let Ok(mut unprinted) = UNPRINTED.lock()
    {
        unprinted.get_or_insert(error);
    }
}

/// The exit code at the end: 2 if something could not be printed.
pub(super) fn finish(code: ExitCode) -> ExitCode {
    match unprinted() {
        None => code,
        Some(error) => {
            complain(&Fault::new(Code::of_writing(&error), format!("standard output cannot be written: {error}")).into());
            ExitCode::from(2)
        }
    }
}

/// Why standard output could not be written to, if nobody has asked before.
pub(super) fn unprinted() -> Option<io::Error> {
    UNPRINTED.lock().ok().and_then(|mut unprinted| unprinted.take())
}

/// Writes to standard error.
#[expect(clippy::let_underscore_must_use, reason = "there is no other place to say that it cannot be written")]
fn tell(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints what is wrong with the command line, in colours where the terminal has them.
#[expect(clippy::let_underscore_must_use, reason = "there is no other place to say that it cannot be written")]
pub(super) fn complain_of_arguments(error: &clap::Error) {
    let _ = error.print();
}

/// Prints what a command came to, and gives its exit code.
pub(super) fn ended(done: Result<String, Faults>) -> ExitCode {
    match done {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(faults) => {
            complain(&faults);
            ExitCode::from(2)
        }
    }
}

/// Prints workflow commands of ours, which have escaped what they quote.
pub(super) fn annotate(commands: &str) {
    tell(commands);
}

/// Prints faults, one a line.
pub(super) fn complain(faults: &Faults) {
    let line = |fault: &Fault| format!("error: {}\n", terminal::fault(fault));
    tell(&faults.0.iter().map(line).collect::<String>());
}

/// Whether what is wrong with the command line may be printed as it stands.
pub(super) fn is_harmless(text: &str) -> bool {
    harmless(text) == text
}

/// Prints what is wrong with the command line.
pub(super) fn refuse(text: &str) {
    tell(&format!("{}\n", harmless(text).trim_end()));
}

fn harmless(text: &str) -> String {
    visible::page(&without_credentials(text.to_owned())).into_owned()
}

/// Prints what a person at the terminal should know now.
pub(super) fn note(text: &str) {
    tell(&format!("note: {}\n", visible::line(text)));
}

/// Prints the report of one of many batches: a line where it passes, all of it where it does not.
pub(super) fn show_briefly(report: &Report, quiet: bool, verbose: bool) {
    match report.verdict {
        Verdict::Accept | Verdict::Quarantine if !verbose && !quiet => print(&format!("{}\n", terminal::one_line(report))),
        Verdict::Accept | Verdict::Quarantine | Verdict::Reject | Verdict::Undecided => show(report, quiet, verbose),
    }
}

/// Prints the report for a person to standard error, where standard output is for data.
pub(super) fn show_aside(report: &Report, verbose: bool) {
    let terminal = io::stderr().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let width = terminal.then(|| terminal_size::terminal_size_of(io::stderr())).flatten().map_or(120, |(w, _)| w.0);
    tell(&visible::coloured(&terminal::render(report, Style { colour, width, verbose }), &COLOURS));
}

/// Prints the report for a person.
pub(super) fn show(report: &Report, quiet: bool, verbose: bool) {
    if quiet {
        return;
    }
    let terminal = io::stdout().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let width = terminal.then(terminal_size::terminal_size).flatten().map_or(120, |(w, _)| w.0);
    print(&terminal::render(report, Style { colour, width, verbose }));
}
