//! Canonical bytes of values: equal values give equal bytes whatever their physical type.
//!
//! int32 = int64, −0 = 0, a dictionary = its plain values, `string` = `large string`. The encoding
//! and the hash over it (`sluice1-xxh3-128`) are stable: saved keys stay comparable.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_normalization::UnicodeNormalization;

use super::column::{Column, Floats, Ints, Numbers};
use crate::each_width;
use crate::rows::Mask;

/// Name of the hash of canonical bytes.
pub const HASH_NAME: &str = "sluice1-xxh3-128";

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const WIDE: u8 = 2;
const FLOAT: u8 = 3;
const BYTES: u8 = 4;
const BOOLEAN: u8 = 5;
const NESTED: u8 = 6;

/// What is done to text before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Normalize {
    /// White space around it goes.
    pub trim: bool,
    pub lowercase: bool,
    /// Unicode's composed form: é in one character or two is the same.
    pub nfc: bool,
}

impl Normalize {
    /// The column with its texts normalized; none where nothing is to be done.
    pub fn column(self, column: &Column) -> Option<Column> {
        if self == Self::default() {
            return None;
        }
        let mut texts: Vec<Option<String>> = vec![None; column.len()];
        let is_text = column.for_each_text(&Mask::All, |i, text| texts[i] = Some(self.text(text)));
        is_text.then(|| Column::new(std::sync::Arc::new(StringArray::from(texts))))
    }

    fn text(self, text: &str) -> String {
        let text = if self.trim { text.trim() } else { text };
        let text = if self.lowercase { text.to_lowercase() } else { text.to_owned() };
        if self.nfc { text.nfc().collect() } else { text }
    }
}

/// The canonical bytes of each row's values, row after row in one buffer that is used again.
#[derive(Debug, Clone, Default)]
pub struct RowBytes {
    bytes: Vec<u8>,
    /// Where each row ends; before that, while encoding, where its next value goes.
    ends: Vec<usize>,
    /// Bytes of every row, where all rows have equally many; `ends` is not used then.
    stride: Option<usize>,
}

impl RowBytes {
    /// Encodes `columns`, `len` rows each; missing values are null.
    pub fn encode(&mut self, columns: &[&Column], len: usize) {
        self.stride = integers_stride(columns);
        if let Some(stride) = self.stride {
            return self.encode_integers(columns, len, stride);
        }
        self.ends.clear();
        self.ends.resize(len, 0);
        for column in columns {
            each_value(column, len, |row, value| self.ends[row] += value.len());
        }
        let mut total = 0;
        for end in &mut self.ends {
            let start = total;
            total += *end;
            *end = start;
        }
        self.bytes.clear();
        self.bytes.resize(total, 0);
        for column in columns {
            each_value(column, len, |row, value| {
                let at = self.ends[row];
                self.ends[row] = at + value.write(&mut self.bytes[at..]);
            });
        }
    }

    /// Columns of integers without a missing value: every row is as long as the next, so one pass does.
    fn encode_integers(&mut self, columns: &[&Column], len: usize, stride: usize) {
        self.bytes.clear();
        self.bytes.resize(len * stride, 0);
        let mut offset = 0;
        for column in columns {
            let Some(Numbers::Ints { values, scale }) = column.numbers() else { continue };
            let width = Canonical::Integer(0, scale).len();
            each_width!(values, values => {
                for (row, &value) in self.bytes.chunks_exact_mut(stride).zip(values) {
                    Canonical::Integer(value as i64, scale).write(&mut row[offset..offset + width]);
                }
            });
            offset += width;
        }
    }

    pub fn row(&self, row: usize) -> &[u8] {
        if let Some(stride) = self.stride {
            return &self.bytes[row * stride..(row + 1) * stride];
        }
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }
}

/// The canonical bytes of a nested value: how many parts it has, then each of them.
fn nested(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    let parts: Vec<ArrayRef> = match array.data_type() {
        _ if array.is_null(row) => return out.push(NULL),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|c| c.slice(row, 1)).collect(),
        DataType::List(_) => vec![array.as_list::<i32>().value(row)],
        DataType::LargeList(_) => vec![array.as_list::<i64>().value(row)],
        DataType::FixedSizeList(..) => vec![array.as_fixed_size_list().value(row)],
        _ => return,
    };
    out.push(NESTED);
    out.extend((parts.iter().map(|p| p.len()).sum::<usize>() as u32).to_le_bytes());
    for part in parts {
        let len = part.len();
        each_value(&Column::new(part), len, |_, value| {
            let at = out.len();
            out.resize(at + value.len(), 0);
            value.write(&mut out[at..]);
        });
    }
}

/// One value, ready to be written.
enum Canonical<'a> {
    Null,
    /// Bytes that say themselves where they end.
    Nested(&'a [u8]),
    Integer(i64, i8),
    Wide(i128, i8),
    Float(f64),
    Bytes(&'a [u8]),
    Boolean(bool),
}

impl Canonical<'_> {
    /// The integer `value / 10^scale`.
    fn integer(value: i128, scale: i8) -> Self {
        match i64::try_from(value) {
            Ok(narrow) => Self::Integer(narrow, scale),
            Err(_) => Self::Wide(value, scale),
        }
    }

    fn len(&self) -> usize {
        let scale_len = |scale: &i8| usize::from(*scale != 0);
        match self {
            Self::Null => 1,
            Self::Nested(bytes) => bytes.len(),
            Self::Integer(_, scale) => 9 + scale_len(scale),
            Self::Wide(_, scale) => 17 + scale_len(scale),
            Self::Float(_) => 9,
            Self::Bytes(bytes) => 5 + bytes.len(),
            Self::Boolean(_) => 2,
        }
    }

    /// Writes the value at the head of `to`; gives its length.
    fn write(&self, to: &mut [u8]) -> usize {
        let len = self.len();
        match self {
            Self::Null => to[0] = NULL,
            Self::Nested(bytes) => to[..len].copy_from_slice(bytes),
            Self::Integer(value, scale) => {
                to[0] = INTEGER;
                to[1..9].copy_from_slice(&value.to_le_bytes());
                if *scale != 0 {
                    to[9] = *scale as u8;
                }
            }
            Self::Wide(value, scale) => {
                to[0] = WIDE;
                to[1..17].copy_from_slice(&value.to_le_bytes());
                if *scale != 0 {
                    to[17] = *scale as u8;
                }
            }
            Self::Float(x) => {
                to[0] = FLOAT;
                // Adding zero turns −0 into 0.
                to[1..9].copy_from_slice(&(x + 0.0).to_le_bytes());
            }
            Self::Bytes(bytes) => {
                to[0] = BYTES;
                to[1..5].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
                to[5..len].copy_from_slice(bytes);
            }
            Self::Boolean(value) => to[..2].copy_from_slice(&[BOOLEAN, u8::from(*value)]),
        }
        len
    }
}

/// The bytes of a row of integers that fit 64 bits, none missing; none where the columns are not all such.
fn integers_stride(columns: &[&Column]) -> Option<usize> {
    let width = |column: &&Column| match column.numbers()? {
        // Unsigned 64 bits and decimals may need the wide form.
        Numbers::Ints { values: Ints::I128(_) | Ints::U64(_), .. } => None,
        Numbers::Ints { scale, .. } if column.missing().is_none() => Some(Canonical::Integer(0, scale).len()),
        Numbers::Ints { .. } | Numbers::Floats(_) => None,
    };
    columns.iter().map(width).sum()
}

/// Calls `each` with every row's value.
fn each_value(column: &Column, len: usize, mut each: impl FnMut(usize, Canonical<'_>)) {
    let missing = match column.missing() {
        Mask::None => None,
        some @ (Mask::All | Mask::Bits(_)) => Some(some.bits(len)),
    };
    let mut offer = |row: usize, value: Canonical<'_>| match &missing {
        Some(missing) if missing.value(row) => each(row, Canonical::Null),
        Some(_) | None => each(row, value),
    };
    match column.numbers() {
        Some(Numbers::Ints { values, scale }) => {
            return each_width!(values, values => (0..len).for_each(|i| offer(i, Canonical::integer(i128::from(values[i]), scale))));
        }
        Some(Numbers::Floats(Floats::F32(values))) => return (0..len).for_each(|i| offer(i, Canonical::Float(f64::from(values[i])))),
        Some(Numbers::Floats(Floats::F64(values))) => return (0..len).for_each(|i| offer(i, Canonical::Float(values[i]))),
        None => {}
    }
    let array = &column.array;
    macro_rules! bytes {
        ($values:expr) => {{
            let values = $values;
            (0..len).for_each(|i| offer(i, Canonical::Bytes(values.value(i).as_ref())))
        }};
    }
    match array.data_type() {
        DataType::Utf8 => bytes!(array.as_string::<i32>()),
        DataType::LargeUtf8 => bytes!(array.as_string::<i64>()),
        DataType::Utf8View => bytes!(array.as_string_view()),
        DataType::Binary => bytes!(array.as_binary::<i32>()),
        DataType::LargeBinary => bytes!(array.as_binary::<i64>()),
        DataType::Dictionary(..) if column.dictionary().is_some() => {
            if let Some((codes, texts)) = column.dictionary() {
                let text = |i: usize| if array.is_valid(i) { texts.value(codes[i] as usize) } else { "" };
                (0..len).for_each(|i| offer(i, Canonical::Bytes(text(i).as_bytes())));
            }
        }
        DataType::Boolean => {
            let values = array.as_boolean();
            (0..len).for_each(|i| offer(i, Canonical::Boolean(values.value(i))));
        }
        DataType::Struct(_) | DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            let mut bytes = Vec::new();
            for i in 0..len {
                bytes.clear();
                nested(array, i, &mut bytes);
                offer(i, Canonical::Nested(&bytes));
            }
        }
        // Rarities: their text is canonical enough, and the same on every machine.
        _ => {
            let texts = ArrayFormatter::try_new(array, &FormatOptions::new()).expect("sources give no types that cannot be shown");
            (0..len).for_each(|i| offer(i, Canonical::Bytes(texts.value(i).to_string().as_bytes())));
        }
    }
}
