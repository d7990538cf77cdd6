//! A figure's value, and what it is counted in.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number, or a text where JSON has no number that is exact: dates, decimals, large integers.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// There is none, such as a share of no rows.
    #[default]
    Nothing,
    /// Of 64 bits, with a sign or without.
    Integer(i128),
    /// Never NaN; infinite ones are `"inf"` and `"-inf"` in JSON.
    Float(f64),
    Text(String),
}

impl Value {
    /// The value as a count.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(n) => u64::try_from(*n).ok(),
            Self::Nothing | Self::Float(_) | Self::Text(_) => None,
        }
    }

    /// The value as a float, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(x) => Some(*x),
            Self::Nothing | Self::Integer(_) | Self::Text(_) => None,
        }
    }

    /// The number that it is, if it is one, as a float.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(n) => Some(*n as f64),
            Self::Float(x) => Some(*x),
            Self::Text(text) => text.parse().ok().filter(|x: &f64| x.is_finite()),
            Self::Nothing => None,
        }
    }

    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Integer(n.into())
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Integer(n.into())
    }
}

impl From<usize> for Value {
    fn from(n: usize) -> Self {
        Self::Integer(n as i128)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        if x.is_nan() { Self::Nothing } else { Self::Float(x) }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Integer(n) => match (u64::try_from(*n), i64::try_from(*n)) {
                (Ok(n), _) => serializer.serialize_u64(n),
                (Err(_), Ok(n)) => serializer.serialize_i64(n),
                (Err(_), Err(_)) => serializer.collect_str(n),
            },
            Self::Float(x) if x.is_finite() => serializer.serialize_f64(*x),
            Self::Float(x) => serializer.collect_str(x),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number, a text or null")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Nothing)
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Value, E> {
                Ok(n.into())
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Value, E> {
                Ok(n.into())
            }
            fn visit_f64<E: de::Error>(self, x: f64) -> Result<Value, E> {
                Ok(x.into())
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(match text {
                    "inf" => Value::Float(f64::INFINITY),
                    "-inf" => Value::Float(f64::NEG_INFINITY),
                    text => text.into(),
                })
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number; text where JSON has no number that is exact, and for `inf` and `-inf`; null where there is none.",
            "type": ["number", "string", "null"]
        })
    }
}

/// What a value is counted in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Unit(Cow<'static, str>);

impl Unit {
    /// A number without a unit, such as a p-value.
    pub const NONE: Self = Self::new("");
    pub const ROWS: Self = Self::new("rows");
    pub const SHARE_OF_ROWS: Self = Self::new("share of rows");
    pub const GROUPS: Self = Self::new("groups");
    pub const FAILING_GROUPS: Self = Self::new("failing groups");
    pub const COLUMNS: Self = Self::new("columns");
    pub const RUNS: Self = Self::new("runs");
    pub const SECONDS: Self = Self::new("seconds");
    pub const INCOMPATIBLE_CHANGES: Self = Self::new("incompatible changes");
    pub const LARGEST_DIFFERENCE: Self = Self::new("largest difference of shares");
    /// Days, hours and the like.
    pub const PERIODS: Self = Self::new("periods");
    /// Different keys or values.
    pub const KEYS: Self = Self::new("keys");
    /// Whatever the column's own values are counted in.
    pub const OF_COLUMN: Self = Self::new("as the column's values");
    /// A date or time, RFC 3339.
    pub const TIME: Self = Self::new("time");
    pub const TYPE: Self = Self::new("type");
    pub const NAME: Self = Self::new("name");

    const fn new(unit: &'static str) -> Self {
        Self(Cow::Borrowed(unit))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it counts rows or such: a number of it is no value of a column.
    pub fn counts(&self) -> bool {
        const COUNTS: [Unit; 10] = [
            Unit::ROWS,
            Unit::SHARE_OF_ROWS,
            Unit::GROUPS,
            Unit::FAILING_GROUPS,
            Unit::COLUMNS,
            Unit::RUNS,
            Unit::INCOMPATIBLE_CHANGES,
            Unit::LARGEST_DIFFERENCE,
            Unit::KEYS,
            Unit::PERIODS,
        ];
        COUNTS.contains(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_json_as_they_were() {
        for (value, json) in [
            (Value::Nothing, "null"),
            (f64::NAN.into(), "null"),
            (5u64.into(), "5"),
            ((-5i64).into(), "-5"),
            (u64::MAX.into(), "18446744073709551615"),
            (5.0.into(), "5.0"),
            (f64::NEG_INFINITY.into(), "\"-inf\""),
            ("2026-11-22".into(), "\"2026-11-22\""),
        ] {
            assert_eq!(serde_json::to_string(&value).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<Value>(json).expect("a value"), value, "{json}");
        }
    }
}
