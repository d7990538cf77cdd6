//! Computing a query over its tables.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{SchemaRef, UInt64Type};
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::execute_stream;

use super::tables::TableRows;
use super::{Query, engine, mistakes};
use crate::sql::messages::one_line;

/// Nested queries are planned and computed by functions that call themselves.
const STACK_BYTES: usize = 16 << 20;

/// What a query returned.
#[derive(Debug)]
pub(crate) enum Returned {
    /// Rows of the batch, by the numbers that were handed in: ascending, each once.
    Rows(Vec<u64>),
    /// Other rows: how many, and the first of them.
    Others { count: u64, first: RecordBatch },
}

/// Why a query could not be computed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It needs more memory than there is.
    TooLarge,
    Cancelled,
    /// A value cannot be computed, and why.
    Computing(String),
}

/// With what a query is computed.
pub(crate) struct Means<'a> {
    /// So many bytes, beside those of the tables.
    pub(crate) memory: u64,
    /// So many rows are kept of those that are no rows of the batch.
    pub(crate) first: usize,
    pub(crate) is_cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl Query {
    /// Computes the query; `rows` are those of its tables, in their order.
    ///
    /// # Errors
    /// A value cannot be computed, or memory does not suffice.
    pub(crate) fn run(self, rows: Vec<TableRows>, means: &Means<'_>) -> Result<Returned, Failed> {
        for (table, rows) in self.tables.iter().zip(rows) {
            // They are set once: the query goes with its tables.
            table.contents.get_or_init(|| rows);
        }
        // On a thread of its own: whoever asks may be within a runtime.
        let computed = std::thread::scope(|scope| {
            let computing = || catch_unwind(AssertUnwindSafe(|| self.computed(means)));
            match std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, computing) {
                Ok(computing) => computing.join().ok().and_then(Result::ok),
                Err(why) => Some(Err(why.into())),
            }
        });
        match computed {
            Some(Ok(returned)) => Ok(returned),
            Some(Err(_)) if (means.is_cancelled)() => Err(Failed::Cancelled),
            Some(Err(why)) if is_of_memory(&why) => Err(Failed::TooLarge),
            Some(Err(why)) => Err(Failed::Computing(one_line(mistakes::root(&why)))),
            // Libraries panic where a text grows beyond what its offsets can count.
            None => Err(Failed::Computing("a value is too large".to_owned())),
        }
    }

    fn computed(&self, means: &Means<'_>) -> Result<Returned> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {
            let plan = self.state.query_planner().create_physical_plan(&self.plan, &self.state).await?;
            let stream = execute_stream(plan, engine::task(&self.state, means.memory)?)?;
            match self.names_rows {
                true => named(stream, means).await,
                false => counted(stream, means).await,
            }
        })
    }
}

/// Whether an error says that memory does not suffice.
fn is_of_memory(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

/// The next rows; an error once the run was asked to end.
async fn next(stream: &mut SendableRecordBatchStream, means: &Means<'_>) -> Option<Result<RecordBatch>> {
    poll_fn(|context| match (means.is_cancelled)() {
        true => Poll::Ready(Some(exec_err!("cancelled"))),
        false => stream.as_mut().poll_next(context),
    })
    .await
}

async fn named(mut stream: SendableRecordBatchStream, means: &Means<'_>) -> Result<Returned> {
    /// Numbers that come several times are taken together now and then.
    const NUMBERS_MIN: usize = 1 << 16;
    let (mut numbers, mut different): (Vec<u64>, usize) = (Vec::new(), 0);
    while let Some(batch) = next(&mut stream, means).await.transpose()? {
        numbers.extend(batch.column(0).as_primitive::<UInt64Type>().iter().flatten());
        if numbers.len() > 2 * different.max(NUMBERS_MIN) {
            numbers.sort_unstable();
            numbers.dedup();
            different = numbers.len();
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Returned::Rows(numbers))
}

async fn counted(mut stream: SendableRecordBatchStream, means: &Means<'_>) -> Result<Returned> {
    let schema: SchemaRef = stream.schema();
    let (mut count, mut first, mut kept) = (0, Vec::new(), 0);
    while let Some(batch) = next(&mut stream, means).await.transpose()? {
        count += batch.num_rows() as u64;
        let more = batch.num_rows().min(means.first - kept);
        if more > 0 {
            first.push(batch.slice(0, more));
            kept += more;
        }
    }
    Ok(Returned::Others { count, first: concat_batches(&schema, &first)? })
}
