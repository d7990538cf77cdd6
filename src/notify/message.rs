//! What is said: how the run came out and what has changed. Values of the data are told only where the rule file asks for them.

use serde_json::{Value as Json, json};

use super::news::News;
use crate::findings::Finding;
use crate::report::Report;
use crate::report::model::Mode;
use crate::report::since::Change;
use crate::shown::{count, counted};
use crate::verdict::Verdict;
use crate::visible::{self, MESSAGE_MAX, NAME_MAX};

/// So many changes are told one by one.
const SHOWN_MAX: usize = 20;

/// Version of the JSON document.
const VERSION: &str = "1";

/// What stands in the subject: the data set, how it came out, what has changed.
pub(super) fn subject(report: &Report, news: &News) -> String {
    let dataset = visible::cut(&report.dataset, NAME_MAX);
    format!("{dataset}: {}{}", outcome(report), counts(news))
}

fn outcome(report: &Report) -> String {
    if !report.faults.is_empty() {
        return "could not be judged".to_owned();
    }
    let released = if report.is_released() { ", released" } else { "" };
    format!("{}{released}", verdict(report.verdict))
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Quarantine => "quarantine",
        Verdict::Reject => "reject",
        Verdict::Undecided => "undecided",
    }
}

/// ` (2 new, 1 worse)`
fn counts(news: &News) -> String {
    let of = |change: Change| news.changes.iter().filter(|(_, is)| *is == change).count() as u64;
    let counts = [Change::New, Change::Worse, Change::Recovered].map(|change| (of(change), change.as_str()));
    let told: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", count(*n))).collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
}

/// The document that a webhook gets.
pub(super) fn json(report: &Report, news: &News, values: bool) -> String {
    let change = |(id, change): &(String, Change)| {
        let mut told = json!({ "id": id, "change": change });
        if let Some(finding) = find(report, id) {
            told["rule"] = finding.rule.as_str().into();
            told["columns"] = json!(finding.columns);
            told["on_fail"] = json!(finding.on_fail);
            told["outcome"] = json!(finding.outcome);
            told["failing_rows"] = finding.failing_rows.into();
            told["owner"] = json!(finding.owner);
            told["runbook"] = json!(finding.runbook);
            if values {
                told["message"] = finding.message.to_string().into();
            }
        }
        told
    };
    let faults: Vec<Json> =
        report.faults.iter().map(|fault| json!({ "code": fault.code, "place": fault.place.as_ref().map(ToString::to_string) })).collect();
    let mut document = json!({
        "event": "sluicegate.run",
        "version": VERSION,
        "summary": subject(report, news),
        "dataset": report.dataset,
        "owner": report.owner,
        "runbook": report.runbook,
        "tags": report.tags,
        "mode": report.mode,
        "batch": report.batch.id,
        "began": report.began,
        "verdict": report.verdict,
        "verdict_before": news.before,
        "rows": report.rows,
        "changes": news.changes.iter().map(change).collect::<Vec<_>>(),
        "faults": faults,
    });
    if let Some(release) = &report.release {
        document["released_by"] = release.by.as_str().into();
    }
    if values {
        document["reasons"] = json!(report.reasons);
    }
    document.to_string()
}

fn find<'a>(report: &'a Report, id: &str) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| finding.id == id)
}

/// The text of a mail.
pub(super) fn text(report: &Report, news: &News, values: bool) -> String {
    let mut lines = vec![subject(report, news), String::new()];
    if let Some(before) = news.before {
        let before = if news.is_judged_again { "could not be judged" } else { verdict(before) };
        lines.push(format!("The run before: {before}."));
    }
    let rows = &report.rows;
    if report.faults.is_empty() {
        let would = if report.mode == Mode::Check { " would be" } else { "" };
        let fates = [(rows.published, "published"), (rows.quarantined, "set aside"), (rows.rejected, "rejected")];
        let fates: Vec<String> = fates.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{}{would} {what}", count(*n))).collect();
        lines.push(format!("{} read: {}.", counted(rows.read, "row"), fates.join(", ")));
    }
    lines.extend(report.faults.iter().map(|fault| {
        format!("- {}{}", fault.code, fault.place.as_ref().map(|p| format!(" at {}", visible::line(&p.to_string()))).unwrap_or_default())
    }));
    lines.extend(news.changes.iter().take(SHOWN_MAX).map(|(id, change)| line(report, id, *change, values)));
    let more = news.changes.len().saturating_sub(SHOWN_MAX);
    lines.extend((more > 0).then(|| format!("… {} more", count(more as u64))));
    lines.push(String::new());
    let named = |what: &str, text: &str| (!text.is_empty()).then(|| format!("{what}: {}", visible::cut(text, NAME_MAX)));
    lines.extend(named("Batch", &report.batch.id));
    lines.extend(named("Began", report.began.as_deref().unwrap_or_default()));
    lines.extend(named("Owner", report.owner.as_deref().unwrap_or_default()));
    lines.extend(named("Runbook", report.runbook.as_deref().unwrap_or_default()));
    lines.extend(report.release.as_ref().and_then(|release| named("Released by", &release.by)));
    lines.join("\n") + "\n"
}

/// One change: `- new: missing-email (missing), 12 rows fail; runbook: …`
fn line(report: &Report, id: &str, change: Change, values: bool) -> String {
    let mut line = format!("- {}: {}", change.as_str(), visible::cut(id, NAME_MAX));
    let Some(finding) = find(report, id) else { return line };
    line += &format!(" ({})", finding.rule);
    if finding.failing_rows > 0 {
        line += &format!(", {} fail", counted(finding.failing_rows, "row"));
    }
    if values {
        line += &format!(": {}", visible::cut(&finding.message.to_string(), MESSAGE_MAX));
    }
    if let Some(runbook) = &finding.runbook {
        line += &format!("; runbook: {}", visible::cut(runbook, NAME_MAX));
    }
    line
}

/// What an incoming webhook of Slack gets.
pub(super) fn slack(report: &Report, news: &News, values: bool) -> String {
    /// Slack cuts longer texts by itself, anywhere.
    const CHARACTERS_MAX: usize = 3000;
    let text = text(report, news, values);
    let shown: String = text.chars().take(CHARACTERS_MAX).collect();
    // Three characters are Slack's own: without them nothing is a link or calls someone.
    let shown = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": shown }).to_string()
}
