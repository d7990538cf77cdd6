//! What has changed since an earlier run.

use std::collections::HashMap;

use crate::findings::{Finding, Label, Outcome, Severity, Value};
use crate::privacy::Privacy;
use crate::report::Report;
use crate::report::model;
use crate::report::since::{Change, FindingSince, HistoryReport, Since, Standing};
use crate::verdict::Verdict;

use super::name::{self, RunName};
use super::trends::trends;
use super::{Entry, History, time_of};
use crate::diagnostic::{Code, Fault};

/// More than this factor of what it was is worse, and less than its inverse better.
const MUCH: f64 = 1.1;

/// What the history says beside a run that is not recorded yet. Runs that are marked bad, or that judged nothing, or that come
/// later, are left out; so is this very run, recorded before: one of the same batch, by the same rules, with the same outcome.
/// `privacy` is that of the rule file as it is now.
///
/// # Errors
/// The history cannot be listed.
pub fn beside(history: &History, report: &Report, privacy: &Privacy) -> Result<HistoryReport, Fault> {
    let contents = history.contents()?;
    let own = RunName::of(report, 0);
    let is_before = |entry: &&Entry| own.as_ref().is_some_and(|own| entry.name.time <= own.time && entry.name.digest != own.digest);
    let before: Vec<&Entry> = contents.runs.iter().filter(is_before).collect();
    let mut said = HistoryReport { runs: before.len() as u64, warnings: contents.warnings, ..HistoryReport::default() };
    said.trends = trends(history, &before, report);
    for entry in before.into_iter().rev().filter(|entry| !entry.is_bad) {
        let passed = passes(entry.name.verdict);
        if said.since_last_run.is_some() && !passed {
            continue;
        }
        let earlier = match history.read(&[&entry.name]).pop() {
            Some(Ok(earlier)) => earlier,
            Some(Err(fault)) => {
                said.warnings.push(fault.what);
                continue;
            }
            None => continue,
        };
        if !earlier.faults.is_empty() || name::outcome(&earlier) == name::outcome(report) && !report.batch.id.is_empty() {
            continue;
        }
        let since = since(entry, &earlier, report, privacy);
        match said.since_last_run {
            None => said.since_last_run = Some(since),
            Some(_) => said.since_last_passed = Some(since),
        }
        if passed {
            break;
        }
    }
    Ok(said)
}

/// The run that was recorded last before this one.
#[derive(Debug, Clone, PartialEq)]
pub enum Last {
    /// This very run: it is repeated.
    Itself,
    /// Another, and what has changed since.
    Other(Box<Report>, Since),
}

/// The last recorded run that is not marked bad, be it of the same batch, and be it one that judged nothing; none if there is none.
///
/// # Errors
/// The history cannot be listed, or the run cannot be read.
pub fn last(history: &History, report: &Report, privacy: &Privacy) -> Result<Option<Last>, Fault> {
    let contents = history.contents()?;
    let Some(own) = RunName::of(report, 0) else { return Ok(None) };
    if contents.runs.iter().any(|entry| entry.name.time == own.time && entry.name.digest == own.digest) {
        return Ok(Some(Last::Itself));
    }
    let Some(entry) = contents.runs.iter().rfind(|entry| entry.name.time <= own.time && !entry.is_bad) else { return Ok(None) };
    let then = history.read(&[&entry.name]).pop().unwrap_or_else(|| Err(Fault::new(Code::Internal, "internal error: nothing was read")))?;
    let since = since(entry, &then, report, privacy);
    Ok(Some(Last::Other(Box::new(then), since)))
}

/// Whether something of a batch with this verdict is published.
pub(super) fn passes(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Accept | Verdict::Quarantine => true,
        Verdict::Reject | Verdict::Undecided => false,
    }
}

/// The findings by their ids; the first of several counts.
fn by_id(report: &Report) -> HashMap<&str, &Finding> {
    report.findings.iter().rev().map(|finding| (finding.id.as_str(), finding)).collect()
}

fn since(entry: &Entry, then: &Report, now: &Report, privacy: &Privacy) -> Since {
    let (mut findings, mut passing_in_both) = (Vec::new(), 0);
    let (before, after) = (by_id(then), by_id(now));
    let (read_then, read_now) = (then.rows.read, now.rows.read);
    for finding in &now.findings {
        let earlier = before.get(finding.id.as_str()).copied();
        let standing = Standing::of(finding);
        match changed((earlier.map(Standing::of).as_ref(), read_then), (Some(&standing), read_now)) {
            Some(change) => findings.push(described(change, finding, earlier, Some(finding), privacy)),
            None => passing_in_both += u64::from(earlier.is_some_and(|f| is_fine(f.outcome)) && is_fine(finding.outcome)),
        }
    }
    for earlier in then.findings.iter().filter(|f| !after.contains_key(f.id.as_str())) {
        if let Some(change) = changed((Some(&Standing::of(earlier)), read_then), (None, read_now)) {
            findings.push(described(change, earlier, Some(earlier), None, privacy));
        }
    }
    // The order of findings is that of the report: the worst first.
    findings.sort_by_key(|finding| finding.change);
    Since {
        run: entry.name.to_string(),
        batch_id: then.batch.id.clone(),
        time: time_of(then).map(model::time).unwrap_or_default(),
        verdict: then.verdict,
        same_rules: then.batch.rules_digest == now.batch.rules_digest,
        findings,
        passing_in_both,
    }
}

/// What became of a finding between two runs, each with the rows that it read; none where it is no problem in either run.
pub fn changed((then, read_then): (Option<&Standing>, u64), (now, read_now): (Option<&Standing>, u64)) -> Option<Change> {
    let (before, after) = (then.map_or(0, weight), now.map_or(0, weight));
    match (before, after) {
        (0, 0) => None,
        (0, _) => Some(Change::New),
        (_, 0) if now.is_some_and(|now| is_fine(now.outcome)) => Some(Change::Recovered),
        (_, 0) => Some(Change::Gone),
        // What was a failure and could not be judged now is no better for it.
        (_, _) if now.is_some_and(|f| f.outcome == Outcome::NoData) && then.is_some_and(|f| f.outcome != Outcome::NoData) => {
            Some(Change::Gone)
        }
        (before, after) if after > before => Some(Change::Worse),
        (before, after) if after < before => Some(Change::Better),
        _ => {
            let (before, after) = (then.and_then(|f| extent(f, read_then)), now.and_then(|f| extent(f, read_now)));
            Some(match before.zip(after) {
                Some((before, after)) if after > before * MUCH => Change::Worse,
                Some((before, after)) if before > after * MUCH => Change::Better,
                Some(_) | None => Change::Unchanged,
            })
        }
    }
}

/// How much of a problem it is; 0 if it is none.
fn weight(standing: &Standing) -> u8 {
    match (Label::of(standing.outcome, standing.on_fail), standing.severity) {
        (Label::Fail, _) => 5,
        (Label::NoData, Severity::Error) => 4,
        (Label::Warning, _) | (Label::NoData, Severity::Warning) => 3,
        (Label::CannotTell, _) => 2,
        (Label::Info, _) => 1,
        (Label::NoData, Severity::Info) | (Label::NotJudged | Label::Known | Label::Pass, _) => 0,
    }
}

/// Whether it was judged, and is no problem.
fn is_fine(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Pass | Outcome::Known => true,
        Outcome::NotJudged | Outcome::Warn | Outcome::InsufficientEvidence | Outcome::NoData | Outcome::Fail => false,
    }
}

/// How far it goes: the share of the batch's rows that fail, else how far what was observed lies beyond its limit.
fn extent(standing: &Standing, read: u64) -> Option<f64> {
    if standing.failing_rows > 0 {
        return Some(standing.failing_rows as f64 / read.max(1) as f64);
    }
    let observed = standing.observed.as_number()?;
    let limits: Vec<f64> = match &standing.limit {
        Value::Text(text) => text.split_whitespace().filter_map(bound).collect(),
        Value::Nothing | Value::Integer(_) | Value::Float(_) => standing.limit.as_number().into_iter().collect(),
    };
    limits.into_iter().map(|limit| (observed - limit).abs()).reduce(f64::min)
}

/// A number of a limit such as `at most 2,000` or `5% to 10%`.
fn bound(word: &str) -> Option<f64> {
    match word.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok().map(|x| x / 100.0),
        None => word.replace(',', "").parse().ok(),
    }
}

fn described(change: Change, any: &Finding, then: Option<&Finding>, now: Option<&Finding>, privacy: &Privacy) -> FindingSince {
    let is_shown = now.is_some_and(|f| !f.observed.is_nothing());
    let standing = |f: &Finding| {
        // It was recorded under masks that were others, maybe.
        let shown = |value: Value| if privacy.may_show(&f.unit, is_shown) { value } else { Value::Nothing };
        let standing = Standing::of(f);
        Standing { observed: shown(standing.observed), limit: shown(standing.limit), ..standing }
    };
    FindingSince { id: any.id.clone(), change, then: then.map(standing), now: now.map(standing) }
}
