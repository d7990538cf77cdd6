//! Findings by group: what a check says of each group of `by`, come together into one.

use std::sync::Arc;

use super::bind::PlannedCheck;
use super::finding::{FindingWithRows, against, answer, no_data};
use crate::findings::{Figures, Finding, GroupFigures, Message, OnFail, OnNoData, Outcome, Unit, Value, figures};
use crate::metric::groups::{GROUPS_MAX, GroupKey, group_name};
use crate::rows::{Repeats, RowSet};
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
/// Most columns have many small groups beside a few large ones. A group that cannot be judged for want of data is shown and
/// counted, and changes nothing while others are judged, unless the rule file asks for evidence of every group.
fn by_group(judged: Vec<(Option<GroupKey>, Judgement)>, check: &PlannedCheck) -> FindingWithRows {
    let policy = &check.policy;
    let mut result = FindingWithRows::default();
    let (mut rows, mut spared) = (Vec::<Arc<RowSet>>::new(), Vec::<Arc<RowSet>>::new());
    let (mut groups, mut telling) = (Vec::new(), Vec::new());
    let mut repeats = Repeats::default();
    let (mut of, mut measured, number) = (0u64, false, judged.len());
    for (key, judgement) in judged {
        let key = key.unwrap_or_default();
        measured |= matches!(judgement, Judgement::Measured(_) | Judgement::MeasuredRows(..));
        let FindingWithRows { finding: mut group, rows: failing, repeats: of_group, reasons, is_unfit, .. } = answer(judgement, check);
        result.reasons.extend(reasons);
        result.is_unfit |= is_unfit;
        if policy.require_evidence && !is_unfit && is_unjudged(group.outcome) {
            group.outcome = Outcome::Fail;
        }
        result.finding.failing_rows += group.failing_rows;
        result.finding.known_rows += group.known_rows;
        result.finding.warming_up |= group.warming_up;
        of += group.figures.get(&figures::ROWS_IN_SCOPE).and_then(|rows| rows.value.as_u64()).unwrap_or(0);
        if group.outcome == Outcome::Fail || policy.on_fail != OnFail::Quarantine {
            rows.push(failing);
            repeats.union(of_group);
        } else {
            spared.push(failing);
        }
        telling.push(Told { outcome: group.outcome, is_unfit, text: format!("{}: {}", group_name(&key), group.message) });
        let Finding { outcome, message, mut figures, failing_rows, groups: within, .. } = group;
        figures.set(&figures::FAILING_ROWS, failing_rows);
        // Behind each group stand those that its rule makes of it, by their keys together.
        let within = within.into_iter().map(|inner| GroupFigures { group: [key.as_slice(), &inner.group].concat(), ..inner });
        let within: Vec<GroupFigures> = within.collect();
        groups.push(GroupFigures { group: key, outcome, message, figures });
        groups.extend(within);
    }
    let failing = telling.iter().filter(|told| told.outcome == Outcome::Fail).count();
    let finding = &mut result.finding;
    finding.outcome = together(&telling, check.words.on_no_data);
    (finding.observed, finding.limit, finding.unit) = match measured {
        _ if telling.iter().all(Told::lacks_data) => (Value::Nothing, Value::Nothing, Unit::NONE),
        true => (failing.into(), Value::Integer(0), Unit::FAILING_GROUPS),
        false => against(policy.tolerate, finding.failing_rows, of.max(1)),
    };
    finding.figures = Figures::from([(&figures::GROUPS, number.into())]);
    if !measured {
        finding.figures.set(&figures::ROWS_IN_SCOPE, of);
    }
    finding.message = in_words(telling);
    finding.groups = shown(groups, number);
    let all = |sets: Vec<Arc<RowSet>>| Arc::new(RowSet::of_all(sets.iter().map(AsRef::as_ref)));
    FindingWithRows { rows: all(rows), spared: all(spared), repeats, ..result }
}

/// The groups that a report lists: those within the `number` groups of `by` too, but of very many those that fail or warn.
fn shown(mut groups: Vec<GroupFigures>, number: usize) -> Vec<GroupFigures> {
    if groups.len() > number + GROUPS_MAX {
        let keys = groups.first().map_or(0, |g| g.group.len());
        groups.retain(|g| g.group.len() == keys || matches!(g.outcome, Outcome::Fail | Outcome::Warn));
    }
    groups
}

/// What there is to say of a group.
struct Told {
    outcome: Outcome,
    is_unfit: bool,
    text: String,
}

impl Told {
    /// Whether it was not judged, and more rows might have changed that.
    fn lacks_data(&self) -> bool {
        !self.is_unfit && is_unjudged(self.outcome)
    }
}

/// Whether the data did not suffice to judge.
fn is_unjudged(outcome: Outcome) -> bool {
    match outcome {
        Outcome::NotJudged | Outcome::InsufficientEvidence | Outcome::NoData => true,
        Outcome::Pass | Outcome::Known | Outcome::Warn | Outcome::Fail => false,
    }
}

/// The outcome of all groups together: the worst of those that were judged.
fn together(groups: &[Told], on_no_data: Option<OnNoData>) -> Outcome {
    let worst = |lacking: bool| groups.iter().filter(|told| told.lacks_data() == lacking).map(|told| told.outcome).max();
    let Some(judged) = worst(false) else { return worst(true).unwrap_or(Outcome::NoData) };
    match on_no_data.filter(|_| worst(true) == Some(Outcome::NoData)) {
        Some(OnNoData::Stop) => judged.max(Outcome::NoData),
        Some(OnNoData::Warn) => judged.max(Outcome::Warn),
        Some(OnNoData::Pass) | None => judged,
    }
}

/// What the message says of the groups: those that fail or warn, the worst first, then those that cannot be judged.
fn in_words(groups: Vec<Told>) -> Message {
    let number = groups.len();
    let (lacking, judged): (Vec<Told>, Vec<Told>) = groups.into_iter().partition(Told::lacks_data);
    let left = judged.len();
    let passes = |told: &Told| matches!(told.outcome, Outcome::Pass | Outcome::Known);
    let mut failing: Vec<Told> = judged.into_iter().filter(|told| !passes(told)).collect();
    failing.sort_by_key(|told| std::cmp::Reverse(told.outcome));
    let mut message = Message::default();
    if failing.is_empty() && left > 0 {
        message.push(match left {
            _ if left < number => format!("{left} of {number} groups {}", if left == 1 { "passes" } else { "pass" }),
            2 => "both groups pass".to_owned(),
            _ => format!("all {number} groups pass"),
        });
    }
    let more = failing.len().saturating_sub(SHOWN_MAX);
    message.extend(failing.into_iter().take(SHOWN_MAX).map(|told| told.text));
    if more > 0 {
        message.push(format!("and {} more", counted(more as u64, "group")));
    }
    if !lacking.is_empty() {
        let have = if lacking.len() == 1 { "has" } else { "have" };
        let rest = if lacking.len() > SHOWN_MAX { "; …" } else { "" };
        let shown: Vec<&str> = lacking.iter().take(SHOWN_MAX).map(|told| told.text.as_str()).collect();
        message.push(format!("{} of {number} groups {have} too few values to judge ({}{rest})", lacking.len(), shown.join("; ")));
    }
    message
}
