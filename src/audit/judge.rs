//! Checks judge the facts, round by round, until none asks for another look.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::bind::PlannedCheck;
use super::finding::FindingWithRows;
use super::fold::{Counted, finish_look};
use super::samples::{self, SAMPLES_MAX};
use super::{Audited, Folding, Job, Plan, builtin};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Basis, Figures, Finding, GroupFigures, Message, Outcome, Sample, Severity, Unit, Value, figures};
use crate::identity::Identity;
use crate::metric::Inputs;
use crate::metric::groups::{GROUPS_MAX, GroupKey, group_name};
use crate::report::model::ColumnReport;
use crate::rows::{RowId, RowSet};
use crate::rules::published::{Fetched, Wanted};
use crate::rules::schema::SchemaChange;
use crate::rules::words::{OnFail, OnNoData, Over, Tolerance};
use crate::rules::{Check, InputHandle, Judgement, Look, Policy, RowsJudged, Scope, View};
use crate::shown::{count, counted, percent};
use crate::source::Source;
use crate::yaml::Position;

/// What judging gives beside the plan.
pub(super) struct Judged {
    source: Arc<dyn Source>,
    identity: Arc<Identity>,
    totals: Counted,
    findings: Vec<FindingWithRows>,
    schema_changes: Vec<SchemaChange>,
    columns: Vec<ColumnReport>,
}

impl Judged {
    pub(super) fn into_audited(self, plan: Plan) -> Audited {
        let Counted { places, filtered, malformed: malformed_rows, unsound, .. } = self.totals;
        let malformed = malformed_rows.len();
        let Self { source, identity, findings, schema_changes, columns, .. } = self;
        Audited { source, identity, plan, places, findings, schema_changes, columns, filtered, malformed, malformed_rows, unsound }
    }
}

/// One group of one check, on its way to a judgement.
struct Pending {
    check: usize,
    group: Option<GroupKey>,
    judge: Box<dyn Check>,
    judged: Option<Judgement>,
}

pub(super) fn judge(
    job: &Job<'_>,
    source: Arc<dyn Source>,
    plan: &mut Plan,
    mut totals: Counted,
    folding: &dyn Folding,
) -> Result<Judged, Faults> {
    let identity = Arc::new(Identity::new(source.clone(), totals.content_digest));
    if let Some(published) = &job.published {
        published.batch_is(identity.clone());
    }
    let mut pending = pending(plan, &totals)?;
    rounds(job, source.as_ref(), plan, &mut totals, &mut pending, folding)?;
    let mut findings = builtin::findings(job, source.as_ref(), plan, &totals);
    let (schema_findings, schema_changes) = builtin::schema(job, source.as_ref(), plan, &totals)?;
    findings.extend(schema_findings);
    let mut judged: Vec<Vec<(Option<GroupKey>, Judgement)>> = plan.checks.iter().map(|_| Vec::new()).collect();
    for p in pending {
        judged[p.check].push((p.group, p.judged.unwrap_or_else(|| Judgement::NoData("not judged".into()))));
    }
    let proven = |check: &PlannedCheck| check.tests_alone && check.test.is_some_and(|t| plan.passed_by_statistics[t]);
    let (left, bad) = (totals.places.records() - totals.filtered, totals.unsound.len() + totals.malformed.len());
    let may_be_empty = left == 0 && builtin::permits_empty(job);
    findings.extend(plan.checks.iter().zip(judged).map(|(check, groups)| {
        let mut found = finding(check, groups, &job.rules.path);
        let finding = &mut found.finding;
        finding.basis = if proven(check) { Basis::Statistics } else { Basis::Scan };
        if finding.outcome == Outcome::NoData {
            // Whatever the rule says that it lacks, it lacks since nothing was left to it.
            if check.check.is_ok() && check.scope.over == Over::Sound && left > 0 && bad == left {
                finding.message = format!("no row is left to judge: all {} are set aside already", counted(left, "row")).into();
            }
            if may_be_empty {
                finding.severity = Severity::of(finding.outcome, finding.on_fail, OnNoData::Pass);
            }
        }
        found
    }));
    show_samples(job, source.as_ref(), plan, &totals, &mut findings)?;
    let mut columns = Vec::new();
    for column in &plan.profile {
        columns.push(column.report(&plan.prepare.seen, &totals.facts)?);
    }
    for tally in source.tallies(&totals.evidence) {
        if let Some(column) = columns.iter_mut().find(|c| c.name == tally.path) {
            column.kinds = Some(tally.kinds);
        }
    }
    Ok(Judged { source, identity, totals, findings, schema_changes, columns })
}

/// One entry a check and group.
fn pending(plan: &Plan, totals: &Counted) -> Result<Vec<Pending>, Fault> {
    let whole = View::whole(&totals.facts);
    let mut pending = Vec::new();
    for (check, planned) in plan.checks.iter().enumerate() {
        let Ok(judge) = &planned.check else { continue };
        let Some(groups) = planned.groups else {
            pending.push(Pending { check, group: None, judge: judge.fresh(), judged: None });
            continue;
        };
        let Some(groups) = whole.get(groups)? else { continue };
        if groups.overflow {
            let fault = Fault::new(Code::TooManyGroups, format!("`{}`: `by` makes more than {GROUPS_MAX} groups", planned.id));
            return Err(fault.hint("group by columns with fewer values"));
        }
        for key in groups.counts.keys() {
            pending.push(Pending { check, group: Some(key.clone()), judge: judge.fresh(), judged: None });
        }
    }
    Ok(pending)
}

/// Judges until nobody asks again.
fn rounds(
    job: &Job<'_>,
    source: &dyn Source,
    plan: &mut Plan,
    totals: &mut Counted,
    pending: &mut [Pending],
    folding: &dyn Folding,
) -> Result<(), Faults> {
    /// Sketch, a few refinements, collect, rows outside: more looks than that is a bug.
    const ROUNDS_MAX: usize = 16;
    let all = Scope { over: Over::All, ..Scope::default() };
    let (mut wanted, mut inputs) = (Vec::new(), Inputs::default());
    for _ in 0..ROUNDS_MAX {
        let first_new = plan.requests.states.len();
        let mut again = false;
        for p in pending.iter_mut().filter(|p| p.judged.is_none()) {
            let scope = &plan.checks[p.check].scope;
            let view = View { facts: &totals.facts, group: p.group.as_ref() };
            let mut look = Look { requests: &mut plan.requests, scope, group: p.group.as_ref(), first_new, inputs: &mut wanted };
            match p.judge.judge(&view, &mut look)? {
                Judgement::Again => again = true,
                done @ (Judgement::NoData(_) | Judgement::Rows(_) | Judgement::Measured(_)) => p.judged = Some(done),
            }
        }
        for column in &mut plan.profile {
            let mut look = Look { requests: &mut plan.requests, scope: &all, group: None, first_new, inputs: &mut wanted };
            again |= column.advance(&totals.facts, &mut look)?;
        }
        if !again {
            return Ok(());
        }
        fetch(job, &wanted, totals, &mut inputs)?;
        if plan.requests.states.len() > first_new {
            let fold = folding.look(source, plan, first_new, totals)?;
            finish_look(fold, plan, first_new, totals, &inputs)?;
        }
    }
    Err(Fault::new(Code::Internal, "internal error: rules ask for look after look").into())
}

/// Fetches what checks want beside the batch, as far as it was not fetched before.
fn fetch(job: &Job<'_>, wanted: &[Wanted], totals: &mut Counted, inputs: &mut Inputs) -> Result<(), Fault> {
    let fetched = totals.facts.inputs.len();
    for (index, wanted) in wanted.iter().enumerate().skip(fetched) {
        let Some(published) = &job.published else {
            return Err(Fault::new(Code::Internal, "internal error: published rows are wanted, and there is no table"));
        };
        let found = published.rows(wanted)?;
        if let Fetched::Rows(rows) = &found {
            inputs.insert(InputHandle(index).name(), rows.clone());
        }
        totals.facts.inputs.push(found);
    }
    Ok(())
}

/// What a check says, judged by its policy; groups come together into one finding.
fn finding(check: &PlannedCheck, mut judged: Vec<(Option<GroupKey>, Judgement)>, file: &str) -> FindingWithRows {
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
        Judgement::Again => no_data("internal error: left unjudged"),
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
    let mut rows = RowSet::default();
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
            rows.union(&failing);
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

/// Goes back for the values of the first failing rows.
fn show_samples(job: &Job<'_>, source: &dyn Source, plan: &Plan, totals: &Counted, findings: &mut [FindingWithRows]) -> Result<(), Fault> {
    let first = |f: &FindingWithRows| f.rows.iter().take(SAMPLES_MAX).collect::<Vec<RowId>>();
    let columns_of = |f: &FindingWithRows| {
        let mut columns: Vec<usize> = Vec::new();
        for &column in plan.identity.iter().chain(&f.shows) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    };
    let with_rows = |f: &&FindingWithRows| f.finding.samples.is_empty() && !f.rows.is_empty();
    let rows: BTreeSet<RowId> = findings.iter().filter(with_rows).flat_map(first).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let columns: BTreeSet<usize> = findings.iter().filter(with_rows).flat_map(columns_of).collect();
    let fetched = samples::fetch(job, source, plan, &totals.places, &rows, &columns)?;
    for finding in findings.iter_mut().filter(|f| f.finding.samples.is_empty() && !f.rows.is_empty()) {
        let columns = columns_of(finding);
        let sample = |row: RowId| {
            let values = fetched.get(&row)?;
            let named = |c: &usize| (plan.prepare.seen.field(*c).name().clone(), values.get(c).cloned().unwrap_or(Json::Null));
            let origin = totals.places.origin(row, &source.known().origins);
            Some(Sample { origin, values: columns.iter().map(named).collect(), raw: None, reason: None })
        };
        finding.finding.samples = first(finding).into_iter().filter_map(sample).collect();
    }
    Ok(())
}
