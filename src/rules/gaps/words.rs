//! How long periods are, and which may be without a row.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::Misread;
use crate::metric::periods::{Calendar, Every};
use crate::rules::words::Literal;
use crate::yaml::misread;

/// `1h`, `1d`, `1 week`, `3 months`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EveryWord(pub Every);

/// Names of units, seconds or months of each.
const UNITS: [(&[&str], Every); 7] = [
    (&["s", "second", "seconds"], Every::Seconds(1)),
    (&["m", "minute", "minutes"], Every::Seconds(60)),
    (&["h", "hour", "hours"], Every::Seconds(3600)),
    (&["d", "day", "days"], Every::Seconds(86_400)),
    (&["w", "week", "weeks"], Every::Seconds(7 * 86_400)),
    (&["mo", "month", "months"], Every::Months(1)),
    (&["y", "year", "years"], Every::Months(12)),
];

impl<'de> Deserialize<'de> for EveryWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Literal::deserialize(deserializer)?.0;
        let wrong = || misread(Misread::new(format!("`{text}` is no period of time")).hint("write such as `1h`, `1d`, `1w` or `1mo`"));
        let digits = text.trim().bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.trim().split_at(digits);
        let of_unit = UNITS.iter().find(|(names, _)| names.contains(&unit.trim_start()));
        match (number.parse::<i64>(), of_unit) {
            (Ok(n @ 1..=999_999), Some((_, each))) if !number.starts_with('0') => Ok(Self(match each {
                Every::Seconds(seconds) => Every::Seconds(n * seconds),
                Every::Months(months) => Every::Months(n * months),
            })),
            _ => Err(wrong()),
        }
    }
}

impl JsonSchema for EveryWord {
    fn schema_name() -> Cow<'static, str> {
        "Every".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = UNITS.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        json_schema!({
            "description": "A period of time, such as `1h`, `1d`, `1w`, `1mo`.",
            "type": "string",
            "pattern": format!(r"^\s*[1-9]\d{{0,5}}\s*({})\s*$", names.join("|"))
        })
    }
}

/// Days or hours that may be without a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    Weekday(Weekday),
    /// Both days among them.
    Dates(NaiveDate, NaiveDate),
    /// Month and day.
    EachYear(u32, u32),
    /// From the first to before the second; over midnight where it is earlier.
    Hours(NaiveTime, NaiveTime),
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Mon),
    ("tuesday", Weekday::Tue),
    ("wednesday", Weekday::Wed),
    ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri),
    ("saturday", Weekday::Sat),
    ("sunday", Weekday::Sun),
];

impl Allowed {
    fn read(text: &str) -> Option<Self> {
        let date = |text: &str| (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
        let time = |text: &str| (text.len() == 5).then(|| NaiveTime::parse_from_str(text, "%H:%M").ok()).flatten();
        if let Some((_, weekday)) = WEEKDAYS.iter().find(|(name, _)| *name == text) {
            return Some(Self::Weekday(*weekday));
        }
        if let Some((from, to)) = text.split_once("..") {
            return match (date(from), date(to), time(from), time(to)) {
                (Some(from), Some(to), ..) if from <= to => Some(Self::Dates(from, to)),
                (_, _, Some(from), Some(to)) if from != to => Some(Self::Hours(from, to)),
                _ => None,
            };
        }
        if let Some(day) = date(text) {
            return Some(Self::Dates(day, day));
        }
        // 2024 has every day that any year has.
        let each_year = (text.len() == 5).then(|| NaiveDate::parse_from_str(&format!("2024-{text}"), "%Y-%m-%d").ok()).flatten()?;
        Some(Self::EachYear(each_year.month(), each_year.day()))
    }

    fn has_day(self, day: NaiveDate) -> bool {
        match self {
            Self::Weekday(weekday) => day.weekday() == weekday,
            Self::Dates(from, to) => (from..=to).contains(&day),
            Self::EachYear(month, of_month) => (day.month(), day.day()) == (month, of_month),
            Self::Hours(..) => false,
        }
    }

    fn has_time(self, time: NaiveTime) -> bool {
        match self {
            Self::Hours(from, to) if from < to => from <= time && time < to,
            Self::Hours(from, to) => time >= from || time < to,
            Self::Weekday(_) | Self::Dates(..) | Self::EachYear(..) => false,
        }
    }

    /// Whether some of `allowed` let the period be without a row: all its days, or the time at which it begins.
    pub(super) fn any(allowed: &[Self], calendar: &Calendar, period: i64) -> bool {
        let Some((first, last)) = calendar.days(period) else { return false };
        let Some((begin, _)) = calendar.begin(period) else { return false };
        let mut days = first.iter_days().take_while(|day| *day <= last);
        days.all(|day| allowed.iter().any(|allowed| allowed.has_day(day))) || allowed.iter().any(|allowed| allowed.has_time(begin.time()))
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Literal::deserialize(deserializer)?.0;
        let hint = "write such as `sunday`, `2026-12-25`, `12-25` (each year), `2026-12-24..2026-12-26` or `22:00..06:00`";
        Self::read(text.trim()).ok_or_else(|| misread(Misread::new(format!("`{text}` names no days or hours")).hint(hint)))
    }
}

impl JsonSchema for Allowed {
    fn schema_name() -> Cow<'static, str> {
        "Allowed".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (month_day, time) = (r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", r"([01]\d|2[0-3]):[0-5]\d");
        let date = format!(r"\d{{4}}-{month_day}");
        let weekdays: Vec<&str> = WEEKDAYS.iter().map(|(name, _)| *name).collect();
        json_schema!({
            "description": "Days or hours: `sunday`, `2026-12-25`, `12-25` (each year), `2026-12-24..2026-12-26`, `22:00..06:00`.",
            "type": "string",
            "pattern": format!(r"^\s*({}|{date}|{month_day}|{date}\.\.{date}|{time}\.\.{time})\s*$", weekdays.join("|"))
        })
    }
}
