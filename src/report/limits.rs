//! What is long is cut, in every format alike: one cell may be as large as a file.

use serde_json::Value as Json;

use super::model::{ColumnReport, Report};
use crate::diagnostic::Fault;
use crate::findings::{Finding, GroupFigures, Message, Value};
use crate::shown::{RECORD_MAX, VALUE_MAX, cut_short};
use crate::visible::MESSAGE_MAX;

/// Characters that a report shows of a rule as it is written: a list of allowed values may be long.
const WRITTEN_MAX: usize = 1_000;

/// Cuts values, records and messages of a report to what a person reads.
pub(crate) fn cut(report: &mut Report) {
    report.findings.iter_mut().for_each(finding);
    report.columns.iter_mut().for_each(column);
    report.reasons.iter_mut().for_each(|reason| text(reason, MESSAGE_MAX));
    report.schema_changes.iter_mut().flat_map(|change| &mut change.examples).for_each(|example| text(example, VALUE_MAX));
    for Fault { what, hint, .. } in &mut report.faults {
        [Some(what), hint.as_mut()].into_iter().flatten().for_each(|said| text(said, MESSAGE_MAX));
    }
}

fn finding(finding: &mut Finding) {
    message(&mut finding.message);
    finding.written.iter_mut().for_each(rule);
    [&mut finding.observed, &mut finding.limit].into_iter().for_each(figure);
    finding.figures.values_mut().for_each(figure);
    for GroupFigures { group, message: said, figures, .. } in &mut finding.groups {
        group.iter_mut().flatten().for_each(|name| text(name, VALUE_MAX));
        message(said);
        figures.values_mut().for_each(figure);
    }
    finding.why.iter_mut().filter_map(|why| why.value.as_mut()).for_each(|value| text(value, VALUE_MAX));
    for sample in &mut finding.samples {
        sample.values.iter_mut().chain(&mut sample.before).for_each(|(_, value)| json(value));
        sample.raw.iter_mut().for_each(|raw| text(raw, RECORD_MAX));
        sample.reason.iter_mut().for_each(|reason| text(reason, RECORD_MAX));
    }
}

/// Cuts a rule as it is written.
pub(crate) fn rule(written: &mut String) {
    text(written, WRITTEN_MAX);
}

fn column(column: &mut ColumnReport) {
    column.min.iter_mut().chain(&mut column.max).for_each(json);
    column.top_values.iter_mut().flatten().for_each(|top| json(&mut top.value));
}

fn message(message: &mut Message) {
    message.statements_mut().iter_mut().for_each(|statement| text(statement, MESSAGE_MAX));
}

fn figure(value: &mut Value) {
    if let Value::Text(said) = value {
        text(said, VALUE_MAX);
    }
}

fn json(value: &mut Json) {
    if let Json::String(said) = value {
        text(said, VALUE_MAX);
    }
}

/// Cuts text that is longer; what is cut already says by how much, and stays.
fn text(said: &mut String, characters_max: usize) {
    const SAYS_HOW_MUCH: usize = 40;
    if said.len() > characters_max && said.chars().nth(characters_max + SAYS_HOW_MUCH).is_some() {
        *said = cut_short(said, characters_max).into_owned();
    }
}
