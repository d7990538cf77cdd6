//! Figures of a run as text for a collector of metrics: OpenMetrics, of which all that is used here is also Prometheus's own
//! text format. Names and numbers, no values of data.
//!
//! [`Exposition`] is the one writer of that text; long runs serve theirs with it too. A run is told in gauges: it is the last one
//! of its data set, and the file of the next run takes the place of its file. So nothing adds up here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Arguments, Display, Write};

use chrono::DateTime;
use xxhash_rust::xxh3::xxh3_64;

use super::Report;
use super::model::RowTotals;
use crate::findings::{Finding, Severity};
use crate::verdict::Verdict;
use crate::visible;

/// So many findings have a line of their own, the worst ones.
const FINDINGS_MAX: usize = 1_000;

/// So many characters of a name stand in a label; what is longer ends in a digest.
const LABEL_MAX: usize = 200;

/// What becomes of rows; all but the first add up to it.
pub(crate) fn fates(rows: &RowTotals) -> [(&'static str, u64); 7] {
    [
        ("read", rows.read),
        ("published", rows.published),
        ("quarantined", rows.quarantined),
        ("filtered", rows.filtered),
        ("rejected", rows.rejected),
        ("deletes", rows.deletes),
        ("late", rows.late),
    ]
}

/// The run as a collector reads it.
pub(super) fn render(report: &Report) -> String {
    let dataset = ("dataset", report.dataset.as_str());
    let mut out = Exposition::default();
    out.family("sluicegate_last_batch_verdict", "gauge", "1 for the verdict on the last batch, 0 for the others.");
    for verdict in [Verdict::Accept, Verdict::Quarantine, Verdict::Reject, Verdict::Undecided] {
        out.sample("sluicegate_last_batch_verdict", &[dataset, ("verdict", &word(&verdict))], u8::from(report.verdict == verdict));
    }
    rows_of(&mut out, report, dataset);
    findings_of(&mut out, report, dataset);
    if let Some(at) = report.began.as_ref().and_then(|began| DateTime::parse_from_rfc3339(began).ok()) {
        out.family("sluicegate_last_batch_timestamp_seconds", "gauge", "When the last batch was judged.");
        let (seconds, milliseconds) = (at.timestamp(), at.timestamp_subsec_millis());
        out.sample("sluicegate_last_batch_timestamp_seconds", &[dataset], format_args!("{seconds}.{milliseconds:03}"));
    }
    out.end()
}

fn rows_of(out: &mut Exposition, report: &Report, dataset: (&str, &str)) {
    let [(_, read), fates @ ..] = fates(&report.rows);
    out.family("sluicegate_last_batch_rows_read", "gauge", "Rows of the last batch that were read.");
    out.sample("sluicegate_last_batch_rows_read", &[dataset], read);
    out.family("sluicegate_last_batch_rows", "gauge", "Rows of the last batch by what became of them; together those that were read.");
    for (fate, count) in fates {
        out.sample("sluicegate_last_batch_rows", &[dataset, ("fate", fate)], count);
    }
    out.family("sluicegate_last_batch_rows_malformed", "gauge", "Records of the last batch that could not be read.");
    out.sample("sluicegate_last_batch_rows_malformed", &[dataset], report.rows.malformed);
}

fn findings_of(out: &mut Exposition, report: &Report, dataset: (&str, &str)) {
    let mut by_severity: BTreeMap<&str, u64> = [Severity::Error, Severity::Warning, Severity::Info].map(|of| (severity(of), 0)).into();
    for finding in report.findings.iter().filter(|finding| finding.is_problem()) {
        *by_severity.entry(severity(finding.severity)).or_default() += 1;
    }
    out.family("sluicegate_last_batch_findings", "gauge", "Findings of the last batch that did not pass, by severity.");
    for (severity, count) in by_severity {
        out.sample("sluicegate_last_batch_findings", &[dataset, ("severity", severity)], count);
    }
    out.family("sluicegate_last_batch_faults", "gauge", "Reasons why the last batch could not be judged.");
    out.sample("sluicegate_last_batch_faults", &[dataset], report.faults.len());

    // One line each, be the report what it may: a collector refuses a file that says a thing twice.
    let mut seen = BTreeSet::new();
    let listed: Vec<&Finding> = report.findings.iter().filter(|finding| seen.insert(finding.id.as_str())).take(FINDINGS_MAX).collect();
    let labels = |finding: &Finding| [finding.rule.clone(), finding.id.clone(), severity(finding.severity).to_owned()];
    out.family("sluicegate_last_batch_failing_rows", "gauge", "Rows of the last batch that failed, by rule.");
    for finding in &listed {
        let [rule, id, severity] = labels(finding);
        let labels = [dataset, ("rule", &rule), ("id", &id), ("severity", &severity)];
        out.sample("sluicegate_last_batch_failing_rows", &labels, finding.failing_rows);
    }
    out.family("sluicegate_last_batch_finding_failed", "gauge", "1 for a finding of the last batch that did not pass.");
    for finding in &listed {
        let [rule, id, severity] = labels(finding);
        let labels = [dataset, ("rule", &rule), ("id", &id), ("severity", &severity)];
        out.sample("sluicegate_last_batch_finding_failed", &labels, u8::from(finding.is_problem()));
    }
    out.family("sluicegate_last_batch_findings_left_out", "gauge", "Findings of the last batch without lines of their own here.");
    out.sample("sluicegate_last_batch_findings_left_out", &[dataset], report.findings.len() - listed.len());
}

fn severity(of: Severity) -> &'static str {
    match of {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// A word as reports write it.
pub(crate) fn word(of: &impl serde::Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Text that is being written for a collector of metrics.
#[derive(Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    /// Begins the samples of a name.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# TYPE {name} {kind}\n# HELP {name} {help}"));
    }

    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value))).collect();
        self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }

    /// The whole text.
    pub(crate) fn end(self) -> String {
        self.0 + "# EOF\n"
    }

    fn line(&mut self, text: Arguments<'_>) {
        writeln!(self.0, "{text}").expect("a string takes all text");
    }
}

/// The value of a label: one that is too long is cut, and still differs from all others.
fn label(text: &str) -> String {
    let shown = match text.char_indices().nth(LABEL_MAX) {
        None => visible::page(text),
        Some((end, _)) => format!("{}~{:016x}", visible::page(&text[..end]), xxh3_64(text.as_bytes())).into(),
    };
    shown.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
