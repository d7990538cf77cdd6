//! The findings of a data set over its runs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::brief::{Brief, FindingBrief};
use super::drawing::{Cell, Spark, Strip};
use crate::findings::{OnFail, Outcome, Severity, Unit, Value};
use crate::report::since::{Change, shown};
use crate::shown::percent;

/// Findings that have a row on the page of a data set, and those that only failed earlier or never.
const ROWS_MAX: usize = 200;
const QUIET_MAX: usize = 100;

/// The findings as the page of a data set has them.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    /// What is a problem now, the worst first.
    problems: Vec<Row>,
    /// What was one lately.
    lately: Vec<Row>,
    /// What passed in all of these runs.
    passing: Vec<Row>,
    /// How many there are of each, with those that have no row.
    counts: [usize; 3],
    /// Runs that were looked at.
    runs: usize,
}

/// A finding over runs.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    rule: String,
    columns: String,
    /// How it stands now; none where it is not there any more.
    outcome: Option<Outcome>,
    on_fail: OnFail,
    severity: Severity,
    change: Option<Change>,
    /// Since when it stands so, and in how many runs.
    since: Option<String>,
    since_runs: usize,
    observed: Option<String>,
    limit: Option<String>,
    failing_rows: u64,
    failing_share: String,
    failed: usize,
    judged: usize,
    strip: Strip,
    spark: Option<Spark>,
}

/// Of the runs in `window`, the oldest first; `changes` is what became of findings since the run before.
pub(super) fn findings(window: &[Brief], changes: &BTreeMap<&str, Change>, length: usize) -> Findings {
    let Some(last) = window.last() else {
        return Findings { problems: Vec::new(), lately: Vec::new(), passing: Vec::new(), counts: [0; 3], runs: 0 };
    };
    let mut over_runs: BTreeMap<&str, Vec<Option<&FindingBrief>>> = BTreeMap::new();
    // What is there now in its order, then what is gone.
    let mut order: Vec<&str> = Vec::new();
    for (at, brief) in window.iter().enumerate().rev() {
        for finding in &brief.findings {
            let states = over_runs.entry(&finding.id).or_insert_with(|| {
                order.push(&finding.id);
                vec![None; window.len()]
            });
            states[at] = Some(finding);
        }
    }
    let mut kinds: [Vec<(Cell, &str)>; 3] = Default::default();
    for id in order {
        let cells: Vec<Cell> = over_runs[id].iter().map(|state| cell(*state)).collect();
        let now = cells.last().copied().unwrap_or(Cell::Absent);
        let kind = if now.is_problem() { 0 } else { if cells.iter().any(|cell| cell.is_problem()) { 1 } else { 2 } };
        kinds[kind].push((now, id));
    }
    // Stable: within a tone they stand as in the report.
    kinds[0].sort_by_key(|(now, id)| (std::cmp::Reverse(*now), changes.get(id).copied()));
    let counts = [kinds[0].len(), kinds[1].len(), kinds[2].len()];
    let rows = |of: &[(Cell, &str)], max: usize| -> Vec<Row> {
        of.iter().take(max).map(|(_, id)| row(id, &over_runs[id], window, changes.get(id).copied(), length, last)).collect()
    };
    Findings {
        problems: rows(&kinds[0], ROWS_MAX),
        lately: rows(&kinds[1], QUIET_MAX),
        passing: rows(&kinds[2], QUIET_MAX),
        counts,
        runs: window.len(),
    }
}

fn cell(state: Option<&FindingBrief>) -> Cell {
    state.map_or(Cell::Absent, |finding| Cell::of_finding(finding.label(), finding.standing.severity))
}

fn row(id: &str, states: &[Option<&FindingBrief>], window: &[Brief], change: Option<Change>, length: usize, last: &Brief) -> Row {
    let cells: Vec<Cell> = states.iter().map(|state| cell(*state)).collect();
    let now = states.last().copied().flatten();
    let newest = now.or_else(|| states.iter().rev().copied().flatten().next());
    let is_same =
        |at: &usize| cells[*at].is_problem() == cells[cells.len() - 1].is_problem() && (cells[*at] == Cell::Absent) == now.is_none();
    let since_runs = (0..cells.len()).rev().take_while(is_same).count();
    // What is no number now, or is masked now, has no line either.
    let shows = now.is_some_and(|finding| finding.standing.observed.as_number().is_some());
    let points: Vec<Option<f64>> = states.iter().map(|state| state.filter(|_| shows).and_then(number)).collect();
    let standing = newest.map(|finding| &finding.standing);
    Row {
        id: id.to_owned(),
        rule: newest.map(|finding| finding.rule.clone()).unwrap_or_default(),
        columns: newest.map(|finding| finding.columns.clone()).unwrap_or_default(),
        outcome: now.map(|finding| finding.standing.outcome),
        on_fail: standing.map_or(OnFail::Info, |standing| standing.on_fail),
        severity: standing.map_or(Severity::Info, |standing| standing.severity),
        change,
        since: window[cells.len() - since_runs..].first().and_then(|brief| brief.head.time.clone()),
        since_runs,
        observed: now.and_then(|finding| shown(&finding.standing.observed, &finding.standing.unit)),
        limit: now.and_then(|finding| limit(&finding.standing.limit, &finding.standing.unit)),
        failing_rows: now.map_or(0, |finding| finding.standing.failing_rows),
        failing_share: percent(now.map_or(0, |finding| finding.standing.failing_rows).min(last.head.rows.read), last.head.rows.read.max(1)),
        failed: cells.iter().filter(|cell| cell.is_problem()).count(),
        judged: cells.iter().filter(|cell| **cell != Cell::Absent).count(),
        strip: Strip::of(&cells, length, |_| false),
        spark: Spark::of(&points, length),
    }
}

fn number(finding: &FindingBrief) -> Option<f64> {
    finding.standing.observed.as_number()
}

fn limit(limit: &Value, unit: &Unit) -> Option<String> {
    match limit {
        Value::Text(text) => Some(text.clone()),
        Value::Nothing | Value::Integer(_) | Value::Float(_) => shown(limit, unit),
    }
}
