//! A report without values of the data, for places that more people read than the data: what is not known to hold none is left
//! out. Names, places, counts and shares stay, and what the rule file says.

use crate::diagnostic::Fault;
use crate::findings::{Figures, Finding, GroupFigures, Message, OnFail, Outcome, Sample, Unit, Value, builtin, figures};
use crate::privacy::{is_harmless, quotes_data, without_quotes};
use crate::rules::schema::SchemaChange;
use crate::verdict::Verdict;

use super::model::{ColumnReport, Report};
use super::since::{FindingSince, HistoryReport, Since, Standing};

/// Schema changes that a message names.
const CHANGES_MAX: usize = 5;

/// The report without values.
pub(super) fn without_values(report: &Report) -> Report {
    let findings: Vec<Finding> = report.findings.iter().map(|finding| of_finding(finding, &report.schema_changes)).collect();
    let mut hidden = report.clone();
    hidden.reasons = reasons(report.verdict, &findings);
    hidden.faults = report.faults.iter().map(of_fault).collect();
    hidden.findings = findings;
    hidden.schema_changes = report.schema_changes.iter().map(of_change).collect();
    hidden.columns = report.columns.iter().map(of_column).collect();
    hidden.history = report.history.as_ref().map(of_history);
    hidden.tables.iter_mut().for_each(|table| table.report = without_values(&table.report));
    if let Some(publication) = &mut hidden.publication {
        publication.warnings.clear();
    }
    hidden
}

/// The reasons quote messages; these are the same findings in words without values.
fn reasons(verdict: Verdict, findings: &[Finding]) -> Vec<String> {
    let decides = |finding: &&Finding| match verdict {
        Verdict::Accept => false,
        Verdict::Quarantine => finding.sets_aside(),
        Verdict::Reject => finding.outcome == Outcome::Fail && matches!(finding.on_fail, OnFail::Reject | OnFail::Quarantine),
        Verdict::Undecided => finding.stops(),
    };
    findings.iter().filter(decides).map(|finding| format!("{}: {}", finding.id, finding.message)).collect()
}

fn of_finding(finding: &Finding, changes: &[SchemaChange]) -> Finding {
    let (observed, limit) = match finding.unit != Unit::NONE && is_harmless(&finding.unit) {
        true => (finding.observed.clone(), finding.limit.clone()),
        false => (Value::Nothing, Value::Nothing),
    };
    let quotes_table = [&builtin::CONSTRAINT.code, &builtin::INVARIANT.code].contains(&&finding.code);
    let is_schema = finding.code == builtin::SCHEMA.code && !changes.is_empty();
    Finding {
        id: finding.id.clone(),
        code: finding.code.clone(),
        rule: finding.rule.clone(),
        place: finding.place.clone(),
        columns: finding.columns.clone(),
        description: finding.description.clone().filter(|_| !quotes_table),
        owner: finding.owner.clone(),
        tags: finding.tags.clone(),
        runbook: finding.runbook.clone(),
        on_fail: finding.on_fail,
        severity: finding.severity,
        outcome: finding.outcome,
        observed,
        limit,
        unit: finding.unit.clone(),
        failing_rows: finding.failing_rows,
        warming_up: finding.warming_up,
        known_rows: finding.known_rows,
        known_reasons: finding.known_reasons.clone(),
        basis: finding.basis,
        message: if is_schema { of_changes(changes) } else { without_quotes(finding) },
        taken_over: finding.taken_over,
        follows_from: finding.follows_from.clone(),
        figures: of_figures(&finding.figures),
        groups: finding.groups.iter().enumerate().map(|(at, group)| of_group(at, group)).collect(),
        samples: finding.samples.iter().map(of_sample).collect(),
        ..Finding::default()
    }
}

/// Names of columns and of types are no values.
fn of_changes(changes: &[SchemaChange]) -> Message {
    let said = |change: &SchemaChange| {
        let meaning = change.kind.meaning();
        format!("`{}`: {}", change.path, meaning.trim_end_matches('.'))
    };
    let more = changes.len().saturating_sub(CHANGES_MAX);
    let more = (more > 0).then(|| format!("{more} more changes"));
    changes.iter().take(CHANGES_MAX).map(said).chain(more).collect()
}

fn of_figures(figures: &Figures) -> Figures {
    let mut figures = figures.clone();
    figures.retain(|name, figure| figures::is_known(name) && is_harmless(&figure.unit));
    figures
}

fn of_group(at: usize, group: &GroupFigures) -> GroupFigures {
    let name = |value: &Option<String>| value.as_ref().map(|_| format!("group {}", at + 1));
    GroupFigures {
        group: group.group.iter().map(name).collect(),
        outcome: group.outcome,
        message: Message::default(),
        figures: of_figures(&group.figures),
    }
}

/// Where the row is.
fn of_sample(sample: &Sample) -> Sample {
    Sample {
        origin: sample.origin.clone(),
        line_column: None,
        values: Vec::new(),
        before: Vec::new(),
        raw: None,
        reason: None,
        same_key_as: sample.same_key_as.clone(),
    }
}

fn of_fault(fault: &Fault) -> Fault {
    match quotes_data(fault.code) {
        true => Fault { what: fault.code.meaning().trim_end_matches('.').to_owned(), hint: None, ..fault.clone() },
        false => fault.clone(),
    }
}

fn of_change(change: &SchemaChange) -> SchemaChange {
    SchemaChange { examples: Vec::new(), ..change.clone() }
}

/// What there is of a column, and how much is missing.
fn of_column(column: &ColumnReport) -> ColumnReport {
    ColumnReport {
        name: column.name.clone(),
        data_type: column.data_type.clone(),
        mask: column.mask,
        rows: column.rows,
        missing: column.missing,
        distinct: column.distinct,
        distinct_exact: column.distinct_exact,
        ..ColumnReport::default()
    }
}

fn of_history(history: &HistoryReport) -> HistoryReport {
    HistoryReport {
        runs: history.runs,
        since_last_run: history.since_last_run.as_ref().map(of_since),
        since_last_passed: history.since_last_passed.as_ref().map(of_since),
        warnings: history.warnings.clone(),
        ..HistoryReport::default()
    }
}

fn of_since(since: &Since) -> Since {
    Since { findings: since.findings.iter().map(of_finding_since).collect(), ..since.clone() }
}

fn of_finding_since(finding: &FindingSince) -> FindingSince {
    let of_standing = |standing: &Option<Standing>| {
        standing.clone().map(|mut standing| {
            if standing.unit == Unit::NONE || !is_harmless(&standing.unit) {
                (standing.observed, standing.limit) = (Value::Nothing, Value::Nothing);
            }
            standing
        })
    };
    FindingSince { id: finding.id.clone(), change: finding.change, then: of_standing(&finding.then), now: of_standing(&finding.now) }
}

#[cfg(test)]
mod tests {
    /// Fields of a report that hold no value of the data, and those that are emptied of values above.
    const KNOWN: [&str; 27] = [
        "as_of",
        "batch",
        "began",
        "candidate_keys",
        "columns",
        "correlations",
        "dataset",
        "description",
        "faults",
        "findings",
        "history",
        "left_out",
        "mode",
        "owner",
        "publication",
        "reasons",
        "release",
        "rows",
        "runbook",
        "schema_changes",
        "schema_version",
        "sluicegate_version",
        "stream",
        "tables",
        "tags",
        "verdict",
        "would_pass",
    ];

    #[test]
    fn a_new_field_of_the_report_is_looked_at_before_it_is_shown_without_values() {
        let schema = crate::report::json_schema();
        let fields = schema["properties"].as_object().expect("fields");
        let unknown: Vec<&String> = fields.keys().filter(|name| !KNOWN.contains(&name.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}: may they hold values of the data? Empty them in `without_values`, then name them here");
    }
}
