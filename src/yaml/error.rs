//! A mistake met while typed values are read, on its way to a fault.

use std::fmt;

use serde::de;

use super::position::Position;
use crate::diagnostic::{Code, Fault, Misread};

/// What the reader of a single text says, as serde's error: by [`super::read`] it becomes a fault with its hint.
pub fn misread<E: de::Error>(Misread { what, hint }: Misread) -> E {
    match hint {
        Some(hint) => E::invalid_value(de::Unexpected::Other(&what), &hint.as_str()),
        None => E::custom(what),
    }
}

/// A failure to read, with the innermost position known.
#[derive(Debug)]
pub(super) struct Error {
    pub(super) at: Option<Position>,
    pub(super) code: Code,
    pub(super) what: String,
    pub(super) hint: Option<String>,
    /// The key that is missing, where that is the mistake.
    pub(super) missing: Option<&'static str>,
    /// Entries and items that hold the mistake, from the inside out.
    pub(super) path: Vec<usize>,
}

impl Error {
    pub(super) fn at(mut self, at: Position) -> Self {
        self.at.get_or_insert(at);
        self
    }

    pub(super) fn new(fault: Fault) -> Self {
        Self { at: None, code: fault.code, what: fault.what, hint: fault.hint, missing: None, path: Vec::new() }
    }

    pub(super) fn within(mut self, index: usize) -> Self {
        self.path.push(index);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Fault::new(Code::InvalidValue, message.to_string()))
    }

    /// What [`misread`] says, hint and all; any other value that its type cannot hold.
    fn invalid_value(found: de::Unexpected, expected: &dyn de::Expected) -> Self {
        match found {
            de::Unexpected::Other(what) => Self::new(Fault::new(Code::InvalidValue, what).hint(expected.to_string())),
            de::Unexpected::Signed(n) if matches!(expected.to_string().as_str(), "u8" | "u16" | "u32" | "u64" | "usize") => {
                Self::custom(format_args!("expected a whole number of at least 0, found `{n}`"))
            }
            found => Self::invalid_type(found, expected),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Fault::new(Code::UnknownWord, format!("unknown key `{field}`")).hint_word(field, expected.iter().copied()))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Fault::new(Code::UnknownWord, format!("`{variant}` is not allowed here")).hint_word(variant, expected.iter().copied()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(Fault::new(Code::MissingWord, format!("`{field}` is missing"))) }
    }

    fn invalid_type(found: de::Unexpected, expected: &dyn de::Expected) -> Self {
        let expected = match expected.to_string().as_str() {
            "f64" | "f32" => "a number".to_owned(),
            "u64" | "u32" | "u16" | "u8" | "usize" => "a whole number of at least 0".to_owned(),
            "i64" | "i32" => "a whole number".to_owned(),
            "a boolean" => "`true` or `false`".to_owned(),
            "a sequence" => "a list".to_owned(),
            "a map" => "a mapping".to_owned(),
            other => other.to_owned(),
        };
        let hint = hint(&found, &expected);
        let found = match found {
            de::Unexpected::Unit => "nothing".to_owned(),
            de::Unexpected::Map => "a mapping".to_owned(),
            de::Unexpected::Seq => "a list".to_owned(),
            de::Unexpected::Str(text) => format!("`{text}`"),
            de::Unexpected::Bool(b) => format!("`{b}`"),
            de::Unexpected::Unsigned(n) => format!("`{n}`"),
            de::Unexpected::Signed(n) => format!("`{n}`"),
            de::Unexpected::Float(x) => format!("`{x}`"),
            other => other.to_string(),
        };
        let fault = Fault::new(Code::InvalidValue, format!("expected {expected}, found {found}"));
        Self::new(match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        })
    }
}

/// What to write instead of what was `found` where something else is `expected`.
fn hint(found: &de::Unexpected<'_>, expected: &str) -> Option<String> {
    use de::Unexpected::{Bool, Float, Map, Seq, Signed, Str, Unit, Unsigned};
    match (expected, found) {
        ("`true` or `false`", Str(text)) => match text.to_lowercase().as_str() {
            "yes" | "y" | "on" | "1" | "true" => Some("write `true`, without quotes".to_owned()),
            "no" | "n" | "off" | "0" | "false" => Some("write `false`, without quotes".to_owned()),
            _ => None,
        },
        ("`true` or `false`", Unsigned(1)) => Some("write `true`".to_owned()),
        ("`true` or `false`", Unsigned(0)) => Some("write `false`".to_owned()),
        (_, Bool(_) | Unsigned(_) | Signed(_) | Float(_)) if expected.contains("string") => {
            Some("write it in quotes if it is meant as text".to_owned())
        }
        (_, Seq) if expected == "a string" => Some("write one value, without brackets".to_owned()),
        (_, Map) if expected == "a list" => Some("write `[a, b]`, or each item on a line that begins with `- `".to_owned()),
        (_, Str(text)) if expected.contains("number") && text.trim_matches('_').parse::<f64>().is_ok() => {
            Some("write it without quotes".to_owned())
        }
        (_, Unit) => Some("write a value behind the `:`, or leave the key out".to_owned()),
        _ => None,
    }
}
