//! What the findings of a run observed in the runs before it.

use super::{Entry, History, time_of};
use crate::findings::{Finding, Label, Value};
use crate::report::Report;
use crate::report::model;
use crate::report::since::{Trend, TrendPoint};

/// So many runs at most are read.
const RUNS_MAX: usize = 30;
/// So many findings at most have a trend: the worst.
const TRENDS_MAX: usize = 40;
/// A run of thousands of findings is a large file: of such runs only a few are read.
const FINDINGS_READ_MAX: usize = 20_000;

/// The trends of `report` over the runs `before` it, the oldest first. Where nothing needs one, no run is read. Runs that cannot
/// be read have no points; who lists the history hears of them.
pub(super) fn trends(history: &History, before: &[&Entry], report: &Report) -> Vec<Trend> {
    let wanted: Vec<&Finding> = report.findings.iter().filter(|f| has_trend(f)).take(TRENDS_MAX).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let runs_max = RUNS_MAX.min(FINDINGS_READ_MAX / report.findings.len().max(1)).max(1);
    let good: Vec<_> = before.iter().rev().filter(|entry| !entry.is_bad).take(runs_max).map(|entry| &entry.name).collect();
    let mut trends: Vec<Trend> =
        wanted.iter().map(|finding| Trend { id: finding.id.clone(), unit: finding.unit.clone(), points: Vec::new() }).collect();
    for earlier in history.read(&good).into_iter().rev().flatten() {
        let Some(time) = time_of(&earlier).map(model::time) else { continue };
        for trend in &mut trends {
            let then = earlier.findings.iter().find(|f| f.id == trend.id && f.unit == trend.unit);
            if let Some(value) = then.and_then(|finding| number(&finding.observed)) {
                trend.points.push(TrendPoint { time: time.clone(), value });
            }
        }
    }
    trends.retain(|trend| !trend.points.is_empty());
    trends
}

/// Whether the finding is a problem, and observed a number. One that must not be shown is not there.
fn has_trend(finding: &Finding) -> bool {
    let is_problem = match finding.label() {
        Label::Fail | Label::Warning | Label::CannotTell | Label::Info => true,
        Label::NoData | Label::NotJudged | Label::Known | Label::Pass => false,
    };
    is_problem && number(&finding.observed).is_some()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(_) | Value::Float(_) => value.as_number().filter(|x| x.is_finite()),
        Value::Nothing | Value::Text(_) => None,
    }
}
