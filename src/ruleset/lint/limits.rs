//! Limits of `range` and `length`, as far as they are numbers or days.

use chrono::{Datelike, NaiveDate};

use super::{Types, columns, text};
use crate::ruleset::RuleItem;
use crate::types::is_text;
use crate::yaml::Value;

/// From where to where values pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    pub low: f64,
    /// Whether the lower limit itself passes.
    pub has_low: bool,
    pub high: f64,
    pub has_high: bool,
}

impl Limits {
    /// The limits of a rule; none if one of them can be no number, or stands for text, which is compared otherwise.
    pub(super) fn of(types: &Types, item: &RuleItem) -> Option<Self> {
        let kind = match item.entry.name {
            // It limits numbers of characters.
            "length" => Kind::Whole,
            _ => Kind::of(types, item),
        };
        let mut limits = Self { low: f64::NEG_INFINITY, has_low: true, high: f64::INFINITY, has_high: true };
        for (key, is_low, passes) in [("min", true, true), ("above", true, false), ("max", false, true), ("below", false, false)] {
            let Some(written) = text(item, key) else { continue };
            let value = number(written).filter(|_| kind.compares_numbers(item, key))?;
            match is_low {
                true if value >= limits.low => (limits.low, limits.has_low) = (value, passes),
                false if value <= limits.high => (limits.high, limits.has_high) = (value, passes),
                true | false => {}
            }
        }
        Some(if kind == Kind::Whole { limits.of_whole_numbers() } else { limits })
    }

    /// The same, closed: between two whole numbers no other lies.
    fn of_whole_numbers(self) -> Self {
        let low = if self.has_low { self.low.ceil() } else { self.low.floor() + 1.0 };
        let high = if self.has_high { self.high.floor() } else { self.high.ceil() - 1.0 };
        Self { low, has_low: true, high, has_high: true }
    }

    /// Whether no value passes both.
    pub(super) fn exclude(&self, other: &Self) -> bool {
        self.lie_below(other) || other.lie_below(self)
    }

    fn lie_below(&self, other: &Self) -> bool {
        self.high < other.low || self.high == other.low && !(self.has_high && other.has_low)
    }

    /// Whether all that passes the other passes this one.
    pub(super) fn hold(&self, other: &Self) -> bool {
        let low = self.low < other.low || self.low == other.low && (self.has_low || !other.has_low);
        let high = self.high > other.high || self.high == other.high && (self.has_high || !other.has_high);
        low && high
    }

    pub(super) fn has(&self, value: f64) -> bool {
        self.hold(&Self { low: value, has_low: true, high: value, has_high: true })
    }
}

/// What the contract says of a rule's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Whole,
    Other,
    /// The contract gives no type, or several kinds.
    Unknown,
}

impl Kind {
    fn of(types: &Types, item: &RuleItem) -> Self {
        let kind = |name: &str| match types.get(name).and_then(Option::as_ref) {
            None => Self::Unknown,
            Some(data_type) if is_text(data_type) => Self::Text,
            Some(data_type) if data_type.is_integer() => Self::Whole,
            Some(_) => Self::Other,
        };
        let mut kinds = columns(item).into_iter().map(kind);
        let first = kinds.next().unwrap_or(Self::Unknown);
        if kinds.all(|kind| kind == first) { first } else { Self::Unknown }
    }

    /// Whether the limit is a number for sure: in quotes it may be text.
    fn compares_numbers(self, item: &RuleItem, key: &str) -> bool {
        let is_quoted = item.config.get(key).is_some_and(|entry| matches!(entry.value.value, Value::Scalar { quoted: true, .. }));
        match self {
            Self::Text => false,
            Self::Whole | Self::Other => true,
            Self::Unknown => !is_quoted || text(item, key).is_some_and(|written| written.parse::<NaiveDate>().is_ok()),
        }
    }
}

/// A number, or a day as its number.
pub(super) fn number(written: &str) -> Option<f64> {
    if let Ok(day) = written.parse::<NaiveDate>() {
        return Some(f64::from(day.num_days_from_ce()));
    }
    written.parse::<f64>().ok().filter(|value| !value.is_nan())
}
