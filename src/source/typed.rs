//! What formats that know their types have in common: Parquet, Arrow, Avro.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, GenericListArray, OffsetSizeTrait, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, Field, Fields, Schema, SchemaRef,
};
use arrow::error::ArrowError;

use super::{InputFile, Projection};
use crate::diagnostic::{Code, Fault};
use crate::types::{LEVELS_MAX, is_text, levels};

/// The columns of files read as one table, and how their arrays become those of its batches.
#[derive(Debug)]
pub(super) struct ColumnLayout {
    pub schema: SchemaRef,
    /// Tokens of string columns that mean missing.
    missing: Vec<String>,
}

impl ColumnLayout {
    /// The columns of what is called `names` (files mostly), whose schemas are `schemas`; a column is nullable where it is so
    /// in any of them.
    ///
    /// # Errors
    /// One has other columns than the first, or two columns have one name.
    pub(super) fn of(names: &[&str], schemas: &[SchemaRef], missing: Option<&Vec<String>>) -> Result<Self, Fault> {
        let missing = missing.cloned().unwrap_or_default();
        let Some((&name, first)) = names.first().zip(schemas.first().map(|s| plain_schema(s))) else {
            return Ok(Self { schema: Arc::new(Schema::empty()), missing });
        };
        for (&other, schema) in names.iter().zip(schemas).skip(1) {
            same_columns(name, &first, other, &plain_schema(schema))?;
        }
        if let Some(field) = first.fields().iter().find(|f| !is_supported(f.data_type())) {
            let what = format!("{name}: `{}` is a {}, which is not read", field.name(), crate::types::type_name(field.data_type()));
            return Err(Fault::new(Code::UnsupportedType, what).hint("leave the column out, or write it as another type"));
        }
        if let Some(field) = first.fields().iter().find(|f| levels(f.data_type()) > LEVELS_MAX) {
            let what = format!("{name}: `{}` is nested more than {LEVELS_MAX} levels deep", field.name());
            return Err(Fault::new(Code::TooLarge, what).hint("write what is needed of it as columns of its own"));
        }
        let mut columns: Vec<&String> = first.fields().iter().map(|f| f.name()).collect();
        columns.sort_unstable();
        if let Some(twice) = columns.windows(2).find(|w| w[0] == w[1]) {
            return Err(Fault::new(Code::DuplicateColumn, format!("{name}: two columns are called `{}`", twice[0]))
                .hint("every column needs a name of its own"));
        }
        // A token read as missing makes a null where the file promises none.
        let nullable = |i: usize| !missing.is_empty() || schemas.iter().any(|s| s.field(i).is_nullable());
        let field = |(i, f): (usize, &Arc<Field>)| f.as_ref().clone().with_nullable(nullable(i));
        let schema = Arc::new(Schema::new(first.fields().iter().enumerate().map(field).collect::<Vec<_>>()));
        Ok(Self { schema, missing })
    }

    /// The columns of `files`, one schema each.
    ///
    /// # Errors
    /// As [`ColumnLayout::of`].
    pub(super) fn of_files(files: &[InputFile], schemas: &[SchemaRef], missing: Option<&Vec<String>>) -> Result<Self, Fault> {
        Self::of(&files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), schemas, missing)
    }

    /// The batch of a file's arrays: dictionaries unpacked, missing tokens as null.
    pub(super) fn batch(&self, arrays: &[ArrayRef], rows: usize, projection: &Projection) -> Result<RecordBatch, ArrowError> {
        let is_compact = |t: &DataType| projection.compact && self.missing.is_empty() && is_compact(t);
        let plain = |(array, field): (&ArrayRef, &Arc<Field>)| match array.data_type() {
            same if same == field.data_type() => self.tokens_to_null(array),
            compact if is_compact(compact) => Ok(array.clone()),
            // A value that does not fit is an error here, never a null.
            _ => self.tokens_to_null(&cast_with_options(array, field.data_type(), &CastOptions { safe: false, ..CastOptions::default() })?),
        };
        let columns = arrays.iter().zip(projection.schema.fields()).map(plain).collect::<Result<Vec<_>, _>>()?;
        columns.iter().zip(projection.schema.fields()).try_for_each(|(column, field)| decimals_fit(column, field.name()))?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema_of(projection, &columns), columns, &options)
    }

    fn tokens_to_null(&self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        if self.missing.is_empty() || !is_text(array.data_type()) {
            return Ok(array.clone());
        }
        let is_token = |text: Option<&str>| Some(text.is_some_and(|t| self.missing.iter().any(|m| m == t)));
        let tokens: BooleanArray = match array.data_type() {
            DataType::Utf8View => array.as_string_view().iter().map(is_token).collect(),
            DataType::LargeUtf8 => array.as_string::<i64>().iter().map(is_token).collect(),
            _ => array.as_string::<i32>().iter().map(is_token).collect(),
        };
        if tokens.true_count() == 0 { Ok(array.clone()) } else { arrow::compute::nullif(array, &tokens) }
    }
}

/// No decimal has more digits than its type: a writer has as many bits for it as the type's digits need.
fn decimals_fit(array: &ArrayRef, name: &str) -> Result<(), ArrowError> {
    let fits = match array.data_type() {
        DataType::Decimal32(precision, _) => precise::<Decimal32Type>(array, *precision, |v, most| v.unsigned_abs() <= most.unsigned_abs()),
        DataType::Decimal64(precision, _) => precise::<Decimal64Type>(array, *precision, |v, most| v.unsigned_abs() <= most.unsigned_abs()),
        DataType::Decimal128(precision, _) => {
            precise::<Decimal128Type>(array, *precision, |v, most| v.unsigned_abs() <= most.unsigned_abs())
        }
        DataType::Decimal256(precision, _) => precise::<Decimal256Type>(array, *precision, |v, most| most.wrapping_neg() <= v && v <= most),
        DataType::Struct(_) => array.as_struct().columns().iter().try_for_each(|child| decimals_fit(child, name)),
        DataType::List(_) => decimals_fit(&elements(array.as_list::<i32>()), name),
        DataType::LargeList(_) => decimals_fit(&elements(array.as_list::<i64>()), name),
        DataType::FixedSizeList(..) => decimals_fit(array.as_fixed_size_list().values(), name),
        DataType::Map(..) => {
            let (map, offsets) = (array.as_map(), array.as_map().value_offsets());
            let (start, end) = (offsets[0] as usize, offsets[map.len()] as usize);
            map.entries().columns().iter().try_for_each(|child| decimals_fit(&child.slice(start, end - start), name))
        }
        _ => Ok(()),
    };
    fits.map_err(|e| ArrowError::ComputeError(format!("`{name}`: {e}")))
}

/// The elements of the lists, without those before and behind them.
pub(super) fn elements<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> ArrayRef {
    let (start, end) = (lists.value_offsets()[0].as_usize(), lists.value_offsets()[lists.len()].as_usize());
    lists.values().slice(start, end - start)
}

/// Values under nulls are of no account, but seldom are there any that do not fit.
fn precise<T: DecimalType>(array: &ArrayRef, precision: u8, fits: impl Fn(T::Native, T::Native) -> bool) -> Result<(), ArrowError> {
    let (array, most) = (array.as_primitive::<T>(), T::MAX_FOR_EACH_PRECISION[usize::from(precision)]);
    let all = array.values().iter().fold(true, |all, value| all & fits(*value, most));
    if all { Ok(()) } else { array.validate_decimal_precision(precision) }
}

/// Whether arrays of this type stand for the same values in a larger one.
fn is_compact(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(keys, values) => **keys == DataType::Int32 && **values == DataType::Utf8,
        DataType::Decimal64(..) => true,
        _ => false,
    }
}

/// The projection's schema, with the types that compact columns really have.
pub(super) fn schema_of(projection: &Projection, columns: &[ArrayRef]) -> SchemaRef {
    let fields = projection.schema.fields();
    if !projection.compact || fields.iter().zip(columns).all(|(f, c)| f.data_type() == c.data_type()) {
        return projection.schema.clone();
    }
    let field = |(f, c): (&Arc<Field>, &ArrayRef)| f.as_ref().clone().with_data_type(c.data_type().clone());
    Arc::new(Schema::new(fields.iter().zip(columns).map(field).collect::<Vec<_>>()))
}

/// What a library decodes. Where it panics, the file contradicts itself.
pub(super) fn decoded<T>(file: &InputFile, work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| damaged(file, &"it contradicts itself"))
}

/// The columns of a file are nested deeper than is read.
pub(super) fn too_deep(file: &InputFile) -> Fault {
    let what = format!("{}: its columns are nested more than {LEVELS_MAX} levels deep", file.path);
    Fault::new(Code::TooLarge, what).hint("write what is needed of them as columns of their own")
}

/// A fault that says a file is not what its bytes promise.
pub(super) fn damaged(file: &InputFile, why: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Damaged, format!("{}: damaged: {why}", file.path))
}

/// The schema without the writer's metadata, which is no part of a column's type, and without dictionaries,
/// which are a matter of storage; UTC is called UTC.
fn plain_schema(schema: &Schema) -> Schema {
    let plain = |f: &Arc<Field>| Field::new(f.name(), plain_type(f.data_type()), f.is_nullable());
    Schema::new(schema.fields().iter().map(plain).collect::<Vec<_>>())
}

fn plain_type(data_type: &DataType) -> DataType {
    // Files of one batch need not agree on which nested fields may be missing.
    let plain = |f: &Arc<Field>| Arc::new(Field::new(f.name(), plain_type(f.data_type()), true));
    match data_type {
        DataType::Dictionary(_, values) => plain_type(values),
        // Every half is a float exactly.
        DataType::Float16 => DataType::Float32,
        // Five spellings of one zone.
        DataType::Timestamp(unit, Some(zone)) if matches!(zone.as_ref(), "+00:00" | "-00:00" | "Z" | "Etc/UTC") => {
            DataType::Timestamp(*unit, Some("UTC".into()))
        }
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain).collect::<Fields>()),
        DataType::List(item) | DataType::ListView(item) => DataType::List(plain(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(plain(item)),
        DataType::FixedSizeList(item, len) => DataType::FixedSizeList(plain(item), *len),
        other => other.clone(),
    }
}

/// Whether columns of this type can be judged and published.
fn is_supported(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) | DataType::Interval(_) => false,
        DataType::Struct(fields) => fields.iter().all(|f| is_supported(f.data_type())),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => {
            is_supported(item.data_type())
        }
        _ => true,
    }
}

fn same_columns(first: &str, expected: &Schema, other: &str, found: &Schema) -> Result<(), Fault> {
    let differs = |what: String| Err(Fault::new(Code::FilesDiffer, what).hint("the files of one batch have the same columns"));
    for (a, b) in expected.fields().iter().zip(found.fields()) {
        let (kind_a, kind_b) = (crate::types::type_name(a.data_type()), crate::types::type_name(b.data_type()));
        if a.name() != b.name() || kind_a != kind_b {
            return differs(format!("{other} has `{}` {kind_b} where {first} has `{}` {kind_a}", b.name(), a.name()));
        }
    }
    if expected.fields().len() != found.fields().len() {
        return differs(format!("{other} has {} columns and {first} has {}", found.fields().len(), expected.fields().len()));
    }
    Ok(())
}
