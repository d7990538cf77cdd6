//! Cells as text.

use std::borrow::Cow;

use calamine::{CellErrorType, Data, DataRef, ExcelDateTime};
use chrono::{NaiveDateTime, Timelike};

/// A cell of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Empty,
    Text(Cow<'a, str>),
    Number(f64),
    Integer(i64),
    Bool(bool),
    Time(ExcelDateTime),
    /// A date, a time or a duration as ISO 8601 writes it.
    Iso(String),
    Error(CellErrorType),
    /// A formula whose value was never computed.
    Uncomputed,
}

/// Floats hold every integer up to here.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

impl<'a> From<DataRef<'a>> for Cell<'a> {
    fn from(data: DataRef<'a>) -> Self {
        match data {
            DataRef::Empty => Self::Empty,
            DataRef::Int(value) => Self::Integer(value),
            DataRef::Float(value) => Self::Number(value),
            DataRef::String(text) => Self::Text(text.into()),
            DataRef::SharedString(text) => Self::Text(text.into()),
            DataRef::Bool(value) => Self::Bool(value),
            DataRef::DateTime(time) => Self::Time(time),
            DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Self::Iso(text),
            DataRef::Error(error) => Self::Error(error),
        }
    }
}

impl<'a> From<&'a Data> for Cell<'a> {
    fn from(data: &'a Data) -> Self {
        match data {
            Data::Empty => Self::Empty,
            Data::Int(value) => Self::Integer(*value),
            Data::Float(value) => Self::Number(*value),
            Data::String(text) => Self::Text(text.as_str().into()),
            Data::Bool(value) => Self::Bool(*value),
            Data::DateTime(time) => Self::Time(*time),
            Data::DateTimeIso(text) | Data::DurationIso(text) => Self::Iso(text.clone()),
            Data::Error(error) => Self::Error(error.clone()),
        }
    }
}

impl Cell<'_> {
    /// Whether there is nothing in it.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.is_empty(),
            Self::Uncomputed | Self::Number(_) | Self::Integer(_) | Self::Bool(_) | Self::Time(_) | Self::Iso(_) | Self::Error(_) => false,
        }
    }

    /// Its value as text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Empty | Self::Uncomputed => String::new(),
            Self::Text(text) => text.clone().into_owned(),
            Self::Number(value) if value.fract() == 0.0 && value.abs() < EXACT_MAX => format!("{value:.0}"),
            Self::Number(value) if value.abs() >= EXACT_MAX => format!("{value:e}"),
            Self::Number(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Time(time) => shown(*time).unwrap_or_else(|| time.as_f64().to_string()),
            Self::Iso(text) => clock(text).unwrap_or_else(|| text.clone()),
            Self::Error(error) => error.to_string(),
        }
    }

    /// The same as a field of delimited text.
    pub(super) fn field(&self) -> String {
        if let Self::Text(text) = self
            && !text.is_empty()
        {
            return field(text);
        }
        self.text()
    }

    /// Why it has no value, though it is not empty.
    pub(super) fn wrong(&self) -> Option<String> {
        match self {
            Self::Error(error) => Some(format!("is the error {error}")),
            Self::Uncomputed => Some("is a formula without a value: open the workbook in a spreadsheet program and save it".to_owned()),
            Self::Time(time) if shown(*time).is_none() => Some(format!("is a date that there is not: {}", time.as_f64())),
            Self::Empty | Self::Text(_) | Self::Number(_) | Self::Integer(_) | Self::Bool(_) | Self::Time(_) | Self::Iso(_) => None,
        }
    }
}

/// A field between quotes.
pub(super) fn field(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A date, a date with a time, or hours, minutes and seconds of a time of day or a duration.
fn shown(time: ExcelDateTime) -> Option<String> {
    if time.is_duration() || (0.0..1.0).contains(&time.as_f64()) {
        let millis = (time.as_f64() * 86_400_000.0).round();
        return (millis.abs() < EXACT_MAX).then(|| hours(millis as i64));
    }
    time.as_datetime().map(date)
}

fn date(time: NaiveDateTime) -> String {
    let form = match (time.num_seconds_from_midnight(), time.nanosecond()) {
        (0, 0) => "%Y-%m-%d",
        (_, 0) => "%Y-%m-%dT%H:%M:%S",
        _ => "%Y-%m-%dT%H:%M:%S%.3f",
    };
    time.format(form).to_string()
}

fn hours(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:03}") };
    format!("{sign}{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `PT08H30M00S`, as OpenDocument writes times, as `08:30:00`.
fn clock(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds = rest.strip_suffix('S')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) =
        seconds.split_once(['.', ',']).map_or((seconds, ""), |(whole, fraction)| (whole, fraction.trim_end_matches('0')));
    let is_clock = [hours, minutes, whole].into_iter().all(is_number) && (fraction.is_empty() || is_number(fraction));
    let point = if fraction.is_empty() { "" } else { "." };
    is_clock.then(|| format!("{hours:0>2}:{minutes:0>2}:{whole:0>2}{point}{fraction}"))
}

/// What a person calls the cell: `B7`.
pub(super) fn address(row: u32, column: u32) -> String {
    let (mut letters, mut rest) = (Vec::new(), column + 1);
    while rest > 0 {
        letters.push(b'A' + ((rest - 1) % 26) as u8);
        rest = (rest - 1) / 26;
    }
    letters.reverse();
    format!("{}{}", String::from_utf8_lossy(&letters), u64::from(row) + 1)
}

/// Columns in which a sheet has cells that are not blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub first_column: u32,
    last_column: u32,
}

impl Extent {
    pub(super) fn of(column: u32) -> Self {
        Self { first_column: column, last_column: column }
    }

    pub(super) fn with(self, column: u32) -> Self {
        Self { first_column: self.first_column.min(column), last_column: self.last_column.max(column) }
    }

    pub(super) fn width(self) -> usize {
        (self.last_column - self.first_column) as usize + 1
    }

    /// Which of the columns, from 0, it is.
    pub(super) fn index(self, column: u32) -> usize {
        (column - self.first_column) as usize
    }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn values_are_written_without_a_loss() {
        let number = |value: f64| Cell::Number(value).text();
        assert_eq!([17.0, -0.5, 0.1, 1e300, 9_007_199_254_740_993.0].map(number), ["17", "-0.5", "0.1", "1e300", "9.007199254740992e15"]);
        let time = |value: f64, kind| Cell::Time(ExcelDateTime::new(value, kind, false)).text();
        // 2026-11-27 is the day 46,353 of Excel: =DATEVALUE("2026-11-27").
        assert_eq!(time(46_353.0, ExcelDateTimeType::DateTime), "2026-11-27");
        assert_eq!(time(46_353.75, ExcelDateTimeType::DateTime), "2026-11-27T18:00:00");
        assert_eq!(time(0.354_166_666_666_667, ExcelDateTimeType::DateTime), "08:30:00");
        assert_eq!(time(1.5, ExcelDateTimeType::TimeDelta), "36:00:00");
        assert_eq!(Cell::Iso("PT08H30M00.500S".into()).text(), "08:30:00.5");
        assert_eq!(Cell::Text("a \"b\"".into()).field(), "\"a \"\"b\"\"\"");
        assert_eq!([address(6, 1), address(0, 25), address(0, 26), address(9, 16_383)], ["B7", "Z1", "AA1", "XFD10"]);
    }
}
