//! Shares, tolerances, margins and sizes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::Deserializer;

use super::Literal;
use super::decimal::Decimal;
use crate::diagnostic::Misread;
use crate::yaml::misread;

/// A share that is no plain `0`, as text.
macro_rules! share {
    () => {
        r"(0*(100(\.0*)?|\d{1,2}(\.\d*)?|\.\d+)\s*%|0*\.\d+|0+\.)"
    };
}
macro_rules! rows {
    () => {
        r"(\d+\s*rows?)"
    };
}
const SHARE: &str = concat!(r"^\s*(0+|", share!(), r")\s*$");
const TOLERANCE: &str =
    concat!(r"^\s*(0|", share!(), "|", rows!(), "|", share!(), r"\s* and \s*", rows!(), "|", rows!(), r"\s* and \s*", share!(), r")\s*$");
const MARGIN: &str = r"^\s*((\d+(\.\d*)?|\.\d+)\s*points?|0*(\d{1,2}(\.\d*)?|\.\d+)\s*%)\s*$";
const BYTES: &str = r"^\s*(\d+(\.\d*)?|\.\d+)\s*([kKmMgGtT]?[iI]?[bB]?)\s*$";
const DURATION: &str = r"^\s*\d+\s*(s|m|min|h|d|w)\s*$";

/// A word read from a [`Literal`].
trait Word: Sized {
    const NAME: &'static str;
    const DESCRIPTION: &'static str;
    /// What [`Word::parse`] reads, as far as JSON Schema can say it.
    fn json_schema() -> Schema;
    fn parse(text: &str) -> Result<Self, Misread>;
}

macro_rules! words {
    ($($word:ty),*) => {$(
        impl<'de> Deserialize<'de> for $word {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let literal = Literal::deserialize(deserializer)?;
                <$word as Word>::parse(&literal.0).map_err(misread)
            }
        }
        impl JsonSchema for $word {
            fn schema_name() -> Cow<'static, str> {
                <$word as Word>::NAME.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = <$word as Word>::json_schema();
                schema.insert("description".into(), <$word as Word>::DESCRIPTION.into());
                schema
            }
        }
        impl std::str::FromStr for $word {
            type Err = Misread;
            fn from_str(text: &str) -> Result<Self, Misread> {
                <$word as Word>::parse(text)
            }
        }
    )*};
}
words!(Share, Tolerance, Margin, ByteSize, Duration);

/// A share between 0 and 1, exact: `1%`, `0.01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(Decimal);

impl Share {
    pub fn as_f64(self) -> f64 {
        self.0.as_f64()
    }

    /// The share as it is written.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether it is more than nothing and less than all.
    pub fn is_proper(self) -> bool {
        !self.0.is_zero() && self.0.compare(Decimal::ONE).is_lt()
    }

    /// Whether `part` of `whole` is more than this share; exact.
    pub fn is_exceeded_by(self, part: u64, whole: u64) -> bool {
        self.0.compare_share(part, whole).is_gt()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0.percent())
    }
}

impl Word for Share {
    const NAME: &'static str = "Share";
    const DESCRIPTION: &'static str = "A share: `1%` or `0.01`.";
    fn json_schema() -> Schema {
        json_schema!({ "anyOf": [
            { "type": "number", "minimum": 0, "exclusiveMaximum": 1 },
            { "type": "string", "pattern": SHARE },
        ]})
    }
    fn parse(text: &str) -> Result<Self, Misread> {
        let written = text.trim();
        let not_a_share = || Misread::new(format!("`{text}` is not a share")).hint("write `1%` or `0.01`");
        let share = Decimal::parse(written).filter(|_| !written.starts_with(['-', '+'])).ok_or_else(not_a_share)?;
        let over = share.compare(Decimal::ONE);
        if written.ends_with('%') && over.is_gt() {
            return Err(Misread::new(format!("`{text}` is more than the whole")).hint("a share is at most `100%`"));
        }
        // `5` may be five rows or 5 %: which, is for the writer to say.
        if !written.ends_with('%') && over.is_ge() {
            let rows = if over.is_eq() { "1 row".to_owned() } else { format!("{share} rows") };
            let percent = if over.is_eq() { Decimal::ONE.percent() } else { share };
            return Err(Misread::new(format!("`{text}` is not a share")).hint(format!("write `{percent}%` or `{rows}`")));
        }
        Ok(Self(share))
    }
}

/// How many failing rows may stay: `1%`, `0.01`, `10 rows`, `1% and 10 rows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tolerance {
    pub share: Option<Share>,
    pub rows: Option<u64>,
}

impl Tolerance {
    /// Nothing is tolerated.
    pub const NONE: Self = Self { share: None, rows: Some(0) };

    pub fn is_none(&self) -> bool {
        self.rows == Some(0) || self.share.is_some_and(|s| s.0.is_zero())
    }

    /// Whether `part` of `whole` rows is beyond what may stay: more than the share, or more than the rows.
    pub fn is_exceeded_by(&self, part: u64, whole: u64) -> bool {
        self.share.is_some_and(|s| s.is_exceeded_by(part, whole)) || self.rows.is_some_and(|r| part > r)
    }

    /// The same of the share alone, which is what a percentage is held against.
    pub fn has_share_below(&self, part: u64, whole: u64) -> bool {
        self.share.is_some_and(|s| s.is_exceeded_by(part, whole))
    }

    /// Whether some number of failing rows is beyond this and not beyond `limit`.
    pub fn comes_before(&self, limit: &Self) -> bool {
        let limit_share = limit.share.map_or(Decimal::ONE, Share::decimal);
        let by_share = self.share.is_some_and(|s| s.decimal().compare(limit_share).is_lt());
        let by_rows = self.rows.is_some_and(|r| limit.rows.is_none_or(|l| r < l));
        !limit.is_none() && (by_share || by_rows)
    }

    /// Whether `part` of `whole` rows is above every limit given: more than the share *and* more than the rows.
    pub fn is_fully_exceeded_by(&self, part: u64, whole: u64) -> bool {
        self.share.is_none_or(|s| s.is_exceeded_by(part, whole)) && self.rows.is_none_or(|r| part > r)
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = self.share.map(|s| s.to_string());
        let rows = self.rows.map(|r| if r == 1 { "1 row".into() } else { format!("{r} rows") });
        match (share, rows) {
            (Some(share), Some(rows)) => write!(f, "{share} and {rows}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(&one),
            (None, None) => f.write_str("any"),
        }
    }
}

impl Word for Tolerance {
    const NAME: &'static str = "Tolerance";
    const DESCRIPTION: &'static str = "A share or a count of rows, or both: `1%`, `0.01`, `10 rows`, `1% and 10 rows`.";
    fn json_schema() -> Schema {
        json_schema!({ "anyOf": [
            { "type": "number", "minimum": 0, "exclusiveMaximum": 1 },
            { "type": "string", "pattern": TOLERANCE },
        ]})
    }
    fn parse(text: &str) -> Result<Self, Misread> {
        let mut tolerance = Self { share: None, rows: None };
        for part in text.split(" and ") {
            let part = part.trim();
            let rows = part.strip_suffix("rows").or_else(|| part.strip_suffix("row"));
            let again = match rows {
                Some(count) => {
                    let count = count.trim().parse().map_err(|_| format!("`{part}` is not a count of rows"))?;
                    tolerance.rows.replace(count).is_some()
                }
                None if part == "0" => tolerance.rows.replace(0).is_some(),
                None => tolerance.share.replace(Share::parse(part)?).is_some(),
            };
            if again {
                return Err(format!("`{text}` gives the same kind of limit twice").into());
            }
        }
        Ok(tolerance)
    }
}

/// A distance from a reference share: `5 points` (absolute) or `20%` (relative to the reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Margin {
    /// As a share: 5 points are 0.05.
    Points(Decimal),
    Relative(Decimal),
}

impl Margin {
    /// Whether it is less than `limit`; of different kinds that depends on the reference.
    pub fn comes_before(self, limit: Self) -> bool {
        match (self, limit) {
            (Self::Points(ours), Self::Points(limit)) | (Self::Relative(ours), Self::Relative(limit)) => ours.compare(limit).is_lt(),
            (Self::Points(_), Self::Relative(_)) | (Self::Relative(_), Self::Points(_)) => true,
        }
    }

    /// How far from `reference` it reaches.
    pub fn reach(self, reference: f64) -> f64 {
        match self {
            Self::Points(points) => points.as_f64(),
            Self::Relative(share) => share.as_f64() * reference,
        }
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Points(points) if points.percent() == Decimal::ONE => f.write_str("1 point"),
            Self::Points(points) => write!(f, "{} points", points.percent()),
            Self::Relative(share) => write!(f, "{}% of the reference", share.percent()),
        }
    }
}

impl Word for Margin {
    const NAME: &'static str = "Margin";
    const DESCRIPTION: &'static str = "A distance from a share: `5 points` (absolute) or `20%` (of the reference).";
    fn json_schema() -> Schema {
        json_schema!({ "type": "string", "pattern": MARGIN })
    }
    fn parse(text: &str) -> Result<Self, Misread> {
        let wrong = || Misread::new(format!("`{text}` is not a margin")).hint("write `5 points` or `20%`");
        let text = text.trim();
        let share = |number: &str| Decimal::parse(&format!("{}%", number.trim())).filter(|d| !d.is_negative()).ok_or_else(wrong);
        if let Some(points) = text.strip_suffix("points").or_else(|| text.strip_suffix("point")) {
            return Ok(Self::Points(share(points)?));
        }
        let relative = share(text.strip_suffix('%').ok_or_else(wrong)?)?;
        if relative.compare(Decimal::ONE).is_ge() {
            return Err(Misread::new(format!("`{text}` of the reference reaches 0")).hint("write less than `100%`, or `points`"));
        }
        Ok(Self::Relative(relative))
    }
}

/// A size in bytes: `512MB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl Word for ByteSize {
    const NAME: &'static str = "ByteSize";
    const DESCRIPTION: &'static str = "A size: `512MB`, `1GiB`, or a number of bytes.";
    fn json_schema() -> Schema {
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": BYTES }] })
    }
    fn parse(text: &str) -> Result<Self, Misread> {
        let wrong = || Misread::new(format!("`{text}` is not a size")).hint("write `512MB` or `1GiB`");
        let text_trim = text.trim();
        let split = text_trim.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text_trim.len());
        let (number, unit) = text_trim.split_at(split);
        let number = Decimal::parse(number).ok_or_else(wrong)?;
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return Err(wrong()),
        };
        number.times(factor).and_then(|bytes| u64::try_from(bytes).ok()).map(Self).ok_or_else(wrong)
    }
}

/// A stretch of time: `90s`, `15m`, `36h`, `7d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration {
    pub seconds: i64,
}

impl fmt::Display for Duration {
    /// In whole units, the two largest that are not zero: `36h`, `4d 15h`, `36h 1s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.seconds.unsigned_abs();
        let mut parts = Vec::new();
        // Up to three days are told in hours, as people write limits.
        for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")] {
            let in_hours = unit == 86_400 && rest < 3 * unit && !rest.is_multiple_of(unit);
            if rest >= unit && !in_hours {
                parts.push(format!("{}{name}", rest / unit));
                rest %= unit;
            }
        }
        parts.truncate(2);
        let text = if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") };
        write!(f, "{}{text}", if self.seconds < 0 { "-" } else { "" })
    }
}

impl Word for Duration {
    const NAME: &'static str = "Duration";
    const DESCRIPTION: &'static str = "A stretch of time: `90s`, `15m`, `36h`, `7d`, `2w`.";
    fn json_schema() -> Schema {
        json_schema!({ "type": "string", "pattern": DURATION })
    }
    fn parse(text: &str) -> Result<Self, Misread> {
        let wrong = || Misread::new(format!("`{text}` is not a stretch of time")).hint("write `90s`, `15m`, `36h`, `7d` or `2w`");
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = trimmed.split_at(split);
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let unit = match unit.trim() {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return Err(wrong()),
        };
        number.checked_mul(unit).map(|seconds| Self { seconds }).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_and_refuse_bare_counts() {
        let one: Share = "1%".parse().expect("share");
        assert!(!one.is_exceeded_by(3, 300));
        assert!(one.is_exceeded_by(4, 300));
        assert_eq!("0.01".parse::<Share>().expect("share").as_f64(), 0.01);
        assert!("1".parse::<Share>().expect_err("bare").to_string().contains("write `100%` or `1 row`"));
        assert!("101%".parse::<Share>().is_err());
        assert!("-1%".parse::<Share>().is_err());
    }

    #[test]
    fn tolerances_hold_both_limits_and_rejection_needs_both() {
        let both: Tolerance = "1% and 10 rows".parse().expect("tolerance");
        assert!(both.is_exceeded_by(11, 10_000));
        assert!(both.is_exceeded_by(2, 100));
        assert!(!both.is_exceeded_by(1, 100));
        let display = |text: &str| text.parse::<Tolerance>().expect("tolerance").to_string();
        assert_eq!([display("7%"), display("0.07 and 1 rows"), display("5.60%")], ["7%", "7% and 1 row", "5.6%"]);
        let above: Tolerance = "5% and 20 rows".parse().expect("tolerance");
        assert!(!above.is_fully_exceeded_by(6, 100));
        assert!(above.is_fully_exceeded_by(21, 100));
    }

    #[test]
    fn durations() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("36h", 129_600), ("7d", 604_800), ("2w", 1_209_600)] {
            assert_eq!(text.parse(), Ok(Duration { seconds }));
        }
        assert!("36".parse::<Duration>().is_err());
        assert_eq!([90, 129_600, 400_000, -7200].map(|seconds| Duration { seconds }.to_string()), ["1m 30s", "36h", "4d 15h", "-2h"]);
    }

    #[test]
    fn margins_and_sizes() {
        let margin = |text: &str| text.parse::<Margin>().unwrap_or_else(|why| panic!("{why}"));
        assert_eq!([margin("5 points").reach(0.3), margin("20%").reach(0.3)], [0.05, 0.2 * 0.3]);
        assert_eq!(
            ["7%", "1 point", "5.60 points", ".5 points"].map(|t| margin(t).to_string()),
            ["7% of the reference", "1 point", "5.6 points", "0.5 points"]
        );
        for text in ["100%", "-1 points", "5", "points", "%", "five points"] {
            assert!(text.parse::<Margin>().is_err(), "{text}");
        }
        assert_eq!("1.1GB".parse::<ByteSize>(), Ok(ByteSize(1_100_000_000)));
        assert!("99999999999TB".parse::<ByteSize>().is_err());
        assert_eq!("512MB".parse::<ByteSize>(), Ok(ByteSize(512_000_000)));
        assert_eq!("1GiB".parse::<ByteSize>(), Ok(ByteSize(1 << 30)));
    }
}
