//! Where something stands in a YAML text.

use saphyr_parser::{Marker, Span};

use crate::diagnostic::Place;

/// Where something stands: lines and columns from 1, the end behind the last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

impl Position {
    /// Where a document begins that holds nothing.
    pub(super) const START: Self = Self { line: 1, column: 1, end_line: 1, end_column: 1 };

    pub fn in_file(self, file: &str) -> Place {
        let Self { line, column, end_line, end_column } = self;
        Place { file: file.to_owned(), line, column, end_line, end_column }
    }

    /// From here to the end of `last`.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        match (last.end_line, last.end_column) > (self.end_line, self.end_column) {
            true => Self { end_line: last.end_line, end_column: last.end_column, ..self },
            false => self,
        }
    }
}

impl From<Span> for Position {
    fn from(span: Span) -> Self {
        let at = |m: Marker| (m.line() as u32, m.col() as u32 + 1);
        let ((line, column), (end_line, end_column)) = (at(span.start), at(span.end));
        Self { line, column, end_line: line, end_column: column }.to(Self { line, column, end_line, end_column })
    }
}
