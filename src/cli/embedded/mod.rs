//! Runs within another program: what a binding for another language calls. Rows may be in memory, rules need not lie in a file, and
//! what would be printed is handed back. Options are those of the command line, so that each means here what it means there.

#[doc(hidden)]
pub mod fold;
mod rows;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub use self::rows::Rows;
pub use super::progress::Listener;
use super::repository::rendering;
use super::scratch::Scratch;
use super::{Cli, Command, output};
use crate::audit::Audited;
use crate::confines::Confines;
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::Cancel;
use crate::gate;
use crate::report::{self, Report, Values};
use crate::ruleset::{Parsed, RuleFile};

use clap::Parser as _;

/// What is handed over beside options.
#[derive(Default)]
pub struct Given {
    /// The rules, where they are no file.
    pub rules: Option<RulesText>,
    /// The rows, where they are no files.
    pub rows: Option<Rows>,
    /// Ends the run.
    pub cancel: Cancel,
    /// Hears how far the run is.
    pub progress: Option<Listener>,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("rules", &self.rules).field("rows", &self.rows.is_some()).finish_non_exhaustive()
    }
}

/// A rule file that is text.
#[derive(Debug, Clone)]
pub struct RulesText {
    pub text: String,
    /// What messages call it.
    pub name: String,
}

impl RulesText {
    pub(super) fn parse(&self, confines: Option<&Confines>) -> Parsed {
        RuleFile::read(&self.text, &self.name).with_files(&|named| confines.map_or(Ok(()), |confines| confines.allow(named)))
    }
}

/// What a run came to.
pub struct Done {
    pub report: Report,
    /// Whether the program would have ended with 0.
    pub is_ok: bool,
    /// The judged rows, of a `check`.
    pub kept: Option<Kept>,
}

/// Judged rows, which can still be told apart.
pub struct Kept {
    pub(super) audited: Audited,
    pub(super) threads: usize,
    pub(super) cancel: Cancel,
    /// Holds what the rows lie in, where that is no memory.
    pub(super) _scratch: Scratch,
}

/// Rows with their columns.
pub struct Table {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl Kept {
    /// The rows that may pass, as they would be published, and those that may not, as they would be set aside: with the rules that
    /// each failed, and where it came from. Both in the order of the data.
    ///
    /// # Errors
    /// The data cannot be read again.
    pub fn split(&self) -> Result<(Table, Table), Fault> {
        let gate::Split { good, bad } = gate::split(&self.audited, self.threads, &self.cancel)?;
        Ok((Table { schema: good.0, batches: good.1 }, Table { schema: bad.0, batches: bad.1 }))
    }
}

/// Runs `check`, `gate` or `profile` with `arguments`, of which the first is that word; also what it would have printed, line by
/// line.
pub fn run(arguments: &[String], given: Given) -> (Result<Done, Faults>, Vec<String>) {
    static SEEDED: Once = Once::new();
    SEEDED.call_once(super::seed_names);
    output::heard(|| {
        let done = catch_unwind(AssertUnwindSafe(|| dispatched(arguments, given)));
        done.unwrap_or_else(|_| Err(Fault::new(Code::Internal, "internal error").hint("please report it, with what led to it").into()))
    })
}

fn dispatched(arguments: &[String], given: Given) -> Result<Done, Faults> {
    let words = std::iter::once("sluicegate").chain(arguments.iter().map(String::as_str));
    let cli = Cli::try_parse_from(words).map_err(|error| Faults::from(misused(&error)))?;
    match cli.command {
        Command::Check(command) => command.embedded(given),
        Command::Gate(command) => command.embedded(given),
        Command::Profile(command) => command.embedded(given),
        _ => Err(Fault::new(Code::Internal, "internal error: no such run").into()),
    }
}

/// What clap has to say, on a line.
fn misused(error: &clap::Error) -> Fault {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    Fault::new(Code::MalformedOption, line.strip_prefix("error: ").unwrap_or(line))
}

/// The rules of a file by name, as JSON: of the text, or of the file at `path`. What they name is read, no data.
///
/// # Errors
/// It cannot be read, or says something wrong.
pub fn listed(path: &str, text: Option<&RulesText>) -> Result<String, Faults> {
    let rules = match text.map(|text| text.parse(None)) {
        None => super::given::read_rules(path, None)?,
        Some(Parsed { rules: Some(rules), faults, .. }) => faults.or_ok(rules)?,
        Some(Parsed { rules: None, faults, .. }) => return Err(faults),
    };
    Ok(serde_json::to_string(&rules.listed()).expect("names and numbers can be written"))
}

/// The report in the format of this name, as `--report` would write it.
///
/// # Errors
/// There is no such format.
pub fn rendered(report: &Report, format: &str) -> Result<String, Fault> {
    let known = || report::FORMATS.iter().map(|format| format.name);
    let Some(format) = report::FORMATS.iter().find(|known| known.name == format) else {
        return Err(Fault::new(Code::UnknownFormat, format!("`{format}` is no format of reports")).hint_nearest(format, known()));
    };
    Ok(format.text(report, &rendering(Values::Shown)))
}

/// The name of the format that `path` asks for by its extension.
///
/// # Errors
/// No format has it.
pub fn format_of(path: &str) -> Result<&'static str, Fault> {
    report::format_of(path.as_ref()).map(|format| format.name)
}
