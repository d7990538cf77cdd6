//! Types of plain Parquet: as nearly as the format has them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;

use super::conform::conform;
use crate::diagnostic::{Code, Fault};
use crate::types::type_name;

/// The columns with types that Parquet has, if it can hold them.
///
/// # Errors
/// A type that it lacks.
pub fn held(batch: &SchemaRef) -> Result<SchemaRef, Fault> {
    let columns = nearest(batch);
    for field in columns.fields() {
        let alone = Schema::new(vec![field.clone()]);
        ArrowSchemaConverter::new().with_coerce_types(true).convert(&alone).map_err(|_| {
            let what = format!("`{}` is of type {}, which Parquet cannot hold", field.name(), type_name(field.data_type()));
            Fault::new(Code::UnsupportedType, what).hint("convert it with `transform`")
        })?;
    }
    Ok(columns)
}

/// The rows with types that Parquet has, where it has such.
///
/// # Errors
/// A value would be another one.
pub fn as_parquet(rows: &RecordBatch) -> Result<RecordBatch, Fault> {
    let columns = nearest(&rows.schema());
    let arrays = rows.columns().iter().zip(columns.fields()).map(|(array, field)| conform(array, field)).collect::<Result<_, _>>()?;
    RecordBatch::try_new(columns, arrays).map_err(|e| Fault::new(Code::Internal, format!("internal error: cannot write rows: {e}")))
}

/// The columns with types that Parquet has, where it has such.
pub(in crate::store) fn nearest(batch: &SchemaRef) -> SchemaRef {
    Arc::new(Schema::new(batch.fields().iter().map(in_parquet).collect::<Vec<_>>()))
}

/// The field with types that Parquet has: seconds become milliseconds, which others than we read as times too.
fn in_parquet(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        DataType::Time32(TimeUnit::Second) => DataType::Time32(TimeUnit::Millisecond),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(in_parquet).collect()),
        DataType::List(item) => DataType::List(in_parquet(item)),
        DataType::LargeList(item) => DataType::LargeList(in_parquet(item)),
        _ => return field.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}
