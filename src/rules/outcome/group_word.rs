//! A group as a rule file names it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::rules::words::Literal;

/// One value, or one a grouping column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupWord(pub Vec<String>);

impl<'de> Deserialize<'de> for GroupWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = GroupWord;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value, or a list of values")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<GroupWord, E> {
                Ok(GroupWord(vec![text.to_owned()]))
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<GroupWord, E> {
                Ok(GroupWord(vec![value.to_string()]))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<GroupWord, E> {
                Ok(GroupWord(vec![value.to_string()]))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<GroupWord, E> {
                Ok(GroupWord(vec![value.to_string()]))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<GroupWord, E> {
                Ok(GroupWord(vec![value.to_string()]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<GroupWord, A::Error> {
                let mut values = Vec::new();
                while let Some(Literal(value)) = seq.next_element()? {
                    values.push(value);
                }
                Ok(GroupWord(values))
            }
        }
        deserializer.deserialize_any(Each)
    }
}

impl JsonSchema for GroupWord {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "GroupWord".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = ["string", "number", "boolean"];
        json_schema!({ "anyOf": [{ "type": one }, { "type": "array", "items": { "type": one } }] })
    }
}
