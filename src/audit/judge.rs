//! Checks judge the facts, round by round, until none asks for another pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::bind::PlannedCheck;
use super::finding::{FindingWithRows, finding};
use super::fold::{Counted, Fold, finish_look_at_some, finish_second_pass, too_many_groups};
use super::profile::{self, AlertTerms};
use super::samples::{self, SampleRows};
use super::{Audited, Job, Plan, adjusted, beside, bias, builtin, causes, diff, groups, kept, other_rows, private, why};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Basis, Finding, Outcome, Sample};
use crate::identity::Identity;
use crate::metric::Inputs;
use crate::metric::groups::GroupKey;
use crate::privacy::Privacy;
use crate::report::columns::{CandidateKey, Correlations, Exception};
use crate::report::model::ColumnReport;
use crate::rows::RowId;
use crate::rules::diff::Compared;
use crate::rules::published::{Fetched, InputQuery};
use crate::rules::schema::SchemaChange;
use crate::rules::words::Over;
use crate::rules::{BesideAnswer, GroupFacts, InputHandle, Judge, Judgement, Scope, SecondPass, Wanted};
use crate::shown::{VALUE_MAX, cut_short};
use crate::source::{Source, Unit};

/// What judging gives beside the plan.
pub(super) struct Judged {
    pub(super) source: Arc<dyn Source>,
    pub(super) identity: Arc<Identity>,
    pub(super) totals: Counted,
    pub(super) findings: Vec<FindingWithRows>,
    pub(super) schema_changes: Vec<SchemaChange>,
    pub(super) privacy: Privacy,
    pub(super) columns: Vec<ColumnReport>,
    pub(super) correlations: Option<Correlations>,
    pub(super) candidate_keys: Option<Vec<CandidateKey>>,
}

impl Judged {
    pub(super) fn into_audited(self, plan: Plan) -> Audited {
        let kept_tests = kept::tests(&plan, &self.totals.facts);
        let Counted { row_origins, filtered, malformed: malformed_rows, unsound, units, kept, .. } = self.totals;
        let malformed = malformed_rows.len();
        let Self { source, identity, findings, schema_changes, privacy, columns, correlations, candidate_keys, .. } = self;
        Audited {
            source,
            identity,
            plan,
            row_origins,
            findings,
            schema_changes,
            privacy,
            columns,
            correlations,
            candidate_keys,
            filtered,
            malformed,
            malformed_rows,
            unsound,
            units,
            kept,
            kept_tests,
        }
    }
}

/// Folds the plan's states from that of the index on, in another pass.
pub(super) type SecondPassOf<'a> = &'a dyn Fn(&Plan, usize, &Counted) -> Result<Fold, Faults>;

/// Reads rows again that findings show; none where they can be read here.
pub(super) type RowsOf<'a> = &'a dyn Fn(&Plan, &SampleRows<'_>) -> Result<Option<samples::Fetched>, Faults>;

/// How the data is looked at again.
pub(super) struct Looks<'a> {
    pub(super) second_pass: SecondPassOf<'a>,
    pub(super) rows: RowsOf<'a>,
    /// Whether the process that judges can read the data.
    pub(super) reads_here: bool,
}

/// Which units second passes see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Units {
    All,
    /// Those alone that hold rows that are set aside.
    Some,
}

/// What judgements are made with.
#[derive(Clone, Copy)]
struct Means<'a> {
    job: &'a Job<'a>,
    source: &'a dyn Source,
    privacy: &'a Privacy,
    looks: &'a Looks<'a>,
    units: Units,
}

/// What checks wanted from beside the batch so far, and what of it second passes see.
#[derive(Default)]
struct Beside {
    wanted: Wanted,
    inputs: Inputs,
}

/// One group of one check, on its way to a judgement.
struct Pending {
    check: usize,
    group: Option<GroupKey>,
    judge: Box<dyn Judge>,
    judged: Option<Judgement>,
}

pub(super) fn judge(
    job: &Job<'_>,
    source: Arc<dyn Source>,
    plan: &mut Plan,
    mut totals: Counted,
    looks: &Looks<'_>,
) -> Result<Judged, Faults> {
    let identity = Arc::new(Identity::new(source.clone(), totals.content_digest));
    if let Some(published) = &job.published {
        published.batch_is(identity.clone());
    }
    if let Some(references) = &job.references {
        references.batch_is(identity.clone());
        plan.earlier = std::mem::take(&mut plan.earlier).beside_known_batch(job)?;
    }
    let privacy = private::privacy(job, source.as_ref(), plan);
    totals.facts.besides = beside::answers(job, plan)?;
    // Judged beside the others, and told only where rows are set aside.
    let asked_for = plan.checks.len();
    plan.checks.append(&mut plan.implied);
    let (mut waiting, mut pending): (Vec<Pending>, Vec<Pending>) = pending(plan, &totals)?.into_iter().partition(|p| p.judge.waits());
    let means = Means { job, source: source.as_ref(), privacy: &privacy, looks, units: Units::All };
    let mut beside = Beside::default();
    rounds(means, plan, &mut totals, &mut beside, &mut pending)?;
    adjusted::decide(pending.iter_mut().filter_map(|p| Some((plan.checks[p.check].at, p.judged.as_mut()?))));
    let mut findings = builtin::findings(job, source.as_ref(), plan, &totals);
    let (schema_findings, schema_changes) = builtin::schema(job, source.as_ref(), plan, &totals, &privacy)?;
    findings.extend(schema_findings);
    let others = findings.len();
    findings.extend(by_check(plan, pending).into_iter().enumerate().map(|(at, judged)| of_check(job, plan, &totals, at, judged)));
    let means = Means { units: Units::Some, ..means };
    let wait = |totals: &mut Counted| wait(means, plan, totals, &mut beside, (waiting.as_mut_slice(), asked_for));
    let sets_aside = bias::judge(&mut totals, &findings, wait)?;
    for (at, judged) in by_check(plan, waiting).into_iter().enumerate().filter(|(_, judged)| !judged.is_empty()) {
        findings[others + at] = of_check(job, plan, &totals, at, judged);
    }
    causes::name(job, plan, &totals, &mut findings);
    if !sets_aside {
        findings.truncate(others + asked_for);
    }
    show_samples((job, source.as_ref(), plan, &privacy), &totals, looks.rows, &mut findings)?;
    let mut columns = Vec::new();
    for column in &plan.profile {
        let mut report = column.report(&plan.prepare.rule_schema, &totals.facts, &plan.earlier)?;
        if let Some(profile::Found { mut formats, first }) = column.formats(&totals.facts)? {
            let origin = |row| totals.row_origins.origin(row, &source.known().origins);
            formats.example = first.map(|(row, value)| Exception { value, origin: origin(row) });
            report.formats = Some(formats);
        }
        columns.push(report);
    }
    for tally in private::tallies(source.as_ref(), &totals.evidence, &privacy) {
        if let Some(column) = columns.iter_mut().find(|c| c.name == tally.path) {
            column.kinds = Some(tally.kinds);
        }
    }
    if looks.reads_here {
        why::say((job, source.as_ref(), plan, &privacy), &totals, &columns, &mut findings)?;
    }
    private::hide((job, plan, &privacy), &mut findings, &mut columns);
    let (correlations, candidate_keys) = relations(plan, &totals, &privacy)?;
    let terms = AlertTerms { findings: findings.iter().map(|f| &f.finding).collect(), correlations: correlations.as_ref() };
    columns.iter_mut().for_each(|column| profile::remark(column, &terms));
    plan.implied = plan.checks.split_off(asked_for);
    Ok(Judged { source, identity, totals, findings, schema_changes, privacy, columns, correlations, candidate_keys })
}

/// Judges what waited for the rows that are set aside: what rules ask for, the first `asked_for` checks, then what follows from
/// them. Where nobody has the data any more, the latter is not judged, and stops nothing.
fn wait(
    means: Means<'_>,
    plan: &mut Plan,
    totals: &mut Counted,
    beside: &mut Beside,
    (waiting, asked_for): (&mut [Pending], usize),
) -> Result<(), Faults> {
    let own = waiting.partition_point(|p| p.check < asked_for);
    let (own, implied) = waiting.split_at_mut(own);
    rounds(means, plan, totals, beside, own)?;
    match rounds(means, plan, totals, beside, implied) {
        Err(Faults(faults)) if faults.iter().all(|fault| fault.code == Code::NeedsScan) => {
            let why = || Judgement::NoData("needs a scan: which rows of a group are set aside".to_owned());
            implied.iter_mut().for_each(|p| p.judged = p.judged.take().or_else(|| Some(why())));
            Ok(())
        }
        judged => judged,
    }
}

/// What was judged of each check, by group.
fn by_check(plan: &Plan, pending: Vec<Pending>) -> Vec<Vec<(Option<GroupKey>, Judgement)>> {
    let mut judged: Vec<Vec<(Option<GroupKey>, Judgement)>> = plan.checks.iter().map(|_| Vec::new()).collect();
    for p in pending {
        judged[p.check].push((p.group.map(cut_key), p.judged.unwrap_or_else(|| Judgement::NoData("not judged".into()))));
    }
    judged
}

/// The finding of the check of this index.
fn of_check(job: &Job<'_>, plan: &Plan, totals: &Counted, at: usize, judged: Vec<(Option<GroupKey>, Judgement)>) -> FindingWithRows {
    let check = &plan.checks[at];
    let is_proven = check.tests_alone && check.test.is_some_and(|test| plan.passed_by_statistics[test]);
    let mut found = finding(check, groups::of_all(check, judged), &job.rules.path);
    found.finding.basis = if is_proven { Basis::Statistics } else { Basis::Scan };
    say_partial(&totals.facts.besides[check.besides.clone()], &mut found.finding);
    found
}

/// How the columns go together, and which name rows, where that was asked for.
fn relations(plan: &Plan, totals: &Counted, privacy: &Privacy) -> Result<(Option<Correlations>, Option<Vec<CandidateKey>>), Fault> {
    let Some(relations) = &plan.relations else { return Ok((None, None)) };
    let correlations = relations.correlations(&plan.prepare, &plan.profile, &totals.facts, privacy)?;
    Ok((correlations, Some(relations.keys(&plan.prepare, &totals.facts, privacy)?)))
}

/// Says where a check was compared with a part only of what it names: that is no plain pass.
fn say_partial(besides: &[BesideAnswer], finding: &mut Finding) {
    let Some(partial) = besides.iter().find_map(|beside| beside.partial.clone()) else { return };
    if finding.outcome == Outcome::Pass {
        finding.outcome = Outcome::Warn;
    }
    finding.message.extend([partial]);
}

/// A group's name as far as reports show it, before it becomes part of messages.
pub(super) fn cut_key(key: GroupKey) -> GroupKey {
    key.into_iter().map(|value| value.map(|text| cut_short(&text, VALUE_MAX).into_owned())).collect()
}

/// One entry a check and group.
fn pending(plan: &Plan, totals: &Counted) -> Result<Vec<Pending>, Fault> {
    let whole = GroupFacts::whole(&totals.facts);
    let mut pending = Vec::new();
    for (check, planned) in plan.checks.iter().enumerate() {
        let Ok(judge) = &planned.check else { continue };
        let Some(groups) = planned.groups else {
            let judged = too_few_rows(planned, &whole)?;
            pending.push(Pending { check, group: None, judge: judge.for_group(), judged });
            continue;
        };
        let Some(groups) = whole.get(groups)? else { continue };
        if groups.overflow {
            return Err(too_many_groups(&planned.id));
        }
        for key in groups.counts.keys() {
            let judged = too_few_rows(planned, &GroupFacts { facts: &totals.facts, group: Some(key) })?;
            pending.push(Pending { check, group: Some(key.clone()), judge: judge.for_group(), judged });
        }
    }
    Ok(pending)
}

/// Fewer rows than the rule's `min_rows` are not judged. Where there is none at all, there is nothing to judge.
pub(super) fn too_few_rows(check: &PlannedCheck, facts: &GroupFacts<'_>) -> Result<Option<Judgement>, Fault> {
    let (Some(wanted), Some(handle)) = (check.policy.min_rows, check.rows_judged) else { return Ok(None) };
    let rows = facts.get(handle)?.map_or(0, |counts| counts.rows);
    Ok((0 < rows && rows < wanted).then_some(Judgement::TooFewRows(rows)))
}

/// Judges until nobody asks again.
fn rounds(
    means: Means<'_>,
    plan: &mut Plan,
    totals: &mut Counted,
    Beside { wanted, inputs }: &mut Beside,
    pending: &mut [Pending],
) -> Result<(), Faults> {
    /// Sketch, a few refinements, collect, rows outside: more passes than that is a bug.
    const ROUNDS_MAX: usize = 16;
    let all = Scope { over: Over::All, ..Scope::default() };
    let schema = plan.prepare.rule_schema.clone();
    let Means { job, source, privacy, looks, units } = means;
    for _ in 0..ROUNDS_MAX {
        let first_new = plan.requests.states.len();
        let mut again = false;
        totals.asked_by.clear();
        for p in pending.iter_mut().filter(|p| p.judged.is_none()) {
            let scope = &plan.checks[p.check].scope;
            let facts = GroupFacts { facts: &totals.facts, group: p.group.as_ref() };
            let mut pass = SecondPass { requests: &mut plan.requests, scope, group: p.group.as_ref(), first_new, inputs: wanted };
            match p.judge.judge(&facts, &mut pass)? {
                Judgement::NeedsPass => {
                    again = true;
                    let id = &plan.checks[p.check].id;
                    if !totals.asked_by.contains(id) {
                        totals.asked_by.push(id.clone());
                    }
                }
                done @ (Judgement::NoData(_)
                | Judgement::WarmingUp(_)
                | Judgement::Unfit(_)
                | Judgement::TooFewRows(_)
                | Judgement::Rows(_)
                | Judgement::ByChance(_)
                | Judgement::Measured(_)
                | Judgement::MeasuredRows(..)) => p.judged = Some(done),
            }
        }
        for column in &mut plan.profile {
            let mut pass = SecondPass { requests: &mut plan.requests, scope: &all, group: None, first_new, inputs: wanted };
            again |= column.advance(&schema, &totals.facts, &mut pass)?;
        }
        if let Some(relations) = &mut plan.relations {
            let mut pass = SecondPass { requests: &mut plan.requests, scope: &all, group: None, first_new, inputs: wanted };
            again |= relations.advance(&plan.profile, &totals.facts, &mut pass)?;
        }
        if !again {
            return Ok(());
        }
        if totals.asked_by.is_empty() {
            totals.asked_by.push("profile".to_owned());
        }
        fetch(job, &wanted.rows, totals, inputs)?;
        for query in wanted.diffs.iter().skip(totals.facts.compared.len()) {
            let compared = match looks.reads_here {
                true => diff::compare((job, source, plan, privacy), totals, query)?,
                false => Compared::Unfit("rows are compared where all of them can be read, not by partitions".to_owned()),
            };
            totals.facts.compared.push(compared);
        }
        if plan.requests.states.len() > first_new {
            let fold = (looks.second_pass)(plan, first_new, totals)?;
            match units {
                Units::All => finish_second_pass(fold, totals, inputs)?,
                Units::Some => finish_look_at_some(fold, totals, inputs)?,
            }
        }
    }
    Err(Fault::new(Code::Internal, "internal error: rules ask for look after look").into())
}

/// Fetches what checks want beside the batch, as far as it was not fetched before.
fn fetch(job: &Job<'_>, wanted: &[InputQuery], totals: &mut Counted, inputs: &mut Inputs) -> Result<(), Faults> {
    let fetched = totals.facts.inputs.len();
    for (index, wanted) in wanted.iter().enumerate().skip(fetched) {
        let found = match (wanted, &job.published) {
            (InputQuery::Published(wanted), Some(published)) => published.rows(wanted)?,
            (InputQuery::Published(_), None) => {
                return Err(Fault::new(Code::Internal, "internal error: published rows are wanted, and there is no table").into());
            }
            (InputQuery::Other(wanted), _) => other_rows::fetch(job, wanted)?,
        };
        if let Fetched::Rows(rows) = &found {
            inputs.insert(InputHandle(index).name(), rows.clone());
        }
        totals.facts.inputs.push(found);
    }
    Ok(())
}

/// Whether a column that rules see is one of the data's own.
fn is_field(source: &dyn Source, plan: &Plan, column: usize) -> bool {
    let name = plan.prepare.rule_schema.field(column).name();
    source.schema().fields().get(column).is_some_and(|field| field.name() == name)
}

/// Goes back for the values of the first failing rows.
fn show_samples(
    (job, source, plan, privacy): (&Job<'_>, &dyn Source, &Plan, &Privacy),
    totals: &Counted,
    read: RowsOf<'_>,
    findings: &mut [FindingWithRows],
) -> Result<(), Faults> {
    let samples_max = job.rules.sections.samples();
    let first = |f: &FindingWithRows| f.rows.iter().take(samples_max).collect::<Vec<RowId>>();
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
    let indices: BTreeSet<u32> = rows.iter().map(|r| r.unit).collect();
    let units: Vec<Unit> = indices.iter().map(|&i| totals.row_origins.unit(i).clone()).collect();
    let (fetched, is_here) = match read(plan, &SampleRows { units: &units, rows: &rows, columns: &columns })? {
        Some(fetched) => (fetched, false),
        None => (samples::fetch((job, source, plan, privacy), &units, &rows, &columns)?, true),
    };
    let shown = |f: &FindingWithRows| f.shows.first().copied().filter(|&c| is_field(source, plan, c));
    let fields = findings.iter().filter(with_rows).filter_map(|f| Some((shown(f)?, first(f))));
    let fields: BTreeSet<(RowId, usize)> = fields.flat_map(|(column, rows)| rows.into_iter().map(move |row| (row, column))).collect();
    // Where a field begins tells how long those before it are.
    let line_columns = match privacy.is_empty() && is_here {
        true => samples::line_columns(source, &totals.row_origins, &fields)?,
        false => samples::LineColumns::new(),
    };
    for finding in findings.iter_mut().filter(|f| f.finding.samples.is_empty() && !f.rows.is_empty()) {
        let (columns, column) = (columns_of(finding), shown(finding));
        let sample = |row: RowId| {
            let values = fetched.get(&row);
            if values.is_none() && is_here {
                return None;
            }
            let named =
                |c: &usize| Some((plan.prepare.rule_schema.field(*c).name().clone(), values?.get(c).cloned().unwrap_or(Json::Null)));
            let origin = |row: RowId| totals.row_origins.origin(row, &source.known().origins);
            let (values, same_key_as) = (columns.iter().filter_map(named).collect(), finding.repeats.get(row).map(origin));
            let is_published = finding.published.contains(row);
            let reason = is_published.then_some("a published row has its key").or_else(|| finding.reason_of(row)).map(str::to_owned);
            let line_column = column.and_then(|column| line_columns.get(&(row, column)).copied());
            Some(Sample { origin: origin(row), line_column, values, before: Vec::new(), raw: None, reason, same_key_as })
        };
        finding.finding.samples = first(finding).into_iter().filter_map(sample).collect();
    }
    Ok(())
}
