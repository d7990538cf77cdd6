//! Delimited text beyond the usual: delimiters of several characters, runs of blanks, escapes, comments.
//!
//! What [`super::framing`] says of quotes holds here too. An escape takes its meaning from a quote, a character of the
//! delimiter, a line end, the first character of the comment mark, or another escape; before anything else it is text like
//! any other, so that `C:\new` stays what it is. Two quotes inside quotes are one here as well.

use memchr::{memchr, memchr2, memchr3};

use super::ahead::{Behind, LookAhead, Walk};
use super::framing::{QUOTE_INSIDE, TEXT_AFTER_QUOTE, opens_inside};
use super::record::{Cell, Framed, RECORD_BYTES_MAX, comment};
use super::scan::Scan;
use crate::source::Delimiter;

/// Such a dialect.
#[derive(Debug)]
pub(super) struct Rich {
    /// The delimiter; empty for runs of blanks.
    delimiter: Vec<u8>,
    pub quote: Option<u8>,
    escape: Option<u8>,
    comment: Vec<u8>,
    /// What an escape may stand before.
    specials: Vec<Vec<u8>>,
}

impl Rich {
    pub(super) fn of(delimiter: &Delimiter, quote: Option<u8>, escape: Option<u8>, comment: Option<&str>) -> Self {
        let (delimiter, parts) = match delimiter {
            Delimiter::Text(text) => (text.as_bytes().to_vec(), text.chars().collect::<Vec<_>>()),
            Delimiter::Blanks => (Vec::new(), vec![' ', '\t']),
        };
        let comment = comment.unwrap_or_default();
        let bytes = quote.into_iter().chain(escape).map(char::from);
        let characters = parts.into_iter().chain(comment.chars().next()).chain(bytes).chain(['\n']);
        let mut specials: Vec<Vec<u8>> = characters.map(|c| c.to_string().into_bytes()).collect();
        specials.push(b"\r\n".to_vec());
        Self { delimiter, quote, escape, comment: comment.as_bytes().to_vec(), specials }
    }

    fn has_blanks(&self) -> bool {
        self.delimiter.is_empty()
    }

    /// The length of what the escape before `rest` takes its meaning from.
    fn escaped(&self, rest: &[u8]) -> Option<usize> {
        self.specials.iter().find(|special| rest.starts_with(special)).map(Vec::len)
    }

    /// The text of a cell without escapes and, where quotes stand around it, doubled quotes.
    pub(super) fn unescaped(&self, text: &str, is_quoted: bool) -> String {
        let bytes = text.as_bytes();
        let (mut out, mut at, mut kept) = (String::with_capacity(text.len()), 0, 0);
        while at < bytes.len() {
            let byte = Some(bytes[at]);
            let special = if byte == self.escape {
                self.escaped(&bytes[at + 1..])
            } else {
                let is_doubled = is_quoted && byte == self.quote && bytes.get(at + 1).copied() == self.quote;
                is_doubled.then_some(1)
            };
            match special {
                Some(len) => {
                    out.push_str(&text[kept..at]);
                    kept = at + 1;
                    at += 1 + len;
                }
                None => at += 1,
            }
        }
        out.push_str(&text[kept..]);
        out
    }

    /// Where the last whole record of `bytes` ends. 0 when not even one is whole.
    pub(super) fn last_record_end(&self, bytes: &[u8], fields: usize, at_end: bool) -> usize {
        if at_end {
            return bytes.len();
        }
        let holds = |byte: Option<u8>| byte.is_some_and(|byte| memchr(byte, bytes).is_some());
        if !holds(self.quote) && !holds(self.escape) {
            return memchr::memrchr(b'\n', bytes).map_or(0, |n| n + 1);
        }
        // A closing quote, an escape or a carriage return as the very last byte could still change its meaning.
        let sure = bytes.len().saturating_sub(2);
        let mut framer = RichFramer::new(self, bytes, Some(fields), false);
        let mut at = 0;
        while at < sure {
            match framer.frame(at) {
                Framed::Record { next, .. } | Framed::Blank { next } | Framed::Comment { next } | Framed::Bad { next, .. }
                    if next <= sure =>
                {
                    at = next;
                }
                Framed::Record { .. } | Framed::Blank { .. } | Framed::Comment { .. } | Framed::Bad { .. } | Framed::Incomplete => break,
            }
        }
        at
    }
}

/// Text of such a dialect, and what is known of it.
#[derive(Debug, Clone, Copy)]
struct RichInput<'a> {
    bytes: &'a [u8],
    rich: &'a Rich,
    fields: Option<usize>,
    at_end: bool,
}

impl RichInput<'_> {
    /// Where the next field begins, if a delimiter stands at `at`.
    fn delimiter_at(&self, at: usize) -> Option<usize> {
        let rest = &self.bytes[at..];
        match self.rich.has_blanks() {
            true => Some(at + blanks(rest)).filter(|&next| next > at),
            false => rest.starts_with(&self.rich.delimiter).then(|| at + self.rich.delimiter.len()),
        }
    }

    /// Where the next line begins, if a line end stands at `at`.
    fn line_end_at(&self, at: usize) -> Option<usize> {
        match self.bytes.get(at)? {
            b'\n' => Some(at + 1),
            b'\r' if matches!(self.bytes.get(at + 1), None | Some(b'\n')) => Some((at + 2).min(self.bytes.len())),
            _ => None,
        }
    }
}

/// How many blanks `text` begins with.
fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

impl Walk for RichInput<'_> {
    fn bytes(&self) -> &[u8] {
        self.bytes
    }

    fn fields(&self) -> Option<usize> {
        self.fields
    }

    fn quote(&self) -> Option<u8> {
        self.rich.quote
    }

    fn reach(&self, start: usize) -> usize {
        self.bytes.len().min(start.saturating_add(RECORD_BYTES_MAX))
    }

    fn never_closes(&self, start: usize) -> bool {
        self.at_end || self.bytes.len() - start > RECORD_BYTES_MAX
    }

    fn begin(&self, start: usize) -> usize {
        if self.rich.has_blanks() { start + blanks(&self.bytes[start..]) } else { start }
    }

    fn quote_or_line_end(&self, at: &mut usize, limit: usize, quote: u8) -> Option<usize> {
        while *at < limit {
            let rest = &self.bytes[*at..limit];
            let found = match self.rich.escape {
                Some(escape) => memchr3(quote, b'\n', escape, rest),
                None => memchr2(quote, b'\n', rest),
            };
            let Some(found) = found else { break };
            *at += found;
            let byte = self.bytes[*at];
            if Some(byte) == self.rich.escape {
                // A line end behind an escape is one all the same: it is found next.
                let behind = &self.bytes[*at + 1..];
                let ends_line = matches!(behind, [b'\n', ..] | [b'\r', b'\n', ..]);
                *at += 1 + self.rich.escaped(behind).filter(|_| !ends_line).unwrap_or(0);
            } else if byte == b'\n' || self.bytes.get(*at + 1) != Some(&quote) {
                return Some(*at);
            } else {
                *at += 2;
            }
        }
        *at = (*at).max(limit);
        None
    }

    fn plain_end(&self, mut at: usize, _: &mut Scan) -> usize {
        let bytes = self.bytes;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let escape = self.rich.escape;
            let found = match (self.rich.delimiter.first(), escape) {
                (Some(&first), Some(escape)) => memchr3(first, b'\n', escape, rest),
                (Some(&first), None) => memchr2(first, b'\n', rest),
                (None, _) => rest.iter().position(|&b| matches!(b, b' ' | b'\t' | b'\n') || Some(b) == escape),
            };
            let Some(found) = found else { return bytes.len() };
            at += found;
            if Some(bytes[at]) == escape {
                at += 1 + self.rich.escaped(&bytes[at + 1..]).unwrap_or(0);
            } else if bytes[at] == b'\n' || self.delimiter_at(at).is_some() {
                return at;
            } else {
                at += 1;
            }
        }
        bytes.len()
    }

    fn behind(&self, end: usize) -> Behind {
        if let Some(next) = self.line_end_at(end) {
            return Behind::RecordEnd(next);
        }
        let rest = &self.bytes[end..];
        match self.delimiter_at(end) {
            // Blanks before the line's end are no delimiter.
            Some(next) if self.rich.has_blanks() => match self.line_end_at(next) {
                Some(next) => Behind::RecordEnd(next),
                None if next < self.bytes.len() => Behind::Delimiter(next),
                None if self.at_end => Behind::RecordEnd(next),
                None => Behind::Unknown,
            },
            Some(next) => Behind::Delimiter(next),
            None if rest.is_empty() && self.at_end => Behind::RecordEnd(end),
            None if !self.at_end && (rest.is_empty() || self.rich.delimiter.starts_with(rest)) => Behind::Unknown,
            None => Behind::Text,
        }
    }
}

/// Frames the records of some bytes, in the order in which they stand.
#[derive(Debug)]
pub(super) struct RichFramer<'a> {
    input: RichInput<'a>,
    pub cells: Vec<Cell>,
    scan: Scan,
    ahead: LookAhead,
}

impl<'a> RichFramer<'a> {
    pub(super) fn new(rich: &'a Rich, bytes: &'a [u8], fields: Option<usize>, at_end: bool) -> Self {
        let input = RichInput { bytes, rich, fields, at_end };
        Self { input, cells: Vec::new(), scan: Scan::default(), ahead: LookAhead::default() }
    }

    /// Frames the record at `start`.
    pub(super) fn frame(&mut self, start: usize) -> Framed {
        self.cells.clear();
        let input = self.input;
        let RichInput { bytes, rich, fields, at_end } = input;
        if !rich.comment.is_empty()
            && let Some(known) = comment(bytes, start, &rich.comment, at_end)
        {
            return known;
        }
        if start < self.ahead.read_to
            && let Some(known) = self.ahead.outcome(input, start, &mut self.scan)
        {
            return known;
        }
        let limit = input.reach(start);
        let mut at = input.begin(start);
        // Whether a quoted field crossed a line end; whether one without quotes ends with a quote.
        let (mut crossed, mut ends_with_quote) = (false, false);
        let next = loop {
            let is_quoted = rich.quote.is_some() && bytes.get(at).copied() == rich.quote;
            let end = if is_quoted {
                match self.quoted_field(at, limit, &mut crossed) {
                    Some(end) => end,
                    None if input.never_closes(start) => return self.unterminated(start, limit),
                    None => return Framed::Incomplete,
                }
            } else {
                self.plain_field(at, &mut ends_with_quote)
            };
            if crossed && is_quoted && fields.is_some_and(|f| self.cells.len() > f) {
                return self.unterminated(start, end);
            }
            match input.behind(end) {
                Behind::Unknown => return Framed::Incomplete,
                Behind::Text if crossed => return self.unterminated(start, end),
                Behind::Text => return Framed::bad_first_line(bytes, start, TEXT_AFTER_QUOTE),
                Behind::Delimiter(next) => at = next,
                Behind::RecordEnd(next) => break next,
            }
        };
        if crossed && fields.is_some_and(|f| f != self.cells.len()) {
            return self.unterminated(start, next);
        }
        self.finish(start, next, ends_with_quote)
    }

    /// Takes in the field whose quote opens at `open`, and gives where it ends; none where it does not close before `limit`.
    fn quoted_field(&mut self, open: usize, limit: usize, crossed: &mut bool) -> Option<usize> {
        let input = self.input;
        let quote = input.rich.quote?;
        let mut at = open + 1;
        loop {
            let found = input.quote_or_line_end(&mut at, limit, quote)?;
            if input.bytes[found] == quote {
                let text = &input.bytes[open + 1..found];
                let escaped = memchr(quote, text).is_some() || input.rich.escape.is_some_and(|escape| memchr(escape, text).is_some());
                self.cells.push(Cell { start: open as u32 + 1, end: found as u32, escaped });
                return Some(found + 1);
            }
            *crossed = true;
            at = found + 1;
        }
    }

    /// Takes in the field at `at`, which has no quotes around it, and gives where it ends.
    fn plain_field(&mut self, at: usize, ends_with_quote: &mut bool) -> usize {
        let bytes = self.input.bytes;
        let end = self.input.plain_end(at, &mut self.scan);
        let at_line_end = matches!(bytes.get(end), Some(b'\n') | None);
        let text_end = if at_line_end && end > at && bytes[end - 1] == b'\r' { end - 1 } else { end };
        let text = &bytes[at..text_end];
        *ends_with_quote |= self.input.rich.quote.is_some() && text.last().copied() == self.input.rich.quote;
        let escaped = self.input.rich.escape.is_some_and(|escape| memchr(escape, text).is_some());
        self.cells.push(Cell { start: at as u32, end: text_end as u32, escaped });
        end
    }

    /// The record `start..next`, whose cells are known.
    fn finish(&self, start: usize, next: usize, ends_with_quote: bool) -> Framed {
        let RichInput { bytes, rich, fields, .. } = self.input;
        let record = &bytes[start..next];
        let text = record.strip_suffix(b"\n").unwrap_or(record);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let lines = memchr::memchr_iter(b'\n', text).count() as u32 + 1;
        let end = start + text.len();
        let begin = self.input.begin(start);
        if let [Cell { start: from, end: to, .. }] = self.cells[..]
            && from == to
            && from as usize == begin
        {
            return Framed::Blank { next };
        }
        let fits = fields.is_none_or(|f| f == self.cells.len());
        if let Some(quote) = rich.quote.filter(|_| ends_with_quote && rich.escape.is_none() && fits)
            && opens_inside(bytes, start, &self.cells, quote)
        {
            return Framed::Bad { end, next, lines, reason: QUOTE_INSIDE };
        }
        Framed::Record { end, next, lines }
    }

    /// Gives up the first line of the record at `start`, which was read up to `read_to` before that was known.
    #[cold]
    fn unterminated(&mut self, start: usize, read_to: usize) -> Framed {
        self.ahead.read_to = self.ahead.read_to.max(read_to);
        Framed::unterminated(self.input.bytes, start)
    }
}

#[cfg(test)]
mod tests;
