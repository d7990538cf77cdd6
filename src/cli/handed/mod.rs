//! What another program hands over that runs this one within itself, and what it is handed back.

mod rows;

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub use self::rows::Rows;
use super::progress::Listener;
use super::scratch::Scratch;
use super::signals;
use crate::audit::Audited;
use crate::confines::Confines;
use crate::diagnostic::Fault;
use crate::engine::Cancel;
use crate::gate;
use crate::report::Report;
use crate::ruleset::{Choices, Parsed, RuleFile};

/// What is handed over beside options.
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

impl Default for Given {
    fn default() -> Self {
        Self { rules: None, rows: None, cancel: signals::cancel(), progress: None }
    }
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
    pub(super) fn parse(&self, confines: Option<&Confines>, choices: &Choices) -> Parsed {
        let allow = |named: &str| confines.map_or(Ok(()), |confines| confines.allow(named));
        RuleFile::read_with(&self.text, &self.name, choices, &allow).with_files(&allow)
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
