//! What has changed since another run of the data set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::findings::{Finding, Label, OnFail, Outcome, Severity, Unit, Value};
use crate::rules::words::Duration;
use crate::shown::{count, percent_of, short};
use crate::verdict::Verdict;
use crate::visible::{self, NAME_MAX};

/// What the history says beside a run. Nothing of it changes the verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReport {
    /// How many runs of the data set were recorded before this one.
    pub runs: u64,
    /// Against the last run that was not marked bad, and is not this one; none if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_last_run: Option<Since>,
    /// Against the last run that published something, where the last run of all did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_last_passed: Option<Since>,
    /// What findings that are a problem now observed in the last runs, the worst first. Figures alone: no text, no date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trends: Vec<Trend>,
    /// Files of the history that could not be read, and were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl HistoryReport {
    /// The comparisons there are.
    pub fn compared(&self) -> impl Iterator<Item = &Since> {
        self.since_last_run.iter().chain(&self.since_last_passed)
    }
}

/// One finding over the recorded runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    pub id: String,
    /// What the values are counted in.
    pub unit: Unit,
    /// The oldest first; runs that did not observe it are left out.
    pub points: Vec<TrendPoint>,
}

/// What was observed in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrendPoint {
    /// The run's time (RFC 3339, UTC).
    pub time: String,
    pub value: f64,
}

/// One run against an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Since {
    /// The earlier run, as `sluicegate history` names it.
    pub run: String,
    pub batch_id: String,
    /// The earlier run's time (RFC 3339, UTC): what its ages were measured against.
    pub time: String,
    pub verdict: Verdict,
    /// Whether both were judged by the same rules.
    pub same_rules: bool,
    /// Findings that are or were a problem, those that changed for the worse first.
    pub findings: Vec<FindingSince>,
    /// Findings that pass in both.
    pub passing_in_both: u64,
}

impl Since {
    /// How many findings have changed so.
    pub fn count(&self, change: Change) -> u64 {
        self.findings.iter().filter(|finding| finding.change == change).count() as u64
    }
}

/// A finding then and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingSince {
    pub id: String,
    pub change: Change,
    /// None if there was no such finding.
    pub then: Option<Standing>,
    /// None if there is no such finding any more.
    pub now: Option<Standing>,
}

/// How a finding stands in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    pub outcome: Outcome,
    pub on_fail: OnFail,
    pub severity: Severity,
    pub observed: Value,
    pub limit: Value,
    /// What both are counted in.
    pub unit: Unit,
    pub failing_rows: u64,
}

impl Standing {
    /// How `finding` stands in its run.
    pub fn of(finding: &Finding) -> Self {
        Self {
            outcome: finding.outcome,
            on_fail: finding.on_fail,
            severity: finding.severity,
            observed: finding.observed.clone(),
            limit: finding.limit.clone(),
            unit: finding.unit.clone(),
            failing_rows: finding.failing_rows,
        }
    }

    /// How it came out and what was observed, in a few words.
    pub(super) fn said(&self) -> String {
        let label = match Label::of(self.outcome, self.on_fail) {
            Label::Fail => "fail",
            Label::NoData => "no data",
            Label::Warning => "warning",
            Label::CannotTell => "cannot tell",
            Label::Info => "info",
            Label::NotJudged => "not judged",
            Label::Known => "known issue",
            Label::Pass => "pass",
        };
        match shown(&self.observed, &self.unit) {
            None => label.to_owned(),
            Some(observed) => format!("{label}: {observed}"),
        }
    }
}

/// A figure with its unit, as people read it; none where there is none.
pub fn shown(value: &Value, unit: &Unit) -> Option<String> {
    let is_share = *unit == Unit::SHARE_OF_ROWS;
    let number = match value {
        Value::Nothing => return None,
        Value::Text(text) => return Some(visible::cut(text, NAME_MAX).into_owned()),
        Value::Integer(seconds) if *unit == Unit::SECONDS => {
            return Some(Duration { seconds: i64::try_from(*seconds).unwrap_or(i64::MAX) }.to_string());
        }
        Value::Float(share) if is_share => return Some(percent_of(*share, &[0.0, 1.0])),
        Value::Float(x) => short(*x),
        Value::Integer(n) => u64::try_from(*n).map_or_else(|_| n.to_string(), count),
    };
    let counted_in = if is_share || *unit == Unit::OF_COLUMN { "" } else { unit.as_str() };
    Some(format!("{number} {counted_in}").trim_end().to_owned())
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A problem now, and none then.
    New,
    /// A problem in both, and weighs more now; or more than a tenth more rows fail, or it lies more than a tenth further
    /// beyond its limit.
    Worse,
    /// A problem in both, and less of one now.
    Better,
    /// A problem in both, and as much of one.
    Unchanged,
    /// A problem then, and none now.
    Recovered,
    /// A problem then, and not judged now: no finding has its id, or it had nothing to judge.
    Gone,
}

impl Change {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 6] = [Self::New, Self::Worse, Self::Better, Self::Unchanged, Self::Recovered, Self::Gone];

    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Unchanged => "unchanged",
            Self::Recovered => "recovered",
            Self::Gone => "gone",
        }
    }
}
