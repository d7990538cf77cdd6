//! A set as a rule file writes it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::set::Written;
use crate::diagnostic::{Code, Fault, Misread};
use crate::rules::Files;
use crate::rules::words::{Elsewhere, ElsewhereMap, Literal, Texts};
use crate::yaml::{Position, Spanned, misread};

/// A set.
#[derive(Debug, Clone)]
pub(super) enum SetWord {
    /// As a list, or as a file had it whose path is given.
    Members { members: Vec<Written>, file: Option<String> },
    /// A file with a member on each line.
    File(Spanned<String>),
    /// The values of a column of other data.
    Column(Elsewhere),
}

impl SetWord {
    /// The column of other data that it names, as a mapping or as `source.column`; `at` is where the set is written.
    pub(super) fn column(&self, at: Position) -> Option<Elsewhere> {
        match self {
            Self::Column(column) => Some(column.clone()),
            // A value by itself stands where the set stands.
            Self::Members { members, file: None } => match members.as_slice() {
                [Spanned { at: of_one, value: Some(one) }] if *of_one == at => column_of(&one.0),
                _ => None,
            },
            Self::Members { .. } | Self::File(_) => None,
        }
    }

    /// Reads the file, if it names one; `at` is where the set is written.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(&mut self, at: Position, files: &mut Files<'_>) -> Result<(), Fault> {
        if let Some(column) = self.column(at) {
            *self = Self::Column(column);
        }
        let Self::File(path) = self else { return Ok(()) };
        let text = files.text(path)?;
        let lines = text.strip_prefix('\u{feff}').unwrap_or(&text).lines().filter(|line| !line.is_empty());
        let members: Vec<Written> = lines.map(|line| Spanned { at: path.at, value: Some(Literal(line.to_owned())) }).collect();
        if members.is_empty() {
            let fault = files.fault_at(path, Code::InvalidValue, format!("`{}` has no member", path.value));
            return Err(fault.hint("write one on each line; an empty set is `[]`"));
        }
        *self = Self::Members { members, file: Some(path.value.clone()) };
        Ok(())
    }
}

/// The column that a value by itself names, as `source.column`.
fn column_of(text: &str) -> Option<Elsewhere> {
    let is_number = text.trim().parse::<f64>().is_ok();
    (text.contains('.') && !is_number).then(|| Elsewhere::of_text::<serde::de::value::Error>(text).ok()).flatten()
}

/// The mapping.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    file: Option<Spanned<String>>,
    source: Option<Texts>,
    column: Option<String>,
}

impl<'de> Deserialize<'de> for SetWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = SetWord;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of values, `{ file: PATH }`, or a column of other data")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<SetWord, A::Error> {
                let members = Vec::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
                Ok(SetWord::Members { members, file: None })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<SetWord, A::Error> {
                let hint = "write `{ file: PATH }` or `{ source: PATH, column: NAME }`";
                match Map::deserialize(de::value::MapAccessDeserializer::new(map))? {
                    Map { file: Some(file), source: None, column: None } => Ok(SetWord::File(file)),
                    Map { file: None, source: Some(source), column } => {
                        Ok(SetWord::Column(Elsewhere::of_map(ElsewhereMap { source, column, columns: None })?))
                    }
                    Map { .. } => Err(misread(Misread::new("the set is neither a file nor a column of other data").hint(hint))),
                }
            }
        }
        // A value by itself comes as a list of one; `SetWord::read` takes `source.column` for what it is.
        deserializer.deserialize_seq(Read)
    }
}

impl JsonSchema for SetWord {
    fn schema_name() -> Cow<'static, str> {
        "Set".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let members = generator.subschema_for::<Vec<Written>>();
        let source = generator.subschema_for::<Texts>();
        json_schema!({
            "description": "A list of values; `{ file: PATH }`, a file with a value on each line; or a column of other data: \
                            `SOURCE.COLUMN`, where `sources` names SOURCE, or `{ source: PATH, column: NAME }`.",
            "anyOf": [
                members,
                { "type": "string", "pattern": r"^\s*[^.\s][^.]*\..+$" },
                { "type": "object", "required": ["file"], "additionalProperties": false, "properties": { "file": { "type": "string" } } },
                {
                    "type": "object", "required": ["source"], "additionalProperties": false,
                    "properties": { "source": source, "column": { "type": "string" } }
                }
            ]
        })
    }
}
