//! Findings that need no rule: malformed records, schema drift, an empty batch, oddities of the source, known issues
//! running out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finding::FindingResult;
use super::fold::Counted;
use super::{Job, Plan};
use crate::diagnostic::Fault;
use crate::metric::completeness::Completeness;
use crate::report::model::Sample;
use crate::rows::RowId;
use crate::rules::schema::{Observed, SchemaChange};
use crate::rules::words::{OnFail, OnNoData, Tolerance};
use crate::rules::{Status, View};
use crate::ruleset::{Contract, RuleItem};
use crate::shown::{count, counted, percent};
use crate::source::{Format, Malformed, Source};

pub(super) fn findings(job: &Job<'_>, source: &dyn Source, plan: &Plan, totals: &Counted) -> Vec<FindingResult> {
    let mut findings = vec![malformed(job, totals)];
    let read = totals.places.records();
    let builtin = FindingResult::builtin;
    if read == totals.filtered && !permits_empty(job) && !counts_rows(job) {
        let why = if read == 0 {
            "the batch has no rows; `rows: { min: 0 }` permits it".to_owned()
        } else {
            format!("`clean` drops all {}", counted(read, "row"))
        };
        findings.push(builtin("rows", "rows", Status::NoData, OnFail::Reject, why));
    }
    if !plan.unprepared.is_empty() {
        let why = format!("this batch's columns do not allow it: {}", plan.unprepared.join("; "));
        findings.push(builtin("prepare", "prepare", Status::NoData, OnFail::Reject, why));
    }
    let notes = source.notes();
    if !notes.is_empty() {
        let finding = builtin("source", "source", Status::Warn, OnFail::Warn, notes.join("; "));
        findings.push(FindingResult { on_no_data: OnNoData::Warn, ..finding });
    }
    if !plan.known_notes.is_empty() {
        let finding = builtin("known", "known", Status::Warn, OnFail::Warn, plan.known_notes.join("; "));
        findings.push(FindingResult { on_no_data: OnNoData::Warn, ..finding });
    }
    findings
}

/// Whether a rule says that a batch may have no rows.
pub(super) fn permits_empty(job: &Job<'_>) -> bool {
    let of_all = |i: &RuleItem| i.words.r#where.is_none() && i.words.by.is_none();
    job.rules.items.iter().any(|item| item.rule.permits_empty() && of_all(item))
}

/// Whether a rule judges how many rows the whole batch has.
fn counts_rows(job: &Job<'_>) -> bool {
    job.rules.items.iter().any(|i| i.entry.counts_rows && i.words.r#where.is_none())
}

/// Records that could not be read are always set aside; the rule file decides what else follows.
fn malformed(job: &Job<'_>, totals: &Counted) -> FindingResult {
    let words = job.rules.malformed.clone();
    let tolerate = words.tolerate.as_ref().map_or(Tolerance::NONE, |t| t.value);
    let warn: Option<Tolerance> = words.warn.as_ref().map(|w| w.value.0.parse().expect("read as one with the rule file"));
    let (failing, of) = (totals.malformed.len(), totals.places.records());
    let status = if tolerate.is_exceeded_by(failing, of) {
        Status::Fail
    } else if warn.is_some_and(|w| w.is_exceeded_by(failing, of)) {
        Status::Warn
    } else {
        Status::Pass
    };
    let share = if failing == 0 { String::new() } else { format!(" ({})", percent(failing, of)) };
    let message = format!("{} of {}{share} cannot be read", count(failing), counted(of, "record"));
    let sample = |(unit, malformed): &(u32, Malformed)| {
        let Malformed { row, reason, raw, .. } = malformed;
        let origin = totals.places.origin(RowId { unit: *unit, row: *row }, job.source.files());
        let raw = (!raw.is_empty()).then(|| shortened(&String::from_utf8_lossy(raw)));
        Sample { origin, values: Vec::new(), raw, reason: Some(reason.clone()) }
    };
    let columns = totals.malformed_columns.iter();
    FindingResult {
        on_fail: words.on_fail.as_ref().map_or(OnFail::Quarantine, |o| o.value),
        columns: columns.clone().filter_map(|(c, _)| c.clone()).collect(),
        words,
        observed: failing.into(),
        limit: tolerate.rows.map_or_else(|| tolerate.to_string().into(), Into::into),
        unit: "rows",
        failing,
        rows: Arc::new(totals.malformed.clone()),
        figures: columns.map(|(c, n)| (c.clone().unwrap_or_else(|| "framing or expression".into()), (*n).into())).collect(),
        samples: totals.malformed_samples.iter().map(sample).collect(),
        ..FindingResult::builtin("malformed", "malformed", status, OnFail::Quarantine, message)
    }
}

fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 500;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// The batch's columns against the contract, or against the destination's table where there is none; behind a contract,
/// also what the table cannot take.
pub(super) fn schema(
    job: &Job<'_>,
    source: &dyn Source,
    plan: &Plan,
    totals: &Counted,
) -> Result<(Vec<FindingResult>, Vec<SchemaChange>), Fault> {
    let contradicted = source.contradicted();
    let missing = missing_by_column(plan, totals)?;
    let tallies = source.tallies(&totals.evidence);
    let is_ordered = !matches!(source.format(), Format::Ndjson | Format::Json);
    let observed = |schema| Observed { schema, contradicted: &contradicted, missing: &missing, tallies: &tallies, is_ordered };
    let section = job.rules.sections.schema.as_ref();
    let evolution = job.rules.sections.evolution();
    let on_fail = section.and_then(|section| section.on_fail.as_ref()).map_or(OnFail::Reject, |o| o.value);
    Ok(match job.rules.compared_with() {
        None => (Vec::new(), Vec::new()),
        Some(Contract::Own(section)) => {
            let mut changes = section.changes(&observed(source.schema()));
            let mut findings = vec![drift("schema", &changes, "the columns are as the contract says", on_fail)];
            if let Some(table) = &job.rules.table {
                let refused: Vec<SchemaChange> = table.refused(&observed(&plan.prepare.schema), evolution);
                if !refused.is_empty() {
                    let finding = drift("schema-table", &refused, "", OnFail::Reject);
                    findings.push(FindingResult { message: format!("the table {}: {}", table.place, finding.message), ..finding });
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
            let finding = drift("schema", &changes, &format!("the columns are as the table {} has them", table.place), on_fail);
            let message = if changes.is_empty() { finding.message } else { format!("the table {}: {}", table.place, finding.message) };
            (vec![FindingResult { message, ..finding }], changes)
        }
    })
}

/// One finding for the changes; `alike` is said where there is none.
fn drift(id: &str, changes: &[SchemaChange], alike: &str, on_fail: OnFail) -> FindingResult {
    let breaking: Vec<&SchemaChange> = changes.iter().filter(|c| !c.compatible).collect();
    // No rule judges a column that is not there: that is never a pass, whatever `evolution` allows.
    let is_absent = |c: &SchemaChange| c.kind.takes_a_column_away();
    let status = match breaking.is_empty() {
        true if changes.iter().any(is_absent) => Status::Warn,
        true => Status::Pass,
        false => Status::Fail,
    };
    let listed = |changes: &mut dyn Iterator<Item = &SchemaChange>| changes.map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let message = match (breaking.is_empty(), changes.is_empty()) {
        (true, true) => alike.to_owned(),
        (true, false) => format!("compatible changes: {}", listed(&mut changes.iter())),
        (false, _) if breaking.len() == changes.len() => listed(&mut breaking.iter().copied()),
        (false, _) => {
            let compatible = listed(&mut changes.iter().filter(|c| c.compatible));
            format!("{}; compatible: {compatible}", listed(&mut breaking.iter().copied()))
        }
    };
    FindingResult {
        observed: breaking.len().into(),
        limit: 0.into(),
        unit: "incompatible changes",
        columns: breaking.iter().map(|c| c.path.clone()).collect(),
        ..FindingResult::builtin(id, "schema", status, on_fail, message)
    }
}

/// Missing values of each column that was totals over every row.
fn missing_by_column(plan: &Plan, totals: &Counted) -> Result<BTreeMap<String, u64>, Fault> {
    let view = View::whole(&totals.facts);
    let mut missing = BTreeMap::new();
    for column in &plan.profile {
        if let Some(counts) = view.get::<Completeness>(column.completeness)? {
            missing.insert(plan.prepare.seen.field(column.index).name().clone(), counts.missing);
        }
    }
    Ok(missing)
}
