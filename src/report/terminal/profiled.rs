//! A profile as text for a terminal: what fits on a screen.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value as Json;

use super::Style;
use crate::report::columns::{AlertKind, Role};
use crate::report::model::{ColumnReport, Report};
use crate::report::plot;
use crate::rows::Origin;
use crate::shown::{count, counted, cut_short, digits, minute, percent_of};
use crate::visible::{self, NAME_MAX};

/// Columns, pairs and formats that are shown unless all are asked for.
const COLUMNS_MAX: usize = 40;
const PAIRS_MAX: usize = 6;
const FORMATS_MAX: usize = 8;
/// Characters of a value.
const CHARS_MAX: usize = 24;

/// Renders a profile.
pub(super) fn render(report: &Report, style: Style) -> String {
    let mut lines = vec![headline(report, style)];
    if report.rows.malformed > 0 {
        lines.push(format!("  {} {} cannot be read", style.paint("!", "33"), counted(report.rows.malformed, "record")));
    }
    let shown = if style.verbose { report.columns.len() } else { report.columns.len().min(COLUMNS_MAX) };
    if shown > 0 {
        lines.push(String::new());
        lines.extend(table(&report.columns[..shown], style).lines().map(str::to_owned));
    }
    if shown < report.columns.len() {
        lines.push(format!("  … {} (-v shows them)", counted((report.columns.len() - shown) as u64, "more column")));
    }
    let sections = [("keys", keys(report)), ("correlated", correlations(report, style)), ("formats", formats(report, style))];
    for (name, said) in sections {
        for (i, line) in said.iter().enumerate() {
            if i == 0 {
                lines.push(String::new());
            }
            lines.push(format!("  {:<12}{line}", if i == 0 { name } else { "" }));
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn headline(report: &Report, style: Style) -> String {
    let dataset = visible::cut(&report.dataset, NAME_MAX);
    let mut parts = vec![counted(report.rows.read - report.rows.filtered, "row"), counted(report.columns.len() as u64, "column")];
    parts.push(visible::cut(&report.batch.format, NAME_MAX).into_owned());
    if report.batch.files.len() > 1 {
        parts.push(counted(report.batch.files.len() as u64, "file"));
    }
    let when = report.began.as_ref().map_or_else(String::new, |began| format!(" (profiled {})", visible::cut(&minute(began), NAME_MAX)));
    format!("{}  {}{when}", style.paint(&dataset, "1"), parts.join(", "))
}

fn table(columns: &[ColumnReport], style: Style) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(style.width);
    table.set_header(["  column", "type", "missing", "distinct", "values", "range", "remarkable"]);
    for column in columns {
        let missing = if column.missing == 0 { String::new() } else { percent_of(column.missing as f64 / column.rows as f64, &[0.0, 1.0]) };
        let about = if column.distinct_exact == Some(false) { "≈" } else { "" };
        let distinct = column.distinct.map_or_else(String::new, |n| format!("{about}{}", count(n)));
        let remarkable: Vec<String> = column.alerts.iter().map(|alert| shortly(alert.kind, &alert.message)).collect();
        table.add_row([
            format!("  {}", visible::cut(&column.name, 32)),
            visible::cut(&column.data_type, 24).into_owned(),
            missing,
            distinct,
            picture(column),
            range(column),
            visible::cut(&remarkable.join("; "), 100).into_owned(),
        ]);
    }
    for right in [2, 3] {
        if let Some(column) = table.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// A remark as few words.
fn shortly(kind: AlertKind, message: &str) -> String {
    match kind {
        AlertKind::Empty | AlertKind::Skewed | AlertKind::Zeros | AlertKind::Constant | AlertKind::StandIns => message.to_owned(),
        AlertKind::MostlyMissing => "mostly missing".to_owned(),
        AlertKind::Unique => "unique".to_owned(),
        AlertKind::Correlated => message.split(':').next().unwrap_or_default().replace("with ", "~ "),
        AlertKind::MixedKinds | AlertKind::MixedFormats => message.to_owned(),
    }
}

/// The histogram in a few characters; of an identifier the word.
fn picture(column: &ColumnReport) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const BARS: usize = 12;
    if column.role == Some(Role::Identifier) {
        return "identifier".to_owned();
    }
    let Some(histogram) = &column.histogram else { return String::new() };
    let each = histogram.counts.len().div_ceil(BARS).max(1);
    let counts: Vec<u64> = histogram.counts.chunks(each).map(|chunk| chunk.iter().sum()).collect();
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let step = |n: u64| if n == 0 { ' ' } else { STEPS[((n as f64 / most as f64 * 7.0).round() as usize).min(7)] };
    counts.into_iter().map(step).collect()
}

fn range(column: &ColumnReport) -> String {
    if column.mask.is_some() {
        return "masked".to_owned();
    }
    match (&column.min, &column.max, &column.top_values) {
        (Some(min), Some(max), _) if min == max => value(min),
        (Some(min), Some(max), _) => format!("{} … {}", value(min), value(max)),
        (_, _, Some(top)) => top.iter().take(3).map(|top| value(&top.value)).collect::<Vec<_>>().join(", "),
        (_, _, None) => String::new(),
    }
}

fn value(value: &Json) -> String {
    match value {
        Json::String(text) => visible::line(&cut_short(&instant(text), CHARS_MAX)).into_owned(),
        Json::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, |x| digits(x, 5)),
        other => other.to_string(),
    }
}

/// A time without what says nothing: `2013-01-01 05:00`.
fn instant(text: &str) -> String {
    let is_instant = text.as_bytes().get(10) == Some(&b'T') && text.as_bytes().get(13) == Some(&b':');
    if is_instant { text.replacen('T', " ", 1).trim_end_matches(":00").to_owned() } else { text.to_owned() }
}

fn keys(report: &Report) -> Vec<String> {
    let Some(keys) = &report.candidate_keys else { return Vec::new() };
    if keys.is_empty() {
        return vec!["no column names each row, nor does a pair of columns".to_owned()];
    }
    let named = |columns: &[String]| columns.iter().map(|name| visible::cut(name, NAME_MAX).into_owned()).collect::<Vec<_>>().join(" + ");
    vec![keys.iter().map(|key| named(&key.columns)).collect::<Vec<_>>().join(", ")]
}

fn correlations(report: &Report, style: Style) -> Vec<String> {
    let Some(correlations) = &report.correlations else { return Vec::new() };
    let most = if style.verbose { usize::MAX } else { PAIRS_MAX };
    let coefficient = |name: &str, x: Option<f64>| x.map(|x| format!("{name} {}", plot::coefficient(x)));
    let mut lines: Vec<String> = correlations
        .pairs
        .iter()
        .take(most)
        .map(|pair| {
            let all = [coefficient("r", pair.pearson), coefficient("ρ", pair.spearman), coefficient("V", pair.cramers_v)];
            let [a, b] = &pair.columns;
            format!("{} and {}: {}", visible::cut(a, 32), visible::cut(b, 32), all.into_iter().flatten().collect::<Vec<_>>().join(", "))
        })
        .collect();
    let more = correlations.pairs.len().saturating_sub(lines.len());
    let of = if correlations.exact { String::new() } else { format!("of a sample of {}", counted(correlations.rows, "row")) };
    let rest = if more > 0 { format!("… {}", counted(more as u64, "more pair")) } else { String::new() };
    let last: Vec<String> = [rest, of].into_iter().filter(|text| !text.is_empty()).collect();
    if !lines.is_empty() && !last.is_empty() {
        lines.push(last.join(", "));
    }
    lines
}

fn formats(report: &Report, style: Style) -> Vec<String> {
    let most = if style.verbose { usize::MAX } else { FORMATS_MAX };
    let all = report.columns.iter().filter_map(|column| Some((column, column.formats.as_ref()?)));
    let said = all.map(|(column, formats)| {
        let name = visible::cut(&column.name, 32);
        let format = formats.formats.first().map_or("", |format| &format.format);
        let units: Vec<String> =
            formats.units.iter().map(|unit| format!("{} {}", visible::line(&unit.format), count(unit.count))).collect();
        let units = if units.is_empty() { String::new() } else { format!(" ({})", units.join(", ")) };
        let example = formats.example.as_ref().map_or_else(String::new, |example| {
            let value = visible::line(&cut_short(&example.value, CHARS_MAX)).into_owned();
            format!(", but {} not, first `{value}` in {}", counted(formats.exceptions, "value"), place(&example.origin))
        });
        format!("{name}: {}{units}{example}", visible::cut(format, 60))
    });
    said.take(most).collect()
}

fn place(origin: &Origin) -> String {
    match origin {
        Origin::File { line: Some(line), .. } => format!("line {}", count(*line)),
        Origin::File { row, .. } => format!("row {}", count(*row)),
        Origin::Memory { .. } | Origin::Event { .. } => origin.to_string(),
    }
}
