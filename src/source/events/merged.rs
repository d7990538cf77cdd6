//! Rows of several schemas as one table: columns by name, types wide enough for all of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StructArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type, Schema, SchemaRef, TimeUnit};

use crate::source::ContractColumn;
use crate::types::type_name;

/// The most digits of a decimal of 128 bits.
const DIGITS_MAX: u8 = 38;

/// Whole numbers up to this are floats exactly.
const WHOLE_MAX: u64 = 1 << f64::MANTISSA_DIGITS;

/// The columns of all `schemas`, in the order in which they come. A type that the contract gives counts where it is wide
/// enough.
pub(super) fn columns_of(schemas: &[SchemaRef], contract: &[ContractColumn]) -> SchemaRef {
    let mut columns: Vec<Field> = Vec::new();
    for schema in schemas {
        for field in schema.fields() {
            match columns.iter_mut().find(|column| column.name() == field.name()) {
                Some(column) => {
                    let wider = widened(column.data_type(), field.data_type()).unwrap_or_else(|| column.data_type().clone());
                    let nullable = column.is_nullable() || field.is_nullable();
                    *column = Field::new(field.name(), wider, nullable);
                }
                None => {
                    let promised = contract.iter().find(|column| column.name == *field.name()).and_then(|column| column.data_type.clone());
                    let promised = promised.filter(|promised| widened(promised, field.data_type()).as_ref() == Some(promised));
                    let data_type = promised.unwrap_or_else(|| field.data_type().clone());
                    columns.push(Field::new(field.name(), data_type, field.is_nullable()));
                }
            }
        }
    }
    for column in &mut columns {
        if schemas.iter().any(|schema| schema.index_of(column.name()).is_err()) {
            *column = column.clone().with_nullable(true);
        }
    }
    Arc::new(Schema::new(columns))
}

/// A type that holds every value of both, if there is one; fields of records stand as `a` has them, then what `b` adds.
fn widened(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::{Decimal128, Float32, Float64, Int32, Int64, List, Null, Struct, Timestamp};
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (Null, other) | (other, Null) => Some(other.clone()),
        (Int32, Int64) | (Int64, Int32) => Some(Int64),
        // Whole numbers beyond what a float holds exactly are refused one by one.
        (Float32 | Float64, Int32 | Int64) | (Int32 | Int64, Float32 | Float64) | (Float32, Float64) | (Float64, Float32) => Some(Float64),
        (Timestamp(a, zone), Timestamp(b, other)) if zone == other => Some(Timestamp(finer(*a, *b), zone.clone())),
        (Decimal128(p, s), Decimal128(q, t)) => {
            let (scale, whole) = (*s.max(t), (i16::from(*p) - i16::from(*s)).max(i16::from(*q) - i16::from(*t)));
            let digits = u8::try_from(whole + i16::from(scale)).ok().filter(|digits| *digits <= DIGITS_MAX);
            digits.map(|digits| Decimal128(digits, scale))
        }
        (Struct(a), Struct(b)) => widened_fields(a, b).map(Struct),
        (List(a), List(b)) => {
            let item = widened(a.data_type(), b.data_type())?;
            Some(List(Arc::new(Field::new(a.name(), item, true))))
        }
        _ => None,
    }
}

fn widened_fields(a: &Fields, b: &Fields) -> Option<Fields> {
    let mut fields: Vec<FieldRef> = Vec::new();
    for field in a {
        let other = b.iter().find(|other| other.name() == field.name());
        let data_type = other.map_or_else(|| Some(field.data_type().clone()), |other| widened(field.data_type(), other.data_type()))?;
        fields.push(Arc::new(Field::new(field.name(), data_type, true)));
    }
    fields.extend(b.iter().filter(|field| a.iter().all(|other| other.name() != field.name())).map(|field| {
        let field = field.as_ref().clone();
        Arc::new(field.with_nullable(true))
    }));
    Some(fields.into())
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    a.max(b)
}

/// The rows of `batch` in the columns of `schema`.
///
/// # Errors
/// A value cannot be held by its column; which one, and why.
pub(super) fn conformed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, (String, String)> {
    let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        Some(array) => conform(array, field.data_type()).map_err(|why| (field.name().clone(), why)),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(|e| (String::new(), e.to_string()))
}

fn conform(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    let from = array.data_type();
    if from == to {
        return Ok(array.clone());
    }
    // The wider one first: the order of its fields counts.
    if widened(to, from).as_ref() != Some(to) {
        return Err(format!("it is {} by the record's schema, and {} by others", type_name(from), type_name(to)));
    }
    match (from, to) {
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let parts = array.as_struct();
            let part = |field: &FieldRef| match parts.column_by_name(field.name()) {
                Some(part) => conform(part, field.data_type()),
                None => Ok(new_null_array(field.data_type(), parts.len())),
            };
            let columns = fields.iter().map(part).collect::<Result<Vec<_>, _>>()?;
            let array = StructArray::try_new_with_length(fields.clone(), columns, parts.nulls().cloned(), parts.len());
            array.map(|array| Arc::new(array) as ArrayRef).map_err(|e| e.to_string())
        }
        (DataType::List(_), DataType::List(item)) => {
            let lists = array.as_list::<i32>();
            let values = conform(lists.values(), item.data_type())?;
            let array = ListArray::try_new(item.clone(), lists.offsets().clone(), values, lists.nulls().cloned());
            array.map(|array| Arc::new(array) as ArrayRef).map_err(|e| e.to_string())
        }
        (DataType::Int64, DataType::Float64)
            if array.as_primitive::<Int64Type>().iter().flatten().any(|n| n.unsigned_abs() > WHOLE_MAX) =>
        {
            Err("a whole number has more digits than a float64, which the column is by other schemas, holds".to_owned())
        }
        _ => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, to, &options).map_err(|_| format!("a value is out of the range of {}", type_name(to)))
        }
    }
}
