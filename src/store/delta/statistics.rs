//! What a commit says of its data file: rows, missing values and bounds, by which readers skip files.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array};
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use serde_json::{Map, Value};

use crate::diagnostic::Fault;

/// The statistics of the Parquet file at `path`, as Delta's JSON. Bounds are given of integers, dates, UTC timestamps and
/// text: of floats a NaN leaves no trace in them.
pub(super) fn of(path: &Path) -> Result<String, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(format!("{}: cannot read back: {e}", path.display()));
    let file = File::open(path).map_err(|e| failed(&e))?;
    let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| failed(&e))?;
    statistics(&footer).map(|value| value.to_string()).map_err(|e| failed(&e))
}

fn statistics(footer: &ArrowReaderMetadata) -> Result<Value, ParquetError> {
    let groups = || footer.metadata().row_groups().iter();
    let (mut nulls, mut low, mut high) = (Map::new(), Map::new(), Map::new());
    for field in footer.schema().fields().iter().filter(|f| !f.data_type().is_nested()) {
        let converter = StatisticsConverter::try_new(field.name(), footer.schema(), footer.parquet_schema())?;
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
fn extreme(bounds: &ArrayRef, largest: bool) -> Option<Value> {
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
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let wide = arrow::compute::cast(bounds, &DataType::Int64).ok()?;
            let micros = of(&mut wide.as_primitive::<Int64Type>().iter().flatten())?;
            Some(chrono::DateTime::from_timestamp_micros(micros)?.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into())
        }
        DataType::Utf8 => {
            let texts = bounds.as_string::<i32>().iter().flatten();
            let text = if largest { texts.max() } else { texts.min() };
            text.map(Value::from)
        }
        _ => None,
    }
}
