//! How far a value may be from the one that it is compared with.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::Misread;
use crate::metric::Number;
use crate::rules::words::{Decimal, Duration, Literal};
use crate::yaml::misread;

/// A distance: `0.01` in the column's own unit, `1%` of the other value, `5s` between times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Apart {
    Absolute(Decimal),
    /// As a share: 1% is 0.01.
    Relative(Decimal),
    Time(Duration),
}

impl Apart {
    /// Whether `there` and `here` are no further apart than this: |here − there| ≤ d, or ≤ r·|there|. Integers and decimals are
    /// compared exactly, floats as floats are. Of times, both are nanoseconds.
    pub fn holds(self, there: Number, here: Number) -> bool {
        match (self, there, here) {
            (Self::Time(duration), Number::Int { value: there, .. }, Number::Int { value: here, .. }) => {
                (here - there).abs() <= i128::from(duration.seconds) * 1_000_000_000
            }
            (Self::Absolute(limit), Number::Int { value: there, scale: of_there }, Number::Int { value: here, scale: of_here }) => {
                difference((there, of_there), (here, of_here))
                    .map_or_else(|| is_near(number(there, of_there), number(here, of_here), limit.as_f64()), |d| !d.compare(limit).is_gt())
            }
            (Self::Absolute(limit), there, here) => is_near(there.as_f64(), here.as_f64(), limit.as_f64()),
            (Self::Relative(share), Number::Int { value: there, scale: of_there }, Number::Int { value: here, scale: of_here }) => {
                let distance = || {
                    let digits = share.digits().checked_mul(there.checked_abs()?)?;
                    Decimal::new(digits, i32::try_from(share.scale()).ok()?.checked_add(of_there.into())?)
                };
                match difference((there, of_there), (here, of_here)).zip(distance()) {
                    Some((difference, distance)) => !difference.compare(distance).is_gt(),
                    None => {
                        let there = number(there, of_there);
                        is_near(there, number(here, of_here), share.as_f64() * there.abs())
                    }
                }
            }
            (Self::Relative(share), there, here) => {
                let there = there.as_f64();
                is_near(there, here.as_f64(), share.as_f64() * there.abs())
            }
            (Self::Time(_), _, _) => false,
        }
    }
}

/// |here − there|, each with its scale; none where that does not fit.
fn difference((there, of_there): (i128, i8), (here, of_here): (i128, i8)) -> Option<Decimal> {
    let scale = of_there.max(of_here);
    let lift = |value: i128, from: i8| value.checked_mul(10i128.checked_pow(u32::from(scale.abs_diff(from)))?);
    Decimal::new(lift(here, of_here)?.checked_sub(lift(there, of_there)?)?.checked_abs()?, scale.into())
}

fn number(value: i128, scale: i8) -> f64 {
    Number::Int { value, scale }.as_f64()
}

/// Infinities are near themselves alone.
fn is_near(there: f64, here: f64, distance: f64) -> bool {
    there == here || (there.is_finite() && here.is_finite() && (here - there).abs() <= distance)
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(distance) => write!(f, "{distance}"),
            Self::Relative(share) => write!(f, "{}%", share.percent()),
            Self::Time(duration) => write!(f, "{duration}"),
        }
    }
}

impl std::str::FromStr for Apart {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let wrong = || Misread::new(format!("`{text}` is no tolerance")).hint("write `0.01`, `1%`, or `5s` for times");
        let written = text.trim();
        if let Ok(duration) = written.parse::<Duration>() {
            return Ok(Self::Time(duration));
        }
        let number = Decimal::parse(written).filter(|number| !number.is_negative()).ok_or_else(wrong)?;
        Ok(if written.ends_with('%') { Self::Relative(number) } else { Self::Absolute(number) })
    }
}

impl<'de> Deserialize<'de> for Apart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Literal::deserialize(deserializer)?.0.parse().map_err(misread)
    }
}

impl JsonSchema for Apart {
    fn schema_name() -> Cow<'static, str> {
        "Apart".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How far a value may be from the other: `0.01` in its own unit, `1%` of the other value, `5s` between times.",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^\s*((\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*%?|\d+\s*(s|m|min|h|d|w))\s*$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(text: &str) -> Apart {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    fn decimal(value: i128, scale: i8) -> Number {
        Number::Int { value, scale }
    }

    #[test]
    fn a_tolerance_is_a_number_a_share_or_a_stretch_of_time() {
        assert_eq!(["0.010", "1e-9", "2.5 %", "5s", "0"].map(|text| apart(text).to_string()), ["0.01", "0.000000001", "2.5%", "5s", "0"]);
        for text in ["-1", "ten", "", "5 rows", "%"] {
            assert!(text.parse::<Apart>().is_err(), "{text}");
        }
    }

    #[test]
    fn decimals_are_held_against_a_tolerance_exactly_and_floats_as_floats() {
        // 1.01 - 1.00 is 0.01, and 0.010000000000000009 as floats.
        assert!(apart("0.01").holds(decimal(100, 2), decimal(101, 2)) && !apart("0.01").holds(decimal(1000, 3), decimal(1011, 3)));
        assert!(apart("0.01").holds(decimal(1, 0), decimal(99, 2)));
        assert!(!apart("0.01").holds(Number::Float(1.0), Number::Float(1.01)));
        assert!(apart("0.02").holds(Number::Float(1.0), Number::Float(1.01)));
        // Of the value there: 1% of 100 is 1, and 1% of 99 is less.
        assert!(apart("1%").holds(decimal(100, 0), decimal(99, 0)) && !apart("1%").holds(decimal(99, 0), decimal(100, 0)));
        // As floats, 1.01 - 1.00 is more than 1% of 1.00.
        assert!(apart("1%").holds(decimal(100, 2), decimal(10100, 4)) && !apart("1%").holds(decimal(100, 2), decimal(10101, 4)));
        assert!(apart("0.5%").holds(decimal(-2000, 1), decimal(-201, 0)) && !apart("0.5%").holds(decimal(-2000, 1), decimal(-2011, 1)));
        assert!(!apart("10%").holds(decimal(0, 0), Number::Float(1e-300)));
        let (up, down) = (Number::Float(f64::INFINITY), Number::Float(f64::NEG_INFINITY));
        assert!(apart("1").holds(up, up) && !apart("1").holds(up, down) && !apart("10%").holds(up, Number::Float(1.0)));
        assert!(
            apart("5s").holds(decimal(0, 0), decimal(5_000_000_000, 0)) && !apart("5s").holds(decimal(0, 0), decimal(5_000_000_001, 0))
        );
        assert!(!apart("1").holds(decimal(i128::MAX, 0), decimal(i128::MIN, 0)));
    }
}
