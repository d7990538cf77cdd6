//! Two data sets side by side, without a rule file: drift and new values by rules made for the columns that both have, and what no
//! rule says: their columns, rows and keys that are in both, values that tell one from the other.

mod keys;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema};
use serde_json::Value as Json;

use self::keys::{Shared, Side, shared};
use crate::audit::{Audited, FindingWithRows};
use crate::diagnostic::{Fault, Faults};
use crate::findings::builtin::{COMPARE, SCHEMA};
use crate::findings::{Finding, Message, OnFail, OnNoData, Outcome, Value, figures};
use crate::metric::is_numeric;
use crate::rules::schema::diff::{Columns, FoundColumns, diff};
use crate::rules::schema::{Evolution, SchemaChange};
use crate::shown::{count, counted, percent};
use crate::source::Source;
use crate::types::{is_text, places};

/// What is asked beside the differences.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Whether no row and no key may be in both, as of training and test data.
    pub disjoint: bool,
}

/// The columns that an audit found.
pub fn found_columns(audited: &Audited) -> FoundColumns {
    let known = audited.source.known();
    let missing: BTreeMap<String, u64> = audited.columns.iter().map(|column| (column.name.clone(), column.missing)).collect();
    FoundColumns { schema: known.schema.as_ref().clone(), missing, contradicted: Vec::new(), are_ordered: known.columns_have_order }
}

/// Rules that compare the columns of `b` with those of `a` of the same name and kind, as a rule file has them.
pub fn rules(dataset: &str, against: &str, a: &Schema, b: &Schema) -> String {
    let quoted = |text: &str| Json::from(text).to_string();
    let of_a = places(a);
    let in_both =
        |field: &&FieldRef| of_a.get(field.name().as_str()).is_some_and(|&other| is_alike(a.field(other).data_type(), field.data_type()));
    let is_category = |field: &&FieldRef| is_text(field.data_type()) || *field.data_type() == DataType::Boolean;
    let common: Vec<String> = b.fields().iter().filter(in_both).map(|field| quoted(field.name())).collect();
    let categories: Vec<String> = b.fields().iter().filter(is_category).filter(in_both).map(|field| quoted(field.name())).collect();
    let mut text = format!("dataset: {}\n", quoted(dataset));
    if common.is_empty() {
        return text;
    }
    let against = quoted(against);
    let rule = |columns: &[String], more: &str| {
        format!("  - drift: {{ columns: [{}], against: [{against}], on_no_data: pass{more} }}\n", columns.join(", "))
    };
    text.push_str("rules:\n");
    text.push_str(&rule(&common, ""));
    text.push_str(&rule(&common, ", test: null_share, id: null-share"));
    if !categories.is_empty() {
        // Where most values are new, they are no categories: `drift` says how the others stand.
        text.push_str(&rule(&categories, ", test: new_values, id: new-values, on_fail: info"));
    }
    text
}

/// Whether distributions of both can be compared.
fn is_alike(a: &DataType, b: &DataType) -> bool {
    let kind = |t: &DataType| match t {
        DataType::Boolean => Some(0),
        t if is_text(t) => Some(1),
        t if is_numeric(t) => Some(2),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(3),
        _ => None,
    };
    kind(a).is_some() && kind(a) == kind(b)
}

/// Adds to an audit of `b` what its rules do not say, and puts the findings in order: the most drifted column first.
///
/// # Errors
/// The data cannot be read again.
pub fn complete(audited: &mut Audited, a: (&Arc<dyn Source>, &FoundColumns), wanted: &Wanted) -> Result<(), Faults> {
    let b = found_columns(audited);
    let (source_a, columns_a) = a;
    let mut more: Vec<FindingWithRows> = schema(audited, columns_a, &b, |_| true).into_iter().collect();
    more.extend(of_keys(audited, source_a, &b.schema, wanted)?.into_iter().map(FindingWithRows::from));
    audited.findings.sort_by(|x, y| effect(&y.finding).total_cmp(&effect(&x.finding)));
    more.append(&mut audited.findings);
    audited.findings = more;
    Ok(())
}

/// Adds in front how the columns of an audit differ from those of A, whatever their order: a warning if a change matters.
pub fn add_schema(audited: &mut Audited, a: &FoundColumns, matters: impl Fn(&SchemaChange) -> bool) {
    let b = found_columns(audited);
    // In which columns values are missing, the rows themselves say.
    let columns = |found: FoundColumns| FoundColumns { are_ordered: false, missing: BTreeMap::new(), ..found };
    let (a, b) = (columns(a.clone()), columns(b));
    if let Some(finding) = schema(audited, &a, &b, matters) {
        audited.findings.insert(0, finding);
    }
}

/// How the columns of an audit differ from those of A; nothing if they do not. It only informs where no change matters.
fn schema(audited: &mut Audited, a: &FoundColumns, b: &FoundColumns, matters: impl Fn(&SchemaChange) -> bool) -> Option<FindingWithRows> {
    let changes: Vec<SchemaChange> =
        diff(Columns::Found(a), Columns::Found(b), Evolution::Exact).into_iter().map(|difference| difference.change).collect();
    let told: Message = changes.iter().map(SchemaChange::told).collect::<Vec<_>>().into();
    let (count, outcome) = (changes.len() as u64, if changes.iter().any(matters) { Outcome::Warn } else { Outcome::Fail });
    audited.schema_changes = changes;
    (count > 0).then(|| Finding { observed: count.into(), ..of(&SCHEMA, None, outcome, told) }.into())
}

fn effect(finding: &Finding) -> f64 {
    match finding.figures.get(&figures::EFFECT).map(|figure| &figure.value) {
        Some(Value::Float(effect)) => *effect,
        Some(_) | None => 0.0,
    }
}

/// A finding that no rule makes; it warns or informs.
fn of(kind: &crate::findings::Builtin, name: Option<&str>, outcome: Outcome, message: Message) -> Finding {
    let on_fail = if outcome == Outcome::Fail { OnFail::Info } else { OnFail::Warn };
    let finding = Finding::builtin(kind, outcome, on_fail, message);
    let id = name.map_or_else(|| finding.id.clone(), |name| format!("{}-{name}", finding.id));
    Finding { id, ..finding }.weighed(OnNoData::Warn)
}

/// Rows and keys that are in both, and values that are in one only.
fn of_keys(audited: &Audited, source_a: &Arc<dyn Source>, schema_b: &Schema, wanted: &Wanted) -> Result<Vec<Finding>, Fault> {
    let (of_a, of_b) = (places(source_a.schema()), places(schema_b));
    let both = |name: &str| Some((*of_a.get(name)?, *of_b.get(name)?));
    let common: Vec<(&str, usize, usize)> =
        schema_b.fields().iter().filter_map(|field| both(field.name()).map(|(a, b)| (field.name().as_str(), a, b))).collect();
    let a = Side::read(source_a, &common.iter().map(|c| c.1).collect::<Vec<_>>())?;
    let b = Side::read(&audited.source, &common.iter().map(|c| c.2).collect::<Vec<_>>())?;
    let mut found = vec![row_counts(&a, &b)];
    if common.is_empty() {
        return Ok(found);
    }
    let rows = shared(&a.whole, &b.whole);
    found.push(told("rows", &[], "different rows", rows, wanted));
    for (i, (name, ..)) in common.iter().enumerate() {
        if let (Some(keys_a), Some(keys_b)) = (&a.keys[i], &b.keys[i])
            && a.rows > 1
            && b.rows > 1
        {
            found.push(told(&format!("key-{name}"), &[name], "keys", shared(keys_a, keys_b), wanted));
        }
        if let (Some(values_a), Some(values_b)) = (&a.values[i], &b.values[i])
            && !values_a.is_empty()
            && !values_b.is_empty()
        {
            found.extend(values(name, values_a.difference(values_b).count(), values_a.len(), values_a.is_disjoint(values_b)));
        }
    }
    Ok(found)
}

fn row_counts(a: &Side, b: &Side) -> Finding {
    let outcome = if a.rows == b.rows { Outcome::Pass } else { Outcome::Fail };
    let message = format!("{} in A, {} in B", counted(a.rows, "row"), count(b.rows));
    Finding { observed: b.rows.into(), limit: a.rows.into(), ..of(&COMPARE, Some("row-count"), outcome, message.into()) }
}

/// How many keys, or rows, are in both.
fn told(name: &str, columns: &[&str], noun: &str, shared: Shared, wanted: &Wanted) -> Finding {
    let Shared { both, only_a, only_b, is_estimate } = shared;
    let outcome = match (wanted.disjoint, both > 0, only_a + only_b > 0) {
        (true, true, _) => Outcome::Warn,
        (true, false, _) | (false, _, false) => Outcome::Pass,
        (false, _, true) => Outcome::Fail,
    };
    let about = if is_estimate { "about " } else { "" };
    let mut message = format!("{noun}: {about}{} in both ({} of those of B), ", count(both), percent(both, (both + only_b).max(1)));
    _ = write!(message, "{about}{} only in A, {about}{} only in B", count(only_a), count(only_b)).is_ok();
    if outcome == Outcome::Warn {
        message.push_str("; none should be in both");
    }
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    Finding { columns, observed: both.into(), ..of(&COMPARE, Some(name), outcome, message.into()) }
}

/// Categories of A that B has not; or a column whose values tell which of both a row is from.
fn values(name: &str, lost: usize, all: usize, tells: bool) -> Option<Finding> {
    let message = match (lost, tells) {
        (0, _) => return None,
        (_, true) => "no value is in both: it tells which data a row is from".to_owned(),
        (lost, false) => format!("{lost} of {} of A do not occur in B", counted(all as u64, "different value")),
    };
    let finding = of(&COMPARE, Some(&format!("values-{name}")), Outcome::Warn, message.into());
    Some(Finding { columns: vec![name.to_owned()], observed: (lost as u64).into(), ..finding })
}
