//! Arrays in the types they are written as: each value as it is, or a fault that names the column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, new_null_array};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit, TimestampNanosecondType};

use crate::diagnostic::{Code, Fault};
use crate::rules::held::is_lossy;
use crate::types::type_name;

/// The array in the type of `field`, which the destination chose so that no value is lost.
///
/// # Errors
/// A value would be another one there, or a column that is never null has a null.
pub(super) fn conform(array: &ArrayRef, field: &Field) -> Result<ArrayRef, Fault> {
    if !field.is_nullable() && array.null_count() > 0 {
        let fault = Fault::new(Code::TableRefused, format!("`{}`: a row has no value, and the table says NOT NULL", field.name()));
        return Err(fault.hint("set such rows aside with `missing`; nothing was published"));
    }
    of_type(array, field.data_type(), field.name())
}

fn of_type(array: &ArrayRef, data_type: &DataType, path: &str) -> Result<ArrayRef, Fault> {
    if array.data_type() == data_type {
        return Ok(array.clone());
    }
    match (array.data_type(), data_type) {
        (DataType::Null, _) => Ok(new_null_array(data_type, array.len())),
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let structs = array.as_struct();
            let child = |f: &FieldRef| match structs.column_by_name(f.name()) {
                Some(child) => of_type(child, f.data_type(), &format!("{path}.{}", f.name())),
                None => Ok(new_null_array(f.data_type(), array.len())),
            };
            let children = fields.iter().map(child).collect::<Result<_, _>>()?;
            let made = StructArray::try_new_with_length(fields.clone(), children, structs.nulls().cloned(), array.len());
            made.map(|made| Arc::new(made) as ArrayRef).map_err(|e| failed(path, &e))
        }
        (DataType::List(_), DataType::List(item)) => {
            let lists = array.as_list::<i32>();
            let values = of_type(lists.values(), item.data_type(), &format!("{path}[]"))?;
            let made = ListArray::try_new(item.clone(), lists.offsets().clone(), values, lists.nulls().cloned());
            made.map(|made| Arc::new(made) as ArrayRef).map_err(|e| failed(path, &e))
        }
        (
            DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) | DataType::ListView(inner) | DataType::LargeListView(inner),
            DataType::List(_),
        ) => of_type(&cast(array, &DataType::List(inner.clone()), path)?, data_type, path),
        _ => plain(array, data_type, path),
    }
}

fn plain(array: &ArrayRef, data_type: &DataType, path: &str) -> Result<ArrayRef, Fault> {
    let there = cast(array, data_type, path)?;
    let differs = match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) if is_lossy(array.data_type(), data_type) => {
            array.as_primitive::<TimestampNanosecondType>().iter().flatten().any(|nanos| nanos % 1000 != 0)
        }
        // A finer unit that overflows has failed above.
        DataType::Timestamp(..) => false,
        from if is_lossy(from, data_type) => distinct(&cast(&there, from, path)?, array).map_err(|e| failed(path, &e))?.true_count() > 0,
        _ => false,
    };
    if differs {
        let fault = failed(path, &format!("a value is another one as {}", type_name(data_type)));
        return Err(fault.hint("convert it with `transform`, or publish to another table"));
    }
    Ok(there)
}

fn cast(array: &ArrayRef, data_type: &DataType, path: &str) -> Result<ArrayRef, Fault> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, data_type, &options).map_err(|e| failed(path, &e))
}

fn failed(path: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::UnsupportedType, format!("cannot write `{path}`: {error}"))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, TimestampMicrosecondArray, TimestampNanosecondArray, TimestampSecondArray};

    use super::*;

    #[test]
    fn values_are_as_they_were_or_the_column_is_named() {
        let field = |data_type| Field::new("x", data_type, true);
        let berlin: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("Europe/Berlin"));
        let utc = conform(&berlin, &field(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))).expect("instants");
        assert_eq!(utc.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().values(), &[1, 2]);
        let refused = |array: ArrayRef, data_type| conform(&array, &field(data_type)).expect_err("refused").what;
        let local = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert!(
            refused(Arc::new(TimestampNanosecondArray::from(vec![1])), local.clone())
                .contains("`x`: a value is another one as timestamp(us)")
        );
        assert!(refused(Arc::new(TimestampSecondArray::from(vec![i64::MAX / 1000])), local).contains("cannot write `x`"));
        assert!(refused(Arc::new(Int64Array::from(vec![(1 << 53) + 1])), DataType::Float64).contains("as float64"));
        let required = Field::new("x", DataType::Int64, false);
        let null: ArrayRef = Arc::new(Int64Array::from(vec![None]));
        assert!(conform(&null, &required).expect_err("null").what.contains("NOT NULL"));
    }

    #[test]
    fn fields_that_a_struct_lacks_are_null_at_any_depth() {
        let inner = |names: &[&str]| names.iter().map(|n| Field::new(*n, DataType::Int64, true)).collect::<Vec<_>>();
        let one: ArrayRef = Arc::new(StructArray::from(vec![(
            Arc::new(Field::new("b", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![7])) as ArrayRef,
        )]));
        let field = Field::new("s", DataType::Struct(inner(&["a", "b"]).into()), true);
        let whole = conform(&one, &field).expect("conforms");
        assert!(whole.as_struct().column(0).is_null(0));
        assert_eq!(whole.as_struct().column(1).as_primitive::<arrow::datatypes::Int64Type>().value(0), 7);
    }
}
