//! Lines of columns of fixed width, counted in characters.

use memchr::memchr;

use super::record::{Cell, Framed, comment};
use crate::diagnostic::{Code, Fault};
use crate::source::FixedColumn;

/// Where the columns stand.
#[derive(Debug)]
pub(super) struct Fixed {
    pub names: Vec<String>,
    /// The columns in the order in which they stand on a line: which one, its first character, and the one behind its last,
    /// where it does not go on to the line's end.
    spans: Vec<(usize, usize, Option<usize>)>,
    comment: Vec<u8>,
}

impl Fixed {
    /// # Errors
    /// There is no column, two overlap, or one that goes on to the line's end is not the last.
    pub(super) fn of(columns: &[FixedColumn], comment: Option<&str>) -> Result<Self, Fault> {
        if columns.is_empty() {
            let fault = Fault::new(Code::MissingWord, "the format fixed needs `source: { columns: … }`");
            return Err(fault.hint("write each column's width, in characters: `columns: { id: 6, name: 20, price: 8 }`"));
        }
        let mut spans: Vec<_> = columns.iter().enumerate().map(|(i, c)| (i, c.start, c.width.map(|width| c.start + width))).collect();
        spans.sort_by_key(|&(_, start, _)| start);
        for pair in spans.windows(2) {
            let ((first, _, end), (second, start, _)) = (pair[0], pair[1]);
            if end.is_none_or(|end| end > start) {
                let (first, second) = (&columns[first].name, &columns[second].name);
                let fault = Fault::new(Code::ConflictingWords, format!("the columns `{first}` and `{second}` overlap"));
                return Err(fault.hint("`start` counts characters from 1; only the last column of a line may go without a width"));
            }
        }
        let names = columns.iter().map(|c| c.name.clone()).collect();
        Ok(Self { names, spans, comment: comment.unwrap_or_default().as_bytes().to_vec() })
    }

    /// Characters that a line must have.
    fn needed(&self) -> usize {
        self.spans.last().map_or(0, |&(_, start, end)| end.unwrap_or(start))
    }
}

/// Frames lines.
#[derive(Debug)]
pub(super) struct FixedFramer<'a> {
    fixed: &'a Fixed,
    bytes: &'a [u8],
    at_end: bool,
    pub cells: Vec<Cell>,
    /// Why the line last framed is malformed.
    pub why: String,
    /// Where each character of a line that is not ASCII begins, and where the line ends.
    characters: Vec<usize>,
}

impl<'a> FixedFramer<'a> {
    pub(super) fn new(fixed: &'a Fixed, bytes: &'a [u8], at_end: bool) -> Self {
        Self { fixed, bytes, at_end, cells: Vec::new(), why: String::new(), characters: Vec::new() }
    }

    /// Frames the line at `start`.
    pub(super) fn frame(&mut self, start: usize) -> Framed {
        self.cells.clear();
        if !self.fixed.comment.is_empty()
            && let Some(known) = comment(self.bytes, start, &self.fixed.comment, self.at_end)
        {
            return known;
        }
        let (mut end, next) = match memchr(b'\n', &self.bytes[start..]) {
            Some(n) => (start + n, start + n + 1),
            None if self.at_end => (self.bytes.len(), self.bytes.len()),
            None => return Framed::Incomplete,
        };
        if end > start && self.bytes[end - 1] == b'\r' {
            end -= 1;
        }
        if end == start {
            self.cells.push(Cell { start: start as u32, end: start as u32, escaped: false });
            return Framed::Blank { next };
        }
        match self.divide(start, end) {
            Ok(()) => Framed::Record { end, next, lines: 1 },
            Err(why) => {
                self.why = why;
                Framed::Bad { end, next, lines: 1, reason: "its characters do not fit the columns" }
            }
        }
    }

    /// Divides the line `start..end`.
    fn divide(&mut self, start: usize, end: usize) -> Result<(), String> {
        let bytes = self.bytes;
        let line = &bytes[start..end];
        self.characters.clear();
        if !line.is_ascii() {
            let Ok(text) = std::str::from_utf8(line) else {
                // That it is not UTF-8 is what is said of it.
                let nothing = Cell { start: start as u32, end: start as u32, escaped: false };
                self.cells.resize(self.fixed.names.len(), nothing);
                return Ok(());
            };
            self.characters.extend(text.char_indices().map(|(at, _)| start + at));
            self.characters.push(end);
        }
        let is_ascii = self.characters.is_empty();
        let count = if is_ascii { line.len() } else { self.characters.len() - 1 };
        let place = |character: usize| if is_ascii { start + character } else { self.characters[character] };
        let needed = self.fixed.needed();
        if count < needed {
            return Err(format!("{count} characters where the columns need {needed}"));
        }
        let is_blank = |from: usize, to: usize| bytes[from..to].iter().all(|b| matches!(b, b' ' | b'\t'));
        self.cells.resize(self.fixed.names.len(), Cell { start: 0, end: 0, escaped: false });
        let mut behind = 0;
        for &(column, first, last) in &self.fixed.spans {
            if !is_blank(place(behind), place(first)) {
                return Err(format!("text between two columns, at characters {} to {first}", behind + 1));
            }
            behind = last.unwrap_or(count);
            let (mut from, mut to) = (place(first), place(behind));
            while from < to && matches!(bytes[from], b' ' | b'\t') {
                from += 1;
            }
            while to > from && matches!(bytes[to - 1], b' ' | b'\t') {
                to -= 1;
            }
            self.cells[column] = Cell { start: from as u32, end: to as u32, escaped: false };
        }
        if !is_blank(place(behind), end) {
            return Err(format!("{count} characters, and text behind the last column, which ends with character {behind}"));
        }
        Ok(())
    }
}
