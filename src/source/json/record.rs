//! One record's tokens, and a scalar among them as values of Arrow's types.

use std::borrow::Cow;
use std::str::FromStr;

use arrow::datatypes::TimeUnit;

use super::digits::{exponential, is_in_range, whole};
use crate::json::{Token, TokenKind, text_of};
use crate::source::shape::kind::{ValueKind, number_text};
use crate::text;

/// One record's tokens, and why it could not be read, if so.
pub struct RecordTokens<'a> {
    pub text: &'a [u8],
    pub tokens: &'a [Token],
    /// Strings read as missing.
    pub missing: &'a [String],
    /// Offset in seconds for timestamps without one.
    pub timezone_seconds: Option<i32>,
    /// The first value that could not be read: its path and why.
    pub failure: Option<(String, String)>,
    /// A stack: for each object that is being read, which field each of its keys is; the innermost object last.
    pub matches: Vec<u32>,
}

/// A value that is no object and no array.
#[derive(Clone, Copy)]
pub struct Scalar<'a> {
    pub text: &'a [u8],
    pub token: &'a Token,
    pub kind: ValueKind,
}

impl<'a> Scalar<'a> {
    /// The value as it stands in the file.
    #[inline]
    pub fn raw(&self) -> &'a str {
        number_text(self.text, self.token)
    }

    fn is_integer(&self) -> bool {
        matches!(self.kind, ValueKind::Integer | ValueKind::WideInteger | ValueKind::BigInteger)
    }

    fn is_fraction(&self) -> bool {
        matches!(self.kind, ValueKind::Float | ValueKind::WideFloat)
    }

    /// Whether it is a number that may be a float: with no more digits before its point than a float holds exactly.
    #[inline]
    pub fn is_plain_number(&self) -> bool {
        matches!(self.kind, ValueKind::Integer | ValueKind::Float)
    }

    /// Whether it is a number that is surely within the range of floats.
    #[inline]
    pub fn is_in_range(&self) -> bool {
        is_in_range(self.raw())
    }

    #[inline]
    pub fn string(&self) -> Option<Cow<'a, str>> {
        (self.kind == ValueKind::String).then(|| text_of(self.text, self.token))
    }

    pub fn boolean(&self) -> Option<bool> {
        (self.kind == ValueKind::Boolean).then_some(self.token.kind == TokenKind::True)
    }

    /// An integer. With `also_whole`, `1.0` is one too, as JSON Schema has it.
    #[inline]
    pub fn integer<T: FromStr + TryFrom<i64>>(&self, also_whole: bool) -> Option<T> {
        if self.is_integer() {
            self.raw().parse().ok()
        } else if also_whole && self.is_fraction() {
            whole(self.raw()).and_then(|n| T::try_from(n).ok())
        } else {
            None
        }
    }

    /// A number as a float, rounded where it has more digits.
    #[inline]
    pub fn float(&self) -> Option<f64> {
        if self.is_integer() || self.is_fraction() { text::float(self.raw()) } else { None }
    }

    /// A number as a decimal, with all its digits.
    pub fn decimal(&self, precision: u8, scale: i8) -> Option<i128> {
        if !self.is_integer() && !self.is_fraction() {
            return None;
        }
        text::decimal(self.raw(), precision, scale).or_else(|| exponential(self.raw(), precision, scale))
    }

    /// A string as a date: in `format`, else as ISO 8601 writes it.
    pub fn date(&self, format: Option<&str>) -> Option<i32> {
        let string = self.string()?;
        match format {
            Some(format) => text::date_in(&string, format),
            None => text::date(&string),
        }
    }

    /// A string as a timestamp, counted in `unit`. One with an offset is none of a column without a zone.
    pub fn timestamp(&self, unit: TimeUnit, column_is_zoned: bool, format: Option<&str>, timezone_seconds: Option<i32>) -> Option<i64> {
        let string = self.string()?;
        let mut instant = match format {
            Some(format) => text::timestamp_in(&string, format)?,
            None => text::timestamp(&string)?,
        };
        if !instant.zoned {
            instant.seconds -= i64::from(timezone_seconds.unwrap_or(0));
        } else if !column_is_zoned {
            return None;
        }
        instant.in_unit(unit)
    }
}
