//! A report without what shows a value.

use super::rows::Origins;
use super::some;
use super::sought::{Sought, SoughtValue};
use crate::findings::{Finding, Sample, Value};
use crate::report::Report;
use crate::report::model::ColumnReport;
use crate::rows::Origin;

/// What went of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Removed {
    samples: usize,
    groups: usize,
    figures: usize,
    texts: usize,
}

impl Removed {
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn add(&mut self, more: Self) {
        self.samples += more.samples;
        self.groups += more.groups;
        self.figures += more.figures;
        self.texts += more.texts;
    }

    /// In words.
    pub(super) fn told(self) -> String {
        let Self { samples, groups, figures, texts } = self;
        let parts = [some(samples, "sample"), some(groups, "group"), some(figures, "figure"), some(texts, "text")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// `report` without the values that are sought and without samples of rows that came from one of `origins`, and what went.
pub(super) fn without(report: &Report, sought: &Sought, origins: &Origins) -> (Report, Removed) {
    let (mut report, mut removed) = (report.clone(), Removed::default());
    let gone = origins.get(&report.batch.id);
    let came_from = |origin: &Origin| {
        let (file, _, row) = origin.columns();
        gone.is_some_and(|gone| gone.contains(&(file.into_owned(), row)))
    };
    for finding in &mut report.findings {
        let before = finding.samples.len();
        finding.samples.retain(|sample| !came_from(&sample.origin) && !shows(sample, sought));
        removed.samples += before - finding.samples.len();
        if let Some(same) = finding.samples.iter_mut().find(|sample| sample.same_key_as.as_ref().is_some_and(came_from)) {
            same.same_key_as = None;
        }
        in_finding(finding, sought, &mut removed);
    }
    for column in &mut report.columns {
        let name = column.name.clone();
        sought.of(&name).for_each(|value| in_column(column, value, &mut removed));
    }
    for value in sought.all() {
        hide(&mut report.reasons, value, true, &mut removed);
    }
    // The values may stand in tables that belong with it.
    for table in &mut report.tables {
        let (without, of_table) = without(&table.report, sought, origins);
        table.report = without;
        removed.add(of_table);
    }
    (report, removed)
}

fn shows(sample: &Sample, sought: &Sought) -> bool {
    let in_values = sample.values.iter().chain(&sample.before).any(|(name, json)| sought.of(name).any(|value| value.is_json(json)));
    // What the record or the reason says of which column is not known.
    let texts = [&sample.raw, &sample.reason];
    in_values || texts.into_iter().flatten().any(|text| sought.all().iter().any(|value| value.is_in(text.as_bytes())))
}

fn in_finding(finding: &mut Finding, sought: &Sought, removed: &mut Removed) {
    for value in sought.all() {
        let before = finding.why.len();
        finding.why.retain(|why| why.column != value.column || !why.value.as_deref().is_some_and(|text| value.is_text(text)));
        removed.figures += before - finding.why.len();
        let is_about = finding.columns.contains(&value.column);
        if is_about {
            for figure in [&mut finding.observed, &mut finding.limit] {
                if is_value(figure, value) && !finding.unit.counts() {
                    *figure = Value::Nothing;
                    removed.figures += 1;
                }
            }
        }
        let before = finding.groups.len();
        finding.groups.retain(|group| !group.group.iter().flatten().any(|name| value.is_text(name)));
        removed.groups += before - finding.groups.len();
        finding.figures.retain(|name, figure| {
            let shows = value.is_text(name) || is_about && !figure.unit.counts() && is_value(&figure.value, value);
            removed.figures += usize::from(shows);
            !shows
        });
        let in_quotes = !is_about;
        hide(finding.message.statements_mut(), value, in_quotes, removed);
        for group in &mut finding.groups {
            hide(group.message.statements_mut(), value, in_quotes, removed);
        }
        hide(&mut finding.known_reasons, value, true, removed);
    }
}

fn is_value(figure: &Value, value: &SoughtValue) -> bool {
    match figure {
        Value::Nothing => false,
        Value::Integer(n) => value.is_text(&n.to_string()),
        Value::Float(x) => value.is_number(*x),
        Value::Text(text) => value.is_text(text),
    }
}

fn hide(texts: &mut [String], value: &SoughtValue, in_quotes: bool, removed: &mut Removed) {
    for text in texts {
        if let Some(hidden) = value.hidden_in(text, in_quotes) {
            *text = hidden;
            removed.texts += 1;
        }
    }
}

fn in_column(column: &mut ColumnReport, value: &SoughtValue, removed: &mut Removed) {
    for extreme in [&mut column.min, &mut column.max] {
        if extreme.take_if(|json| value.is_json(json)).is_some() {
            removed.figures += 1;
        }
    }
    // Of one value the mean is that value.
    if column.mean.take_if(|mean| is_value(mean, value)).is_some() {
        removed.figures += 1;
    }
    if let Some(values) = &mut column.top_values {
        let before = values.len();
        values.retain(|top| !value.is_json(&top.value));
        removed.figures += before - values.len();
    }
    if let Some(quantiles) = &mut column.quantiles {
        let before = quantiles.len();
        quantiles.retain(|_, x| !value.is_number(*x));
        removed.figures += before - quantiles.len();
    }
    let is_edge = |histogram: &mut crate::report::model::Histogram| {
        let edges = histogram.edges.iter().flatten().any(|edge| value.is_json(edge));
        edges || value.is_number(histogram.low) || value.is_number(histogram.high)
    };
    if column.histogram.take_if(is_edge).is_some() {
        removed.figures += 1;
    }
}

/// Where `report` has a text that is one of the values all the same, for people to look at.
pub(super) fn still_shown<'a>(report: &Report, sought: &'a Sought) -> impl Iterator<Item = String> + use<'a> {
    let json = serde_json::to_value(report).unwrap_or_default();
    let shown = move |value: &'a SoughtValue| {
        let mut places = Vec::new();
        walk(&json, "", &mut |path, text| {
            if value.is_text(text) && value.hidden_in(text, false).is_some() {
                places.push(format!("`{path}` is the text `{text}`, which may be the value or not; it was let be"));
            }
        });
        places
    };
    sought.all().iter().flat_map(shown)
}

fn walk(json: &serde_json::Value, path: &str, see: &mut dyn FnMut(&str, &str)) {
    match json {
        serde_json::Value::String(text) => see(path, text),
        serde_json::Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| walk(item, &format!("{path}[{i}]"), see)),
        serde_json::Value::Object(fields) => fields.iter().for_each(|(name, field)| walk(field, &format!("{path}/{name}"), see)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}
