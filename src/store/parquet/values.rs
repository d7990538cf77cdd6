//! The values of a column in Parquet files, to be replaced or to replace others.

use std::collections::BTreeSet;

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use serde_json::Value;

use super::constants::Constants;
use super::statistics;
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::metric::groups::GROUPS_MAX;
use crate::remote::Readable;
use crate::rules::published::OrdinalKind;
use crate::store::partition::{Partition, texts};

/// The values of the rows in the finished `file`, as values of the type `judged`.
///
/// # Errors
/// It has no such column, a row has no value, or there are too many values.
pub(super) fn of(file: Readable, column: &str, judged: Option<&DataType>) -> Result<Partition, Fault> {
    let refused = |what: String| {
        Err(Fault::new(Code::NotReplaceable, what).hint("`gate: { replace: … }` takes rows away by the values of this column"))
    };
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("cannot read back what was staged: {e}"));
    let known = statistics::of(&file).map_err(|e| failed(&e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&e))?;
    let Ok(field) = builder.schema().field_with_name(column) else {
        return refused(format!("the published rows have no column `{column}` to replace by"));
    };
    let mut partition = Partition::new(column, judged.unwrap_or(field.data_type()), BTreeSet::new());
    // Text may look like a date, and is in another order.
    partition.bounds = statistics::bounds(&known, column).filter(|bounds| OrdinalKind::of(field.data_type()) == Some(bounds.kind));
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

/// Whether a file of which this is known may have a row of `partition`.
pub(in crate::store) fn may_hold(partition: &Partition, known: Option<&Value>) -> bool {
    let there = known.and_then(|known| statistics::bounds(known, &partition.column));
    partition.bounds.as_ref().zip(there).is_none_or(|(ours, there)| ours.may_meet(&there))
}

/// Which rows of a file with such constants are of `partition`.
///
/// # Errors
/// The file cannot be read.
pub(in crate::store) fn rows_in<R: ChunkReader + 'static>(
    partition: &Partition,
    file: R,
    constants: &Constants,
) -> Result<BooleanBuffer, Box<dyn std::error::Error>> {
    let builder = footer::reader(file)?;
    let rows = builder.metadata().file_metadata().num_rows() as usize;
    if constants.field(&partition.column).is_some() {
        let are_all = partition.has(&constants.row()?)?.value(0);
        return Ok(if are_all { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) });
    }
    if builder.schema().field_with_name(&partition.column).is_err() {
        return Ok(BooleanBuffer::new_unset(rows));
    }
    let mut found = BooleanBufferBuilder::new(rows);
    for batch in only(builder, &partition.column)? {
        found.append_buffer(partition.has(&batch?)?.values());
    }
    Ok(found.finish())
}

fn only<R: ChunkReader + 'static>(
    builder: ParquetRecordBatchReaderBuilder<R>,
    column: &str,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let mask = ProjectionMask::roots(builder.parquet_schema(), builder.schema().index_of(column));
    builder.with_projection(mask).build()
}
