//! Plain Parquet: types as nearly as the format has them, and directories of parts.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;

use crate::diagnostic::{Code, Fault};
use crate::types::type_name;

/// Whether a file of this name is one that readers see.
pub(super) fn is_part(name: &str) -> bool {
    name.ends_with(".parquet") && !name.starts_with(['.', '_'])
}

/// The same, if Parquet can hold them.
///
/// # Errors
/// A type that it lacks.
pub(super) fn columns(batch: &SchemaRef) -> Result<SchemaRef, Fault> {
    let columns = written(batch);
    for field in columns.fields() {
        let alone = Schema::new(vec![field.clone()]);
        ArrowSchemaConverter::new().with_coerce_types(true).convert(&alone).map_err(|_| {
            let what = format!("`{}` is of type {}, which Parquet cannot hold", field.name(), type_name(field.data_type()));
            Fault::new(Code::UnsupportedType, what).hint("convert it with `transform`")
        })?;
    }
    Ok(columns)
}

/// The columns with types that Parquet has.
pub(super) fn written(batch: &SchemaRef) -> SchemaRef {
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
