//! serde over the spanned tree: typed values out of a rule file, every fault with its place.
//!
//! Two magic newtypes carry what serde's data model cannot: [`Spanned`] keeps a value's position,
//! `Literal` (in `rules::words`) a scalar's source text.

use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::Error;
use super::number::whole;
use super::position::{FileName, Position};
use super::tree::{Entry, Node, Value};
use crate::diagnostic::{Code, Fault, Faults, may_mean};

const SPANNED: &str = "$sluicegate::spanned";
pub const LITERAL: &str = "$sluicegate::literal";

/// After each mistake all is read again: a part with more of them than that is not read to its end.
const FAULTS_MAX: usize = 100;

/// Reads `T` from `node`, going on past each mistake so that all of them are reported.
///
/// After a failure, the innermost entry or item that holds it is set aside and the rest read again;
/// a key that is missing only because it, or a misspelling of it, was set aside is not reported again.
pub fn read<T: DeserializeOwned>(node: &Node, file: &str) -> Result<T, Faults> {
    match read_on(node, file) {
        (Some(value), faults) => faults.or_ok(value),
        (None, faults) => Err(faults),
    }
}

/// The same, with what can be read without the parts that are wrong.
pub fn read_on<T: DeserializeOwned>(node: &Node, file: &str) -> (Option<T>, Faults) {
    let mut node = node.clone();
    let mut faults = Faults::default();
    let mut set_aside: Vec<(Vec<usize>, String)> = Vec::new();
    loop {
        let mut error = match T::deserialize(Reader(&node)) {
            Ok(value) => return (Some(value), faults),
            Err(error) => error,
        };
        if set_aside.len() >= FAULTS_MAX {
            let last = faults.0.last().and_then(|fault| fault.place.clone()).unwrap_or_else(|| node.at.in_file(file));
            let fault = Fault::new(Code::InvalidValue, "there are more mistakes, which are not told").at(last);
            faults.push(fault.hint("correct these first"));
            return (None, faults);
        }
        error.path.reverse();
        let lacks = |key: &str| set_aside.iter().any(|(path, name)| *path == error.path && may_mean(name, key));
        if !error.missing.is_some_and(lacks) {
            let fault = Fault::new(error.code, error.what).at(error.at.unwrap_or(node.at).in_file(file));
            faults.push(match error.hint {
                Some(hint) => fault.hint(hint),
                None => fault,
            });
        }
        match remove(&mut node, &error.path) {
            Some(name) => {
                error.path.pop();
                set_aside.push((error.path, name));
            }
            None => return (None, faults),
        }
    }
}

/// Takes the entry or item at `path` out; gives the entry's key.
fn remove(node: &mut Node, path: &[usize]) -> Option<String> {
    match (path, &mut node.value) {
        ([last], Value::Mapping(entries)) if *last < entries.len() => Some(entries.remove(*last).key),
        ([last], Value::Sequence(items)) if *last < items.len() => {
            items.remove(*last);
            Some(String::new())
        }
        ([first, rest @ ..], Value::Mapping(entries)) => remove(&mut entries.get_mut(*first)?.value, rest),
        ([first, rest @ ..], Value::Sequence(items)) => remove(items.get_mut(*first)?, rest),
        _ => None,
    }
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
        struct Placed<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Placed<T> {
            type Value = Spanned<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut part = || seq.next_element::<u32>()?.ok_or_else(|| de::Error::custom("no position"));
                let at = Position { line: part()?, column: part()?, end_line: part()?, end_column: part()?, file: FileName(part()?) };
                let value = seq.next_element()?.ok_or_else(|| de::Error::custom("no value"))?;
                Ok(Spanned { at, value })
            }
        }
        deserializer.deserialize_newtype_struct(SPANNED, Placed(std::marker::PhantomData))
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

struct Reader<'a>(&'a Node);

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
        let at = self.0.at;
        match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar { text, quoted: true } => visitor.visit_str(text),
            Value::Scalar { text, quoted: false } => match plain(text) {
                Plain::Bool(b) => visitor.visit_bool(b),
                Plain::Unsigned(n) => visitor.visit_u64(n),
                Plain::Signed(n) => visitor.visit_i64(n),
                Plain::Float(x) => visitor.visit_f64(x),
                Plain::Text(t) => visitor.visit_str(t),
            },
            Value::Sequence(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Mapping(_) => visitor.visit_map(Entries { entries: self.0.entries(), next: 0 }),
        }
        .map_err(|e: Error| e.at(at))
    }

    /// Where a whole number is meant, `3.0` and `3e0` are the number 3.
    fn visit_whole<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let at = self.0.at;
        let written = match &self.0.value {
            Value::Scalar { text, quoted: false } => whole(text),
            Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => None,
        };
        let placed = |e: Error| e.at(at);
        match written.map(|n| (u64::try_from(n), i64::try_from(n))) {
            Some((Ok(n), _)) => visitor.visit_u64(n).map_err(placed),
            Some((Err(_), Ok(n))) => visitor.visit_i64(n).map_err(placed),
            Some((Err(_), Err(_))) | None => self.visit(visitor),
        }
    }
}

macro_rules! whole_numbers {
    ($($name:ident)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.visit_whole(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.value {
            Value::Null => visitor.visit_none(),
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        let at = self.0.at;
        match (name, &self.0.value) {
            (SPANNED, _) => visitor.visit_seq(Placed { node: self.0, step: 0 }),
            (LITERAL, Value::Scalar { text, .. }) => visitor.visit_str(text).map_err(|e: Error| e.at(at)),
            (LITERAL, _) => {
                let what = format!("expected a single value, found {}", self.0.kind());
                Err(Error::new(Fault::new(Code::InvalidValue, what)).at(at))
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        let at = self.0.at;
        match self.0.text() {
            Some(text) => visitor.visit_enum(text.into_deserializer()).map_err(|e: Error| e.at(at)),
            None => {
                let what = format!("expected a word, found {}", self.0.kind());
                Err(Error::new(Fault::new(Code::InvalidValue, what)).at(at))
            }
        }
    }

    /// A single value where a list is expected is a list of one.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let at = self.0.at;
        match &self.0.value {
            Value::Scalar { .. } => visitor.visit_seq(Items { items: std::slice::from_ref(self.0), next: 0 }).map_err(|e: Error| e.at(at)),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => self.visit(visitor),
        }
    }

    /// A section left empty (`gate:`) is read as an empty mapping.
    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        let at = self.0.at;
        match &self.0.value {
            Value::Null => {
                let empty = Node { at, value: Value::Mapping(Vec::new()) };
                Reader(&empty).visit(visitor)
            }
            Value::Mapping(_) => self.visit(visitor),
            Value::Scalar { .. } | Value::Sequence(_) => {
                let what = format!("expected a mapping, found {}", self.0.kind());
                let fault = Fault::new(Code::InvalidValue, what);
                Err(Error::new(fault.hint(format!("write `{{ {}: … }}`", fields.first().unwrap_or(&"key")))).at(at))
            }
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.items.get(self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(Reader(node)).map(Some).map_err(|e| e.at(node.at).within(self.next - 1))
    }
}

struct Entries<'a> {
    entries: &'a [Entry],
    next: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.entries.get(self.next) else { return Ok(None) };
        self.next += 1;
        let key = Node { at: entry.key_at, value: Value::Scalar { text: entry.key.clone(), quoted: true } };
        seed.deserialize(Reader(&key)).map(Some).map_err(|e| e.at(entry.key_at).within(self.next - 1))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = &self.entries[self.next - 1];
        seed.deserialize(Reader(&entry.value)).map_err(|e| e.at(entry.value.at).within(self.next - 1))
    }
}

/// The position's parts, then the value, for [`Spanned`].
struct Placed<'a> {
    node: &'a Node,
    step: usize,
}

impl<'de> de::SeqAccess<'de> for Placed<'_> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Position { line, column, end_line, end_column, file } = self.node.at;
        let part = [line, column, end_line, end_column, file.0].get(self.step).copied();
        self.step += 1;
        match part {
            Some(part) => seed.deserialize(part.into_deserializer()).map(Some),
            None => seed.deserialize(Reader(self.node)).map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
