//! From findings and policy to a verdict. Pure: no data, no clock.

use schemars::JsonSchema;
use serde::Serialize;

use crate::rules::Status;
use crate::rules::words::{OnFail, OnNoData, Tolerance};
use crate::shown::{count, counted};

/// What is to become of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Accept,
    /// Some rows are set aside, the others pass.
    Quarantine,
    /// Nothing passes.
    Reject,
    /// Something could not be judged; nothing passes.
    Undecided,
}

/// A finding, as far as the verdict minds.
#[derive(Debug, Clone)]
pub struct Weighed {
    pub id: String,
    pub status: Status,
    pub on_fail: OnFail,
    pub on_no_data: OnNoData,
    pub message: String,
}

/// What the verdict rests on beside the findings.
#[derive(Debug, Clone, Copy)]
pub struct Totals {
    /// Rows read, less those `clean` dropped.
    pub considered: u64,
    /// Rows set aside, malformed records included.
    pub set_aside: u64,
    /// Above this, the batch is rejected.
    pub reject_above: Option<Tolerance>,
}

/// The verdict, and why in a sentence each.
pub fn decide(findings: &[Weighed], totals: Totals) -> (Verdict, Vec<String>) {
    let mut rejects: Vec<String> = findings
        .iter()
        .filter(|f| f.status == Status::Fail && f.on_fail == OnFail::Reject)
        .map(|f| format!("{}: {}", f.id, f.message))
        .collect();
    if let Some(limit) = totals.reject_above.filter(|l| l.is_fully_exceeded_by(totals.set_aside, totals.considered)) {
        rejects.push(format!("{} of {} would be set aside, more than {limit}", count(totals.set_aside), counted(totals.considered, "row")));
    }
    if !rejects.is_empty() {
        return (Verdict::Reject, rejects);
    }
    let undecided: Vec<String> = findings
        .iter()
        .filter(|f| f.status == Status::NoData && f.on_no_data == OnNoData::Stop)
        .map(|f| format!("{}: {}", f.id, f.message))
        .collect();
    if !undecided.is_empty() {
        return (Verdict::Undecided, undecided);
    }
    if totals.set_aside > 0 {
        let failed = findings.iter().filter(|f| f.status == Status::Fail && f.on_fail == OnFail::Quarantine);
        let mut reasons: Vec<String> = failed.map(|f| format!("{}: {}", f.id, f.message)).collect();
        if reasons.is_empty() {
            // Tolerated or not, a record that cannot be read cannot be published.
            reasons.push(format!("{} set aside", counted(totals.set_aside, "malformed record")));
        }
        return (Verdict::Quarantine, reasons);
    }
    (Verdict::Accept, Vec::new())
}

/// Whether a finding is a warning: it failed with `on_fail: warn`, is past an earlier limit, cannot tell, or had nothing to judge.
pub fn is_warning(status: Status, on_fail: OnFail, on_no_data: OnNoData) -> bool {
    match status {
        Status::Warn | Status::InsufficientEvidence => on_fail != OnFail::Info,
        Status::Fail => on_fail == OnFail::Warn,
        Status::NoData => on_no_data == OnNoData::Warn,
        Status::Pass | Status::Known => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(status: Status, on_fail: OnFail) -> Weighed {
        Weighed { id: "x".into(), status, on_fail, on_no_data: OnNoData::Stop, message: String::new() }
    }

    #[test]
    fn reject_beats_undecided_beats_quarantine_beats_accept() {
        let rejecting = finding(Status::Fail, OnFail::Reject);
        let blind = finding(Status::NoData, OnFail::Warn);
        let aside = finding(Status::Fail, OnFail::Quarantine);
        let none = Totals { considered: 10, set_aside: 0, reject_above: None };
        let some = Totals { set_aside: 3, ..none };
        assert_eq!(decide(&[blind.clone(), rejecting], some).0, Verdict::Reject);
        assert_eq!(decide(&[aside.clone(), blind], some).0, Verdict::Undecided);
        assert_eq!(decide(&[aside], some).0, Verdict::Quarantine);
        assert_eq!(decide(&[finding(Status::Fail, OnFail::Warn)], none).0, Verdict::Accept);
        let limit = "20%".parse().ok();
        assert_eq!(decide(&[], Totals { reject_above: limit, ..some }).0, Verdict::Reject);
    }
}
