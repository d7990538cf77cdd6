//! One figure of many runs: what a finding observed, one of its figures, or a figure of a column's profile.

use serde_json::Value as Json;

use crate::findings::{Finding, Unit, Value};
use crate::privacy::Privacy;
use crate::report::Report;
use crate::report::model::ColumnReport;
use crate::ruleset::{RuleFile, Surroundings};
use crate::yaml::Position;

/// What may be shown of runs that were recorded when other columns were masked: what the rule file says now counts.
pub struct Shown<'a> {
    rules: &'a RuleFile,
    surroundings: Surroundings<'a>,
    privacy: Privacy,
}

impl<'a> Shown<'a> {
    pub fn by(rules: &'a RuleFile) -> Self {
        Self { rules, surroundings: rules.surroundings(), privacy: rules.privacy(None) }
    }

    /// Whether a figure of `finding` that is counted in `unit` holds no value of a masked column: it is a count, or neither the
    /// finding nor a rule of its kind speaks of such a column.
    pub fn admits(&self, finding: &Finding, unit: &Unit) -> bool {
        if self.privacy.may_show(unit, false) {
            return true;
        }
        let mentions = |at: Position| self.privacy.mentions(self.surroundings.of_rule(at));
        let of_its_kind: Vec<_> = self.rules.items.iter().filter(|item| item.entry.name == finding.rule).collect();
        let is_about_masked = finding.columns.iter().any(|column| self.privacy.mask_of(column).is_some());
        !is_about_masked && !of_its_kind.is_empty() && !of_its_kind.iter().any(|item| mentions(item.at))
    }
}

/// The figure called `name` of a run, and what it is counted in; none where the run has no such figure, or it must not be shown.
///
/// - `price-range`: what the finding of that id observed;
/// - `drift-price.psi`: a figure of that finding;
/// - `price.mean`: a figure of the column: `rows`, `missing`, `distinct`, `min`, `max`, `mean`, `stddev`, or a quantile such as
///   `0.5` or `median`;
/// - `rows.read`: where the batch's rows went: `read`, `published`, `quarantined`, `filtered`, `malformed`, `rejected`.
pub fn figure(report: &Report, name: &str, shown: &Shown<'_>) -> Option<(Value, Unit)> {
    if let Some(finding) = report.findings.iter().find(|finding| finding.id == name) {
        return shown.admits(finding, &finding.unit).then(|| (finding.observed.clone(), finding.unit.clone()));
    }
    // The probability of a quantile has a point in it.
    name.match_indices('.').find_map(|(at, _)| {
        let (of, figure) = (&name[..at], &name[at + 1..]);
        of_finding(report, of, figure, shown).or_else(|| of_column(report, of, figure, shown)).or_else(|| of_rows(report, of, figure))
    })
}

fn of_finding(report: &Report, id: &str, figure: &str, shown: &Shown<'_>) -> Option<(Value, Unit)> {
    let finding = report.findings.iter().find(|finding| finding.id == id)?;
    let (_, found) = finding.figures.iter().find(|(name, _)| *name == figure)?;
    shown.admits(finding, &found.unit).then(|| (found.value.clone(), found.unit.clone()))
}

fn of_column(report: &Report, name: &str, figure: &str, shown: &Shown<'_>) -> Option<(Value, Unit)> {
    let column = report.columns.iter().find(|column| column.name == name)?;
    let counts = match figure {
        "rows" => Some(column.rows),
        "missing" => Some(column.missing),
        "distinct" => column.distinct,
        _ => None,
    };
    if let Some(n) = counts {
        return Some((n.into(), if figure == "distinct" { Unit::KEYS } else { Unit::ROWS }));
    }
    let is_private = shown.privacy.mask_of(name).is_some();
    of_values(column, figure).filter(|_| !is_private).map(|value| (value, Unit::OF_COLUMN))
}

fn of_values(column: &ColumnReport, figure: &str) -> Option<Value> {
    match figure {
        "min" => column.min.as_ref().map(value),
        "max" => column.max.as_ref().map(value),
        "mean" => column.mean.clone(),
        "stddev" => column.stddev.clone(),
        "median" => column.quantiles.as_ref()?.get("0.5").map(|x| (*x).into()),
        quantile => column.quantiles.as_ref()?.get(quantile).map(|x| (*x).into()),
    }
}

fn of_rows(report: &Report, of: &str, figure: &str) -> Option<(Value, Unit)> {
    let rows = &report.rows;
    let n = match (of, figure) {
        ("rows", "read") => rows.read,
        ("rows", "published") => rows.published,
        ("rows", "quarantined") => rows.quarantined,
        ("rows", "filtered") => rows.filtered,
        ("rows", "malformed") => rows.malformed,
        ("rows", "rejected") => rows.rejected,
        _ => return None,
    };
    Some((n.into(), Unit::ROWS))
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nothing,
        Json::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(n), ..) => n.into(),
            (None, Some(n), _) => n.into(),
            (None, None, Some(x)) => x.into(),
            (None, None, None) => Value::Nothing,
        },
        Json::String(text) => text.as_str().into(),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => json.to_string().into(),
    }
}

/// The figures that a run has, for those who named another.
pub fn names(report: &Report) -> Vec<String> {
    let findings = report.findings.iter().map(|finding| finding.id.clone());
    let columns = report.columns.iter().flat_map(|column| {
        let known = [("min", column.min.is_some()), ("max", column.max.is_some()), ("mean", column.mean.is_some())];
        let known = known.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name);
        known.chain(["missing"]).map(|figure| format!("{}.{figure}", column.name)).collect::<Vec<_>>()
    });
    findings.chain(columns).chain(["rows.read".to_owned()]).collect()
}
