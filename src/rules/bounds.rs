//! Bounds and set members, read from their source text as the column's type.

use arrow::datatypes::{DataType, TimeUnit};

use super::words::{Decimal, Literal};
use crate::metric::Number;
use crate::text;
use crate::types::{a_type, type_name};

/// A literal as a column's type sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// `value / 10^scale`, exact, for integers and decimals; a count of the column's unit for what is of time: since 1970 for dates and
    /// timestamps, since midnight for times of day.
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
            DataType::Time32(unit) | DataType::Time64(unit) => time_of_day(written)
                .map(|nanos| in_ticks(nanos, 0, *unit))
                .ok_or_else(|| format!("`{written}` is no time of day: write `08:00`, `17:30:00` or `17:30:00.5`")),
            DataType::Duration(unit) => duration(written)
                .map(|(nanos, scale)| in_ticks(nanos, scale, *unit))
                .ok_or_else(|| format!("`{written}` is no duration: write `90s`, `15m`, `36h`, `7d`, `2w`, or `250ms`, `10us`, `5ns`")),
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

/// `nanos / 10^scale` nanoseconds as a count of the unit: exact, whatever fraction of one it is.
fn in_ticks(nanos: i128, scale: u32, unit: TimeUnit) -> Bound {
    let digits = match unit {
        TimeUnit::Second => 9,
        TimeUnit::Millisecond => 6,
        TimeUnit::Microsecond => 3,
        TimeUnit::Nanosecond => 0,
    };
    Bound::Exact { value: nanos, scale: scale + digits }
}

/// `HH:MM`, with seconds and up to nine digits of their fraction where these are given, as nanoseconds since midnight; `24:00` is the
/// end of the day.
fn time_of_day(written: &str) -> Option<i128> {
    let number = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse::<i128>().ok()).flatten()
    };
    let (hour, rest) = written.split_once(':')?;
    let (minute, second) = rest.split_once(':').unwrap_or((rest, "00"));
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let fraction = if fraction.len() > 9 { None } else { number(&format!("{fraction:0<9}"), 9).filter(|_| !fraction.is_empty()) }?;
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    let nanos = ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + fraction;
    (minute < 60 && second < 60 && nanos <= 86_400_000_000_000).then_some(nanos)
}

/// A number with its unit, as `nanos / 10^scale` nanoseconds.
fn duration(written: &str) -> Option<(i128, u32)> {
    let split = written.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = written.split_at(split);
    let nanos: i128 = match unit.trim() {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        "w" => 604_800_000_000_000,
        _ => return None,
    };
    let number = Decimal::parse(number.trim_end()).filter(|_| !number.contains('%'))?;
    Some((number.digits().checked_mul(nanos)?, number.scale()))
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

    #[test]
    fn times_and_durations_are_counts_of_the_unit() {
        let ticks = |t: &str, d: DataType| Bound::read(&Literal(t.into()), &d).ok().and_then(|bound| bound.at_scale(0));
        let (seconds, micros) = (DataType::Duration(TimeUnit::Second), DataType::Duration(TimeUnit::Microsecond));
        assert_eq!(ticks("36h", seconds.clone()), Some((129_600, 129_600)));
        assert_eq!(ticks("-1.5d", seconds.clone()), Some((-129_600, -129_600)));
        assert_eq!(ticks("250ms", seconds.clone()), Some((0, 1)));
        assert_eq!(ticks("-250 ms", seconds.clone()), Some((-1, 0)));
        assert_eq!(ticks("250ms", micros.clone()), Some((250_000, 250_000)));
        assert_eq!(ticks("2w", micros.clone()), Some((1_209_600_000_000, 1_209_600_000_000)));
        for text in ["36", "h", "36 hours", "1%h", "08:00", "", "1e40w"] {
            assert_eq!(ticks(text, micros.clone()), None, "{text}");
        }
        let (millis, nanos) = (DataType::Time32(TimeUnit::Millisecond), DataType::Time64(TimeUnit::Nanosecond));
        assert_eq!(ticks("08:00", millis.clone()), Some((28_800_000, 28_800_000)));
        assert_eq!(ticks("17:30:00.5", millis.clone()), Some((63_000_500, 63_000_500)));
        assert_eq!(ticks("17:30:00.5", DataType::Time32(TimeUnit::Second)), Some((63_000, 63_001)));
        assert_eq!(ticks("23:59:59.999999999", nanos.clone()), Some((86_399_999_999_999, 86_399_999_999_999)));
        assert_eq!(ticks("24:00", nanos.clone()), Some((86_400_000_000_000, 86_400_000_000_000)));
        for text in ["8:00", "24:00:01", "08:60", "08:00:60", "08:00:00.", "08", "0800", "08:00:00.1234567891", "+8:00", "08:00Z"] {
            assert_eq!(ticks(text, nanos.clone()), None, "{text}");
        }
    }
}
