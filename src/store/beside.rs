//! Published rows beside those of a batch: as values of the batch's types, and which can be equal to one at all.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;

use super::partition::Partition;
use crate::metric::Column;
use crate::paths::PathColumn;
use crate::rows::Mask;
use crate::rules::BoundColumn;
use crate::rules::alike::{are_comparable, as_type};
use crate::rules::published::{Bounds, KeyQuery, OrdinalKind};
use crate::types::{micros, type_name};

/// The columns of the key in some published rows, and which of these count: those of the window whose values the batch's
/// types can hold.
///
/// # Errors
/// The rows cannot be compared with the batch's.
pub fn keys_of(batch: &RecordBatch, wanted: &KeyQuery) -> Result<(Vec<Column>, Mask), ArrowError> {
    let (mut columns, mut rows) = (Vec::new(), Mask::All);
    for (key, bounds) in &wanted.key {
        let array = column(batch, &key.name);
        let array = array.unwrap_or_else(|| new_null_array(&key.data_type, batch.num_rows()));
        let (array, same) = as_type(&array, &key.data_type)?;
        rows = rows.and(&same);
        if let Some(within) = bounds.as_ref().map(|bounds| within(&array, bounds)).transpose()? {
            rows = rows.and(&within);
        }
        columns.push(Column::new(array));
    }
    if let Some((name, since)) = &wanted.since
        && let Some(times) = column(batch, name).filter(|times| micros(times.data_type(), 0).is_some())
    {
        let wide = cast(&cast(&times, &ticks(times.data_type()))?, &DataType::Int64)?;
        let wide = wide.as_primitive::<Int64Type>();
        let is_new = |i: usize| wide.is_null(i) || micros(times.data_type(), wide.value(i).into()).is_none_or(|time| time >= *since);
        rows = rows.and(&Mask::new(BooleanBuffer::collect_bool(batch.num_rows(), is_new)));
    }
    if let Some((column, values)) = &wanted.replaced {
        let partition = Partition::new(&column.name, &column.data_type, values.clone());
        rows = rows.without(&Mask::from_boolean(&partition.has(batch)?, false));
    }
    Ok((columns, rows))
}

/// The column, or the field of one, called `name`.
fn column(batch: &RecordBatch, name: &str) -> Option<ArrayRef> {
    batch.column_by_name(name).cloned().or_else(|| {
        let path = PathColumn::all(&batch.schema()).into_iter().find(|p| p.path == name)?;
        Some(path.values(batch.column(path.root)).array)
    })
}

/// Which integers or days lie within the bounds, or are missing; of other values all may.
fn within(array: &ArrayRef, bounds: &Bounds) -> Result<Mask, ArrowError> {
    let (Ok(low), Ok(high), OrdinalKind::Integer | OrdinalKind::Date) =
        (i64::try_from(bounds.low), i64::try_from(bounds.high), bounds.kind)
    else {
        return Ok(Mask::All);
    };
    // Unsigned values beyond the signed ones are missing then, and may be anything.
    let wide = cast(&cast(array, &ticks(array.data_type()))?, &DataType::Int64)?;
    let wide = wide.as_primitive::<Int64Type>();
    let values = wide.values();
    let inside = BooleanBuffer::collect_bool(wide.len(), |i| low <= values[i] && values[i] <= high);
    Ok(Mask::new(inside).or(&Mask::nulls(wide.nulls())))
}

/// The integers that dates or times of this type are.
fn ticks(data_type: &DataType) -> DataType {
    if *data_type == DataType::Date32 { DataType::Int32 } else { DataType::Int64 }
}

/// Why no value of the column can be one of the type that is published, if so.
pub(super) fn apart(column: &BoundColumn, published: &DataType) -> Option<String> {
    let (here, there) = (type_name(&column.data_type), type_name(published));
    let why = "values of such types are never equal; convert it with `transform`";
    (!are_comparable(published, &column.data_type)).then(|| format!("`{}` is {here}, and {there} in what is published: {why}", column.name))
}
