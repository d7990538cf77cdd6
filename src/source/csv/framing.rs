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

use super::ahead::Ahead;
use super::scan::Scan;

/// The longest record that is looked for behind an open quote, in bytes.
pub const RECORD_BYTES_MAX: usize = 64 << 20;

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

/// A field's bytes: `start..end` without quotes; `escaped` when it holds doubled quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub start: u32,
    pub end: u32,
    pub escaped: bool,
}

/// The cells of the record last framed, and what is known of the bytes around; of one buffer of bytes.
#[derive(Debug, Default)]
pub struct Record {
    pub cells: Vec<Cell>,
    scan: Scan,
    ahead: Ahead,
}

/// What stands at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed {
    /// A record whose cells were pushed; it spans `lines` lines and its text ends at `end`.
    Record { end: usize, next: usize, lines: u32 },
    /// A line with nothing on it.
    Blank { next: usize },
    /// A record that cannot be framed; `end` is where its raw text ends.
    Bad { end: usize, next: usize, lines: u32, reason: &'static str },
    /// The bytes stop before the record's end can be known.
    Incomplete,
}

pub(super) const UNTERMINATED: &str = "unterminated quote";
const TEXT_AFTER_QUOTE: &str = "text after the closing quote";
const QUOTE_INSIDE: &str = "a quote behind text, closed by a later field: is a delimiter missing before it?";

/// Frames the record at `start`. `fields` is how many the header has, once that is known; `at_end`
/// says that nothing follows `bytes`.
pub fn frame(bytes: &[u8], start: usize, dialect: Dialect, fields: Option<usize>, at_end: bool, record: &mut Record) -> Framed {
    let Record { cells, scan, ahead } = record;
    cells.clear();
    if start < ahead.seen
        && let Some(known) = ahead.tells(bytes, start, dialect, fields, at_end, scan)
    {
        return known;
    }
    let Dialect { delimiter, quote } = dialect;
    let Some(quote) = quote else { return unquoted(bytes, start, delimiter, at_end, cells, scan) };
    let mut at = start;
    let mut lines = 1;
    // Whether a field without quotes ends with one.
    let mut ends_quoted = false;
    loop {
        let cell_end;
        if bytes.get(at) == Some(&quote) {
            match quoted(bytes, at + 1, quote, start, &mut lines) {
                Quoted::Closed { end, escaped } => {
                    cells.push(Cell { start: at as u32 + 1, end: end as u32, escaped });
                    cell_end = end + 1;
                }
                Quoted::Open if at_end || bytes.len() - start > RECORD_BYTES_MAX => {
                    ahead.seen = ahead.seen.max(bytes.len().min(start.saturating_add(RECORD_BYTES_MAX)));
                    return first_line(bytes, start, UNTERMINATED);
                }
                Quoted::Open => return Framed::Incomplete,
            }
            let fits = may_end_field(bytes, cell_end, delimiter);
            if lines > 1 && (!fits || fields.is_some_and(|f| cells.len() > f)) {
                ahead.seen = ahead.seen.max(cell_end);
                return first_line(bytes, start, UNTERMINATED);
            }
            if !fits {
                return first_line(bytes, start, TEXT_AFTER_QUOTE);
            }
        } else {
            cell_end = scan.next(bytes, at, delimiter);
            let text_end = match bytes.get(cell_end) {
                Some(&b) if b == delimiter => cell_end,
                _ if cell_end > at && bytes[cell_end - 1] == b'\r' => cell_end - 1,
                _ => cell_end,
            };
            // Before an empty field stands a delimiter or a line end.
            ends_quoted |= bytes.get(text_end.wrapping_sub(1)) == Some(&quote);
            cells.push(Cell { start: at as u32, end: text_end as u32, escaped: false });
        }
        let (end, next) = match bytes.get(cell_end) {
            Some(&b) if b == delimiter => {
                at = cell_end + 1;
                continue;
            }
            Some(&b) => (cell_end, (cell_end + 1 + usize::from(b == b'\r')).min(bytes.len())),
            None if at_end => (bytes.len(), bytes.len()),
            None => return Framed::Incomplete,
        };
        if lines > 1 && fields.is_some_and(|f| f != cells.len()) {
            ahead.seen = ahead.seen.max(next);
            return first_line(bytes, start, UNTERMINATED);
        }
        if ends_quoted && fields.is_none_or(|f| f == cells.len()) && opens_inside(bytes, start, cells, quote) {
            return Framed::Bad { end, next, lines, reason: QUOTE_INSIDE };
        }
        return finish(bytes, start, end, next, lines, cells);
    }
}

/// The same where no byte is a quote.
fn unquoted(bytes: &[u8], start: usize, delimiter: u8, at_end: bool, cells: &mut Vec<Cell>, scan: &mut Scan) -> Framed {
    let mut at = start;
    loop {
        let end = scan.next(bytes, at, delimiter);
        if bytes.get(end) == Some(&delimiter) {
            cells.push(Cell { start: at as u32, end: end as u32, escaped: false });
            at = end + 1;
            continue;
        }
        if end == bytes.len() && !at_end {
            return Framed::Incomplete;
        }
        let text_end = if end > at && bytes[end - 1] == b'\r' { end - 1 } else { end };
        cells.push(Cell { start: at as u32, end: text_end as u32, escaped: false });
        return finish(bytes, start, end, (end + 1).min(bytes.len()), 1, cells);
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
fn opens_inside(bytes: &[u8], start: usize, cells: &[Cell], quote: u8) -> bool {
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

/// Gives up the first line of the record at `start`.
pub(super) fn first_line(bytes: &[u8], start: usize, reason: &'static str) -> Framed {
    let (mut end, next) = match memchr(b'\n', &bytes[start..]) {
        Some(n) => (start + n, start + n + 1),
        None => (bytes.len(), bytes.len()),
    };
    if end > start && bytes[end - 1] == b'\r' {
        end -= 1;
    }
    Framed::Bad { end, next, lines: 1, reason }
}

enum Quoted {
    Closed { end: usize, escaped: bool },
    Open,
}

/// Looks for the quote that closes the field whose text begins at `at`.
fn quoted(bytes: &[u8], mut at: usize, quote: u8, record_start: usize, lines: &mut u32) -> Quoted {
    let mut escaped = false;
    let limit = bytes.len().min(record_start.saturating_add(RECORD_BYTES_MAX));
    while at < limit {
        let Some(found) = memchr2(quote, b'\n', &bytes[at..limit]) else { return Quoted::Open };
        at += found;
        if bytes[at] == b'\n' {
            *lines += 1;
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            escaped = true;
            at += 2;
        } else {
            return Quoted::Closed { end: at, escaped };
        }
    }
    Quoted::Open
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
        let closed = quoted(bytes, at, quote, open, &mut lines);
        if lines > 1 {
            return false;
        }
        let Quoted::Closed { end, .. } = closed else { return true };
        at = end + 1;
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
    let mut at = 0;
    let mut record = Record::default();
    while at < sure {
        match frame(bytes, at, dialect, Some(fields), false, &mut record) {
            Framed::Record { next, .. } | Framed::Blank { next } | Framed::Bad { next, .. } if next <= sure => at = next,
            _ => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: Dialect = Dialect { delimiter: b',', quote: Some(b'"') };

    /// Records as lists of fields; malformed ones as their raw text in angle brackets.
    fn all(text: &str) -> Vec<Vec<String>> {
        framed(text, None)
    }

    fn framed(text: &str, fields: Option<usize>) -> Vec<Vec<String>> {
        let bytes = text.as_bytes();
        let (mut at, mut record, mut out) = (0, Record::default(), Vec::new());
        while at < bytes.len() {
            match frame(bytes, at, CSV, fields, true, &mut record) {
                Framed::Record { next, .. } => {
                    out.push(record.cells.iter().map(|c| text[c.start as usize..c.end as usize].to_owned()).collect());
                    at = next;
                }
                Framed::Blank { next } => at = next,
                Framed::Bad { end, next, .. } => {
                    out.push(vec![format!("<{}>", &text[at..end])]);
                    at = next;
                }
                Framed::Incomplete => unreachable!("the text is at its end"),
            }
        }
        out
    }

    #[test]
    fn quotes_newlines_and_line_ends() {
        assert_eq!(all("a,b\r\n1,2\r\n"), [["a", "b"], ["1", "2"]]);
        assert_eq!(all("\"x,\ny\",2\n3,4"), [["x,\ny", "2"], ["3", "4"]]);
        assert_eq!(all("5\" pipe,2\n"), [["5\" pipe", "2"]]);
        assert_eq!(all("a,\n\n,b\n"), [["a", ""], ["", "b"]]);
    }

    #[test]
    fn an_unterminated_quote_costs_one_record() {
        assert_eq!(all("1,\"abc,3\n2,\"def\",4\n"), vec![vec!["<1,\"abc,3>".to_owned()], vec!["2".into(), "def".into(), "4".into()]]);
        assert_eq!(all("1,2\n3,\"x\n4,5\n"), vec![vec!["1".to_owned(), "2".into()], vec!["<3,\"x>".into()], vec!["4".into(), "5".into()]]);
        assert_eq!(all("1,\"a\"b,2\n3,4,5\n"), vec![vec!["<1,\"a\"b,2>".to_owned()], vec!["3".into(), "4".into(), "5".into()]]);
    }

    #[test]
    fn a_quote_closed_by_a_neighbours_costs_one_record_too() {
        let found = framed("1,\"a\n2,\",x\"\n3,z\n", Some(2));
        assert_eq!(found, [vec!["<1,\"a>".to_owned()], vec!["2".into(), ",x".into()], vec!["3".into(), "z".into()]]);
    }

    proptest::proptest! {
        #[test]
        fn a_look_at_the_quotes_finds_the_same_end(text in "([a,\"\r]{0,6}|\"[a,]{0,3}(\"\")?[a,\n]?\"[,\n])(\n|\r\n|,){0,8}{0,12}") {
            let text = format!("\"a\",{text}");
            let bytes = text.as_bytes();
            let sure = bytes.len().saturating_sub(2);
            let framed = last_framed_end(bytes, CSV, 3, sure);
            proptest::prop_assert_eq!(last_record_end(bytes, CSV, 3, false), framed);
        }
    }

    #[test]
    fn a_quote_behind_text_that_a_later_field_closes_has_lost_its_delimiter() {
        let damaged = "1,$83.32\"Women's Hikers, Low\",x\n2,$9,\"Low, wide\",y\n";
        assert_eq!(framed(damaged, Some(4))[0], [format!("<{}>", damaged.lines().next().unwrap_or_default())]);
        // Where the number of fields does not fit, that is what is said.
        assert_eq!(framed(damaged, Some(3))[0].len(), 4);
        // The record is given up whole, with what it holds on other lines.
        assert_eq!(framed("1\"a,b\",\"x\ny\"\n2,3,4\n", Some(3)), [vec!["<1\"a,b\",\"x\ny\">"], vec!["2", "3", "4"]]);
        for text in ["5\" pipe,6\" pipe", "5\",6\"", "5\" pipe,\"a, b\"", "a\"b\",c", "6\",5\" pipe"] {
            assert_eq!(framed(text, None)[0].len(), 2, "{text}");
        }
    }

    #[test]
    fn units_end_at_records() {
        let text = b"1,\"a\nb\"\n2,c\n3,\"d";
        assert_eq!(last_record_end(text, CSV, 2, false), 12);
        assert_eq!(last_record_end(b"1,2\n3,4", CSV, 2, false), 4);
        assert_eq!(last_record_end(b"1,2\n3,4", CSV, 2, true), 7);
    }
}
