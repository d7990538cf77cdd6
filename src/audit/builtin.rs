//! Findings that need no rule: malformed records, schema drift, an empty batch, oddities of the source, known issues
//! running out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::earlier::Earlier;
use super::finding::FindingWithRows;
use super::fold::Counted;
use super::{Job, Plan, earlier, private};
use crate::diagnostic::Fault;
use crate::findings::builtin::{EMPTY, KNOWN, MALFORMED, PREPARE, SCHEMA, SCHEMA_TABLE, SOURCE};
use crate::findings::{Builtin, Figures, Finding, Message, OnFail, Outcome, Sample, Unit};
use crate::metric::completeness::Completeness;
use crate::privacy::Privacy;
use crate::rows::RowId;
use crate::rules::GroupFacts;
use crate::rules::schema::{Observed, SchemaChange};
use crate::rules::words::{OnNoData, Tolerance};
use crate::ruleset::{Contract, RuleItem};
use crate::shown::{count, counted, percent_by};
use crate::source::{Malformed, Source};
use crate::yaml::Position;

pub(super) fn findings(job: &Job<'_>, source: &dyn Source, plan: &Plan, totals: &Counted) -> Vec<FindingWithRows> {
    let mut findings = vec![malformed(job, totals)];
    let mut add = |finding: Finding| findings.push(finding.into());
    let read = totals.row_origins.records();
    if read == totals.filtered && !permits_empty(job) && !rejects_empty(job) {
        let why = if read == 0 {
            "the batch has no rows; `rows: { min: 0 }` permits it".to_owned()
        } else {
            format!("`clean` drops all {}", counted(read, "row"))
        };
        let id = EMPTY.id_beside(|id| plan.checks.iter().any(|check| check.id == id));
        add(Finding { id: id.to_owned(), ..Finding::builtin(&EMPTY, Outcome::NoData, OnFail::Reject, why) });
    }
    if !plan.skipped_steps.is_empty() {
        let why = Message::from(plan.skipped_steps.clone()).introduced("this batch's columns do not allow it: ");
        add(Finding::builtin(&PREPARE, Outcome::NoData, OnFail::Reject, why));
    }
    let remarks = remarks(source, totals);
    // What was asked for is no warning.
    let on_fail = if source.known().notes.is_empty() { OnFail::Info } else { OnFail::Warn };
    let notes: Vec<String> = source.known().notes.iter().cloned().chain(remarks).collect();
    for (kind, on_fail, notes) in [(&SOURCE, on_fail, notes), (&KNOWN, OnFail::Warn, plan.known_notes.clone())] {
        if !notes.is_empty() {
            add(Finding::builtin(kind, Outcome::Warn, on_fail, notes));
        }
    }
    findings
}

/// What was passed over because the rule file says so, and what was found out because it asks for it.
fn remarks(source: &dyn Source, totals: &Counted) -> Vec<String> {
    let known = source.known();
    let comments = totals.row_origins.comments() + known.starts.iter().map(|start| start.comments).sum::<u64>();
    let of_comments = known.comment.as_ref().filter(|_| comments > 0).map(|mark| {
        let (verb, are) = if comments == 1 { ("begins", "is") } else { ("begin", "are") };
        format!("{} {verb} with `{}` and {are} passed over (`comment`)", counted(comments, "line"), mark.escape_default())
    });
    known.remarks.iter().cloned().chain(of_comments).collect()
}

/// Whether a rule says that a batch may have no rows.
pub(super) fn permits_empty(job: &Job<'_>) -> bool {
    let of_all = |i: &RuleItem| i.words.r#where.is_none() && i.words.by.is_none();
    job.rules.items.iter().any(|item| item.rule.permits_empty() && of_all(item))
}

/// Whether a rule rejects a batch without rows, so that nothing more needs to be found.
fn rejects_empty(job: &Job<'_>) -> bool {
    let rejects = |i: &RuleItem| i.words.on_fail.as_ref().map_or(i.entry.on_fail, |o| o.value) == OnFail::Reject;
    let of_all = |i: &RuleItem| i.words.r#where.is_none() && i.words.by.is_none() && i.words.min_rows.is_none();
    job.rules.items.iter().any(|i| i.rule.demands_rows() && rejects(i) && of_all(i))
}

/// Records that could not be read are always set aside; the rule file decides what else follows.
fn malformed(job: &Job<'_>, totals: &Counted) -> FindingWithRows {
    let words = job.rules.malformed.value.clone();
    let tolerate = words.tolerate.as_ref().map_or(Tolerance::NONE, |t| t.value);
    let warn: Option<Tolerance> = words.warn.as_ref().map(|w| w.value.0.parse().expect("read as one with the rule file"));
    let (failing, of) = (totals.malformed.len(), totals.row_origins.records());
    let outcome = if tolerate.is_exceeded_by(failing, of) {
        Outcome::Fail
    } else if warn.is_some_and(|w| w.is_exceeded_by(failing, of)) {
        Outcome::Warn
    } else {
        Outcome::Pass
    };
    let beyond = |part, whole| (tolerate.has_share_below(part, whole), warn.map(|w| w.has_share_below(part, whole)));
    let share = if failing == 0 { String::new() } else { format!(" ({})", percent_by(failing, of, beyond)) };
    let mut message = Message::from(format!("{} of {}{share} cannot be read", count(failing), counted(of, "record")));
    if tolerate != Tolerance::NONE {
        message.push(format!("{tolerate} tolerated"));
    }
    if outcome == Outcome::Warn {
        message.extend(warn.map(|warn| format!("more than {warn} is a warning")));
    }
    let sample = |(unit, malformed): &(u32, Malformed)| {
        let Malformed { row, reason, raw, .. } = malformed;
        let origin = totals.row_origins.origin(RowId { unit: *unit, row: *row }, &job.source.known().origins);
        let raw = (!raw.is_empty()).then(|| String::from_utf8_lossy(raw).into_owned());
        Sample { origin, line_column: None, values: Vec::new(), before: Vec::new(), raw, reason: Some(reason.clone()), same_key_as: None }
    };
    let mut figures = Figures::default();
    for (column, records) in &totals.malformed_columns {
        figures.set_rows_of(column.as_deref().unwrap_or("(whole record)"), *records);
    }
    let on_fail = words.on_fail.as_ref().map_or(OnFail::Quarantine, |o| o.value);
    let at = job.rules.malformed.at;
    let finding = Finding {
        place: (at != Position::default()).then(|| at.in_file(&job.rules.path)),
        columns: totals.malformed_columns.keys().flatten().cloned().collect(),
        description: words.description,
        owner: words.owner,
        tags: words.tags.unwrap_or_default().0,
        runbook: words.runbook,
        observed: failing.into(),
        limit: tolerate.rows.map_or_else(|| tolerate.to_string().into(), Into::into),
        unit: Unit::ROWS,
        failing_rows: failing,
        figures,
        samples: totals.malformed_samples.iter().take(job.rules.sections.samples()).map(sample).collect(),
        ..Finding::builtin(&MALFORMED, outcome, on_fail, message)
    };
    FindingWithRows { rows: Arc::new(totals.malformed.clone()), ..finding.into() }
}

/// The batch's columns against the contract, or where there is none against the destination's table, the baseline, or the last
/// run; behind a contract, also what the table cannot take.
pub(super) fn schema(
    job: &Job<'_>,
    source: &dyn Source,
    plan: &Plan,
    totals: &Counted,
    privacy: &Privacy,
) -> Result<(Vec<FindingWithRows>, Vec<SchemaChange>), Fault> {
    let mut contradicted = source.known().contradicted.clone();
    contradicted.iter_mut().filter(|(path, _)| privacy.mask_of(path).is_some()).for_each(|(_, examples)| examples.clear());
    let missing = missing_by_column(plan, totals)?;
    let tallies = private::tallies(source, &totals.evidence, privacy);
    let is_ordered = source.known().columns_have_order;
    let profiles = earlier::profiles((&plan.earlier, &plan.compared), &totals.facts, privacy)?;
    let profiles = profiles.as_ref();
    let observed = |schema| Observed { schema, contradicted: &contradicted, missing: &missing, tallies: &tallies, is_ordered, profiles };
    let section = job.rules.sections.schema.as_ref();
    let evolution = job.rules.sections.evolution();
    let on_fail = section.and_then(|section| section.on_fail.as_ref()).map_or(OnFail::Reject, |o| o.value);
    let of_table = |place: &str, changes: &[SchemaChange]| drift(changes).introduced(&format!("the table {place}: "));
    let (mut findings, changes) = match job.rules.compared_with(plan.earlier.columns()) {
        None => return Ok((warming_up(plan, on_fail).into_iter().map(Into::into).collect(), Vec::new())),
        Some(Contract::Own(section)) => {
            let mut changes = section.changes(&observed(source.schema()));
            let as_agreed = || "the columns are as the contract says".into();
            let message =
                if changes.is_empty() { as_agreed() } else { behind(as_one_column(source), told(&changes, &SchemaChange::advised)) };
            let mut findings = vec![drifted(&SCHEMA, &changes, on_fail, message)];
            if let Some(table) = &job.rules.table {
                let refused: Vec<SchemaChange> = table.refused(&observed(&plan.prepare.schema), evolution);
                if !refused.is_empty() {
                    findings.push(drifted(&SCHEMA_TABLE, &refused, OnFail::Reject, of_table(&table.place, &refused)));
                    changes.extend(refused.into_iter().filter(|new| !changes.contains(new)).collect::<Vec<_>>());
                }
            }
            (findings, changes)
        }
        Some(Contract::Table(table)) => {
            let changes = table.changes(&observed(&plan.prepare.schema), evolution);
            // What the table cannot take is not published, whatever follows a change otherwise.
            let cannot_be = !table.refused(&observed(&plan.prepare.schema), evolution).is_empty();
            let on_fail = if cannot_be { OnFail::Reject } else { on_fail };
            let as_agreed = || format!("the columns are as the table {} has them", table.place).into();
            let message = if changes.is_empty() { as_agreed() } else { behind(as_one_column(source), of_table(&table.place, &changes)) };
            (vec![drifted(&SCHEMA, &changes, on_fail, message)], changes)
        }
        Some(Contract::Baseline(earlier) | Contract::LastRun(earlier)) => {
            let (batch, known) = (observed(&plan.prepare.schema), source.known());
            let changes = earlier.changes(&batch, evolution, earlier::types_by(source), &known.without_values);
            let message = match changes.is_empty() {
                true => format!("the columns are as those of {earlier}").into(),
                false => behind(as_one_column(source), drift(&changes).introduced(&format!("{earlier}: "))),
            };
            let mut findings = vec![drifted(&SCHEMA, &changes, on_fail, message)];
            // Only where `against` stands in the place of the table: what it cannot take is not published all the same.
            if let Some(table) = &job.rules.table {
                let refused: Vec<SchemaChange> = table.refused(&batch, evolution);
                if !refused.is_empty() {
                    findings.push(drifted(&SCHEMA_TABLE, &refused, OnFail::Reject, of_table(&table.place, &refused)));
                }
            }
            (findings, changes)
        }
    };
    for finding in &mut findings {
        finding.place = section.map(|section| section.at.in_file(&job.rules.path));
    }
    Ok((findings.into_iter().map(Into::into).collect(), changes))
}

/// That there is nothing yet to compare columns with, where there will be.
fn warming_up(plan: &Plan, on_fail: OnFail) -> Option<Finding> {
    let Earlier::WarmingUp(why) = &plan.earlier else { return None };
    let finding = Finding { warming_up: true, ..Finding::builtin(&SCHEMA, Outcome::NoData, on_fail, why.clone()) };
    Some(finding.weighed(OnNoData::Pass))
}

/// What to write where the header is one name that another delimiter would divide: then every other change follows from that.
fn as_one_column(source: &dyn Source) -> Message {
    crate::types::other_delimiter(source.schema()).into_iter().collect()
}

fn behind(mut first: Message, then: Message) -> Message {
    first.extend(then.into_statements());
    first
}

/// The changes in words: those that break the contract, then the others.
fn drift(changes: &[SchemaChange]) -> Message {
    told(changes, &ToString::to_string)
}

/// The same, each change in the words of `tell`.
fn told(changes: &[SchemaChange], tell: &dyn Fn(&SchemaChange) -> String) -> Message {
    let told = |compatible| changes.iter().filter(|c| c.compatible == compatible).map(tell).collect::<Message>();
    let (mut breaking, compatible) = (told(false), told(true));
    if breaking.is_empty() {
        return compatible.introduced("compatible changes: ");
    }
    breaking.extend(compatible.introduced("compatible: ").into_statements());
    breaking
}

/// One finding for the changes.
fn drifted(kind: &Builtin, changes: &[SchemaChange], on_fail: OnFail, message: Message) -> Finding {
    let breaking: Vec<&SchemaChange> = changes.iter().filter(|c| !c.compatible).collect();
    // No rule judges a column that is not there: that is never a pass, whatever `evolution` allows.
    let is_absent = |c: &SchemaChange| c.kind.takes_a_column_away();
    let outcome = match breaking.is_empty() {
        true if changes.iter().any(is_absent) => Outcome::Warn,
        true => Outcome::Pass,
        false => Outcome::Fail,
    };
    Finding {
        observed: breaking.len().into(),
        limit: 0u64.into(),
        unit: Unit::INCOMPATIBLE_CHANGES,
        columns: breaking.iter().map(|c| c.path.clone()).collect(),
        ..Finding::builtin(kind, outcome, on_fail, message)
    }
}

/// Missing values of each column that was counted over every row.
fn missing_by_column(plan: &Plan, totals: &Counted) -> Result<BTreeMap<String, u64>, Fault> {
    let facts = GroupFacts::whole(&totals.facts);
    let mut missing = BTreeMap::new();
    for column in &plan.profile {
        if let Some(counts) = facts.get::<Completeness>(column.completeness)? {
            missing.insert(plan.prepare.rule_schema.field(column.index).name().clone(), counts.missing);
        }
    }
    Ok(missing)
}
