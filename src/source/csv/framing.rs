//! Where records and fields begin and end in delimited text: RFC 4180, with every departure named.
//!
//! A quote opens a quoted field only as the field's first byte; elsewhere it is literal (`5" pipe`).
//! A quoted field whose closing quote is followed by something other than a delimiter or line end,
//! or that never closes, makes its record malformed. If the field crossed a line end, only the
//! record's first line is given up and framing resumes on the next one, so an unterminated quote
//! costs one record and never swallows its neighbours. So does a record that spans lines and has
//! another number of fields than the header: its quote was closed by a neighbour's. A quote behind
//! text, of which a later field seems to hold the other one, is malformed too: a delimiter is missing.

use memchr::{memchr, memchr2};

use super::ahead::LookAhead;
pub use super::record::{Cell, Dialect, Framed};
use super::record::{Input, RECORD_BYTES_MAX};
use super::scan::Scan;

pub(super) const TEXT_AFTER_QUOTE: &str = "text after the closing quote";
pub(super) const QUOTE_INSIDE: &str = "a quote behind text, closed by a later field: is a delimiter missing before it?";

/// Frames the records of some bytes, in the order in which they stand.
#[derive(Debug)]
pub struct Framer<'a> {
    input: Input<'a>,
    /// The cells of the record last framed.
    pub cells: Vec<Cell>,
    scan: Scan,
    ahead: LookAhead,
}

/// How a field in quotes comes out.
enum QuotedField {
    /// It ends with its closing quote, behind which another field or the record's end follows.
    EndsAt(usize),
    /// It crosses a line end and does not fit, as was known after reading up to here: its first line lacks a quote.
    Unterminated { read_to: usize },
    /// Behind its closing quote stands text.
    TextFollows,
    /// It does not close as far as the record may reach.
    Open,
}

impl<'a> Framer<'a> {
    /// `fields` is how many the header has, once that is known; `at_end` says that the file ends with `bytes`.
    pub fn new(bytes: &'a [u8], dialect: Dialect, fields: Option<usize>, at_end: bool) -> Self {
        let input = Input { bytes, dialect, fields, at_end };
        Self { input, cells: Vec::new(), scan: Scan::default(), ahead: LookAhead::default() }
    }

    /// Frames the record at `start`.
    pub fn frame(&mut self, start: usize) -> Framed {
        self.cells.clear();
        if start < self.ahead.read_to
            && let Some(known) = self.ahead.outcome(self.input, start, &mut self.scan)
        {
            return known;
        }
        match self.input.dialect.quote {
            Some(quote) => self.frame_with_quotes(self.input, start, quote),
            None => self.frame_without_quotes(start),
        }
    }

    /// [`Framer::frame`] where some byte is a quote. `input` is handed on by value: read through `self`, it would be loaded
    /// again for every field.
    #[inline(always)]
    fn frame_with_quotes(&mut self, input: Input<'a>, start: usize, quote: u8) -> Framed {
        let Input { bytes, dialect: Dialect { delimiter, .. }, fields, at_end } = input;
        let limit = input.reach(start);
        let (mut at, mut lines) = (start, 1);
        // Whether a field without quotes around it ends with a quote.
        let mut ends_with_quote = false;
        loop {
            let field_end = if bytes.get(at) == Some(&quote) {
                match self.quoted_field(input, at, quote, limit, &mut lines) {
                    QuotedField::EndsAt(field_end) => field_end,
                    QuotedField::Unterminated { read_to } => return self.unterminated(start, read_to),
                    QuotedField::TextFollows => return Framed::bad_first_line(bytes, start, TEXT_AFTER_QUOTE),
                    QuotedField::Open if input.never_closes(start) => return self.unterminated(start, limit),
                    QuotedField::Open => return Framed::Incomplete,
                }
            } else {
                self.plain_field(input, at, quote, &mut ends_with_quote)
            };
            let (end, next) = match bytes.get(field_end) {
                Some(&b) if b == delimiter => {
                    at = field_end + 1;
                    continue;
                }
                Some(&b) => (field_end, (field_end + 1 + usize::from(b == b'\r')).min(bytes.len())),
                None if at_end => (bytes.len(), bytes.len()),
                None => return Framed::Incomplete,
            };
            if lines > 1 && fields.is_some_and(|f| f != self.cells.len()) {
                return self.unterminated(start, next);
            }
            if ends_with_quote && fields.is_none_or(|f| f == self.cells.len()) && opens_inside(bytes, start, &self.cells, quote) {
                return Framed::Bad { end, next, lines, reason: QUOTE_INSIDE };
            }
            return finish(bytes, start, end, next, lines, &self.cells);
        }
    }

    /// Takes in the field whose quote opens at `open`.
    #[inline(always)]
    fn quoted_field(&mut self, input: Input<'a>, open: usize, quote: u8, limit: usize, lines: &mut u32) -> QuotedField {
        let Some((close, escaped)) = closing_quote(input.bytes, open + 1, quote, limit, lines) else { return QuotedField::Open };
        self.cells.push(Cell { start: open as u32 + 1, end: close as u32, escaped });
        let end = close + 1;
        let fits = may_end_field(input.bytes, end, input.dialect.delimiter);
        if *lines > 1 && (!fits || input.fields.is_some_and(|f| self.cells.len() > f)) {
            return QuotedField::Unterminated { read_to: end };
        }
        if fits { QuotedField::EndsAt(end) } else { QuotedField::TextFollows }
    }

    /// Takes in the field at `at`, which has no quotes around it. Gives where the delimiter, the line end or nothing follows.
    #[inline(always)]
    fn plain_field(&mut self, input: Input<'a>, at: usize, quote: u8, ends_with_quote: &mut bool) -> usize {
        let Input { bytes, dialect: Dialect { delimiter, .. }, .. } = input;
        let field_end = self.scan.next(bytes, at, delimiter);
        let text_end = match bytes.get(field_end) {
            Some(&b) if b == delimiter => field_end,
            Some(_) | None if field_end > at && bytes[field_end - 1] == b'\r' => field_end - 1,
            Some(_) | None => field_end,
        };
        // Before an empty field stands a delimiter or a line end.
        *ends_with_quote |= bytes.get(text_end.wrapping_sub(1)) == Some(&quote);
        self.cells.push(Cell { start: at as u32, end: text_end as u32, escaped: false });
        field_end
    }

    /// Gives up the first line of the record at `start`, which was read up to `read_to` before that was known.
    #[cold]
    fn unterminated(&mut self, start: usize, read_to: usize) -> Framed {
        self.ahead.read_to = self.ahead.read_to.max(read_to);
        Framed::unterminated(self.input.bytes, start)
    }

    /// [`Framer::frame`] where no byte is a quote.
    #[inline(always)]
    fn frame_without_quotes(&mut self, start: usize) -> Framed {
        let Input { bytes, dialect: Dialect { delimiter, .. }, at_end, .. } = self.input;
        let mut at = start;
        loop {
            let end = self.scan.next(bytes, at, delimiter);
            if bytes.get(end) == Some(&delimiter) {
                self.cells.push(Cell { start: at as u32, end: end as u32, escaped: false });
                at = end + 1;
                continue;
            }
            if end == bytes.len() && !at_end {
                return Framed::Incomplete;
            }
            let text_end = if end > at && bytes[end - 1] == b'\r' { end - 1 } else { end };
            self.cells.push(Cell { start: at as u32, end: text_end as u32, escaped: false });
            return finish(bytes, start, end, (end + 1).min(bytes.len()), 1, &self.cells);
        }
    }
}

/// Whether a closing quote may stand before `at`.
fn may_end_field(bytes: &[u8], at: usize, delimiter: u8) -> bool {
    match bytes.get(at) {
        Some(b'\r') => matches!(bytes.get(at + 1), None | Some(b'\n')),
        Some(&b) => b == delimiter || b == b'\n',
        None => true,
    }
}

fn finish(bytes: &[u8], start: usize, mut end: usize, next: usize, lines: u32, cells: &[Cell]) -> Framed {
    if end > start && end <= bytes.len() && bytes[end - 1] == b'\r' && cells.len() > 1 {
        end -= 1;
    }
    match cells {
        [only] if only.start as usize == start && only.start == only.end => Framed::Blank { next },
        _ => Framed::Record { end, next, lines },
    }
}

/// Whether a quote stands behind text and before more of it in one field, and at the end of a later one, neither of them
/// quoted: `$83.32"Women's Hikers, Low",` has lost a comma. Inch marks (`5" pipe,6" pipe`) are text.
#[cold]
pub(super) fn opens_inside(bytes: &[u8], start: usize, cells: &[Cell], quote: u8) -> bool {
    let mut inside = false;
    for cell in cells {
        let (from, to) = (cell.start as usize, cell.end as usize);
        if from > start && bytes[from - 1] == quote {
            continue;
        }
        let text = &bytes[from..to];
        if inside && text.ends_with(&[quote]) {
            return true;
        }
        inside |= memchr(quote, text).is_some_and(|n| n + 1 < text.len());
    }
    false
}

/// Where the quote stands that closes the field whose text begins at `at`, and whether doubled quotes stand before it; none
/// if it does not close before `limit`. Adds the line ends inside to `lines`.
fn closing_quote(bytes: &[u8], mut at: usize, quote: u8, limit: usize, lines: &mut u32) -> Option<(usize, bool)> {
    let mut escaped = false;
    while at < limit {
        at += memchr2(quote, b'\n', &bytes[at..limit])?;
        if bytes[at] == b'\n' {
            *lines += 1;
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            escaped = true;
            at += 2;
        } else {
            return Some((at, escaped));
        }
    }
    None
}

/// Where the last whole record of `bytes` ends: the end of a unit. 0 when not even one is whole.
pub fn last_record_end(bytes: &[u8], dialect: Dialect, fields: usize, at_end: bool) -> usize {
    if at_end {
        return bytes.len();
    }
    let Some(quote) = dialect.quote.filter(|&q| memchr(q, bytes).is_some()) else {
        return memchr::memrchr(b'\n', bytes).map_or(0, |n| n + 1);
    };
    // A closing quote or carriage return as the very last byte could still change its meaning.
    let sure = bytes.len().saturating_sub(2);
    if lines_are_records(bytes, dialect.delimiter, quote) {
        return memchr::memrchr(b'\n', &bytes[..sure]).map_or(0, |n| n + 1);
    }
    last_framed_end(bytes, dialect, fields, sure)
}

/// Whether a look at the quotes tells that every line of `bytes`, but perhaps the last, is a record: each quoted field
/// closes before its line ends, and nothing but a delimiter or the line's end follows.
fn lines_are_records(bytes: &[u8], delimiter: u8, quote: u8) -> bool {
    let mut at = 0;
    while let Some(found) = memchr(quote, &bytes[at..]) {
        let open = at + found;
        at = open + 1;
        if open > 0 && bytes[open - 1] != delimiter && bytes[open - 1] != b'\n' {
            continue;
        }
        let mut lines = 1;
        let closed = closing_quote(bytes, at, quote, bytes.len().min(open.saturating_add(RECORD_BYTES_MAX)), &mut lines);
        if lines > 1 {
            return false;
        }
        let Some((close, _)) = closed else { return true };
        at = close + 1;
        match bytes[at..] {
            [] | [b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..] => {}
            [next, ..] if next == delimiter => {}
            _ => return false,
        }
    }
    true
}

/// The end of the last record before `sure`, framing all of them.
fn last_framed_end(bytes: &[u8], dialect: Dialect, fields: usize, sure: usize) -> usize {
    let mut framer = Framer::new(bytes, dialect, Some(fields), false);
    let mut at = 0;
    while at < sure {
        match framer.frame(at) {
            Framed::Record { next, .. } | Framed::Blank { next } | Framed::Bad { next, .. } if next <= sure => at = next,
            Framed::Record { .. } | Framed::Blank { .. } | Framed::Comment { .. } | Framed::Bad { .. } | Framed::Incomplete => break,
        }
    }
    at
}

#[cfg(test)]
mod tests;
