//! One column's cells to one Arrow array.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, NullBufferBuilder, PrimitiveArray, StringBuilder};
use arrow::datatypes::*;

use super::layout::Layout;
use super::numerals::{Formed, Numerals, Plain};
use super::record::Cell;
use crate::text::{self, NumberForm};
use crate::types::{Class, TypeEvidence, a_type, add_example, shortened};

/// How one column's text is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnReader {
    pub name: String,
    pub data_type: DataType,
    /// Join of the classes that the guess rests on.
    pub class: Class,
    /// A guessed type admits only text of its class; a contract's type admits all it can represent.
    pub guessed: bool,
    /// The type is that of the destination's table. Text is read as strictly as for a guess: `007` is no number.
    pub is_strict: bool,
    /// strftime format of a date or timestamp.
    pub format: Option<String>,
    /// Read as text because its values are of several kinds, which are then counted.
    pub mixed: bool,
}

/// The text of a unit and how to read its cells.
pub(super) struct UnitText<'a> {
    pub bytes: &'a [u8],
    /// The same bytes, where all of them are UTF-8.
    pub utf8: Option<&'a str>,
    pub layout: &'a Layout,
    /// How numbers are written.
    pub numbers: NumberForm,
    pub missing: &'a [String],
    /// One bit for each length that a token of `missing` has; the last bit stands for all that are longer.
    pub missing_lengths: u64,
    pub timezone_seconds: Option<i32>,
}

impl<'a> UnitText<'a> {
    /// Of `bytes`, which are divided as `layout` says; records that are not UTF-8 were set aside before.
    pub(super) fn new(bytes: &'a [u8], utf8: Option<&'a str>, layout: &'a Layout, missing: &'a [String]) -> Self {
        let missing_lengths = missing.iter().fold(0, |lengths, token| lengths | length_bit(token));
        Self { bytes, utf8, layout, numbers: NumberForm::default(), missing, missing_lengths, timezone_seconds: None }
    }

    /// The cell's text without doubled quotes and escapes.
    #[inline]
    pub(super) fn cell(&self, cell: Cell) -> Cow<'a, str> {
        let range = cell.start as usize..cell.end as usize;
        let text = match self.utf8 {
            Some(all) => &all[range],
            None => std::str::from_utf8(&self.bytes[range]).unwrap_or_default(),
        };
        if !cell.escaped {
            return Cow::Borrowed(text);
        }
        let before = (cell.start as usize).checked_sub(1).map(|at| self.bytes[at]);
        self.layout.unescaped(text, before.is_some() && before == self.layout.quote())
    }

    pub(super) fn is_missing(&self, text: &str) -> bool {
        self.missing_lengths & length_bit(text) != 0 && self.missing.iter().any(|token| token == text)
    }
}

fn length_bit(text: &str) -> u64 {
    1 << text.len().min(63)
}

/// The text without blanks around it.
pub(super) fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => text.trim_matches([' ', '\t']),
        _ => text,
    }
}

/// A value that could not be read: its position among the cells, and why.
pub(super) struct Unreadable {
    pub index: usize,
    pub reason: String,
}

impl ColumnReader {
    /// Reads `cells`; what cannot be read becomes null and is named in `unreadable`.
    pub(super) fn read(&self, cells: &[Cell], text: &UnitText, unreadable: &mut Vec<Unreadable>, evidence: &mut TypeEvidence) -> ArrayRef {
        let writer = ArrayWriter { reader: self, text, unreadable, evidence };
        match text.numbers.is_plain() {
            true => self.read_as(writer, cells, Plain),
            false => self.read_as(writer, cells, Formed(text.numbers)),
        }
    }

    fn read_as(&self, mut writer: ArrayWriter<'_>, cells: &[Cell], form: impl Numerals) -> ArrayRef {
        match &self.data_type {
            DataType::Boolean => writer.booleans(cells),
            DataType::Int8 => writer.numbers::<Int8Type>(cells, |t| form.read(t, |t| t.parse().ok())),
            DataType::Int16 => writer.numbers::<Int16Type>(cells, |t| form.read(t, |t| t.parse().ok())),
            DataType::Int32 => writer.numbers::<Int32Type>(cells, |t| form.read(t, |t| text::integer(t)?.try_into().ok())),
            DataType::Int64 => {
                let array = writer.numbers::<Int64Type>(cells, |t| form.read(t, text::integer));
                let wide = |v: &i64| v.unsigned_abs() > text::EXACT_INTEGER_MAX;
                if self.guessed && array.as_primitive::<Int64Type>().values().iter().any(wide) {
                    writer.evidence.class = writer.evidence.class.join(Class::WideInteger);
                }
                array
            }
            DataType::UInt8 => writer.numbers::<UInt8Type>(cells, |t| form.read(t, |t| t.parse().ok())),
            DataType::UInt16 => writer.numbers::<UInt16Type>(cells, |t| form.read(t, |t| t.parse().ok())),
            DataType::UInt32 => writer.numbers::<UInt32Type>(cells, |t| form.read(t, |t| t.parse().ok())),
            DataType::UInt64 => writer.numbers::<UInt64Type>(cells, |t| form.read(t, |t| t.parse().ok())),
            DataType::Float32 => writer.numbers::<Float32Type>(cells, |t| form.read(t, narrow)),
            // A guess must not round: two identifiers beyond 2^53 could become one.
            DataType::Float64 if self.guessed || self.is_strict => {
                writer.numbers::<Float64Type>(cells, |t| form.read(t, |t| text::float(t).filter(|_| !text::is_wide(t))))
            }
            DataType::Float64 => writer.numbers::<Float64Type>(cells, |t| form.read(t, text::float)),
            DataType::Decimal128(precision, scale) => {
                writer.numbers::<Decimal128Type>(cells, |t| form.read(t, |t| text::decimal(t, *precision, *scale)))
            }
            DataType::Date32 => match &self.format {
                Some(format) => writer.numbers::<Date32Type>(cells, |t| text::date_in(t, format)),
                None => writer.numbers::<Date32Type>(cells, text::date),
            },
            DataType::Timestamp(unit, zone) => writer.timestamps(cells, *unit, zone.is_some()),
            DataType::Binary => writer.binary(cells),
            _ => writer.strings(cells),
        }
    }
}

/// A float in 32 bits, unless it would become infinite.
fn narrow(text: &str) -> Option<f32> {
    let narrow = text::float(text)? as f32;
    (narrow.is_finite() || !text.bytes().any(|b| b.is_ascii_digit())).then_some(narrow)
}

struct ArrayWriter<'a> {
    reader: &'a ColumnReader,
    text: &'a UnitText<'a>,
    unreadable: &'a mut Vec<Unreadable>,
    evidence: &'a mut TypeEvidence,
}

impl ArrayWriter<'_> {
    /// The value at `index`: trimmed, null where missing, noted where it cannot be read.
    fn parse<T>(&mut self, index: usize, cell: Cell, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let whole = self.text.cell(cell);
        let trimmed = trimmed(&whole);
        if self.text.is_missing(trimmed) || trimmed.len() != whole.len() && self.text.is_missing(&whole) {
            return None;
        }
        self.evidence.present += 1;
        let value = parse(trimmed);
        let fits = match &value {
            Some(_) => !(self.reader.guessed || self.reader.is_strict) || !text::loses_its_form(trimmed),
            None => false,
        };
        if fits {
            return value;
        }
        self.note(index, trimmed);
        None
    }

    fn note(&mut self, index: usize, text: &str) {
        self.evidence.failures += 1;
        let class = self.text.numbers.classify(text);
        // A value of the column's own class that cannot be read has a digit that the type would lose, such as nanoseconds:
        // only text keeps it.
        let widens = self.reader.class.join(class) != self.reader.class;
        let class = if self.reader.guessed && !widens { Class::Text } else { class };
        self.evidence.class = self.evidence.class.join(class);
        add_example(&mut self.evidence.examples, text);
        let (name, kind) = (&self.reader.name, a_type(&self.reader.data_type));
        self.unreadable.push(Unreadable { index, reason: format!("{name}: `{}` is not {kind}", shortened(text)) });
    }

    fn numbers<T: ArrowPrimitiveType>(&mut self, cells: &[Cell], parse: impl Fn(&str) -> Option<T::Native>) -> ArrayRef {
        let mut values = Vec::with_capacity(cells.len());
        let mut nulls = NullBufferBuilder::new(cells.len());
        for (i, &cell) in cells.iter().enumerate() {
            let value = self.parse(i, cell, &parse);
            nulls.append(value.is_some());
            values.push(value.unwrap_or_default());
        }
        Arc::new(PrimitiveArray::<T>::new(values.into(), nulls.finish()).with_data_type(self.reader.data_type.clone()))
    }

    fn booleans(&mut self, cells: &[Cell]) -> ArrayRef {
        let mut builder = BooleanBuilder::with_capacity(cells.len());
        let guessed = self.reader.guessed || self.reader.is_strict;
        for (i, &cell) in cells.iter().enumerate() {
            let parse = |t: &str| text::boolean(t).filter(|_| !guessed || text::classify(t) == Class::Boolean);
            builder.append_option(self.parse(i, cell, parse));
        }
        Arc::new(builder.finish())
    }

    fn timestamps(&mut self, cells: &[Cell], unit: TimeUnit, zoned: bool) -> ArrayRef {
        let (format, default) = (self.reader.format.as_deref(), self.text.timezone_seconds);
        let guessed = self.reader.guessed || self.reader.is_strict;
        self.numbers_as_i64(cells, unit, |t| {
            let mut instant = match format {
                Some(format) => text::timestamp_in(t, format)?,
                None => text::timestamp(t)?,
            };
            if !instant.zoned {
                if guessed && zoned && default.is_none() {
                    return None;
                }
                instant.seconds -= i64::from(default.unwrap_or(0));
            } else if !zoned {
                return None;
            }
            instant.in_unit(unit)
        })
    }

    fn numbers_as_i64(&mut self, cells: &[Cell], unit: TimeUnit, parse: impl Fn(&str) -> Option<i64>) -> ArrayRef {
        match unit {
            TimeUnit::Second => self.numbers::<TimestampSecondType>(cells, parse),
            TimeUnit::Millisecond => self.numbers::<TimestampMillisecondType>(cells, parse),
            TimeUnit::Microsecond => self.numbers::<TimestampMicrosecondType>(cells, parse),
            TimeUnit::Nanosecond => self.numbers::<TimestampNanosecondType>(cells, parse),
        }
    }

    fn strings(&mut self, cells: &[Cell]) -> ArrayRef {
        let bytes = cells.iter().map(|c| (c.end - c.start) as usize).sum();
        let mut builder = StringBuilder::with_capacity(cells.len(), bytes);
        // No value was seen in the first unit: the values here are the first to say what the column is.
        let undetermined = self.reader.guessed && self.reader.class == Class::Missing;
        for &cell in cells {
            let text = self.text.cell(cell);
            match self.text.is_missing(&text) {
                true => builder.append_null(),
                false => {
                    if self.reader.mixed {
                        let trimmed = trimmed(&text);
                        self.evidence.count_kind(self.text.numbers.classify(trimmed), trimmed);
                    }
                    if undetermined && self.evidence.class != Class::Text {
                        self.evidence.class = self.evidence.class.join(self.text.numbers.classify(trimmed(&text)));
                    }
                    builder.append_value(text);
                }
            }
        }
        Arc::new(builder.finish())
    }

    fn binary(&mut self, cells: &[Cell]) -> ArrayRef {
        let mut builder = BinaryBuilder::new();
        for &cell in cells {
            let text = self.text.cell(cell);
            match self.text.is_missing(&text) {
                true => builder.append_null(),
                false => builder.append_value(text.as_bytes()),
            }
        }
        Arc::new(builder.finish())
    }
}
