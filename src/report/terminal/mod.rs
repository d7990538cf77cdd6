//! The report as text for a terminal: the verdict and why, what failed, what to do next.

mod columns;
mod findings;
mod next;
mod page;
mod profiled;

use std::collections::HashMap;

use crate::shown::{count, counted, minute};
use crate::visible::{self, MESSAGE_MAX, NAME_MAX};

use super::TableReport;
use super::model::{Mode, Publication, PublicationState, Release, ReleaseStanding, Report};
use super::rows;
use super::since::{Change, HistoryReport, Since, Standing};
use super::stream;
use crate::diagnostic::Fault;
use crate::findings::{Finding, Label};
use crate::verdict::Verdict;
use page::{Page, width};

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub colour: bool,
    /// Columns of a line.
    pub width: u16,
    /// Also what passed, the columns, and all samples.
    pub verbose: bool,
}

/// Renders `report`.
pub fn render(report: &Report, style: Style) -> String {
    let report = report.together();
    let report = report.as_ref();
    if report.mode == Mode::Profile && report.faults.is_empty() {
        return profiled::render(report, style);
    }
    let mut page = Page::new(style);
    headline(&mut page, report);
    let (cross, warning) = (format!("  {} ", style.paint("✗", RED)), format!("  {} ", style.paint("!", YELLOW)));
    // What is said of a batch that passes is no failure.
    let sign = if report.verdict == Verdict::Accept { "  · " } else { &cross };
    reasons(report).for_each(|reason| page.hang(sign, 4, &visible::cut(reason, MESSAGE_MAX)));
    report.release.iter().for_each(|release| page.hang(&warning, 4, &released(release)));
    report.faults.iter().for_each(|fault| page.hang(&cross, 4, &self::fault(fault)));
    if report.faults.is_empty() {
        page.hang("  ", 4, &rows::sum(report));
        page.hang("  ", 4, &tally(&report.findings, style));
        if report.checks_nothing() {
            page.hang(&warning, 4, "nothing was checked: the rule file has no rules");
        }
    }
    tables(&mut page, report);
    report.stream.iter().flat_map(stream::lines).for_each(|line| page.hang("  ", 4, line.trim_start()));
    findings::write(&mut page, report);
    page.gap();
    for since in report.history.iter().flat_map(HistoryReport::compared) {
        since_lines(&mut page, since);
    }
    if report.faults.is_empty() && !report.batch.id.is_empty() {
        page.line(&format!("  batch {}", visible::line(&report.batch.id)));
    }
    if let Some(publication) = &report.publication {
        match places_of_tables(report, publication) {
            lines if lines.is_empty() => publication_lines(publication).iter().for_each(|line| page.line(line)),
            lines => lines.iter().for_each(|line| page.line(line)),
        }
        let warnings = publication.warnings.iter();
        warnings.for_each(|said| page.hang(&warning, 4, &format!("warning: {}", visible::cut(said, MESSAGE_MAX))));
    }
    if style.verbose && !report.columns.is_empty() {
        columns::write(&mut page, report);
    }
    next_lines(&mut page, report);
    page.end()
}

/// Of several tables: how each came out.
fn tables(page: &mut Page, report: &Report) {
    let names = || report.tables.iter().map(|table| visible::cut(&table.name, NAME_MAX));
    let longest = names().map(|name| width(&name)).max().unwrap_or(0);
    for (name, table) in names().zip(&report.tables) {
        let (word, colour) = verdict_word(table.report.verdict);
        let lead = format!("  {name}{}  {}{}  ", page::filled(&name, longest), page.style.paint(word, colour), page::filled(word, 10));
        page.hang(&lead, longest + 16, &rows::sum(&table.report));
    }
}

/// Of several tables: what became of each; nothing where all of them stay where they are.
fn places_of_tables(report: &Report, whole: &Publication) -> Vec<String> {
    match whole.state {
        PublicationState::Withheld | PublicationState::SetAside => return Vec::new(),
        PublicationState::Published | PublicationState::Unchanged | PublicationState::Superseded | PublicationState::DryRun => {}
    }
    let of_table = |table: &TableReport| {
        let name = visible::cut(&table.name, NAME_MAX).into_owned();
        let lines = table.report.publication.iter().flat_map(publication_lines).collect::<Vec<_>>();
        lines.into_iter().map(move |line| format!("  {name}: {}", line.trim_start())).collect::<Vec<_>>()
    };
    report.tables.iter().flat_map(of_table).collect()
}

fn verdict_word(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Accept => ("ACCEPT", GREEN),
        Verdict::Quarantine => ("QUARANTINE", YELLOW),
        Verdict::Reject => ("REJECT", RED),
        Verdict::Undecided => ("UNDECIDED", RED),
    }
}

/// What to do next, and the command that does it: beside it, or below it where both are too long for a line.
fn next_lines(page: &mut Page, report: &Report) {
    let steps = next::steps(report);
    if steps.is_empty() {
        return;
    }
    page.gap();
    let heading = page.style.paint("Next", BOLD);
    page.line(&heading);
    let words = steps.iter().map(|step| width(step.words)).max().unwrap_or(0);
    let fits = steps.iter().all(|step| words + width(&step.what) + 6 <= page.width());
    for step in &steps {
        if fits {
            page.line(&format!("  {}{}  {}", step.words, page::filled(step.words, words), step.what));
        } else {
            page.hang("  ", 4, &format!("{}:", step.words));
            page.line(&format!("    {}", step.what));
        }
    }
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
    let report = report.together();
    let report = report.as_ref();
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

fn headline(page: &mut Page, report: &Report) {
    let (word, code) = match report.verdict {
        Verdict::Accept if report.mode == Mode::Compare && report.has_warnings() => ("DIFFERENT", YELLOW),
        Verdict::Accept if report.mode == Mode::Compare => ("ALIKE", GREEN),
        verdict @ (Verdict::Accept | Verdict::Quarantine | Verdict::Reject | Verdict::Undecided) => verdict_word(verdict),
    };
    let mode = match (report.mode, &report.began) {
        (Mode::Check, None) => "check".to_owned(),
        (Mode::Gate, None) => "gate".to_owned(),
        (Mode::DryRun, None) => "gate, dry run".to_owned(),
        (Mode::Stream, None) => "stream".to_owned(),
        (Mode::Profile, None) => "profile".to_owned(),
        (Mode::Compare, None) => "compare".to_owned(),
        (Mode::Check, Some(began)) => format!("checked {}", minute(began)),
        (Mode::Gate, Some(began)) => format!("gated {}", minute(began)),
        (Mode::DryRun, Some(began)) => format!("gate, dry run {}", minute(began)),
        (Mode::Stream, Some(began)) => format!("stream since {}", minute(began)),
        (Mode::Profile, Some(began)) => format!("profiled {}", minute(began)),
        (Mode::Compare, Some(began)) => format!("compared {}", minute(began)),
    };
    let dataset = if report.dataset.is_empty() { "?".into() } else { visible::cut(&report.dataset, NAME_MAX) };
    let mode = visible::cut(&mode, NAME_MAX);
    let lead = format!("{}  ", page.style.paint(word, &format!("1;{code}")));
    page.hang(&lead, word.len() + 2, &format!("{dataset} ({mode})"));
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

/// Why the batch is not accepted: all that the findings do not say.
fn reasons(report: &Report) -> impl Iterator<Item = &String> {
    let mut by_id: HashMap<&str, Vec<&Finding>> = HashMap::new();
    report.findings.iter().filter(|f| f.label() != Label::Pass).for_each(|f| by_id.entry(&f.id).or_default().push(f));
    let is_said = move |reason: &String| {
        // An id may hold the same mark.
        let ids = reason.match_indices(": ").filter_map(|(end, _)| by_id.get(&reason[..end]));
        ids.flatten().any(|f| findings::beside(reason, f).is_some())
    };
    report.reasons.iter().filter(move |reason| !is_said(reason))
}

/// How many findings there are of each kind.
fn tally(findings: &[Finding], style: Style) -> String {
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
        (of(Label::Pass), if style.verbose { "passed" } else { "passed (-v shows them)" }.to_owned()),
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
    lines
}

/// What has changed since an earlier run. What stays as it was is counted, and listed where all is.
fn since_lines(page: &mut Page, since: &Since) {
    let style = page.style;
    let count_of = |change: &Change| (since.count(*change), change.as_str());
    let counts = Change::ALL.iter().map(count_of).filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", count(n)));
    let passing = Some(since.passing_in_both).filter(|n| *n > 0).map(|n| format!("{} passing as before", count(n)));
    let counts: Vec<String> = counts.chain(passing).collect();
    let rules = if since.same_rules { "" } else { ", by other rules" };
    let (time, verdict) = (minute(&since.time), serde_json::to_value(since.verdict).unwrap_or_default());
    let verdict = verdict.as_str().unwrap_or_default();
    let counts = if counts.is_empty() { "nothing to compare".to_owned() } else { counts.join(", ") };
    page.hang("  ", 4, &format!("since the run of {} ({verdict}{rules}): {counts}", visible::cut(&time, NAME_MAX)));
    for finding in since.findings.iter().filter(|f| style.verbose || f.change != Change::Unchanged) {
        let (mark, colour) = match finding.change {
            Change::New | Change::Worse => ("✗", RED),
            Change::Unchanged | Change::Gone => ("·", YELLOW),
            Change::Better | Change::Recovered => ("✓", GREEN),
        };
        let said = |standing: &Option<Standing>| standing.as_ref().map_or_else(|| "not there".to_owned(), Standing::said);
        let id = visible::cut(&finding.id, NAME_MAX);
        let (word, then, now) = (finding.change.as_str(), said(&finding.then), said(&finding.now));
        page.hang(&format!("    {} {word:<9} ", style.paint(mark, colour)), 16, &format!("{id}: {then} → {now}"));
    }
}

/// What stands before a fault.
pub fn error(colour: bool) -> String {
    Style { colour, width: 0, verbose: false }.paint("error:", "1;31")
}

/// A fault on one line.
pub fn fault(fault: &Fault) -> String {
    let place = fault.place.as_ref().map(|place| format!("{}: ", visible::line(&place.to_string())));
    let hint = fault.hint.as_ref().map(|hint| format!("; {}", visible::cut(hint, MESSAGE_MAX)));
    format!("{}{}{}", place.unwrap_or_default(), visible::cut(&fault.what, MESSAGE_MAX), hint.unwrap_or_default())
}
