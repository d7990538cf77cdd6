//! Whether the INT96 timestamps of a row group are what they are read as.
//!
//! The library converts them without a word where they do not fit: values beyond 64 bits wrap around, digits
//! beyond the unit are dropped.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::Type;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{Int96, Int96Type};
use parquet::errors::ParquetError;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::remote::Readable;

/// Values that are looked at together.
const VALUES: usize = 8192;
const JULIAN_DAY_OF_1970: i64 = 2_440_588;
const SECONDS_OF_DAY: i64 = 86_400;

/// The first value of the column that is not what it is read as: its row in the group, and what is wrong.
pub(super) fn first_misread(
    file: &Arc<Readable>,
    footer: &ArrowReaderMetadata,
    group: usize,
    column: &Int96Column,
) -> Result<Option<(u64, &'static str)>, ParquetError> {
    let group = footer.metadata().row_group(group);
    let descriptor = footer.parquet_schema().column(column.leaf);
    let max_def = descriptor.max_def_level();
    let pages = SerializedPageReader::new(file.clone(), group.column(column.leaf), group.num_rows() as usize, None)?;
    let mut reader = ColumnReaderImpl::<Int96Type>::new(descriptor.clone(), Box::new(pages));
    let (mut values, mut defs, mut reps) = (Vec::new(), Vec::new(), Vec::new());
    let mut row = 0;
    loop {
        values.clear();
        defs.clear();
        reps.clear();
        let (records, _, levels) = reader.read_records(VALUES, Some(&mut defs), Some(&mut reps), &mut values)?;
        if levels == 0 {
            return Ok(None);
        }
        if let Some((at, why)) = values.iter().enumerate().find_map(|(i, value)| Some((i, misread(value, column.unit)?))) {
            let holds = |level: &usize| defs.get(*level).is_none_or(|def| *def == max_def);
            let level = (0..levels).filter(holds).nth(at).unwrap_or(levels - 1);
            let within = if reps.is_empty() { level } else { reps[1..=level].iter().filter(|rep| **rep == 0).count() };
            return Ok(Some((row + within as u64, why)));
        }
        row += records as u64;
    }
}

/// What the conversion of a value would lose.
fn misread(value: &Int96, unit: TimeUnit) -> Option<&'static str> {
    let (per_second, reach) = match unit {
        TimeUnit::Second => (1, "lies beyond what seconds of 64 bits hold"),
        TimeUnit::Millisecond => (1_000, "lies beyond what milliseconds of 64 bits hold"),
        TimeUnit::Microsecond => (1_000_000, "lies beyond what microseconds of 64 bits hold"),
        TimeUnit::Nanosecond => (1_000_000_000, "lies beyond what nanoseconds of 64 bits hold, the years 1677 to 2262"),
    };
    let [low, high, day] = *value.data() else { return Some("is no timestamp") };
    let nanos = i64::from(high) << 32 | i64::from(low);
    let (tick, day) = (1_000_000_000 / per_second, i64::from(day as i32));
    let ticks_since = |first: i64| (day - first).checked_mul(SECONDS_OF_DAY * per_second)?.checked_add(nanos / tick);
    // Spark counts microseconds from the first Julian day on before it splits them. In the years after 287,000 that
    // count wraps around, and the subtraction here wraps it back: the instant is right.
    let of_spark = ticks_since(0).filter(|_| unit == TimeUnit::Microsecond);
    match ticks_since(JULIAN_DAY_OF_1970).or(of_spark) {
        None => Some(reach),
        Some(_) if nanos % tick != 0 => Some("has more digits than it would be read with"),
        Some(_) => None,
    }
}

/// An INT96 column of a file.
#[derive(Debug)]
pub(super) struct Int96Column {
    pub leaf: usize,
    /// The column of the table that it is part of.
    pub root: usize,
    /// What it is read as.
    unit: TimeUnit,
}

/// The INT96 columns of a file.
pub(super) fn columns(footer: &ArrowReaderMetadata) -> Vec<Int96Column> {
    let schema = footer.parquet_schema();
    let mut types = Vec::new();
    footer.schema().fields().iter().for_each(|field| leaf_types(field.data_type(), &mut types));
    let column = |(leaf, data_type): (usize, &&DataType)| match data_type {
        DataType::Timestamp(unit, _) if schema.column(leaf).physical_type() == Type::INT96 => {
            Some(Int96Column { leaf, root: schema.get_column_root_idx(leaf), unit: *unit })
        }
        _ => None,
    };
    types.iter().enumerate().filter_map(column).collect()
}

fn leaf_types<'a>(data_type: &'a DataType, out: &mut Vec<&'a DataType>) {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            leaf_types(item.data_type(), out);
        }
        DataType::FixedSizeList(item, _) | DataType::Map(item, _) => leaf_types(item.data_type(), out),
        DataType::Struct(fields) => fields.iter().for_each(|field| leaf_types(field.data_type(), out)),
        leaf => out.push(leaf),
    }
}
