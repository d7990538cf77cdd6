//! Checks judge the facts, round by round, until none asks for another look.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::bind::PlannedCheck;
use super::finding::FindingResult;
use super::fold::{Counted, finish_look};
use super::samples::{self, SAMPLES_MAX};
use super::{Audited, Folding, Job, Plan, builtin};
use crate::diagnostic::{Code, Fault, Faults};
use crate::identity::Identity;
use crate::metric::Inputs;
use crate::metric::groups::{GROUPS_MAX, GroupKey, group_name};
use crate::report::model::{ColumnReport, Sample};
use crate::rows::{RowId, RowSet};
use crate::rules::judgement::{figures, json_float};
use crate::rules::published::{Fetched, Wanted};
use crate::rules::schema::SchemaChange;
use crate::rules::words::{OnFail, OnNoData, Over, Tolerance};
use crate::rules::{Check, Evidence, GroupFigures, InputHandle, Judgement, Look, Measured, Policy, RowsJudged, Scope, Status, View};
use crate::shown::{count, counted, percent};
use crate::source::Source;

/// What judging gives beside the plan.
pub(super) struct Judged {
    source: Arc<dyn Source>,
    identity: Arc<Identity>,
    totals: Counted,
    findings: Vec<FindingResult>,
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
    let proven = |check: &PlannedCheck| check.tests_alone && check.test.is_some_and(|t| plan.proven[t]);
    let evidence = |check| if proven(check) { Evidence::Statistics } else { Evidence::Scan };
    let (left, bad) = (totals.places.records() - totals.filtered, totals.unsound.len() + totals.malformed.len());
    let judged = plan.checks.iter().zip(judged).map(|(check, groups)| {
        let mut finding = FindingResult { evidence: evidence(check), ..finding(check, groups) };
        // Whatever the rule says that it lacks, it lacks since nothing was left to it.
        if finding.status == Status::NoData && check.check.is_ok() && check.scope.over == Over::Sound && left > 0 && bad == left {
            finding.message = format!("no row is left to judge: all {} are set aside already", counted(left, "row"));
        }
        finding
    });
    let is_empty = totals.places.records() == totals.filtered && builtin::permits_empty(job);
    findings.extend(judged.map(|f| if is_empty { FindingResult { on_no_data: OnNoData::Pass, ..f } } else { f }));
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
fn finding(check: &PlannedCheck, judged: Vec<(Option<GroupKey>, Judgement)>) -> FindingResult {
    let mut result = FindingResult {
        columns: check.columns.clone(),
        words: check.words.clone(),
        on_no_data: check.on_no_data,
        shows: check.shows.clone(),
        ..FindingResult::builtin(&check.id, check.rule, Status::NoData, check.policy.on_fail, String::new())
    };
    if let Err(why) = &check.check {
        result.message = format!("cannot be judged in this batch: {why}");
        return result;
    }
    // An empty `where` or group only warns, unless the rule file says more.
    let lenient = check.words.on_no_data.is_none() && (check.words.r#where.is_some() || check.groups.is_some());
    if lenient {
        result.on_no_data = OnNoData::Warn;
    }
    match judged.len() {
        0 => result.message = "no rows in scope".into(),
        1 if judged[0].0.is_none() => {
            for (_, judgement) in judged {
                apply(&mut result, judgement, &check.policy);
            }
        }
        _ => by_group(&mut result, judged, &check.policy),
    }
    if result.known > 0 {
        result.message += &format!("; {} known: {}", count(result.known), check.known_reasons.join("; "));
    }
    result
}

fn apply(result: &mut FindingResult, judgement: Judgement, policy: &Policy) {
    match judgement {
        Judgement::NoData(why) => result.message = why,
        Judgement::Again => result.message = "internal error: left unjudged".into(),
        Judgement::Rows(rows) => apply_rows(result, rows, policy),
        Judgement::Measured(Measured { status, observed, limit, unit, says, figures, groups }) => {
            result.status = status;
            (result.observed, result.limit, result.unit) = (observed, limit, unit);
            (result.message, result.figures, result.groups) = (says, figures, groups);
        }
    }
}

fn apply_rows(result: &mut FindingResult, judged: RowsJudged, policy: &Policy) {
    let RowsJudged { failing, of, known, rows, published, says, figures, broken } = judged;
    result.figures = figures;
    if of == 0 {
        result.message = "no rows in scope".into();
        return;
    }
    result.status = if broken.is_some() || policy.tolerate.is_exceeded_by(failing, of) {
        Status::Fail
    } else if policy.warn.is_some_and(|w| w.is_exceeded_by(failing, of)) {
        Status::Warn
    } else if failing == 0 && known > 0 {
        Status::Known
    } else {
        Status::Pass
    };
    result.figures.insert("rows_in_scope".into(), of.into());
    (result.observed, result.limit, result.unit) = against(policy.tolerate, failing, of);
    (result.failing, result.known, result.rows, result.published) = (failing, known, rows, published);
    let share = if failing == 0 { String::new() } else { format!(" ({})", percent(failing, of)) };
    result.message = format!("{} of {}{share} {says}", count(failing), counted(of, "row"));
    if policy.tolerate != Tolerance::NONE && policy.tolerate != Tolerance::default() {
        result.message += &format!("; {} tolerated", policy.tolerate);
    }
    if let Some(broken) = broken {
        result.message += &format!("; {broken}");
    }
}

/// Observed, limit and unit of failing rows against a tolerance.
fn against(tolerate: Tolerance, failing: u64, of: u64) -> (Json, Json, &'static str) {
    match (tolerate.share, tolerate.rows) {
        (Some(share), None) => (json_float(failing as f64 / of as f64), json_float(share.as_f64()), "share of rows"),
        (None, Some(rows)) => (failing.into(), rows.into(), "rows"),
        (Some(_), Some(_)) => (failing.into(), tolerate.to_string().into(), "rows"),
        (None, None) => (failing.into(), Json::Null, "rows"),
    }
}

fn by_group(result: &mut FindingResult, judged: Vec<(Option<GroupKey>, Judgement)>, policy: &Policy) {
    let mut rows = RowSet::default();
    let mut telling: Vec<(Status, String)> = Vec::new();
    let mut worst = Status::Pass;
    let (mut of, mut all_empty, mut measured, mut broken) = (0u64, true, false, 0u64);
    for (key, judgement) in judged {
        let key = key.unwrap_or_default();
        measured |= matches!(judgement, Judgement::Measured(_));
        let mut group = FindingResult::builtin("", "", Status::NoData, policy.on_fail, String::new());
        apply(&mut group, judgement, policy);
        broken += u64::from(group.status == Status::Fail);
        all_empty &= group.status == Status::NoData;
        result.failing += group.failing;
        result.known += group.known;
        of += group.figures.get("rows_in_scope").and_then(Json::as_u64).unwrap_or(0);
        if group.status == Status::Fail || policy.on_fail != OnFail::Quarantine {
            rows.union(&group.rows);
        }
        // A group without data only warns, unless the rule file says otherwise.
        worst = worst.max(match (group.status, result.words.on_no_data) {
            (Status::NoData, None | Some(OnNoData::Warn)) => Status::Warn,
            (Status::NoData, Some(OnNoData::Pass)) => Status::Pass,
            (status, _) => status,
        });
        if !matches!(group.status, Status::Pass | Status::Known) {
            telling.push((group.status, format!("{}: {}", group_name(&key), group.message)));
        }
        let mut figures = std::mem::take(&mut group.figures);
        figures.insert("failing_rows".into(), group.failing.into());
        result.groups.push(GroupFigures { group: key, outcome: group.status, message: group.message, figures });
    }
    telling.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    result.status = if all_empty { Status::NoData } else { worst };
    let (observed, limit, unit) = match measured {
        true => (broken.into(), 0.into(), "failing groups"),
        false => against(policy.tolerate, result.failing, of.max(1)),
    };
    (result.observed, result.limit, result.unit) = (observed, limit, unit);
    result.rows = Arc::new(rows);
    result.figures = figures([("groups", result.groups.len().into())]);
    if !measured {
        result.figures.insert("rows_in_scope".into(), of.into());
    }
    let shown: Vec<String> = telling.iter().take(5).map(|(_, m)| m.clone()).collect();
    let more = telling.len().saturating_sub(5);
    result.message = match shown.is_empty() {
        true if result.groups.len() == 2 => "both groups pass".to_owned(),
        true => format!("all {} groups pass", result.groups.len()),
        false if more > 0 => format!("{}; and {more} more groups", shown.join("; ")),
        false => shown.join("; "),
    };
}

/// Goes back for the values of the first failing rows.
fn show_samples(job: &Job<'_>, source: &dyn Source, plan: &Plan, totals: &Counted, findings: &mut [FindingResult]) -> Result<(), Fault> {
    let first = |f: &FindingResult| f.rows.iter().take(SAMPLES_MAX).collect::<Vec<RowId>>();
    let columns_of = |f: &FindingResult| {
        let mut columns: Vec<usize> = Vec::new();
        for &column in plan.identity.iter().chain(&f.shows) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    };
    let with_rows = |f: &&FindingResult| f.samples.is_empty() && !f.rows.is_empty();
    let rows: BTreeSet<RowId> = findings.iter().filter(with_rows).flat_map(first).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let columns: BTreeSet<usize> = findings.iter().filter(with_rows).flat_map(columns_of).collect();
    let fetched = samples::fetch(job, source, plan, &totals.places, &rows, &columns)?;
    for finding in findings.iter_mut().filter(|f| f.samples.is_empty() && !f.rows.is_empty()) {
        let columns = columns_of(finding);
        let sample = |row: RowId| {
            let values = fetched.get(&row)?;
            let named = |c: &usize| (plan.prepare.seen.field(*c).name().clone(), values.get(c).cloned().unwrap_or(Json::Null));
            let origin = totals.places.origin(row, source.files());
            Some(Sample { origin, values: columns.iter().map(named).collect(), raw: None, reason: None })
        };
        finding.samples = first(finding).into_iter().filter_map(sample).collect();
    }
    Ok(())
}
