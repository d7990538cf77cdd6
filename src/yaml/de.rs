//! serde over the spanned tree: typed values out of a rule file, every fault with its place.
//!
//! Two magic newtypes carry what serde's data model cannot: [`Spanned`] keeps a value's position,
//! `Literal` (in `rules::words`) a scalar's source text.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};

use super::tree::{Node, Position, Value};
use crate::diagnostic::{Fault, Faults};

const SPANNED: &str = "$sluicegate::spanned";
pub const LITERAL: &str = "$sluicegate::literal";

/// Reads `T` from `node`, going on past each mistake so that all of them are reported.
///
/// After a failure inside one key of a mapping, that key is set aside and the rest read again; the
/// faults about keys then missing only for that reason are not repeated.
pub fn read<T: DeserializeOwned>(node: &Node, file: &str) -> Result<T, Faults> {
    let mut node = node.clone();
    let mut faults = Faults::default();
    loop {
        let failed = Cell::new(None);
        let result = T::deserialize(Reader { node: &node, failed: Some(&failed) });
        let error = match result {
            Ok(value) => return faults.or_ok(value),
            Err(error) => error,
        };
        let entry = failed.get();
        if entry.is_some() || faults.is_empty() {
            faults.push(error.into_fault(node.at, file));
        }
        match (entry, &mut node.value) {
            (Some(entry), Value::Mapping(entries)) if entry < entries.len() => {
                entries.remove(entry);
            }
            _ => break,
        }
    }
    Err(faults)
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    pub at: Position,
    pub value: T,
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pair<T> {
            type Value = Spanned<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let packed: u64 = seq.next_element()?.ok_or_else(|| de::Error::custom("no position"))?;
                let value = seq.next_element()?.ok_or_else(|| de::Error::custom("no value"))?;
                let at = Position { line: (packed >> 32) as u32, column: packed as u32 };
                Ok(Spanned { at, value })
            }
        }
        deserializer.deserialize_newtype_struct(SPANNED, Pair(std::marker::PhantomData))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// A failure to read, with the innermost position known.
#[derive(Debug)]
pub struct Error {
    at: Option<Position>,
    what: String,
    hint: Option<String>,
}

impl Error {
    fn at(mut self, at: Position) -> Self {
        self.at.get_or_insert(at);
        self
    }

    fn into_fault(self, fallback: Position, file: &str) -> Fault {
        let place = self.at.unwrap_or(fallback).in_file(file);
        Fault { place: Some(place), what: self.what, hint: self.hint }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    /// A message may carry its hint behind "; ".
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        match message.split_once("; ") {
            Some((what, hint)) => Self { at: None, what: what.into(), hint: Some(hint.into()) },
            None => Self { at: None, what: message, hint: None },
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let fault = Fault::new(format!("unknown key `{field}`")).hint_nearest(field, expected.iter().copied());
        Self { at: None, what: fault.what, hint: fault.hint }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let fault = Fault::new(format!("`{variant}` is not known here")).hint_nearest(variant, expected.iter().copied());
        Self { at: None, what: fault.what, hint: fault.hint }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { at: None, what: format!("`{field}` is missing"), hint: None }
    }

    fn invalid_type(found: de::Unexpected, expected: &dyn de::Expected) -> Self {
        let hint = match found {
            de::Unexpected::Bool(_) | de::Unexpected::Unsigned(_) | de::Unexpected::Signed(_) | de::Unexpected::Float(_)
                if expected.to_string().contains("string") =>
            {
                Some("write it in quotes if it is meant as text".to_owned())
            }
            _ => None,
        };
        let found = match found {
            de::Unexpected::Unit => "nothing".to_owned(),
            de::Unexpected::Map => "a mapping".to_owned(),
            de::Unexpected::Seq => "a list".to_owned(),
            other => other.to_string(),
        };
        Self { at: None, what: format!("expected {expected}, found {found}"), hint }
    }
}

struct Reader<'a> {
    node: &'a Node,
    /// Where the outermost mapping notes the entry that failed.
    failed: Option<&'a Cell<Option<usize>>>,
}

/// What a plain scalar means by YAML's core schema; anything not clearly otherwise is a string.
enum Plain<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

fn plain(text: &str) -> Plain<'_> {
    match text {
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Plain::Text(text);
    }
    if let Ok(n) = text.parse::<u64>() {
        return Plain::Unsigned(n);
    }
    if let Ok(n) = text.parse::<i64>() {
        return Plain::Signed(n);
    }
    match text.parse::<f64>() {
        Ok(x) => Plain::Float(x),
        Err(_) => Plain::Text(text),
    }
}

impl<'de> Reader<'_> {
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let at = self.node.at;
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar { text, quoted: true } => visitor.visit_str(text),
            Value::Scalar { text, quoted: false } => match plain(text) {
                Plain::Bool(b) => visitor.visit_bool(b),
                Plain::Unsigned(n) => visitor.visit_u64(n),
                Plain::Signed(n) => visitor.visit_i64(n),
                Plain::Float(x) => visitor.visit_f64(x),
                Plain::Text(t) => visitor.visit_str(t),
            },
            Value::Sequence(items) => visitor.visit_seq(Items { items: items.iter() }),
            Value::Mapping(_) => visitor.visit_map(Entries { node: self.node, next: 0, failed: self.failed }),
        }
        .map_err(|e: Error| e.at(at))
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_none(),
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        let at = self.node.at;
        match (name, &self.node.value) {
            (SPANNED, _) => visitor.visit_seq(Pair { node: self.node, failed: self.failed, step: 0 }),
            (LITERAL, Value::Scalar { text, .. }) => visitor.visit_str(text).map_err(|e: Error| e.at(at)),
            (LITERAL, _) => {
                let what = format!("expected a single value, found {}", self.node.kind());
                Err(Error { at: Some(at), what, hint: None })
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        let at = self.node.at;
        match self.node.text() {
            Some(text) => visitor.visit_enum(text.into_deserializer()).map_err(|e: Error| e.at(at)),
            None => {
                let what = format!("expected a word, found {}", self.node.kind());
                Err(Error { at: Some(at), what, hint: None })
            }
        }
    }

    /// A section left empty (`gate:`) is read as an empty mapping.
    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        let at = self.node.at;
        match &self.node.value {
            Value::Null => {
                let empty = Node { at, value: Value::Mapping(Vec::new()) };
                Reader { node: &empty, failed: None }.visit(visitor)
            }
            Value::Mapping(_) => self.visit(visitor),
            Value::Scalar { .. } | Value::Sequence(_) => {
                let what = format!("expected a mapping, found {}", self.node.kind());
                Err(Error { at: Some(at), what, hint: None })
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.items.next().map(|node| seed.deserialize(Reader { node, failed: None })).transpose()
    }
}

struct Entries<'a> {
    node: &'a Node,
    next: usize,
    failed: Option<&'a Cell<Option<usize>>>,
}

impl Entries<'_> {
    fn note(&self, entry: usize) {
        if let Some(failed) = self.failed {
            failed.set(Some(entry));
        }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.node.entries().get(self.next) else { return Ok(None) };
        self.next += 1;
        let key = Node { at: entry.key_at, value: Value::Scalar { text: entry.key.clone(), quoted: true } };
        let result = seed.deserialize(Reader { node: &key, failed: None });
        result.map(Some).map_err(|e| {
            self.note(self.next - 1);
            e.at(entry.key_at)
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = &self.node.entries()[self.next - 1];
        seed.deserialize(Reader { node: &entry.value, failed: None }).map_err(|e| {
            self.note(self.next - 1);
            e.at(entry.value.at)
        })
    }
}

/// Position, then value, for [`Spanned`].
struct Pair<'a> {
    node: &'a Node,
    failed: Option<&'a Cell<Option<usize>>>,
    step: u8,
}

impl<'de> de::SeqAccess<'de> for Pair<'_> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.step += 1;
        if self.step == 1 {
            let packed = u64::from(self.node.at.line) << 32 | u64::from(self.node.at.column);
            return seed.deserialize(packed.into_deserializer()).map(Some);
        }
        seed.deserialize(Reader { node: self.node, failed: self.failed }).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Config {
        column: String,
        max: Spanned<f64>,
        strict: Option<bool>,
    }

    #[test]
    fn every_mistake_of_a_mapping_is_reported() {
        let text = "column: 3\nmaxx: 2\nmax: high\nstrict: no\n";
        let node = Node::parse(text, "r").expect("yaml");
        let faults = read::<Config>(&node, "r").expect_err("faults");
        let lines: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert!(lines[0].starts_with("r:1:9: expected a string"));
        assert_eq!(lines[1], "r:2:1: unknown key `maxx`; did you mean `max`?");
        assert!(lines[2].starts_with("r:3:6: "));
        assert!(lines[3].starts_with("r:4:9: "));
    }

    #[test]
    fn spanned_knows_its_place() {
        let node = Node::parse("column: a\nmax: 2.5", "r").expect("yaml");
        let config: Config = read(&node, "r").expect("valid");
        assert_eq!((config.max.at.line, config.max.at.column, *config.max), (2, 6, 2.5));
    }
}
