//! Rows that a batch takes the place of: those with one of its values in a column.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use serde_json::Value;

use super::view::as_type;
use super::{StagedFile, statistics};
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::metric::Column;
use crate::metric::groups::{BatchGroups, GROUPS_MAX};
use crate::rows::Mask;
use crate::rules::published::{Bounds, Kind};

/// Some values of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Partition {
    pub column: String,
    data_type: DataType,
    /// As text, by which a value of any type is known among those of its type.
    pub values: BTreeSet<String>,
    bounds: Option<Bounds>,
}

impl Partition {
    /// The values that some rows have, as text.
    pub fn new(column: &str, data_type: &DataType, values: BTreeSet<String>) -> Self {
        Self { column: column.to_owned(), data_type: data_type.clone(), values, bounds: None }
    }

    /// The values of the rows in the finished file `staged`, as values of the type `judged`.
    ///
    /// # Errors
    /// It has no such column, a row has no value, or there are too many values.
    pub fn of(staged: &StagedFile, column: &str, judged: Option<&DataType>) -> Result<Self, Fault> {
        let refused = |what: String| {
            Err(Fault::new(Code::NotReplaceable, what).hint("`gate: { replace: … }` takes rows away by the values of this column"))
        };
        let file = staged.readable()?;
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("cannot read back what was staged: {e}"));
        let known = statistics::of(&file).map_err(|e| failed(&e))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&e))?;
        let Ok(field) = builder.schema().field_with_name(column) else {
            return refused(format!("the published rows have no column `{column}` to replace by"));
        };
        let mut partition = Self::new(column, judged.unwrap_or(field.data_type()), BTreeSet::new());
        // Text may look like a date, and is in another order.
        partition.bounds = statistics::bounds(&known, column).filter(|bounds| Kind::of(field.data_type()) == Some(bounds.kind));
        for batch in only(builder, column).map_err(|e| failed(&e))? {
            let batch = batch.map_err(|e| failed(&e))?;
            let values = cast(batch.column(0), &partition.data_type).map_err(|e| failed(&e))?;
            for value in texts(&values).1 {
                match value {
                    Some(value) => _ = partition.values.insert(value),
                    None => return refused(format!("a row to be published has no `{column}`, so it is unclear what it replaces")),
                }
            }
            if partition.values.len() > GROUPS_MAX {
                return refused(format!("the batch has more than {GROUPS_MAX} values of `{column}`"));
            }
        }
        Ok(partition)
    }

    /// Whether a file of which this is known may have a row to be replaced.
    pub(super) fn may_be_in(&self, known: Option<&Value>) -> bool {
        let there = known.and_then(|known| statistics::bounds(known, &self.column));
        self.bounds.as_ref().zip(there).is_none_or(|(ours, there)| ours.may_meet(&there))
    }

    /// Which rows of a file are to be replaced: how many, and of how many.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn count_in<R: ChunkReader + 'static>(&self, file: R) -> Result<(u64, u64), Box<dyn std::error::Error>> {
        let builder = footer::reader(file)?;
        let rows = builder.metadata().file_metadata().num_rows() as u64;
        if builder.schema().field_with_name(&self.column).is_err() {
            return Ok((0, rows));
        }
        let mut replaced = 0;
        for batch in only(builder, &self.column)? {
            replaced += self.has(&batch?)?.true_count() as u64;
        }
        Ok((replaced, rows))
    }

    /// Which rows of the batch are to be replaced.
    ///
    /// # Errors
    /// The column's type has nothing to do with that of the values.
    pub(super) fn has(&self, batch: &RecordBatch) -> Result<BooleanArray, arrow::error::ArrowError> {
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
fn texts(array: &ArrayRef) -> (Vec<u32>, Vec<Option<String>>) {
    let column = Column::new(array.clone());
    let groups = BatchGroups::new(&[&column], &Mask::All, array.len());
    (groups.codes, groups.keys.into_iter().map(|mut key| key.pop().flatten()).collect())
}

fn only<R: ChunkReader + 'static>(
    builder: ParquetRecordBatchReaderBuilder<R>,
    column: &str,
) -> Result<parquet::arrow::arrow_reader::ParquetRecordBatchReader, parquet::errors::ParquetError> {
    let mask = ProjectionMask::roots(builder.parquet_schema(), builder.schema().index_of(column));
    builder.with_projection(mask).build()
}
