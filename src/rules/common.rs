//! Which of the words common to all rules a rule takes. The parser, the JSON Schema and the documentation ask here.

use super::{EarlierLimit, RuleEntry, Subject};

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
    /// What becomes of all rows: which are left, and which are set aside.
    Gate,
}

impl RuleEntry {
    /// Why the common word `word` has no meaning for the rule; none if it has one.
    pub fn refuses(&self, word: &str) -> Option<&'static str> {
        match word {
            "column" | "columns" if self.subject == Subject::Table => Some("the rule is about rows, not about one column"),
            "by" if !self.takes_groups => Some("it compares all rows at once, not by group; `where` asks for a part of them"),
            "where" | "by" if self.judges == Judges::Columns => Some("it judges the columns, whatever their rows hold"),
            "on_no_data" if self.judges == Judges::Columns && self.subject == Subject::Table => Some("there are always columns to judge"),
            "tolerate" if !self.names_rows => Some("the rule names no rows that could stay"),
            "min_rows" | "require_evidence" if self.counts_rows || self.judges == Judges::Columns => {
                Some("the rule needs no sample: however few rows there are, it can be judged")
            }
            "warn" if self.warn == EarlierLimit::None => Some("the rule has no earlier limit"),
            "nulls" => match self.judges {
                Judges::Rows => None,
                Judges::Sequences | Judges::Measures | Judges::Columns | Judges::Gate => Some("judge missing values with `missing`"),
            },
            "over" => match self.judges {
                Judges::Measures if !self.counts_rows => None,
                Judges::Measures | Judges::Sequences => Some("the rule is always over all rows in scope"),
                Judges::Rows if self.also_measures => None,
                Judges::Rows => Some("it judges each row by itself, whatever other rules set aside"),
                Judges::Columns => Some("it judges the columns, whatever their rows hold"),
                Judges::Gate => Some("it compares all rows with those that are left"),
            },
            _ => None,
        }
    }
}
