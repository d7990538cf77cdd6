//! How far a figure may be from the same figure of other data.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::{Decimal, Literal};
use crate::diagnostic::Misread;
use crate::yaml::misread;

/// A distance from a figure: `10%` of it, `2 points` from a share, `2.5` in the figure's own unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// As a share: 10% is 0.1.
    Relative(Decimal),
    /// As a share: 2 points are 0.02.
    Points(Decimal),
    Absolute(Decimal),
}

impl Change {
    /// How far from `figure` it reaches.
    pub fn reach(self, figure: f64) -> f64 {
        match self {
            Self::Relative(share) => share.as_f64() * figure.abs(),
            Self::Points(distance) | Self::Absolute(distance) => distance.as_f64(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative(share) => write!(f, "{}%", share.percent()),
            Self::Points(points) if points.percent() == Decimal::ONE => f.write_str("1 point"),
            Self::Points(points) => write!(f, "{} points", points.percent()),
            Self::Absolute(distance) => write!(f, "{distance}"),
        }
    }
}

impl std::str::FromStr for Change {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let wrong = || Misread::new(format!("`{text}` is no change")).hint("write `10%`, `2 points` or a number");
        let written = text.trim();
        let number = |text: &str| Decimal::parse(text.trim()).filter(|number| !number.is_negative()).ok_or_else(wrong);
        if let Some(points) = written.strip_suffix("points").or_else(|| written.strip_suffix("point")) {
            return Ok(Self::Points(number(&format!("{}%", points.trim()))?));
        }
        Ok(if written.ends_with('%') { Self::Relative(number(written)?) } else { Self::Absolute(number(written)?) })
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Literal::deserialize(deserializer)?.0.parse().map_err(misread)
    }
}

impl JsonSchema for Change {
    fn schema_name() -> Cow<'static, str> {
        "Change".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How far a figure may be from another: `10%` of that one, `2 points` from a share, or a number in its own unit.",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*(%|points?)?\s*$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_share_points_or_a_number() {
        let change = |text: &str| text.parse::<Change>().unwrap_or_else(|why| panic!("{why}"));
        assert_eq!([change("10%").reach(-30.0), change("2 points").reach(0.5), change("2.5").reach(9.0)], [3.0, 0.02, 2.5]);
        assert_eq!(["150 %", "1 point", "0.10"].map(|text| change(text).to_string()), ["150%", "1 point", "0.1"]);
        for text in ["-1%", "ten", "", "points", "5 rows", "%"] {
            assert!(text.parse::<Change>().is_err(), "{text}");
        }
    }
}
