//! Footers of Parquet files, wherever they lie. INT96 timestamps are read as microseconds.
//!
//! INT96 holds days and nanoseconds of the day. Nanoseconds since 1970 in 64 bits end in 2262, and what lies beyond
//! wraps around: 9999-12-31, the usual "for ever" of Spark, would be 1816.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Fields, Schema, TimeUnit};
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::ChunkReader;

/// The footer of `file`.
///
/// # Errors
/// It cannot be read, or the file is not Parquet.
pub(crate) fn load<R: ChunkReader>(file: &R) -> Result<ArrowReaderMetadata> {
    load_with(file, &|_| None)
}

/// The same where a contract may ask for nanoseconds: `wanted` gives the type it has for the column or field of a path.
///
/// # Errors
/// It cannot be read, or the file is not Parquet.
pub(crate) fn load_with<R: ChunkReader>(file: &R, wanted: &dyn Fn(&str) -> Option<DataType>) -> Result<ArrowReaderMetadata> {
    // The library may panic where the footer, or the Arrow schema in it, is damaged.
    catch_unwind(AssertUnwindSafe(|| read(file, wanted)))
        .unwrap_or_else(|_| Err(ParquetError::General("its footer contradicts itself".to_owned())))
}

fn read<R: ChunkReader>(file: &R, wanted: &dyn Fn(&str) -> Option<DataType>) -> Result<ArrowReaderMetadata> {
    let footer = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?;
    let columns = footer.parquet_schema().columns();
    let entries = footer.metadata().file_metadata().key_value_metadata();
    // Whoever wrote an Arrow schema named the unit there.
    let is_named = entries.is_some_and(|entries| entries.iter().any(|entry| entry.key == ARROW_SCHEMA_META_KEY));
    if is_named || columns.iter().all(|c| c.physical_type() != Type::INT96) {
        return Ok(footer);
    }
    let is_int96: Vec<bool> = columns.iter().map(|c| c.physical_type() == Type::INT96).collect();
    let mut retyping = Retyping { is_int96: is_int96.iter(), wanted };
    let root = |field: &FieldRef| retyping.field(field, field.name(), None);
    let fields: Vec<FieldRef> = footer.schema().fields().iter().map(root).collect();
    if retyping.is_int96.next().is_some() {
        return Err(ParquetError::General("its INT96 columns cannot be told from the others".to_owned()));
    }
    let schema = Schema::new_with_metadata(fields, footer.schema().metadata().clone());
    ArrowReaderMetadata::try_new(footer.metadata().clone(), ArrowReaderOptions::new().with_schema(Arc::new(schema)))
}

/// A reader of all of `file`.
///
/// # Errors
/// It cannot be read, or the file is not Parquet.
pub(crate) fn reader<R: ChunkReader + 'static>(file: R) -> Result<ParquetRecordBatchReaderBuilder<R>> {
    let footer = load(&file)?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer))
}

/// Of each column: where its values, or the first of its leaves, stand among all leaves. There may be thousands of columns, so
/// none is sought by its name.
pub(crate) fn leaves(footer: &ArrowReaderMetadata) -> Vec<Option<usize>> {
    let schema = footer.parquet_schema();
    let mut leaves = vec![None; schema.root_schema().get_fields().len()];
    for leaf in (0..schema.num_columns()).rev() {
        leaves[schema.get_column_root_idx(leaf)] = Some(leaf);
    }
    leaves
}

/// Walks Arrow types along the Parquet columns that they are made of, which stand in the same order.
struct Retyping<'a> {
    is_int96: std::slice::Iter<'a, bool>,
    wanted: &'a dyn Fn(&str) -> Option<DataType>,
}

impl Retyping<'_> {
    fn field(&mut self, field: &FieldRef, path: &str, wanted: Option<&DataType>) -> FieldRef {
        let wanted = (self.wanted)(path).or_else(|| wanted.cloned());
        let data_type = self.data_type(field.data_type(), path, wanted.as_ref());
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    }

    fn data_type(&mut self, data_type: &DataType, path: &str, wanted: Option<&DataType>) -> DataType {
        let mut item = |field: &FieldRef| {
            let wanted = match wanted {
                Some(DataType::List(wanted) | DataType::LargeList(wanted)) => Some(wanted.data_type()),
                _ => None,
            };
            self.field(field, &format!("{path}[]"), wanted)
        };
        match data_type {
            DataType::List(field) => DataType::List(item(field)),
            DataType::LargeList(field) => DataType::LargeList(item(field)),
            DataType::ListView(field) => DataType::ListView(item(field)),
            DataType::LargeListView(field) => DataType::LargeListView(item(field)),
            DataType::FixedSizeList(field, len) => DataType::FixedSizeList(item(field), *len),
            DataType::Map(entries, is_sorted) => DataType::Map(item(entries), *is_sorted),
            DataType::Struct(fields) => {
                let of = |name: &str| match wanted {
                    Some(DataType::Struct(wanted)) => wanted.find(name).map(|(_, field)| field.data_type()),
                    _ => None,
                };
                let field = |field: &FieldRef| self.field(field, &format!("{path}.{}", field.name()), of(field.name()));
                DataType::Struct(fields.iter().map(field).collect::<Fields>())
            }
            leaf => match (self.is_int96.next(), leaf) {
                (Some(true), DataType::Timestamp(TimeUnit::Nanosecond, zone)) if !is_nanoseconds(wanted) => {
                    DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
                }
                _ => leaf.clone(),
            },
        }
    }
}

fn is_nanoseconds(wanted: Option<&DataType>) -> bool {
    matches!(wanted, Some(DataType::Timestamp(TimeUnit::Nanosecond, _)))
}
