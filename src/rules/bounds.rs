//! Bounds and set members, read from their source text as the column's type.

use arrow::datatypes::DataType;

use super::words::Literal;
use crate::metric::Number;
use crate::text;
use crate::types::{a_type, type_name};

/// A literal as a column's type sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// `value / 10^scale`, exact, for integers and decimals; a count since 1970 for dates and times.
    Exact {
        value: i128,
        scale: u32,
    },
    Float(f64),
    Text(String),
}

impl Bound {
    /// Reads `literal` for a column of `data_type`.
    ///
    /// # Errors
    /// It is no value of that type, or the type has no order.
    pub fn read(literal: &Literal, data_type: &DataType) -> Result<Self, String> {
        let written = literal.0.trim();
        let wrong = || format!("`{written}` is not {}", a_type(data_type));
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(Self::Text(literal.0.clone())),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let x = text::float(written).filter(|x| !x.is_nan()).ok_or_else(wrong)?;
                // A float32 column compares against the bound as a float32 would hold it.
                Ok(Self::Float(if *data_type == DataType::Float32 { f64::from(x as f32) } else { x }))
            }
            DataType::Date32 => text::date(written).map(|d| Self::Exact { value: d.into(), scale: 0 }).ok_or_else(wrong),
            DataType::Date64 => text::date(written).map(|d| Self::Exact { value: i128::from(d) * 86_400_000, scale: 0 }).ok_or_else(wrong),
            DataType::Timestamp(unit, _) => {
                let instant = text::timestamp(written).and_then(|t| t.in_unit(*unit)).ok_or_else(wrong)?;
                Ok(Self::Exact { value: instant.into(), scale: 0 })
            }
            DataType::Decimal256(..) => Err(format!("{} is wider than what is compared", type_name(data_type))),
            t if t.is_integer() || t.is_decimal() => exact(written).ok_or_else(wrong),
            other => Err(format!("{} has no order", type_name(other))),
        }
    }

    /// The bound as a count of 10^-`scale`, rounded down and up; equal where it is exact.
    pub fn at_scale(&self, column_scale: i8) -> Option<(i128, i128)> {
        let Self::Exact { value, scale } = *self else { return None };
        let shift = i32::from(column_scale) - scale as i32;
        if shift >= 0 {
            let scaled = 10i128.checked_pow(shift as u32).and_then(|f| value.checked_mul(f));
            let clamped = scaled.unwrap_or(if value < 0 { i128::MIN / 2 } else { i128::MAX / 2 });
            return Some((clamped, clamped));
        }
        let divisor = 10i128.checked_pow(shift.unsigned_abs())?;
        let floor = value.div_euclid(divisor);
        Some((floor, floor + i128::from(value.rem_euclid(divisor) != 0)))
    }
}

/// A decimal number's digits and scale.
fn exact(written: &str) -> Option<Bound> {
    let digits = written.strip_prefix(['-', '+']).unwrap_or(written);
    let fraction = digits.split_once('.').map_or(0, |(_, f)| f.len());
    let scale = i8::try_from(fraction).ok()?;
    match text::decimal(written, 38, scale) {
        Some(value) => Some(Bound::Exact { value, scale: fraction as u32 }),
        // 1e6 and the like, where the float is a whole number.
        None => {
            let x = text::float(written).filter(|x| x.fract() == 0.0 && x.abs() < 1e15)?;
            Some(Bound::Exact { value: x as i128, scale: 0 })
        }
    }
}

/// A number of a column as a person reads it: dates and times as such.
pub fn shown(number: Number, data_type: &DataType) -> String {
    use arrow::array::{Array, ArrayRef, Int64Array, PrimitiveArray};
    use arrow::datatypes::{
        Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    };
    let Number::Int { value, .. } = number else { return number.to_string() };
    let Ok(narrow) = i64::try_from(value) else { return number.to_string() };
    let array: ArrayRef = match data_type {
        DataType::Date32 => std::sync::Arc::new(PrimitiveArray::<Date32Type>::from_value(narrow as i32, 1)),
        DataType::Timestamp(unit, zone) => {
            let zone = zone.clone();
            match unit {
                TimeUnit::Second => {
                    std::sync::Arc::new(PrimitiveArray::<TimestampSecondType>::from_value(narrow, 1).with_timezone_opt(zone))
                }
                TimeUnit::Millisecond => {
                    std::sync::Arc::new(PrimitiveArray::<TimestampMillisecondType>::from_value(narrow, 1).with_timezone_opt(zone))
                }
                TimeUnit::Microsecond => {
                    std::sync::Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from_value(narrow, 1).with_timezone_opt(zone))
                }
                TimeUnit::Nanosecond => {
                    std::sync::Arc::new(PrimitiveArray::<TimestampNanosecondType>::from_value(narrow, 1).with_timezone_opt(zone))
                }
            }
        }
        t if crate::metric::is_numeric(t) => return number.to_string(),
        other => match arrow::compute::cast(&Int64Array::from(vec![narrow]), other) {
            Ok(array) => array,
            Err(_) => return number.to_string(),
        },
    };
    debug_assert_eq!(array.len(), 1);
    arrow::util::display::array_value_to_string(&array, 0).unwrap_or_else(|_| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_exact() {
        let read = |t: &str, d: &DataType| Bound::read(&Literal(t.into()), d);
        let decimal = DataType::Decimal128(15, 2);
        assert_eq!(read("0.1", &decimal).expect("bound").at_scale(2), Some((10, 10)));
        assert_eq!(read("0.105", &decimal).expect("bound").at_scale(2), Some((10, 11)));
        assert_eq!(read("-0.5", &DataType::Int64).expect("bound").at_scale(0), Some((-1, 0)));
        assert_eq!(read("1e3", &DataType::Int64).expect("bound").at_scale(0), Some((1000, 1000)));
        assert!(read("abc", &DataType::Int64).expect_err("fault").contains("an int64"));
        assert_eq!(read("1970-01-03", &DataType::Date32), Ok(Bound::Exact { value: 2, scale: 0 }));
    }
}
