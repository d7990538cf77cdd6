//! Runs within another program: what a binding for another language calls. Rows may be in memory, rules need not lie in a file, and
//! what would be printed is handed back. Options are those of the command line, so that each means here what it means there.

#[doc(hidden)]
pub mod fold;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use clap::Parser;

use super::check::Check;
use super::gate::Gate;
pub use super::handed::{Done, Given, Kept, Rows, RulesText, Table};
use super::output;
use super::profile::Profile;
pub use super::progress::Listener;
use super::repository::rendering;
use crate::diagnostic::{Code, Fault, Faults};
use crate::report::{self, Report, Values};
use crate::ruleset::{Choices, Parsed};

/// Runs `check`, `gate` or `profile` with `arguments`, of which the first is that word; also what it would have printed, line by
/// line.
pub fn run(arguments: &[String], given: Given) -> (Result<Done, Faults>, Vec<String>) {
    static SEEDED: Once = Once::new();
    SEEDED.call_once(super::seed_names);
    output::heard(|| {
        let done = catch_unwind(AssertUnwindSafe(|| dispatched(arguments, given)));
        done.unwrap_or_else(|_| Err(internal().into()))
    })
}

/// A fault of ours: something broke that should not.
pub fn internal() -> Fault {
    Fault::new(Code::Internal, "internal error").hint("please report it, with what led to it")
}

/// The commands that run within another program.
#[derive(Parser)]
#[command(name = "sluicegate")]
enum Runs {
    Check(Box<Check>),
    Gate(Box<Gate>),
    Profile(Box<Profile>),
}

fn dispatched(arguments: &[String], given: Given) -> Result<Done, Faults> {
    let words = std::iter::once("sluicegate").chain(arguments.iter().map(String::as_str));
    match Runs::try_parse_from(words).map_err(|error| Faults::from(misused(&error)))? {
        Runs::Check(command) => command.embedded(given),
        Runs::Gate(command) => command.embedded(given),
        Runs::Profile(command) => command.embedded(given),
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
    let rules = match text.map(|text| text.parse(None, &Choices::default())) {
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
