//! `in`: columns of other data.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::Texts;
use crate::diagnostic::Misread;
use crate::yaml::{Spanned, misread};

/// Columns of other data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The name of a source that the rule file declares; or paths, where it is no such name.
    pub source: Vec<String>,
    /// The columns there; those of the same names if it lists none.
    pub columns: Vec<String>,
    /// Whether the source can only be one that the rule file declares.
    pub is_declared: bool,
}

/// The source that `named` names: it can only be one name by itself.
pub fn declared<'a>(sources: &'a [(String, Spanned<Texts>)], named: &[String]) -> Option<&'a (String, Spanned<Texts>)> {
    match named {
        [name] => sources.iter().find(|(known, _)| known == name),
        _ => None,
    }
}

/// Where other data lie: the name of a source stands for the paths there.
pub fn located<'a>(sources: &'a [(String, Spanned<Texts>)], named: &'a [String]) -> &'a [String] {
    declared(sources, named).map_or(named, |(_, paths)| &paths.value.0)
}

/// The mapping.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElsewhereMap {
    pub source: Texts,
    pub column: Option<String>,
    pub columns: Option<Texts>,
}

const HINT: &str = "write `SOURCE.COLUMN`, where `sources` names SOURCE, or `{ source: PATH, column: NAME }`";

impl Elsewhere {
    /// From `source.column`, or `source` alone.
    ///
    /// # Errors
    /// It names nothing.
    pub fn of_text<E: de::Error>(text: &str) -> Result<Self, E> {
        let (source, column) = match text.trim().split_once('.') {
            None => (text.trim(), None),
            Some((source, column)) => (source, Some(column)),
        };
        if source.is_empty() || column.is_some_and(str::is_empty) {
            return Err(misread(Misread::new(format!("`{text}` names no column of other data")).hint(HINT)));
        }
        Ok(Self { source: vec![source.to_owned()], columns: column.map(str::to_owned).into_iter().collect(), is_declared: true })
    }

    /// From a mapping.
    ///
    /// # Errors
    /// It names nothing, or columns twice.
    pub fn of_map<E: de::Error>(map: ElsewhereMap) -> Result<Self, E> {
        let ElsewhereMap { source: Texts(source), column, columns } = map;
        if source.is_empty() || source.iter().any(|path| path.trim().is_empty()) {
            return Err(misread(Misread::new("`source` names nothing").hint(HINT)));
        }
        let columns = match (column, columns) {
            (Some(_), Some(_)) => return Err(misread(Misread::new("`column` and `columns` name the columns twice").hint("leave one out"))),
            (column, columns) => column.into_iter().chain(columns.into_iter().flat_map(|Texts(columns)| columns)).collect(),
        };
        Ok(Self { source, columns, is_declared: false })
    }
}

impl<'de> Deserialize<'de> for Elsewhere {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Elsewhere;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("`source.column`, or a mapping")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Elsewhere, E> {
                Elsewhere::of_text(text)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Elsewhere, A::Error> {
                Elsewhere::of_map(ElsewhereMap::deserialize(de::value::MapAccessDeserializer::new(map))?)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Elsewhere {
    fn schema_name() -> Cow<'static, str> {
        "Elsewhere".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let texts = generator.subschema_for::<Texts>();
        json_schema!({
            "description": "Columns of other data: `SOURCE.COLUMN`, where `sources` names SOURCE, or `{ source: PATH, column: NAME }`.",
            "anyOf": [
                { "type": "string", "pattern": r"^\s*[^.\s][^.]*(\..+)?$" },
                {
                    "type": "object", "required": ["source"], "additionalProperties": false,
                    "properties": { "source": texts, "column": { "type": "string" }, "columns": texts }
                }
            ]
        })
    }
}
