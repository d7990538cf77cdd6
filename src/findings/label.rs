//! What a finding is called where people read it.

use super::{Finding, OnFail, Outcome};

/// What a finding comes to: a rule that only warns has no failures, it has warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// Rows are set aside, or the batch is rejected.
    Fail,
    NoData,
    /// It failed, or is past an earlier limit, and only warns.
    Warning,
    CannotTell,
    /// It failed, and nothing follows.
    Info,
    /// There are fewer rows than `min_rows`.
    NotJudged,
    Known,
    Pass,
}

impl Label {
    /// Of what came out as `outcome`, where a failure has the consequence `on_fail`.
    pub fn of(outcome: Outcome, on_fail: OnFail) -> Self {
        match (outcome, on_fail) {
            (Outcome::Fail, OnFail::Reject | OnFail::Quarantine) => Self::Fail,
            (Outcome::Fail | Outcome::Warn, OnFail::Info) => Self::Info,
            (Outcome::Fail, OnFail::Warn) | (Outcome::Warn, OnFail::Reject | OnFail::Quarantine | OnFail::Warn) => Self::Warning,
            (Outcome::NoData, _) => Self::NoData,
            (Outcome::InsufficientEvidence, _) => Self::CannotTell,
            (Outcome::NotJudged, _) => Self::NotJudged,
            (Outcome::Known, _) => Self::Known,
            (Outcome::Pass, _) => Self::Pass,
        }
    }
}

impl Finding {
    /// What it is called.
    pub fn label(&self) -> Label {
        Label::of(self.outcome, self.on_fail)
    }
}
