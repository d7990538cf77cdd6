//! Whether what is published is what the rules make now: rows that join it must be of the same make.

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{CastOptions, cast_with_options, take};

use super::rows::conform;
use super::{ReplayedBatch, cannot};
use crate::audit::Audited;
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::plain_floats;
use crate::prepare::Prepared;
use crate::rows::RowNumbers;
use crate::source::{Chunk, Projection};

impl ReplayedBatch<'_> {
    /// Whether the published rows are what the rules' `transform` makes of them now.
    pub(super) fn same_values(&self, audited: &Audited) -> Result<(), Faults> {
        let Some(published) = &self.published else { return Ok(()) };
        let prepare = &audited.plan.prepare;
        let made: Vec<usize> = (0..prepare.schema.fields().len()).filter(|&c| !prepare.is_untouched(c)).collect();
        if made.is_empty() {
            return Ok(());
        }
        let projection = Projection::new(&self.columns, (0..self.columns.fields().len()).collect());
        for batch in published.read()? {
            let batch = batch?;
            let rows = RowNumbers::of((0..batch.num_rows() as u32).collect());
            let chunk = Chunk { batch: conform(&batch, &self.columns)?, rows, malformed: Vec::new() };
            for prepared in prepare.apply(chunk, &projection)? {
                made.iter().try_for_each(|&column| self.is_same(&prepared, &batch, prepare.schema.field(column).name(), column))?;
            }
        }
        Ok(())
    }

    /// Whether a column that `transform` makes is what is published.
    fn is_same(&self, prepared: &Prepared, batch: &RecordBatch, name: &str, column: usize) -> Result<(), Faults> {
        let still: UInt32Array = prepared.rows.iter().collect::<Vec<u32>>().into();
        let (Some(now), Some(then)) = (&prepared.columns[column], batch.column_by_name(name)) else { return Err(self.other(name)) };
        let then = take(then, &still, None).map_err(|e| cannot(&e))?;
        let Ok(now) = cast_with_options(now, then.data_type(), &CastOptions { safe: false, ..CastOptions::default() }) else {
            return Err(self.other(name));
        };
        let differ = if then.data_type().is_nested() {
            then != now
        } else {
            distinct(&plain_floats(&then), &plain_floats(&now)).map_err(|e| cannot(&e))?.true_count() > 0
        };
        if differ { Err(self.other(name)) } else { Ok(()) }
    }

    fn other(&self, column: &str) -> Faults {
        let what = format!("the published `{column}` of batch `{}` is not what `transform` makes of it now", self.part.stamp.batch_id);
        Fault::new(Code::NotReplayable, what).hint("gate the batch again with `--supersede`").into()
    }
}
