//! The report as text for a terminal.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value as Json;

use crate::shown::{count, counted, minute, short};
use crate::visible::{self, MESSAGE_MAX, NAME_MAX};

use super::model::{Mode, Publication, PublicationState, Release, ReleaseStanding, Report};
use super::profiled;
use super::rows;
use super::since::{Change, HistoryReport, Since, Standing};
use super::stream;
use crate::diagnostic::Fault;
use crate::findings::{Finding, Label, Outcome, Sample, Severity, Value};
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
    if report.mode == Mode::Profile && report.faults.is_empty() {
        return profiled::render(report, style);
    }
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(headline(report, style));
    // What is said of a batch that passes is no failure.
    let sign = if report.verdict == Verdict::Accept { "·".to_owned() } else { style.paint("✗", RED).to_string() };
    reasons(report).for_each(|reason| line(format!("  {sign} {}", visible::cut(reason, MESSAGE_MAX))));
    report.release.iter().for_each(|release| line(format!("  {} {}", style.paint("!", YELLOW), released(release))));
    for fault in &report.faults {
        line(format!("  {} {}", style.paint("✗", RED), self::fault(fault)));
    }
    if report.faults.is_empty() {
        line(format!("  {}", rows::sum(report)));
        line(format!("  {}", tally(&report.findings)));
        if report.checks_nothing() {
            line(format!("  {} nothing was checked: the rule file has no rules", style.paint("!", YELLOW)));
        }
        if !report.batch.id.is_empty() {
            line(format!("  batch {}", visible::line(&report.batch.id)));
        }
    }
    report.stream.iter().flat_map(stream::lines).for_each(&mut line);
    if let Some(publication) = &report.publication {
        publication_lines(publication).into_iter().for_each(&mut line);
    }
    for since in report.history.iter().flat_map(HistoryReport::compared) {
        since_lines(since, style).into_iter().for_each(&mut line);
    }
    let (shown_always, passed): (Vec<&Finding>, Vec<&Finding>) = report.findings.iter().partition(|f| f.outcome != Outcome::Pass);
    let shown: Vec<&Finding> = if style.verbose { shown_always.iter().chain(&passed).copied().collect() } else { shown_always };
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

/// The colour codes that are written to a terminal, and no others.
pub const COLOURS: [&str; 8] = ["0", BOLD, RED, GREEN, YELLOW, "1;31", "1;32", "1;33"];

impl Style {
    pub(super) fn paint(self, text: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The report of a batch that passes, in one line.
pub fn one_line(report: &Report) -> String {
    let rows = report.rows;
    let mut parts = vec![format!("{} read", counted(rows.read, "row")), format!("{} published", count(rows.published))];
    let others = [(rows.quarantined, "set aside"), (rows.filtered, "filtered"), (rows.deletes, "deletes"), (rows.late, "late")];
    parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))));
    let replaced = report.publication.as_ref().map_or(0, |done| done.replaced_rows);
    parts.extend((replaced > 0).then(|| format!("in place of {}", counted(replaced, "row"))));
    let warnings = report.findings.iter().filter(|f| f.label() == Label::Warning).count() as u64;
    parts.extend((warnings > 0).then(|| counted(warnings, "warning")));
    parts.extend(report.publication.iter().filter(|done| done.state == PublicationState::Unchanged).map(|_| "published before".to_owned()));
    parts.extend(
        report
            .release
            .as_ref()
            .filter(|_| report.is_released())
            .map(|release| format!("released by {}", visible::cut(&release.by, NAME_MAX))),
    );
    let verdict = serde_json::to_value(report.verdict).unwrap_or_default();
    format!("{} {}: {}", visible::cut(&report.batch.id, NAME_MAX), verdict.as_str().unwrap_or_default(), parts.join(", "))
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
        (Mode::Stream, None) => "stream".to_owned(),
        (Mode::Profile, None) => "profile".to_owned(),
        (Mode::Check, Some(began)) => format!("checked {}", minute(began)),
        (Mode::Gate, Some(began)) => format!("gated {}", minute(began)),
        (Mode::DryRun, Some(began)) => format!("gate, dry run {}", minute(began)),
        (Mode::Stream, Some(began)) => format!("stream since {}", minute(began)),
        (Mode::Profile, Some(began)) => format!("profiled {}", minute(began)),
    };
    let dataset = if report.dataset.is_empty() { "?".into() } else { visible::cut(&report.dataset, NAME_MAX) };
    let mode = visible::cut(&mode, NAME_MAX);
    format!("{}  {dataset} ({mode})", style.paint(word, &format!("1;{code}")))
}

/// Who let the batch pass although it is rejected, and whether that holds.
pub(super) fn released(release: &Release) -> String {
    let (by, reason, at) = (visible::cut(&release.by, NAME_MAX), visible::cut(&release.reason, MESSAGE_MAX), minute(&release.at));
    let until = release.until.as_deref().map(minute);
    match (release.standing, until) {
        (ReleaseStanding::Holds, Some(until)) => format!("released by {by} at {at}, until {until}: {reason}"),
        (ReleaseStanding::Ended, Some(until)) => format!("released by {by} at {at}; that ended at {until}: {reason}"),
        (ReleaseStanding::Holds | ReleaseStanding::Ended, None) => format!("released by {by} at {at}: {reason}"),
        (ReleaseStanding::OtherRules, _) => {
            format!("released by {by} at {at} under other rules, which does not hold under these: {reason}")
        }
    }
}

/// Why the batch is not accepted: all that the table of findings does not say.
fn reasons(report: &Report) -> impl Iterator<Item = &String> {
    let is_in_table = |reason: &&String| {
        let says =
            |f: &Finding| reason.strip_prefix(f.id.as_str()).and_then(|rest| rest.strip_prefix(": ")) == Some(&f.message.to_string());
        report.verdict == Verdict::Quarantine && report.findings.iter().any(|f| f.label() == Label::Fail && says(f))
    };
    report.reasons.iter().filter(move |reason| !is_in_table(reason))
}

/// How many findings there are of each kind.
fn tally(findings: &[Finding]) -> String {
    let of = |label: Label| findings.iter().filter(|f| f.label() == label).count() as u64;
    let (warnings, known) = (of(Label::Warning), of(Label::Known));
    let parts = [
        (of(Label::Fail), "failed".to_owned()),
        (of(Label::NoData), "without data".to_owned()),
        (warnings, if warnings == 1 { "warning" } else { "warnings" }.to_owned()),
        (of(Label::CannotTell), "that cannot tell".to_owned()),
        (of(Label::Info), "for information".to_owned()),
        (of(Label::NotJudged), "not judged".to_owned()),
        (known, if known == 1 { "known issue" } else { "known issues" }.to_owned()),
        (of(Label::Pass), "passed".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(n))).collect();
    format!("{}: {}", counted(findings.len() as u64, "finding"), parts.join(", "))
}

fn publication_lines(publication: &Publication) -> Vec<String> {
    let place = visible::line(publication.published.as_deref().unwrap_or_default());
    let mut lines = match (publication.state, publication.would_be) {
        (PublicationState::Published, _) => vec![format!("  published to {place}")],
        (PublicationState::Unchanged, _) => vec![format!("  already published, nothing changed: {place}")],
        (PublicationState::Superseded, _) => vec![format!("  published in place of the batch of this id: {place}")],
        (PublicationState::SetAside, _) => vec!["  nothing was published: the whole batch was set aside".into()],
        (PublicationState::Withheld, _) => vec!["  nothing was published".into()],
        (PublicationState::DryRun, would_be) => {
            let would = match would_be {
                Some(PublicationState::Published) => format!("; would be published to {place}"),
                Some(PublicationState::Superseded) => format!("; would take the place of what is published as this batch in {place}"),
                Some(PublicationState::Unchanged) => "; the batch is published already, and nothing would change".to_owned(),
                Some(PublicationState::SetAside) => "; the whole batch would be set aside".to_owned(),
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

/// What has changed since an earlier run. What stays as it was is counted, and listed where all is.
fn since_lines(since: &Since, style: Style) -> Vec<String> {
    let count_of = |change: &Change| (since.count(*change), change.as_str());
    let counts = Change::ALL.iter().map(count_of).filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", count(n)));
    let passing = Some(since.passing_in_both).filter(|n| *n > 0).map(|n| format!("{} passing as before", count(n)));
    let counts: Vec<String> = counts.chain(passing).collect();
    let rules = if since.same_rules { "" } else { ", by other rules" };
    let (time, verdict) = (minute(&since.time), serde_json::to_value(since.verdict).unwrap_or_default());
    let verdict = verdict.as_str().unwrap_or_default();
    let counts = if counts.is_empty() { "nothing to compare".to_owned() } else { counts.join(", ") };
    let mut lines = vec![format!("  since the run of {} ({verdict}{rules}): {counts}", visible::cut(&time, NAME_MAX))];
    for finding in since.findings.iter().filter(|f| style.verbose || f.change != Change::Unchanged) {
        let (mark, colour) = match finding.change {
            Change::New | Change::Worse => ("✗", RED),
            Change::Unchanged | Change::Gone => ("·", YELLOW),
            Change::Better | Change::Recovered => ("✓", GREEN),
        };
        let said = |standing: &Option<Standing>| standing.as_ref().map_or_else(|| "not there".to_owned(), Standing::said);
        let id = visible::cut(&finding.id, NAME_MAX);
        let (word, then, now) = (finding.change.as_str(), said(&finding.then), said(&finding.now));
        lines.push(format!("    {} {word:<9} {id}: {then} → {now}", style.paint(mark, colour)));
    }
    lines
}

fn findings_table(findings: &[&Finding], style: Style) -> String {
    let mut table = table(style);
    table.set_header(["", "finding", "what was found", "result"]);
    let mut colours = Vec::new();
    for f in findings {
        let (mark, colour) = match (f.label(), f.severity) {
            (Label::Pass | Label::Known, _) => ("✓", GREEN),
            (Label::Warning | Label::CannotTell | Label::Info, _) => ("!", YELLOW),
            (Label::NoData, Severity::Error) => ("?", RED),
            (Label::NoData, Severity::Warning | Severity::Info) => ("?", YELLOW),
            (Label::NotJudged, _) => ("·", GREEN),
            (Label::Fail, _) => ("✗", RED),
        };
        let result = match f.label() {
            Label::Pass => "pass".to_owned(),
            Label::Known => "known issue".to_owned(),
            Label::NotJudged => "not judged".to_owned(),
            Label::NoData => "no data".to_owned(),
            Label::CannotTell => "cannot tell".to_owned(),
            Label::Warning => "warning".to_owned(),
            Label::Info | Label::Fail => f.on_fail.to_string(),
        };
        let (id, message) = (visible::cut(&f.id, NAME_MAX), visible::cut(&f.message.to_string(), MESSAGE_MAX).into_owned());
        table.add_row([mark, &id, &message, &result]);
        colours.push((mark, colour));
    }
    // The table is laid out before it is coloured: to it, a colour code is text as wide as any other.
    let (mut text, mut colours) = (String::new(), colours.into_iter().peekable());
    for line in table.lines() {
        match colours.peek().and_then(|(mark, colour)| Some((line.strip_prefix(' ')?.strip_prefix(mark)?, mark, colour))) {
            Some((rest, mark, colour)) => {
                text += &format!(" {}{rest}\n", style.paint(mark, colour));
                colours.next();
            }
            None => text += &format!("{line}\n"),
        }
    }
    text
}

fn columns_table(report: &Report, style: Style) -> String {
    let mut table = table(style);
    table.set_header(["column", "type", "rows", "missing", "distinct", "min", "max", "mean", "stddev"]);
    let shown = |v: &Option<Json>| {
        v.as_ref().map(|v| cell(&v.as_f64().filter(|_| v.is_f64()).map_or_else(|| json_text(v), short))).unwrap_or_default()
    };
    let rounded = |v: &Option<Value>| v.as_ref().and_then(Value::as_f64).map(short).unwrap_or_default();
    for c in &report.columns {
        let end = |v: &Option<Json>| if c.mask.is_some() { "masked".to_owned() } else { shown(v) };
        let distinct = c.distinct.map(|d| format!("{}{}", if c.distinct_exact == Some(false) { "~" } else { "" }, count(d)));
        table.add_row([
            cell(&c.name),
            cell(&c.data_type),
            count(c.rows),
            count(c.missing),
            distinct.unwrap_or_default(),
            end(&c.min),
            end(&c.max),
            rounded(&c.mean),
            rounded(&c.stddev),
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
    let other = sample.same_key_as.iter().map(|other| format!("  same key as {}", visible::line(&other.seen_from(&sample.origin))));
    let raw = sample.raw.iter().map(|r| format!("  | {}", visible::cut(r, MESSAGE_MAX)));
    format!("{place}  {}{}{}{}", values.join(" "), other.collect::<String>(), reason.collect::<String>(), raw.collect::<String>())
}

fn json_text(value: &Json) -> String {
    match value {
        Json::Null => "∅".into(),
        Json::String(text) => text.clone(),
        // Digit for digit: what stands beside a limit must be seen to lie beyond it.
        Json::Number(n) => n.as_f64().filter(|_| n.is_f64()).map_or_else(|| n.to_string(), float),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

/// Every digit; a power of ten where that is shorter.
fn float(x: f64) -> String {
    let plain = x.to_string();
    if plain.len() > 21 { format!("{x:e}") } else { plain }
}
