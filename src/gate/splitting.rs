//! The rows of a judged batch in two tables, for a program that goes on with them itself.

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::rules_of_rows::{Named, Why};
use super::set_aside::{of_chunk, schema};
use crate::audit::Audited;
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::{self, Cancel, UnitSelection};
use crate::prepare::Prepared;
use crate::rows::{Mask, RowSet};
use crate::source::{Chunk, Projection, Unit};

/// Columns and batches.
type Rows = (SchemaRef, Vec<RecordBatch>);

/// Rows that may pass and rows that may not, each in the order of the data.
pub struct Split {
    /// As they would be published.
    pub good: Rows,
    /// As they would be set aside: with the rules that each failed, and where it came from.
    pub bad: Rows,
}

/// Reads the rows again, and tells them apart.
///
/// # Errors
/// The data cannot be read again; or rows would be lost, which is an error of ours.
pub fn split(audited: &Audited, threads: usize, cancel: &Cancel) -> Result<Split, Fault> {
    let (source, set_aside) = (audited.source.as_ref(), audited.set_aside());
    let columns = schema(source, &audited.privacy)?;
    let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
    let named = Named { rows: &set_aside, why: Why::SetAside };
    let work = |unit: &Unit, preread| {
        let (mut good, mut bad, mut filtered) = (Vec::new(), Vec::new(), 0);
        let end = source.read(unit, preread, &projection, &mut |chunk| {
            // Records that could not be read are among those set aside.
            let readable = Chunk { batch: chunk.batch.clone(), rows: chunk.rows.clone(), malformed: Vec::new() };
            for prepared in audited.plan.prepare.apply(readable, &projection).map_err(Faults::into_first)? {
                filtered += prepared.filtered;
                good.extend(passing(&prepared, &set_aside, unit, &audited.plan.prepare.schema)?);
            }
            bad.extend(of_chunk(audited, &named, &columns, &projection, unit, chunk)?);
            Ok(())
        })?;
        let count = |batches: &[RecordBatch]| batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        if count(&good) + count(&bad) + filtered != u64::from(end.records) {
            return Err(Fault::new(Code::Internal, "internal error: the rows that pass and those set aside are not all rows"));
        }
        Ok((good, bad))
    };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let collect = |(more_good, more_bad): (Vec<RecordBatch>, Vec<RecordBatch>)| {
        good.extend(more_good);
        bad.extend(more_bad);
        Ok(())
    };
    engine::each_unit(source, UnitSelection::All, threads, cancel, work, collect)?;
    Ok(Split { good: (audited.plan.prepare.schema.clone(), good), bad: (columns, bad) })
}

/// The rows that are not set aside.
fn passing(prepared: &Prepared, set_aside: &RowSet, unit: &Unit, columns: &SchemaRef) -> Result<Option<RecordBatch>, Fault> {
    let failed = |e: ArrowError| Fault::new(Code::Internal, format!("cannot assemble rows: {e}"));
    let arrays: Vec<ArrayRef> = prepared.columns.iter().flatten().cloned().collect();
    let options = RecordBatchOptions::new().with_row_count(Some(prepared.rows.len()));
    let whole = RecordBatch::try_new_with_options(columns.clone(), arrays, &options).map_err(failed)?;
    let passes = set_aside.mask(unit.index, &prepared.rows).not();
    let rows = match passes {
        Mask::All => whole,
        Mask::None => return Ok(None),
        Mask::Bits(bits) => filter_record_batch(&whole, &BooleanArray::new(bits, None)).map_err(failed)?,
    };
    Ok(Some(rows).filter(|rows| rows.num_rows() > 0))
}
