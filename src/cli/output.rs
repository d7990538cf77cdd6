//! Printing: all that goes to standard output or standard error passes here.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::Mutex;

use clap::{Args, ValueEnum};

use super::colour;
use super::exit::ExitCode;
use crate::diagnostic::{Code, Fault, Faults, without_credentials};
use crate::report::terminal::{self, COLOURS, Style};
use crate::report::{self, Report};
use crate::verdict::Verdict;
use crate::visible;

thread_local! {
    /// What would be printed on this thread, while another program wants to hear it.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Runs `work`, and hands back what it would have printed.
pub(super) fn heard<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    HEARD.set(Some(Vec::new()));
    let done = work();
    (done, HEARD.take().unwrap_or_default())
}

/// Whether `text` was heard, so that nothing is to be printed.
fn is_heard(text: &str) -> bool {
    HEARD.with_borrow_mut(|heard| {
        let lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned);
        heard.as_mut().map(|heard| heard.extend(lines)).is_some()
    })
}

/// Why standard output could not be written to.
static UNPRINTED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes to standard output. Names and values are made harmless where lines are put together; what was missed there is
/// here, but for its line breaks.
pub(super) fn print(text: &str) {
    print_own(&visible::coloured(text, &COLOURS));
}

/// Writes text that the program itself is made of to standard output: a schema, a completion script.
pub(super) fn print_own(text: &str) {
    if is_heard(text) {
        return;
    }
    let mut out = io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Writes JSON to standard output.
pub(super) fn print_json(text: &str) {
    print_own(&visible::json(text));
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
    if is_heard(text) {
        return;
    }
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints what is wrong with the command line, in colours where the terminal has them.
#[expect(clippy::let_underscore_must_use, reason = "there is no other place to say that it cannot be written")]
pub(super) fn complain_of_arguments(error: &clap::Error) {
    let _ = error.print();
}

/// Prints what a command came to, and gives its exit code.
pub(super) fn ended(done: Result<String, Faults>) -> ExitCode {
    ended_by(done, print)
}

/// The same of a list, which may be JSON.
pub(super) fn ended_list(done: Result<String, Faults>, options: ListOptions) -> ExitCode {
    ended_by(done, if options.is_json() { print_json } else { print })
}

fn ended_by(done: Result<String, Faults>, print: fn(&str)) -> ExitCode {
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
    let error = terminal::error(colour::is_wanted(io::stderr().is_terminal()));
    let line = |fault: &Fault| format!("{error} {}\n", terminal::fault(fault));
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

/// What standard output is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// People.
    Text,
    /// Programs.
    Json,
}

/// Text or JSON, of a run.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct OutputOptions {
    /// What is printed: text, or the report as JSON and nothing else, also where nothing could be judged. Of several batches each
    /// report is a line of JSON
    #[arg(long = "output", value_name = "text|json", value_enum, default_value_t = Form::Text, hide_possible_values = true)]
    pub form: Form,
}

/// Text or JSON, of what is listed.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct ListOptions {
    /// What is printed: text, or JSON
    #[arg(long = "output", value_name = "text|json", value_enum, default_value_t = Form::Text, hide_possible_values = true)]
    form: Form,
    /// The same as `--output json`
    #[arg(long, conflicts_with = "form")]
    json: bool,
}

impl ListOptions {
    pub(super) fn is_json(self) -> bool {
        self.json || self.form == Form::Json
    }
}

/// How the report of a run is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printed {
    /// For a person.
    Whole,
    /// For a person, of one of many batches: in a line where it passes.
    Briefly,
    /// As JSON.
    Json,
    /// As JSON, one of many batches: in a line.
    JsonLine,
}

impl Printed {
    /// Of one run.
    pub(super) fn of(options: OutputOptions) -> Self {
        if options.form == Form::Json { Self::Json } else { Self::Whole }
    }

    /// Of many batches.
    pub(super) fn of_many(options: OutputOptions) -> Self {
        if options.form == Form::Json { Self::JsonLine } else { Self::Briefly }
    }

    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::JsonLine)
    }
}

/// Prints a report. JSON is what was asked for, so that it is printed although all else is to be quiet.
pub(super) fn show(report: &Report, printed: Printed, quiet: bool, verbose: bool) {
    let passes = matches!(report.verdict, Verdict::Accept | Verdict::Quarantine);
    match printed {
        Printed::Json => print_json(&report::json(report)),
        Printed::JsonLine => print_json(&report::json_line(report)),
        Printed::Whole | Printed::Briefly if quiet => {}
        Printed::Briefly if passes && !verbose => print(&format!("{}\n", terminal::one_line(report))),
        Printed::Whole | Printed::Briefly => {
            print(&terminal::render(report, style(&io::stdout(), terminal_size::terminal_size(), verbose)))
        }
    }
}

/// Prints the report for a person to standard error, where standard output is for data.
pub(super) fn show_aside(report: &Report, verbose: bool) {
    let size = terminal_size::terminal_size_of(io::stderr());
    tell(&visible::coloured(&terminal::render(report, style(&io::stderr(), size, verbose)), &COLOURS));
}

/// Columns of what is no terminal, where the variable `COLUMNS` does not say it.
const COLUMNS: u16 = 120;

/// How a report is written to `stream`, which is of that size if it is a terminal.
fn style(stream: &impl IsTerminal, size: Option<(terminal_size::Width, terminal_size::Height)>, verbose: bool) -> Style {
    let is_terminal = stream.is_terminal();
    let given = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(COLUMNS);
    let width = size.filter(|_| is_terminal).map_or_else(given, |(width, _)| width.0);
    Style { colour: colour::is_wanted(is_terminal), width, verbose }
}
