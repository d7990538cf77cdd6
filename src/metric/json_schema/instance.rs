//! Rows as JSON.

use arrow::array::{Array, AsArray};
use arrow::datatypes::*;
use arrow::util::display::array_value_to_string;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value as Json};

use crate::metric::Column;
use crate::rows::Mask;

/// What of a row is held against a schema.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Instance {
    /// An object of all columns, which have these names.
    Record(Vec<String>),
    /// The JSON text in the one column.
    #[default]
    Text,
    /// The value of the one column: an object, a list, or what else it holds.
    Value,
}

/// Why there is no JSON of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotJson {
    /// The text is not JSON.
    Text,
    /// A number at this path is infinite.
    Infinite(String),
}

/// Calls `each` with every selected row and its JSON, where the instance is no text. Rows without a value are left out where
/// the instance is one column's.
pub fn each_instance(
    instance: &Instance,
    omit_missing: bool,
    columns: &[&Column],
    selection: &Mask,
    len: usize,
    mut each: impl FnMut(usize, Result<&Json, NotJson>),
) {
    match instance {
        Instance::Text => {
            each_text(columns[0], selection, |row, json| each(row, json.as_ref().map_err(|()| NotJson::Text)));
        }
        Instance::Value => {
            let array = columns[0].array.as_ref();
            columns[0].present(selection).rows(len, |row| match value(array, row, omit_missing) {
                Ok(json) => each(row, Ok(&json.unwrap_or(Json::Null))),
                Err(Infinite(path)) => each(row, Err(NotJson::Infinite(path))),
            });
        }
        Instance::Record(names) => {
            // One object for all rows: its keys are written once.
            let mut record = Json::Object(names.iter().map(|name| (name.clone(), Json::Null)).collect());
            selection.rows(len, |row| match fill(&mut record, names, columns, row, omit_missing) {
                Ok(()) => each(row, Ok(&record)),
                Err(Infinite(path)) => each(row, Err(NotJson::Infinite(path))),
            });
        }
    }
}

/// Calls `each` with every selected row that has a text, and with the JSON that it is, if it is some.
pub fn each_text(column: &Column, selection: &Mask, mut each: impl FnMut(usize, Result<Json, ()>)) {
    column.for_each_text(selection, |row, text| each(row, serde_json::from_str(text).map_err(|_| ())));
}

fn fill(record: &mut Json, names: &[String], columns: &[&Column], row: usize, omit_missing: bool) -> Result<(), Infinite> {
    let Json::Object(map) = record else { return Ok(()) };
    for (name, column) in names.iter().zip(columns) {
        let json = value(column.array.as_ref(), row, omit_missing).map_err(|e| e.within(name))?;
        match (json, map.get_mut(name)) {
            (None, _) if omit_missing => drop(map.remove(name)),
            (json, Some(place)) => *place = json.unwrap_or(Json::Null),
            (json, None) => drop(map.insert(name.clone(), json.unwrap_or(Json::Null))),
        }
    }
    Ok(())
}

/// A number that JSON has none for, and where it stands.
struct Infinite(String);

impl Infinite {
    fn within(self, name: &str) -> Self {
        let dot = if self.0.is_empty() || self.0.starts_with('[') { "" } else { "." };
        Self(format!("{name}{dot}{}", self.0))
    }
}

/// The value in `row` as JSON; none if it is missing, as null and NaN are.
fn value(array: &dyn Array, row: usize, omit_missing: bool) -> Result<Option<Json>, Infinite> {
    if array.is_null(row) {
        return Ok(None);
    }
    macro_rules! number {
        ($kind:ty) => {
            Json::from(array.as_primitive::<$kind>().value(row))
        };
    }
    let json = match array.data_type() {
        DataType::Null => return Ok(None),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => return float(array.as_primitive::<Float16Type>().value(row).into()),
        DataType::Float32 => return float(shortest(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => return float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Dictionary(key, _) if **key == DataType::Int32 => {
            let dictionary = array.as_dictionary::<Int32Type>();
            return value(dictionary.values().as_ref(), dictionary.keys().value(row) as usize, omit_missing);
        }
        DataType::Struct(fields) => {
            let parts = array.as_struct();
            let mut map = Map::new();
            for (field, part) in fields.iter().zip(parts.columns()) {
                match value(part.as_ref(), row, omit_missing).map_err(|e| e.within(field.name()))? {
                    None if omit_missing => {}
                    json => drop(map.insert(field.name().clone(), json.unwrap_or(Json::Null))),
                }
            }
            Json::Object(map)
        }
        DataType::List(_) => elements(array.as_list::<i32>().value(row).as_ref(), omit_missing)?,
        DataType::LargeList(_) => elements(array.as_list::<i64>().value(row).as_ref(), omit_missing)?,
        DataType::FixedSizeList(..) => elements(array.as_fixed_size_list().value(row).as_ref(), omit_missing)?,
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let mut map = Map::new();
            for entry in 0..entries.len() {
                let key = shown(keys.as_ref(), entry);
                let json = value(values.as_ref(), entry, omit_missing).map_err(|e| e.within(&key))?;
                map.insert(key, json.unwrap_or(Json::Null));
            }
            Json::Object(map)
        }
        t if t.is_decimal() => decimal(&shown(array, row)),
        // As freshness has it: a time without a zone is UTC.
        DataType::Timestamp(_, None) => format!("{}Z", shown(array, row)).into(),
        _ => shown(array, row).into(),
    };
    Ok(Some(json))
}

/// The float that is written with the digits of the float32: 0.1, and not 0.10000000149011612.
fn shortest(x: f32) -> f64 {
    x.to_string().parse().unwrap_or_else(|_| f64::from(x))
}

fn float(x: f64) -> Result<Option<Json>, Infinite> {
    match Number::from_f64(x) {
        Some(number) => Ok(Some(Json::Number(number))),
        None if x.is_nan() => Ok(None),
        None => Err(Infinite(String::new())),
    }
}

/// A whole number where the decimal is one that fits, else the float nearest to it.
fn decimal(written: &str) -> Json {
    let whole = written.split_once('.').map_or(Some(written), |(whole, rest)| rest.bytes().all(|b| b == b'0').then_some(whole));
    let integer = whole.and_then(|whole| whole.parse::<i64>().map(Json::from).or_else(|_| whole.parse::<u64>().map(Json::from)).ok());
    integer.unwrap_or_else(|| written.parse::<f64>().map_or(Json::Null, Json::from))
}

/// In a list places count, so what is missing is `null` always.
fn elements(array: &dyn Array, omit_missing: bool) -> Result<Json, Infinite> {
    let element = |i| match value(array, i, omit_missing) {
        Ok(json) => Ok(json.unwrap_or(Json::Null)),
        Err(e) => Err(e.within("[]")),
    };
    (0..array.len()).map(element).collect::<Result<Vec<_>, _>>().map(Json::Array)
}

/// Dates and times as ISO 8601, binary values as hexadecimal digits.
fn shown(array: &dyn Array, row: usize) -> String {
    array_value_to_string(array, row).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;

    use super::*;

    fn json(array: ArrayRef, omit_missing: bool) -> Vec<String> {
        let one = |row| match value(array.as_ref(), row, omit_missing) {
            Ok(json) => json.map_or("missing".to_owned(), |json| json.to_string()),
            Err(Infinite(path)) => format!("infinite at `{path}`"),
        };
        (0..array.len()).map(one).collect()
    }

    #[test]
    fn values_are_written_as_json_has_them() {
        let decimals = Decimal128Array::from(vec![250, 1, -300]).with_precision_and_scale(10, 2).expect("decimals");
        assert_eq!(json(Arc::new(decimals), false), ["2.5", "0.01", "-3"]);
        assert_eq!(json(Arc::new(UInt64Array::from(vec![u64::MAX])), false), ["18446744073709551615"]);
        assert_eq!(json(Arc::new(Float32Array::from(vec![0.1, f32::NAN, f32::INFINITY])), false), ["0.1", "missing", "infinite at ``"]);
        assert_eq!(json(Arc::new(Date32Array::from(vec![20_484])), false), ["\"2026-01-31\""]);
        let times = TimestampMillisecondArray::from(vec![1_769_881_501_500]);
        assert_eq!(json(Arc::new(times.clone()), false), ["\"2026-01-31T17:45:01.500Z\""]);
        assert_eq!(json(Arc::new(times.with_timezone("+02:00")), false), ["\"2026-01-31T19:45:01.500+02:00\""]);
        assert_eq!(json(Arc::new(BinaryArray::from(vec![b"\x01\xff".as_slice()])), false), ["\"01ff\""]);
        let codes: DictionaryArray<Int32Type> = vec![Some("b"), None, Some("a")].into_iter().collect();
        assert_eq!(json(Arc::new(codes), false), ["\"b\"", "missing", "\"a\""]);
    }

    #[test]
    fn missing_values_within_are_null_or_left_out() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY]));
        let parts = StructArray::from(vec![
            (Arc::new(Field::new("n", DataType::Int64, true)), numbers),
            (Arc::new(Field::new("x", DataType::Float64, true)), floats),
        ]);
        let list = ListArray::new(
            Arc::new(Field::new_list_field(parts.data_type().clone(), true)),
            arrow::buffer::OffsetBuffer::new(vec![0, 1, 2].into()),
            Arc::new(parts.clone()),
            None,
        );
        assert_eq!(json(Arc::new(parts.clone()), false), [r#"{"n":1,"x":null}"#, "infinite at `x`"]);
        assert_eq!(json(Arc::new(parts), true), [r#"{"n":1}"#, "infinite at `x`"]);
        assert_eq!(json(Arc::new(list), true), [r#"[{"n":1}]"#, "infinite at `[].x`"]);
    }
}
