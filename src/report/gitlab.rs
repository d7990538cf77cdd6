//! GitLab's code quality report: an entry for what fails, warns or could not be judged, beside the rule.

use serde_json::{Value as Json, json};

use super::digest;
use super::model::Report;
use super::rendering::{Rendering, Repository};
use super::told::{self, Weight, dataset, message};
use crate::diagnostic::Fault;
use crate::findings::{Finding, OnFail};
use crate::rows::Origin;
use crate::verdict::Verdict;

pub(super) fn render(report: &Report, rendering: &Rendering) -> String {
    let repository = &rendering.repository;
    let faults = report.faults.iter().map(|fault| of_fault(report, fault, repository));
    let mut entries: Vec<Json> =
        faults.chain(report.findings.iter().filter_map(|finding| of_finding(report, finding, repository))).collect();
    entries.extend(of_release(report, repository));
    if entries.is_empty() {
        entries.extend(of_verdict(report, repository));
    }
    let mut text = format!("{:#}", Json::Array(entries));
    text.push('\n');
    text
}

/// The same entry bears the same fingerprint from run to run: so GitLab knows what is new. It begins with the data set's.
fn entry(report: &Report, id: &str, severity: &str, description: String, (path, line): (String, u64)) -> Json {
    json!({
        "type": "issue",
        "check_name": told::text(id),
        "description": description,
        "categories": ["Bug Risk"],
        "severity": severity,
        "fingerprint": fingerprint(&report.dataset, id),
        "location": { "path": path, "lines": { "begin": line } },
    })
}

/// What the fingerprints of a data set begin with.
fn prefix(dataset: &str) -> String {
    digest::of(&["sluicegate", dataset])[..16].to_owned()
}

fn fingerprint(dataset: &str, id: &str) -> String {
    format!("{}{}", prefix(dataset), &digest::of(&["sluicegate", dataset, id])[..24])
}

fn of_fault(report: &Report, fault: &Fault, repository: &Repository) -> Json {
    let place = fault.place.as_ref().and_then(|place| Some((repository.path(&place.file)?, u64::from(place.line.max(1)))));
    let id = format!("fault/{}", fault.code.as_str());
    let which = fault.place.as_ref().map_or_else(|| fault.what.clone(), ToString::to_string);
    let mut entry = entry(
        report,
        &id,
        "blocker",
        format!("{}: {}", dataset(report), told::fault(fault)),
        place.unwrap_or_else(|| of_data(report, repository)),
    );
    // There may be several of a kind.
    entry["fingerprint"] = fingerprint(&report.dataset, &format!("{id} {which}")).into();
    entry
}

fn of_finding(report: &Report, finding: &Finding, repository: &Repository) -> Option<Json> {
    let severity = match (Weight::of(finding), finding.on_fail) {
        (Weight::Error, OnFail::Reject) => "critical",
        (Weight::Error, OnFail::Quarantine | OnFail::Warn | OnFail::Info) => "major",
        (Weight::Warning, _) => "minor",
        (Weight::Note, _) => "info",
        (Weight::Nothing, _) => return None,
    };
    let of_rule = finding.place.as_ref().and_then(|place| Some((repository.path(&place.file)?, u64::from(place.line.max(1)))));
    let of_row = finding.samples.iter().find_map(|sample| match &sample.origin {
        Origin::File { file, line, .. } => Some((repository.path(file)?, line.unwrap_or(1))),
        Origin::Memory { .. } | Origin::Event { .. } => None,
    });
    let first = finding.samples.first().map(|sample| format!(" (first: {})", told::placed_row(sample)));
    let description = format!("{}: {}: {}{}", dataset(report), told::name(&finding.id), message(finding), first.unwrap_or_default());
    let place = of_rule.or(of_row).unwrap_or_else(|| of_data(report, repository));
    Some(entry(report, &finding.id, severity, description, place))
}

fn of_release(report: &Report, repository: &Repository) -> Option<Json> {
    let release = told::release(report)?;
    Some(entry(report, "release", "minor", format!("{}: {release}", dataset(report)), of_data(report, repository)))
}

/// What no finding says.
fn of_verdict(report: &Report, repository: &Repository) -> Option<Json> {
    match report.verdict {
        Verdict::Accept | Verdict::Quarantine => return None,
        Verdict::Reject | Verdict::Undecided => {}
    }
    let description = format!("{}: {}: {}", dataset(report), told::verdict(report.verdict), told::text(&report.reasons.join("; ")));
    Some(entry(report, "verdict", "critical", description, of_data(report, repository)))
}

/// The data as a whole; GitLab wants a path for whatever there is to say.
fn of_data(report: &Report, repository: &Repository) -> (String, u64) {
    let path = report.batch.files.iter().find_map(|file| repository.path(&file.path));
    (path.unwrap_or_else(|| dataset(report)), 1)
}

/// `own`, an array of such entries, in the place of what an earlier run said of `dataset` in `there`, with what is there of
/// others. None if `there` is no such array.
pub fn beside(there: &str, own: &str, dataset: &str) -> Option<String> {
    let array = |text: &str| serde_json::from_str::<Vec<Json>>(text).ok();
    let prefix = prefix(dataset);
    let is_ours = |entry: &Json| entry["fingerprint"].as_str().is_some_and(|fingerprint| fingerprint.starts_with(&prefix));
    let mut all: Vec<Json> = array(there)?;
    all.retain(|entry| !is_ours(entry));
    all.extend(array(own)?);
    Some(format!("{:#}\n", Json::Array(all)))
}
