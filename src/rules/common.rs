//! Which of the words common to all rules a rule takes. The parser, the JSON Schema and the documentation ask here.

use schemars::{Schema, SchemaGenerator};

use super::words::{Duration, Literal, Margin, Tolerance};
use super::{RuleEntry, Subject};
use crate::diagnostic::Misread;

/// What a rule looks at when it judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judges {
    /// Each row by itself.
    Rows,
    /// How rows follow each other: all rows in scope.
    Sequences,
    /// What rows amount to together: the sound ones, or all.
    Measures,
    /// The columns, whatever their rows hold.
    Columns,
}

/// What `warn` is: an earlier limit in the rule's own unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierLimit {
    /// The rule has no limit that another one could come before.
    None,
    /// Beside `tolerate`: a share or a count of failing rows.
    Rows,
    /// Beside `tolerance`: a distance from a share.
    Margin,
    /// Beside `max_age`: a stretch of time.
    Age,
    /// Beside `min`, `max`, `above` or `below`: a value of the measure.
    Bound,
}

impl EarlierLimit {
    /// What is wrong with `written`, as far as that can be known without the data.
    ///
    /// # Errors
    /// It is no limit of this kind.
    pub fn check(self, written: &Literal) -> Result<(), Misread> {
        match self {
            Self::Rows => written.0.parse::<Tolerance>().map(|_| ()),
            Self::Margin => written.0.parse::<Margin>().map(|_| ()),
            Self::Age => written.0.parse::<Duration>().map(|_| ()),
            // A bound is read as the type of its measure.
            Self::Bound | Self::None => Ok(()),
        }
    }

    /// What may be written, as a JSON Schema.
    pub fn schema(self, generator: &mut SchemaGenerator) -> Schema {
        match self {
            Self::Rows => generator.subschema_for::<Tolerance>(),
            Self::Margin => generator.subschema_for::<Margin>(),
            Self::Age => generator.subschema_for::<Duration>(),
            Self::Bound | Self::None => generator.subschema_for::<Literal>(),
        }
    }
}

impl RuleEntry {
    /// Why the common word `word` has no meaning for this rule; none if it has one.
    pub fn refuses(&self, word: &str) -> Option<&'static str> {
        match word {
            "column" | "columns" if self.subject == Subject::Table => Some("this rule is about rows, not about one column"),
            "where" | "by" if self.judges == Judges::Columns => Some("it judges the columns, whatever their rows hold"),
            "on_no_data" if self.judges == Judges::Columns && self.subject == Subject::Table => Some("there are always columns to judge"),
            "tolerate" if !self.names_rows => Some("this rule names no rows that could stay"),
            "warn" if self.warn == EarlierLimit::None => Some("this rule has no earlier limit"),
            "nulls" => match self.judges {
                Judges::Rows => None,
                Judges::Sequences | Judges::Measures | Judges::Columns => Some("judge missing values with `missing`"),
            },
            "over" => match self.judges {
                Judges::Measures if !self.counts_rows => None,
                Judges::Measures | Judges::Sequences => Some("this rule is always over all rows in scope"),
                Judges::Rows => Some("it judges each row by itself, whatever other rules set aside"),
                Judges::Columns => Some("it judges the columns, whatever their rows hold"),
            },
            _ => None,
        }
    }
}
