//! The columns, as a table.

use comfy_table::{ContentArrangement, Table, TableComponent, presets};
use serde_json::Value as Json;

use super::findings::json_text;
use super::page::Page;
use crate::findings::Value;
use crate::report::Report;
use crate::report::model::ColumnReport;
use crate::shown::{count, percent, short};
use crate::visible::{self, NAME_MAX};

/// What is told: its heading, from which width of the terminal on, and how it is written.
type Told = (&'static str, usize, fn(&ColumnReport) -> String);

/// What is told of each column, and how wide a terminal must be for it.
const TOLD: [Told; 8] = [
    ("column", 0, |c| cell(&c.name)),
    ("type", 0, |c| cell(&c.data_type)),
    ("missing", 0, missing),
    ("distinct", 60, distinct),
    ("min", 80, |c| end(c, &c.min)),
    ("max", 80, |c| end(c, &c.max)),
    ("mean", 110, |c| rounded(&c.mean)),
    ("stddev", 110, |c| rounded(&c.stddev)),
];

/// Writes the table, as much of it as the terminal has room for.
pub(super) fn write(page: &mut Page, report: &Report) {
    let told: Vec<_> = TOLD.iter().filter(|(_, width_min, _)| page.width() >= *width_min).collect();
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    // A line between rows would double the height.
    table.remove_style(TableComponent::HorizontalLines).remove_style(TableComponent::MiddleIntersections);
    table.remove_style(TableComponent::TopBorder).remove_style(TableComponent::TopBorderIntersections);
    table.remove_style(TableComponent::BottomBorder).remove_style(TableComponent::BottomBorderIntersections);
    table.set_width(u16::try_from(page.width()).unwrap_or(u16::MAX));
    table.set_header(told.iter().map(|(title, ..)| *title));
    for column in &report.columns {
        table.add_row(told.iter().map(|(_, _, text)| text(column)));
    }
    page.gap();
    table.lines().for_each(|line| page.line(&line));
}

fn missing(c: &ColumnReport) -> String {
    if c.missing == 0 { "0".to_owned() } else { format!("{} ({})", count(c.missing), percent(c.missing, c.rows)) }
}

fn distinct(c: &ColumnReport) -> String {
    let about = if c.distinct_exact == Some(false) { "~" } else { "" };
    c.distinct.map(|distinct| format!("{about}{}", count(distinct))).unwrap_or_default()
}

fn end(c: &ColumnReport, value: &Option<Json>) -> String {
    let shown = |v: &Json| cell(&v.as_f64().filter(|_| v.is_f64()).map_or_else(|| json_text(v), short));
    if c.mask.is_some() { "masked".to_owned() } else { value.as_ref().map(shown).unwrap_or_default() }
}

fn rounded(value: &Option<Value>) -> String {
    value.as_ref().and_then(Value::as_f64).map(short).unwrap_or_default()
}

fn cell(text: &str) -> String {
    visible::cut(text, NAME_MAX).into_owned()
}
