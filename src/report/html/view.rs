//! What the page shows of a report, and how much of it: a page stays readable and small however many rules there are.

use chrono::DateTime;
use serde::Serialize;
use serde_json::Value as Json;

use super::bullet::{self, Bullet};
use super::trend::{self, Line};
use crate::findings::{Figure, Finding, GroupFigures, Label, OnFail, Outcome, Sample, Severity, Value};
use crate::report::model::Report;
use crate::report::since::{Change, Since};
use crate::report::why;
use crate::rows::Origin;
use crate::rules::words::Duration;
use crate::shown::counted;
use crate::verdict::Verdict;

/// Reasons that the first screen tells.
const REASONS_MAX: usize = 6;
/// Findings whose details are open: of what decided the verdict.
const OPEN_MAX: usize = 4;
/// Failing rows in a finding's own row.
const FIRST_MAX: usize = 3;
/// Failing rows that a finding shows in all.
const SAMPLES_MAX: usize = 10;
/// Groups that a finding shows.
const GROUPS_MAX: usize = 30;
/// Characters of a value in a finding's own row.
const VALUE_MAX: usize = 40;

/// The first screen.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    reasons: Vec<Reason<'a>>,
    /// Reasons that are not told.
    more: usize,
    /// How long after the last run this one began.
    after: Option<String>,
    since: Option<Summary>,
    /// Whether it is published only since a person released it.
    released: bool,
}

/// Why the verdict is what it is.
#[derive(Debug, Serialize)]
struct Reason<'a> {
    /// The finding that is the reason, from 1; 0 if no finding is.
    number: usize,
    id: &'a str,
    /// In a sentence, where no finding says it.
    text: &'a str,
    /// Figures, where a finding does: the sentence stands there.
    rows: Option<String>,
}

/// What has changed since a run, in numbers.
#[derive(Debug, Serialize)]
struct Summary {
    /// Which run that is.
    title: &'static str,
    time: String,
    counts: Vec<(Change, u64)>,
}

impl<'a> Head<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let reasons = report.reasons.iter().take(REASONS_MAX).map(|reason| self::reason(report, reason)).collect();
        let last = report.history.as_ref().and_then(|history| history.since_last_run.as_ref());
        let after = last.and_then(|last| elapsed(&last.time, report.began.as_deref()?));
        Self {
            reasons,
            more: report.reasons.len().saturating_sub(REASONS_MAX),
            after,
            since: summary(report),
            released: report.is_released(),
        }
    }
}

fn reason<'a>(report: &'a Report, reason: &'a str) -> Reason<'a> {
    let rest = |f: &Finding| reason.strip_prefix(&f.id)?.strip_prefix(": ")?.strip_prefix(&f.message.to_string()).map(str::len);
    let found = report.findings.iter().enumerate().find_map(|(i, f)| Some((i, f, rest(f)?)));
    match found {
        None => Reason { number: 0, id: "", text: reason, rows: None },
        Some((i, finding, rest)) => {
            let rows = (finding.failing_rows > 0).then(|| format!("{}{}", counted(finding.failing_rows, "row"), wrong(finding)));
            Reason { number: i + 1, id: &finding.id, text: &reason[reason.len() - rest..], rows }
        }
    }
}

/// What is wrong with its rows, in the finding's words: what follows the share, such as ` without a value`.
fn wrong(finding: &Finding) -> String {
    const WORDS_MAX: usize = 60;
    let first = finding.message.statements().first().map(String::as_str);
    let says = first.and_then(|said| said.split_once("%) ")).map_or("", |(_, says)| says);
    if says.is_empty() || says.chars().nth(WORDS_MAX).is_some() { String::new() } else { format!(" {says}") }
}

/// The counts since the last run that passed.
fn summary(report: &Report) -> Option<Summary> {
    let history = report.history.as_ref()?;
    let passes = |since: &&Since| matches!(since.verdict, Verdict::Accept | Verdict::Quarantine);
    let last = history.since_last_run.as_ref();
    let passed = last.filter(passes).or(history.since_last_passed.as_ref());
    let since = passed.or(last)?;
    let counts = Change::ALL.into_iter().map(|change| (change, since.count(change))).filter(|(_, n)| *n > 0).collect();
    let title = if passed.is_some() { "the last accepted run" } else { "the last run" };
    Some(Summary { title, time: since.time.clone(), counts })
}

fn elapsed(from: &str, to: &str) -> Option<String> {
    let (from, to) = (DateTime::parse_from_rfc3339(from).ok()?, DateTime::parse_from_rfc3339(to).ok()?);
    let seconds = (to - from).num_seconds();
    (seconds > 0).then(|| Duration { seconds }.to_string())
}

/// Whether a finding is why the verdict is what it is.
fn decides(finding: &Finding, report: &Report) -> bool {
    match report.verdict {
        Verdict::Accept => false,
        Verdict::Quarantine => finding.sets_aside(),
        Verdict::Undecided => finding.stops(),
        Verdict::Reject => {
            let rejects = finding.outcome == Outcome::Fail && finding.on_fail == OnFail::Reject;
            // So many rows fail that the batch does.
            let is_cause = report.reasons.iter().any(|reason| reason.contains(&format!("fail `{}`", finding.id)));
            rejects || finding.sets_aside() && is_cause
        }
    }
}

/// What is shown of one finding.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    /// From 1, in the report's order.
    number: usize,
    open: bool,
    /// `fail`, `warn`, `pass`, …: what it comes to.
    kind: &'static str,
    tone: &'static str,
    /// Of groups, which came out how: the rest of what is said stands beside each.
    said: Option<String>,
    share: Option<f64>,
    bullet: Option<Bullet>,
    first: Vec<First<'a>>,
    /// What its own row does not show, or not whole.
    samples: Vec<&'a Sample>,
    /// Failing rows that are not shown.
    left_out: u64,
    figures: Vec<(&'a str, &'a Value)>,
    groups: Vec<&'a GroupFigures>,
    trend: Option<Line>,
    /// Where its failures concentrate.
    why: Option<String>,
}

/// A failing row in a line.
#[derive(Debug, Serialize)]
struct First<'a> {
    at: String,
    origin: String,
    /// A column, its value, and the value before if it was changed.
    pairs: Vec<(&'a str, Json, Option<Json>)>,
    same: Option<String>,
    reason: Option<&'a str>,
}

/// What each finding comes to, of how many there are.
pub(super) fn tally(findings: &[Finding]) -> Vec<(&'static str, usize)> {
    const ORDER: [&str; 8] = ["fail", "no_data", "warn", "insufficient_evidence", "info", "not_judged", "known", "pass"];
    let count = |kind: &str| findings.iter().filter(|f| self::kind(f) == kind).count();
    ORDER.into_iter().map(|kind| (kind, count(kind))).filter(|(_, n)| *n > 0).collect()
}

pub(super) fn kind(finding: &Finding) -> &'static str {
    match finding.label() {
        Label::Fail => "fail",
        Label::NoData => "no_data",
        Label::Warning => "warn",
        Label::CannotTell => "insufficient_evidence",
        Label::Info => "info",
        Label::NotJudged => "not_judged",
        Label::Known => "known",
        Label::Pass => "pass",
    }
}

fn tone(finding: &Finding) -> &'static str {
    match (finding.label(), finding.severity) {
        (Label::Fail, _) => "bad",
        (Label::NoData, Severity::Error) => "open",
        (Label::NoData, Severity::Warning) | (Label::Warning | Label::CannotTell, _) => "warn",
        (Label::Pass, _) => "good",
        (Label::NoData, Severity::Info) | (Label::Info | Label::NotJudged | Label::Known, _) => "calm",
    }
}

/// What is shown of the findings, in their order.
pub(super) fn findings(report: &Report) -> impl Iterator<Item = (&Finding, Shown<'_>)> {
    let top = top(report);
    let mut decisive = 0;
    report.findings.iter().enumerate().map(move |(i, finding)| {
        let decides = decides(finding, report);
        decisive += usize::from(decides);
        (finding, shown((i + 1, finding), decides && decisive <= OPEN_MAX, report, top))
    })
}

/// Where the bars of shares end.
pub(super) fn top(report: &Report) -> f64 {
    bullet::top(report.findings.iter(), report)
}

fn shown<'a>((number, finding): (usize, &'a Finding), open: bool, report: &'a Report, top: f64) -> Shown<'a> {
    let only_file = if let [only] = report.batch.files.as_slice() { Some(only.path.as_str()) } else { None };
    let first: Vec<First> = finding.samples.iter().take(FIRST_MAX).map(|sample| self::first(sample, only_file)).collect();
    let is_whole = |sample: &&Sample| {
        let is_short = |value: &Json| value.as_str().is_none_or(|text| text.chars().nth(VALUE_MAX).is_none());
        sample.raw.is_none() && sample.values.len() <= 4 && sample.values.iter().all(|(_, value)| is_short(value))
    };
    let told = if finding.samples.iter().take(FIRST_MAX).all(|sample| is_whole(&sample)) { first.len() } else { 0 };
    let samples: Vec<&Sample> = finding.samples.iter().take(SAMPLES_MAX).skip(told).collect();
    let left_out = finding.failing_rows.saturating_sub((told + samples.len()) as u64);
    let trends = report.history.as_ref().map_or(&[][..], |history| &history.trends);
    let trend = trends.iter().find(|trend| trend.id == finding.id).and_then(|trend| trend::line(finding, trend));
    Shown {
        number,
        open,
        kind: kind(finding),
        tone: tone(finding),
        // Bins of a distribution are not judged: nothing is told of them.
        said: finding.groups.iter().any(|group| group.outcome != Outcome::NotJudged).then(|| said(finding)),
        share: bullet::share(finding, report),
        bullet: bullet::bullet(finding, report, top),
        first,
        samples,
        left_out,
        figures: figures(finding),
        groups: groups(finding),
        trend,
        why: why::sentence(finding),
    }
}

fn first<'a>(sample: &'a Sample, only_file: Option<&str>) -> First<'a> {
    let short = |value: &Json| match value.as_str() {
        Some(text) if text.chars().nth(VALUE_MAX).is_some() => Json::from(text.chars().take(VALUE_MAX).chain(['…']).collect::<String>()),
        Some(_) | None => value.clone(),
    };
    First {
        at: place(&sample.origin, only_file),
        origin: sample.origin.to_string(),
        pairs: sample.cells().take(4).map(|(name, value, before)| (name, short(value), before.map(short))).collect(),
        same: sample.same_key_as.as_ref().map(|other| other.seen_from(&sample.origin)),
        reason: sample.reason.as_deref(),
    }
}

/// Where a row is; the file is not named where there is but one.
fn place(origin: &Origin, only_file: Option<&str>) -> String {
    let name = |file: &str| file.rsplit('/').next().unwrap_or(file).to_owned();
    match origin {
        Origin::File { file, line: Some(line), .. } if only_file == Some(file) => format!("line {line}"),
        Origin::File { file, line: None, row } if only_file == Some(file) => format!("row {row}"),
        Origin::File { file, line: Some(line), .. } => format!("{}:{line}", name(file)),
        Origin::File { file, line: None, row } => format!("{} row {row}", name(file)),
        Origin::Memory { partition: None, index } => format!("index {index}"),
        Origin::Memory { partition: Some(partition), index } => format!("partition {partition}, index {index}"),
        Origin::Event { partition, offset, .. } => format!("{partition}@{offset}"),
    }
}

/// The figures that nothing else of the finding tells.
fn figures(finding: &Finding) -> Vec<(&str, &Value)> {
    const TOLD: [&str; 4] = ["completeness", "hash", "rows_in_scope", "transform"];
    let is_count = |figure: &Figure| figure.value.as_u64().is_some_and(|n| n == finding.failing_rows && n > 0);
    let is_observed = |figure: &Figure| figure.value == finding.observed && !finding.observed.is_nothing();
    let rest = |(name, figure): &(&str, &Figure)| {
        let is_known_count = is_count(figure) && crate::findings::figures::is_known(name);
        !(TOLD.contains(name) || is_known_count || is_observed(figure))
    };
    finding.figures.iter().filter(rest).map(|(name, figure)| (name, &figure.value)).collect()
}

/// How many groups came out how, and which.
fn said(finding: &Finding) -> String {
    const NAMES_MAX: usize = 4;
    let of = |outcome: Outcome, says: &str| {
        let groups: Vec<&GroupFigures> = finding.groups.iter().filter(|group| group.outcome == outcome).collect();
        let name = |group: &&GroupFigures| {
            let parts: Vec<&str> = group.group.iter().map(|part| part.as_deref().unwrap_or("(missing)")).collect();
            parts.join(" · ")
        };
        let names: Vec<String> = groups.iter().take(NAMES_MAX).map(name).collect();
        let more = if groups.len() > NAMES_MAX { ", …" } else { "" };
        (!groups.is_empty()).then(|| format!("{} {says}: {}{more}", groups.len(), names.join(", ")))
    };
    let told = [
        of(Outcome::Fail, if finding.on_fail == OnFail::Warn { "beyond the limit" } else { "fail" }),
        of(Outcome::Warn, "warn"),
        of(Outcome::NoData, "without data"),
        of(Outcome::InsufficientEvidence, "too small to tell"),
        of(Outcome::NotJudged, "too small, not judged"),
        of(Outcome::Known, "known"),
        of(Outcome::Pass, "pass"),
    ];
    format!("{}: {}", counted(finding.groups.len() as u64, "group"), told.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// All groups, or those that fail first.
fn groups(finding: &Finding) -> Vec<&GroupFigures> {
    let mut groups: Vec<&GroupFigures> = finding.groups.iter().collect();
    if groups.len() > GROUPS_MAX {
        groups.sort_by_key(|group| std::cmp::Reverse(group.outcome));
        groups.truncate(GROUPS_MAX);
    }
    groups
}
