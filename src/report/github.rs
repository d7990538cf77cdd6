//! Annotations for GitHub: workflow commands, a line each, that GitHub's runner shows beside the files of a pull request.

use std::fmt::Write;

use super::model::Report;
use super::rendering::{Rendering, Repository};
use super::told::{self, Weight, dataset, fault, message, more_rows};
use crate::diagnostic::Place;
use crate::findings::Finding;
use crate::rows::Origin;
use crate::shown::{count, counted};
use crate::verdict::Verdict;
use crate::visible;

/// GitHub shows ten annotations of a level and step.
const OF_LEVEL_MAX: usize = 10;
/// Characters of a message.
const TEXT_MAX: usize = 1_000;

/// A command with its properties.
struct Annotation {
    level: &'static str,
    properties: Vec<(&'static str, String)>,
    message: String,
}

pub(super) fn render(report: &Report, rendering: &Rendering) -> String {
    let mut all: Vec<Annotation> = report.faults.iter().map(|fault| of_fault(report, fault, &rendering.repository)).collect();
    all.extend(report.findings.iter().filter_map(|finding| of_finding(report, finding, &rendering.repository)));
    all.extend(of_release(report));
    if let Some(of_verdict) = of_verdict(report).filter(|_| all.iter().all(|annotation| annotation.level != ERROR)) {
        all.insert(0, of_verdict);
    }
    [ERROR, WARNING, NOTICE].into_iter().flat_map(|level| of_level(report, &all, level)).collect()
}

const ERROR: &str = "error";
const WARNING: &str = "warning";
const NOTICE: &str = "notice";

/// The first of the level; where there are more than are shown, the last says how many.
fn of_level(report: &Report, all: &[Annotation], level: &'static str) -> Vec<String> {
    let of_level: Vec<&Annotation> = all.iter().filter(|annotation| annotation.level == level).collect();
    let shown = if of_level.len() > OF_LEVEL_MAX { OF_LEVEL_MAX - 1 } else { of_level.len() };
    let mut lines: Vec<String> = of_level[..shown].iter().map(|annotation| annotation.line()).collect();
    let more = (of_level.len() - shown) as u64;
    if more > 0 {
        let noun = if level == NOTICE { "note" } else { level };
        let message = format!("and {}: see the report", counted(more, &format!("more {noun}")));
        lines.push(Annotation { level, properties: vec![("title", dataset(report))], message }.line());
    }
    lines
}

impl Annotation {
    /// As GitHub's documentation of workflow commands has it.
    fn line(&self) -> String {
        let mut line = format!("::{}", self.level);
        for (at, (name, value)) in self.properties.iter().enumerate() {
            let separator = if at == 0 { ' ' } else { ',' };
            let value = visible::line(value).replace('%', "%25").replace(':', "%3A").replace(',', "%2C");
            write!(line, "{separator}{name}={value}").expect("writing to a string cannot fail");
        }
        // Line breaks are escapes already.
        let message = visible::cut(&self.message, TEXT_MAX).replace('%', "%25");
        format!("{line}::{message}\n")
    }
}

fn of_fault(report: &Report, fault: &crate::diagnostic::Fault, repository: &Repository) -> Annotation {
    let mut properties = fault.place.as_ref().map_or_else(Vec::new, |place| located(place, repository));
    properties.push(("title", format!("{}: {}", dataset(report), fault.code.as_str())));
    Annotation { level: ERROR, properties, message: self::fault(fault) }
}

/// Beside the rule, which lies in the repository; without one, beside the data.
fn of_finding(report: &Report, finding: &Finding, repository: &Repository) -> Option<Annotation> {
    let level = match Weight::of(finding) {
        Weight::Error => ERROR,
        Weight::Warning => WARNING,
        Weight::Note => NOTICE,
        Weight::Nothing => return None,
    };
    let mut properties = match &finding.place {
        Some(place) => located(place, repository),
        None => beside_data(report, finding, repository),
    };
    properties.push(("title", format!("{}: {}", dataset(report), told::name(&finding.id))));
    let rows = finding.samples.first().map(|first| {
        let more = more_rows(finding, 1);
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        format!(" ({}{more})", told::placed_row(first))
    });
    Some(Annotation { level, properties, message: format!("{}{}", message(finding), rows.unwrap_or_default()) })
}

fn of_release(report: &Report) -> Option<Annotation> {
    let message = told::release(report)?;
    Some(Annotation { level: WARNING, properties: vec![("title", format!("{}: release", dataset(report)))], message })
}

/// What no finding says.
fn of_verdict(report: &Report) -> Option<Annotation> {
    match report.verdict {
        Verdict::Accept | Verdict::Quarantine => return None,
        Verdict::Reject | Verdict::Undecided => {}
    }
    let reasons = report.reasons.join("; ");
    let message = format!("the verdict is {}{}{reasons}", told::verdict(report.verdict), if reasons.is_empty() { "" } else { ": " });
    Some(Annotation { level: ERROR, properties: vec![("title", dataset(report))], message })
}

fn located(place: &Place, repository: &Repository) -> Vec<(&'static str, String)> {
    let mut properties: Vec<(&str, String)> = repository.path(&place.file).map(|file| ("file", file)).into_iter().collect();
    if place.line > 0 && !properties.is_empty() {
        properties.push(("line", place.line.to_string()));
        // GitHub takes columns of a single line only.
        let is_one_line = place.line == place.end_line && place.column > 0;
        let columns = [("col", place.column), ("endColumn", place.end_column)].map(|(name, column)| (name, column.to_string()));
        let of_lines = if is_one_line { columns.to_vec() } else { vec![("endLine", place.end_line.max(place.line).to_string())] };
        properties.extend(of_lines);
    }
    properties
}

fn beside_data(report: &Report, finding: &Finding, repository: &Repository) -> Vec<(&'static str, String)> {
    let first = finding.samples.first().map(|sample| &sample.origin);
    let (file, line) = match first {
        Some(Origin::File { file, line, .. }) => (Some(file.as_str()), *line),
        Some(Origin::Memory { .. } | Origin::Event { .. }) => (None, None),
        None => (report.batch.files.first().map(|file| file.path.as_str()), None),
    };
    let file = file.and_then(|file| repository.path(file)).map(|file| ("file", file));
    let line = line.filter(|_| file.is_some()).map(|line| ("line", line.to_string()));
    file.into_iter().chain(line).collect()
}
