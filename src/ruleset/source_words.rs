//! Words of the section `source` that are read in more than one form.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// More header lines than these are a mistake.
const HEADER_LINES_MAX: u64 = 100;
/// A column of fixed width ends before this character.
const CHARACTERS_MAX: u64 = 1_000_000;

/// How many lines name the columns: `true` is one, `false` none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeaderWord(pub u32);

impl<'de> Deserialize<'de> for HeaderWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = HeaderWord;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`true`, `false`, or how many lines name the columns")
            }
            fn visit_bool<E: de::Error>(self, there_is_one: bool) -> Result<HeaderWord, E> {
                Ok(HeaderWord(u32::from(there_is_one)))
            }
            fn visit_u64<E: de::Error>(self, lines: u64) -> Result<HeaderWord, E> {
                match lines {
                    1..=HEADER_LINES_MAX => Ok(HeaderWord(lines as u32)),
                    _ => Err(E::custom(format!("a header has 1 to {HEADER_LINES_MAX} lines; without one, write `header: false`"))),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for HeaderWord {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Header".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 1, "maximum": HEADER_LINES_MAX }] })
    }
}

/// Where the dialect comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DialectWord {
    /// From the first rows.
    Sniff,
}

/// A column of fixed width: its width, where it follows the one before, or where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FixedWord {
    pub start: Option<u64>,
    pub width: Option<u64>,
}

/// Where a column of fixed width stands.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FixedColumn")]
struct Place {
    /// Its first character on the line, from 1. If left out: it follows the column before.
    #[schemars(range(min = 1, max = CHARACTERS_MAX))]
    start: Option<u64>,
    /// Its characters. If left out: it goes on to the end of the line.
    #[schemars(range(min = 1, max = CHARACTERS_MAX))]
    width: Option<u64>,
}

impl<'de> Deserialize<'de> for FixedWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = FixedWord;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a width in characters, or `{ start, width }`")
            }
            fn visit_u64<E: de::Error>(self, width: u64) -> Result<FixedWord, E> {
                checked(Place { start: None, width: Some(width) })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FixedWord, A::Error> {
                checked(Place::deserialize(de::value::MapAccessDeserializer::new(map))?)
            }
        }
        fn checked<E: de::Error>(Place { start, width }: Place) -> Result<FixedWord, E> {
            match start.into_iter().chain(width).all(|n| (1..=CHARACTERS_MAX).contains(&n)) {
                true => Ok(FixedWord { start, width }),
                false => Err(E::custom(format!("`start` and `width` are 1 to {CHARACTERS_MAX} characters; the first one of a line is 1"))),
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for FixedWord {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "FixedWord".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let place = generator.subschema_for::<Place>();
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1, "maximum": CHARACTERS_MAX }, place] })
    }
}
