//! What is wrong with a text that somebody else has the place of.

use std::fmt;

/// Why a text is not what it should be, and what to write instead: a fault in the making, for readers of single texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misread {
    pub what: String,
    pub hint: Option<String>,
}

impl Misread {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With the name of what was read in front.
    #[must_use]
    pub fn about(self, name: &str) -> Self {
        Self { what: format!("{name}: {}", self.what), ..self }
    }

    /// See [`super::Fault::hint_nearest`].
    #[must_use]
    pub fn hint_nearest<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self { hint: super::among(name, known), ..self }
    }

    /// See [`super::Fault::hint_word`].
    #[must_use]
    pub fn hint_word<'a>(self, word: &str, allowed: impl IntoIterator<Item = &'a str>) -> Self {
        Self { hint: super::among_words(word, allowed), ..self }
    }
}

impl From<String> for Misread {
    fn from(what: String) -> Self {
        Self::new(what)
    }
}

impl From<&str> for Misread {
    fn from(what: &str) -> Self {
        Self::new(what)
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Misread {}
