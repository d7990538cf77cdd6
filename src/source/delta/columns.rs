//! Columns as the table has them, found in files that may call them otherwise, hold narrower types, or lack some.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use delta_kernel::schema::{DataType as KernelType, PrimitiveType, StructField, StructType};
use delta_kernel::table_features::ColumnMappingMode;
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use crate::types::type_name;

/// A column of the table, or a part of one.
#[derive(Debug, Clone)]
pub(super) struct TableField {
    /// As the table has it.
    pub field: FieldRef,
    /// What files call it.
    pub physical: String,
    /// Its number, where files are read by numbers.
    id: Option<i64>,
    /// Fields of a struct; the elements of a list; keys and values of a map.
    parts: Vec<TableField>,
    /// Whether files may call parts otherwise than the table does.
    is_mapped: bool,
}

impl TableField {
    /// The columns, whose types are those of `fields`.
    pub(super) fn all(columns: &StructType, fields: &Fields, mapping: ColumnMappingMode) -> Vec<Self> {
        columns.fields().zip(fields).map(|(column, field)| Self::of(column, field, mapping)).collect()
    }

    fn of(column: &StructField, field: &FieldRef, mapping: ColumnMappingMode) -> Self {
        let id = (mapping == ColumnMappingMode::Id).then(|| column.column_mapping_id()).flatten();
        Self { physical: column.physical_name(mapping).to_owned(), id, ..Self::part(column.data_type(), field, mapping) }
    }

    fn part(data_type: &KernelType, field: &FieldRef, mapping: ColumnMappingMode) -> Self {
        let parts = match (data_type, field.data_type()) {
            (KernelType::Struct(columns), DataType::Struct(fields)) => Self::all(columns, fields, mapping),
            (KernelType::Array(list), DataType::List(item)) => vec![Self::part(list.element_type(), item, mapping)],
            (KernelType::Map(map), DataType::Map(entries, _)) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => {
                    vec![Self::part(map.key_type(), &fields[0], mapping), Self::part(map.value_type(), &fields[1], mapping)]
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let is_mapped = mapping != ColumnMappingMode::None;
        Self { field: field.clone(), physical: field.name().clone(), id: None, parts, is_mapped }
    }

    /// Where it stands among the fields of a file.
    pub(super) fn position(&self, fields: &Fields) -> Option<usize> {
        match self.id {
            Some(id) => fields.iter().position(|field| field_id(field) == Some(id)),
            None => fields.iter().position(|field| *field.name() == self.physical),
        }
    }

    /// A file's array of it, as the table has it.
    ///
    /// # Errors
    /// The file holds another type, or a value that the table's type cannot hold.
    pub(super) fn adapted(&self, array: &ArrayRef) -> Result<ArrayRef, String> {
        let failed = |e: arrow::error::ArrowError| e.to_string();
        match (array.data_type(), self.field.data_type()) {
            (there, here) if there == here && !(self.is_mapped && there.is_nested()) => Ok(array.clone()),
            (DataType::Struct(there), DataType::Struct(here)) => {
                let held = array.as_struct();
                let part = |part: &Self| match part.position(there) {
                    Some(at) => part.adapted(held.column(at)),
                    None => Ok(new_null_array(part.field.data_type(), held.len())),
                };
                let columns = self.parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
                let made = StructArray::try_new_with_length(here.clone(), columns, held.nulls().cloned(), held.len());
                made.map(|array| Arc::new(array) as ArrayRef).map_err(failed)
            }
            (DataType::List(_), DataType::List(item)) => {
                let [element] = self.parts.as_slice() else { return Err(self.differs(array.data_type())) };
                let held = array.as_list::<i32>();
                let values = element.adapted(held.values())?;
                let made = ListArray::try_new(item.clone(), held.offsets().clone(), values, held.nulls().cloned());
                made.map(|array| Arc::new(array) as ArrayRef).map_err(failed)
            }
            (DataType::LargeList(item) | DataType::FixedSizeList(item, _), DataType::List(_)) => {
                let plain = DataType::List(item.clone());
                self.adapted(&exact_cast(array, &plain).map_err(failed)?)
            }
            (DataType::Map(..), DataType::Map(entries, is_sorted)) => {
                let ([key, value], DataType::Struct(fields)) = (self.parts.as_slice(), entries.data_type()) else {
                    return Err(self.differs(array.data_type()));
                };
                let held = array.as_map();
                let columns = vec![key.adapted(held.keys())?, value.adapted(held.values())?];
                let pairs = StructArray::try_new(fields.clone(), columns, None).map_err(failed)?;
                let made = MapArray::try_new(entries.clone(), held.offsets().clone(), pairs, held.nulls().cloned(), *is_sorted);
                made.map(|array| Arc::new(array) as ArrayRef).map_err(failed)
            }
            (there, here) if holds(here, there) => self.converted(array),
            (there, _) => Err(self.differs(there)),
        }
    }

    fn differs(&self, there: &DataType) -> String {
        let (name, there, here) = (self.field.name(), type_name(there), type_name(self.field.data_type()));
        format!("`{name}` is a {there} in it, and a {here} in the table")
    }

    fn converted(&self, array: &ArrayRef) -> Result<ArrayRef, String> {
        let failed = |e: arrow::error::ArrowError| format!("`{}`: {e}", self.field.name());
        let here = self.field.data_type();
        let Some(finer) = finer_time(array.data_type(), here) else { return exact_cast(array, here).map_err(failed) };
        // The library cuts digits off.
        let coarse = exact_cast(array, here).map_err(failed)?;
        let (back, there) = (exact_cast(&coarse, &finer).map_err(failed)?, exact_cast(array, &finer).map_err(failed)?);
        if back == there {
            return Ok(coarse);
        }
        Err(format!("`{}` has times with more digits than the microseconds of the table", self.field.name()))
    }
}

/// The type of nanoseconds, where `there` is one and `here` holds less.
fn finer_time(there: &DataType, here: &DataType) -> Option<DataType> {
    match (there, here) {
        (DataType::Timestamp(TimeUnit::Nanosecond, _), DataType::Timestamp(unit, zone)) if *unit != TimeUnit::Nanosecond => {
            Some(DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()))
        }
        _ => None,
    }
}

/// Every value, or an error: never a null.
fn exact_cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    match (array.data_type(), to) {
        // An instant that is called by no zone is that of UTC, whatever zone the file names.
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(_, None)) => {
            let utc = cast_with_options(array, &DataType::Timestamp(*unit, Some("UTC".into())), &options)?;
            cast_with_options(&utc, to, &options)
        }
        _ => cast_with_options(array, to, &options),
    }
}

/// Whether every value of the type `there` is one of `here` too, or is found not to be when it is converted: what a table's
/// type may have been before it was widened, and how other writers spell the same type.
fn holds(here: &DataType, there: &DataType) -> bool {
    use DataType::*;
    match (there, here) {
        (Dictionary(_, values), _) => **values == *here || holds(here, values),
        (RunEndEncoded(_, values), _) => values.data_type() == here || holds(here, values.data_type()),
        (there, Int8 | Int16 | Int32 | Int64) => there.is_integer(),
        (Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32 | Float16 | Float32, Float64) | (Float16, Float32) => true,
        (Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s), Decimal128(precision, scale)) => {
            s <= scale && i16::from(*p) - i16::from(*s) <= i16::from(*precision) - i16::from(*scale)
        }
        (Int8 | Int16 | Int32 | Int64, Decimal128(..)) | (Date32 | Date64, Timestamp(_, None)) => true,
        (Timestamp(..), Timestamp(..)) | (Date64, Date32) => true,
        (LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView, Utf8) => true,
        (LargeBinary | BinaryView | FixedSizeBinary(_), Binary) => true,
        (Null, _) => true,
        _ => false,
    }
}

/// The number that a Parquet file gives a field.
fn field_id(field: &Field) -> Option<i64> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY)?.parse().ok()
}

/// Whether a file numbers its columns.
pub(super) fn has_ids(fields: &Fields) -> bool {
    fields.iter().any(|field| field_id(field).is_some())
}

/// The name of a type that is not read, if there is one in `data_type`.
pub(super) fn unread_type(data_type: &KernelType) -> Option<String> {
    match data_type {
        KernelType::Primitive(plain) => match plain {
            PrimitiveType::Void | PrimitiveType::IntervalYearMonth | PrimitiveType::IntervalDayTime => Some(plain.to_string()),
            _ => None,
        },
        KernelType::Array(list) => unread_type(list.element_type()),
        KernelType::Struct(columns) => columns.fields().find_map(|column| unread_type(column.data_type())),
        KernelType::Map(map) => unread_type(map.key_type()).or_else(|| unread_type(map.value_type())),
        KernelType::Variant(_) => Some("variant".to_owned()),
    }
}
