//! Values of two types in one form, so that equal values have equal bytes.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder};
use arrow::datatypes::{DataType, TimeUnit};

use crate::each_width;
use crate::metric::column::{Floats, Numbers};
use crate::metric::{Column, Number, is_numeric};

/// What is done to the values of both sides before they are compared.
///
/// ```text
/// int32, int64             as they are: 2 is 2
/// int64, decimal(9,2)      without zeros at the end: 2 is 2.00
/// decimal(9,2), float64    integers exactly, others as the nearest float: 0.10 is 0.1
/// date, timestamp(ms)      nanoseconds since 1970: the day is its midnight
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Both are held in one way.
    Plain,
    /// Integers and decimals of several scales.
    Reduced,
    /// Floats beside integers or decimals.
    NearFloats,
    /// Dates, times and durations of several units.
    Nanoseconds,
}

impl Form {
    /// The form of columns of these two types; none where no value of the one is a value of the other.
    pub fn of(a: &DataType, b: &DataType) -> Option<Self> {
        if a == b || *a == DataType::Null || *b == DataType::Null {
            return Some(Self::Plain);
        }
        if is_numeric(a) && is_numeric(b) {
            return Some(match (a.is_floating(), b.is_floating()) {
                (true, true) => Self::Plain,
                (false, false) if scale(a) == scale(b) => Self::Plain,
                (false, false) => Self::Reduced,
                (true, false) | (false, true) => Self::NearFloats,
            });
        }
        match (nanoseconds(a), nanoseconds(b)) {
            (Some((kind, unit)), Some((other, of_other))) if kind == other => {
                return Some(if unit == of_other { Self::Plain } else { Self::Nanoseconds });
            }
            (Some(_), _) | (_, Some(_)) => return None,
            (None, None) => {}
        }
        holds_alike(a, b).then_some(Self::Plain)
    }

    /// The column in this form.
    pub fn column(self, array: &ArrayRef) -> Column {
        let column = Column::new(array.clone());
        match self {
            Self::Plain => column,
            Self::Reduced => written(&column, |number| match number {
                Given::Int(value, scale) => reduced(value, scale),
                Given::Float(x) => of_float(x),
            }),
            Self::NearFloats => written(&column, |number| match number {
                Given::Int(value, scale) => match reduce(value, scale) {
                    (value, 0) => reduced(value, 0),
                    (value, scale) => of_float(format!("{value}e{}", -i32::from(scale)).parse().unwrap_or(f64::NAN)),
                },
                Given::Float(x) => of_float(x),
            }),
            Self::Nanoseconds => {
                let (_, unit) = nanoseconds(array.data_type()).unwrap_or(("", 1));
                written(&column, |number| match number {
                    Given::Int(value, _) => reduced(value * unit, 0),
                    Given::Float(x) => of_float(x),
                })
            }
        }
    }
}

/// A number as it is held.
enum Given {
    Int(i128, i8),
    Float(f64),
}

/// A mark, and a number behind it.
type Written = [u8; 17];

/// The column with each number written by `write`. Types without numbers stay as they are: they are all null.
fn written(column: &Column, write: impl Fn(Given) -> Written) -> Column {
    let len = column.len();
    let missing = column.missing().bits(len);
    let mut bytes = BinaryBuilder::with_capacity(len, len * size_of::<Written>());
    let mut push = |row: usize, number: Given| match missing.value(row) {
        true => bytes.append_null(),
        false => bytes.append_value(write(number)),
    };
    match column.numbers() {
        Some(Numbers::Ints { values, scale }) => {
            each_width!(values, values => (0..len).for_each(|row| push(row, Given::Int(i128::from(values[row]), scale))));
        }
        Some(Numbers::Floats(Floats::F32(values))) => (0..len).for_each(|row| push(row, Given::Float(f64::from(values[row])))),
        Some(Numbers::Floats(Floats::F64(values))) => (0..len).for_each(|row| push(row, Given::Float(values[row]))),
        None => return column.clone(),
    }
    Column::new(Arc::new(bytes.finish()))
}

/// `value / 10^scale` without zeros behind the point.
fn reduce(mut value: i128, mut scale: i8) -> (i128, i8) {
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    while scale < 0
        && let Some(larger) = value.checked_mul(10)
    {
        (value, scale) = (larger, scale + 1);
    }
    (value, scale)
}

fn reduced(value: i128, scale: i8) -> Written {
    let (value, scale) = reduce(value, scale);
    marked(scale as u8, value)
}

fn of_float(x: f64) -> Written {
    // Between these, each float without a fraction is an integer that is held exactly.
    if x.fract() == 0.0 && x.abs() < 1e38 { marked(0, x as i128) } else { marked(0xff, i128::from(x.to_bits())) }
}

fn marked(mark: u8, number: i128) -> Written {
    let mut bytes = [mark; 17];
    bytes[1..].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

/// What a type of times counts, and how many nanoseconds its unit has.
fn nanoseconds(data_type: &DataType) -> Option<(&'static str, i128)> {
    let of = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    Some(match data_type {
        DataType::Date32 => ("instants", 86_400_000_000_000),
        DataType::Date64 => ("instants", 1_000_000),
        DataType::Timestamp(unit, _) => ("instants", of(unit)),
        DataType::Time32(unit) | DataType::Time64(unit) => ("times of day", of(unit)),
        DataType::Duration(unit) => ("durations", of(unit)),
        _ => return None,
    })
}

/// A number of a column of times, in nanoseconds; none for other types.
pub fn in_nanoseconds(data_type: &DataType, number: Number) -> Option<Number> {
    let (_, unit) = nanoseconds(data_type)?;
    match number {
        Number::Int { value, .. } => Some(Number::int(value * unit)),
        Number::Float(_) => None,
    }
}

/// Whether values of both types have one canonical form, at any depth.
fn holds_alike(a: &DataType, b: &DataType) -> bool {
    use DataType::*;
    let is_text = |t: &DataType| {
        let plain = if let Dictionary(_, values) = t { values.as_ref() } else { t };
        matches!(plain, Utf8 | LargeUtf8 | Utf8View)
    };
    match (a, b) {
        (a, b) if a == b || (is_text(a) && is_text(b)) => true,
        (Binary | LargeBinary, Binary | LargeBinary) => true,
        (a, b) if is_numeric(a) && is_numeric(b) => Form::of(a, b) == Some(Form::Plain),
        (List(a) | LargeList(a) | FixedSizeList(a, _), List(b) | LargeList(b) | FixedSizeList(b, _)) => {
            holds_alike(a.data_type(), b.data_type())
        }
        (Struct(a), Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name() == b.name() && holds_alike(a.data_type(), b.data_type()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::*;
    use xxhash_rust::xxh3::xxh3_128;

    use super::*;
    use crate::metric::canonical::RowBytes;

    fn hashes(array: &ArrayRef, form: Form) -> Vec<u128> {
        let mut bytes = RowBytes::default();
        let column = form.column(array);
        bytes.encode(&[&column], column.len());
        (0..column.len()).map(|row| xxh3_128(bytes.row(row))).collect()
    }

    /// Which rows of the two are equal.
    fn equal(a: ArrayRef, b: ArrayRef) -> Vec<bool> {
        let form = Form::of(a.data_type(), b.data_type()).expect("a form");
        hashes(&a, form).into_iter().zip(hashes(&b, form)).map(|(a, b)| a == b).collect()
    }

    #[test]
    fn numbers_of_two_types_are_compared_as_numbers() {
        let decimals = |values: Vec<i128>, scale| -> ArrayRef {
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, scale).expect("a decimal"))
        };
        let ints = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        let floats = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
        assert_eq!(equal(Arc::new(Int32Array::from(vec![1, 2])), ints(vec![1, 3])), [true, false]);
        assert_eq!(equal(decimals(vec![100, 101, -250], 2), ints(vec![1, 1, -2])), [true, false, false]);
        assert_eq!(equal(decimals(vec![100, 101], 2), decimals(vec![1000, 1001], 3)), [true, false]);
        assert_eq!(equal(decimals(vec![10, 15, 0], 2), floats(vec![0.1, 0.150_000_000_1, -0.0])), [true, false, true]);
        // Beyond 2^53 a float is one of several integers at most.
        let near = 1 << 53;
        assert_eq!(equal(ints(vec![near, near + 1, 3]), floats(vec![near as f64, near as f64, 3.5])), [true, false, false]);
        assert_eq!(equal(ints(vec![i64::MAX]), floats(vec![f64::INFINITY])), [false]);
        let float32: ArrayRef = Arc::new(Float32Array::from(vec![0.5, 0.1]));
        assert_eq!(equal(float32, floats(vec![0.5, 0.1])), [true, false]);
        // NaN is missing, as null is.
        let nothing: ArrayRef = Arc::new(Int64Array::from(vec![None]));
        assert_eq!(equal(nothing, floats(vec![f64::NAN])), [true]);
    }

    #[test]
    fn dates_and_times_of_two_units_are_compared_as_instants() {
        let days: ArrayRef = Arc::new(Date32Array::from(vec![1, 2]));
        let millis: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![86_400_000, 2 * 86_400_000 + 1]));
        assert_eq!(equal(days.clone(), millis.clone()), [true, false]);
        let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![86_400_000_000_000, 1]).with_timezone("UTC"));
        assert_eq!(equal(millis, nanos), [true, false]);
        assert_eq!(Form::of(&DataType::Date32, &DataType::Int64), None);
        assert_eq!(Form::of(&DataType::Date32, &DataType::Time64(TimeUnit::Nanosecond)), None);
    }

    #[test]
    fn what_has_no_value_in_common_has_no_form() {
        assert_eq!(Form::of(&DataType::Utf8, &DataType::Int64), None);
        assert_eq!(Form::of(&DataType::Boolean, &DataType::Int8), None);
        assert_eq!(Form::of(&DataType::Utf8, &DataType::LargeUtf8), Some(Form::Plain));
        assert_eq!(Form::of(&DataType::Null, &DataType::Int64), Some(Form::Plain));
        let list = |item: DataType| DataType::List(Arc::new(arrow::datatypes::Field::new_list_field(item, true)));
        assert_eq!(Form::of(&list(DataType::Int32), &list(DataType::Int64)), Some(Form::Plain));
        assert_eq!(Form::of(&list(DataType::Int32), &list(DataType::Float64)), None);
    }
}
