//! Where something stands in a YAML text.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use saphyr_parser::{Marker, Span};

use crate::diagnostic::Place;

/// Where something stands: lines and columns from 1, the end behind the last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
    /// The file, if it is another one than the rule file itself: one that is included.
    pub file: FileName,
}

/// The name of a file beside the rule file itself. Zero is the rule file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct FileName(pub(super) u32);

/// Names of included files. A position is copied with every value that is read, so it holds a number and not the text. There are
/// as many names as different files were included, however often rule files are read.
static NAMES: RwLock<Names> = RwLock::new(Names { all: Vec::new(), places: BTreeMap::new() });

struct Names {
    all: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl FileName {
    /// The name of an included file.
    pub fn of(name: &str) -> Self {
        let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
        let known = names.places.get(name).copied();
        let index = known.unwrap_or_else(|| {
            let next = names.all.len();
            names.all.push(name.to_owned());
            names.places.insert(name.to_owned(), next);
            next
        });
        Self(u32::try_from(index + 1).unwrap_or(u32::MAX))
    }

    /// The name; `own` is that of the rule file itself.
    pub fn or(self, own: &str) -> String {
        let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
        let name = (self.0 as usize).checked_sub(1).and_then(|index| names.all.get(index));
        name.map_or_else(|| own.to_owned(), Clone::clone)
    }
}

impl Position {
    /// Where a document begins that holds nothing.
    pub(super) const START: Self = Self { line: 1, column: 1, end_line: 1, end_column: 1, file: FileName(0) };

    /// The place in the rule file called `own`, or in the file that it includes.
    pub fn in_file(self, own: &str) -> Place {
        let Self { line, column, end_line, end_column, file } = self;
        Place { file: file.or(own), line, column, end_line, end_column }
    }

    /// From here to the end of `last`.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        match last.file == self.file && (last.end_line, last.end_column) > (self.end_line, self.end_column) {
            true => Self { end_line: last.end_line, end_column: last.end_column, ..self },
            false => self,
        }
    }
}

impl From<Span> for Position {
    fn from(span: Span) -> Self {
        let at = |m: Marker| (m.line() as u32, m.col() as u32 + 1);
        let ((line, column), (end_line, end_column)) = (at(span.start), at(span.end));
        let file = FileName::default();
        Self { line, column, end_line: line, end_column: column, file }.to(Self { line, column, end_line, end_column, file })
    }
}
