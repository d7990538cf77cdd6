//! What a JSON document says at one place, read without holding the rest of it.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What stands at a place of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// No such key, or `null`.
    Nothing,
    Text(String),
    /// As it is written again.
    Number(String),
    Boolean(bool),
    /// Whether it has an element.
    Array {
        is_empty: bool,
    },
    /// Its keys.
    Object {
        keys: Vec<String>,
    },
}

/// What stands at `path` from the top; of a key that stands twice, the first.
///
/// # Errors
/// The text is not one JSON document.
pub(super) fn at(input: impl Read, path: &[String]) -> Result<Found, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_reader(input);
    let found = At { path }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(found)
}

#[derive(Clone, Copy)]
struct At<'a> {
    path: &'a [String],
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Found;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl At<'_> {
    /// The value that is here, if this is the place.
    fn here(self, found: Found) -> Found {
        if self.path.is_empty() { found } else { Found::Nothing }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Nothing)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Found, E> {
        Ok(self.here(Found::Boolean(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Found, E> {
        Ok(self.here(Found::Number(value.to_string())))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Found, E> {
        Ok(self.here(Found::Number(value.to_string())))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Found, E> {
        Ok(self.here(Found::Number(value.to_string())))
    }
    fn visit_str<E>(self, value: &str) -> Result<Found, E> {
        Ok(self.here(Found::Text(value.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Found, A::Error> {
        let is_empty = elements.next_element::<IgnoredAny>()?.is_none();
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.here(Found::Array { is_empty }))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Found, A::Error> {
        let (mut found, mut keys) = (None, Vec::new());
        while let Some(key) = entries.next_key::<String>()? {
            match self.path.split_first() {
                Some((first, rest)) if found.is_none() && *first == key => found = Some(entries.next_value_seed(At { path: rest })?),
                Some(_) => _ = entries.next_value::<IgnoredAny>()?,
                None => {
                    // A key whose value is null says nothing.
                    if entries.next_value_seed(At { path: &[] })? != Found::Nothing {
                        keys.push(key);
                    }
                }
            }
        }
        Ok(if self.path.is_empty() { Found::Object { keys } } else { found.unwrap_or(Found::Nothing) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, path: &[&str]) -> Result<Found, serde_json::Error> {
        at(text.as_bytes(), &path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_place_in_a_document_is_found_and_nothing_where_there_is_none() {
        let text = r#"{"data":{"items":[1,{"x":[]}],"none":[]},"meta":{"next":"a\"b","at":7,"end":null,"more":false},"meta":3}"#;
        assert_eq!(found(text, &["meta", "next"]).expect("JSON"), Found::Text("a\"b".into()));
        assert_eq!(found(text, &["meta", "at"]).expect("JSON"), Found::Number("7".into()));
        assert_eq!(found(text, &["meta", "more"]).expect("JSON"), Found::Boolean(false));
        assert_eq!(found(text, &["data", "items"]).expect("JSON"), Found::Array { is_empty: false });
        assert_eq!(found(text, &["data", "none"]).expect("JSON"), Found::Array { is_empty: true });
        for nowhere in [&["meta", "end"][..], &["meta", "at", "x"], &["x"], &["data", "items", "x"]] {
            assert_eq!(found(text, nowhere).expect("JSON"), Found::Nothing, "{nowhere:?}");
        }
        assert_eq!(found(r#"{"a":1,"error":"x","b":null}"#, &[]).expect("JSON"), Found::Object { keys: vec!["a".into(), "error".into()] });
        for wrong in ["", "{", "[] []", "{\"a\":1}\n{\"a\":2}"] {
            assert!(found(wrong, &[]).is_err(), "{wrong}");
        }
    }
}
