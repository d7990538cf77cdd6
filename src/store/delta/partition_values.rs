//! Values of partition columns: in a table's log they are text, and in no data file.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use chrono::DateTime;
use xxhash_rust::xxh3::xxh3_128;

use super::paths::encoded;
use crate::diagnostic::{Code, Fault};
use crate::store::parquet::Constants;
use crate::types::type_name;

/// The values of a file's rows in each partition column.
pub(super) type PartitionValues = Vec<(String, Option<String>)>;

/// What a directory is called whose rows have no value.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Names of directories that are longer are cut: file systems take up to 255 bytes.
const NAME_MAX: usize = 200;

/// Refuses a column by whose values no table is divided here.
///
/// # Errors
/// Its values cannot be written as text so that every reader takes them for the same.
pub(super) fn ensure_divides(field: &FieldRef, place: &str) -> Result<(), Fault> {
    match field.data_type() {
        DataType::Utf8 | DataType::Boolean | DataType::Date32 | DataType::Decimal128(..) => Ok(()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(()),
        integer if integer.is_integer() => Ok(()),
        other => {
            let what = format!("{place}: `{}` is of type {}, by which no table is partitioned here", field.name(), type_name(other));
            Err(Fault::new(Code::UnsupportedType, what)
                .hint("partition by a date, an integer, a text, a boolean, a decimal or a timestamp"))
        }
    }
}

/// The value in `row`, as the log writes it.
///
/// # Errors
/// It cannot be told from another there.
pub(super) fn written(array: &ArrayRef, row: usize, column: &str) -> Result<Option<String>, Fault> {
    if array.is_null(row) {
        return Ok(None);
    }
    let one = array.slice(row, 1);
    let refused = |why: &str, hint: &str| {
        Err(Fault::new(Code::UnfitDestination, format!("`{column}`, by which the table is partitioned, {why} in a row")).hint(hint))
    };
    let text = match one.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = one.as_primitive::<TimestampMicrosecondType>().value(0);
            let format = if zone.is_some() { "%Y-%m-%dT%H:%M:%S%.6fZ" } else { "%Y-%m-%d %H:%M:%S%.6f" };
            DateTime::from_timestamp_micros(micros).map(|time| time.format(format).to_string())
        }
        _ => cast_with_options(&one, &DataType::Utf8, &EXACT).ok().map(|text| text.as_string::<i32>().value(0).to_owned()),
    };
    let Some(text) = text else { return refused("cannot be written as text", "set such rows aside with a rule") };
    if text.is_empty() {
        let hint =
            format!("a Delta table takes it for null: write `transform: {{ {column}: \"nullif({column}, '')\" }}`, or set such rows aside");
        return refused("is the empty text", &hint);
    }
    // A year beyond 9999, say: others would read another value, or none.
    let is_dated = matches!(one.data_type(), DataType::Date32 | DataType::Timestamp(..));
    let has_plain_year = text.bytes().take(4).all(|b| b.is_ascii_digit()) && text.as_bytes().get(4) == Some(&b'-');
    match parsed(Some(&text), one.data_type()) {
        Ok(back) if back.to_data() == one.to_data() && (!is_dated || has_plain_year) => Ok(Some(text)),
        Ok(_) | Err(_) => refused("has a value that readers of a Delta table take for another", "set such rows aside with a rule"),
    }
}

const EXACT: CastOptions<'static> = CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// A value of the log as an array of one; the empty text stands for null.
fn parsed(text: Option<&str>, data_type: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(new_null_array(data_type, 1)),
        Some(text) => cast_with_options(&StringArray::from(vec![text]), data_type, &EXACT),
    }
}

/// The values of a file in the partition columns `columns`, as its log has them.
///
/// # Errors
/// One is no value of the column's type, or none is said.
pub(super) fn constants(columns: &[FieldRef], values: &HashMap<String, Option<String>>, place: &str) -> Result<Constants, Fault> {
    let one = |field: &FieldRef| {
        let damaged =
            |why: String| Fault::new(Code::Damaged, format!("{place}: the value of the partition column `{}` {why}", field.name()));
        let text = values.get(field.name()).ok_or_else(|| damaged("is not in the table's log".into()))?;
        let value = parsed(text.as_deref(), field.data_type());
        let value = value.map_err(|_| damaged(format!("is no {}", type_name(field.data_type()))))?;
        Ok((Arc::new(field.as_ref().clone().with_nullable(true)), value))
    };
    columns.iter().map(one).collect::<Result<_, _>>().map(Constants::new)
}

/// The directory of such rows, as Hive and Delta name it, with a `/` behind.
pub(super) fn directory(values: &PartitionValues) -> String {
    let one = |(column, value): &(String, Option<String>)| {
        let name = format!("{}={}", encoded(column), value.as_deref().map_or_else(|| NULL.to_owned(), encoded));
        // What counts is what the log says.
        if name.len() > NAME_MAX { format!("{:032x}/", xxh3_128(name.as_bytes())) } else { name + "/" }
    };
    values.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{BooleanArray, Date32Array, Decimal128Array, Int64Array, TimestampMicrosecondArray};
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn values_are_text_as_delta_has_it_and_are_read_back() {
        let decimal = Decimal128Array::from(vec![-105]).with_precision_and_scale(5, 2).expect("a decimal");
        // 1772582400 is 2026-03-04 00:00:00 UTC: date -u -d @1772582400
        let micros = vec![1_772_582_400_000_001];
        let known: [(ArrayRef, &str); 7] = [
            (Arc::new(Int64Array::from(vec![i64::MIN])), "-9223372036854775808"),
            (Arc::new(BooleanArray::from(vec![true])), "true"),
            (Arc::new(Date32Array::from(vec![20_516])), "2026-03-04"),
            (Arc::new(decimal), "-1.05"),
            (Arc::new(StringArray::from(vec!["a/b c%"])), "a/b c%"),
            (Arc::new(TimestampMicrosecondArray::from(micros.clone())), "2026-03-04 00:00:00.000001"),
            (Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC")), "2026-03-04T00:00:00.000001Z"),
        ];
        for (array, text) in known {
            assert_eq!(written(&array, 0, "x").expect("a value").as_deref(), Some(text));
            let field: FieldRef = Arc::new(Field::new("x", array.data_type().clone(), true));
            let back = constants(&[field], &HashMap::from([("x".to_owned(), Some(text.to_owned()))]), "t").expect("read");
            assert_eq!(back.row().expect("a row").column(0), &array);
        }
        let null: ArrayRef = Arc::new(Int64Array::from(vec![None]));
        assert_eq!(written(&null, 0, "x").expect("null"), None);
        let empty: ArrayRef = Arc::new(StringArray::from(vec![""]));
        assert!(written(&empty, 0, "x").expect_err("empty").to_string().contains("is the empty text"));
        let far: ArrayRef = Arc::new(Date32Array::from(vec![9_000_000]));
        written(&far, 0, "x").expect_err("a year of five digits");
    }

    #[test]
    fn directories_are_named_as_hive_names_them() {
        let values = |value: Option<&str>| vec![("day".to_owned(), value.map(str::to_owned)), ("a b".to_owned(), Some("é/1".to_owned()))];
        assert_eq!(directory(&values(Some("2026-03-04"))), "day=2026-03-04/a%20b=%C3%A9%2F1/");
        assert_eq!(directory(&values(None)), "day=__HIVE_DEFAULT_PARTITION__/a%20b=%C3%A9%2F1/");
        let long = directory(&vec![("x".to_owned(), Some("y".repeat(400)))]);
        assert_eq!((long.len(), long.ends_with('/')), (33, true));
    }
}
