//! Reading one unit: frame records, read their tokens, build arrays, name what is malformed.

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use memchr::{memchr, memchr_iter};

use super::JsonSource;
use super::builder::Builder;
use super::layout::{BOM, Layout};
use super::record::RecordTokens;
use crate::diagnostic::{Code, Fault};
use crate::json::{Tape, TokenKind, skip_space, structural_end};
use crate::rows::RowNumbers;
use crate::source::shape::Shape;
use crate::source::{Chunk, LineJumps, Malformed, Projection, SchemaEvidence, UnitEnd};

/// A record's bytes, and why it is malformed, if so.
struct Framed {
    start: usize,
    end: usize,
    problem: Option<String>,
}

/// Where a record stands in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordSpan {
    /// Its bytes, without the line end.
    pub start: u32,
    pub end: u32,
    /// Where what follows begins: behind the line end.
    pub behind: u32,
    /// On which line of the unit it begins, from 0.
    pub line: u32,
}

/// Finds the records of a unit one after the other; the tape holds the tokens of the last one.
pub(super) struct RecordFrames<'a> {
    text: &'a [u8],
    layout: Layout,
    /// Whether the file ends with this unit, so that an array must close in it.
    is_last: bool,
    all_utf8: bool,
    at: usize,
    /// Lines before `at`, and where they were counted to; with one record a line, also the line of the last one.
    lines: u32,
    line: u32,
    counted: usize,
    closed: bool,
    begun: bool,
    pub(super) tape: Tape,
}

/// The first record of a unit that cannot be read: its line in the unit, from 1, and why.
pub(super) fn first_problem(mut frames: RecordFrames<'_>) -> Option<(u64, String)> {
    while let Some(framed) = frames.next() {
        if let Some(why) = framed.problem {
            let newlines = memchr_iter(b'\n', &frames.text[..framed.start]).count();
            return Some((newlines as u64 + 1, why));
        }
    }
    None
}

impl<'a> RecordFrames<'a> {
    pub(super) fn new(text: &'a [u8], layout: Layout, is_first: bool, is_last: bool) -> Self {
        let all_utf8 = std::str::from_utf8(text).is_ok();
        Self {
            text,
            layout,
            is_last,
            all_utf8,
            at: 0,
            lines: 0,
            line: 0,
            counted: 0,
            closed: false,
            begun: !is_first,
            tape: Tape::default(),
        }
    }

    fn next(&mut self) -> Option<Framed> {
        let mut framed = match self.layout {
            Layout::Lines => self.line()?,
            Layout::Array => self.element()?,
        };
        if framed.problem.is_none() && self.tape.tokens.first().is_none_or(|t| t.kind != TokenKind::Object) {
            framed.problem = Some("an object is expected".into());
        }
        if !self.all_utf8
            && let Err(error) = std::str::from_utf8(&self.text[framed.start..framed.end])
        {
            framed.problem = Some(format!("not UTF-8 at byte {}", error.valid_up_to() + 1));
        }
        Some(framed)
    }

    fn line(&mut self) -> Option<Framed> {
        loop {
            let start = self.at;
            if start == self.text.len() {
                return None;
            }
            let newline = memchr(b'\n', &self.text[start..]).map(|n| start + n);
            let mut end = newline.unwrap_or(self.text.len());
            self.at = newline.map_or(end, |n| n + 1);
            if end > start && self.text[end - 1] == b'\r' {
                end -= 1;
            }
            let text = &self.text[..end];
            (self.lines, self.line) = (self.lines + u32::from(newline.is_some()), self.lines);
            if skip_space(text, start) == end {
                continue;
            }
            let problem = match self.tape.read(text, start) {
                Ok(stop) if skip_space(text, stop) == end => None,
                Ok(stop) if text[stop..skip_space(text, stop)].contains(&b'\r') => {
                    Some("text behind the record and a carriage return: lines end with LF or CRLF".to_owned())
                }
                Ok(stop) => Some(format!("text behind the record, at byte {}", skip_space(text, stop) - start + 1)),
                Err(_) if text[start..].starts_with(BOM) => Some("a byte order mark inside the file: were files joined?".to_owned()),
                Err(broken) => Some(format!("not JSON at byte {}: {}", broken.at - start + 1, broken.why)),
            };
            return Some(Framed { start, end, problem });
        }
    }

    fn element(&mut self) -> Option<Framed> {
        let mut at = skip_space(self.text, self.at);
        let comma = self.text.get(at) == Some(&b',');
        if comma {
            at = skip_space(self.text, at + 1);
        }
        let separated = comma == self.begun;
        self.begun = true;
        match self.text.get(at) {
            Some(b']') if !self.closed => {
                self.closed = true;
                self.at = self.text.len();
                let dangling = comma.then(|| "a comma behind the last record".to_owned());
                return dangling.map(|problem| Framed { start: at, end: at, problem: Some(problem) });
            }
            None if self.is_last && !self.closed => {
                self.closed = true;
                self.at = self.text.len();
                return Some(Framed { start: at, end: at, problem: Some("the array never closes: the file may be cut short".into()) });
            }
            None => return None,
            Some(_) if self.closed => return None,
            Some(_) => {}
        }
        let read = self.tape.read(self.text, at);
        let (end, problem) = match read {
            Ok(end) if separated => (end, None),
            Ok(end) => (end, Some("one comma is expected before the record".to_owned())),
            Err(broken) => {
                let end = structural_end(self.text, at).unwrap_or(self.text.len()).max(at + 1);
                // Cut short inside its last record, the array does not close either.
                self.closed |= end == self.text.len() && self.is_last;
                (end, Some(format!("not JSON at byte {}: {}", broken.at - at + 1, broken.why)))
            }
        };
        self.at = end;
        Some(Framed { start: at, end, problem })
    }

    /// The line, from 0, on which `start` lies; asked for in ascending order.
    fn line_of(&mut self, start: usize) -> u32 {
        if self.layout == Layout::Lines {
            return if start == self.text.len() { self.lines } else { self.line };
        }
        self.lines += memchr_iter(b'\n', &self.text[self.counted..start]).count() as u32;
        self.counted = start;
        self.lines
    }
}

/// What the records of a unit look like.
pub(super) fn shape_of(mut frames: RecordFrames<'_>, missing: &[String]) -> Shape {
    let mut shape = Shape::default();
    while let Some(framed) = frames.next() {
        if framed.problem.is_none() && frames.tape.repeated_key(frames.text).is_none() {
            shape.observe(frames.text, &frames.tape.tokens, 0, missing);
        }
    }
    shape
}

/// The state of reading one unit.
pub(super) struct UnitReader<'a> {
    source: &'a JsonSource,
    frames: RecordFrames<'a>,
    projection: &'a Projection,
    root: Builder,
    row: u32,
    line_jumps: LineJumps,
    done: bool,
    /// Used again by every record.
    matches: Vec<u32>,
}

impl<'a> UnitReader<'a> {
    pub(super) fn new(source: &'a JsonSource, frames: RecordFrames<'a>, projection: &'a Projection) -> Self {
        let wanted: Vec<&str> = projection.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let root = Builder::root(&source.plan, &wanted);
        Self { source, frames, projection, root, row: 0, line_jumps: LineJumps::default(), done: false, matches: Vec::new() }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Reads the next records, up to a batch of them.
    pub(super) fn chunk(&mut self) -> Result<Chunk, Fault> {
        self.chunk_with(|_| {})
    }

    /// The same; of each record `each` hears where it stands.
    pub(super) fn chunk_with(&mut self, mut each: impl FnMut(RecordSpan)) -> Result<Chunk, Fault> {
        let (mut rows, mut keep, mut malformed) = (Vec::new(), Vec::new(), Vec::new());
        let common = &self.source.common;
        while rows.len() + malformed.len() < common.cut.batch_rows.max(1) {
            let Some(Framed { start, end, problem }) = self.frames.next() else {
                self.done = true;
                break;
            };
            let row = self.row;
            self.row += 1;
            let line = self.frames.line_of(start);
            self.line_jumps.push(row, line);
            each(RecordSpan { start: start as u32, end: end as u32, behind: self.frames.at as u32, line });
            let raw = || self.frames.text[start..end].to_vec();
            if let Some(reason) = problem {
                malformed.push(Malformed { row, reason, column: None, raw: raw() });
                continue;
            }
            let tokens = &self.frames.tape.tokens;
            let (missing, timezone_seconds) = (&common.missing, common.timezone_seconds);
            let matches = std::mem::take(&mut self.matches);
            let mut record = RecordTokens { text: self.frames.text, tokens, missing, timezone_seconds, failure: None, matches };
            self.root.push(&mut record, 0);
            self.matches = std::mem::take(&mut record.matches);
            rows.push(row);
            keep.push(record.failure.is_none());
            if let Some((path, reason)) = record.failure {
                malformed.push(Malformed { row, reason, column: Some(path), raw: raw() });
            }
        }
        self.assemble(rows, keep, malformed)
    }

    /// Keys of records that the plan does not know.
    pub(super) fn unknown_keys(&self) -> impl Iterator<Item = &str> {
        self.root.shape.fields.iter().map(|(name, _)| name.as_str())
    }

    /// Lines read so far.
    pub(super) fn lines(&self) -> u32 {
        self.frames.lines
    }

    fn assemble(&mut self, rows: Vec<u32>, keep: Vec<bool>, malformed: Vec<Malformed>) -> Result<Chunk, Fault> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let mut batch = RecordBatch::try_new_with_options(self.projection.schema.clone(), self.root.finish_columns(), &options)
            .map_err(|e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}")))?;
        let mut rows = RowNumbers::of(rows);
        if keep.contains(&false) {
            let keep = BooleanBuffer::from(keep);
            let filter = BooleanArray::new(keep.clone(), None);
            batch = arrow::compute::filter_record_batch(&batch, &filter)
                .map_err(|e| Fault::new(Code::Internal, format!("cannot filter a batch: {e}")))?;
            rows = rows.filter(&keep);
        }
        Ok(Chunk { batch, rows, malformed })
    }

    pub(super) fn end(mut self) -> UnitEnd {
        let text = self.frames.text;
        let lines = self.frames.line_of(text.len());
        UnitEnd {
            records: self.row,
            lines: Some(lines),
            comments: 0,
            line_jumps: self.line_jumps,
            digest: Some(xxhash_rust::xxh3::xxh3_128(text)),
            evidence: SchemaEvidence::Shape(Box::new(self.root.into_shape())),
        }
    }
}
