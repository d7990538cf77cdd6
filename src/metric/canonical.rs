//! Canonical bytes of values: equal values give equal bytes whatever their physical type.
//!
//! int32 = int64, −0 = 0, a dictionary = its plain values, `string` = `large string`. The encoding
//! and the hash over it (`sluice1-xxh3-128`) are stable: saved keys stay comparable.

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::column::{Floats, Numbers};
use super::{Column, Ints};
use crate::each_width;

/// Name of the hash of canonical bytes.
pub const HASH_NAME: &str = "sluice1-xxh3-128";

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const WIDE: u8 = 2;
const FLOAT: u8 = 3;
const BYTES: u8 = 4;
const BOOLEAN: u8 = 5;

/// The canonical bytes of each row's values, row after row.
#[derive(Debug, Default)]
pub struct RowBytes {
    bytes: Vec<Vec<u8>>,
}

impl RowBytes {
    /// Encodes `columns`, `len` rows each; missing values are null.
    pub fn encode(&mut self, columns: &[&Column], len: usize) -> &[Vec<u8>] {
        self.bytes.resize_with(len, Vec::new);
        self.bytes.iter_mut().for_each(Vec::clear);
        for column in columns {
            encode_column(column, &mut self.bytes);
        }
        &self.bytes
    }
}

fn encode_column(column: &Column, rows: &mut [Vec<u8>]) {
    let missing = column.missing().bits(rows.len());
    match column.numbers() {
        Some(Numbers::Ints { values, scale }) => return encode_ints(values, scale, &missing, rows),
        Some(Numbers::Floats(Floats::F32(values))) => return encode_floats(|i| f64::from(values[i]), &missing, rows),
        Some(Numbers::Floats(Floats::F64(values))) => return encode_floats(|i| values[i], &missing, rows),
        None => {}
    }
    let array = &column.array;
    match array.data_type() {
        DataType::Utf8 => encode_bytes(|i| array.as_string::<i32>().value(i).as_bytes(), &missing, rows),
        DataType::LargeUtf8 => encode_bytes(|i| array.as_string::<i64>().value(i).as_bytes(), &missing, rows),
        DataType::Utf8View => encode_bytes(|i| array.as_string_view().value(i).as_bytes(), &missing, rows),
        DataType::Binary => encode_bytes(|i| array.as_binary::<i32>().value(i), &missing, rows),
        DataType::LargeBinary => encode_bytes(|i| array.as_binary::<i64>().value(i), &missing, rows),
        DataType::Boolean => {
            let values = array.as_boolean();
            each_row(&missing, rows, |i, row| row.extend([BOOLEAN, u8::from(values.value(i))]));
        }
        // Nested values and rarities: their text is canonical enough, and the same on every machine.
        _ => match ArrayFormatter::try_new(array, &FormatOptions::new()) {
            Ok(texts) => each_row(&missing, rows, |i, row| push_bytes(row, texts.value(i).to_string().as_bytes())),
            Err(_) => rows.iter_mut().for_each(|row| row.push(NULL)),
        },
    }
}

fn each_row(missing: &arrow::buffer::BooleanBuffer, rows: &mut [Vec<u8>], mut present: impl FnMut(usize, &mut Vec<u8>)) {
    for (i, row) in rows.iter_mut().enumerate() {
        match missing.value(i) {
            true => row.push(NULL),
            false => present(i, row),
        }
    }
}

fn encode_ints(values: Ints<'_>, scale: i8, missing: &arrow::buffer::BooleanBuffer, rows: &mut [Vec<u8>]) {
    each_width!(values, values => each_row(missing, rows, |i, row| {
        let value = i128::from(values[i]);
        match i64::try_from(value) {
            Ok(narrow) => {
                row.push(INTEGER);
                row.extend(narrow.to_le_bytes());
            }
            Err(_) => {
                row.push(WIDE);
                row.extend(value.to_le_bytes());
            }
        }
        if scale != 0 {
            row.push(scale as u8);
        }
    }));
}

fn encode_floats(value: impl Fn(usize) -> f64, missing: &arrow::buffer::BooleanBuffer, rows: &mut [Vec<u8>]) {
    each_row(missing, rows, |i, row| {
        row.push(FLOAT);
        // Adding zero turns −0 into 0.
        row.extend((value(i) + 0.0).to_le_bytes());
    });
}

fn encode_bytes<'a>(value: impl Fn(usize) -> &'a [u8], missing: &arrow::buffer::BooleanBuffer, rows: &mut [Vec<u8>]) {
    each_row(missing, rows, |i, row| push_bytes(row, value(i)));
}

fn push_bytes(row: &mut Vec<u8>, bytes: &[u8]) {
    row.push(BYTES);
    row.extend((bytes.len() as u32).to_le_bytes());
    row.extend(bytes);
}
