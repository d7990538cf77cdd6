//! Limits of `range` and `length`, as far as they are numbers or days.

use chrono::{Datelike, NaiveDate};

use super::text;
use crate::ruleset::RuleItem;

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
    /// The limits of a rule; none if one of them can be no number.
    pub(super) fn of(item: &RuleItem) -> Option<Self> {
        let mut limits = Self { low: f64::NEG_INFINITY, has_low: true, high: f64::INFINITY, has_high: true };
        for (key, is_low, passes) in [("min", true, true), ("above", true, false), ("max", false, true), ("below", false, false)] {
            let Some(written) = text(item, key) else { continue };
            let value = number(written)?;
            match is_low {
                true if value >= limits.low => (limits.low, limits.has_low) = (value, passes),
                false if value <= limits.high => (limits.high, limits.has_high) = (value, passes),
                true | false => {}
            }
        }
        Some(limits)
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

/// A number, or a day as its number.
pub(super) fn number(written: &str) -> Option<f64> {
    if let Ok(day) = written.parse::<NaiveDate>() {
        return Some(f64::from(day.num_days_from_ce()));
    }
    written.parse::<f64>().ok().filter(|value| !value.is_nan())
}
