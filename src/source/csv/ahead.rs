//! Looks ahead once for all lines that malformed records gave back.
//!
//! A record that crosses a line end inside quotes and turns out malformed costs its first line only; framing goes on with the
//! next line. In a damaged file each line may open a quote that the next one closes:
//!
//! ```text
//! x","y     the record that begins here is inside quotes at the line's end,
//! x","y     and so is the one that begins here, and so on
//! ```
//!
//! Only far ahead, perhaps at the end of the file, is it known that the first of them has too many fields, and the same is
//! true of each one that follows: read one by one, they would take quadratic time. But all records that are inside quotes at
//! the same line end read alike from there on; they differ only in how many fields they have before it. So one walk ahead is
//! kept for all of them. It counts fields and remembers where quoted ones lie. A record has the fields that the walk counts
//! behind the record's first line end, and those of its own before it.

use std::collections::VecDeque;

use memchr::{memchr, memchr2};

use super::record::{Framed, Input};
use super::scan::Scan;

/// Text that the walk goes over, whatever its dialect.
pub(super) trait Walk: Copy {
    fn bytes(&self) -> &[u8];

    /// How many fields a record has, once the header was read.
    fn fields(&self) -> Option<usize>;

    fn quote(&self) -> Option<u8>;

    /// How far a record that begins at `start` is read while it looks for a closing quote.
    fn reach(&self, start: usize) -> usize;

    /// Whether a quote that does not close within reach of the record at `start` never closes, whatever bytes follow.
    fn never_closes(&self, start: usize) -> bool;

    /// Where the first field of the record at `start` begins.
    fn begin(&self, start: usize) -> usize;

    /// Inside quotes: the next closing quote or line end at or behind `at` and before `limit`. `at` goes on to where it was
    /// looked for, so that a later call with a higher limit goes on from there.
    fn quote_or_line_end(&self, at: &mut usize, limit: usize, quote: u8) -> Option<usize>;

    /// The quote before `limit` that closes the field that `at` is in. `at` goes on as above.
    fn closing_quote(&self, at: &mut usize, limit: usize, quote: u8) -> Option<usize> {
        loop {
            let found = self.quote_or_line_end(at, limit, quote)?;
            if self.bytes()[found] == quote {
                return Some(found);
            }
            *at = found + 1;
        }
    }

    /// Where the field at `at`, which has no quotes around it, ends: at a delimiter, a line end, or the last byte.
    fn plain_end(&self, at: usize, scan: &mut Scan) -> usize;

    /// What stands behind a field that ends at `end`.
    fn behind(&self, end: usize) -> Behind;
}

/// The walk ahead.
#[derive(Debug, Default)]
pub(super) struct LookAhead {
    /// Up to here a malformed record was read; a record that begins before it asks here first.
    pub read_to: usize,
    /// The quoted fields that were passed, in order.
    passed: VecDeque<QuotedField>,
    cursor: Cursor,
}

/// A quoted field, its quotes at `open` and `close`; `index` counts the fields before it since the walk began.
#[derive(Debug)]
struct QuotedField {
    open: usize,
    close: usize,
    index: usize,
}

/// How far the walk is.
#[derive(Debug, Default)]
struct Cursor {
    at: usize,
    /// The quote of the field that `at` is in; none where a field begins at `at`.
    open: Option<usize>,
    /// Fields passed since the walk began.
    index: usize,
    end: Option<End>,
}

/// Why a walk goes no further.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The record ends; all its fields are counted.
    Record,
    /// Text follows a closing quote.
    Broken,
}

/// What came of walking over one field.
enum Step {
    Done,
    /// A quote does not close as far as the record may reach.
    StillOpen,
    /// The bytes stop too early to say.
    Unknown,
}

/// What stands behind a closing quote, or where a field without quotes ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// A delimiter; the next field begins here.
    Delimiter(usize),
    /// The record's end; the next one begins here.
    RecordEnd(usize),
    Text,
    /// The bytes stop too early to say.
    Unknown,
}

/// How a record's first line ends.
enum FirstLine {
    /// Inside the quoted field that opens at `open`, behind `fields` others; the next line begins at `next`.
    InsideField {
        open: usize,
        fields: usize,
        next: usize,
    },
    Otherwise,
}

impl LookAhead {
    /// What becomes of the record at `start`, where the walk can tell: it is malformed, or the bytes stop before it ends.
    /// Records are asked for in the order in which they stand.
    #[cold]
    #[inline(never)]
    pub(super) fn outcome(&mut self, input: impl Walk, start: usize, scan: &mut Scan) -> Option<Framed> {
        let (quote, expected) = (input.quote()?, input.fields()?);
        let FirstLine::InsideField { open, fields: before, next } = first_line(input, start, quote, scan) else { return None };
        let first = match self.index_at(next) {
            Some(index) => index,
            None => {
                // The walk did not come by: it begins anew in this record's open field.
                self.passed.clear();
                self.cursor = Cursor { at: next, open: Some(open), index: before, end: None };
                before
            }
        };
        let mut step = Step::Done;
        loop {
            // Where the walk is `index` fields far, this record has that many less those before it, and its own.
            let fields_of_record = |index: usize| index - first + before;
            let is_malformed = match self.cursor.end {
                Some(End::Record) if fields_of_record(self.cursor.index) == expected => return None,
                Some(End::Record | End::Broken) => true,
                None => self.passed.back().is_some_and(|p| fields_of_record(p.index + 1) > expected),
            };
            self.read_to = self.read_to.max(self.cursor.at);
            if is_malformed {
                return Some(Framed::unterminated(input.bytes(), start));
            }
            match step {
                Step::Done => {}
                Step::StillOpen if input.never_closes(start) => return Some(Framed::unterminated(input.bytes(), start)),
                Step::StillOpen | Step::Unknown => return Some(Framed::Incomplete),
            }
            step = self.step(input, start, quote, scan);
        }
    }

    /// How many fields the walk had passed before the quoted field in which the line at `next` begins, if it came by.
    fn index_at(&mut self, next: usize) -> Option<usize> {
        while self.passed.front().is_some_and(|p| p.close < next) {
            self.passed.pop_front();
        }
        match (self.passed.front(), self.cursor.open) {
            (Some(passed), _) => (passed.open < next).then_some(passed.index),
            (None, Some(open)) => (open < next && next <= self.cursor.at).then_some(self.cursor.index),
            (None, None) => None,
        }
    }

    /// Walks over one field, as far as the record that begins at `start` may reach.
    fn step(&mut self, input: impl Walk, start: usize, quote: u8, scan: &mut Scan) -> Step {
        let bytes = input.bytes();
        let cursor = &mut self.cursor;
        if cursor.open.is_none() && bytes.get(cursor.at) == Some(&quote) {
            cursor.open = Some(cursor.at);
            cursor.at += 1;
        }
        let end = match cursor.open {
            Some(open) => {
                let Some(close) = input.closing_quote(&mut cursor.at, input.reach(start), quote) else { return Step::StillOpen };
                self.passed.push_back(QuotedField { open, close, index: cursor.index });
                cursor.open = None;
                close + 1
            }
            None => input.plain_end(cursor.at, scan),
        };
        cursor.at = end;
        match input.behind(end) {
            Behind::Delimiter(next) => cursor.at = next,
            Behind::RecordEnd(_) => cursor.end = Some(End::Record),
            Behind::Text => cursor.end = Some(End::Broken),
            Behind::Unknown => return Step::Unknown,
        }
        cursor.index += 1;
        Step::Done
    }
}

/// Looks at the first line of the record at `start`, and no further.
fn first_line(input: impl Walk, start: usize, quote: u8, scan: &mut Scan) -> FirstLine {
    let bytes = input.bytes();
    let (mut at, mut fields) = (input.begin(start), 0);
    loop {
        let end = if bytes.get(at) == Some(&quote) {
            let open = at;
            at += 1;
            let Some(found) = input.quote_or_line_end(&mut at, bytes.len(), quote) else { return FirstLine::Otherwise };
            if bytes[found] == b'\n' {
                return FirstLine::InsideField { open, fields, next: found + 1 };
            }
            found + 1
        } else {
            input.plain_end(at, scan)
        };
        let Behind::Delimiter(next) = input.behind(end) else { return FirstLine::Otherwise };
        fields += 1;
        at = next;
    }
}

impl Walk for Input<'_> {
    fn bytes(&self) -> &[u8] {
        self.bytes
    }

    fn fields(&self) -> Option<usize> {
        self.fields
    }

    fn quote(&self) -> Option<u8> {
        self.dialect.quote
    }

    fn reach(&self, start: usize) -> usize {
        Input::reach(self, start)
    }

    fn never_closes(&self, start: usize) -> bool {
        Input::never_closes(self, start)
    }

    fn begin(&self, start: usize) -> usize {
        start
    }

    fn quote_or_line_end(&self, at: &mut usize, limit: usize, quote: u8) -> Option<usize> {
        while *at < limit {
            let Some(found) = memchr2(quote, b'\n', &self.bytes[*at..limit]) else { break };
            *at += found;
            if self.bytes[*at] == b'\n' || self.bytes.get(*at + 1) != Some(&quote) {
                return Some(*at);
            }
            *at += 2;
        }
        *at = (*at).max(limit);
        None
    }

    fn closing_quote(&self, at: &mut usize, limit: usize, quote: u8) -> Option<usize> {
        while *at < limit {
            let Some(found) = memchr(quote, &self.bytes[*at..limit]) else { break };
            *at += found;
            if self.bytes.get(*at + 1) != Some(&quote) {
                return Some(*at);
            }
            *at += 2;
        }
        *at = (*at).max(limit);
        None
    }

    fn plain_end(&self, at: usize, scan: &mut Scan) -> usize {
        scan.next(self.bytes, at, self.dialect.delimiter)
    }

    fn behind(&self, end: usize) -> Behind {
        match self.bytes.get(end) {
            Some(&b) if b == self.dialect.delimiter => Behind::Delimiter(end + 1),
            Some(b'\n') => Behind::RecordEnd(end + 1),
            Some(b'\r') if matches!(self.bytes.get(end + 1), None | Some(b'\n')) => Behind::RecordEnd((end + 2).min(self.bytes.len())),
            Some(_) => Behind::Text,
            None if self.at_end => Behind::RecordEnd(end),
            None => Behind::Unknown,
        }
    }
}
