//! What is already known of lines that a malformed record gave back.
//!
//! A record that crosses a line end and turns out malformed costs its first line only; framing goes on with the next
//! line. Where each line opens a quote that its neighbour closes (`x","y`), each would be read to the end of the file
//! again. But every record that goes on behind a given line end is inside quotes there, so all of them read alike
//! from there on. One walk ahead, shared by them, tells how many fields follow.

use std::collections::VecDeque;

use memchr::{memchr, memchr2};

use super::framing::{Dialect, Framed, RECORD_BYTES_MAX, UNTERMINATED, first_line};
use super::scan::Scan;

/// The walk ahead.
#[derive(Debug, Default)]
pub struct Ahead {
    /// Up to here a record was read that was malformed; what begins before it asks here first.
    pub seen: usize,
    /// Quoted fields behind, in order.
    passed: VecDeque<Passed>,
    head: Head,
}

/// A quoted field, its quotes at `open` and `close`, with `index` fields before it in its record.
#[derive(Debug)]
struct Passed {
    open: usize,
    close: usize,
    index: usize,
}

/// How far the walk is.
#[derive(Debug, Default)]
struct Head {
    at: usize,
    /// The quote of the field that `at` is in; none where a field begins at `at`.
    open: Option<usize>,
    /// Fields before.
    index: usize,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// The record ends; all its fields are counted.
    Record,
    /// Text follows a closing quote.
    Broken,
}

/// What stands behind a closing quote, or where a field without quotes ends.
enum Behind {
    Delimiter,
    RecordEnd,
    Text,
    /// The bytes stop too early to say.
    Unknown,
}

/// How a record's first line ends.
enum Line {
    /// Inside the quoted field that opens at `open`, behind `fields` others; the next line begins at `next`.
    InsideField {
        open: usize,
        fields: usize,
        next: usize,
    },
    Otherwise,
}

impl Ahead {
    /// What becomes of the record at `start`, where that is known without reading it to its end: it is malformed, or
    /// the bytes stop before it ends. Records are asked for in the order in which they stand.
    #[cold]
    #[inline(never)]
    pub fn tells(
        &mut self,
        bytes: &[u8],
        start: usize,
        dialect: Dialect,
        fields: Option<usize>,
        at_end: bool,
        scan: &mut Scan,
    ) -> Option<Framed> {
        let (quote, expected) = (dialect.quote?, fields?);
        let Line::InsideField { open, fields: own, next } = line(bytes, start, dialect.delimiter, quote, scan) else { return None };
        let known = self.fields_before(next);
        if known.is_none() {
            self.passed.clear();
            self.head = Head { at: next, open: Some(open), index: own, end: None };
        }
        let index = known.unwrap_or(own);
        let mut step = Step::Done;
        loop {
            // Of this record; the walk may have begun with another one.
            let complete = |walked: usize| walked - index + own;
            let malformed = match self.head.end {
                Some(End::Broken) => true,
                Some(End::Record) if complete(self.head.index) == expected => return None,
                Some(End::Record) => true,
                None => self.passed.back().is_some_and(|p| complete(p.index + 1) > expected),
            };
            self.seen = self.seen.max(self.head.at);
            if malformed {
                return Some(first_line(bytes, start, UNTERMINATED));
            }
            match step {
                Step::Done => {}
                Step::StillOpen if at_end || bytes.len() - start > RECORD_BYTES_MAX => {
                    return Some(first_line(bytes, start, UNTERMINATED));
                }
                Step::StillOpen | Step::Unknown => return Some(Framed::Incomplete),
            }
            step = self.step(bytes, start, dialect.delimiter, quote, at_end, scan);
        }
    }

    /// How many fields precede the one that the line at `next` begins in, if the walk came by.
    fn fields_before(&mut self, next: usize) -> Option<usize> {
        while self.passed.front().is_some_and(|p| p.close < next) {
            self.passed.pop_front();
        }
        match (self.passed.front(), self.head.open) {
            (Some(passed), _) => (passed.open < next).then_some(passed.index),
            (None, Some(open)) => (open < next && next <= self.head.at).then_some(self.head.index),
            (None, None) => None,
        }
    }

    /// Walks over one field, as far as the record that begins at `start` may reach.
    fn step(&mut self, bytes: &[u8], start: usize, delimiter: u8, quote: u8, at_end: bool, scan: &mut Scan) -> Step {
        let head = &mut self.head;
        if head.open.is_none() && bytes.get(head.at) == Some(&quote) {
            head.open = Some(head.at);
            head.at += 1;
        }
        let end = match head.open {
            Some(open) => {
                let limit = bytes.len().min(start.saturating_add(RECORD_BYTES_MAX));
                let Some(close) = closing(bytes, &mut head.at, limit, quote) else { return Step::StillOpen };
                self.passed.push_back(Passed { open, close, index: head.index });
                head.open = None;
                close + 1
            }
            None => scan.next(bytes, head.at, delimiter),
        };
        head.at = end;
        match behind(bytes, end, delimiter, at_end) {
            Behind::Delimiter => head.at = end + 1,
            Behind::RecordEnd => head.end = Some(End::Record),
            Behind::Text => head.end = Some(End::Broken),
            Behind::Unknown => return Step::Unknown,
        }
        head.index += 1;
        Step::Done
    }
}

enum Step {
    Done,
    /// A quote does not close as far as the record may reach.
    StillOpen,
    /// The bytes stop too early to say.
    Unknown,
}

/// Looks at the line at `start` only.
fn line(bytes: &[u8], start: usize, delimiter: u8, quote: u8, scan: &mut Scan) -> Line {
    let (mut at, mut fields) = (start, 0);
    loop {
        let end = if bytes.get(at) == Some(&quote) {
            let open = at;
            at += 1;
            loop {
                let Some(found) = memchr2(quote, b'\n', &bytes[at..]) else { return Line::Otherwise };
                at += found;
                if bytes[at] == b'\n' {
                    return Line::InsideField { open, fields, next: at + 1 };
                }
                if bytes.get(at + 1) != Some(&quote) {
                    break at + 1;
                }
                at += 2;
            }
        } else {
            scan.next(bytes, at, delimiter)
        };
        if bytes.get(end) != Some(&delimiter) {
            return Line::Otherwise;
        }
        fields += 1;
        at = end + 1;
    }
}

/// The quote before `limit` that closes the field that `at` is in; `at` goes on to where it was looked for.
fn closing(bytes: &[u8], at: &mut usize, limit: usize, quote: u8) -> Option<usize> {
    while *at < limit {
        let Some(found) = memchr(quote, &bytes[*at..limit]) else {
            *at = limit;
            return None;
        };
        *at += found;
        if bytes.get(*at + 1) != Some(&quote) {
            return Some(*at);
        }
        *at += 2;
    }
    None
}

fn behind(bytes: &[u8], end: usize, delimiter: u8, at_end: bool) -> Behind {
    match bytes.get(end) {
        Some(&b) if b == delimiter => Behind::Delimiter,
        Some(b'\n') => Behind::RecordEnd,
        Some(b'\r') if matches!(bytes.get(end + 1), None | Some(b'\n')) => Behind::RecordEnd,
        Some(_) => Behind::Text,
        None if at_end => Behind::RecordEnd,
        None => Behind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::framing::{Record, frame};
    use super::*;
    use proptest::prelude::*;

    const CSV: Dialect = Dialect { delimiter: b',', quote: Some(b'"') };

    /// What stands at each place in turn; with `known` as records are read, else each as if nothing were known.
    fn all(bytes: &[u8], fields: usize, at_end: bool, known: bool) -> Vec<(Framed, Vec<(u32, u32)>)> {
        let (mut at, mut record, mut found) = (0, Record::default(), Vec::new());
        while at < bytes.len() {
            if !known {
                record = Record::default();
            }
            let framed = frame(bytes, at, CSV, Some(fields), at_end, &mut record);
            let is_record = matches!(framed, Framed::Record { .. });
            found.push((framed, record.cells.iter().filter(|_| is_record).map(|c| (c.start, c.end)).collect()));
            match framed {
                Framed::Record { next, .. } | Framed::Blank { next } | Framed::Bad { next, .. } => at = next,
                Framed::Incomplete => break,
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_record_reads_alike_whatever_was_read_before(
            text in prop_oneof!["[a,\"\n]{0,80}", "([ab]\",\"c\n|\"\"|,|\n|\"x\n|a\",\n|\r\n){0,30}"],
            fields in 1usize..7,
            at_end: bool,
        ) {
            let bytes = text.as_bytes();
            prop_assert_eq!(all(bytes, fields, at_end, true), all(bytes, fields, at_end, false));
        }
    }

    /// A record of 400,000 columns of which every line opens a quote that the next one closes: of all lines, each
    /// would be read to the end of the text.
    #[test]
    fn quotes_that_close_on_the_next_line_are_read_once() {
        let lines = 200_000;
        let text = "x\",\"y\n".repeat(lines);
        for fields in [2, 100, 2 * lines] {
            let begun = std::time::Instant::now();
            let found = all(text.as_bytes(), fields, true, true);
            assert_eq!(found.len(), lines);
            assert!(found.iter().all(|(framed, _)| matches!(framed, Framed::Bad { lines: 1, .. })));
            assert!(begun.elapsed().as_secs() < 20, "{fields} columns took {:?}", begun.elapsed());
        }
    }
}
