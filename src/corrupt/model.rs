//! What a trial came to, as it is told and written.

use serde::{Serialize, Serializer};

use super::Class;
use crate::verdict::Verdict;

/// What came of all errors. `docs/try.md` describes its JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Of this form of JSON.
    pub version: u32,
    pub dataset: String,
    pub seed: u64,
    /// The share of the rows that an error is made in.
    pub share: f64,
    pub clean: Clean,
    pub caught: u64,
    /// Errors that were caught or missed; those that no rule tells are not among them.
    pub of: u64,
    /// Errors that were missed, and that none of the rules that were tried as hints notices either.
    pub no_rule: u64,
    pub not_applicable: u64,
    pub cases: Vec<Case>,
}

/// What the rules say of the rows as they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clean {
    pub rows: u64,
    /// Whether there are more rows than were taken.
    pub is_part: bool,
    /// Records among them that cannot be read, and were left out.
    pub malformed: u64,
    pub verdict: Verdict,
    pub reasons: Vec<String>,
}

/// One class of error in one column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// None where whole rows are repeated.
    pub column: Option<String>,
    pub class: Class,
    /// What was done.
    pub what: String,
    /// Rows that it was done to.
    pub rows: u64,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Some rule notices; the heaviest consequence first.
    Caught { by: Vec<Catch> },
    /// No rule does anything about it. Some may have seen it, and let it pass.
    Missed { let_pass: Vec<String>, hints: Vec<Hint> },
    /// The same, and no rule that was tried as a hint notices it.
    NoRule { let_pass: Vec<String> },
    /// The error cannot be made in this column.
    NotApplicable { why: String },
}

/// A rule that notices an error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catch {
    /// The finding's id; of a run that ends with a fault, the fault's code.
    pub id: String,
    #[serde(rename = "as")]
    pub caught_as: CaughtAs,
    /// How many of the rows it names; none where it names no rows.
    pub named: Option<u64>,
    pub message: String,
}

/// What follows from what a rule notices, the heaviest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaughtAs {
    /// The batch is rejected.
    Rejects,
    /// The batch cannot be judged, and nothing of it is published.
    Stops,
    /// The rows are set aside.
    SetsAside,
    Warns,
}

/// A rule that notices what was missed, and says nothing of the rows as they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hint {
    /// One item of the list `rules`. Values of masked columns are left out of it.
    pub rule: String,
    #[serde(rename = "as")]
    pub caught_as: CaughtAs,
}

impl Trial {
    /// The share of errors that were caught; none where no error could be made.
    pub fn score(&self) -> Option<f64> {
        (self.of > 0).then(|| self.caught as f64 / self.of as f64)
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
