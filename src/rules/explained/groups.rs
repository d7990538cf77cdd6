//! Findings of several groups: of `by`, each judged by itself; and of rules that judge groups beside each other.

use super::{Explanation, Told, numbers, shared};
use crate::findings::{Finding, GroupFigures, Outcome, Unit, Value, figures};

/// Whether groups of `by` were judged each by itself.
pub(super) fn are_of_by(told: &Told<'_>) -> bool {
    told.finding.groups.iter().any(is_of_by)
}

fn is_of_by(group: &GroupFigures) -> bool {
    group.figures.get(&figures::FAILING_ROWS).is_some()
}

/// Explains each group by itself.
pub(super) fn parts(told: &Told<'_>, one: fn(&Told<'_>, &mut Explanation), into: &mut Explanation) {
    let groups = &told.finding.groups;
    let outer: Vec<usize> = (0..groups.len()).filter(|&i| is_of_by(&groups[i])).collect();
    let findings = outer.iter().enumerate().map(|(i, &at)| {
        let group = &groups[at];
        let end = outer.get(i + 1).copied().unwrap_or(groups.len());
        let within =
            groups[at + 1..end].iter().map(|inner| GroupFigures { group: inner.group[group.group.len()..].to_vec(), ..inner.clone() });
        of_group(told.finding, group, within.collect())
    });
    let findings: Vec<Finding> = findings.collect();
    let beside: Vec<&Finding> = findings.iter().collect();
    for (finding, &at) in findings.iter().zip(&outer) {
        let part = told.about(finding, &beside);
        let mut explanation = Explanation { numbers: numbers(finding), ..Explanation::default() };
        if !shared::is_unjudged(&part, &mut explanation) {
            one(&part, &mut explanation);
        }
        into.group(&groups[at], explanation);
    }
}

/// What is known of one group, as a finding.
fn of_group(finding: &Finding, group: &GroupFigures, within: Vec<GroupFigures>) -> Finding {
    let failing = group.figures.get(&figures::FAILING_ROWS).and_then(|rows| rows.value.as_u64()).unwrap_or(0);
    let is_of_rows = group.figures.get(&figures::ROWS_IN_SCOPE).is_some();
    Finding {
        outcome: group.outcome,
        message: group.message.clone(),
        figures: group.figures.clone(),
        groups: within,
        failing_rows: failing,
        known_rows: 0,
        observed: if is_of_rows { failing.into() } else { Value::Nothing },
        limit: if is_of_rows { finding.limit.clone() } else { Value::Nothing },
        ..finding.clone()
    }
}

/// From the groups to the finding: it comes out as the worst of those that were judged.
pub(super) fn worst(told: &Told<'_>, explanation: &mut Explanation) {
    let outcomes = || explanation.groups.iter().map(|part| part.outcome);
    let is_open = |outcome: &Outcome| matches!(outcome, Outcome::NotJudged | Outcome::InsufficientEvidence | Outcome::NoData);
    let judged = outcomes().filter(|outcome| !is_open(outcome)).max();
    let open = outcomes().filter(is_open).max();
    let settled = judged.or(open).unwrap_or(Outcome::NoData);
    let says = match judged {
        Some(_) => "the worst of the groups that were judged",
        None => "no group was judged: the worst of what kept them from it",
    };
    let failing = outcomes().filter(|outcome| *outcome == Outcome::Fail).count() as u64;
    if told.finding.unit == Unit::FAILING_GROUPS {
        explanation.notes(format!("failing groups: {failing} of {}", explanation.groups.len()));
    }
    let settled = match (open, told.word("on_no_data")) {
        (Some(Outcome::NoData), Some("stop")) => settled.max(Outcome::NoData),
        (Some(Outcome::NoData), Some("warn")) => settled.max(Outcome::Warn),
        _ => settled,
    };
    // A group may make so many groups of its own that more rows would not help; only the report tells that.
    match settled == told.finding.outcome {
        true => explanation.states(says, settled),
        false => explanation.states(told.finding.message.to_string(), told.finding.outcome),
    }
}

/// From groups that are judged beside each other to the finding.
pub(in crate::rules) fn worst_group(told: &Told<'_>, explanation: &mut Explanation) {
    let outcomes = || explanation.groups.iter().map(|part| part.outcome);
    let is_open = outcomes().any(|outcome| matches!(outcome, Outcome::InsufficientEvidence | Outcome::NotJudged));
    let worst = outcomes().max().unwrap_or(Outcome::Pass);
    match is_open && told.word("require_evidence") == Some("true") {
        true => explanation.states("a group cannot be judged, and `require_evidence` demands it", Outcome::Fail),
        false => explanation.states("the worst of the groups", worst),
    }
}
