//! The arithmetic of findings as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::findings::{Finding, OnFail, Outcome, Severity};
use crate::report::Report;
use crate::rules::explained::{Given, Part, Step, Told, general, value_text};
use crate::rules::{self, Explanation};
use crate::verdict::Verdict;
use crate::visible;

/// A finding, how it came out, and what that did to the verdict.
#[derive(Debug, Serialize)]
pub(super) struct Explained<'a> {
    id: &'a str,
    rule: &'a str,
    columns: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<&'a str>,
    message: String,
    #[serde(flatten)]
    explanation: Explanation,
    outcome: Outcome,
    on_fail: OnFail,
    severity: Severity,
    /// What it does to the batch.
    effect: String,
}

impl<'a> Explained<'a> {
    pub(super) fn of(finding: &'a Finding, report: &'a Report) -> Self {
        // The findings of one rule stand at one place of the rule file.
        let is_beside = |other: &&Finding| other.rule == finding.rule && other.place == finding.place;
        let beside: Vec<&Finding> = report.findings.iter().filter(is_beside).collect();
        let told = Told::new(finding, &beside, &report.schema_changes);
        let explanation = rules::find(&finding.rule).map_or_else(|| general(&told), |rule| (rule.explain)(&told));
        Self {
            id: &finding.id,
            rule: &finding.rule,
            columns: &finding.columns,
            written: finding.written.as_deref(),
            message: finding.message.to_string(),
            explanation,
            outcome: finding.outcome,
            on_fail: finding.on_fail,
            severity: finding.severity,
            effect: effect(finding),
        }
    }
}

/// What a finding does to the batch.
fn effect(finding: &Finding) -> String {
    let strictly = "a warning: the verdict stays, and `--strict` ends with exit code 1";
    match (finding.outcome, finding.on_fail, finding.severity) {
        (Outcome::Fail, OnFail::Reject, _) => "the batch is rejected".to_owned(),
        (Outcome::Fail, OnFail::Quarantine, _) => {
            "the failing rows are set aside, of groups that pass those within what is tolerated stay; past `reject_above` of all rows the batch is rejected".to_owned()
        }
        (Outcome::NoData, _, Severity::Error) => "the batch is undecided: nothing is published, exit code 2".to_owned(),
        (Outcome::Fail | Outcome::Warn | Outcome::InsufficientEvidence, OnFail::Info, _) | (Outcome::NoData, _, Severity::Info) => {
            "said in the report, and nothing else".to_owned()
        }
        (Outcome::Fail, OnFail::Warn, _) | (Outcome::Warn | Outcome::InsufficientEvidence, _, _) | (Outcome::NoData, _, Severity::Warning) => {
            strictly.to_owned()
        }
        (Outcome::Pass | Outcome::Known | Outcome::NotJudged, _, _) => "none".to_owned(),
    }
}

pub(super) fn json(explained: &[Explained<'_>], report: &Report) -> String {
    #[derive(Serialize)]
    struct All<'a> {
        findings: &'a [Explained<'a>],
        verdict: Verdict,
        reasons: &'a [String],
    }
    serde_json::to_string_pretty(&All { findings: explained, verdict: report.verdict, reasons: &report.reasons })
        .expect("strings, numbers and lists are JSON")
        + "\n"
}

pub(super) fn text(explained: &[Explained<'_>], report: &Report) -> String {
    explained.iter().map(one).chain([verdict(report)]).collect::<Vec<_>>().join("\n")
}

/// What came of all findings of the report together.
fn verdict(report: &Report) -> String {
    let mut out = format!("verdict of the report: {}\n", word(report.verdict));
    for reason in &report.reasons {
        writeln!(out, "  {}", visible::line(reason)).expect("writing to a string cannot fail");
    }
    out
}

/// A word as the JSON has it.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn one(explained: &Explained<'_>) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{}", text.trim_end()).expect("writing to a string cannot fail");
    line(format!("{}: {}", visible::line(explained.id), word(explained.outcome)));
    line(format!("  {}", visible::line(&explained.message)));
    for written in explained.written.into_iter().flat_map(str::lines) {
        line(format!("  | {}", visible::line(written)));
    }
    line(String::new());
    body(&explained.explanation, "  ", &mut line);
    line(format!("  outcome: {}", word(explained.outcome)));
    line(format!("  on_fail: {}; effect: {}", explained.on_fail, explained.effect));
    for source in &explained.explanation.sources {
        line(format!("  source: {source}"));
    }
    out
}

fn body(explanation: &Explanation, indent: &str, line: &mut impl FnMut(String)) {
    if !explanation.numbers.is_empty() {
        line(format!("{indent}numbers of the report"));
    }
    for Given { name, value, unit, meaning } in &explanation.numbers {
        let unit = if unit.as_str().is_empty() { String::new() } else { format!(" [{}]", unit.as_str()) };
        line(format!("{indent}  {}: {}{unit}: {meaning}", visible::line(name), visible::line(&value_text(value))));
    }
    let within = format!("{indent}    ");
    for Part { group, explanation, outcome } in &explanation.groups {
        line(format!("{indent}group {}", visible::line(group)));
        body(explanation, &within, line);
        line(format!("{within}outcome: {}", word(outcome)));
    }
    line(format!("{indent}step by step"));
    for (number, step) in (1..).zip(&explanation.steps) {
        line(format!("{indent}  {number}. {}", of_step(step)));
    }
}

fn of_step(step: &Step) -> String {
    match step {
        Step::Computed { name, formula, numbers, value } => {
            format!("{} = {formula} = {numbers} = {}", visible::line(name), value_text(value))
        }
        Step::Differs { name, reported, computed } => {
            format!("the report says {name} is {}, and these numbers give {}", value_text(reported), value_text(computed))
        }
        Step::Asked { question, numbers, holds, outcome } => match holds {
            true => format!("{question} {}: yes, so {}", visible::line(numbers), word(outcome)),
            false => format!("{question} {}: no", visible::line(numbers)),
        },
        Step::Stated { what, outcome } => format!("{}: so {}", visible::line(what), word(outcome)),
        Step::Otherwise { outcome } => format!("otherwise {}", word(outcome)),
        Step::Note { what } => format!("note: {}", visible::line(what)),
    }
}
