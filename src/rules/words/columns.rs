//! Which columns a rule is about.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// Columns: a name, a list of names and globs, `"*"`, or those of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnSelection {
    /// Shared: each column's check keeps the words of its rule.
    Named(Arc<[String]>),
    OfType(TypeClass),
}

/// A class of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TypeClass {
    Numeric,
    String,
    Boolean,
    Temporal,
}

impl TypeClass {
    pub fn admits(self, data_type: &arrow::datatypes::DataType) -> bool {
        use arrow::datatypes::DataType;
        match self {
            Self::Numeric => crate::metric::is_numeric(data_type),
            Self::String => matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
            Self::Boolean => *data_type == DataType::Boolean,
            Self::Temporal => data_type.is_temporal(),
        }
    }
}

impl<'de> Deserialize<'de> for ColumnSelection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = ColumnSelection;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a column, a list of columns, or `{ type: numeric }`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ColumnSelection, E> {
                Ok(ColumnSelection::Named([text.to_owned()].into()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<ColumnSelection, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push(name);
                }
                Ok(ColumnSelection::Named(names.into()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ColumnSelection, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct OfType {
                    r#type: TypeClass,
                }
                OfType::deserialize(de::value::MapAccessDeserializer::new(map)).map(|t| ColumnSelection::OfType(t.r#type))
            }
        }
        deserializer.deserialize_any(Each)
    }
}

impl JsonSchema for ColumnSelection {
    fn schema_name() -> Cow<'static, str> {
        "Columns".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A column, a list of columns and globs, `\"*\"`, or `{ type: numeric }`.",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" } },
                {
                    "type": "object", "required": ["type"], "additionalProperties": false,
                    "properties": { "type": generator.subschema_for::<TypeClass>() }
                }
            ]
        })
    }
}
