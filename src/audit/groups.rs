//! Findings by group: what a check says of each group of `by`, come together into one.

use std::sync::Arc;

use super::bind::PlannedCheck;
use super::finding::{FindingWithRows, against, answer, no_data};
use crate::findings::{Figures, Finding, GroupFigures, Message, OnFail, OnNoData, Outcome, Unit, Value, figures};
use crate::metric::groups::{GroupKey, group_name};
use crate::rows::RowSet;
use crate::rules::Judgement;
use crate::shown::counted;

/// Groups that are named in the message, of those that fail or warn and of those that cannot be judged.
const SHOWN_MAX: usize = 5;

/// What a check says of the batch, or of all groups together.
pub(super) fn of_all(check: &PlannedCheck, mut judged: Vec<(Option<GroupKey>, Judgement)>) -> FindingWithRows {
    match (&check.check, judged.as_slice()) {
        (Err(why), _) => no_data(why.clone().introduced("cannot be judged in this batch: ")),
        (Ok(_), []) => no_data("no rows in scope"),
        (Ok(_), [(None, _)]) => judged.pop().map(|(_, judgement)| answer(judgement, check)).unwrap_or_default(),
        (Ok(_), _) => by_group(judged, check),
    }
}

/// One answer of what a check says of each group.
///
/// Most columns have many small groups beside a few large ones. A group that cannot be judged is shown and counted, and
/// changes nothing while others are judged, unless the rule file asks for evidence of every group.
fn by_group(judged: Vec<(Option<GroupKey>, Judgement)>, check: &PlannedCheck) -> FindingWithRows {
    let policy = &check.policy;
    let mut result = Finding::default();
    let mut rows: Vec<Arc<RowSet>> = Vec::new();
    let mut telling: Vec<(Outcome, String)> = Vec::new();
    let mut outcomes: Vec<Outcome> = Vec::new();
    let (mut of, mut measured, mut broken) = (0u64, false, 0u64);
    for (key, judgement) in judged {
        let key = key.unwrap_or_default();
        measured |= matches!(judgement, Judgement::Measured(_));
        let FindingWithRows { finding: mut group, rows: failing, .. } = answer(judgement, check);
        if policy.require_evidence && is_unjudged(group.outcome) {
            group.outcome = Outcome::Fail;
        }
        broken += u64::from(group.outcome == Outcome::Fail);
        result.failing_rows += group.failing_rows;
        result.known_rows += group.known_rows;
        of += group.figures.get(&figures::ROWS_IN_SCOPE).and_then(|rows| rows.value.as_u64()).unwrap_or(0);
        if group.outcome == Outcome::Fail || policy.on_fail != OnFail::Quarantine {
            rows.push(failing);
        }
        outcomes.push(group.outcome);
        if !matches!(group.outcome, Outcome::Pass | Outcome::Known) {
            telling.push((group.outcome, format!("{}: {}", group_name(&key), group.message)));
        }
        let Finding { outcome, message, mut figures, failing_rows, .. } = group;
        figures.set(&figures::FAILING_ROWS, failing_rows);
        result.groups.push(GroupFigures { group: key, outcome, message, figures });
    }
    result.outcome = together(&outcomes, check.words.on_no_data);
    (result.observed, result.limit, result.unit) = match measured {
        true => (broken.into(), Value::Integer(0), Unit::FAILING_GROUPS),
        false => against(policy.tolerate, result.failing_rows, of.max(1)),
    };
    result.figures = Figures::from([(&figures::GROUPS, result.groups.len().into())]);
    if !measured {
        result.figures.set(&figures::ROWS_IN_SCOPE, of);
    }
    result.message = in_words(telling, result.groups.len());
    let rows = RowSet::of_all(rows.iter().map(AsRef::as_ref));
    FindingWithRows { rows: Arc::new(rows), ..result.into() }
}

/// Whether the data did not suffice to judge.
fn is_unjudged(outcome: Outcome) -> bool {
    match outcome {
        Outcome::NotJudged | Outcome::InsufficientEvidence | Outcome::NoData => true,
        Outcome::Pass | Outcome::Known | Outcome::Warn | Outcome::Fail => false,
    }
}

/// The outcome of all groups together: the worst of those that were judged.
fn together(outcomes: &[Outcome], on_no_data: Option<OnNoData>) -> Outcome {
    let judged = outcomes.iter().copied().filter(|outcome| !is_unjudged(*outcome)).max();
    let unjudged = outcomes.iter().copied().filter(|outcome| is_unjudged(*outcome)).max();
    let Some(judged) = judged else { return unjudged.unwrap_or(Outcome::NoData) };
    match on_no_data.filter(|_| outcomes.contains(&Outcome::NoData)) {
        Some(OnNoData::Stop) => judged.max(Outcome::NoData),
        Some(OnNoData::Warn) => judged.max(Outcome::Warn),
        Some(OnNoData::Pass) | None => judged,
    }
}

/// What the message says of the groups: those that fail or warn, the worst first, then those that cannot be judged.
fn in_words(telling: Vec<(Outcome, String)>, groups: usize) -> Message {
    let (unjudged, mut judged): (Vec<_>, Vec<_>) = telling.into_iter().partition(|(outcome, _)| is_unjudged(*outcome));
    judged.sort_by_key(|(outcome, _)| std::cmp::Reverse(*outcome));
    let left = groups - unjudged.len();
    let mut message = Message::default();
    if judged.is_empty() && left > 0 {
        message.push(match left {
            _ if left < groups => format!("{} of {groups} groups {}", left, if left == 1 { "passes" } else { "pass" }),
            2 => "both groups pass".to_owned(),
            _ => format!("all {groups} groups pass"),
        });
    }
    let more = judged.len().saturating_sub(SHOWN_MAX);
    message.extend(judged.into_iter().take(SHOWN_MAX).map(|(_, text)| text));
    if more > 0 {
        message.push(format!("and {} more", counted(more as u64, "group")));
    }
    if !unjudged.is_empty() {
        let more = unjudged.len().saturating_sub(SHOWN_MAX);
        let verb = if unjudged.len() == 1 { "has" } else { "have" };
        let shown: Vec<String> = unjudged.iter().take(SHOWN_MAX).map(|(_, text)| text.clone()).collect();
        let rest = if more > 0 { ", …" } else { "" };
        message.push(format!("{} of {groups} groups {verb} too few values to judge ({}{rest})", unjudged.len(), shown.join(", ")));
    }
    message
}
