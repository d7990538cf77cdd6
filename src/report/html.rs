//! The report as one self-contained HTML file.

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment};

use super::Rendering;
use super::model::Report;
use crate::findings::{FigureName, Unit, figures};
use crate::rules::words::Duration;
use crate::shown::{beside, count, counted, digits, minute, percent_of};
use crate::visible;

/// The page and its parts: `report.html` is the frame.
const TEMPLATES: [(&str, &str); 11] = [
    ("report.html", include_str!("../../reports/html/report.html")),
    ("parts.html", include_str!("../../reports/html/parts.html")),
    ("banner.html", include_str!("../../reports/html/banner.html")),
    ("findings.html", include_str!("../../reports/html/findings.html")),
    ("groups.html", include_str!("../../reports/html/groups.html")),
    ("since.html", include_str!("../../reports/html/since.html")),
    ("schema.html", include_str!("../../reports/html/schema.html")),
    ("columns.html", include_str!("../../reports/html/columns.html")),
    ("publication.html", include_str!("../../reports/html/publication.html")),
    ("report.css", include_str!("../../reports/html/report.css")),
    ("columns.css", include_str!("../../reports/html/columns.css")),
];

/// Renders `report` with the templates in `reports/html/`.
pub(super) fn render(report: &Report, _: &Rendering) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
    environment.add_filter("count", |n: u64| count(n));
    environment.add_filter("minute", |time: &str| minute(time));
    environment.add_filter("num", number);
    environment.add_filter("percent", |share: f64| percent_of(share, &[0.0, 1.0]));
    environment.add_filter("observed", observed);
    environment.add_filter("limit", limit);
    environment.add_filter("figure", figure);
    environment.add_filter("meaning", |name: &str| figures::named(name).map_or("", |known| known.meaning));
    environment.add_filter("title_of", |name: &str| figures::named(name).map_or_else(|| name.to_owned(), FigureName::title));
    environment.add_filter("is_of_column", |name: &str| figures::named(name).is_some_and(|known| known.unit == Unit::OF_COLUMN));
    for (name, text) in TEMPLATES {
        environment.add_template(name, text).expect("the templates are part of the program");
    }
    let page = environment
        .get_template("report.html")
        .and_then(|template| {
            template.render(minijinja::context! {
                report => Value::from(Serde(report)), checks_nothing => report.checks_nothing()
            })
        })
        .expect("the template is part of the program and rendered by its tests for every kind of report");
    // The template has no such characters: what is escaped here came with the data.
    visible::page(&page).into_owned()
}

/// A value as a person reads it: floats in six significant digits, nothing as a dash.
fn number(value: Value) -> String {
    number_beside(&value, &[])
}

/// The same, with digits enough to tell it from `limits`.
fn number_beside(value: &Value, limits: &[f64]) -> String {
    if value.is_none() || value.is_undefined() {
        return "–".into();
    }
    if value.is_integer() {
        return u64::try_from(value.clone()).map_or_else(|_| value.to_string(), count);
    }
    float(value).map_or_else(|| value.to_string(), |x| beside(x, limits))
}

fn float(value: &Value) -> Option<f64> {
    f64::try_from(value.clone()).ok().filter(|_| value.is_number())
}

/// A length of time as people write it, with its seconds where it would read as one of `limits` that it differs from.
fn duration(seconds: i64, limits: &[f64]) -> String {
    let text = Duration { seconds }.to_string();
    let reads_as = |limit: &f64| *limit != seconds as f64 && Duration { seconds: *limit as i64 }.to_string() == text;
    if limits.iter().any(reads_as) { counted(seconds.unsigned_abs(), "second") } else { text }
}

/// A difference of shares, with digits enough to tell it from the limit where that is in points too.
fn points(difference: f64, limit: &str) -> String {
    let points = difference * 100.0;
    let limit = limit.strip_suffix(" points").or_else(|| limit.strip_suffix(" point")).and_then(|limit| limit.parse::<f64>().ok());
    let stands = |x: f64| (x.partial_cmp(&0.0), limit.and_then(|limit| x.partial_cmp(&limit)));
    let text = |decimals: usize| format!("{points:.decimals$}");
    let agrees = |text: &String| text.parse().is_ok_and(|x: f64| stands(x) == stands(points));
    format!("{} points", (2..17).map(text).find(agrees).unwrap_or_else(|| points.to_string()))
}

fn text_of(value: &Value, name: &str) -> String {
    value.get_attr(name).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What was observed, with digits enough to tell it from the limit.
fn observed(value: Value, finding: Value) -> String {
    let limits = finding.get_attr("limit").map_or_else(|_| Vec::new(), |limit| numbers(&limit));
    let unit = text_of(&finding, "unit");
    if let Some(difference) = float(&value).filter(|_| unit == Unit::LARGEST_DIFFERENCE.as_str()) {
        return points(difference, &text_of(&finding, "limit"));
    }
    if let Some(seconds) = seconds(&value).filter(|_| unit == Unit::SECONDS.as_str()) {
        return duration(seconds, &limits);
    }
    match (float(&value).filter(|_| !value.is_integer()), is_share(&finding)) {
        (Some(share), true) => percent_of(share, &[&limits[..], &[0.0, 1.0]].concat()),
        (Some(_), false) | (None, _) => number_beside(&value, &limits),
    }
}

/// The limit, to the last digit.
fn limit(value: Value, finding: Value) -> String {
    if let Some(seconds) = seconds(&value).filter(|_| text_of(&finding, "unit") == Unit::SECONDS.as_str()) {
        return duration(seconds, &[]);
    }
    match (float(&value).filter(|_| !value.is_integer()), is_share(&finding)) {
        // What a percentage has beyond these is what a float adds to it.
        (Some(share), true) => format!("{}%", digits(share * 100.0, 14)),
        (Some(x), false) => x.to_string(),
        (None, _) => number(value),
    }
}

fn seconds(value: &Value) -> Option<i64> {
    i64::try_from(value.clone()).ok().filter(|_| value.is_integer())
}

fn is_share(finding: &Value) -> bool {
    finding.get_attr("unit").is_ok_and(|unit| unit.as_str() == Some(Unit::SHARE_OF_ROWS.as_str()))
}

/// The numbers of a limit such as `at most 20` or `5% to 10%`.
fn numbers(limit: &Value) -> Vec<f64> {
    let Some(text) = limit.as_str() else { return float(limit).into_iter().collect() };
    let number = |word: &str| match word.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().map(|x| x / 100.0),
        None => word.replace(',', "").parse(),
    };
    text.split_whitespace().filter_map(|word| number(word).ok()).collect()
}

/// A figure of the name, as what it is counted in: a share is a percentage.
fn figure(value: Value, name: &str) -> String {
    let counted_in = |unit: Unit| figures::named(name).is_some_and(|known| known.unit == unit);
    if let Some(seconds) = seconds(&value).filter(|_| counted_in(Unit::SECONDS)) {
        return duration(seconds, &[]);
    }
    match float(&value).filter(|_| counted_in(Unit::SHARE_OF_ROWS)) {
        Some(share) => percent_of(share, &[0.0, 1.0]),
        None => number(value),
    }
}
