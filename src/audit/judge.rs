//! From the facts to findings: checks judge, and what they found is shown.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value as Json;

use super::finding::{FindingWithRows, finding};
use super::fold::Counted;
use super::profile::{self, AlertTerms};
use super::rounds::{Beside, Looks, Means, Pending, RowsOf, Units, pending, rounds, wait};
use super::samples::{self, SampleRows};
use super::{Audited, Job, Plan, adjusted, beside, bias, builtin, causes, groups, kept, private, why};
use crate::diagnostic::{Fault, Faults};
use crate::findings::{Basis, Finding, Outcome, Sample};
use crate::identity::Identity;
use crate::metric::groups::GroupKey;
use crate::privacy::Privacy;
use crate::report::columns::{CandidateKey, Correlations, Exception};
use crate::report::model::ColumnReport;
use crate::rows::RowId;
use crate::rules::schema::SchemaChange;
use crate::rules::{BesideAnswer, Judgement};
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
    let mut tallies: HashMap<String, _> =
        private::tallies(source.as_ref(), &totals.evidence, &privacy).into_iter().map(|tally| (tally.path, tally.kinds)).collect();
    for column in &mut columns {
        if let Some(kinds) = tallies.remove(&column.name) {
            column.kinds = Some(kinds);
        }
    }
    if looks.reads_here {
        why::say((job, source.as_ref(), plan, &privacy), &totals, &columns, &mut findings)?;
    }
    private::hide((job, plan, &privacy), &mut findings, &mut columns);
    let (correlations, candidate_keys) = relations(plan, &totals, &privacy)?;
    let terms = AlertTerms::of(findings.iter().map(|f| &f.finding), correlations.as_ref());
    columns.iter_mut().for_each(|column| profile::remark(column, &terms));
    plan.implied = plan.checks.split_off(asked_for);
    Ok(Judged { source, identity, totals, findings, schema_changes, privacy, columns, correlations, candidate_keys })
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
