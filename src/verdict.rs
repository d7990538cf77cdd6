//! From findings and policy to a verdict. Pure: no data, no clock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::findings::{Finding, OnFail, Outcome};
use crate::rules::words::Tolerance;
use crate::shown::{count, counted, percent, percent_by};

/// What is to become of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl Verdict {
    /// The worse of two: what is rejected is so whatever else could not be judged.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |verdict: Self| match verdict {
            Self::Accept => 0,
            Self::Quarantine => 1,
            Self::Undecided => 2,
            Self::Reject => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// What it makes of a batch, in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Quarantine => "published in part",
            Self::Reject => "rejected",
            Self::Undecided => "undecided",
        }
    }
}

/// More bad rows than this reject a batch whose rule file says nothing else: when most rows are bad, the batch is.
pub const REJECT_ABOVE: &str = "50% and 20 rows";

/// What the verdict rests on beside the findings.
#[derive(Debug, Clone, Copy)]
pub struct Totals {
    /// Rows read, less those `clean` dropped.
    pub considered: u64,
    /// Rows set aside, malformed records included.
    pub set_aside: u64,
    /// Of these, all but rows that are only published already.
    pub bad: u64,
    /// More bad rows than this reject the batch; [`REJECT_ABOVE`] if none is given.
    pub reject_above: Option<Tolerance>,
    /// Whether the batch is a slice of a stream, cut where it came to be: that none of its few rows is left says nothing then.
    pub is_slice: bool,
}

impl Totals {
    /// Whether a slice of a stream has no row that could pass without being judged.
    fn leaves_nothing_of_a_slice(self) -> bool {
        self.is_slice && self.considered > 0 && self.set_aside == self.considered
    }

    /// Why the rows set aside reject the batch, if they do.
    fn rejects(self, findings: &[Finding]) -> Option<String> {
        let Self { considered, bad, reject_above, is_slice, .. } = self;
        let limit = reject_above.or_else(|| REJECT_ABOVE.parse().ok())?;
        if considered > 0 && bad == considered && !is_slice {
            return Some(format!("no row is left to be published: {}", causes(findings, considered)));
        }
        limit.is_fully_exceeded_by(bad, considered).then(|| {
            let of = counted(considered, "row");
            let share = percent_by(bad, considered, |part, whole| limit.share.is_some_and(|share| share.is_exceeded_by(part, whole)));
            let limit =
                if reject_above.is_some() { format!("`reject_above: {limit}`") } else { format!("the default `reject_above: {limit}`") };
            format!("{} of {of} ({share}) would be set aside, more than {limit} allows: {}", count(bad), causes(findings, considered))
        })
    }
}

/// Which findings set aside how many of the rows, the most first.
fn causes(findings: &[Finding], considered: u64) -> String {
    const SHOWN_MAX: usize = 3;
    let mut causes: Vec<&Finding> = findings.iter().filter(|f| f.sets_aside()).collect();
    causes.sort_by_key(|f| std::cmp::Reverse(f.failing_rows));
    let share = |f: &Finding| percent(f.failing_rows.min(considered), considered);
    let shares: Vec<String> = causes.iter().take(SHOWN_MAX).map(|f| format!("{} of rows fail `{}`", share(f), f.id)).collect();
    match (shares.is_empty(), causes.len() > SHOWN_MAX) {
        // Tolerated or not, a record that cannot be read cannot be published.
        (true, _) => "they are malformed records".to_owned(),
        (false, true) => format!("{}, …", shares.join(", ")),
        (false, false) => shares.join(", "),
    }
}

/// Why a finding leaves the batch undecided and, where a rule of the file makes it, how it would only warn.
fn undecided(finding: &Finding) -> String {
    let advice = match &finding.place {
        Some(place) if finding.code.as_str() == finding.rule => {
            format!(" (rule `{}` at {place}; `on_no_data: warn` there makes this a warning)", finding.rule)
        }
        Some(_) | None => String::new(),
    };
    format!("{}: {}{advice}", finding.id, finding.message)
}

/// Which rules have nothing to compare with yet.
fn warming_up(findings: &[Finding]) -> Option<String> {
    const SHOWN_MAX: usize = 3;
    let ids: Vec<&str> = findings.iter().filter(|f| f.warming_up).map(|f| f.id.as_str()).collect();
    let more = if ids.len() > SHOWN_MAX { ", …" } else { "" };
    let shown = ids.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
    (!ids.is_empty()).then(|| format!("warming up, not judged yet: {shown}{more}"))
}

/// The verdict, and why in a sentence each.
pub fn decide(findings: &[Finding], totals: Totals) -> (Verdict, Vec<String>) {
    let mut rejects: Vec<String> = findings
        .iter()
        .filter(|f| f.outcome == Outcome::Fail && f.on_fail == OnFail::Reject)
        .map(|f| format!("{}: {}", f.id, f.message))
        .collect();
    rejects.extend(totals.rejects(findings));
    if !rejects.is_empty() {
        return (Verdict::Reject, rejects);
    }
    let undecided: Vec<String> = findings.iter().filter(|f| f.stops()).map(undecided).collect();
    if !undecided.is_empty() && !totals.leaves_nothing_of_a_slice() {
        return (Verdict::Undecided, undecided);
    }
    if totals.set_aside > 0 {
        let failed = findings.iter().filter(|f| f.sets_aside());
        let mut reasons: Vec<String> = failed.map(|f| format!("{}: {}", f.id, f.message)).collect();
        if reasons.is_empty() {
            // Tolerated or not, a record that cannot be read cannot be published.
            reasons.push(format!("{} set aside", counted(totals.set_aside, "malformed record")));
        }
        reasons.extend(warming_up(findings));
        return (Verdict::Quarantine, reasons);
    }
    (Verdict::Accept, warming_up(findings).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::OnNoData;

    fn finding(outcome: Outcome, on_fail: OnFail) -> Finding {
        Finding { id: "x".into(), outcome, on_fail, ..Finding::default() }.weighed(OnNoData::Stop)
    }

    #[test]
    fn reject_beats_undecided_beats_quarantine_beats_accept() {
        let rejecting = finding(Outcome::Fail, OnFail::Reject);
        let blind = finding(Outcome::NoData, OnFail::Warn);
        let aside = finding(Outcome::Fail, OnFail::Quarantine);
        let none = Totals { considered: 10, set_aside: 0, bad: 0, reject_above: None, is_slice: false };
        let some = Totals { set_aside: 3, bad: 3, ..none };
        assert_eq!(decide(&[blind.clone(), rejecting], some).0, Verdict::Reject);
        assert_eq!(decide(&[aside.clone(), blind], some).0, Verdict::Undecided);
        assert_eq!(decide(&[aside], some).0, Verdict::Quarantine);
        assert_eq!(decide(&[finding(Outcome::Fail, OnFail::Warn)], none).0, Verdict::Accept);
        let limit = "20%".parse().ok();
        assert_eq!(decide(&[], Totals { reject_above: limit, ..some }).0, Verdict::Reject);
    }

    #[test]
    fn an_undecided_batch_names_the_rule_and_how_it_would_only_warn() {
        let totals = Totals { considered: 10, set_aside: 0, bad: 0, reject_above: None, is_slice: false };
        let of_rule = Finding {
            rule: "range".into(),
            code: crate::findings::FindingCode::new("range"),
            place: Some(crate::diagnostic::Place { file: "r.yaml".into(), line: 4, column: 5, end_line: 4, end_column: 9 }),
            message: "no rows in scope".into(),
            ..finding(Outcome::NoData, OnFail::Reject)
        };
        let builtin = Finding { rule: "rows".into(), place: None, ..of_rule.clone() };
        let (verdict, reasons) = decide(&[of_rule, builtin], totals);
        assert_eq!(verdict, Verdict::Undecided);
        let advice = "(rule `range` at r.yaml:4:5; `on_no_data: warn` there makes this a warning)";
        assert_eq!(reasons, [format!("x: no rows in scope {advice}"), "x: no rows in scope".to_owned()]);
    }

    #[test]
    fn when_most_rows_are_bad_the_batch_is() {
        let of = |considered, set_aside, bad, limit: Option<&str>| {
            let aside = Finding { failing_rows: set_aside, ..finding(Outcome::Fail, OnFail::Quarantine) };
            let reject_above = limit.map(|limit| limit.parse().expect("a limit"));
            decide(&[aside], Totals { considered, set_aside, bad, reject_above, is_slice: false }).0
        };
        // Half, and twenty, are not more than that.
        for (considered, set_aside, verdict) in [
            (100, 50, Verdict::Quarantine),
            (100, 51, Verdict::Reject),
            (39, 20, Verdict::Quarantine),
            (40, 21, Verdict::Reject),
            (2, 1, Verdict::Quarantine),
            (2, 2, Verdict::Reject),
        ] {
            assert_eq!(of(considered, set_aside, set_aside, None), verdict, "{set_aside} of {considered}");
        }
        assert_eq!(of(100, 99, 99, Some("100%")), Verdict::Quarantine, "the limit is off");
        assert_eq!(of(100, 100, 100, Some("100%")), Verdict::Reject, "nothing is left, whatever the limit");
        // Rows that are published already are no bad ones.
        assert_eq!(of(100, 90, 10, None), Verdict::Quarantine);
        assert_eq!(of(100, 100, 0, None), Verdict::Quarantine);
        assert_eq!(of(100, 100, 20, None), Verdict::Quarantine);
    }
}
