//! The shares that should be, as a rule file gives them.

use std::collections::BTreeMap;
use std::fmt;

use arrow::datatypes::DataType;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::diagnostic::Misread;
use crate::metric::groups::{GroupKey, group_name, name_of};
use crate::rules::words::{Decimal, Share};
use crate::yaml::misread;

/// Given shares may add up to so much more or less than 1: people round them.
const ROUNDED_BY: f64 = 0.005;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reference {
    Equal,
    /// Those of the baseline, or of the other data that the rule names.
    Baseline,
    Shares(BTreeMap<GroupKey, f64>),
    /// A file of shares, until it is read.
    File(String),
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Reference;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`equal`, `baseline`, or a mapping from group to share")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Reference, E> {
                match word {
                    "equal" => Ok(Reference::Equal),
                    "baseline" => Ok(Reference::Baseline),
                    path if EXTENSIONS.iter().any(|extension| path.ends_with(extension)) => Ok(Reference::File(path.to_owned())),
                    _ => Err(misread(Misread::new(format!("`{word}` is no reference")).hint(
                        "write `equal`, `baseline`, `{ group: share, … }`, or a file of shares (.csv, .json, .yaml, .yml); other data stand \
                         behind `against`",
                    ))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reference, A::Error> {
                let mut shares = BTreeMap::new();
                while let Some(group) = map.next_key::<String>()? {
                    let first = (group != "(missing)").then_some(group);
                    match map.next_value()? {
                        Level::Share(share) => {
                            shares.insert(vec![first], share);
                        }
                        Level::Groups(inner) => shares.extend(inner.into_iter().map(|(mut rest, share)| {
                            rest.insert(0, first.clone());
                            (rest, share)
                        })),
                    }
                }
                Ok(Reference::Shares(shares))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// How the names of files of shares end.
const EXTENSIONS: [&str; 4] = [".csv", ".json", ".yaml", ".yml"];

/// A share as it is written. Elsewhere a bare 1 may be one row; of a reference it is the whole.
pub(super) fn share(text: &str) -> Result<f64, Misread> {
    if Decimal::parse(text) == Some(Decimal::ONE) {
        return Ok(1.0);
    }
    text.parse::<Share>().map(|share| share.as_f64())
}

/// A share, or the groups of the next column.
enum Level {
    Share(f64),
    Groups(BTreeMap<GroupKey, f64>),
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Level;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a share such as `0.5` or `50%`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Level, E> {
                share(text).map(Level::Share).map_err(misread)
            }
            fn visit_f64<E: de::Error>(self, x: f64) -> Result<Level, E> {
                match (0.0..=1.0).contains(&x) {
                    true => Ok(Level::Share(x)),
                    false => Err(misread(Misread::new(format!("`{x}` is not a share")).hint("write `1%` or `0.01`"))),
                }
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Level, E> {
                match n {
                    0 | 1 => Ok(Level::Share(n as f64)),
                    _ => Err(misread(Misread::new(format!("`{n}` is not a share")).hint(format!("write `{n}%`, or a number from 0 to 1")))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Level, A::Error> {
                match Reference::deserialize(de::value::MapAccessDeserializer::new(map))? {
                    Reference::Shares(shares) => Ok(Level::Groups(shares)),
                    Reference::Equal | Reference::Baseline | Reference::File(_) => {
                        Err(de::Error::custom("a share such as `0.5` is expected"))
                    }
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Reference {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reference".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let share = generator.subschema_for::<Share>();
        let level = json_schema!({ "anyOf": [
            share,
            { "const": 1 },
            { "type": "string", "pattern": r"^\s*0*1(\.0*)?\s*$" },
            { "type": "object" }
        ]});
        json_schema!({
            "description": "`equal`, `baseline`, the share of each group (nested for several grouping columns), or a file of shares.",
            "anyOf": [
                { "enum": ["equal", "baseline"] },
                { "type": "string", "pattern": r"\.(csv|json|yaml|yml)$" },
                { "type": "object", "additionalProperties": level }
            ]
        })
    }
}

impl Reference {
    /// What the shares add up to: 1, but for what people round.
    ///
    /// # Errors
    /// It is another number.
    pub(super) fn total(&self) -> Result<f64, Misread> {
        let Self::Shares(given) = self else { return Ok(1.0) };
        let total: f64 = given.values().sum();
        // 0.995 is no binary fraction, and what is computed with it may be off by a bit.
        if (total - 1.0).abs() > ROUNDED_BY + 1e-9 {
            let percent = |share: f64| (share * 1e4).round() / 1e2;
            let is_are = if total < 1.0 { "is missing" } else { "is too much" };
            let (total, off) = (percent(total), percent((total - 1.0).abs()));
            return Err(Misread::new(format!("the reference shares add up to {total}%; {off}% {is_are}")));
        }
        Ok(total)
    }

    /// The reference of columns of these types: keys as values of the columns are called, shares that add up to 1.
    ///
    /// # Errors
    /// Why it fits no such columns.
    pub(super) fn of_columns(&self, types: &[DataType]) -> Result<Self, Misread> {
        let Self::Shares(given) = self else { return Ok(self.clone()) };
        let total = self.total()?;
        if given.keys().any(|key| key.len() != types.len()) {
            let what = format!("the reference must name a share for each combination of {} columns", types.len());
            return Err(Misread::new(what).hint("nest it: `{ f: { young: 0.2, old: 0.3 }, m: … }`"));
        }
        let mut shares = BTreeMap::new();
        for (key, share) in given {
            let named = as_types(key, types);
            if shares.insert(named.clone(), share / total).is_some() {
                let what = format!("the reference names the group `{}` twice", group_name(&named));
                return Err(Misread::new(what).hint("keys are read as the column's type: `1` and `1.0` are one number"));
            }
        }
        Ok(Self::Shares(shares))
    }
}

/// The group's name as its columns' values would give it: `1` is `1.0` among floats.
fn as_types(key: &GroupKey, types: &[DataType]) -> GroupKey {
    let named = |(written, data_type): (&Option<String>, &DataType)| {
        written.as_ref().map(|written| name_of(written, data_type).unwrap_or_else(|| written.clone()))
    };
    key.iter().zip(types).map(named).collect()
}
