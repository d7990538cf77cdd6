//! What the formats for machines say alike: how much a finding weighs, and rows, places and faults in a line each.

use serde_json::Value as Json;

use super::model::Report;
use super::terminal::released;
use crate::diagnostic::Place;
use crate::findings::{Finding, Label, OnFail, Sample, Severity};
use crate::verdict::Verdict;
use crate::visible::{self, MESSAGE_MAX, NAME_MAX};

/// How much a finding weighs to readers that know these four steps alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Rows are set aside, the batch is rejected, or it could not be judged.
    Error,
    Warning,
    Note,
    Nothing,
}

impl Weight {
    pub(super) fn of(finding: &Finding) -> Self {
        match (finding.label(), finding.severity, finding.on_fail) {
            (Label::Fail, _, _) | (Label::NoData, Severity::Error, _) => Self::Error,
            (Label::NoData, Severity::Warning, _) | (Label::Warning, _, _) => Self::Warning,
            (Label::CannotTell, _, OnFail::Reject | OnFail::Quarantine | OnFail::Warn) => Self::Warning,
            (Label::NoData, Severity::Info, _) | (Label::CannotTell, _, OnFail::Info) | (Label::Info, _, _) => Self::Note,
            (Label::NotJudged | Label::Known | Label::Pass, _, _) => Self::Nothing,
        }
    }
}

/// The verdict in a word, as JSON has it.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Quarantine => "quarantine",
        Verdict::Reject => "reject",
        Verdict::Undecided => "undecided",
    }
}

/// Who released the batch, when and why, if someone did.
pub(super) fn release(report: &Report) -> Option<String> {
    report.release.as_ref().map(released)
}

/// What the data set is called, where something must stand.
pub(super) fn dataset(report: &Report) -> String {
    if report.dataset.is_empty() { "sluicegate".to_owned() } else { name(&report.dataset) }
}

pub(super) fn name(text: &str) -> String {
    visible::cut(text, NAME_MAX).into_owned()
}

pub(super) fn text(text: &str) -> String {
    visible::cut(text, MESSAGE_MAX).into_owned()
}

pub(super) fn message(finding: &Finding) -> String {
    text(&finding.message.to_string())
}

/// `rules/orders.yaml:14:5`.
pub(super) fn place(place: &Place) -> String {
    visible::line(&place.to_string()).into_owned()
}

/// A fault without its place.
pub(super) fn fault(fault: &crate::diagnostic::Fault) -> String {
    let hint = fault.hint.as_ref().map(|hint| format!("; {}", text(hint)));
    format!("{}{}", text(&fault.what), hint.unwrap_or_default())
}

/// What is known of a failing row beside its place; nothing if nothing is shown.
pub(super) fn row(sample: &Sample) -> String {
    let value = |(column, value, before): (&str, &Json, Option<&Json>)| {
        let before = before.map(|before| format!("{} → ", text(&json(before)))).unwrap_or_default();
        format!("{}={before}{}", name(column), text(&json(value)))
    };
    let mut parts: Vec<String> = sample.cells().map(value).collect();
    parts.extend(sample.same_key_as.iter().map(|other| format!("same key as {}", visible::line(&other.seen_from(&sample.origin)))));
    parts.extend(sample.reason.as_deref().map(text));
    parts.extend(sample.raw.as_ref().map(|raw| format!("record: {}", text(raw))));
    parts.join(", ")
}

/// The row with its place.
pub(super) fn placed_row(sample: &Sample) -> String {
    let (place, row) = (visible::line(&sample.origin.to_string()).into_owned(), row(sample));
    if row.is_empty() { place } else { format!("{place}: {row}") }
}

fn json(value: &Json) -> String {
    match value {
        Json::Null => "∅".to_owned(),
        Json::String(text) => text.clone(),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

/// Failing rows that are not among the `shown` ones.
pub(super) fn more_rows(finding: &Finding, shown: usize) -> u64 {
    finding.failing_rows.saturating_sub(shown as u64)
}

/// Who is asked, and what is to be done.
pub(super) fn contact(finding: &Finding) -> Vec<String> {
    let said = |what: &str, text: &Option<String>| text.as_ref().map(|text| format!("{what}: {}", self::text(text)));
    [said("description", &finding.description), said("owner", &finding.owner), said("runbook", &finding.runbook)]
        .into_iter()
        .flatten()
        .collect()
}
