//! What a table says of its data files: rows, missing values and bounds, by which readers skip files.

use arrow::array::{Array, ArrayRef, AsArray, Date32Array};
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use serde_json::{Map, Value};

use crate::footer;
use crate::rules::published::{Bounds, OrdinalKind};

/// The statistics of a Parquet file, as Delta's JSON. Bounds are given of integers, dates, timestamps and text: of floats
/// a NaN leaves no trace in them.
///
/// # Errors
/// It cannot be read.
pub(in crate::store) fn of<R: ChunkReader>(file: &R) -> Result<Value, ParquetError> {
    statistics(&footer::load(file)?)
}

/// The same without bounds of text, which may look like those of dates.
///
/// # Errors
/// It cannot be read.
pub(super) fn without_text<R: ChunkReader>(file: &R) -> Result<Value, ParquetError> {
    let footer = footer::load(file)?;
    let mut known = statistics(&footer)?;
    for field in footer.schema().fields().iter().filter(|field| OrdinalKind::of(field.data_type()).is_none()) {
        for bounds in ["minValues", "maxValues"] {
            known[bounds].as_object_mut().map(|bounds| bounds.remove(field.name()));
        }
    }
    Ok(known)
}

/// The bounds of `column` in such statistics.
pub(in crate::store) fn bounds(statistics: &Value, column: &str) -> Option<Bounds> {
    let (low, high) = (&statistics["minValues"][column], &statistics["maxValues"][column]);
    if let (Some(low), Some(high)) = (low.as_i64(), high.as_i64()) {
        return Some(Bounds { kind: OrdinalKind::Integer, low: low.into(), high: high.into() });
    }
    let (low, high) = (low.as_str()?, high.as_str()?);
    if let (Ok(low), Ok(high)) = (low.parse::<NaiveDate>(), high.parse::<NaiveDate>()) {
        let days = |day: NaiveDate| i128::from((day - NaiveDate::default()).num_days());
        return Some(Bounds { kind: OrdinalKind::Date, low: days(low), high: days(high) });
    }
    let micros = |text: &str| {
        let time = match DateTime::parse_from_rfc3339(text) {
            Ok(time) => time.to_utc(),
            Err(_) => text.parse::<NaiveDateTime>().ok()?.and_utc(),
        };
        Some(i128::from(time.timestamp_micros()))
    };
    // Writers may cut bounds to whole milliseconds.
    Some(Bounds { kind: OrdinalKind::Time, low: micros(low)?, high: micros(high)? + 1_000 })
}

fn statistics(footer: &ArrowReaderMetadata) -> Result<Value, ParquetError> {
    let groups = || footer.metadata().row_groups().iter();
    let (mut nulls, mut low, mut high) = (Map::new(), Map::new(), Map::new());
    for (field, leaf) in footer.schema().fields().iter().zip(footer::leaves(footer)).filter(|(f, _)| !f.data_type().is_nested()) {
        let Some(leaf) = leaf else { continue };
        let converter = StatisticsConverter::from_column_index(leaf, field, footer.parquet_schema())?;
        let counts = converter.row_group_null_counts(groups())?;
        if counts.null_count() == 0 {
            nulls.insert(field.name().clone(), counts.iter().flatten().sum::<u64>().into());
        }
        let bound = |bounds: &ArrayRef, largest: bool| {
            // Without a bound of each row group there is none of the file, unless a group has no value at all.
            let known =
                (0..bounds.len()).all(|i| bounds.is_valid(i) || counts.value(i) as i64 == groups().nth(i).map_or(0, |g| g.num_rows()));
            if known { extreme(bounds, largest) } else { None }
        };
        if let (Some(min), Some(max)) =
            (bound(&converter.row_group_mins(groups())?, false), bound(&converter.row_group_maxes(groups())?, true))
        {
            low.insert(field.name().clone(), min);
            high.insert(field.name().clone(), max);
        }
    }
    let rows: i64 = footer.metadata().file_metadata().num_rows();
    Ok(serde_json::json!({ "numRecords": rows, "minValues": low, "maxValues": high, "nullCount": nulls }))
}

/// The smallest or the largest of `bounds`.
pub(super) fn extreme(bounds: &ArrayRef, largest: bool) -> Option<Value> {
    let of = |values: &mut dyn Iterator<Item = i64>| if largest { values.max() } else { values.min() };
    match bounds.data_type() {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            let wide = arrow::compute::cast(bounds, &DataType::Int64).ok()?;
            of(&mut wide.as_primitive::<Int64Type>().iter().flatten()).map(Value::from)
        }
        DataType::Date32 => {
            let wide = arrow::compute::cast(bounds, &DataType::Int32).and_then(|a| arrow::compute::cast(&a, &DataType::Int64)).ok()?;
            let days = of(&mut wide.as_primitive::<Int64Type>().iter().flatten())?;
            Some(Date32Array::from(vec![days as i32]).value_as_date(0)?.to_string().into())
        }
        DataType::Timestamp(unit @ (TimeUnit::Microsecond | TimeUnit::Millisecond), zone) => {
            let wide = arrow::compute::cast(bounds, &DataType::Int64).ok()?;
            let ticks = of(&mut wide.as_primitive::<Int64Type>().iter().flatten())?;
            let micros = if *unit == TimeUnit::Millisecond { ticks.checked_mul(1_000)? } else { ticks };
            let format = if zone.is_some() { "%Y-%m-%dT%H:%M:%S%.6fZ" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
            Some(DateTime::from_timestamp_micros(micros)?.format(format).to_string().into())
        }
        DataType::Utf8 => {
            let texts = bounds.as_string::<i32>().iter().flatten();
            let text = if largest { texts.max() } else { texts.min() };
            text.map(Value::from)
        }
        _ => None,
    }
}
