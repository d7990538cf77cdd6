//! Judges data that is not read: the same checks, over facts that summaries give.
//!
//! What no summary answers is not judged: `no_data`, with the reason `needs a scan`. It never stops a run unless the rule file
//! says so, since whoever judges from summaries knows that some rules want the rows.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::bind::PlannedCheck;
use super::finding::finding;
use super::fold::Counted;
use super::judge::{Judged, cut_key};
use super::{Audited, Job, Plan, adjusted, beside, builtin, groups, private};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::OnNoData;
use crate::identity::Identity;
use crate::metric::any::AnyState;
use crate::metric::extrema::TextExtrema;
use crate::metric::groups::GroupKey;
use crate::metric::{Inputs, State};
use crate::report::model::ColumnReport;
use crate::rules::{Facts, GroupFacts, Judge, Judgement, Question, SecondPass, TestCounts, Wanted};
use crate::ruleset::RuleFile;
use crate::source::{self, ReadOptions, Source};
use crate::summary::{ColumnFigures, Summary, TestEntry};
use crate::types::parse_type;

/// What summaries of some batches, taken together, were found to be.
pub struct AuditedSummaries {
    /// As of an audit of no rows, with the findings and columns of the summaries.
    pub audited: Audited,
    /// Rows that the summaries speak of.
    pub rows: u64,
    /// How many rules the summaries do not answer.
    pub unanswered: u64,
}

/// The columns of batches with these summaries, as a source without rows; those that `transform` makes are not read.
///
/// # Errors
/// A summary is damaged, or a column changed its kind of values from one to another.
pub fn source_of(rules: &RuleFile, summaries: &[(String, Arc<Summary>)]) -> Result<Arc<dyn Source>, Fault> {
    let columns = crate::summary::columns_of(summaries.iter().map(|(_, summary)| summary.as_ref()))
        .map_err(|fault| fault.hint("such batches cannot be judged together: judge some of them, with `--batches` or `--last`"))?;
    let made: HashSet<&str> = rules.sections.transform.0.iter().map(|(made, _)| made.as_str()).collect();
    let mut fields = Vec::new();
    for column in columns.iter().filter(|column| !made.contains(column.name.as_str())) {
        let data_type = parse_type(&column.data_type)
            .map_err(|why| Fault::new(Code::Damaged, format!("the summary is damaged: `{}`: {}", column.name, why.what)))?;
        fields.push(Field::new(&column.name, data_type, column.nullable));
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    source::from_batches(&schema, Vec::new(), &ReadOptions::default())
}

/// Judges what `summaries` hold, one a batch, by the rules of `job`, whose source has their columns and no rows.
///
/// # Errors
/// The rules do not fit the columns, or a summary is damaged.
pub fn audit_summaries(job: &Job<'_>, summaries: &[(String, Arc<Summary>)]) -> Result<AuditedSummaries, Faults> {
    judged(job, summaries).map_err(|faults| job.quiet(faults))
}

fn judged(job: &Job<'_>, summaries: &[(String, Arc<Summary>)]) -> Result<AuditedSummaries, Faults> {
    let source = job.source.clone();
    let mut plan = job.bind(source.as_ref(), &[])?;
    std::mem::take(&mut plan.deferred_faults).or_ok(())?;
    let mut totals = Counted::of_nothing(facts(job, &plan, summaries)?);
    totals.facts.besides = beside::answers(job, &plan)?;
    let rows = summaries.iter().map(|(_, summary)| summary.rows).sum();
    let privacy = private::privacy(job, source.as_ref(), &plan);
    plan.profile.clear();
    let (mut findings, schema_changes) = builtin::schema(job, source.as_ref(), &plan, &totals, &privacy)?;
    let checks = std::mem::take(&mut plan.checks);
    let mut answers = Vec::new();
    for check in &checks {
        answers.push(match check_alone(check, &mut plan, &totals.facts) {
            Ok(judged) => (judged, true),
            Err(fault) if fault.code == Code::NeedsScan => (vec![(None, Judgement::NoData(fault.what))], false),
            Err(fault) => return Err(fault.into()),
        });
    }
    let tests = checks.iter().zip(&mut answers).flat_map(|(check, (judged, _))| judged.iter_mut().map(|(_, one)| (check.at, one)));
    adjusted::decide(tests);
    let mut unanswered = 0;
    for (check, (judged, is_answered)) in checks.iter().zip(answers) {
        let mut found = finding(check, groups::of_all(check, judged), &job.rules.path);
        if !is_answered {
            unanswered += 1;
            found.finding = found.finding.weighed(check.words.on_no_data.unwrap_or(OnNoData::Warn));
        }
        findings.push(found);
    }
    plan.checks = checks;
    let mut columns = columns(job, source.as_ref(), summaries)?;
    private::hide((job, &plan, &privacy), &mut findings, &mut columns);
    let identity = Arc::new(Identity::new(source.clone(), None));
    let judged = Judged { source, identity, totals, findings, schema_changes, privacy, columns, correlations: None, candidate_keys: None };
    let audited = judged.into_audited(plan);
    Ok(AuditedSummaries { audited, rows, unanswered })
}

/// What the plan's states and row tests would have counted, as far as the summaries tell.
fn facts(job: &Job<'_>, plan: &Plan, summaries: &[(String, Arc<Summary>)]) -> Result<Facts, Fault> {
    let mut facts = Facts::default();
    let questions = plan.requests.questions(0, &plan.prepare.rule_schema)?;
    for (index, question) in questions.iter().enumerate() {
        let types = types_of(plan, question);
        match answer(job, question, &types, summaries)? {
            Ok(state) => {
                let out = state.finish(&Inputs::default())?;
                let extrema = out.downcast_ref::<<TextExtrema as State>::Out>().cloned().flatten();
                if extrema.is_some_and(|(first, last)| first.ends_with('…') || last.ends_with('…')) {
                    facts.unanswered.insert(index, "needs a scan: of long texts the beginning alone is kept".to_owned());
                    facts.states.push(None);
                    continue;
                }
                facts.states.push(Some(out));
            }
            Err(why) => {
                facts.states.push(None);
                facts.unanswered.insert(index, why);
            }
        }
    }
    facts.tests.resize_with(plan.requests.tests.len(), Default::default);
    for check in &plan.checks {
        let Some((test, counted)) = check.test.zip(test_of(check, summaries)) else { continue };
        let TestEntry { in_scope, failing, known } = counted;
        facts.tests[test] = BTreeMap::from([(GroupKey::new(), TestCounts { in_scope, failing, known, ..TestCounts::default() })]);
    }
    Ok(facts)
}

fn types_of(plan: &Plan, question: &Question) -> Vec<DataType> {
    let field = |name: &String| Some(plan.prepare.rule_schema.field(plan.prepare.index_of(name)?));
    question.columns.iter().filter_map(field).map(|field| field.data_type().clone()).collect()
}

/// The states of all summaries as one; inside, why they do not answer. A batch that does not would be passed over in silence.
fn answer(
    job: &Job<'_>,
    question: &Question,
    types: &[DataType],
    summaries: &[(String, Arc<Summary>)],
) -> Result<Result<Box<dyn AnyState>, String>, Fault> {
    let (mut merged, mut lacking, mut why): (Option<Box<dyn AnyState>>, usize, String) = (None, 0, String::new());
    for (_, summary) in summaries {
        match (summary.state(question, types, &job.budget)?, &mut merged) {
            (Err(reason), _) => {
                lacking += 1;
                why = reason;
            }
            (Ok(_), _) if lacking > 0 => {}
            (Ok(state), None) => merged = Some(state),
            (Ok(state), Some(all)) => all.merge(state)?,
        }
    }
    Ok(match merged.filter(|_| lacking == 0) {
        Some(state) => Ok(state),
        None => Err(needs_a_scan(&why, lacking, summaries.len())),
    })
}

fn needs_a_scan(why: &str, lacking: usize, of: usize) -> String {
    let why = why.strip_prefix("needs a scan: ").or_else(|| why.strip_suffix(": needs a scan")).unwrap_or(why);
    let batches = if lacking < of { format!(" ({lacking} of {of} batches)") } else { String::new() };
    format!("needs a scan: {why}{batches}")
}

/// What the check's row test counted of all batches; none where one does not tell.
fn test_of(check: &PlannedCheck, summaries: &[(String, Arc<Summary>)]) -> Option<TestEntry> {
    let name = super::kept::name_of_test(check);
    let mut all = TestEntry::default();
    for (_, summary) in summaries {
        let TestEntry { in_scope, failing, known } = summary.test(&name)?;
        all = TestEntry { in_scope: all.in_scope + in_scope, failing: all.failing + failing, known: all.known + known };
    }
    Some(all)
}

/// Judges one check in one go.
///
/// # Errors
/// It needs what no summary holds; or a mistake of ours.
fn check_alone(check: &PlannedCheck, plan: &mut Plan, facts: &Facts) -> Result<Vec<(Option<GroupKey>, Judgement)>, Fault> {
    let Ok(judge) = &check.check else { return Ok(Vec::new()) };
    if check.test.is_some_and(|test| facts.tests[test].is_empty()) {
        let what = "needs a scan: of some batches it is not kept how many published rows fail this rule as it is now";
        return Err(Fault::new(Code::NeedsScan, what));
    }
    let whole = GroupFacts::whole(facts);
    let Some(groups) = check.groups else { return Ok(vec![(None, once(check, judge.as_ref(), plan, &whole)?)]) };
    let Some(counted) = whole.get(groups)? else { return Ok(Vec::new()) };
    if counted.overflow {
        return Err(super::fold::too_many_groups(&check.id));
    }
    let of_group = |key: &GroupKey| {
        let facts = GroupFacts { facts, group: Some(key) };
        Ok((Some(cut_key(key.clone())), once(check, judge.as_ref(), plan, &facts)?))
    };
    counted.counts.keys().map(of_group).collect()
}

fn once(check: &PlannedCheck, judge: &dyn Judge, plan: &mut Plan, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
    if let Some(judgement) = super::rounds::too_few_rows(check, facts)? {
        return Ok(judgement);
    }
    let (first_new, mut inputs) = (plan.requests.states.len(), Wanted::default());
    let mut pass = SecondPass { requests: &mut plan.requests, scope: &check.scope, group: facts.group, first_new, inputs: &mut inputs };
    match judge.for_group().judge(facts, &mut pass)? {
        Judgement::NeedsPass => Err(Fault::new(Code::NeedsScan, "needs a scan: the rows themselves settle it")),
        judged @ (Judgement::NoData(_)
        | Judgement::WarmingUp(_)
        | Judgement::Unfit(_)
        | Judgement::TooFewRows(_)
        | Judgement::Rows(_)
        | Judgement::ByChance(_)
        | Judgement::Measured(_)
        | Judgement::MeasuredRows(..)) => Ok(judged),
    }
}

/// What is known of each column.
fn columns(job: &Job<'_>, source: &dyn Source, summaries: &[(String, Arc<Summary>)]) -> Result<Vec<ColumnReport>, Fault> {
    let mut columns = Vec::new();
    for field in source.schema().fields() {
        let mut rows = 0;
        let mut missing = Some(0);
        let mut figures: Vec<ColumnFigures> = Vec::new();
        for (_, summary) in summaries {
            let of_batch = summary.figures(field.name(), &job.budget)?;
            rows += summary.rows;
            missing = missing.zip(of_batch.missing).map(|(all, more)| all + more);
            figures.push(of_batch);
        }
        // Without a count of missing values there is nothing to tell.
        let Some(missing) = missing else { continue };
        let only = if let [only] = figures.as_slice() { only.clone() } else { ColumnFigures::default() };
        columns.push(ColumnReport {
            name: field.name().clone(),
            data_type: crate::types::type_name(field.data_type()),
            rows,
            missing,
            distinct: only.distinct.map(|(count, _)| count),
            distinct_exact: only.distinct.map(|(_, is_exact)| is_exact),
            ..ColumnReport::default()
        });
    }
    Ok(columns)
}
