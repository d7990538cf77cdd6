//! A value that is sought, in the forms that it may be written in.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int32Type, Int64Type};
use serde_json::Value as Json;

use crate::privacy::{HIDDEN, Privacy};

/// A column and a value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub column: String,
    pub value: String,
}

/// The values that are sought.
pub(super) struct Sought {
    values: Vec<SoughtValue>,
}

/// One of them.
pub(super) struct SoughtValue {
    pub column: String,
    /// As it was given, and what a mask makes of it.
    forms: Vec<String>,
    /// As a number, if it is one.
    number: Option<String>,
}

impl Sought {
    pub(super) fn new(keys: &[Key], privacy: &Privacy) -> Self {
        let value = |key: &Key| {
            let masked = privacy.mask_of(&key.column).map(|mask| privacy.text(mask, &key.value)).filter(|text| text != HIDDEN);
            SoughtValue {
                column: key.column.clone(),
                forms: std::iter::once(key.value.clone()).chain(masked).collect(),
                number: number(&key.value),
            }
        };
        Self { values: keys.iter().map(value).collect() }
    }

    pub(super) fn all(&self) -> &[SoughtValue] {
        &self.values
    }

    /// Those of the column.
    pub(super) fn of<'a>(&'a self, column: &'a str) -> impl Iterator<Item = &'a SoughtValue> {
        self.values.iter().filter(move |value| value.column == column)
    }
}

impl SoughtValue {
    /// Whether a text is the value.
    pub(super) fn is_text(&self, text: &str) -> bool {
        self.forms.iter().any(|form| form == text) || self.number.is_some() && number(text) == self.number
    }

    /// Whether a value of JSON is it.
    pub(super) fn is_json(&self, json: &Json) -> bool {
        match json {
            Json::String(text) => self.is_text(text),
            Json::Number(n) => self.is_text(&n.to_string()),
            Json::Bool(is_true) => self.is_text(if *is_true { "true" } else { "false" }),
            Json::Null | Json::Array(_) | Json::Object(_) => false,
        }
    }

    /// Whether an answer of the state `state`, as a summary keeps it, names the value, where its column has the type `data_type`.
    pub(super) fn is_named_by(&self, state: &str, answer: &Json, data_type: Option<&DataType>) -> bool {
        let stored = data_type.and_then(|data_type| stored(&self.forms[0], data_type));
        // Of long texts the beginning is kept.
        let is_beginning = |text: &str| text.strip_suffix('…').is_some_and(|head| self.forms.iter().any(|form| form.starts_with(head)));
        let is_it = |text: &str| self.is_text(text) || stored.as_deref() == Some(text) || is_beginning(text);
        names(answer, state == "cells" || state == "shapes", &is_it)
    }

    /// Whether the number is it.
    pub(super) fn is_number(&self, x: f64) -> bool {
        self.number.is_some() && number(&x.to_string()) == self.number
    }

    /// The text with `***` in the place of the value, where it stands by itself; within quotes only if `in_quotes`.
    pub(super) fn hidden_in(&self, text: &str, in_quotes: bool) -> Option<String> {
        let mut out = text.to_owned();
        for form in &self.forms {
            out = replaced(&out, form, in_quotes);
        }
        (out != text).then_some(out)
    }

    /// Whether bytes have it as a word.
    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        self.forms.iter().any(|form| replaced(&text, form, false) != text)
    }
}

/// A value of the type as states keep it: dates and times as a count in their unit, decimals in their smallest step.
fn stored(value: &str, data_type: &DataType) -> Option<String> {
    let text: ArrayRef = std::sync::Arc::new(StringArray::from(vec![value]));
    let typed = cast(&text, data_type).ok().filter(|typed| typed.is_valid(0))?;
    match data_type {
        DataType::Decimal128(..) => Some(typed.as_primitive::<Decimal128Type>().value(0).to_string()),
        DataType::Date32 | DataType::Time32(_) => {
            Some(cast(&typed, &DataType::Int32).ok()?.as_primitive::<Int32Type>().value(0).to_string())
        }
        DataType::Date64 | DataType::Timestamp(..) | DataType::Time64(_) => {
            Some(cast(&typed, &DataType::Int64).ok()?.as_primitive::<Int64Type>().value(0).to_string())
        }
        DataType::Boolean => Some(if typed.as_boolean().value(0) { "1" } else { "0" }.to_owned()),
        _ => None,
    }
}

/// Whether an answer has a name or a value for which `is_it` holds. In `cells` a count stands behind each value.
fn names(answer: &Json, are_cells: bool, is_it: &dyn Fn(&str) -> bool) -> bool {
    /// What these hold are counts.
    const COUNTS: [&str; 6] = ["count", "missing", "rows", "shift", "in_scope", "failing"];
    match answer {
        Json::Object(members) => members.iter().filter(|(name, _)| !COUNTS.contains(&name.as_str())).any(|(name, member)| {
            if are_cells && name == "names" {
                return member.as_object().is_some_and(|names| names.keys().any(|name| is_it(name)));
            }
            is_it(name) || names(member, are_cells, is_it)
        }),
        Json::Array(items) => items.iter().any(|item| names(item, are_cells, is_it)),
        Json::String(text) if are_cells => {
            text.split_whitespace().any(|cell| is_it(cell.rsplit_once(':').map_or(cell, |(value, _)| value)))
        }
        Json::String(text) => is_it(text) || text.split([' ', ',', ':']).any(is_it),
        Json::Number(n) => is_it(&n.to_string()),
        Json::Bool(_) | Json::Null => false,
    }
}

fn replaced(text: &str, word: &str, in_quotes: bool) -> String {
    let is_inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let is_quote = |c: Option<char>| c.is_some_and(|c| matches!(c, '"' | '\'' | '`'));
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for (at, _) in text.match_indices(word) {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        let stands = if in_quotes { is_quote(before) && is_quote(after) } else { !is_inside(before) && !is_inside(after) };
        if at >= done && stands {
            out.push_str(&text[done..at]);
            out.push_str(HIDDEN);
            done = at + word.len();
        }
    }
    out + &text[done..]
}

/// A number as it is compared: 17, 17.0 and 1.7e1 are one. A text with zeros before it is none.
pub(super) fn number(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain =
        digits.starts_with(|c: char| c.is_ascii_digit()) && (!digits.starts_with('0') || digits.len() == 1 || digits.starts_with("0."));
    if !is_plain {
        return None;
    }
    if let Ok(integer) = text.parse::<i128>() {
        return Some(integer.to_string());
    }
    text.parse::<f64>().ok().filter(|x| x.is_finite()).map(|x| (x + 0.0).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_the_forms_that_it_is_written_in() {
        let privacy = Privacy::default();
        let sought = |value: &str| Sought::new(&[Key { column: "id".into(), value: value.into() }], &privacy).values.remove(0);
        let seventeen = sought("17");
        for same in [Json::from(17), Json::from(17.0), "17".into(), "17.0".into(), "17.00".into()] {
            assert!(seventeen.is_json(&same), "{same}");
        }
        for other in [Json::from(170), Json::from(1.7), "017".into(), "17 ".into(), Json::Null, Json::from(vec![17])] {
            assert!(!seventeen.is_json(&other), "{other}");
        }
        let large = sought("9007199254740993");
        assert!(large.is_json(&9_007_199_254_740_993_i64.into()) && !large.is_json(&9_007_199_254_740_992_i64.into()));
        assert!(sought("true").is_json(&true.into()) && sought("-0").is_json(&Json::from(0)));
        assert!(sought("ida@example.com").is_in(b"1,ida@example.com,2") && !seventeen.is_in(b"170,x17,17a"));
        assert_eq!(seventeen.hidden_in("`17` of 17, 170", true).as_deref(), Some("`***` of 17, 170"));
        assert_eq!(seventeen.hidden_in("`17` of 17, 170", false).as_deref(), Some("`***` of ***, 170"));
        assert_eq!(seventeen.hidden_in("170", false), None);
        let cells = |text: &str| serde_json::json!({ "cells": text, "missing": 17, "shift": 0 });
        assert!(seventeen.is_named_by("cells", &cells("16:1 17:2"), None) && !seventeen.is_named_by("cells", &cells("1.7:17"), None));
        let names = serde_json::json!({ "names": { "17": 3 } });
        assert!(seventeen.is_named_by("cells", &names, None));
        let day = sought("2026-01-01");
        assert!(day.is_named_by("extrema", &serde_json::json!({ "min": "20454", "max": "20500" }), Some(&DataType::Date32)));
        let moments = serde_json::json!({ "count": 17, "integers": ["35", "613"] });
        assert!(!seventeen.is_named_by("moments", &moments, None));
    }
}
