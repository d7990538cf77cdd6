//! Whether there is something to tell: the state of a data set is how its last recorded run came out.

use crate::findings::Severity;
use crate::report::Report;
use crate::report::since::{Change, FindingSince, Since};
use crate::verdict::Verdict;

/// What a run is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Before {
    /// Runs are not recorded: every run that does not pass is news.
    Unknown,
    /// No run was recorded yet.
    Nothing,
    /// The very same run was recorded before.
    Repeated,
    /// The last run, and what has changed since.
    Run(Box<Report>, Since),
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// Findings that changed, and how; the worst first.
    pub changes: Vec<(String, Change)>,
    /// The verdict of the run before, if one is known.
    pub before: Option<Verdict>,
    /// Whether the run before could not be judged, and this one could.
    pub is_judged_again: bool,
}

/// What there is to tell of a run; none if nothing has changed.
pub fn news(report: &Report, before: &Before) -> Option<News> {
    let failing = || {
        let weighs = |f: &&crate::findings::Finding| matters(f.severity) && is_problem(f);
        report.findings.iter().filter(weighs).map(|f| (f.id.clone(), Change::New)).collect::<Vec<_>>()
    };
    let passes = report.faults.is_empty() && report.verdict == Verdict::Accept;
    match before {
        Before::Repeated => None,
        Before::Unknown | Before::Nothing if passes => None,
        Before::Unknown | Before::Nothing => Some(News { changes: failing(), before: None, is_judged_again: false }),
        Before::Run(last, since) => {
            let told = |changes, is_judged_again| Some(News { changes, before: Some(last.verdict), is_judged_again });
            match (last.faults.is_empty(), report.faults.is_empty()) {
                (true, false) => told(Vec::new(), false),
                (false, false) => (codes(last) != codes(report)).then(|| told(Vec::new(), false)).flatten(),
                (false, true) => told(failing(), true),
                (true, true) => {
                    let changes: Vec<_> = since.findings.iter().filter(|f| is_news(f)).map(|f| (f.id.clone(), f.change)).collect();
                    let is_other = last.verdict != report.verdict;
                    (is_other || !changes.is_empty()).then(|| told(changes, false)).flatten()
                }
            }
        }
    }
}

fn matters(severity: Severity) -> bool {
    match severity {
        Severity::Error | Severity::Warning => true,
        Severity::Info => false,
    }
}

fn is_problem(finding: &crate::findings::Finding) -> bool {
    use crate::findings::Outcome;
    match finding.outcome {
        Outcome::Fail | Outcome::Warn | Outcome::NoData | Outcome::InsufficientEvidence => !finding.warming_up,
        Outcome::Pass | Outcome::Known | Outcome::NotJudged => false,
    }
}

/// New, worse or recovered. What is better, or gone, or as it was, is no news.
fn is_news(finding: &FindingSince) -> bool {
    let weighs = |standing: &Option<crate::report::since::Standing>| standing.as_ref().is_some_and(|s| matters(s.severity));
    match finding.change {
        Change::New | Change::Worse => weighs(&finding.now),
        Change::Recovered => weighs(&finding.then),
        Change::Unchanged | Change::Better | Change::Gone => false,
    }
}

fn codes(report: &Report) -> Vec<crate::diagnostic::Code> {
    report.faults.iter().map(|fault| fault.code).collect()
}
