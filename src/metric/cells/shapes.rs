//! How texts look: what tells `2024-01-05` from `05/01/2024`, whatever the day.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde_json::Value as Json;

use super::super::budget::{Budget, Reservation};
use super::super::column::Column;
use super::super::encoding;
use super::super::inputs::Inputs;
use super::super::state::{Rows, State};
use super::out::{CellsKind, CellsOut};
use super::texts::{TextCells, ensure_can_be};
use super::{summary, table};
use crate::diagnostic::Fault;

/// Characters of a shape.
const SHAPE_CHARS: usize = 24;

/// Counts of a text column's values by their shape.
#[derive(Debug)]
pub struct Shapes {
    texts: TextCells,
    missing: u64,
    memory: Reservation,
}

/// What is saved: missing values, the shift, cells, names of shapes.
type Saved = (u64, u32, Vec<(u64, u64, bool)>, Option<Vec<String>>);

impl State for Shapes {
    const NAME: &'static str = "shapes";
    const VERSION: u32 = 1;
    const SUMMARISED: bool = true;
    type Spec = ();
    /// The shapes are the values.
    type Out = CellsOut;

    fn empty((): &(), _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { texts: TextCells::new(), missing: 0, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        self.missing += rows.selection.and(columns[0].missing()).count(rows.len()) as u64;
        self.texts.update(columns[0], rows.selection, shape_of);
        self.memory.resize(self.texts.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.missing += later.missing;
        self.texts.merge(later.texts);
        self.memory.resize(self.texts.bytes());
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { texts: self.texts.clone(), missing: self.missing, memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let names: Option<Vec<&str>> = self.texts.names().map(|names| names.into_values().collect());
        encoding::write(&(self.missing, self.texts.shift(), table::saved(&self.texts.entries()), names), to)
    }

    fn decode((): &(), _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (missing, shift, cells, names): Saved = encoding::read(from)?;
        encoding::ensure_counts([missing])?;
        let (cells, count) = table::read(cells, shift)?;
        ensure_can_be(&cells, shift, names.as_deref())?;
        Ok(Self::of(TextCells::of(&cells, shift, count, names), missing, memory))
    }

    fn finish(self, _: &Inputs) -> Result<CellsOut, Fault> {
        let (shift, cells, count) = (self.texts.shift(), self.texts.cells(), self.texts.count);
        Ok(CellsOut { kind: CellsKind::Texts, shift, cells, count, missing: self.missing })
    }

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        summary::texts(&self.texts, self.missing).map(Some)
    }

    fn of_summary((): &(), _: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let read = summary::read_texts(json)?;
        Ok(Self::of(TextCells::of(&read.cells, read.shift, read.count, read.names), read.missing, memory))
    }
}

impl Shapes {
    fn of(texts: TextCells, missing: u64, memory: &Arc<Budget>) -> Self {
        let mut memory = Reservation::new(memory);
        memory.resize(texts.bytes());
        Self { texts, missing, memory }
    }
}

/// Each digit is a 9, letters in a row are one a, all else is itself; the first 24 characters of that.
pub fn shape_of(text: &str) -> Cow<'_, str> {
    let mut shape = String::with_capacity(SHAPE_CHARS);
    let mut last = None;
    let mut len = 0;
    for c in text.chars() {
        let c = match c {
            _ if c.is_ascii_digit() => '9',
            _ if c.is_alphabetic() => 'a',
            _ => c,
        };
        if c == 'a' && last == Some('a') {
            continue;
        }
        if len == SHAPE_CHARS {
            break;
        }
        shape.push(c);
        (last, len) = (Some(c), len + 1);
    }
    Cow::Owned(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_tells_formats_apart_and_no_values() {
        let shape = |text| shape_of(text).into_owned();
        assert_eq!((shape("2024-01-05"), shape("2031-12-31")), ("9999-99-99".into(), "9999-99-99".into()));
        assert_eq!(shape("05/01/2024"), "99/99/9999");
        assert_eq!(shape("1.234,50 €"), "9.999,99 €");
        assert_eq!((shape("Ærø Straße 7"), shape("")), ("a a 9".into(), String::new()));
        assert_eq!(shape("0123456789012345678901234567"), "9".repeat(24));
    }
}
