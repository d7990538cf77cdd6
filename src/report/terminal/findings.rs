//! Findings: failures first, each with its reason and its first failing rows.

use serde_json::Value as Json;

use super::page::{Page, filled, width};
use super::{BOLD, GREEN, RED, YELLOW};
use crate::findings::{Finding, Label, OnFail, Sample, Severity};
use crate::report::{Report, why};
use crate::shown::count;
use crate::visible::{self, MESSAGE_MAX, NAME_MAX};

/// Without `-v`: failing rows of a finding.
const SAMPLES_SHOWN: usize = 3;
/// Without `-v`: findings.
const FINDINGS_SHOWN: usize = 20;
/// Without `-v`: characters of a message.
const MESSAGE_SHOWN: usize = 240;
/// Messages stand in a column of their own where the terminal has so many columns.
const SIDE_BY_SIDE: usize = 80;
/// Columns of an id beside its message.
const ID_MAX: usize = 32;

/// Findings that are told under one heading, in the order of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Rejects,
    Undecided,
    SetsAside,
    Warning,
    WarnsNoData,
    CannotTell,
    NoData,
    Info,
    NotJudged,
    Known,
    Pass,
}

impl Kind {
    fn of(finding: &Finding) -> Self {
        match (finding.label(), finding.on_fail, finding.severity) {
            (Label::Fail, OnFail::Reject, _) => Self::Rejects,
            (Label::Fail, OnFail::Quarantine | OnFail::Warn | OnFail::Info, _) => Self::SetsAside,
            (Label::NoData, _, Severity::Error) => Self::Undecided,
            (Label::NoData, _, Severity::Warning) => Self::WarnsNoData,
            (Label::NoData, _, Severity::Info) => Self::NoData,
            (Label::Warning, _, _) => Self::Warning,
            (Label::CannotTell, _, _) => Self::CannotTell,
            (Label::Info, _, _) => Self::Info,
            (Label::NotJudged, _, _) => Self::NotJudged,
            (Label::Known, _, _) => Self::Known,
            (Label::Pass, _, _) => Self::Pass,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Rejects => "Failed: rejects the batch",
            Self::Undecided => "No data: cannot be judged",
            Self::SetsAside => "Failed: sets rows aside",
            Self::Warning => "Warning",
            Self::WarnsNoData => "Warning: no data",
            Self::CannotTell => "Warning: cannot tell",
            Self::NoData => "No data",
            Self::Info => "For information",
            Self::NotJudged => "Not judged",
            Self::Known => "Known issue",
            Self::Pass => "Passed",
        }
    }

    /// A sign, which says the same without its colour.
    fn sign(self) -> (&'static str, &'static str) {
        match self {
            Self::Rejects | Self::SetsAside => ("✗", RED),
            Self::Undecided => ("?", RED),
            Self::WarnsNoData | Self::NoData => ("?", YELLOW),
            Self::Warning | Self::CannotTell | Self::Info => ("!", YELLOW),
            Self::NotJudged => ("·", GREEN),
            Self::Known | Self::Pass => ("✓", GREEN),
        }
    }
}

/// Writes the findings; with `-v` also those that pass.
pub(super) fn write(page: &mut Page, report: &Report) {
    let verbose = page.style.verbose;
    let mut told: Vec<(Kind, &Finding)> = report.findings.iter().map(|f| (Kind::of(f), f)).collect();
    told.sort_by_key(|(kind, _)| *kind);
    let passed = told.iter().filter(|(kind, _)| *kind == Kind::Pass).count();
    let problems = told.len() - passed;
    told.truncate(if verbose { usize::MAX } else { problems.min(FINDINGS_SHOWN) });
    let ids = told.iter().map(|(_, f)| width(&visible::cut(&f.id, NAME_MAX))).filter(|wide| *wide <= ID_MAX).max().unwrap_or(0);
    let mut last = None;
    for (kind, finding) in &told {
        if last != Some(*kind) {
            page.gap();
            let heading = page.style.paint(kind.heading(), BOLD);
            page.line(&heading);
            last = Some(*kind);
        }
        one(page, report, *kind, finding, ids);
    }
    if !verbose && problems > told.len() {
        page.gap();
        page.hang("  … ", 4, &format!("{} more that did not pass (-v shows them)", count((problems - told.len()) as u64)));
    }
}

/// A finding in a line or two, and what stands below it.
fn one(page: &mut Page, report: &Report, kind: Kind, finding: &Finding, ids: usize) {
    let (sign, colour) = kind.sign();
    let (sign, id) = (page.style.paint(sign, colour), visible::cut(&finding.id, NAME_MAX));
    let message = if page.style.verbose { visible::cut(&finding.message.to_string(), MESSAGE_MAX).into_owned() } else { brief(finding) };
    let name = page.style.paint(&id, BOLD);
    if page.width() >= SIDE_BY_SIDE && width(&id) <= ids {
        page.hang(&format!("  {sign} {name}{}  ", filled(&id, ids)), ids + 6, &message);
    } else {
        page.hang(&format!("  {sign} {name}"), 4, "");
        page.hang("      ", 6, &message);
    }
    if let Some(why) = why::sentence(finding) {
        page.hang("      ", 6, &why);
    }
    if let Some(advice) = advice(report, finding) {
        page.hang("      ", 6, &visible::cut(advice, MESSAGE_MAX));
    }
    let verbose = page.style.verbose;
    if kind != Kind::Pass {
        about(finding, verbose).iter().for_each(|said| page.hang("      ", 6, said));
    }
    let most = if verbose { usize::MAX } else { SAMPLES_SHOWN };
    for sample in finding.samples.iter().take(most) {
        page.hang("      ", 8, &row(sample));
        sample.raw.iter().for_each(|raw| page.hang("        | ", 10, &visible::cut(raw, MESSAGE_MAX)));
    }
    let more = finding.failing_rows.saturating_sub(finding.samples.len().min(most) as u64);
    if more > 0 && !finding.samples.is_empty() {
        page.line(&format!("      … {} more", count(more)));
    }
}

/// What the finding says, as far as it is short.
fn brief(finding: &Finding) -> String {
    let mut text = String::new();
    for statement in finding.message.statements() {
        let statement = visible::cut(statement, MESSAGE_SHOWN);
        if !text.is_empty() && text.chars().count() + statement.chars().count() > MESSAGE_SHOWN {
            return text + "; … (-v shows all)";
        }
        let and = if text.is_empty() { "" } else { "; " };
        text = format!("{text}{and}{statement}");
    }
    text
}

/// What the verdict's reason says beside the finding's own message.
fn advice<'a>(report: &'a Report, finding: &Finding) -> Option<&'a str> {
    let rest = report.reasons.iter().find_map(|reason| beside(reason, finding))?;
    Some(rest.trim()).filter(|rest| !rest.is_empty())
}

/// What follows the finding's message in a reason that says the same.
pub(super) fn beside<'a>(reason: &'a str, finding: &Finding) -> Option<&'a str> {
    reason.strip_prefix(finding.id.as_str())?.strip_prefix(": ")?.strip_prefix(finding.message.to_string().as_str())
}

/// Of a problem: whose the rule is and what to read; with `-v` also what it is for and where it stands.
fn about(finding: &Finding, verbose: bool) -> Vec<String> {
    let said = |what: &str, text: &Option<String>| text.as_ref().map(|text| format!("{what}{}", visible::cut(text, MESSAGE_MAX)));
    let whose = [said("owner ", &finding.owner), said("runbook ", &finding.runbook)];
    let place = finding.place.as_ref().map(|place| format!("rule at {}", visible::line(&place.to_string())));
    let whose: Vec<String> = whose.into_iter().chain([place.filter(|_| verbose)]).flatten().collect();
    let description = said("", &finding.description).filter(|_| verbose);
    let whose = Some(whose.join(" · ")).filter(|whose| !whose.is_empty());
    description.into_iter().chain(whose).collect()
}

/// Where a failing row is, its values, and why it fails.
fn row(sample: &Sample) -> String {
    let place = sample.origin.to_string();
    let place = visible::line(&place);
    let shown = |value: &Json| visible::cut(&json_text(value), MESSAGE_MAX).into_owned();
    let value = |(name, value, before): (&str, &Json, Option<&Json>)| {
        let before = before.map(|before| format!("{} → ", shown(before))).unwrap_or_default();
        format!("{}={before}{}", visible::cut(name, NAME_MAX), shown(value))
    };
    let values: Vec<String> = sample.cells().map(value).collect();
    let reason = sample.reason.iter().map(|r| visible::cut(r, MESSAGE_MAX).into_owned());
    let other = sample.same_key_as.iter().map(|other| format!("same key as {}", visible::line(&other.seen_from(&sample.origin))));
    let values = Some(values.join(" ")).filter(|values| !values.is_empty());
    std::iter::once(place.into_owned()).chain(values).chain(other).chain(reason).collect::<Vec<_>>().join("  ")
}

/// A value of the data.
pub(super) fn json_text(value: &Json) -> String {
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
