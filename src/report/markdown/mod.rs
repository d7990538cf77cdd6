//! A summary in Markdown (GitHub's flavour): verdict, rows, what fails or warns, and what has changed. It stays below what code
//! hosts take as the summary of a step, however much there is to say.

mod text;

use std::collections::HashSet;

use self::text::code;
use super::model::Report;
use super::rendering::Rendering;
use super::since::{Change, HistoryReport, Since, Standing};
use super::told::{self, Weight, dataset};
use super::{TableReport, rows, told::more_rows, why};
use crate::findings::{Finding, Label};
use crate::shown::{count, counted, minute};
use crate::verdict::Verdict;
use crate::visible::NAME_MAX;

/// Bytes of a summary; others may write to the same file.
const BYTES_MAX: usize = 60_000;
/// Bytes that are kept for what comes behind a list that is cut.
const BYTES_OF_END: usize = 1_000;
const CHARACTERS_MAX: usize = 400;
const ITEMS_MAX: usize = 50;
const ROWS_MAX: usize = 3;

pub(super) fn render(report: &Report, _: &Rendering) -> String {
    let mut page = Page::default();
    page.say(&format!("### {}: {}\n\n", headline(report.verdict), code(&dataset(report), NAME_MAX)));
    page.say(&format!("{}\n\n", about(report)));
    if let Some(release) = told::release(report) {
        page.say(&format!("**Released:** {}\n\n", code(&release, CHARACTERS_MAX)));
    }
    // What the table says is not said twice.
    let told: HashSet<String> = report.findings.iter().map(|finding| format!("{}: {}", finding.id, finding.message)).collect();
    let is_told = |reason: &&String| told.contains(*reason);
    let reasons: Vec<&String> = report.reasons.iter().filter(|reason| !is_told(reason)).collect();
    page.list("reason", "", reasons.iter().map(|reason| format!("- {}\n", code(reason, CHARACTERS_MAX))));
    page.list(
        "mistake",
        "",
        report.faults.iter().map(|fault| {
            let place = fault.place.as_ref().map(|place| format!("{}: ", code(&place.to_string(), CHARACTERS_MAX)));
            format!(
                "- {}{} ({})\n",
                place.unwrap_or_default(),
                code(&told::fault(fault), CHARACTERS_MAX),
                code(fault.code.as_str(), NAME_MAX)
            )
        }),
    );
    let of_tables = "| table | verdict | rows |\n|---|---|---|\n";
    page.list(
        "table",
        of_tables,
        report.tables.iter().map(|TableReport { name, report, .. }| {
            format!("| {} | {} | {} |\n", code(name, NAME_MAX), headline(report.verdict), rows::sum(report))
        }),
    );
    let told: Vec<&Finding> = report.findings.iter().filter(|f| Weight::of(f) != Weight::Nothing || f.label() == Label::Known).collect();
    let head = "| | finding | what was found | first failing rows | rule, owner |\n|---|---|---|---|---|\n";
    page.list("finding", head, told.iter().map(|finding| line(finding)));
    let passing = report.findings.iter().filter(|finding| finding.label() == Label::Pass).count() as u64;
    let unjudged = report.findings.iter().filter(|finding| finding.label() == Label::NotJudged).count() as u64;
    if passing + unjudged > 0 {
        let unjudged = if unjudged > 0 { format!("; {} not judged", counted(unjudged, "rule")) } else { String::new() };
        page.say(&format!(
            "{}{unjudged}.\n\n",
            if passing == 1 { "1 rule passes".to_owned() } else { format!("{} rules pass", count(passing)) }
        ));
    }
    for since in report.history.iter().flat_map(HistoryReport::compared) {
        say_since(&mut page, since);
    }
    page.say(&format!("Sluicegate {}", code(&report.sluicegate_version, NAME_MAX)));
    page.text.truncate(page.text.trim_end().len());
    page.text.push('\n');
    page.text
}

/// What is written so far.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn say(&mut self, text: &str) {
        if self.text.len() + text.len() <= BYTES_MAX {
            self.text.push_str(text);
        }
    }

    /// As many lines as there is room for, and how many more there are.
    fn list(&mut self, what: &str, head: &str, lines: impl ExactSizeIterator<Item = String>) {
        let (all, mut shown, mut text) = (lines.len(), 0, head.to_owned());
        for line in lines.take(ITEMS_MAX) {
            if self.text.len() + text.len() + line.len() > BYTES_MAX - BYTES_OF_END {
                break;
            }
            text.push_str(&line);
            shown += 1;
        }
        if all == 0 {
            return;
        }
        if all > shown {
            text.push_str(&format!("\n… and {}\n", counted((all - shown) as u64, &format!("more {what}"))));
        }
        text.push('\n');
        self.say(&text);
    }
}

fn headline(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "✅ Accept",
        Verdict::Quarantine => "⚠️ Quarantine",
        Verdict::Reject => "❌ Reject",
        Verdict::Undecided => "❓ Undecided",
    }
}

/// Rows, batch and time, as far as they are known.
fn about(report: &Report) -> String {
    let rows = if report.faults.is_empty() { rows::sum(report) } else { "not judged".to_owned() };
    let passing = report.would_pass.map(|would| {
        format!("without the rejection {} would pass and {} would be set aside", counted(would.published, "row"), count(would.quarantined))
    });
    let batch = Some(&report.batch.id).filter(|id| !id.is_empty()).map(|id| format!("batch {}", code(id, NAME_MAX)));
    let began = report.began.as_deref().map(|began| code(&minute(began), NAME_MAX));
    let owner = report.owner.as_deref().map(|owner| format!("owner {}", code(owner, NAME_MAX)));
    let runbook = report.runbook.as_deref().map(|runbook| format!("runbook {}", code(runbook, CHARACTERS_MAX)));
    [Some(rows), passing, batch, began, owner, runbook].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn line(finding: &Finding) -> String {
    let sign = match (Weight::of(finding), finding.label()) {
        (Weight::Error, Label::NoData) => "❓ no data",
        (Weight::Error, _) => "❌ fails",
        (Weight::Warning, _) => "⚠️ warns",
        (Weight::Note, _) => "ℹ️ note",
        (Weight::Nothing, _) => "✔️ known issue",
    };
    let mut rows: Vec<String> =
        finding.samples.iter().take(ROWS_MAX).map(|sample| code(&told::placed_row(sample), CHARACTERS_MAX)).collect();
    let more = more_rows(finding, rows.len());
    rows.extend((more > 0 && !rows.is_empty()).then(|| format!("… {} more", count(more))));
    let place = finding.place.as_ref().map(|place| code(&place.to_string(), CHARACTERS_MAX));
    let others = [&finding.owner, &finding.runbook].into_iter().flatten().map(|text| code(text, CHARACTERS_MAX));
    let rule: Vec<String> = place.into_iter().chain(others).collect();
    let why = why::sentence(finding).map(|why| format!("<br>{}", code(&why, CHARACTERS_MAX))).unwrap_or_default();
    let (id, message) = (code(&finding.id, NAME_MAX), code(&told::message(finding), CHARACTERS_MAX) + &why);
    format!("| {sign} | {id} | {message} | {} | {} |\n", rows.join("<br>"), rule.join("<br>"))
}

fn say_since(page: &mut Page, since: &Since) {
    let counts = Change::ALL.iter().map(|change| (since.count(*change), change.as_str())).filter(|(n, _)| *n > 0);
    let mut counts: Vec<String> = counts.map(|(n, word)| format!("{} {word}", count(n))).collect();
    counts.extend((since.passing_in_both > 0).then(|| format!("{} passing as before", count(since.passing_in_both))));
    let counts = if counts.is_empty() { "nothing to compare".to_owned() } else { counts.join(", ") };
    let rules = if since.same_rules { "" } else { ", by other rules" };
    let (time, verdict) = (code(&minute(&since.time), NAME_MAX), told::verdict(since.verdict));
    page.say(&format!("**Since the run of {time}** ({verdict}{rules}): {counts}\n\n"));
    let changed: Vec<_> = since.findings.iter().filter(|finding| finding.change != Change::Unchanged).collect();
    page.list(
        "change",
        "",
        changed.iter().map(|finding| {
            let said = |standing: &Option<Standing>| standing.as_ref().map_or_else(|| "not there".to_owned(), Standing::said);
            let (id, word) = (code(&finding.id, NAME_MAX), finding.change.as_str());
            format!("- {word}: {id}: {} → {}\n", code(&said(&finding.then), CHARACTERS_MAX), code(&said(&finding.now), CHARACTERS_MAX))
        }),
    );
}
