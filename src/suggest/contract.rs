//! The contract: what type each column is of, by nearly all of its values, and which texts mean missing.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use super::column::{Column, Kind};
use super::yaml::{list, scalar, shown};
use crate::shown::{count, percent};
use crate::text;
use crate::types::{Class, parse_type, type_name};

/// Texts that are read as missing where they occur among other values. `none` and `unknown` may be answers, and are not here.
const TOKENS: [&str; 15] = ["NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "Null", "null", "#N/A", "?", "-", "--", "N.A.", "n.a."];

/// A type is a column's where at least so large a part of its values can be read as it.
const MOST: f64 = 0.95;

/// Fewer values than this say nothing about the type of text.
const VALUES_MIN: u64 = 20;

/// Records may be set aside for values that cannot be read, but not more than this part of them.
const MALFORMED_MAX: f64 = 0.2;

/// Forms of dates, those with an unmistakable order first.
const DATES: [&str; 10] =
    ["%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%b %d, %Y", "%d %b %Y", "%B %d, %Y"];

/// What each column is, and what is read as missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Contract {
    pub columns: Vec<Contracted>,
    /// Texts that mean missing, beside the empty one.
    pub tokens: Vec<String>,
}

/// A column of the contract.
#[derive(Debug, Clone)]
pub(super) struct Contracted {
    pub name: String,
    /// None where rule files have no name for its type.
    pub data_type: Option<DataType>,
    /// How dates are written, where that is not ISO 8601.
    pub format: Option<&'static str>,
    /// Whether every row has a value.
    pub required: bool,
    /// What speaks for it.
    pub why: String,
    /// How much of its values cannot be read as the type.
    unreadable: f64,
}

impl Contract {
    /// Of columns as they were read without a contract; `is_text` says whether their types were guessed from text.
    pub(super) fn of(columns: &[Column], is_text: bool) -> Self {
        let mut contract = Self::default();
        if is_text {
            contract.tokens = tokens(columns);
        }
        for column in columns {
            let (data_type, format, unreadable) = match (column.kind, is_text) {
                (Kind::Text, true) => meant(column, &contract.tokens),
                (Kind::Text | Kind::Boolean | Kind::Integer | Kind::Real | Kind::Date | Kind::Time | Kind::Other, _) => {
                    (column.data_type.clone(), None, 0.0)
                }
            };
            let data_type = parse_type(&type_name(&data_type)).ok();
            let (name, why) = (column.name.clone(), String::new());
            contract.columns.push(Contracted { name, data_type, format, required: false, why, unreadable });
        }
        contract.relax();
        contract
    }

    /// Leaves columns as text if the types would cost too many records, the worst ones first.
    fn relax(&mut self) {
        loop {
            let all: f64 = self.columns.iter().map(|column| column.unreadable).sum();
            let worst =
                self.columns.iter_mut().filter(|column| column.unreadable > 0.0).max_by(|a, b| a.unreadable.total_cmp(&b.unreadable));
            match worst {
                Some(worst) if all > MALFORMED_MAX => {
                    (worst.data_type, worst.format, worst.unreadable) = (Some(DataType::Utf8), None, 0.0);
                }
                Some(_) | None => return,
            }
        }
    }

    /// Whether the data must be read anew, to be read as this says.
    pub(super) fn reads_otherwise(&self, columns: &[Column]) -> bool {
        let same = |(contracted, column): (&Contracted, &Column)| {
            contracted.data_type.as_ref().is_none_or(|t| type_name(t) == type_name(&column.data_type)) && contracted.format.is_none()
        };
        !self.tokens.is_empty() || !self.columns.iter().zip(columns).all(same)
    }

    /// Takes in what the data, read by it, says of each column.
    pub(super) fn explain(&mut self, columns: &[Column], malformed: &BTreeMap<String, u64>) {
        for (contracted, column) in self.columns.iter_mut().zip(columns) {
            let rows = column.codes.len() as u64;
            let missing = rows - column.present as u64;
            let mut parts = Vec::new();
            match (column.kind, column.distinct()) {
                (Kind::Other, _) => {}
                (_, 0) => parts.push("no value at all".to_owned()),
                (_, 1) => parts.push(format!("always {}", shown(&column.texts[0]))),
                (_, distinct) => parts.push(format!("{} different values", count(distinct as u64))),
            }
            match missing {
                _ if rows == 0 || column.present == 0 => {}
                0 => parts.push("none missing".to_owned()),
                _ => parts.push(format!("{} missing", percent(missing, rows))),
            }
            if let Some(bad) = malformed.get(&contracted.name) {
                parts.push(format!("{} cannot be read as this", count(*bad)));
            }
            contracted.why = parts.join(", ");
        }
    }

    /// The sections `source` and `schema`.
    pub(super) fn written(&self) -> String {
        let mut out = String::new();
        if !self.tokens.is_empty() {
            let all: Vec<&str> = std::iter::once("").chain(self.tokens.iter().map(String::as_str)).collect();
            out.push_str("# Texts that stand for a missing value.\n");
            out.push_str(&format!("source:\n  missing_values: {}\n\n", list(all)));
        }
        if self.columns.iter().all(|column| column.data_type.is_none()) {
            return out;
        }
        out.push_str("schema:\n  columns:\n");
        for column in &self.columns {
            let Some(data_type) = &column.data_type else { continue };
            let mut words = format!("type: {}", type_word(data_type));
            if let Some(format) = column.format {
                words.push_str(&format!(", format: \"{format}\""));
            }
            if column.required {
                words.push_str(", required: true");
            }
            let entry = format!("    {}: {{ {words} }}", scalar(&column.name));
            let pad = " ".repeat(58usize.saturating_sub(entry.chars().count()));
            match column.why.is_empty() {
                true => out.push_str(&format!("{entry}\n")),
                false => out.push_str(&format!("{entry}{pad} # {}\n", column.why)),
            }
        }
        out.push('\n');
        out
    }
}

fn type_word(data_type: &DataType) -> String {
    let name = type_name(data_type);
    if name.chars().all(|c| c.is_ascii_alphanumeric()) { name } else { scalar(&name) }
}

/// Texts that stand for a missing value: in some column more than once, and beside more of other values.
fn tokens(columns: &[Column]) -> Vec<String> {
    let mut found = Vec::new();
    for token in TOKENS {
        let stands_in = |column: &&Column| {
            let times = column.texts.iter().position(|text| text == token).map_or(0, |code| column.counts[code]);
            times >= 2 && times as usize * 2 <= column.present && column.distinct() > 2
        };
        if columns.iter().filter(|column| column.kind == Kind::Text).any(|column| stands_in(&column)) {
            found.push(token.to_owned());
        }
    }
    found
}

/// The type that nearly all values of a column of text can be read as; how they are written; how many cannot.
fn meant(column: &Column, tokens: &[String]) -> (DataType, Option<&'static str>, f64) {
    let text = (DataType::Utf8, None, 0.0);
    let values: Vec<(&str, u64)> = (0..column.distinct())
        .map(|code| (column.texts[code].as_str(), u64::from(column.counts[code])))
        .filter(|(text, _)| !tokens.iter().any(|token| token == text))
        .collect();
    let all: u64 = values.iter().map(|(_, times)| times).sum();
    // A number would lose the zero that a postcode begins with.
    if all < VALUES_MIN || values.iter().any(|(text, _)| is_number_only_by_loss(text.trim())) {
        return text;
    }
    // What stands for a missing value made text of the others.
    let has_tokens = values.len() < column.distinct();
    let mut classes: BTreeMap<Class, u64> = BTreeMap::new();
    values.iter().for_each(|(text, times)| *classes.entry(text::classify(text.trim())).or_default() += times);
    let of = |those: &[Class]| those.iter().filter_map(|class| classes.get(class)).sum::<u64>() as f64 / all as f64;
    let groups: [&[Class]; 5] = [
        &[Class::Integer, Class::WideInteger],
        &[Class::Integer, Class::Float],
        &[Class::Date],
        &[Class::Date, Class::Timestamp],
        &[Class::TimestampZoned],
    ];
    for group in groups {
        let share = of(group);
        let class = group.iter().copied().reduce(Class::join).unwrap_or(Class::Text);
        if share >= MOST && (classes.len() > 1 || has_tokens) {
            let others: f64 = 1.0 - share;
            // Whole numbers with a few fractions are numbers with a fraction, but for `12.0` and the like.
            let is_narrow = class == Class::Integer || class == Class::WideInteger;
            if is_narrow && values.iter().any(|(text, _)| has_fraction(text)) {
                continue;
            }
            return (class.data_type(), None, others);
        }
    }
    written_dates(&values, all).map_or(text, |(format, others)| (DataType::Date32, Some(format), others))
}

/// Whether a text is digits that a number would not give back: `01067`, `+49`.
fn is_number_only_by_loss(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    let is_padded = digits.len() > 1 && digits.starts_with('0');
    (is_padded || text.starts_with('+')) && digits.bytes().all(|c| c.is_ascii_digit()) && !digits.is_empty()
}

/// Whether a text is a number that is not whole.
fn has_fraction(text: &str) -> bool {
    text::classify(text.trim()) == Class::Float && text::float(text.trim()).is_some_and(|x| x.fract() != 0.0)
}

/// The one form in which nearly all values are dates, and how many are not. Where two forms read the same values, none is.
fn written_dates(values: &[(&str, u64)], all: u64) -> Option<(&'static str, f64)> {
    let read = |format: &str| {
        let reads = |text: &str| text::date_in(text.trim(), format).is_some() && text.trim().len() >= 8;
        values.iter().filter(|(text, _)| reads(text)).map(|(_, times)| times).sum::<u64>()
    };
    if !values.iter().take(50).any(|(text, _)| text.contains(['/', '.', '-', ' ']) && text.contains(|c: char| c.is_ascii_digit())) {
        return None;
    }
    let mut found: Vec<(u64, &'static str)> = DATES.iter().map(|format| (read(format), *format)).collect();
    found.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    let (best, next) = (found.first()?, found.get(1)?);
    let share = best.0 as f64 / all as f64;
    (share >= MOST && best.0 > next.0).then_some((best.1, 1.0 - share))
}
