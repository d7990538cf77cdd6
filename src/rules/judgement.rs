//! What a check says once it has seen the facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::rows::RowSet;

/// Named figures of a finding.
pub type Figures = BTreeMap<String, Json>;

/// How a finding came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
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

/// What the answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Every row was read.
    Scan,
    /// The file's own statistics prove it.
    Statistics,
    /// A sketch with a proven error bound.
    Sketch,
}

/// The answer of a check.
#[derive(Debug, Clone)]
pub enum Judgement {
    /// What was asked of [`super::Look`] is needed first.
    Again,
    /// Nothing to judge, and why.
    NoData(String),
    /// Some rows fail; the rule's tolerance decides.
    Rows(RowsJudged),
    /// A measure against the rule's own limit.
    Measured(Measured),
}

/// What a row test counted in one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestCounts {
    /// Rows in the rule's scope.
    pub in_scope: u64,
    /// Failing rows that are no known issue.
    pub failing: u64,
    /// Failing rows that are a known issue.
    pub known: u64,
    pub rows: Arc<RowSet>,
}

/// Rows that fail, of rows in scope.
#[derive(Debug, Clone, Default)]
pub struct RowsJudged {
    pub failing: u64,
    pub of: u64,
    /// Rows that fail for a known reason; not among `failing`.
    pub known: u64,
    pub rows: Arc<RowSet>,
    /// Of these, rows that are published already: they are no worse than those.
    pub published: Arc<RowSet>,
    /// What was found, without the count: "no email", "below 0".
    pub says: String,
    pub figures: Figures,
    /// A limit of the rule's own that is broken, whatever the tolerance.
    pub broken: Option<String>,
}

/// A measure and how it stands to its limit.
#[derive(Debug, Clone)]
pub struct Measured {
    pub status: Status,
    pub observed: Json,
    pub limit: Json,
    pub unit: &'static str,
    pub says: String,
    pub figures: Figures,
    pub groups: Vec<GroupFigures>,
}

/// One group of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupFigures {
    /// The group's values, one a grouping column; null where missing.
    pub group: Vec<Option<String>>,
    pub outcome: Status,
    pub message: String,
    pub figures: Figures,
}

/// A float as JSON: a number, `"inf"` or `"-inf"`, or null where it is none.
pub fn json_float(x: f64) -> Json {
    match serde_json::Number::from_f64(x) {
        Some(number) => Json::Number(number),
        None if x.is_nan() => Json::Null,
        None => x.to_string().into(),
    }
}

/// Figures from names and values.
pub fn figures<const N: usize>(entries: [(&str, Json); N]) -> Figures {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl RowsJudged {
    /// What a row test counted, with no figures beyond the counts.
    pub fn of_test(counts: TestCounts, says: &str) -> Self {
        let TestCounts { in_scope, failing, known, rows } = counts;
        Self { failing, of: in_scope, known, rows, says: says.to_owned(), ..Self::default() }
    }
}
