//! One model, rendered in every format.

pub mod columns;
mod digest;
mod github;
mod gitlab;
mod hidden;
pub(crate) mod html;
mod junit;
pub(crate) mod limits;
mod markdown;
pub mod model;
pub(crate) mod openlineage;
pub(crate) mod openmetrics;
mod plot;
mod read;
mod rendering;
mod rows;
mod sarif;
pub mod since;
pub mod stream;
mod tables;
pub mod terminal;
mod told;
mod why;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

pub use gitlab::beside;
pub use model::{Report, TableReport};
pub use read::read;
pub use rendering::{Rendering, Repository, Values};

use crate::diagnostic::{Code, Fault, nearest};

/// A format of reports.
pub struct ReportFormat {
    /// What `--report NAME=PATH` calls it.
    pub name: &'static str,
    /// The extension that asks for it where no format is named; none if its files end like those of another format.
    pub extension: Option<&'static str>,
    /// What it is and who reads it, in a sentence.
    pub meaning: &'static str,
    /// Whether it has a place for the tables of a report; others list what all of them say.
    keeps_tables: bool,
    /// Renders what may be shown; ask [`ReportFormat::text`].
    render: fn(&Report, &Rendering) -> String,
}

impl ReportFormat {
    /// The report in this format.
    pub fn text(&self, report: &Report, rendering: &Rendering) -> String {
        let report = if self.keeps_tables { Cow::Borrowed(report) } else { report.together() };
        match rendering.values {
            Values::Shown => (self.render)(&report, rendering),
            Values::Hidden => (self.render)(&hidden::without_values(&report), rendering),
        }
    }
}

/// Every format. To add one: a file in this room, and an entry here.
pub const FORMATS: &[ReportFormat] = &[
    ReportFormat {
        name: "json",
        extension: Some("json"),
        meaning: "All that is known, to be read by programs and read back by `sluicegate`.",
        keeps_tables: true,
        render: |report, _| json(report),
    },
    ReportFormat {
        name: "html",
        extension: Some("html"),
        meaning: "A page for people, in one file.",
        keeps_tables: false,
        render: html::render,
    },
    ReportFormat {
        name: "markdown",
        extension: Some("md"),
        meaning: "A summary of at most 60 kB, for a step of CI or a comment.",
        keeps_tables: false,
        render: markdown::render,
    },
    ReportFormat {
        name: "junit",
        extension: Some("xml"),
        meaning: "JUnit's XML: a case a finding, for the test views of CI systems.",
        keeps_tables: false,
        render: junit::render,
    },
    ReportFormat {
        name: "sarif",
        extension: Some("sarif"),
        meaning: "SARIF 2.1.0: a result a failing row, for code scanning.",
        keeps_tables: false,
        render: sarif::render,
    },
    ReportFormat {
        name: "github",
        extension: None,
        meaning: "Annotations for GitHub Actions: workflow commands, which a step prints.",
        keeps_tables: false,
        render: github::render,
    },
    ReportFormat {
        name: "gitlab",
        extension: None,
        meaning: "GitLab's code quality report, for merge requests.",
        keeps_tables: false,
        render: gitlab::render,
    },
    ReportFormat {
        name: "openmetrics",
        extension: Some("prom"),
        meaning: "Figures for a collector of metrics, such as the textfile collector of Prometheus: names and numbers, no values.",
        keeps_tables: false,
        render: |report, _| openmetrics::render(report),
    },
    ReportFormat {
        name: "openlineage",
        extension: None,
        meaning: "Events of OpenLineage, one a line: the run started, and how it ended, with facets of data quality.",
        keeps_tables: false,
        render: openlineage::render,
    },
];

/// How the names of reports may end.
pub fn extensions() -> impl Iterator<Item = String> {
    FORMATS.iter().filter_map(|format| format.extension).map(|extension| format!(".{extension}"))
}

/// The format that the name of `path` asks for.
///
/// # Errors
/// No format has that extension.
pub fn format_of(path: &Path) -> Result<&'static ReportFormat, Fault> {
    // By the standard of SARIF, files may end either way.
    let is_sarif = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(".sarif.json"));
    let extension = if is_sarif { Some("sarif") } else { path.extension().and_then(|e| e.to_str()) };
    FORMATS.iter().find(|format| format.extension.is_some() && format.extension == extension).ok_or_else(|| {
        let known: Vec<String> = extensions().map(|extension| format!("`{extension}`")).collect();
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        let fault = Fault::new(Code::UnknownFormat, format!("{}: no report is written in that format", path.display()));
        fault.hint(format!("known: {}; or name the format, as in `{}={}`", known.join(", "), names[0], path.display()))
    })
}

/// The format and the path that `FORMAT=PATH` or `PATH` asks for.
///
/// # Errors
/// No format has that extension, or the name of one is mistyped.
pub fn asked(text: &Path) -> Result<(&'static ReportFormat, PathBuf), Fault> {
    let Some((name, path)) = text.to_str().and_then(|text| text.split_once('=')) else { return Ok((format_of(text)?, text.to_owned())) };
    match FORMATS.iter().find(|format| format.name == name) {
        Some(_) if path.is_empty() => {
            let fault = Fault::new(Code::UnknownFormat, format!("`{name}=` names no file for the report"));
            Err(fault.hint(format!("write the file behind it, as in `{name}=report`")))
        }
        Some(format) => Ok((format, path.into())),
        // A file may have such a name.
        None => match nearest(name, FORMATS.iter().map(|format| format.name)) {
            Some(near) if !name.contains(['/', '.']) => {
                let fault = Fault::new(Code::UnknownFormat, format!("{}: `{name}` is no format of reports", text.display()));
                Err(fault.hint(format!("did you mean `{near}={path}`? A file of that name is `./{}`", text.display())))
            }
            Some(_) | None => Ok((format_of(text)?, text.to_owned())),
        },
    }
}

/// The JSON Schema of [`Report`].
pub fn json_schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Report>().to_value();
    schema["$id"] = "https://sluicegate.dev/schemas/report-1.json".into();
    schema
}

/// The report as a line of JSON; [`read`] gives it back.
pub fn json_line(report: &Report) -> String {
    serde_json::to_string(report).expect("a report has string keys only, so it serialises") + "\n"
}

/// The report as JSON; [`read`] gives it back.
pub fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report has string keys only, so it serialises");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_asked_for_by_its_extension_or_by_the_name_of_a_format() {
        let asked = |text: &str| asked(Path::new(text)).map(|(format, path)| (format.name, path.display().to_string()));
        for (text, name, path) in [
            ("a/b.json", "json", "a/b.json"),
            ("html=page", "html", "page"),
            ("json=a.html", "json", "a.html"),
            ("json=day=1/a.txt", "json", "day=1/a.txt"),
            ("day=1/a.json", "json", "day=1/a.json"),
            ("./jsn=a.json", "json", "./jsn=a.json"),
            ("a.sarif.json", "sarif", "a.sarif.json"),
            ("junit=a.xml", "junit", "a.xml"),
            ("a.xml", "junit", "a.xml"),
            ("a.md", "markdown", "a.md"),
        ] {
            assert_eq!(asked(text), Ok((name, path.to_owned())), "{text}");
        }
        for (text, said) in [
            ("jsn=a.json", "did you mean `json=a.json`?"),
            ("json=", "names no file"),
            ("a.xyz", "known: `.json`"),
            ("xyz=a", "no report is written in that format"),
            ("a", "`json=a`"),
            ("", "no report"),
        ] {
            let fault = asked(text).expect_err(text);
            assert!(fault.code == Code::UnknownFormat && fault.to_string().contains(said), "{text}: {fault}");
        }
    }

    #[test]
    fn no_two_formats_share_a_name_or_an_extension() {
        for (at, format) in FORMATS.iter().enumerate() {
            let others = || FORMATS[..at].iter();
            assert!(others().all(|other| other.name != format.name), "{}", format.name);
            assert!(format.extension.is_none() || others().all(|other| other.extension != format.extension), "{}", format.name);
        }
    }
}
