//! Two rules side by side.

use std::collections::BTreeSet;

use super::limits::{Limits, number};
use super::{NAMING, Odd, Oddity, columns, named, text, texts};
use crate::ruleset::{RuleFile, RuleItem};
use crate::yaml::{Node, Value};

/// What is odd of two rules, of which `second` stands behind `first`.
pub(super) fn compared(rules: &RuleFile, first: &RuleItem, second: &RuleItem) -> Option<Odd> {
    if let Some(which) = repeats(first, second) {
        let what = format!("`{}`{which} says what {} says", second.entry.name, named(rules, first));
        return Some(rules.odd_at(second, Oddity::Repetition, what, "leave one of them out"));
    }
    // In groups, and for some rows, each rule speaks of rows of its own.
    if !same(first, second, "where") && text(first, "where").is_some() && text(second, "where").is_some() {
        return None;
    }
    let both: Vec<&str> = columns(first).into_iter().filter(|column| columns(second).contains(column)).collect();
    let column = both.first()?;
    if let Some(why) = contradict(rules, first, second) {
        let what = format!("no value of `{column}` passes both this rule and {}: {why}", named(rules, first));
        return Some(rules.odd_at(
            second,
            Oddity::Contradiction,
            what,
            "correct one of them, or give each the rows it is for with `where`",
        ));
    }
    let (weak, strong) = implied(rules, first, second)?;
    let what = format!("whatever breaks this rule breaks {} too", named(rules, strong));
    Some(rules.odd_at(weak, Oddity::Repetition, what, "leave it out, or let one of them only warn: `on_fail: warn`"))
}

fn same(first: &RuleItem, second: &RuleItem, key: &str) -> bool {
    let canonical = |item: &RuleItem| {
        let mut out = String::new();
        item.config.get(key).into_iter().for_each(|entry| entry.value.canonical(&mut out));
        out
    };
    canonical(first) == canonical(second)
}

/// Whether the second rule says what the first says, of all its columns or of some.
fn repeats(first: &RuleItem, second: &RuleItem) -> Option<String> {
    if first.entry.name != second.entry.name || rest(&first.config) != rest(&second.config) {
        return None;
    }
    if same(first, second, "column") && same(first, second, "columns") {
        return Some(String::new());
    }
    let earlier = columns(first);
    let both: Vec<String> =
        columns(second).into_iter().filter(|column| earlier.contains(column)).map(|column| format!("`{column}`")).collect();
    (!both.is_empty()).then(|| format!(" of {}", both.join(", ")))
}

/// A rule without its columns and what only names it.
fn rest(config: &Node) -> String {
    let keys: BTreeSet<&str> = config.entries().iter().map(|entry| entry.key.as_str()).collect();
    let mut out = String::new();
    for key in keys.into_iter().filter(|key| !NAMING.contains(key) && !["column", "columns"].contains(key)) {
        out.push_str(key);
        config.get(key).into_iter().for_each(|entry| entry.value.canonical(&mut out));
    }
    out
}

/// Why no value passes both rules, which look at one column.
fn contradict(rules: &RuleFile, first: &RuleItem, second: &RuleItem) -> Option<String> {
    let is_limited = |item: &RuleItem| matches!(item.entry.name, "range" | "length");
    let inverted = |item: &RuleItem| item.config.get("must_be").is_some_and(|entry| !matches!(entry.value.value, Value::Null));
    match (first.entry.name, second.entry.name) {
        (one, other) if one == other && is_limited(first) => {
            let (one, other) = (Limits::of(rules, first)?, Limits::of(rules, second)?);
            one.exclude(&other).then(|| "the limits of one begin where those of the other have ended".to_owned())
        }
        ("values", "values") => match (texts(first, "in"), texts(second, "in")) {
            (Some(one), Some(other)) => {
                let same_number = |value: &str| number(value).is_some_and(|value| other.iter().any(|one| number(one) == Some(value)));
                let is_common = one.iter().any(|value| other.contains(value) || same_number(value));
                (!is_common).then(|| "their sets have no value in common".to_owned())
            }
            (Some(set), None) => excluded(&set, &texts(second, "not_in")?),
            (None, Some(set)) => excluded(&set, &texts(first, "not_in")?),
            (None, None) => None,
        },
        ("values", "range") => outside(rules, first, second),
        ("range", "values") => outside(rules, second, first),
        ("missing", "missing") if inverted(first) != inverted(second) && !tolerates(first) && !tolerates(second) => {
            Some("one wants it missing, and one wants it there".to_owned())
        }
        _ => None,
    }
}

fn tolerates(item: &RuleItem) -> bool {
    ["tolerate", "max_run", "together", "disguised"].iter().any(|key| item.config.get(key).is_some())
}

fn excluded(set: &[&str], not: &[&str]) -> Option<String> {
    set.iter().all(|value| not.contains(value)).then(|| "`not_in` has every value of the other's set".to_owned())
}

/// Whether no member of a set lies within a range.
fn outside(rules: &RuleFile, values: &RuleItem, range: &RuleItem) -> Option<String> {
    let (set, limits) = (texts(values, "in")?, Limits::of(rules, range)?);
    let members: Option<Vec<f64>> = set.into_iter().map(number).collect();
    members?.iter().all(|member| !limits.has(*member)).then(|| "no value of the set lies within the range".to_owned())
}

/// The rule that says nothing beside the other, and the other.
fn implied<'a>(rules: &RuleFile, first: &'a RuleItem, second: &'a RuleItem) -> Option<(&'a RuleItem, &'a RuleItem)> {
    let is_limited = first.entry.name == second.entry.name && matches!(first.entry.name, "range" | "length");
    let alike = ["where", "by", "on_fail", "tolerate", "warn", "nulls", "column", "columns"];
    if !is_limited || !alike.iter().all(|key| same(first, second, key)) {
        return None;
    }
    let (one, other) = (Limits::of(rules, first)?, Limits::of(rules, second)?);
    match (one.hold(&other), other.hold(&one)) {
        (true, _) => Some((first, second)),
        (false, true) => Some((second, first)),
        (false, false) => None,
    }
}
