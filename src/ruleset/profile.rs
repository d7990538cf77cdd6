//! What a report says of columns beside the rules.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::rules::words::ColumnSelection;

/// How much the report says of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Only what the rules need.
    None,
    /// Rows, missing, minimum, maximum, mean, standard deviation.
    #[default]
    Basic,
    /// Also distinct values, quantiles, histogram or most frequent values.
    Full,
}

/// What the report says of columns beside the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    Level(Level),
    Map(ProfileMap),
}

/// Column by column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileMap {
    /// What all columns get that no other word names. If left out: `none`.
    pub level: Option<Level>,
    /// Rows, missing, minimum, maximum, mean, standard deviation. If left out: no column.
    pub basic: Option<ColumnSelection>,
    /// Everything. If left out: no column.
    pub full: Option<ColumnSelection>,
    /// How many different values there are. If left out: no column.
    pub distinct: Option<ColumnSelection>,
    /// Quartiles and outer quantiles. If left out: no column.
    pub quantiles: Option<ColumnSelection>,
    /// A histogram of numbers, dates and times. If left out: no column.
    pub histogram: Option<ColumnSelection>,
    /// The most frequent values. If left out: no column.
    pub top_values: Option<ColumnSelection>,
    /// A histogram whose bins each end at a multiple of where they begin. If left out: bins are equally wide.
    pub log: Option<ColumnSelection>,
    /// Whether the report says how columns go together: correlations, and which columns name rows. Also looks again at columns of many
    /// different texts. If left out: `false`.
    pub correlations: Option<bool>,
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Profile;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`none`, `basic`, `full`, or a mapping")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Profile, E> {
                Level::deserialize(de::value::StrDeserializer::new(word)).map(Profile::Level)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Profile, A::Error> {
                ProfileMap::deserialize(de::value::MapAccessDeserializer::new(map)).map(Profile::Map)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Profile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Profile".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (level, map) = (generator.subschema_for::<Level>(), generator.subschema_for::<ProfileMap>());
        json_schema!({ "description": "`none`, `basic` or `full`, or which columns get what.", "anyOf": [level, map] })
    }
}
