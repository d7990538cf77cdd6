//! The three masks.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::HIDDEN;

/// What is shown of a masked column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// `***`.
    Hidden,
    /// A keyed hash: equal values are shown alike.
    Hash,
    /// The first and the last character of long text.
    Partial,
}

impl Mask {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Hash => "hash",
            Self::Partial => "partial",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Hidden, Self::Hash, Self::Partial].into_iter().find(|mask| mask.as_str() == name)
    }
}

/// Text shorter than this is shown by none of its characters.
const PARTIAL_MIN: usize = 8;

/// The first and the last character of a text that is long enough and has more letters than digits: others are numbers of
/// some kind, such as a card's or a telephone's, or dates.
pub(super) fn partial(text: &str) -> String {
    let is_long = text.char_indices().nth(PARTIAL_MIN - 1).is_some();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let is_worded = letters > text.chars().filter(|c| c.is_numeric()).count();
    match (text.chars().next(), text.chars().next_back()) {
        (Some(first), Some(last)) if is_long && is_worded => format!("{first}{HIDDEN}{last}"),
        _ => HIDDEN.to_owned(),
    }
}

impl Serialize for Mask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Hidden => serializer.serialize_bool(true),
            Self::Hash | Self::Partial => serializer.serialize_str(self.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Mask;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`true`, `hash` or `partial`")
            }
            fn visit_bool<E: de::Error>(self, is_masked: bool) -> Result<Mask, E> {
                if is_masked {
                    Ok(Mask::Hidden)
                } else {
                    Err(E::custom("`mask` is `true`, `hash` or `partial`; leave it out to show values"))
                }
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Mask, E> {
                match word {
                    "hash" => Ok(Mask::Hash),
                    "partial" => Ok(Mask::Partial),
                    other => Err(E::unknown_variant(other, &["true", "hash", "partial"])),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Mask {
    fn schema_name() -> Cow<'static, str> {
        "Mask".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`true`: `***`; `hash`: a keyed hash, the same for equal values; `partial`: the first and the last character of long text.",
            "enum": [true, "hash", "partial"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_text_is_shown_only_where_it_is_long_and_no_number() {
        for (text, shown) in [
            ("Wilhelmina", "W***a"),
            ("ann@mail.example", "a***e"),
            ("Ärzteüü日", "Ä***日"),
            ("Wilhelm", "***"),
            ("", "***"),
            ("123-45-6789", "***"),
            ("+49 170 1234567", "***"),
            ("2026-11-27T10:00", "***"),
            ("12 Main Street", "1***t"),
        ] {
            assert_eq!(partial(text), shown, "{text}");
        }
    }
}
