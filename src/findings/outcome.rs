//! How a finding came out, and what follows.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a finding came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There were fewer rows than the rule's `min_rows`.
    NotJudged,
    Pass,
    /// Every failing row is a known issue.
    Known,
    Warn,
    /// The sample is too small to tell.
    InsufficientEvidence,
    /// There was nothing to judge.
    NoData,
    Fail,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl Severity {
    /// As the rule file has it: of what failed, by `on_fail`; of what had nothing to judge, by `on_no_data`.
    pub fn of(outcome: Outcome, on_fail: OnFail, on_no_data: OnNoData) -> Self {
        match (outcome, on_fail) {
            (Outcome::NoData, _) => match on_no_data {
                OnNoData::Stop => Self::Error,
                OnNoData::Warn => Self::Warning,
                OnNoData::Pass => Self::Info,
            },
            (Outcome::NotJudged, _) => Self::Info,
            (_, OnFail::Reject | OnFail::Quarantine) => Self::Error,
            (_, OnFail::Warn) => Self::Warning,
            (_, OnFail::Info) => Self::Info,
        }
    }
}

/// What an answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Every row was read.
    Scan,
    /// The file's own statistics prove it.
    Statistics,
    /// A sketch with a proven error bound.
    Sketch,
}

/// What follows when a rule fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFail {
    /// Said in the report, nothing else.
    Info,
    /// A warning; `--strict` makes it count.
    Warn,
    /// The failing rows are set aside.
    Quarantine,
    /// Nothing of the batch is published.
    Reject,
}

impl fmt::Display for OnFail {
    /// As rule files write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        })
    }
}

/// What follows when there is nothing to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnNoData {
    /// The verdict is `undecided`.
    Stop,
    /// A warning.
    Warn,
    /// Nothing follows.
    Pass,
}

impl OnNoData {
    /// What follows where the rule file says nothing: no more than what follows a failure, so that a rule that only warns
    /// never stops a batch.
    pub fn no_heavier_than(on_fail: OnFail) -> Self {
        match on_fail {
            OnFail::Reject | OnFail::Quarantine => Self::Stop,
            OnFail::Warn | OnFail::Info => Self::Warn,
        }
    }
}
