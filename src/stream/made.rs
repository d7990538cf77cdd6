//! Events that pass, as they are written: byte for byte, or with the columns that `transform` makes.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::json::writer::{LineDelimited, WriterBuilder};
use foldhash::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::audit::{JudgedRows, RowJudge};
use crate::diagnostic::{Code, Fault};
use crate::json::{Tape, TokenKind, text_of};
use crate::source::RecordSpan;

/// The columns that `transform` makes, be they new or in the place of others.
pub(super) struct Made {
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Made {
    /// None where events are not changed.
    pub(super) fn of(judge: &RowJudge) -> Option<Self> {
        let columns = judge.made();
        let fields: Vec<_> = columns.iter().map(|&column| judge.schema().fields()[column].clone()).collect();
        (!columns.is_empty()).then(|| Self { columns, schema: Arc::new(Schema::new(fields)) })
    }
}

/// For each row, an object of the columns that were made.
#[derive(Default)]
pub(super) struct Lines {
    text: Vec<u8>,
    by_row: HashMap<u32, Range<usize>>,
}

impl Lines {
    /// # Errors
    /// A value cannot be written as JSON.
    pub(super) fn extend(&mut self, made: &Made, judged: &JudgedRows) -> Result<(), Fault> {
        let failed = |e| Fault::new(Code::UnsupportedType, format!("cannot write what `transform` makes as JSON: {e}"));
        let missing = || Fault::new(Code::Internal, "internal error: a column that `transform` makes was not made");
        let arrays: Vec<ArrayRef> =
            made.columns.iter().map(|&column| judged.columns[column].clone()).collect::<Option<_>>().ok_or_else(missing)?;
        let options = RecordBatchOptions::new().with_row_count(Some(judged.rows.len()));
        let batch = RecordBatch::try_new_with_options(made.schema.clone(), arrays, &options).map_err(failed)?;
        let start = self.text.len();
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut self.text);
        writer.write(&batch).and_then(|()| writer.finish()).map_err(failed)?;
        drop(writer);
        let mut at = start;
        for row in judged.rows.iter() {
            let end = memchr::memchr(b'\n', &self.text[at..]).map_or(self.text.len(), |n| at + n);
            self.by_row.insert(row, at..end);
            at = (end + 1).min(self.text.len());
        }
        Ok(())
    }
}

/// Writes events that pass.
pub(super) struct Passing<'a> {
    text: &'a [u8],
    spans: &'a [RecordSpan],
    made: Option<&'a Lines>,
    /// What is to be copied: events that follow each other are copied at once.
    run: Range<usize>,
    tape: Tape,
}

impl<'a> Passing<'a> {
    pub(super) fn new(text: &'a [u8], spans: &'a [RecordSpan], made: Option<&'a Lines>) -> Self {
        Self { text, spans, made, run: 0..0, tape: Tape::default() }
    }

    /// Writes the event of this number.
    pub(super) fn push(&mut self, number: usize, out: &mut Vec<u8>) {
        let span = self.spans[number];
        let made = self.made.and_then(|made| Some(&made.text[made.by_row.get(&(number as u32))?.clone()]));
        if let Some(made) = made {
            self.splice(&self.text[span.start as usize..span.end as usize], made, out);
            out.push(b'\n');
            return;
        }
        if self.run.end != span.start as usize {
            self.flush(out);
            self.run = span.start as usize..span.start as usize;
        }
        self.run.end = span.behind as usize;
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text[self.run.clone()]);
        self.run = self.run.end..self.run.end;
    }

    /// Writes what is left. An event at the end of the input gets the line end that it lacks.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.flush(out);
        if out.last().is_some_and(|&last| last != b'\n') {
            out.push(b'\n');
        }
    }

    /// The event's own keys as they stand, without those that were made anew, and then those that were made.
    fn splice(&mut self, event: &[u8], made: &[u8], out: &mut Vec<u8>) {
        let mut fields: Vec<(String, &[u8])> = Vec::new();
        for (text, is_made) in [(event, false), (made, true)] {
            let Ok(_) = self.tape.read(text, 0) else { continue };
            let tokens = &self.tape.tokens;
            let mut key = 1;
            while key < tokens.len() {
                let name = text_of(text, &tokens[key]).into_owned();
                let value = tokens[key + 1];
                let is_string = usize::from(value.kind == TokenKind::String);
                let field = &text[tokens[key].start as usize - 1..value.end as usize + is_string];
                if is_made {
                    fields.retain(|(other, _)| *other != name);
                }
                fields.push((name, field));
                key = value.next as usize;
            }
        }
        out.push(b'{');
        for (i, (_, field)) in fields.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(field);
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_columns_take_the_place_of_others_and_what_is_not_made_stands_as_it_was() {
        let spliced = |event: &str, made: &str| {
            let mut out = Vec::new();
            Passing::new(b"", &[], None).splice(event.as_bytes(), made.as_bytes(), &mut out);
            String::from_utf8(out).expect("text")
        };
        let event = r#" { "a" : 1.50, "b": {"c": [1, "}"]}, "d\u0065": "x\"y" } "#;
        assert_eq!(spliced(event, r#"{"f":null}"#), r#"{"a" : 1.50,"b": {"c": [1, "}"]},"d\u0065": "x\"y","f":null}"#);
        assert_eq!(spliced(event, r#"{"de":2,"b":"z"}"#), r#"{"a" : 1.50,"de":2,"b":"z"}"#);
        assert_eq!(spliced("{}", r#"{"n":1}"#), r#"{"n":1}"#);
    }
}
