//! Smallest and largest value of an ordered column, and of text.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::budget::{Budget, Reservation};
use super::column::{Column, Floats, Numbers, for_each_float};
use super::encoding;
use super::inputs::Inputs;
use super::number::Number;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;

/// Minimum and maximum; infinities count, missing values do not.
#[derive(Debug, Clone, PartialEq)]
pub struct Extrema {
    range: Option<(Number, Number)>,
}

impl State for Extrema {
    const NAME: &'static str = "extrema";
    const VERSION: u32 = 1;
    type Spec = ();
    /// (minimum, maximum); none without values.
    type Out = Option<(Number, Number)>;

    fn empty((): &(), _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { range: None }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        match columns[0].numbers() {
            Some(Numbers::Ints { values, scale }) => each_width!(values, values => {
                present.ranges(rows.len(), |range| {
                    let slice = &values[range];
                    // Folding values instead of references lets the compiler compare several at once.
                    if let Some(&first) = slice.first() {
                        let (min, max) = slice.iter().fold((first, first), |(min, max), &v| (min.min(v), max.max(v)));
                        let number = |v| Number::Int { value: i128::from(v), scale };
                        self.widen(number(min), number(max));
                    }
                });
            }),
            Some(Numbers::Floats(Floats::F32(values))) => present.ranges(rows.len(), |range| {
                let (min, max) = ends(values[range].iter().map(|&x| f64::from(x)));
                self.widen_floats(min, max);
            }),
            Some(Numbers::Floats(Floats::F64(values))) => present.ranges(rows.len(), |range| {
                let (min, max) = ends(values[range].iter().copied());
                self.widen_floats(min, max);
            }),
            None => for_each_float(columns[0], &present, |_, x| self.widen(Number::int(x as i128), Number::int(x as i128))),
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        if let Some((min, max)) = later.range {
            self.widen(min, max);
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.range, to)
    }

    fn decode((): &(), _: &[DataType], _: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let range: Option<(Number, Number)> = encoding::read(from)?;
        encoding::ensure(range.is_none_or(|(min, max)| min <= max), "its minimum is above its maximum")?;
        Ok(Self { range })
    }

    fn finish(self, _: &Inputs) -> Result<Self::Out, Fault> {
        Ok(self.range)
    }

    const SUMMARISED: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        let kept = self.range.map(|(min, max)| Kept { min: min.written(), max: max.written() });
        encoding::to_json(&kept).map(Some)
    }

    fn of_summary((): &(), types: &[DataType], _: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let Some(Kept { min, max }) = encoding::of_json::<Option<Kept>>(json)? else { return Ok(Self { range: None }) };
        let number = |text: &str| {
            let number = if types[0].is_floating() { Number::read_float(text) } else { Number::read_int(text) };
            number.ok_or_else(|| encoding::damaged(&format!("`{text}` is no number of such a column")))
        };
        let range = (number(&min)?, number(&max)?);
        encoding::ensure(range.0 <= range.1, "its minimum is above its maximum")?;
        Ok(Self { range: Some(range) })
    }
}

/// What a summary keeps of a range.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    min: String,
    max: String,
}

/// Characters that a summary keeps of a text.
const KEPT_CHARS: usize = 64;

/// A text as a summary keeps it: one that is too long is cut, and says so by a sign that no text of so many characters has.
/// Cutting keeps the order, or makes two texts equal, so what was cut is still the first or the last of all.
fn kept(text: &str) -> String {
    match text.char_indices().nth(KEPT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Smallest and largest of floats of which none is NaN; of none, a range that is empty.
fn ends(floats: impl Iterator<Item = f64>) -> (f64, f64) {
    floats.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), x| (if x < min { x } else { min }, if x > max { x } else { max }))
}

impl Extrema {
    fn widen_floats(&mut self, min: f64, max: f64) {
        if min <= max {
            // −0 and 0 are one value.
            self.widen(Number::Float(min + 0.0), Number::Float(max + 0.0));
        }
    }

    pub(super) fn widen(&mut self, low: Number, high: Number) {
        self.range = Some(match self.range {
            Some((min, max)) => (min.min(low), max.max(high)),
            None => (low, high),
        });
    }
}

/// First and last text, by code points. Of long ones a summary keeps 64 characters, and `…` for the rest.
#[derive(Debug)]
pub struct TextExtrema {
    range: Option<(String, String)>,
    memory: Reservation,
}

impl State for TextExtrema {
    const NAME: &'static str = "text_extrema";
    const VERSION: u32 = 1;
    type Spec = ();
    /// (first, last); none without values.
    type Out = Option<(String, String)>;

    fn empty((): &(), _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { range: None, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let mut range: Option<(&str, &str)> = None;
        columns[0].for_each_text(rows.selection, |_, text| {
            range = Some(range.map_or((text, text), |(first, last)| (first.min(text), last.max(text))));
        });
        if let Some((first, last)) = range {
            self.widen(first, last);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        if let Some((first, last)) = &later.range {
            self.widen(first, last);
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { range: self.range.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.range, to)
    }

    fn decode(spec: &(), types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        Self::of(encoding::read(from)?, Self::empty(spec, types, memory))
    }

    fn finish(self, _: &Inputs) -> Result<Self::Out, Fault> {
        Ok(self.range)
    }

    const SUMMARISED: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        let kept = self.range.as_ref().map(|(first, last)| Kept { min: kept(first), max: kept(last) });
        encoding::to_json(&kept).map(Some)
    }

    fn of_summary(spec: &(), types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let range = encoding::of_json::<Option<Kept>>(json)?.map(|kept| (kept.min, kept.max));
        Self::of(range, Self::empty(spec, types, memory))
    }
}

impl TextExtrema {
    fn of(range: Option<(String, String)>, empty: Self) -> Result<Self, Fault> {
        encoding::ensure(range.as_ref().is_none_or(|(first, last)| first <= last), "its first text is behind its last")?;
        let mut state = Self { range, ..empty };
        state.account();
        Ok(state)
    }

    fn widen(&mut self, low: &str, high: &str) {
        match &mut self.range {
            None => self.range = Some((low.to_owned(), high.to_owned())),
            Some((first, last)) => {
                if low < first.as_str() {
                    low.clone_into(first);
                }
                if high > last.as_str() {
                    high.clone_into(last);
                }
            }
        }
        self.account();
    }

    fn account(&mut self) {
        self.memory.resize(self.range.as_ref().map_or(0, |(first, last)| first.len() + last.len()));
    }
}
