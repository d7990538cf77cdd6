//! From what a check says to a finding, by what the rule file says of it; and the rows that it names.

use std::sync::Arc;

use super::bind::PlannedCheck;
use crate::findings::{Figures, Finding, Message, OnNoData, Outcome, Unit, Value, figures};
use crate::rows::{Repeats, RowId, RowSet};
use crate::rules::words::Tolerance;
use crate::rules::{Judgement, Policy, RowsJudged};
use crate::shown::{count, counted, percent_by};
use crate::yaml::Position;

/// A finding, with the rows that stand behind it.
#[derive(Debug, Clone, Default)]
pub struct FindingWithRows {
    pub finding: Finding,
    /// The failing rows, of failing groups where the rule has `by`.
    pub rows: Arc<RowSet>,
    /// Rows that fail too, of groups that pass as they are within what is tolerated.
    pub spared: Arc<RowSet>,
    /// Of the failing rows, those that are published already.
    pub published: Arc<RowSet>,
    /// Why rows fail, where there are several reasons: the first that names a row is its own.
    pub reasons: Vec<(String, Arc<RowSet>)>,
    /// Of the first rows whose key occurs elsewhere: another row that has it.
    pub(super) repeats: Repeats,
    /// Columns whose values samples show.
    pub(super) shows: Vec<usize>,
    /// Whether it, or one of its groups, cannot be judged whatever rows there are.
    pub(super) is_unfit: bool,
}

impl From<Finding> for FindingWithRows {
    /// It names no rows.
    fn from(finding: Finding) -> Self {
        Self { finding, ..Self::default() }
    }
}

impl FindingWithRows {
    /// Why the row fails, where rows fail for several reasons.
    pub fn reason_of(&self, row: RowId) -> Option<&str> {
        self.reasons.iter().find(|(_, rows)| rows.contains(row)).map(|(reason, _)| reason.as_str())
    }

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

/// The finding of what a check says, by what the rule file says of it.
pub(super) fn finding(check: &PlannedCheck, mut answer: FindingWithRows, file: &str) -> FindingWithRows {
    // An empty `where` or group only warns, unless the rule file says more.
    let is_part = check.words.r#where.is_some() || check.groups.is_some();
    let lenient = is_part && check.check.is_ok() && !answer.is_unfit && check.words.on_no_data.is_none() && !check.policy.require_evidence;
    let on_no_data = if lenient { OnNoData::Warn } else { check.on_no_data() };
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
pub(super) fn no_data(why: impl Into<Message>) -> FindingWithRows {
    Finding { outcome: Outcome::NoData, message: why.into(), ..Finding::default() }.into()
}

/// What a check says of all rows, or of one group: how it came out, by what figures.
pub(super) fn answer(judgement: Judgement, check: &PlannedCheck) -> FindingWithRows {
    match judgement {
        Judgement::TooFewRows(rows) => too_few_rows(rows, check).into(),
        Judgement::NoData(why) => no_data(why),
        Judgement::WarmingUp(why) => {
            Finding { outcome: Outcome::NoData, warming_up: true, message: why.into(), ..Finding::default() }.into()
        }
        Judgement::Unfit(why) => FindingWithRows { is_unfit: true, ..no_data(why) },
        Judgement::NeedsPass => no_data("internal error: left unjudged"),
        Judgement::Rows(rows) => of_rows(rows, &check.policy),
        Judgement::ByChance(test) => {
            let p_value = test.p_value;
            test.decided(p_value).into()
        }
        Judgement::Measured(finding) => (*finding).into(),
        Judgement::MeasuredRows(finding, rows) => FindingWithRows { rows, ..(*finding).into() },
    }
}

/// Fewer rows than `min_rows`: shown and not judged, unless evidence is required.
fn too_few_rows(rows: u64, check: &PlannedCheck) -> Finding {
    let (wanted, rows_in_words) = (check.policy.min_rows.unwrap_or(0), counted(rows, "row"));
    let (outcome, message) = match check.policy.require_evidence {
        true => (Outcome::Fail, format!("{rows_in_words}, and at least {} are required", count(wanted))),
        false => (Outcome::NotJudged, format!("{rows_in_words}, not judged below {}", count(wanted))),
    };
    let figures = Figures::from([(&figures::ROWS, rows.into())]);
    Finding {
        outcome,
        observed: rows.into(),
        limit: wanted.into(),
        unit: Unit::ROWS,
        message: message.into(),
        figures,
        ..Finding::default()
    }
}

fn of_rows(judged: RowsJudged, policy: &Policy) -> FindingWithRows {
    let RowsJudged { failing, of, known, rows, published, repeats, reasons, says, mut figures, broken, open } = judged;
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
    if let Some(why) = open.as_ref().filter(|_| outcome != Outcome::Fail) {
        return Finding { figures, ..no_data(why.clone()).finding }.into();
    }
    let (observed, limit, unit) = against(policy.tolerate, failing, of);
    let beyond = |part, whole| (policy.tolerate.has_share_below(part, whole), policy.warn.map(|w| w.has_share_below(part, whole)));
    let share = if failing == 0 { String::new() } else { format!(" ({})", percent_by(failing, of, beyond)) };
    let mut message = Message::from(format!("{} of {}{share} {says}", count(failing), counted(of, "row")));
    if policy.tolerate != Tolerance::NONE && policy.tolerate != Tolerance::default() {
        message.push(format!("{} tolerated", policy.tolerate));
    }
    if outcome == Outcome::Warn {
        message.extend(policy.warn.map(|warn| match warn.is_none() {
            true => "any is a warning".to_owned(),
            false => format!("more than {warn} is a warning"),
        }));
    }
    message.extend(broken.or(open));
    let (failing_rows, known_rows) = (failing, known);
    let finding = Finding { outcome, observed, limit, unit, failing_rows, known_rows, message, figures, ..Finding::default() };
    FindingWithRows { finding, rows, published, repeats, reasons, ..FindingWithRows::default() }
}

/// Observed, limit and unit of failing rows against a tolerance.
pub(super) fn against(tolerate: Tolerance, failing: u64, of: u64) -> (Value, Value, Unit) {
    match (tolerate.share, tolerate.rows) {
        (Some(share), None) => ((failing as f64 / of as f64).into(), share.as_f64().into(), Unit::SHARE_OF_ROWS),
        (None, Some(rows)) => (failing.into(), rows.into(), Unit::ROWS),
        (Some(_), Some(_)) => (failing.into(), tolerate.to_string().into(), Unit::ROWS),
        (None, None) => (failing.into(), Value::Nothing, Unit::ROWS),
    }
}
