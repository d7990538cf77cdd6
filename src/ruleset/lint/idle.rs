//! Rules by themselves: those that pass whatever the data is, and those that the contract makes idle.

use std::collections::HashSet;

use arrow::datatypes::DataType;

use super::limits::{Limits, number};
use super::{Odd, Oddity, Types, columns, has_only, text, texts};
use crate::rules::MISSING;
use crate::ruleset::{RuleFile, RuleItem};

/// A rule that can never fail.
pub(super) fn never_fails(rules: &RuleFile, types: &Types, item: &RuleItem) -> Option<Odd> {
    let why = tolerates_all(item).or_else(|| speaks_of_none(item)).or_else(|| without_limit(item)).or_else(|| by_type(types, item))?;
    Some(rules.odd_at(item, Oddity::NeverFails, format!("`{}` never fails: {why}", item.entry.name), "correct it, or leave it out"))
}

/// The columns that the contract requires.
pub(super) fn required(rules: &RuleFile) -> HashSet<&str> {
    let columns = rules.sections.schema.iter().flat_map(|schema| &schema.value.columns.0);
    columns.filter(|(_, terms)| terms.required == Some(true)).map(|(name, _)| name.as_str()).collect()
}

/// A rule that the contract implies.
pub(super) fn of_contract(rules: &RuleFile, required: &HashSet<&str>, item: &RuleItem) -> Option<Odd> {
    if item.entry.name != MISSING.name || !has_only(item, &["column", "columns", "on_fail"]) {
        return None;
    }
    let named: Vec<&str> = columns(item);
    let all = !named.is_empty() && named.iter().all(|name| required.contains(name));
    let what = format!("the contract requires {} already", named.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
    all.then(|| rules.odd_at(item, Oddity::Repetition, what, "leave out the rule, or `required: true`"))
}

fn tolerates_all(item: &RuleItem) -> Option<String> {
    let tolerate = text(item, "tolerate")?.trim();
    let all = tolerate.strip_suffix('%').and_then(number).is_some_and(|percent| percent >= 100.0);
    // Then it warns earlier, or judges something beside the rows.
    if ["warn", "max_run", "together", "must_contain", "must_equal"].iter().any(|key| item.config.get(key).is_some()) {
        return None;
    }
    all.then(|| format!("it tolerates {tolerate} of the rows"))
}

fn speaks_of_none(item: &RuleItem) -> Option<String> {
    let condition: String = text(item, "where")?.split_whitespace().collect::<String>().to_ascii_lowercase();
    ["false", "1=0", "0=1", "1<>1", "1!=1"].contains(&condition.as_str()).then(|| "its `where` is true for no row".to_owned())
}

fn without_limit(item: &RuleItem) -> Option<String> {
    let own = |key: &str, values: &[&str]| text(item, key).is_some_and(|text| values.contains(&text));
    if fails_nulls(item) {
        return None;
    }
    let never = match item.entry.name {
        // Of `rows`, `min: 0` lets empty batches pass, which otherwise are undecided.
        "length" => {
            let others = ["max", "below", "above", "equals", "against", "change"];
            text(item, "min").and_then(number).is_some_and(|min| min <= 0.0) && others.iter().all(|key| item.config.get(key).is_none())
        }
        "pattern" => {
            let is_negated = text(item, "match") == Some("none");
            !is_negated && (own("regex", &["", ".*", "^.*$", "^", "$", "(?s).*"]) || own("like", &["%"]))
        }
        _ => false,
    };
    never.then(|| "every value passes it".to_owned())
}

/// Whether rows without a value fail: then a rule can fail whatever values pass.
fn fails_nulls(item: &RuleItem) -> bool {
    text(item, "nulls") == Some("fail")
}

/// A limit that no value of the column's type breaks.
fn by_type(types: &Types, item: &RuleItem) -> Option<String> {
    if fails_nulls(item) {
        return None;
    }
    let of_columns: Option<Vec<&DataType>> = columns(item).into_iter().map(|name| types.get(name)?.as_ref()).collect();
    let of_columns = of_columns.filter(|of_columns| !of_columns.is_empty())?;
    let limits = Limits::of(types, item);
    let is_idle = |data_type: &&DataType| match item.entry.name {
        "range" => limits_of(data_type).zip(limits).is_some_and(|(of_type, limits)| limits.hold(&of_type)),
        "values" => {
            let has = |value: &str| texts(item, "in").is_some_and(|set| set.iter().any(|one| one.eq_ignore_ascii_case(value)));
            matches!(data_type, DataType::Boolean) && has("true") && has("false")
        }
        _ => false,
    };
    of_columns.iter().all(is_idle).then(|| "every value of the type that the contract gives passes it".to_owned())
}

fn limits_of(data_type: &DataType) -> Option<Limits> {
    let (low, high) = match data_type {
        DataType::Int8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
        DataType::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        DataType::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DataType::UInt8 => (0.0, f64::from(u8::MAX)),
        DataType::UInt16 => (0.0, f64::from(u16::MAX)),
        DataType::UInt32 => (0.0, f64::from(u32::MAX)),
        DataType::UInt64 => (0.0, f64::INFINITY),
        _ => return None,
    };
    Some(Limits { low, has_low: true, high, has_high: true })
}
