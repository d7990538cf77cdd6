//! From what an audit found to a report: the verdict, where every row goes, findings worst first.

use crate::audit::{Audited, FindingResult};
use crate::diagnostic::Faults;
use crate::report::model::{Batch, BatchFile, Finding, Mode, Publication, Report, RowTotals, SCHEMA_VERSION, Severity};
use crate::rules::Status;
use crate::rules::words::{OnFail, OnNoData};
use crate::ruleset::RuleFile;
use crate::verdict::{self, Totals, Verdict, Weighed};

/// What stands at the head of a report.
#[derive(Debug, Clone)]
pub struct Header {
    pub mode: Mode,
    pub batch_id: String,
    /// The run's clock, if it was set.
    pub as_of: Option<String>,
}

/// Writes up an audit. `set_aside` is how many rows must not be published.
pub fn assemble(header: Header, rules: &RuleFile, audited: &Audited, set_aside: u64, publication: Option<Publication>) -> Report {
    let weighed: Vec<Weighed> = audited.findings.iter().map(weigh).collect();
    let reject_above = rules.sections.gate.reject_above;
    let all_bad = audited.findings.iter().all(|f| f.published.is_empty());
    let bad = if all_bad { set_aside } else { audited.bad_rows() };
    let totals = Totals { considered: audited.considered(), set_aside, bad, reject_above };
    let (verdict, reasons) = verdict::decide(&weighed, totals);
    let files = audited.source.known().files().iter().map(|f| BatchFile { path: f.path.clone(), bytes: f.stored_bytes }).collect();
    let format = audited.source.known().format_name().to_owned();
    let mut findings: Vec<Finding> = audited.findings.iter().map(finding).collect();
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
        has_warnings: weighed.iter().any(|f| verdict::is_warning(f.status, f.on_fail, f.on_no_data)),
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
        as_of: header.as_of,
        verdict: Verdict::Undecided,
        reasons: Vec::new(),
        faults: Vec::new(),
        rows: RowTotals::default(),
        findings: Vec::new(),
        schema_changes: Vec::new(),
        columns: Vec::new(),
        publication: None,
        has_warnings: false,
    }
}

fn digest(rules: &RuleFile) -> String {
    format!("{:032x}", rules.digest)
}

fn weigh(f: &FindingResult) -> Weighed {
    let FindingResult { id, status, on_fail, on_no_data, failing, message, .. } = f.clone();
    Weighed { id, status, on_fail, on_no_data, failing_rows: failing, message }
}

fn rows(audited: &Audited, verdict: Verdict, set_aside: u64) -> RowTotals {
    let (read, filtered, malformed) = (audited.places.records(), audited.filtered, audited.malformed);
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

fn rank(outcome: Status) -> u8 {
    match outcome {
        Status::Fail => 0,
        Status::NoData => 1,
        Status::InsufficientEvidence => 2,
        Status::Warn => 3,
        Status::Known => 4,
        Status::Pass => 5,
    }
}

fn finding(f: &FindingResult) -> Finding {
    let severity = match (f.status, f.on_fail) {
        (Status::NoData, _) => match f.on_no_data {
            OnNoData::Stop => Severity::Error,
            OnNoData::Warn => Severity::Warning,
            OnNoData::Pass => Severity::Info,
        },
        (_, OnFail::Reject | OnFail::Quarantine) => Severity::Error,
        (_, OnFail::Warn) => Severity::Warning,
        (_, OnFail::Info) => Severity::Info,
    };
    Finding {
        id: f.id.clone(),
        rule: f.rule.to_owned(),
        columns: f.columns.clone(),
        description: f.words.description.clone(),
        owner: f.words.owner.clone(),
        tags: f.words.tags.clone().unwrap_or_default().0,
        runbook: f.words.runbook.clone(),
        on_fail: f.on_fail,
        severity,
        outcome: f.status,
        observed: f.observed.clone(),
        limit: f.limit.clone(),
        unit: f.unit.to_owned(),
        failing_rows: f.failing,
        known_rows: f.known,
        evidence: f.evidence,
        message: f.message.clone(),
        figures: f.figures.clone(),
        groups: f.groups.clone(),
        samples: f.samples.clone(),
    }
}
