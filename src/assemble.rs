//! From what an audit found to a report: the verdict, where every row goes, findings worst first.

use chrono::{DateTime, Utc};

use crate::audit::{Audited, AuditedSummaries};
use crate::diagnostic::Faults;
use crate::findings::Finding;
use crate::report::TableReport;
use crate::report::limits;
use crate::report::model::{Batch, BatchFile, Mode, Publication, PublicationState, Report, RowTotals, SCHEMA_VERSION, WouldPass, time};
use crate::ruleset::RuleFile;
use crate::shown::counted;
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
    let totals =
        Totals { considered: audited.considered(), set_aside, bad, reject_above, is_slice: audited.source.known().origins.are_events() };
    let (verdict, mut reasons) = verdict::decide(&findings, totals);
    reasons.extend(left_out(rules));
    let named = audited.source.known().origins.named();
    let files = named.into_iter().map(|(path, bytes)| BatchFile { path: path.to_owned(), bytes }).collect();
    let (format, version) = (audited.source.known().format_name().to_owned(), audited.source.known().table_version);
    findings.sort_by_key(Finding::rank);
    let mut report = Report {
        batch: Batch { id: header.batch_id.clone(), format, version, files, rules_digest: digest(rules) },
        verdict,
        reasons,
        rows: rows(audited, verdict, set_aside),
        would_pass: would_pass(audited, verdict, set_aside),
        findings,
        schema_changes: audited.schema_changes.clone(),
        columns: audited.columns.clone(),
        correlations: audited.correlations.clone(),
        candidate_keys: audited.candidate_keys.clone(),
        publication,
        ..empty(header, Some(rules))
    };
    debug_assert!(report.rows.is_conserved());
    limits::cut(&mut report);
    report
}

/// Writes up what the summaries of some batches tell, which lie at `place`.
pub fn assemble_summaries(header: Header, rules: &RuleFile, judged: &AuditedSummaries, place: &str) -> Report {
    let AuditedSummaries { audited, rows, unanswered } = judged;
    let mut findings: Vec<Finding> = audited.findings.iter().map(|f| f.finding.clone()).collect();
    // Which rows these are is not known: at least so many.
    let set_aside = findings.iter().filter(|f| f.sets_aside()).map(|f| f.failing_rows.clamp(1, (*rows).max(1))).max().unwrap_or(0);
    let set_aside = set_aside.min(*rows);
    let totals = Totals { considered: *rows, set_aside, bad: set_aside, reject_above: rules.sections.gate.reject_above, is_slice: false };
    let (verdict, mut reasons) = verdict::decide(&findings, totals);
    if *unanswered > 0 {
        let are = if *unanswered == 1 { "needs a scan, and was" } else { "need a scan, and were" };
        reasons.push(format!("{} {are} not judged", counted(*unanswered, "rule")));
    }
    reasons.extend(left_out(rules));
    findings.sort_by_key(Finding::rank);
    let all = RowTotals { read: *rows, ..RowTotals::default() };
    let mut report = Report {
        batch: Batch {
            id: header.batch_id.clone(),
            format: "summaries".to_owned(),
            version: None,
            files: vec![BatchFile { path: place.to_owned(), bytes: 0 }],
            rules_digest: digest(rules),
        },
        verdict,
        reasons,
        rows: match verdict {
            Verdict::Accept | Verdict::Quarantine => RowTotals { published: rows - set_aside, quarantined: set_aside, ..all },
            Verdict::Reject | Verdict::Undecided => RowTotals { rejected: *rows, ..all },
        },
        findings,
        schema_changes: audited.schema_changes.clone(),
        columns: audited.columns.clone(),
        ..empty(header, Some(rules))
    };
    debug_assert!(report.rows.is_conserved());
    limits::cut(&mut report);
    report
}

/// One of several tables that are judged as one.
pub struct TableVerdict<'a> {
    pub name: &'a str,
    /// The tables in which it looks for keys.
    pub parents: &'a [String],
    pub report: &'a mut Report,
}

/// Decides on tables that stand parents first: one that is rejected or undecided takes its children along, and where there is one,
/// nothing of any table is published. Gives whether all may pass.
pub fn decide_together(tables: &mut [TableVerdict<'_>]) -> bool {
    let passes = |report: &Report| matches!(report.verdict, Verdict::Accept | Verdict::Quarantine);
    let passed: Vec<bool> = tables.iter().map(|table| passes(table.report)).collect();
    for at in 0..tables.len() {
        let (before, rest) = tables.split_at_mut(at);
        let Some(TableVerdict { parents, report, .. }) = rest.first_mut() else { continue };
        for parent in before.iter().filter(|table| !passes(table.report) && parents.iter().any(|name| name == table.name)) {
            report.verdict = report.verdict.worse(parent.report.verdict);
            let verdict = parent.report.verdict.word();
            report.reasons.push(format!("its parents in `{}` do not come: that table is {verdict}", parent.name));
        }
    }
    let stopping = |table: &TableVerdict<'_>| format!("`{}` is {}", table.name, table.report.verdict.word());
    let stopping: Vec<String> = tables.iter().filter(|table| !passes(table.report)).map(stopping).collect();
    if stopping.is_empty() {
        return true;
    }
    for (table, passed) in tables.iter_mut().zip(passed).filter(|(_, passed)| *passed) {
        debug_assert!(passed);
        let report = &mut *table.report;
        if passes(report) {
            report.reasons.push(format!("nothing of it is published: {}", stopping.join(", ")));
        }
        let RowTotals { read, filtered, malformed, published, quarantined, .. } = report.rows;
        report.would_pass = Some(WouldPass { published, quarantined });
        report.rows = RowTotals { read, filtered, malformed, rejected: read - filtered, ..RowTotals::default() };
    }
    false
}

/// Writes up several tables that were judged as one: the worst verdict is that of all.
pub fn assemble_tables(header: Header, rules: &RuleFile, tables: Vec<TableReport>) -> Report {
    let reports = || tables.iter().map(|table| &table.report);
    let verdict = reports().fold(Verdict::Accept, |worst, report| worst.worse(report.verdict));
    let reason = |TableReport { name, report, .. }: &TableReport| {
        let is_of_finding = |why: &String| report.findings.iter().any(|finding| why.starts_with(&format!("{}: ", finding.id)));
        let said = |why: &String| if is_of_finding(why) { format!("{name}/{why}") } else { format!("{name}: {why}") };
        report.reasons.iter().map(said).collect::<Vec<_>>()
    };
    let mut rows = RowTotals::default();
    for RowTotals { read, published, quarantined, filtered, malformed, rejected, deletes, late } in reports().map(|report| report.rows) {
        rows.read += read;
        rows.published += published;
        rows.quarantined += quarantined;
        rows.filtered += filtered;
        rows.malformed += malformed;
        rows.rejected += rejected;
        rows.deletes += deletes;
        rows.late += late;
    }
    let would = |pass: fn(&WouldPass) -> u64| reports().filter_map(|report| report.would_pass.as_ref()).map(pass).sum();
    let would_pass = reports()
        .any(|report| report.would_pass.is_some())
        .then(|| WouldPass { published: would(|pass| pass.published), quarantined: would(|pass| pass.quarantined) });
    let states: Vec<&Publication> = reports().filter_map(|report| report.publication.as_ref()).collect();
    let state = |of: fn(&Publication) -> PublicationState| {
        // Where one table was there before, the others are what is new.
        states.iter().map(|done| of(done)).find(|state| *state != PublicationState::Unchanged).unwrap_or(PublicationState::Unchanged)
    };
    let publication = (!states.is_empty()).then(|| match state(|done| done.state) {
        PublicationState::DryRun => Publication::of_dry_run(state(|done| done.would_be.unwrap_or(PublicationState::DryRun))),
        other @ (PublicationState::Published
        | PublicationState::Unchanged
        | PublicationState::Superseded
        | PublicationState::SetAside
        | PublicationState::Withheld) => Publication::of_nothing(other),
    });
    let mut report =
        Report { verdict, reasons: tables.iter().flat_map(reason).collect(), rows, would_pass, publication, ..empty(header, Some(rules)) };
    report.tables = tables;
    debug_assert!(report.rows.is_conserved());
    limits::cut(&mut report);
    report
}

/// A report that nothing could be judged, and why.
pub fn faulty(header: Header, rules: Option<&RuleFile>, faults: &Faults) -> Report {
    let mut report = Report { faults: faults.0.clone(), ..empty(header, rules) };
    limits::cut(&mut report);
    report
}

fn empty(header: Header, rules: Option<&RuleFile>) -> Report {
    Report {
        schema_version: SCHEMA_VERSION.into(),
        sluicegate_version: env!("CARGO_PKG_VERSION").into(),
        mode: header.mode,
        dataset: rules.map(|r| r.sections.dataset.clone()).unwrap_or_default(),
        description: rules.and_then(|r| r.sections.description.clone()),
        owner: rules.and_then(|r| r.sections.owner.clone()),
        tags: rules.and_then(|r| r.sections.tags.as_ref()).map(|tags| tags.0.clone()).unwrap_or_default(),
        runbook: rules.and_then(|r| r.sections.runbook.clone()),
        batch: Batch { id: header.batch_id, rules_digest: rules.map(digest).unwrap_or_default(), ..Batch::default() },
        began: header.began.map(time),
        as_of: header.as_of,
        verdict: Verdict::Undecided,
        reasons: Vec::new(),
        faults: Vec::new(),
        rows: RowTotals::default(),
        would_pass: None,
        findings: Vec::new(),
        schema_changes: Vec::new(),
        columns: Vec::new(),
        publication: None,
        release: None,
        history: None,
        stream: None,
        correlations: None,
        candidate_keys: None,
        tables: Vec::new(),
        left_out: rules.map(|r| r.left_out.clone()).unwrap_or_default(),
    }
}

/// That rules were left out, if some were: what they would have found is not known.
fn left_out(rules: &RuleFile) -> Option<String> {
    const NAMED: usize = 5;
    let names = &rules.left_out;
    let more = names.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!(" and {more} more")).unwrap_or_default();
    let named: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let were = if names.len() == 1 { "was" } else { "were" };
    (!names.is_empty()).then(|| format!("{} {were} left out by `--only`: {}{more}", counted(names.len() as u64, "rule"), named.join(", ")))
}

fn digest(rules: &RuleFile) -> String {
    format!("{:032x}", rules.digest)
}

/// Where the rows go of a batch that is published, of which `set_aside` are not.
pub fn passing(audited: &Audited, set_aside: u64) -> RowTotals {
    let (read, filtered, malformed) = (audited.row_origins.records(), audited.filtered, audited.malformed);
    let published = read - filtered - set_aside;
    RowTotals { read, published, quarantined: set_aside, filtered, malformed, ..RowTotals::default() }
}

fn rows(audited: &Audited, verdict: Verdict, set_aside: u64) -> RowTotals {
    let (read, filtered, malformed) = (audited.row_origins.records(), audited.filtered, audited.malformed);
    match verdict {
        Verdict::Accept | Verdict::Quarantine => passing(audited, set_aside),
        Verdict::Reject | Verdict::Undecided => {
            RowTotals { read, published: 0, quarantined: 0, filtered, malformed, rejected: read - filtered, ..RowTotals::default() }
        }
    }
}

/// Of a rejected batch, where its rows would have gone.
fn would_pass(audited: &Audited, verdict: Verdict, set_aside: u64) -> Option<WouldPass> {
    match verdict {
        Verdict::Reject => Some(WouldPass { published: audited.considered() - set_aside, quarantined: set_aside }),
        Verdict::Accept | Verdict::Quarantine | Verdict::Undecided => None,
    }
}
