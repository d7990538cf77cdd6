//! The report as text for a terminal.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value as Json;

use crate::shown::{count, counted, minute, short};
use crate::visible::{self, MESSAGE_MAX, NAME_MAX};

use super::model::{Mode, Publication, PublicationState, Report};
use crate::diagnostic::Fault;
use crate::findings::{Finding, Outcome, Sample, Severity, Value};
use crate::verdict::Verdict;

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub colour: bool,
    /// Characters a line.
    pub width: u16,
    /// Also what passed, the columns, and all samples.
    pub verbose: bool,
}

const SAMPLES_SHOWN: usize = 3;

/// Renders `report`.
pub fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(headline(report, style));
    if matches!(report.verdict, Verdict::Reject | Verdict::Undecided) {
        report.reasons.iter().for_each(|reason| line(format!("  {} {}", style.paint("✗", RED), visible::cut(reason, MESSAGE_MAX))));
    }
    for fault in &report.faults {
        line(format!("  {} {}", style.paint("✗", RED), self::fault(fault)));
    }
    if report.faults.is_empty() {
        line(format!("  {}", rows(report)));
        if !report.batch.id.is_empty() {
            line(format!("  batch {}", visible::line(&report.batch.id)));
        }
    }
    if let Some(publication) = &report.publication {
        publication_lines(publication).into_iter().for_each(&mut line);
    }
    let (told, passed): (Vec<&Finding>, Vec<&Finding>) = report.findings.iter().partition(|f| f.outcome != Outcome::Pass);
    let shown: Vec<&Finding> = if style.verbose { told.iter().chain(&passed).copied().collect() } else { told };
    if !shown.is_empty() {
        line(String::new());
        findings_table(&shown, style).lines().for_each(|l| line(l.to_owned()));
    }
    for finding in shown.iter().filter(|f| !f.samples.is_empty()) {
        line(String::new());
        line(format!("  {}", style.paint(&visible::cut(&finding.id, NAME_MAX), BOLD)));
        let most = if style.verbose { usize::MAX } else { SAMPLES_SHOWN };
        finding.samples.iter().take(most).for_each(|s| line(format!("    {}", sample(s))));
        let more = finding.failing_rows.saturating_sub(finding.samples.len().min(most) as u64);
        if more > 0 {
            line(format!("    … {} more", count(more)));
        }
    }
    if !style.verbose && !passed.is_empty() {
        line(String::new());
        let verb = if passed.len() == 1 { "finding passes" } else { "findings pass" };
        line(format!("  {} {} more {verb} (-v shows them)", style.paint("✓", GREEN), passed.len()));
    }
    if style.verbose && !report.columns.is_empty() {
        line(String::new());
        columns_table(report, style).lines().for_each(|l| line(l.to_owned()));
    }
    out
}

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const BOLD: &str = "1";

/// What a terminal is told of colours, and nothing else.
pub const COLOURS: [&str; 8] = ["0", BOLD, RED, GREEN, YELLOW, "1;31", "1;32", "1;33"];

impl Style {
    fn paint(self, text: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn headline(report: &Report, style: Style) -> String {
    let (word, code) = match report.verdict {
        Verdict::Accept => ("ACCEPT", GREEN),
        Verdict::Quarantine => ("QUARANTINE", YELLOW),
        Verdict::Reject => ("REJECT", RED),
        Verdict::Undecided => ("UNDECIDED", RED),
    };
    let mode = match (report.mode, &report.began) {
        (Mode::Check, None) => "check".to_owned(),
        (Mode::Gate, None) => "gate".to_owned(),
        (Mode::DryRun, None) => "gate, dry run".to_owned(),
        (Mode::Check, Some(began)) => format!("checked {}", minute(began)),
        (Mode::Gate, Some(began)) => format!("gated {}", minute(began)),
        (Mode::DryRun, Some(began)) => format!("gate, dry run {}", minute(began)),
    };
    let dataset = if report.dataset.is_empty() { "?".into() } else { visible::cut(&report.dataset, NAME_MAX) };
    let mode = visible::cut(&mode, NAME_MAX);
    format!("{}  {dataset} ({mode})", style.paint(word, &format!("1;{code}")))
}

fn rows(report: &Report) -> String {
    let r = &report.rows;
    let parts = [(r.published, "published"), (r.quarantined, "quarantined"), (r.filtered, "filtered"), (r.rejected, "rejected")];
    let parts: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(n))).collect();
    let malformed = if r.malformed > 0 { format!(" ({} malformed)", count(r.malformed)) } else { String::new() };
    match parts.is_empty() {
        true => "no rows read".to_owned(),
        false => format!("{} rows read = {}{malformed}", count(r.read), parts.join(" + ")),
    }
}

fn publication_lines(publication: &Publication) -> Vec<String> {
    let place = visible::line(publication.published.as_deref().unwrap_or_default());
    let mut lines = match (publication.state, publication.would_be) {
        (PublicationState::Published, _) => vec![format!("  published to {place}")],
        (PublicationState::Unchanged, _) => vec![format!("  already published, nothing changed: {place}")],
        (PublicationState::Superseded, _) => vec![format!("  superseded: {place}")],
        (PublicationState::Withheld, _) => vec!["  nothing was published".into()],
        (PublicationState::DryRun, would_be) => {
            let would = match would_be {
                Some(PublicationState::Published) => format!("; would be published to {place}"),
                Some(PublicationState::Superseded) => format!("; would take the place of what is published as this batch in {place}"),
                Some(PublicationState::Unchanged) => "; the batch is published already, and nothing would change".to_owned(),
                Some(PublicationState::Withheld) => "; nothing would be published".to_owned(),
                Some(PublicationState::DryRun) | None => String::new(),
            };
            vec![format!("  a dry run: nothing was written{would}")]
        }
    };
    let would = if publication.state == PublicationState::DryRun { "would go " } else { "" };
    if publication.replaced_rows > 0 {
        lines.push(format!("  {would}in place of {} of other batches", counted(publication.replaced_rows, "row")));
    }
    if let Some(batch) = &publication.replaced_batch {
        lines.push(format!("  {would}in place of batch {}, which the file held until now", visible::line(batch)));
    }
    lines.extend(publication.quarantined.iter().map(|path| format!("  quarantined in {}", visible::line(path))));
    lines.extend(publication.warnings.iter().map(|warning| format!("  warning: {}", visible::cut(warning, MESSAGE_MAX))));
    lines
}

fn findings_table(findings: &[&Finding], style: Style) -> String {
    let mut table = table(style);
    table.set_header(["", "finding", "what was found", "then"]);
    for f in findings {
        let (mark, code) = match f.outcome {
            Outcome::Pass | Outcome::Known => ("✓", GREEN),
            Outcome::NotJudged => ("·", GREEN),
            Outcome::Warn | Outcome::InsufficientEvidence => ("!", YELLOW),
            Outcome::Fail if matches!(f.severity, Severity::Warning | Severity::Info) => ("!", YELLOW),
            Outcome::NoData => ("?", RED),
            Outcome::Fail => ("✗", RED),
        };
        let then = match f.outcome {
            Outcome::Pass => "pass".to_owned(),
            Outcome::Known => "known".to_owned(),
            Outcome::NotJudged => "not judged".to_owned(),
            Outcome::NoData => "no data".to_owned(),
            Outcome::InsufficientEvidence => "cannot tell".to_owned(),
            Outcome::Warn => "warn".to_owned(),
            Outcome::Fail => f.on_fail.to_string(),
        };
        let (id, message) = (visible::cut(&f.id, NAME_MAX), visible::cut(&f.message.to_string(), MESSAGE_MAX).into_owned());
        table.add_row([style.paint(mark, code), id.into_owned(), message, then]);
    }
    table.to_string()
}

fn columns_table(report: &Report, style: Style) -> String {
    let mut table = table(style);
    table.set_header(["column", "type", "rows", "missing", "distinct", "min", "max", "mean", "stddev"]);
    let shown = |v: &Option<Json>| v.as_ref().map(|v| cell(&json_text(v))).unwrap_or_default();
    let float = |v: &Option<Value>| v.as_ref().and_then(Value::as_f64).map(short).unwrap_or_default();
    for c in &report.columns {
        let distinct = c.distinct.map(|d| format!("{}{}", if c.distinct_exact == Some(false) { "~" } else { "" }, count(d)));
        table.add_row([
            cell(&c.name),
            cell(&c.data_type),
            count(c.rows),
            count(c.missing),
            distinct.unwrap_or_default(),
            shown(&c.min),
            shown(&c.max),
            float(&c.mean),
            float(&c.stddev),
        ]);
    }
    table.to_string()
}

fn table(style: Style) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(style.width);
    table
}

/// A fault on one line.
pub fn fault(fault: &Fault) -> String {
    let place = fault.place.as_ref().map(|place| format!("{}: ", visible::line(&place.to_string())));
    let hint = fault.hint.as_ref().map(|hint| format!("; {}", visible::cut(hint, MESSAGE_MAX)));
    format!("{}{}{}", place.unwrap_or_default(), visible::cut(&fault.what, MESSAGE_MAX), hint.unwrap_or_default())
}

fn cell(text: &str) -> String {
    visible::cut(text, NAME_MAX).into_owned()
}

fn sample(sample: &Sample) -> String {
    let place = sample.origin.to_string();
    let place = visible::line(&place);
    let value =
        |(name, value): &(String, Json)| format!("{}={}", visible::cut(name, NAME_MAX), visible::cut(&json_text(value), MESSAGE_MAX));
    let values: Vec<String> = sample.values.iter().map(value).collect();
    let reason = sample.reason.iter().map(|r| format!("  {}", visible::cut(r, MESSAGE_MAX)));
    let raw = sample.raw.iter().map(|r| format!("  | {}", visible::cut(r, MESSAGE_MAX)));
    format!("{place}  {}{}{}", values.join(" "), reason.collect::<String>(), raw.collect::<String>())
}

fn json_text(value: &Json) -> String {
    match value {
        Json::Null => "∅".into(),
        Json::String(text) => text.clone(),
        Json::Number(n) => n.as_f64().filter(|_| n.is_f64()).map_or_else(|| n.to_string(), short),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}
