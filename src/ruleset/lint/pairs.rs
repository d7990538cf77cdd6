//! Two rules side by side.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::limits::{Limits, number};
use super::{NAMING, Odd, Oddity, Types, columns, named, text, texts};
use crate::ruleset::{RuleFile, RuleItem};
use crate::yaml::{Node, Value};

/// With so many earlier rules about its columns a rule is compared at most: where a thousand rules are about one column, each with
/// each would be a million lines.
const COMPARED_MAX: usize = 100;

/// A rule, with what it is compared by.
pub(super) struct Compared<'a> {
    item: &'a RuleItem,
    columns: Vec<&'a str>,
    column_set: HashSet<&'a str>,
    /// All of it but its columns and what only names it.
    rest: String,
    /// By key, what is written there; nothing where the key is not there.
    written: BTreeMap<&'static str, String>,
    limits: Option<Limits>,
    sets: [Option<Set<'a>>; 2],
}

/// The values of a set, and those that are numbers.
struct Set<'a> {
    values: Vec<&'a str>,
    texts: HashSet<&'a str>,
    numbers: HashSet<u64>,
}

impl<'a> Set<'a> {
    fn of(item: &'a RuleItem, key: &str) -> Option<Self> {
        let values = texts(item, key)?;
        let numbers = values.iter().filter_map(|value| number(value)).map(bits).collect();
        Some(Self { texts: values.iter().copied().collect(), numbers, values })
    }

    fn has(&self, value: &str) -> bool {
        self.texts.contains(value)
    }

    fn has_number(&self, value: &str) -> bool {
        number(value).is_some_and(|value| self.numbers.contains(&bits(value)))
    }
}

/// Equal numbers have equal bits: adding zero turns −0 into 0.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

/// The rules before one, by what they may be compared for.
#[derive(Default)]
pub(super) struct Earlier<'a> {
    rules: Vec<Compared<'a>>,
    by_column: HashMap<&'a str, Vec<usize>>,
    /// Rules that say the same, of the same columns.
    by_words: HashMap<(&'static str, String, String, String), Vec<usize>>,
}

impl<'a> Earlier<'a> {
    /// What is odd of the rule beside those before it, of which it is one from now on.
    pub(super) fn compare(&mut self, rules: &RuleFile, types: &Types, item: &'a RuleItem) -> Vec<Odd> {
        let next = Compared::of(types, item);
        let words = (item.entry.name, next.rest.clone(), next.written["column"].clone(), next.written["columns"].clone());
        let alike = self.by_words.get(&words).into_iter().flatten().take(COMPARED_MAX);
        let of_columns = next.columns.iter().filter_map(|column| self.by_column.get(column));
        let mut earlier: BTreeSet<usize> = of_columns.flat_map(|rules| rules.iter().take(COMPARED_MAX)).chain(alike).copied().collect();
        while earlier.len() > COMPARED_MAX {
            earlier.pop_last();
        }
        let odd = earlier.into_iter().filter_map(|first| compared(rules, &self.rules[first], &next)).collect();
        let place = self.rules.len();
        for column in next.column_set.iter().copied() {
            self.by_column.entry(column).or_default().push(place);
        }
        self.by_words.entry(words).or_default().push(place);
        self.rules.push(next);
        odd
    }
}

impl<'a> Compared<'a> {
    fn of(types: &Types, item: &'a RuleItem) -> Self {
        let canonical = |key: &'static str| {
            let mut out = String::new();
            item.config.get(key).into_iter().for_each(|entry| entry.value.canonical(&mut out));
            (key, out)
        };
        Self {
            item,
            columns: columns(item),
            column_set: columns(item).into_iter().collect(),
            rest: rest(&item.config),
            written: ALIKE.into_iter().map(canonical).collect(),
            limits: if is_limited(item) { Limits::of(types, item) } else { None },
            sets: ["in", "not_in"].map(|key| Set::of(item, key)),
        }
    }

    fn is_same(&self, other: &Self, key: &str) -> bool {
        self.written.get(key) == other.written.get(key)
    }
}

/// Words by which two rules that are held against each other must not differ.
const ALIKE: [&str; 8] = ["where", "by", "on_fail", "tolerate", "warn", "nulls", "column", "columns"];

/// What is odd of two rules, of which `second` stands behind `first`.
fn compared(rules: &RuleFile, first: &Compared<'_>, second: &Compared<'_>) -> Option<Odd> {
    if let Some(which) = repeats(first, second) {
        let what = format!("`{}`{which} says what {} says", second.item.entry.name, named(rules, first.item));
        return Some(rules.odd_at(second.item, Oddity::Repetition, what, "leave one of them out"));
    }
    // In groups, and for some rows, each rule speaks of rows of its own.
    if !first.is_same(second, "where") && text(first.item, "where").is_some() && text(second.item, "where").is_some() {
        return None;
    }
    let column = in_both(first, second).next()?;
    if let Some(why) = contradict(first, second) {
        let what = format!("no value of `{column}` passes both this rule and {}: {why}", named(rules, first.item));
        return Some(rules.odd_at(
            second.item,
            Oddity::Contradiction,
            what,
            "correct one of them, or give each the rows it is for with `where`",
        ));
    }
    let (weak, strong) = implied(first, second)?;
    let what = format!("whatever breaks this rule breaks {} too", named(rules, strong.item));
    Some(rules.odd_at(weak.item, Oddity::Repetition, what, "leave it out, or let one of them only warn: `on_fail: warn`"))
}

/// The columns of the first that the second has too.
fn in_both<'a>(first: &'a Compared<'_>, second: &'a Compared<'_>) -> impl Iterator<Item = &'a str> {
    first.columns.iter().copied().filter(|column| second.column_set.contains(column))
}

/// Whether the second rule says what the first says, of all its columns or of some.
fn repeats(first: &Compared<'_>, second: &Compared<'_>) -> Option<String> {
    if first.item.entry.name != second.item.entry.name || first.rest != second.rest {
        return None;
    }
    if first.is_same(second, "column") && first.is_same(second, "columns") {
        return Some(String::new());
    }
    let both: Vec<String> = in_both(second, first).map(|column| format!("`{column}`")).collect();
    (!both.is_empty()).then(|| format!(" of {}", both.join(", ")))
}

/// A rule without its columns and what only names it.
fn rest(config: &Node) -> String {
    let keys: BTreeMap<&str, &Node> = config.entries().iter().rev().map(|entry| (entry.key.as_str(), &entry.value)).collect();
    let mut out = String::new();
    for (key, value) in keys.into_iter().filter(|(key, _)| !NAMING.contains(key) && !["column", "columns"].contains(key)) {
        out.push_str(key);
        value.canonical(&mut out);
    }
    out
}

fn is_limited(item: &RuleItem) -> bool {
    matches!(item.entry.name, "range" | "length")
}

/// Why no value passes both rules, which look at one column.
fn contradict(first: &Compared<'_>, second: &Compared<'_>) -> Option<String> {
    let inverted = |item: &RuleItem| item.config.get("must_be").is_some_and(|entry| !matches!(entry.value.value, Value::Null));
    let (one, other) = (first.item, second.item);
    match (one.entry.name, other.entry.name) {
        (name, same) if name == same && is_limited(one) => {
            let (one, other) = (first.limits?, second.limits?);
            one.exclude(&other).then(|| "the limits of one begin where those of the other have ended".to_owned())
        }
        ("values", "values") => match (&first.sets, &second.sets) {
            ([Some(one), _], [Some(other), _]) => {
                let is_common = one.values.iter().any(|value| other.has(value) || other.has_number(value));
                (!is_common).then(|| "their sets have no value in common".to_owned())
            }
            ([Some(set), _], [None, not]) | ([None, not], [Some(set), _]) => {
                let not = not.as_ref()?;
                set.values.iter().all(|value| not.has(value)).then(|| "`not_in` has every value of the other's set".to_owned())
            }
            ([None, _], [None, _]) => None,
        },
        ("values", "range") => outside(first, second),
        ("range", "values") => outside(second, first),
        ("missing", "missing") if inverted(one) != inverted(other) && !tolerates(one) && !tolerates(other) => {
            Some("one wants it missing, and one wants it there".to_owned())
        }
        _ => None,
    }
}

fn tolerates(item: &RuleItem) -> bool {
    ["tolerate", "max_run", "together", "disguised"].iter().any(|key| item.config.get(key).is_some())
}

/// Whether no member of a set lies within a range.
fn outside(values: &Compared<'_>, range: &Compared<'_>) -> Option<String> {
    let ([Some(set), _], Some(limits)) = (&values.sets, &range.limits) else { return None };
    let members: Option<Vec<f64>> = set.values.iter().map(|value| number(value)).collect();
    members?.iter().all(|member| !limits.has(*member)).then(|| "no value of the set lies within the range".to_owned())
}

/// The rule that says nothing beside the other, and the other.
fn implied<'c, 'a>(first: &'c Compared<'a>, second: &'c Compared<'a>) -> Option<(&'c Compared<'a>, &'c Compared<'a>)> {
    let alike = first.item.entry.name == second.item.entry.name && is_limited(first.item);
    if !alike || first.written != second.written {
        return None;
    }
    let (one, other) = (first.limits?, second.limits?);
    match (one.hold(&other), other.hold(&one)) {
        (true, _) => Some((first, second)),
        (false, true) => Some((second, first)),
        (false, false) => None,
    }
}
