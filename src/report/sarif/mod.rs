//! SARIF 2.1.0: a rule a finding, a result a failing row, so that a code host shows each where it stands. Failing rows stand in
//! the data; the rule that they fail stands in the rule file.

mod locations;
mod message;

use serde_json::{Value as Json, json};

use self::locations::{of_data, of_place, of_row};
use self::message::{message, plain};
use super::digest;
use super::model::Report;
use super::rendering::{Rendering, Repository, web_link};
use super::told::{self, Weight, contact, dataset};
use crate::diagnostic::{Code, Fault};
use crate::findings::{Finding, Label, OnFail, Sample};
use crate::shown::count;
use crate::verdict::Verdict;
use crate::visible;

/// Results of a rule: more rows than these are a number in the last.
const OF_RULE_MAX: usize = 10;
/// Results of all rules: readers of SARIF take no more than some thousands.
const RESULTS_MAX: usize = 5_000;
/// Tags of a rule: GitHub takes twenty.
const TAGS_MAX: usize = 18;

pub(super) fn render(report: &Report, rendering: &Rendering) -> String {
    let repository = &rendering.repository;
    let kinds = kinds_of_faults(report);
    let mut rules: Vec<Json> = kinds.iter().map(|code| rule_of_faults(*code)).collect();
    rules.extend(report.findings.iter().map(rule));
    let mut results: Vec<Json> = report.faults.iter().map(|fault| result_of_fault(report, fault, &kinds, repository)).collect();
    let told: Vec<(usize, &Finding)> = report.findings.iter().enumerate().filter(|(_, finding)| is_told(finding)).collect();
    // Every finding has its result before one has several.
    let of_rule_max = (RESULTS_MAX / told.len().max(1)).clamp(1, OF_RULE_MAX);
    for (at, finding) in told {
        results.extend(results_of(report, finding, kinds.len() + at, of_rule_max, repository));
    }
    if results.is_empty() {
        results.extend(result_of_verdict(report, &mut rules, repository));
    }
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Sluicegate",
                "informationUri": "https://sluicegate.dev/",
                "version": plain(&report.sluicegate_version),
                "rules": rules,
            } },
            // What ends in a slash is a category: uploads of several data sets stand side by side.
            "automationDetails": { "id": format!("sluicegate/{}/", dataset(report)) },
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation(report, repository)],
            "results": results,
            "properties": {
                "verdict": told::verdict(report.verdict),
                "reasons": report.reasons.iter().map(|reason| told::text(reason)).collect::<Vec<_>>(),
                "dataset": dataset(report),
                "batch": told::text(&report.batch.id),
                "rows": report.rows,
                "release": told::release(report),
            },
        }],
    });
    format!("{log:#}\n")
}

/// Whether there is something to say of it.
fn is_told(finding: &Finding) -> bool {
    Weight::of(finding) != Weight::Nothing || finding.label() == Label::Known
}

fn level(weight: Weight) -> &'static str {
    match weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Note | Weight::Nothing => "note",
    }
}

fn id_of(finding: &Finding) -> String {
    told::text(&finding.id)
}

/// A rule of the file, on one column: what it asks, who is asked, and what is to be done.
fn rule(finding: &Finding) -> Json {
    let columns: Vec<String> = finding.columns.iter().take(3).map(|column| format!("`{}`", told::name(column))).collect();
    let more = if finding.columns.len() > 3 { ", …" } else { "" };
    let on = if columns.is_empty() { String::new() } else { format!(" on {}{more}", columns.join(", ")) };
    let name = visible::line(&finding.rule).into_owned();
    let short = format!("Rule `{name}`{on}");
    let mut help = vec![match &finding.place {
        Some(place) => format!("{short}, written at {}.", told::place(place)),
        None => format!("{short}, which no rule file asks for."),
    }];
    help.extend(contact(finding).into_iter().map(|line| format!("{line}.")));
    help.push(format!("If it fails: {}. `sluicegate explain {name}` says what it does.", finding.on_fail));
    let level = match finding.on_fail {
        OnFail::Reject | OnFail::Quarantine => "error",
        OnFail::Warn => "warning",
        OnFail::Info => "note",
    };
    let tags: Vec<String> =
        ["data-quality".to_owned()].into_iter().chain(finding.tags.iter().take(TAGS_MAX).map(|tag| told::name(tag))).collect();
    let mut rule = json!({
        "id": id_of(finding),
        "shortDescription": message(&finding.description.as_deref().map_or(short, told::name)),
        "fullDescription": message(&help.join(" ")),
        "help": message(&help.join(" ")),
        "defaultConfiguration": { "level": level },
        "properties": { "tags": tags, "code": visible::line(finding.code.as_str()), "onFail": finding.on_fail },
    });
    if let Some(link) = finding.runbook.as_deref().and_then(web_link) {
        rule["helpUri"] = link.into();
    }
    if let Some(owner) = &finding.owner {
        rule["properties"]["owner"] = told::text(owner).into();
    }
    rule
}

/// One result a failing row, as far as rows are shown; else one beside the rule.
fn results_of(report: &Report, finding: &Finding, rule: usize, max: usize, repository: &Repository) -> Vec<Json> {
    let said = told::message(finding);
    let of_rule = finding.place.as_ref().and_then(|place| of_place(place, repository));
    let with = |number: usize, text: &str, locations: Vec<Json>, related: Vec<Json>| {
        let mut result = json!({
            "ruleId": id_of(finding),
            "ruleIndex": rule,
            "level": level(Weight::of(finding)),
            "message": message(text),
            "locations": locations,
            "relatedLocations": numbered(related),
            "partialFingerprints": fingerprints(report, &finding.id, number),
        });
        if finding.label() == Label::Known {
            let why = finding.known_reasons.iter().map(|reason| told::text(reason)).collect::<Vec<_>>().join("; ");
            result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": why }]);
        }
        result
    };
    let of_row_of = |(number, sample): (usize, &Sample)| {
        let row = told::row(sample);
        let text = if row.is_empty() { said.clone() } else { format!("{said} ({row})") };
        with(number + 1, &text, vec![of_row(sample, repository)], of_rule.clone().into_iter().collect())
    };
    let shown = finding.samples.len().min(max);
    let mut results: Vec<Json> = finding.samples.iter().take(max).enumerate().map(of_row_of).collect();
    let more = told::more_rows(finding, shown);
    match results.last_mut() {
        Some(last) if more > 0 => last["properties"] = json!({ "moreFailingRows": count(more) }),
        Some(_) => {}
        None => {
            let data = of_data(report, repository);
            let (first, related) = if of_rule.is_some() { (of_rule, data) } else { (data, None) };
            results.push(with(1, &said, first.into_iter().collect(), related.into_iter().collect()));
        }
    }
    results
}

/// Related locations are numbered from 1, so that a message can name them.
fn numbered(mut locations: Vec<Json>) -> Vec<Json> {
    for (at, location) in locations.iter_mut().enumerate() {
        location["id"] = (at + 1).into();
    }
    locations
}

/// By data set, finding and number, whatever the line or the value: from run to run it is the same result.
fn fingerprints(report: &Report, id: &str, number: usize) -> Json {
    json!({ "primaryLocationLineHash": format!("{}:{number}", &digest::of(&[&report.dataset, id])[..16]) })
}

fn kinds_of_faults(report: &Report) -> Vec<Code> {
    let mut codes: Vec<Code> = report.faults.iter().map(|fault| fault.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn id_of_faults(code: Code) -> String {
    format!("fault/{}", code.as_str())
}

fn rule_of_faults(code: Code) -> Json {
    json!({
        "id": id_of_faults(code),
        "shortDescription": message(code.meaning()),
        "fullDescription": message(code.meaning()),
        "help": message(&format!("{} The batch could not be judged; nothing is published.", code.meaning())),
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["data-quality"], "code": code.as_str() },
    })
}

fn result_of_fault(report: &Report, fault: &Fault, kinds: &[Code], repository: &Repository) -> Json {
    let place = fault.place.as_ref().and_then(|place| of_place(place, repository)).or_else(|| of_data(report, repository));
    let which = fault.place.as_ref().map(ToString::to_string).unwrap_or_default();
    json!({
        "ruleId": id_of_faults(fault.code),
        "ruleIndex": kinds.iter().position(|code| *code == fault.code),
        "level": "error",
        "message": message(&told::fault(fault)),
        "locations": place.into_iter().collect::<Vec<_>>(),
        "partialFingerprints": fingerprints(report, &format!("{} {which} {}", fault.code.as_str(), fault.what), 1),
    })
}

/// What no finding says, and what a list without results would hide.
fn result_of_verdict(report: &Report, rules: &mut Vec<Json>, repository: &Repository) -> Option<Json> {
    match report.verdict {
        Verdict::Accept | Verdict::Quarantine => return None,
        Verdict::Reject | Verdict::Undecided => {}
    }
    rules.push(json!({
        "id": "verdict",
        "shortDescription": message("The batch as a whole"),
        "fullDescription": message("What the batch came to, where no rule says why."),
        "help": message("What the batch came to, where no rule says why."),
        "defaultConfiguration": { "level": "error" },
    }));
    let text = format!("{}: {}", told::verdict(report.verdict), told::text(&report.reasons.join("; ")));
    Some(json!({
        "ruleId": "verdict",
        "ruleIndex": rules.len() - 1,
        "level": "error",
        "message": message(&text),
        "locations": of_data(report, repository).into_iter().collect::<Vec<_>>(),
        "partialFingerprints": fingerprints(report, "verdict", 1),
    }))
}

/// What is wrong with the rule file, and what else kept the batch from being judged.
fn invocation(report: &Report, repository: &Repository) -> Json {
    let notification = |fault: &Fault| {
        let place = fault.place.as_ref().and_then(|place| of_place(place, repository));
        json!({
            "level": "error",
            "descriptor": { "id": id_of_faults(fault.code) },
            "message": message(&told::fault(fault)),
            "locations": place.into_iter().collect::<Vec<_>>(),
        })
    };
    let (of_rules, others): (Vec<&Fault>, Vec<&Fault>) = report.faults.iter().partition(|fault| fault.place.is_some());
    let mut invocation = json!({
        "executionSuccessful": report.faults.is_empty(),
        "toolConfigurationNotifications": of_rules.into_iter().map(notification).collect::<Vec<_>>(),
        "toolExecutionNotifications": others.into_iter().map(notification).collect::<Vec<_>>(),
    });
    if let Some(began) = report.began.as_deref().filter(|began| chrono::DateTime::parse_from_rfc3339(began).is_ok()) {
        invocation["startTimeUtc"] = began.into();
    }
    invocation
}
