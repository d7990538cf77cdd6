//! `against`: what a rule compares the batch with.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::Texts;
use crate::diagnostic::Misread;
use crate::yaml::misread;

/// What a rule compares the batch with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgainstWord {
    /// Data: files, globs, directories.
    Paths(Vec<String>),
    /// What is published where the gate publishes: all of it, or its last batches.
    Published { last: Option<u64> },
    /// A baseline file; without a name that of the rule file's `baseline`.
    Baseline { file: Option<String> },
    /// The last recorded runs.
    Runs { last: u64, season: Option<Season> },
}

/// Which runs are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Season {
    /// Those of the same day of the week.
    Weekday,
}

/// `against` as a rule file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Against(pub AgainstWord);

impl Against {
    /// Whether it is the word for the batch itself, of rules that know it.
    pub fn is_batch(&self) -> bool {
        matches!(&self.0, AgainstWord::Paths(paths) if matches!(paths.as_slice(), [one] if one == "batch"))
    }
}

impl fmt::Display for AgainstWord {
    /// In words, behind "against".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paths(paths) => f.write_str(&paths.join(", ")),
            Self::Published { last: None } => f.write_str("what is published"),
            Self::Published { last: Some(n) } => write!(f, "the last {n} published batches"),
            Self::Baseline { file: None } => f.write_str("the baseline"),
            Self::Baseline { file: Some(file) } => write!(f, "the baseline {file}"),
            Self::Runs { last, season: None } => write!(f, "the last {last} runs"),
            Self::Runs { last, season: Some(Season::Weekday) } => write!(f, "the last {last} runs of the same weekday"),
        }
    }
}

/// A count of batches or runs, bare or with its unit: `30`, `30 batches`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchCount(pub u64);

impl JsonSchema for BatchCount {
    fn schema_name() -> Cow<'static, str> {
        "BatchCount".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A count of batches or runs, such as `30 batches`.",
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": r"^\s*0*[1-9]\d*\s*(batch|batches|run|runs)?\s*$" }
            ]
        })
    }
}

impl<'de> Deserialize<'de> for BatchCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = super::Literal::deserialize(deserializer)?.0;
        let number = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
        let unit = text.trim()[number.len()..].trim();
        match (number.parse::<u64>(), unit) {
            (Ok(n), "" | "batch" | "batches" | "run" | "runs") if n > 0 => Ok(Self(n)),
            _ => Err(misread(Misread::new(format!("`{text}` is no count")).hint("write a number above 0, such as `30 batches`"))),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    last: BatchCount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    last: BatchCount,
    season: Option<Season>,
}

const HINT: &str = "write a path, `published`, `baseline`, `{ published: { last: 30 batches } }`, `{ baseline: FILE }` or \
                    `{ runs: { last: 14, season: weekday } }`";

impl<'de> Deserialize<'de> for Against {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Against;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a path, `published`, `baseline`, or a mapping")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Against, E> {
                Ok(Against(match text.trim() {
                    "published" => AgainstWord::Published { last: None },
                    "baseline" => AgainstWord::Baseline { file: None },
                    "" => return Err(misread(Misread::new("`against` names nothing").hint(HINT))),
                    path => AgainstWord::Paths(vec![path.to_owned()]),
                }))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Against, A::Error> {
                let Texts(paths) = Texts::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
                match paths.is_empty() || paths.iter().any(|path| path.trim().is_empty()) {
                    true => Err(misread(Misread::new("`against` names nothing").hint(HINT))),
                    false => Ok(Against(AgainstWord::Paths(paths))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Against, A::Error> {
                let Some(key) = map.next_key::<String>()? else {
                    return Err(misread(Misread::new("`against` names nothing").hint(HINT)));
                };
                let word = match key.as_str() {
                    "published" => AgainstWord::Published { last: Some(map.next_value::<Last>()?.last.0) },
                    "baseline" => AgainstWord::Baseline { file: Some(map.next_value()?) },
                    "runs" => {
                        let Runs { last, season } = map.next_value()?;
                        AgainstWord::Runs { last: last.0, season }
                    }
                    other => return Err(misread(Misread::new(format!("`{other}` is nothing to compare with")).hint(HINT))),
                };
                match map.next_key::<String>()? {
                    None => Ok(Against(word)),
                    Some(_) => Err(misread(Misread::new("`against` names one thing to compare with").hint(HINT))),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Against {
    fn schema_name() -> Cow<'static, str> {
        "Against".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let season = generator.subschema_for::<Season>();
        let count = generator.subschema_for::<BatchCount>();
        let last = json_schema!({ "type": "object", "properties": { "last": count }, "required": ["last"], "additionalProperties": false });
        let runs = json_schema!({
            "type": "object",
            "properties": { "last": count, "season": season },
            "required": ["last"],
            "additionalProperties": false
        });
        let one = |key: &str, value: Schema| json_schema!({ "type": "object", "properties": { key: value }, "required": [key], "additionalProperties": false });
        let file = json_schema!({ "type": "string" });
        json_schema!({
            "description": "What the batch is compared with: a path, glob or directory (or a list of them), or a name of the section `sources`; `published`, or \
                            `{ published: { last: 30 batches } }`; `baseline`, or `{ baseline: FILE }`; \
                            `{ runs: { last: 14, season: weekday } }`.",
            "anyOf": [
                { "type": "string", "pattern": r"\S" },
                { "type": "array", "items": { "type": "string", "pattern": r"\S" }, "minItems": 1 },
                one("published", last),
                one("baseline", file),
                one("runs", runs)
            ]
        })
    }
}
