//! Rows that a batch takes the place of: those with one of its values in a column.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::metric::Column;
use crate::metric::groups::BatchGroups;
use crate::rows::Mask;
use crate::rules::alike::as_type;
use crate::rules::published::Bounds;

/// Some values of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Partition {
    pub column: String,
    pub(super) data_type: DataType,
    /// As text, by which a value of any type is known among those of its type.
    pub values: BTreeSet<String>,
    /// Between which all of them are, where this is known.
    pub(super) bounds: Option<Bounds>,
}

impl Partition {
    /// The values that some rows have, as text.
    pub fn new(column: &str, data_type: &DataType, values: BTreeSet<String>) -> Self {
        Self { column: column.to_owned(), data_type: data_type.clone(), values, bounds: None }
    }

    /// Which rows of the batch are to be replaced.
    ///
    /// # Errors
    /// The column's type has nothing to do with that of the values.
    pub fn has(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let Some(array) = batch.column_by_name(&self.column) else {
            return Ok(BooleanArray::from(vec![false; batch.num_rows()]));
        };
        let (array, same) = as_type(array, &self.data_type)?;
        let (codes, texts) = texts(&array);
        let is_value: Vec<bool> = texts.iter().map(|text| text.as_ref().is_some_and(|text| self.values.contains(text))).collect();
        let same = same.bits(array.len());
        Ok(codes.iter().zip(same.iter()).map(|(&code, same)| Some(same && is_value[code as usize])).collect())
    }
}

/// For each row the number of its value, and the values as text.
pub(super) fn texts(array: &ArrayRef) -> (Vec<u32>, Vec<Option<String>>) {
    let column = Column::new(array.clone());
    let groups = BatchGroups::new(&[&column], &Mask::All, array.len());
    (groups.codes, groups.keys.into_iter().map(|mut key| key.pop().flatten()).collect())
}
