//! One model, rendered in every format.

mod html;
pub(crate) mod limits;
pub mod model;
pub(crate) mod openmetrics;
mod read;
pub mod since;
pub mod stream;
pub mod terminal;

use std::path::Path;

pub use model::Report;
pub use read::read;

use crate::diagnostic::{Code, Fault};

/// A file format of reports: its extension and its renderer.
pub struct ReportFormat {
    pub extension: &'static str,
    pub render: fn(&Report) -> String,
}

/// Every file format.
pub const FORMATS: &[ReportFormat] =
    &[ReportFormat { extension: "json", render: json }, ReportFormat { extension: "html", render: html::render }];

/// How the names of reports may end.
pub fn extensions() -> impl Iterator<Item = String> {
    FORMATS.iter().map(|format| format!(".{}", format.extension))
}

/// The format that the name of `path` asks for.
///
/// # Errors
/// No format has that extension.
pub fn format_of(path: &Path) -> Result<&'static ReportFormat, Fault> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    FORMATS.iter().find(|f| f.extension == extension).ok_or_else(|| {
        let known: Vec<String> = extensions().map(|extension| format!("`{extension}`")).collect();
        let fault = Fault::new(Code::UnknownFormat, format!("{}: no report is written in that format", path.display()));
        fault.hint(format!("known: {}", known.join(", ")))
    })
}

/// The JSON Schema of [`Report`].
pub fn json_schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Report>().to_value();
    schema["$id"] = "https://sluicegate.dev/schemas/report-1.json".into();
    schema
}

/// The report as JSON; [`read`] gives it back.
pub fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report has string keys only, so it serialises");
    text.push('\n');
    text
}
