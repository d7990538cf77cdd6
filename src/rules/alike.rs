//! Values of one type as those of another: which are the same there.

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::metric::plain_floats;
use crate::rows::Mask;
use crate::types::is_text;

/// The values as another type, and which of them are the same there; nested ones are taken as they are cast.
pub fn as_type(array: &ArrayRef, data_type: &DataType) -> Result<(ArrayRef, Mask), ArrowError> {
    if array.data_type() == data_type {
        return Ok((array.clone(), Mask::All));
    }
    let array = &plain_floats(array);
    let are_alike = are_comparable(array.data_type(), data_type);
    if !are_alike || !can_cast_types(array.data_type(), data_type) || !can_cast_types(data_type, array.data_type()) {
        return Ok((new_null_array(data_type, array.len()), Mask::None));
    }
    let there = cast(array, data_type)?;
    if array.data_type().is_nested() {
        return Ok((there, Mask::All));
    }
    let back = cast(&there, array.data_type())?;
    let same = not_distinct(&back, array)?;
    Ok((there, Mask::new(same.values().clone())))
}

/// Whether values of both types can be equal: 2 and 2.0 can, 2 and the text `2` cannot.
pub fn are_comparable(a: &DataType, b: &DataType) -> bool {
    let kind = |t: &DataType| match t {
        DataType::Dictionary(_, values) if is_text(values) => 0,
        t if is_text(t) => 0,
        t if t.is_numeric() => 1,
        DataType::Boolean => 2,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => 3,
        DataType::Time32(_) | DataType::Time64(_) => 4,
        DataType::Duration(_) | DataType::Interval(_) => 5,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => 6,
        _ => 7,
    };
    a.is_null() || b.is_null() || kind(a) == kind(b)
}
