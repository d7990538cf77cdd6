//! The kinds of JSON values, as far as types are concerned.

use crate::json::{Token, TokenKind};
use crate::text::{EXACT_INTEGER_MAX, is_wide};

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    Null,
    Boolean,
    Integer,
    /// An integer that a float cannot hold exactly.
    WideInteger,
    /// An integer beyond 64 bits.
    BigInteger,
    Float,
    /// A number with a fraction whose digits before the point are more than a float holds exactly.
    WideFloat,
    String,
    Object,
    Array,
}

/// All of them, in order.
pub const KINDS: [ValueKind; 10] = [
    ValueKind::Null,
    ValueKind::Boolean,
    ValueKind::Integer,
    ValueKind::WideInteger,
    ValueKind::BigInteger,
    ValueKind::Float,
    ValueKind::WideFloat,
    ValueKind::String,
    ValueKind::Object,
    ValueKind::Array,
];

impl ValueKind {
    /// The kind of `token`.
    #[inline]
    pub fn of(text: &[u8], token: &Token) -> Self {
        match token.kind {
            TokenKind::Null => Self::Null,
            TokenKind::False | TokenKind::True => Self::Boolean,
            // Fifteen digits and the point.
            TokenKind::Float if token.end - token.start <= 16 => Self::Float,
            TokenKind::Float if is_wide(number_text(text, token)) => Self::WideFloat,
            TokenKind::Float => Self::Float,
            TokenKind::String | TokenKind::Key => Self::String,
            TokenKind::Object => Self::Object,
            TokenKind::Array => Self::Array,
            // Fifteen digits are below 2^53, whatever they are.
            TokenKind::Integer if token.end - token.start <= 15 => Self::Integer,
            TokenKind::Integer => match number_text(text, token).parse::<i64>() {
                Ok(n) if n.unsigned_abs() > EXACT_INTEGER_MAX => Self::WideInteger,
                Ok(_) => Self::Integer,
                Err(_) => Self::BigInteger,
            },
        }
    }

    /// The kind in words, with its article.
    pub fn a_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a bool",
            Self::Integer | Self::WideInteger | Self::BigInteger => "an integer",
            Self::Float | Self::WideFloat => "a number with a fraction",
            Self::String => "a string",
            Self::Object => "an object",
            Self::Array => "an array",
        }
    }

    /// The name of the type that a column of this kind alone would have.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "bool",
            Self::Integer | Self::WideInteger => "int64",
            Self::BigInteger => "integer beyond 64 bits",
            Self::Float => "float64",
            Self::WideFloat => "number beyond 2^53",
            Self::String => "string",
            Self::Object => "struct",
            Self::Array => "list",
        }
    }
}

/// A number's text as it stands in the file.
#[inline]
pub fn number_text<'a>(text: &'a [u8], token: &Token) -> &'a str {
    std::str::from_utf8(&text[token.start as usize..token.end as usize]).unwrap_or_default()
}
