//! From what a check says to a finding, by what the rule file says of it; and the rows that it names.

use std::sync::Arc;

use super::bind::PlannedCheck;
use crate::findings::{Figures, Finding, GroupFigures, Message, OnFail, OnNoData, Outcome, Unit, Value, figures};
use crate::metric::groups::{GroupKey, group_name};
use crate::rows::RowSet;
use crate::rules::words::Tolerance;
use crate::rules::{Judgement, Policy, RowsJudged};
use crate::shown::{count, counted, percent};
use crate::yaml::Position;

/// A finding, with the rows that stand behind it.
#[derive(Debug, Clone, Default)]
pub struct FindingWithRows {
    pub finding: Finding,
    /// The failing rows, of failing groups where the rule has `by`.
    pub rows: Arc<RowSet>,
    /// Of these, rows that are published already.
    pub published: Arc<RowSet>,
    /// Columns whose values samples show.
    pub(super) shows: Vec<usize>,
}

impl From<Finding> for FindingWithRows {
    /// It names no rows.
    fn from(finding: Finding) -> Self {
        Self { finding, ..Self::default() }
    }
}

impl FindingWithRows {
    /// Its rows but for those that are published already.
    pub fn add_bad_rows(&self, to: &mut RowSet) {
        if self.published.is_empty() {
            to.union(&self.rows);
            return;
        }
        for unit in self.rows.units() {
            let rows = self.rows.iter().filter(|row| row.unit == unit && !self.published.contains(*row));
            to.insert_unit(unit, rows.map(|row| row.row).collect());
        }
    }
}

/// What a check says, judged by its policy; groups come together into one finding.
pub(super) fn finding(check: &PlannedCheck, mut judged: Vec<(Option<GroupKey>, Judgement)>, file: &str) -> FindingWithRows {
    // An empty `where` or group only warns, unless the rule file says more.
    let lenient = check.words.on_no_data.is_none() && (check.words.r#where.is_some() || check.groups.is_some());
    let on_no_data = if lenient && check.check.is_ok() { OnNoData::Warn } else { check.on_no_data };
    let mut answer = match (&check.check, judged.as_slice()) {
        (Err(why), _) => no_data(why.clone().introduced("cannot be judged in this batch: ")),
        (Ok(_), []) => no_data("no rows in scope"),
        (Ok(_), [(None, _)]) => judged.pop().map(|(_, judgement)| answer(judgement, &check.policy)).unwrap_or_default(),
        (Ok(_), _) => by_group(judged, &check.policy, check.words.on_no_data),
    };
    if answer.finding.known_rows > 0 {
        let (known, reasons) = (count(answer.finding.known_rows), &check.known_reasons);
        answer.finding.message.extend(Message::from(reasons.clone()).introduced(&format!("{known} known: ")).into_statements());
        answer.finding.known_reasons.clone_from(reasons);
    }
    let words = &check.words;
    let finding = Finding {
        id: check.id.clone(),
        code: check.code.clone(),
        rule: check.rule.to_owned(),
        place: (check.at != Position::default()).then(|| check.at.in_file(file)),
        columns: check.columns.clone(),
        description: words.description.clone(),
        owner: words.owner.clone(),
        tags: words.tags.clone().unwrap_or_default().0,
        runbook: words.runbook.clone(),
        on_fail: check.policy.on_fail,
        ..answer.finding
    };
    FindingWithRows { finding: finding.weighed(on_no_data), shows: check.shows.clone(), ..answer }
}

/// Nothing to judge, and why.
fn no_data(why: impl Into<Message>) -> FindingWithRows {
    Finding { outcome: Outcome::NoData, message: why.into(), ..Finding::default() }.into()
}

/// What a check says of all rows, or of one group: how it came out, by what figures.
fn answer(judgement: Judgement, policy: &Policy) -> FindingWithRows {
    match judgement {
        Judgement::NoData(why) => no_data(why),
        Judgement::NeedsPass => no_data("internal error: left unjudged"),
        Judgement::Rows(rows) => of_rows(rows, policy),
        Judgement::Measured(finding) => (*finding).into(),
    }
}

fn of_rows(judged: RowsJudged, policy: &Policy) -> FindingWithRows {
    let RowsJudged { failing, of, known, rows, published, says, mut figures, broken } = judged;
    if of == 0 {
        return Finding { figures, ..no_data("no rows in scope").finding }.into();
    }
    let outcome = if broken.is_some() || policy.tolerate.is_exceeded_by(failing, of) {
        Outcome::Fail
    } else if policy.warn.is_some_and(|w| w.is_exceeded_by(failing, of)) {
        Outcome::Warn
    } else if failing == 0 && known > 0 {
        Outcome::Known
    } else {
        Outcome::Pass
    };
    figures.set(&figures::ROWS_IN_SCOPE, of);
    let (observed, limit, unit) = against(policy.tolerate, failing, of);
    let share = if failing == 0 { String::new() } else { format!(" ({})", percent(failing, of)) };
    let mut message = Message::from(format!("{} of {}{share} {says}", count(failing), counted(of, "row")));
    if policy.tolerate != Tolerance::NONE && policy.tolerate != Tolerance::default() {
        message.push(format!("{} tolerated", policy.tolerate));
    }
    message.extend(broken);
    let (failing_rows, known_rows) = (failing, known);
    let finding = Finding { outcome, observed, limit, unit, failing_rows, known_rows, message, figures, ..Finding::default() };
    FindingWithRows { finding, rows, published, shows: Vec::new() }
}

/// Observed, limit and unit of failing rows against a tolerance.
fn against(tolerate: Tolerance, failing: u64, of: u64) -> (Value, Value, Unit) {
    match (tolerate.share, tolerate.rows) {
        (Some(share), None) => ((failing as f64 / of as f64).into(), share.as_f64().into(), Unit::SHARE_OF_ROWS),
        (None, Some(rows)) => (failing.into(), rows.into(), Unit::ROWS),
        (Some(_), Some(_)) => (failing.into(), tolerate.to_string().into(), Unit::ROWS),
        (None, None) => (failing.into(), Value::Nothing, Unit::ROWS),
    }
}

fn by_group(judged: Vec<(Option<GroupKey>, Judgement)>, policy: &Policy, on_no_data: Option<OnNoData>) -> FindingWithRows {
    let mut result = Finding::default();
    let mut rows: Vec<Arc<RowSet>> = Vec::new();
    let mut telling: Vec<(Outcome, String)> = Vec::new();
    let mut worst = Outcome::Pass;
    let (mut of, mut all_empty, mut measured, mut broken) = (0u64, true, false, 0u64);
    for (key, judgement) in judged {
        let key = key.unwrap_or_default();
        measured |= matches!(judgement, Judgement::Measured(_));
        let FindingWithRows { finding: group, rows: failing, .. } = answer(judgement, policy);
        broken += u64::from(group.outcome == Outcome::Fail);
        all_empty &= group.outcome == Outcome::NoData;
        result.failing_rows += group.failing_rows;
        result.known_rows += group.known_rows;
        of += group.figures.get(&figures::ROWS_IN_SCOPE).and_then(|rows| rows.value.as_u64()).unwrap_or(0);
        if group.outcome == Outcome::Fail || policy.on_fail != OnFail::Quarantine {
            rows.push(failing);
        }
        // A group without data only warns, unless the rule file says otherwise.
        worst = worst.max(match (group.outcome, on_no_data) {
            (Outcome::NoData, None | Some(OnNoData::Warn)) => Outcome::Warn,
            (Outcome::NoData, Some(OnNoData::Pass)) => Outcome::Pass,
            (outcome, _) => outcome,
        });
        if !matches!(group.outcome, Outcome::Pass | Outcome::Known) {
            telling.push((group.outcome, format!("{}: {}", group_name(&key), group.message)));
        }
        let Finding { outcome, message, mut figures, failing_rows, .. } = group;
        figures.set(&figures::FAILING_ROWS, failing_rows);
        result.groups.push(GroupFigures { group: key, outcome, message, figures });
    }
    telling.sort_by_key(|(outcome, _)| std::cmp::Reverse(*outcome));
    result.outcome = if all_empty { Outcome::NoData } else { worst };
    (result.observed, result.limit, result.unit) = match measured {
        true => (broken.into(), Value::Integer(0), Unit::FAILING_GROUPS),
        false => against(policy.tolerate, result.failing_rows, of.max(1)),
    };
    result.figures = Figures::from([(&figures::GROUPS, result.groups.len().into())]);
    if !measured {
        result.figures.set(&figures::ROWS_IN_SCOPE, of);
    }
    result.message = groups_told(telling.into_iter().map(|(_, told)| told).collect(), result.groups.len());
    let rows = RowSet::of_all(rows.iter().map(AsRef::as_ref));
    FindingWithRows { rows: Arc::new(rows), ..result.into() }
}

/// What is told of the groups, the worst first.
fn groups_told(mut telling: Vec<String>, groups: usize) -> Message {
    const SHOWN_MAX: usize = 5;
    let more = telling.len().saturating_sub(SHOWN_MAX);
    telling.truncate(SHOWN_MAX);
    if telling.is_empty() {
        telling.push(if groups == 2 { "both groups pass".to_owned() } else { format!("all {groups} groups pass") });
    }
    telling.extend((more > 0).then(|| format!("and {more} more groups")));
    telling.into()
}
