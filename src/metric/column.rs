//! A column of a batch as states and row tests see it: Arrow's many types in a few shapes.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, StringArray};
use arrow::buffer::{BooleanBuffer, MutableBuffer};
use arrow::datatypes::*;

use super::number::{Number, ToFloat};
use crate::rows::Mask;

/// An array, and which of its values are there: NaN is missing, like null.
#[derive(Debug, Clone)]
pub struct Column {
    pub array: ArrayRef,
    missing: Mask,
}

/// Integers of any width; decimals, dates and times are integers with a meaning.
#[derive(Debug, Clone, Copy)]
pub enum Ints<'a> {
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    I128(&'a [i128]),
}

#[derive(Debug, Clone, Copy)]
pub enum Floats<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
}

/// The values of an ordered column.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a> {
    Ints { values: Ints<'a>, scale: i8 },
    Floats(Floats<'a>),
}

/// Runs `$body` with `$values` bound to the slice, whatever its width.
#[doc(hidden)]
#[macro_export]
macro_rules! each_width {
    ($ints:expr, $values:ident => $body:expr) => {{
        // Bodies widen to i128, which the widest slice already is.
        #[allow(clippy::useless_conversion, clippy::unnecessary_cast, clippy::let_unit_value)]
        let out = match $ints {
            $crate::metric::Ints::I8($values) => $body,
            $crate::metric::Ints::I16($values) => $body,
            $crate::metric::Ints::I32($values) => $body,
            $crate::metric::Ints::I64($values) => $body,
            $crate::metric::Ints::U8($values) => $body,
            $crate::metric::Ints::U16($values) => $body,
            $crate::metric::Ints::U32($values) => $body,
            $crate::metric::Ints::U64($values) => $body,
            $crate::metric::Ints::I128($values) => $body,
        };
        out
    }};
}

impl Column {
    pub fn new(array: ArrayRef) -> Self {
        let mut missing = match array.data_type() {
            DataType::Null => Mask::All,
            // A dictionary's null may hide behind its key.
            DataType::Dictionary(..) => Mask::nulls(array.logical_nulls().as_ref()),
            _ => Mask::nulls(array.nulls()),
        };
        if let Some(nans) = nans(&array) {
            missing = missing.or(&nans);
        }
        Self { array, missing }
    }

    pub fn len(&self) -> usize {
        self.array.len()
    }

    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// The rows whose value is missing: null or NaN.
    pub fn missing(&self) -> &Mask {
        &self.missing
    }

    /// The rows of `selection` that have a value.
    pub fn present(&self, selection: &Mask) -> Mask {
        selection.without(&self.missing)
    }

    /// The codes and the texts they stand for, if this is text held so.
    pub fn dictionary(&self) -> Option<(&[i32], &StringArray)> {
        let dictionary = self.array.as_dictionary_opt::<Int32Type>()?;
        Some((dictionary.keys().values(), dictionary.values().as_string_opt::<i32>()?))
    }

    /// The rows whose text `holds` for, if this is a string column; what repeats itself is asked once.
    pub fn texts_for_which(&self, mut holds: impl FnMut(&str) -> bool) -> Option<Mask> {
        let len = self.len();
        if let Some((codes, texts)) = self.dictionary() {
            let answers: Vec<bool> = texts.iter().map(|t| t.is_some_and(&mut holds)).collect();
            if answers.iter().all(|a| !a) {
                return Some(Mask::None);
            }
            let found = Mask::new(BooleanBuffer::collect_bool(len, |i| answers.get(codes[i] as usize).copied().unwrap_or(false)));
            return Some(found.without(&self.missing));
        }
        let mut bits = MutableBuffer::from_len_zeroed(len.div_ceil(8));
        // Neighbours are often alike.
        let mut last: Option<(&str, bool)> = None;
        let is_text = self.for_each_text(&Mask::All, |i, text| {
            let answer = match last {
                Some((seen, answer)) if seen == text => answer,
                _ => holds(text),
            };
            last = Some((text, answer));
            if answer {
                arrow::util::bit_util::set_bit(&mut bits, i);
            }
        });
        is_text.then(|| Mask::new(BooleanBuffer::new(bits.into(), 0, len)))
    }

    /// The values, if the column's type is ordered and numeric beneath: numbers, decimals, dates, times.
    pub fn numbers(&self) -> Option<Numbers<'_>> {
        use Ints::*;
        let a = &self.array;
        let (values, scale) = match a.data_type() {
            DataType::Int8 => (I8(a.as_primitive::<Int8Type>().values()), 0),
            DataType::Int16 => (I16(a.as_primitive::<Int16Type>().values()), 0),
            DataType::Int32 => (I32(a.as_primitive::<Int32Type>().values()), 0),
            DataType::Int64 => (I64(a.as_primitive::<Int64Type>().values()), 0),
            DataType::UInt8 => (U8(a.as_primitive::<UInt8Type>().values()), 0),
            DataType::UInt16 => (U16(a.as_primitive::<UInt16Type>().values()), 0),
            DataType::UInt32 => (U32(a.as_primitive::<UInt32Type>().values()), 0),
            DataType::UInt64 => (U64(a.as_primitive::<UInt64Type>().values()), 0),
            DataType::Decimal32(_, s) => (I32(a.as_primitive::<Decimal32Type>().values()), *s),
            DataType::Decimal64(_, s) => (I64(a.as_primitive::<Decimal64Type>().values()), *s),
            DataType::Decimal128(_, s) => (I128(a.as_primitive::<Decimal128Type>().values()), *s),
            DataType::Date32 => (I32(a.as_primitive::<Date32Type>().values()), 0),
            DataType::Date64 => (I64(a.as_primitive::<Date64Type>().values()), 0),
            DataType::Time32(TimeUnit::Second) => (I32(a.as_primitive::<Time32SecondType>().values()), 0),
            DataType::Time32(_) => (I32(a.as_primitive::<Time32MillisecondType>().values()), 0),
            DataType::Time64(TimeUnit::Microsecond) => (I64(a.as_primitive::<Time64MicrosecondType>().values()), 0),
            DataType::Time64(_) => (I64(a.as_primitive::<Time64NanosecondType>().values()), 0),
            DataType::Timestamp(TimeUnit::Second, _) => (I64(a.as_primitive::<TimestampSecondType>().values()), 0),
            DataType::Timestamp(TimeUnit::Millisecond, _) => (I64(a.as_primitive::<TimestampMillisecondType>().values()), 0),
            DataType::Timestamp(TimeUnit::Microsecond, _) => (I64(a.as_primitive::<TimestampMicrosecondType>().values()), 0),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => (I64(a.as_primitive::<TimestampNanosecondType>().values()), 0),
            DataType::Duration(TimeUnit::Second) => (I64(a.as_primitive::<DurationSecondType>().values()), 0),
            DataType::Duration(TimeUnit::Millisecond) => (I64(a.as_primitive::<DurationMillisecondType>().values()), 0),
            DataType::Duration(TimeUnit::Microsecond) => (I64(a.as_primitive::<DurationMicrosecondType>().values()), 0),
            DataType::Duration(TimeUnit::Nanosecond) => (I64(a.as_primitive::<DurationNanosecondType>().values()), 0),
            DataType::Float32 => return Some(Numbers::Floats(Floats::F32(a.as_primitive::<Float32Type>().values()))),
            DataType::Float64 => return Some(Numbers::Floats(Floats::F64(a.as_primitive::<Float64Type>().values()))),
            _ => return None,
        };
        Some(Numbers::Ints { values, scale })
    }

    /// The number in `row`, if the column has one there.
    pub fn number(&self, row: usize) -> Option<Number> {
        if self.array.is_null(row) {
            return None;
        }
        Some(match self.numbers()? {
            Numbers::Ints { values, scale } => each_width!(values, values => Number::Int { value: i128::from(values[row]), scale }),
            Numbers::Floats(Floats::F32(values)) => Number::Float(f64::from(values[row])),
            Numbers::Floats(Floats::F64(values)) => Number::Float(values[row]),
        })
    }

    /// Calls `each` with every selected row and its text, if this is a string column.
    /// Returns whether it is one.
    pub fn for_each_text<'a>(&'a self, selection: &Mask, mut each: impl FnMut(usize, &'a str)) -> bool {
        let (present, len) = (self.present(selection), self.len());
        match self.array.data_type() {
            DataType::Dictionary(..) => {
                let Some((codes, texts)) = self.dictionary() else { return false };
                present.rows(len, |i| each(i, texts.value(codes[i] as usize)));
            }
            DataType::Utf8 => {
                let strings = self.array.as_string::<i32>();
                present.rows(len, |i| each(i, strings.value(i)));
            }
            DataType::LargeUtf8 => {
                let strings = self.array.as_string::<i64>();
                present.rows(len, |i| each(i, strings.value(i)));
            }
            DataType::Utf8View => {
                let strings = self.array.as_string_view();
                present.rows(len, |i| each(i, strings.value(i)));
            }
            _ => return false,
        }
        true
    }
}

/// Calls `each` with every selected row and its value as a float.
pub(super) fn for_each_float(column: &Column, selection: &Mask, mut each: impl FnMut(usize, f64)) {
    let len = column.len();
    match column.numbers() {
        Some(Numbers::Ints { values, scale }) => {
            let float = ToFloat::new(scale);
            each_width!(values, values => selection.rows(len, |i| each(i, float.convert(i128::from(values[i])))));
        }
        Some(Numbers::Floats(Floats::F32(values))) => selection.rows(len, |i| each(i, f64::from(values[i]))),
        Some(Numbers::Floats(Floats::F64(values))) => selection.rows(len, |i| each(i, values[i])),
        // Booleans are 0 and 1.
        None => {
            if let Some(values) = column.array.as_boolean_opt() {
                selection.rows(len, |i| each(i, f64::from(u8::from(values.value(i)))));
            }
        }
    }
}

/// The array with −0 as 0 and NaN as null, if it is of floats.
pub fn plain_floats(array: &ArrayRef) -> ArrayRef {
    fn plain<T: ArrowPrimitiveType>(array: &ArrayRef, is_odd: impl Fn(T::Native) -> bool, is_nan: impl Fn(T::Native) -> bool) -> ArrayRef
    where
        T::Native: std::ops::Add<Output = T::Native> + Default,
    {
        let floats = array.as_primitive::<T>();
        // No early end: looking at all of them is one pass without a branch.
        if !floats.values().iter().fold(false, |any, &x| any | is_odd(x)) {
            return array.clone();
        }
        // Adding zero turns −0 into 0.
        let plain: PrimitiveArray<T> = floats.unary_opt(|x| (!is_nan(x)).then(|| x + T::Native::default()));
        std::sync::Arc::new(plain)
    }
    match array.data_type() {
        DataType::Float16 => plain::<Float16Type>(array, |x| x.is_nan() | (f32::from(x).to_bits() == (-0f32).to_bits()), |x| x.is_nan()),
        DataType::Float32 => plain::<Float32Type>(array, |x| x.is_nan() | (x.to_bits() == (-0f32).to_bits()), f32::is_nan),
        DataType::Float64 => plain::<Float64Type>(array, |x| x.is_nan() | (x.to_bits() == (-0f64).to_bits()), f64::is_nan),
        _ => array.clone(),
    }
}

/// No early end: looking at all of them is one pass without a branch.
fn any_nan(are_nan: impl Iterator<Item = bool>) -> bool {
    are_nan.fold(false, |any, is_nan| any | is_nan)
}

fn nans(array: &ArrayRef) -> Option<Mask> {
    let bits = match array.data_type() {
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values();
            any_nan(values.iter().map(|x| x.is_nan())).then(|| BooleanBuffer::collect_bool(values.len(), |i| values[i].is_nan()))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            any_nan(values.iter().map(|x| x.is_nan())).then(|| BooleanBuffer::collect_bool(values.len(), |i| values[i].is_nan()))
        }
        _ => None,
    };
    bits.map(Mask::new)
}

/// Whether `data_type` counts as numeric for `{ type: numeric }` and for statistics.
pub fn is_numeric(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_floating()
        || matches!(data_type, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..))
}

/// Whether columns of both types hold equal values in one way: as integers of one scale, as floats, as text.
pub fn is_held_alike(a: &DataType, b: &DataType) -> bool {
    let scale = |t: &DataType| match t {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => Some(*scale),
        _ => t.is_integer().then_some(0),
    };
    let is_text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..));
    a == b || (scale(a).is_some() && scale(a) == scale(b)) || (is_text(a) && is_text(b))
}

/// Whether [`Column::numbers`] gives values for `data_type`.
pub fn is_ordered(data_type: &DataType) -> bool {
    is_numeric(data_type)
        || matches!(
            data_type,
            DataType::Date32
                | DataType::Date64
                | DataType::Time32(_)
                | DataType::Time64(_)
                | DataType::Timestamp(..)
                | DataType::Duration(_)
        )
}
