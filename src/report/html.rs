//! The report as one self-contained HTML file.

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment};

use super::model::Report;
use crate::shown::{count, minute, short};
use crate::visible;

/// Renders `report` with the template in `reports/`.
pub(super) fn render(report: &Report) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
    environment.add_filter("count", |n: u64| count(n));
    environment.add_filter("minute", |time: &str| minute(time));
    environment.add_filter("num", number);
    environment.add_filter("percent", |x: f64| format!("{:.1}%", x * 100.0));
    let page = environment
        .add_template("report.css", include_str!("../../reports/report.css"))
        .and_then(|()| environment.add_template("report.html", include_str!("../../reports/report.html")))
        .and_then(|()| environment.get_template("report.html")?.render(minijinja::context! { report => Value::from(Serde(report)) }))
        .expect("the template is part of the program and rendered by its tests for every kind of report");
    // The template has no such characters: what is escaped here came with the data.
    visible::page(&page).into_owned()
}

/// A value as a person reads it: floats in six significant digits, nothing as a dash.
fn number(value: Value) -> String {
    if value.is_none() || value.is_undefined() {
        return "–".into();
    }
    if value.is_integer() {
        return match u64::try_from(value.clone()) {
            Ok(n) => count(n),
            Err(_) => value.to_string(),
        };
    }
    match f64::try_from(value.clone()) {
        Ok(x) if value.is_number() => short(x),
        _ => value.to_string(),
    }
}
