//! What an audit says: one finding a rule and column, from the check that makes it to the report that holds it.
//!
//! - [`Finding`] is that one type. A check fills in what it measured, the audit what the rule file says of it, the verdict
//!   weighs it, the report holds it, and JSON gives it back. Sets of rows are no part of it; they stay beside it.
//! - [`Outcome`], [`Severity`] and [`Basis`] say how it came out, how much that weighs, and what the answer rests on.
//! - [`FindingCode`] is for machines: which kind of finding it is, whatever the rule file calls it. [`builtin`] lists the kinds
//!   that need no rule, with the ids that are theirs alone.
//! - [`Figures`] are numbers with names and units; [`figures::ALL`] lists the names.
//! - [`Message`] is what people read: a list of statements, joined only where it is shown.
//!
//! A ground room: it knows no rule, no source and no renderer.

pub mod builtin;
mod code;
mod concentration;
pub mod figures;
mod label;
mod message;
mod outcome;
mod value;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use builtin::Builtin;
pub use code::FindingCode;
pub use concentration::Concentration;
pub use figures::{Figure, FigureName, Figures, GroupFigures};
pub use label::Label;
pub use message::Message;
pub use outcome::{Basis, OnFail, OnNoData, Outcome, Severity};
pub use value::{Unit, Value};

use crate::diagnostic::Place;
use crate::rows::Origin;

/// The outcome of one rule on one column (or on the rows as a whole).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub id: String,
    /// Which kind of finding it is, whatever the rule file calls it.
    #[serde(default)]
    pub code: FindingCode,
    pub rule: String,
    /// Where the rule stands in its file; none for what no rule file asks for.
    #[serde(rename = "span", default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The rule as it stands there; what may be a value of a masked column is `***`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    pub columns: Vec<String>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
    pub runbook: Option<String>,
    pub on_fail: OnFail,
    pub severity: Severity,
    pub outcome: Outcome,
    /// The figure that was judged.
    pub observed: Value,
    /// What it was judged against.
    pub limit: Value,
    /// What both are counted in.
    pub unit: Unit,
    pub failing_rows: u64,
    /// Whether there is nothing to compare with yet: that blocks nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warming_up: bool,
    /// Failing rows that are a known issue.
    pub known_rows: u64,
    /// Why these are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_reasons: Vec<String>,
    #[serde(rename = "evidence")]
    pub basis: Basis,
    #[serde(flatten)]
    pub message: Message,
    /// What the figures are taken over, where that is not every row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over: Option<TakenOver>,
    /// Ids of the findings that it follows from: mended, they take it with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows_from: Vec<String>,
    pub figures: Figures,
    pub groups: Vec<GroupFigures>,
    /// The first failing rows.
    pub samples: Vec<Sample>,
    /// Values in which the failing rows concentrate, what chance explains least first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Concentration>,
}

impl Default for Finding {
    /// Nothing was judged, and nobody says why.
    fn default() -> Self {
        Self {
            id: String::new(),
            code: FindingCode::default(),
            rule: String::new(),
            place: None,
            written: None,
            columns: Vec::new(),
            description: None,
            owner: None,
            tags: Vec::new(),
            runbook: None,
            on_fail: OnFail::Reject,
            severity: Severity::Error,
            outcome: Outcome::NoData,
            observed: Value::Nothing,
            limit: Value::Nothing,
            unit: Unit::NONE,
            failing_rows: 0,
            warming_up: false,
            known_rows: 0,
            known_reasons: Vec::new(),
            basis: Basis::Scan,
            message: Message::default(),
            taken_over: None,
            follows_from: Vec::new(),
            figures: Figures::default(),
            groups: Vec::new(),
            samples: Vec::new(),
            why: Vec::new(),
        }
    }
}

impl Finding {
    /// A finding of a kind that needs no rule, under the id that is reserved for it.
    pub fn builtin(kind: &Builtin, outcome: Outcome, on_fail: OnFail, message: impl Into<Message>) -> Self {
        Self {
            id: kind.id().to_owned(),
            code: kind.code.clone(),
            rule: kind.rule.to_owned(),
            on_fail,
            outcome,
            message: message.into(),
            severity: Severity::of(outcome, on_fail, OnNoData::no_heavier_than(on_fail)),
            ..Self::default()
        }
    }

    /// With the severity that follows from how it came out and what the rule file says of that.
    #[must_use]
    pub fn weighed(self, on_no_data: OnNoData) -> Self {
        let on_no_data = if self.warming_up { OnNoData::Pass } else { on_no_data };
        Self { severity: Severity::of(self.outcome, self.on_fail, on_no_data), ..self }
    }

    /// With what JSON leaves to be understood: reports of version 0.1 tell no codes, and no name tells that the figures of
    /// malformed records count them.
    #[must_use]
    pub fn completed(mut self) -> Self {
        if self.code.is_empty() {
            // The rule `rows` has the id of the finding that there are none; it always observes how many there are.
            let is_of = |kind: &&Builtin| kind.rule == self.rule && (kind.code != builtin::EMPTY.code || self.observed.is_nothing());
            self.code = builtin::owner_of(&self.id).filter(is_of).map_or_else(|| self.rule.clone().into(), |kind| kind.code.clone());
        }
        if self.code == builtin::MALFORMED.code {
            self.figures.count_rows();
        }
        self
    }

    /// Whether its rows must not be published.
    pub fn sets_aside(&self) -> bool {
        self.outcome == Outcome::Fail && self.on_fail == OnFail::Quarantine
    }

    /// Whether nothing may be published for want of data to judge.
    pub fn stops(&self) -> bool {
        self.outcome == Outcome::NoData && self.severity == Severity::Error
    }

    /// The worst first: what keeps rows from being published, then what warns.
    pub fn rank(&self) -> u8 {
        match (self.label(), self.severity) {
            (Label::Fail, _) => 0,
            (Label::NoData, Severity::Error) => 1,
            (Label::Warning, _) => 2,
            (Label::CannotTell, _) => 3,
            (Label::NoData, Severity::Warning) => 4,
            (Label::Info, _) => 5,
            (Label::NoData, Severity::Info) => 6,
            (Label::NotJudged, _) => 7,
            (Label::Known, _) => 8,
            (Label::Pass, _) => 9,
        }
    }

    /// Whether it was judged and did not pass, or could not be judged.
    pub fn is_problem(&self) -> bool {
        match self.outcome {
            Outcome::Fail | Outcome::Warn | Outcome::NoData | Outcome::InsufficientEvidence => true,
            Outcome::Pass | Outcome::Known | Outcome::NotJudged => false,
        }
    }

    /// Whether it warns: it failed with `on_fail: warn`, is past an earlier limit, cannot tell, or had nothing to judge.
    pub fn is_warning(&self) -> bool {
        match self.outcome {
            Outcome::Warn | Outcome::InsufficientEvidence => self.on_fail != OnFail::Info,
            Outcome::Fail => self.on_fail == OnFail::Warn,
            Outcome::NoData => self.severity == Severity::Warning,
            Outcome::NotJudged | Outcome::Pass | Outcome::Known => false,
        }
    }
}

/// The rows that figures are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TakenOver {
    /// Rows that pass every row rule that sets failing rows aside at once.
    pub rows: u64,
    /// Rows left by `clean`, malformed records aside.
    pub of: u64,
}

/// A failing row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    pub origin: Origin,
    /// The character of its line, from 1, that the value which fails begins at. None where lines are not divided into fields, and
    /// where columns are masked: it tells how long the fields before it are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_column: Option<u32>,
    /// The columns that matter, in order: name and value.
    pub values: Vec<(String, Json)>,
    /// Of a row that was changed: the values that some of these columns had before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<(String, Json)>,
    /// The record as it stands in the file, for malformed ones.
    pub raw: Option<String>,
    /// Why this row, where rows fail for reasons of their own.
    pub reason: Option<String>,
    /// Of a row whose key occurs elsewhere: another row that has it, the one that stays if one does; of a row that was changed, what it
    /// was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_key_as: Option<Origin>,
}

impl Sample {
    /// Its values by column, each with the value before where it was changed.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &Json, Option<&Json>)> {
        let before = |name: &str| self.before.iter().find(|(column, _)| column == name).map(|(_, value)| value);
        self.values.iter().map(move |(name, value)| (name.as_str(), value, before(name)))
    }
}
