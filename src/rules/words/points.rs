//! Distances between shares, in points alone.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::{Decimal, Literal};
use crate::diagnostic::Misread;
use crate::yaml::misread;

/// A distance between two shares: `5 points`. As a share: 0.05.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Points(Decimal);

impl Points {
    pub fn as_f64(self) -> f64 {
        self.0.as_f64()
    }

    /// Whether it is less than `limit`.
    pub fn comes_before(self, limit: Self) -> bool {
        self.0.compare(limit.0).is_lt()
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.0.percent() == Decimal::ONE { "point" } else { "points" };
        write!(f, "{} {unit}", self.0.percent())
    }
}

impl std::str::FromStr for Points {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let wrong = || Misread::new(format!("`{text}` is no distance between shares")).hint("write `5 points`");
        let written = text.trim();
        let number = written.strip_suffix("points").or_else(|| written.strip_suffix("point")).ok_or_else(wrong)?;
        Decimal::parse(&format!("{}%", number.trim())).filter(|points| !points.is_negative()).map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Literal::deserialize(deserializer)?.0.parse().map_err(misread)
    }
}

impl JsonSchema for Points {
    fn schema_name() -> Cow<'static, str> {
        "Points".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A distance between two shares: `5 points`.",
            "type": "string",
            "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*points?\s*$"
        })
    }
}
