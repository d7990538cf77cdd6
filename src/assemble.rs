//! From what an audit found to a report: the verdict, where every row goes, findings worst first.

use chrono::{DateTime, Utc};

use crate::audit::Audited;
use crate::diagnostic::Faults;
use crate::findings::{Finding, Outcome};
use crate::report::model::{Batch, BatchFile, Mode, Publication, Report, RowTotals, SCHEMA_VERSION, time};
use crate::ruleset::RuleFile;
use crate::verdict::{self, Totals, Verdict};

/// What stands at the head of a report.
#[derive(Debug, Clone)]
pub struct Header {
    pub mode: Mode,
    pub batch_id: String,
    /// When the run began, if that is known.
    pub began: Option<DateTime<Utc>>,
    /// The time that ages are measured against, if it was set.
    pub as_of: Option<String>,
}

/// Writes up an audit. `set_aside` is how many rows must not be published.
pub fn assemble(header: Header, rules: &RuleFile, audited: &Audited, set_aside: u64, publication: Option<Publication>) -> Report {
    let mut findings: Vec<Finding> = audited.findings.iter().map(|f| f.finding.clone()).collect();
    let reject_above = rules.sections.gate.reject_above;
    let all_bad = audited.findings.iter().all(|f| f.published.is_empty());
    let bad = if all_bad { set_aside } else { audited.bad_rows() };
    let totals = Totals { considered: audited.considered(), set_aside, bad, reject_above };
    let (verdict, reasons) = verdict::decide(&findings, totals);
    let files = audited.source.known().files().iter().map(|f| BatchFile { path: f.path.clone(), bytes: f.stored_bytes }).collect();
    let format = audited.source.known().format_name().to_owned();
    findings.sort_by_key(|f| (rank(f.outcome), f.severity as u8));
    let report = Report {
        batch: Batch { id: header.batch_id.clone(), format, files, rules_digest: digest(rules) },
        verdict,
        reasons,
        rows: rows(audited, verdict, set_aside),
        findings,
        schema_changes: audited.schema_changes.clone(),
        columns: audited.columns.clone(),
        publication,
        ..empty(header, Some(rules))
    };
    debug_assert!(report.rows.is_conserved());
    report
}

/// A report that nothing could be judged, and why.
pub fn faulty(header: Header, rules: Option<&RuleFile>, faults: &Faults) -> Report {
    Report { faults: faults.0.clone(), ..empty(header, rules) }
}

fn empty(header: Header, rules: Option<&RuleFile>) -> Report {
    Report {
        schema_version: SCHEMA_VERSION.into(),
        sluicegate_version: env!("CARGO_PKG_VERSION").into(),
        mode: header.mode,
        dataset: rules.map(|r| r.sections.dataset.clone()).unwrap_or_default(),
        description: rules.and_then(|r| r.sections.description.clone()),
        owner: rules.and_then(|r| r.sections.owner.clone()),
        batch: Batch { id: header.batch_id, rules_digest: rules.map(digest).unwrap_or_default(), ..Batch::default() },
        began: header.began.map(time),
        as_of: header.as_of,
        verdict: Verdict::Undecided,
        reasons: Vec::new(),
        faults: Vec::new(),
        rows: RowTotals::default(),
        findings: Vec::new(),
        schema_changes: Vec::new(),
        columns: Vec::new(),
        publication: None,
    }
}

fn digest(rules: &RuleFile) -> String {
    format!("{:032x}", rules.digest)
}

fn rows(audited: &Audited, verdict: Verdict, set_aside: u64) -> RowTotals {
    let (read, filtered, malformed) = (audited.row_origins.records(), audited.filtered, audited.malformed);
    match verdict {
        Verdict::Accept | Verdict::Quarantine => {
            let published = read - filtered - set_aside;
            RowTotals { read, published, quarantined: set_aside, filtered, malformed, rejected: 0 }
        }
        Verdict::Reject | Verdict::Undecided => {
            RowTotals { read, published: 0, quarantined: 0, filtered, malformed, rejected: read - filtered }
        }
    }
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fail => 0,
        Outcome::NoData => 1,
        Outcome::InsufficientEvidence => 2,
        Outcome::Warn => 3,
        Outcome::NotJudged => 4,
        Outcome::Known => 5,
        Outcome::Pass => 6,
    }
}
