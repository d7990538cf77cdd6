//! The report as one self-contained HTML file.

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::Rendering;
use super::model::Report;
use crate::base64;
use crate::findings::{FigureName, Outcome, Unit, figures};
use crate::rules::words::Duration;
use crate::shown::{count, counted, digits, minute, percent_of};
use crate::visible;

mod bullet;
mod trend;
mod view;

/// The page and its parts: `report.html` is the frame, `finding.html` one row of its table.
const TEMPLATES: [(&str, &str); 14] = [
    ("report.html", include_str!("../../reports/html/report.html")),
    ("parts.html", include_str!("../../reports/html/parts.html")),
    ("icons.html", include_str!("../../reports/html/icons.html")),
    ("mark.html", include_str!("../../reports/html/mark.html")),
    ("banner.html", include_str!("../../reports/html/banner.html")),
    ("findings.html", include_str!("../../reports/html/findings.html")),
    ("finding.html", include_str!("../../reports/html/finding.html")),
    ("groups.html", include_str!("../../reports/html/groups.html")),
    ("since.html", include_str!("../../reports/html/since.html")),
    ("schema.html", include_str!("../../reports/html/schema.html")),
    ("columns.html", include_str!("../../reports/html/columns.html")),
    ("tables.html", include_str!("../../reports/html/tables.html")),
    ("report.css", include_str!("../../reports/html/report.css")),
    ("columns.css", include_str!("../../reports/html/columns.css")),
];

/// What searches, sorts, filters and copies. The page admits this script by its hash, and no other.
const SCRIPT: &str = include_str!("../../reports/html/report.js");

/// Findings that are a problem may take so many bytes of the page with their details, and so many beyond that without.
const PROBLEMS_BYTES: [usize; 2] = [300_000, 100_000];
/// The same for those that pass.
const PASSING_BYTES: [usize; 2] = [120_000, 60_000];

/// Renders `report` with the templates in `reports/html/`.
pub(crate) fn render(report: &Report, _: &Rendering) -> String {
    let mut environment = environment();
    super::plot::add_to(&mut environment, report);
    let page =
        page(&environment, report).expect("the templates are part of the program and rendered by its tests for every kind of report");
    // The templates have no such characters: what is escaped here came with the data.
    visible::page(&page).into_owned()
}

/// The templates, with what they write numbers and times with.
pub(crate) fn environment() -> Environment<'static> {
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
    environment.add_test("hash_like", |text: &str| text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    for (name, text) in TEMPLATES {
        environment.add_template(name, text).expect("the templates are part of the program");
    }
    environment
}

/// A digest of what pages of reports are made with.
pub(crate) fn digest() -> u64 {
    let texts: Vec<&str> = TEMPLATES.iter().map(|(_, text)| *text).collect();
    xxh3_64((texts.concat() + SCRIPT).as_bytes())
}

fn page(environment: &Environment<'_>, report: &Report) -> Result<String, minijinja::Error> {
    let digest = ring::digest::digest(&ring::digest::SHA256, SCRIPT.as_bytes());
    environment.get_template("report.html")?.render(minijinja::context! {
        report => Value::from(Serde(report)),
        checks_nothing => report.checks_nothing(),
        head => Value::from(Serde(view::Head::of(report))),
        page => Value::from(Serde(findings(environment, report)?)),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        script_hash => Value::from_safe_string(format!("sha256-{}", base64::encoded(digest.as_ref()))),
    })
}

/// The rows of the table of findings, within their bytes.
#[derive(Debug, Serialize)]
struct Findings {
    tally: Vec<(&'static str, usize)>,
    has_shares: bool,
    /// Where the bars of shares end.
    top: f64,
    problems: Value,
    problems_left: usize,
    passing: Value,
    passing_count: usize,
    passing_left: usize,
}

fn findings(environment: &Environment<'_>, report: &Report) -> Result<Findings, minijinja::Error> {
    let template = environment.get_template("finding.html")?;
    let (mut problems, mut passing) = (Rows::within(PROBLEMS_BYTES), Rows::within(PASSING_BYTES));
    for (finding, shown) in view::findings(report) {
        let rows = match finding.outcome {
            Outcome::Pass => &mut passing,
            Outcome::Known | Outcome::NotJudged | Outcome::Warn | Outcome::InsufficientEvidence | Outcome::NoData | Outcome::Fail => {
                &mut problems
            }
        };
        let context = |brief: bool| minijinja::context! { f => Value::from(Serde(finding)), v => Value::from(Serde(&shown)), brief };
        rows.add(|brief| template.render(context(brief)))?;
    }
    Ok(Findings {
        tally: view::tally(&report.findings),
        has_shares: report.findings.iter().any(|f| bullet::share(f, report).is_some()),
        top: view::top(report),
        problems_left: problems.left,
        problems: Value::from_safe_string(problems.html),
        passing_count: passing.count,
        passing_left: passing.left,
        passing: Value::from_safe_string(passing.html),
    })
}

/// Rows of a table that holds so many bytes.
struct Rows {
    html: String,
    bytes: [usize; 2],
    count: usize,
    left: usize,
}

impl Rows {
    fn within(bytes: [usize; 2]) -> Self {
        Self { html: String::new(), bytes, count: 0, left: 0 }
    }

    /// Adds a row, with its details where there is room for them. Once a row was left out, so are all that follow.
    fn add(&mut self, render: impl Fn(bool) -> Result<String, minijinja::Error>) -> Result<(), minijinja::Error> {
        self.count += 1;
        let [whole, brief] = self.bytes;
        for (is_brief, bytes) in [(false, whole), (true, whole + brief)] {
            if self.left == 0 && self.html.len() < bytes {
                let row = render(is_brief)?;
                if self.html.len() + row.len() <= bytes {
                    self.html += &row;
                    return Ok(());
                }
            }
        }
        self.left += 1;
        Ok(())
    }
}

/// A value as a person reads it: floats in three significant digits, nothing as a dash.
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
    float(value).map_or_else(|| value.to_string(), |x| brief(x, limits))
}

/// Three significant digits, or as many more as it takes to see on which side of each of `limits` the number lies.
fn brief(x: f64, limits: &[f64]) -> String {
    let agrees = |text: &String| text.parse().is_ok_and(|y: f64| limits.iter().all(|limit| y.partial_cmp(limit) == x.partial_cmp(limit)));
    let text = (3..18).map(|n| digits(x, n)).find(agrees).unwrap_or_else(|| x.to_string());
    match text.parse::<u64>() {
        Ok(whole) => count(whole),
        Err(_) => text,
    }
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
    format!("{} points", (1..17).map(text).find(agrees).unwrap_or_else(|| points.to_string()))
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
    limit.as_str().map_or_else(|| float(limit).into_iter().collect(), bullet::numbers)
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
