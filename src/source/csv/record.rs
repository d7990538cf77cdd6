//! What stands at a position of delimited text: a record's cells, or why there is none.

use memchr::memchr;

/// The longest record that is looked for behind an open quote, in bytes.
pub(super) const RECORD_BYTES_MAX: usize = 64 << 20;

/// Delimiter and quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: u8,
    pub quote: Option<u8>,
}

impl Dialect {
    /// The same, for `bytes` alone: where they hold no quote, none need be looked for.
    pub fn within(self, bytes: &[u8]) -> Self {
        Self { quote: self.quote.filter(|&q| memchr(q, bytes).is_some()), ..self }
    }
}

/// Delimited text, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    pub bytes: &'a [u8],
    pub dialect: Dialect,
    /// How many fields a record has, once the header was read.
    pub fields: Option<usize>,
    /// Whether the file ends with `bytes`.
    pub at_end: bool,
}

impl Input<'_> {
    /// How far a record that begins at `start` is read while it looks for a closing quote.
    #[inline]
    pub(super) fn reach(&self, start: usize) -> usize {
        self.bytes.len().min(start.saturating_add(RECORD_BYTES_MAX))
    }

    /// Whether a quote that does not close within reach of the record at `start` never closes, whatever bytes follow.
    pub(super) fn never_closes(&self, start: usize) -> bool {
        self.at_end || self.bytes.len() - start > RECORD_BYTES_MAX
    }
}

/// A field's bytes: `start..end` without quotes; `escaped` when it may hold doubled quotes or escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub start: u32,
    pub end: u32,
    pub escaped: bool,
}

/// What stands at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed {
    /// A record whose cells were pushed; it spans `lines` lines and its text ends at `end`.
    Record { end: usize, next: usize, lines: u32 },
    /// A line with nothing on it.
    Blank { next: usize },
    /// A line that begins with the mark of comments.
    Comment { next: usize },
    /// A record that cannot be framed; `end` is where its raw text ends.
    Bad { end: usize, next: usize, lines: u32, reason: &'static str },
    /// The bytes stop before the record's end can be known.
    Incomplete,
}

impl Framed {
    /// The first line of the record at `start` as a malformed record; the next record begins on the line behind it.
    pub fn bad_first_line(bytes: &[u8], start: usize, reason: &'static str) -> Self {
        let (mut end, next) = match memchr(b'\n', &bytes[start..]) {
            Some(n) => (start + n, start + n + 1),
            None => (bytes.len(), bytes.len()),
        };
        if end > start && bytes[end - 1] == b'\r' {
            end -= 1;
        }
        Self::Bad { end, next, lines: 1, reason }
    }

    /// The same of a record that crosses a line end inside quotes: the quote was meant to close on the first line.
    pub fn unterminated(bytes: &[u8], start: usize) -> Self {
        Self::bad_first_line(bytes, start, "unterminated quote")
    }
}

/// The line at `start`, if it begins with `mark`: a comment. `Incomplete` where the bytes stop too early to say.
pub(super) fn comment(bytes: &[u8], start: usize, mark: &[u8], at_end: bool) -> Option<Framed> {
    let rest = &bytes[start..];
    if !rest.starts_with(mark) {
        return (!at_end && rest.len() < mark.len() && mark.starts_with(rest)).then_some(Framed::Incomplete);
    }
    Some(match memchr(b'\n', rest) {
        Some(n) => Framed::Comment { next: start + n + 1 },
        None if at_end => Framed::Comment { next: bytes.len() },
        None => Framed::Incomplete,
    })
}
