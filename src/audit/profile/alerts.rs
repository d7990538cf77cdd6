//! What is remarkable about a column, and what it is for.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use serde_json::Value as Json;

use crate::findings::{FigureName, Finding, figures};
use crate::metric::cells::{CellsOut, Value as CellValue};
use crate::metric::completeness::Counts;
use crate::metric::overview::OverviewOut;
use crate::report::columns::{Alert, AlertKind, Correlations, Fence, Role};
use crate::report::model::ColumnReport;
use crate::shown::{VALUE_MAX, count, cut_short, digits, percent_of};

/// So few values may each be written in a way of their own: the names of a few groups.
const FEW_VALUES: u64 = 20;
/// Fewer values say nothing of what a column is for.
const VALUES_MIN: u64 = 20;
/// Of identifiers at least so large a share of values is different.
const DIFFERENT_MIN: f64 = 0.98;
/// Whole numbers that name rows lie so close together.
const SPREAD_MAX: f64 = 4.0;
/// A text that names a row is no longer.
const KEY_CHARS_MAX: u64 = 64;
/// From so large a skewness on a distribution is said to be skewed.
const SKEWED: f64 = 3.0;
/// From so strong a correlation on two columns are said to tell nearly the same.
const STRONG: f64 = 0.9;

/// Words in names of columns that hold identifiers.
const NAMES: [&str; 14] = ["id", "ids", "uuid", "guid", "key", "no", "nr", "number", "code", "sku", "isbn", "iban", "index", "ref"];

/// Whether a column's values name rows: nearly all are different, and they are whole numbers that follow each other, or that
/// the column's name calls so, or texts that look like keys.
pub(super) fn role(name: &str, data_type: &DataType, out: &OverviewOut, rows: Counts) -> Option<Role> {
    let present = rows.rows - rows.missing;
    let different = out.distinct.count as f64 / present.max(1) as f64;
    // An estimate may be off by some of its standard errors.
    if present < VALUES_MIN || different < DIFFERENT_MIN - 4.0 * out.distinct.error {
        return None;
    }
    let is_called_so = || words(name).any(|word| NAMES.contains(&word.as_str()));
    let is_identifier = if data_type.is_integer() {
        let span = out.extrema.map_or(f64::INFINITY, |(low, high)| high.as_f64() - low.as_f64());
        span < SPREAD_MAX * present as f64 || is_called_so()
    } else {
        let texts: Vec<&str> = match &out.texts {
            Some(texts) => texts.iter().take(256).map(|t| t.text.as_str()).collect(),
            None => out.sample.iter().map(String::as_str).collect(),
        };
        let is_key = |text: &&&str| !text.contains(char::is_whitespace) && (is_called_so() || text.contains(|c: char| c.is_ascii_digit()));
        let is_short = out.lengths.is_some_and(|(_, longest)| longest <= KEY_CHARS_MAX);
        !texts.is_empty() && is_short && texts.iter().filter(is_key).count() * 20 >= texts.len() * 19
    };
    is_identifier.then_some(Role::Identifier)
}

/// The words of a name: `customerId` and `customer_id` have two.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.into_iter().filter(|word| !word.is_empty())
}

/// The share of a value among those of other data, where these were counted one by one.
pub(super) fn share_of(cells: &CellsOut, value: &Json) -> Option<f64> {
    let is_same = |cell: &CellValue| match (cell, value) {
        (CellValue::Text(text), Json::String(value)) => text == value,
        (CellValue::Number(x), Json::Bool(value)) => *x == f64::from(u8::from(*value)),
        (CellValue::Number(x), Json::Number(value)) => value.as_f64() == Some(*x),
        (CellValue::Text(_) | CellValue::Number(_) | CellValue::Hash(_), _) => false,
    };
    let is_told = |cell: &&crate::metric::cells::Cell| !matches!(cell.only, None | Some(CellValue::Hash(_)));
    if cells.count == 0 || !cells.cells.iter().all(|cell| is_told(&cell)) {
        return None;
    }
    let found = cells.cells.iter().find(|cell| cell.only.as_ref().is_some_and(is_same));
    Some((found.map_or(0, |cell| cell.count) as f64 / cells.count as f64 * 1e6).round() / 1e6)
}

/// What alerts follow from beside a column's own figures.
pub(in crate::audit) struct AlertTerms<'a> {
    /// Findings about one column, by its name.
    findings: HashMap<&'a str, Vec<&'a Finding>>,
    correlations: Option<&'a Correlations>,
}

impl<'a> AlertTerms<'a> {
    pub(in crate::audit) fn of(findings: impl Iterator<Item = &'a Finding>, correlations: Option<&'a Correlations>) -> Self {
        let mut by_column: HashMap<&str, Vec<&Finding>> = HashMap::new();
        for finding in findings {
            if let [column] = finding.columns.as_slice() {
                by_column.entry(column).or_default().push(finding);
            }
        }
        Self { findings: by_column, correlations }
    }
}

/// Says what is remarkable about a column, and draws in the fences of rules about it. Nothing is said of a masked column that
/// would follow from its values.
pub(in crate::audit) fn remark(column: &mut ColumnReport, terms: &AlertTerms<'_>) {
    let mut alerts = Vec::new();
    let mut say = |kind: AlertKind, message: String| alerts.push(Alert { kind, message });
    let present = column.rows - column.missing;
    match column.missing as f64 / column.rows.max(1) as f64 {
        _ if column.rows > 0 && present == 0 => say(AlertKind::Empty, "no value".to_owned()),
        share if share > 0.5 => say(AlertKind::MostlyMissing, format!("{} missing", percent_of(share, &[0.5, 1.0]))),
        _ => {}
    }
    if column.mask.is_none() && present > 0 {
        of_values(column, present, &mut say);
        correlated(column, terms, &mut say);
        let findings = terms.findings.get(column.name.as_str()).into_iter().flatten();
        column.fences = findings.filter_map(|finding| fence(column, finding)).collect();
    }
    column.alerts = alerts;
}

fn of_values(column: &ColumnReport, present: u64, say: &mut impl FnMut(AlertKind, String)) {
    let is_exact = column.distinct_exact == Some(true);
    match column.distinct {
        Some(1) if present > 1 => {
            let value = column.top_values.as_ref().and_then(|top| top.first()).map(|top| &top.value).or(column.min.as_ref());
            say(AlertKind::Constant, value.map_or_else(|| "one value only".to_owned(), |value| format!("only {}", told(value))));
        }
        Some(distinct) if distinct == present && present > 1 && is_exact => say(AlertKind::Unique, "no value occurs twice".to_owned()),
        Some(_) | None => {}
    }
    if !column.stand_ins.is_empty() {
        let each = column.stand_ins.iter().take(3).map(|top| format!("{} ({})", told(&top.value), count(top.count)));
        say(AlertKind::StandIns, format!("may stand for missing: {}", each.collect::<Vec<_>>().join(", ")));
    }
    if let Some(zeros) = column.zeros.filter(|zeros| *zeros * 2 >= present && column.distinct.is_none_or(|distinct| distinct > 2)) {
        say(AlertKind::Zeros, format!("{} are 0", percent_of(zeros as f64 / present as f64, &[0.5, 1.0])));
    }
    if let Some(skewness) = column.skewness.filter(|skewness| skewness.abs() > SKEWED) {
        say(AlertKind::Skewed, format!("skewness {}", digits(skewness, 3)));
    }
    if let Some(kinds) = column.kinds.as_ref().filter(|kinds| kinds.len() > 1) {
        let each = kinds.iter().take(3).map(|kind| format!("{} {}", count(kind.count), kind.data_type));
        say(AlertKind::MixedKinds, each.collect::<Vec<_>>().join(", "));
    }
    if let Some(formats) =
        column.formats.as_ref().filter(|formats| formats.exceptions > 0 && column.distinct.is_none_or(|distinct| distinct > FEW_VALUES))
    {
        let most = formats.formats.first().map_or("", |format| &format.format);
        say(AlertKind::MixedFormats, format!("{} not as the others ({most})", count(formats.exceptions)));
    }
}

fn correlated(column: &ColumnReport, terms: &AlertTerms<'_>, say: &mut impl FnMut(AlertKind, String)) {
    let pairs = terms.correlations.iter().flat_map(|correlations| &correlations.pairs);
    let strong = pairs.filter(|pair| pair.strength() >= STRONG && pair.columns.contains(&column.name));
    for pair in strong.take(2) {
        let other = if pair.columns[0] == column.name { &pair.columns[1] } else { &pair.columns[0] };
        let (name, value) = match (pair.pearson, pair.spearman, pair.cramers_v) {
            (Some(r), rank, _) if rank.is_none_or(|rank| r.abs() >= rank.abs()) => ("r", r),
            (_, Some(rank), _) => ("ρ", rank),
            (_, None, Some(v)) => ("V", v),
            (Some(r), None, None) => ("r", r),
            (None, None, None) => continue,
        };
        say(AlertKind::Correlated, format!("with {other}: {name} = {value:.3}"));
    }
}

fn told(value: &Json) -> String {
    match value {
        Json::String(text) => format!("`{}`", cut_short(text, VALUE_MAX.min(40))),
        Json::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, |x| digits(x, 6)),
        other => other.to_string(),
    }
}

/// The fences that a finding tells, where they are of the values themselves.
fn fence(column: &ColumnReport, finding: &Finding) -> Option<Fence> {
    let is_of_logarithms = finding.figures.get(&figures::TRANSFORM).is_some();
    if !finding.groups.is_empty() || is_of_logarithms || column.min.as_ref().is_some_and(|min| !min.is_number()) {
        return None;
    }
    let figure = |name: &FigureName| finding.figures.get(name).and_then(|figure| figure.value.as_number());
    let (low, high) = (figure(&figures::LOWER_FENCE), figure(&figures::UPPER_FENCE));
    (low.is_some() || high.is_some()).then(|| Fence { rule: finding.id.clone(), low, high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Number;
    use crate::metric::distinct::DistinctOut;

    fn integers(low: i128, high: i128, distinct: u64) -> OverviewOut {
        OverviewOut {
            distinct: DistinctOut { count: distinct, exact: true, error: 0.0 },
            extrema: Some((Number::int(low), Number::int(high))),
            ..OverviewOut::default()
        }
    }

    #[test]
    fn identifiers_are_told_from_measures() {
        let rows = Counts { rows: 1000, missing: 0 };
        let of = |name: &str, out: &OverviewOut| role(name, &DataType::Int64, out, rows);
        assert_eq!(of("n", &integers(1, 1000, 1000)), Some(Role::Identifier));
        // Populations differ too, and lie far apart.
        assert_eq!(of("population", &integers(1, 9_000_000, 1000)), None);
        for name in ["customer_id", "customerId", "Order No", "SKU"] {
            assert_eq!(of(name, &integers(1, 9_000_000, 1000)), Some(Role::Identifier), "{name}");
        }
        assert_eq!(of("valid", &integers(1, 9_000_000, 1000)), None);
        assert_eq!(of("customer_id", &integers(1, 1000, 900)), None);
        assert_eq!(role("id", &DataType::Int64, &integers(1, 10, 10), Counts { rows: 10, missing: 0 }), None);
        let texts =
            |sample: [&str; 2]| OverviewOut { sample: sample.map(str::to_owned).to_vec(), lengths: Some((3, 12)), ..integers(0, 0, 1000) };
        assert_eq!(role("tag", &DataType::Utf8, &texts(["a-17", "b-18"]), rows), Some(Role::Identifier));
        assert_eq!(role("name", &DataType::Utf8, &texts(["Ada", "Grace"]), rows), None);
        assert_eq!(role("title", &DataType::Utf8, &texts(["Chapter 1", "Chapter 2"]), rows), None);
    }
}
