//! Rows of masked columns, as they are shown and taken out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{EVENT_KEY, RAW, is_ours};
use crate::diagnostic::{Code, Fault};
use crate::privacy::{HIDDEN, Mask, MaskKey, Privacy};
use crate::store::MASKS;

/// The column that says of rows taken out which columns show no values of theirs.
pub const MASKED: &str = "_sluicegate_masked";

/// The columns of rows to be set aside, with a word of which are masked.
pub fn masked(columns: &Schema, privacy: &Privacy) -> SchemaRef {
    let mut metadata = columns.metadata().clone();
    if !privacy.is_empty() {
        metadata.insert(MASKS.to_owned(), privacy.to_text());
    }
    Arc::new(columns.clone().with_metadata(metadata))
}

/// What a part says of its masked columns; none if it cannot be read.
pub(super) fn of(columns: &Schema, key: Option<MaskKey>) -> Option<Privacy> {
    columns.metadata().get(MASKS).map_or_else(|| Some(Privacy::default()), |text| Privacy::from_text(text, key))
}

/// Refuses rows that were taken out with masks: their values are not those of the source.
///
/// # Errors
/// They say that they were.
pub fn ensure_unmasked(columns: &Schema) -> Result<(), Fault> {
    match columns.index_of(MASKED) {
        Err(_) => Ok(()),
        Ok(_) => {
            let what = format!("these rows were taken out of the quarantine with masks, as the column `{MASKED}` says: they lack values");
            Err(Fault::new(Code::SetAsideBefore, what).hint("`quarantine export --unmasked` takes them out with their values"))
        }
    }
}

/// The rows with masked values as texts, and without the records of a source that has masked columns.
///
/// # Errors
/// A value cannot be written as text.
pub fn shown(batch: &RecordBatch, privacy: &Privacy) -> Result<RecordBatch, Fault> {
    if privacy.is_empty() {
        return Ok(batch.clone());
    }
    let failed = |e| Fault::new(Code::Internal, format!("cannot mask rows: {e}"));
    let (mut fields, mut columns): (Vec<Arc<Field>>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let mask = if is_ours(field.name()) { None } else { privacy.mask_of(field.name()) };
        let (field, column) = match mask {
            Some(mask) => (Arc::new(Field::new(field.name(), DataType::Utf8, true)), masked_values(column, mask, privacy).map_err(failed)?),
            None if field.name() == RAW || field.name() == EVENT_KEY => (field.clone(), new_null_array(field.data_type(), column.len())),
            None => (field.clone(), column.clone()),
        };
        fields.push(field);
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)
}

fn masked_values(column: &ArrayRef, mask: Mask, privacy: &Privacy) -> Result<ArrayRef, arrow::error::ArrowError> {
    if mask == Mask::Hidden {
        let hidden = (0..column.len()).map(|row| column.is_valid(row).then_some(HIDDEN));
        return Ok(Arc::new(hidden.collect::<StringArray>()));
    }
    let column = match column.data_type() {
        DataType::Dictionary(_, values) => &cast(column, values)?,
        _ => column,
    };
    // Text alone is shown in part.
    let mask = if mask == Mask::Partial && !column.data_type().is_string() { Mask::Hidden } else { mask };
    let options = FormatOptions::new();
    let texts = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let text = |row: usize| column.is_valid(row).then(|| privacy.text(mask, &texts.value(row).to_string()));
    Ok(Arc::new((0..column.len()).map(text).collect::<StringArray>()))
}
