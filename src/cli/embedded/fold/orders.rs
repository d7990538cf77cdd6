//! What is ordered of whoever holds partitions, as bytes, and what comes back.
//!
//! An order: the length of the schema, the schema as an Arrow IPC stream without batches, then JSON. An answer: how many rows the
//! partition holds, then a fold, or JSON with values of rows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};

use super::Terms;
use crate::audit::{Order, PlanText, RowValues, RowsOrder};
use crate::diagnostic::{Code, Fault, Faults};
use crate::source;

/// What is to be done with each partition.
#[derive(Serialize, Deserialize)]
pub(super) enum Ordered {
    Fold(Order),
    Rows(RowsOrder),
}

impl Ordered {
    fn plan(&self) -> &PlanText {
        match self {
            Self::Fold(Order::FirstPass { plan, .. } | Order::SecondPass { plan, .. }) | Self::Rows(RowsOrder { plan, .. }) => plan,
        }
    }

    pub(super) fn encode(&self, schema: &SchemaRef) -> Result<Vec<u8>, Fault> {
        with_schema(schema, &serde_json::to_vec(self).map_err(|e| unwritten(&e))?)
    }

    fn decode(bytes: &[u8]) -> Result<(Self, SchemaRef), Fault> {
        let (schema, order) = split_schema(bytes, "order")?;
        Ok((serde_json::from_slice(order).map_err(|e| damaged("order", &e))?, schema))
    }
}

/// The columns of the data before `bytes`.
pub(super) fn with_schema(schema: &SchemaRef, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema).map_err(|e| unwritten(&e))?;
    writer.finish().map_err(|e| unwritten(&e))?;
    let columns = writer.into_inner().map_err(|e| unwritten(&e))?;
    Ok([&(columns.len() as u64).to_le_bytes()[..], &columns, bytes].concat())
}

/// What [`with_schema`] put together.
pub(super) fn split_schema<'a>(bytes: &'a [u8], what: &str) -> Result<(SchemaRef, &'a [u8]), Fault> {
    let cut_short = || damaged(what, &"it is cut short");
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut_short)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (columns, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    // The reader of flatbuffers may panic where they lie.
    let read = catch_unwind(AssertUnwindSafe(|| StreamReader::try_new(columns, None).map(|reader| reader.schema())));
    Ok((read.map_err(|_| cut_short())?.map_err(|e| damaged(what, &e))?, rest))
}

fn damaged(what: &str, why: &dyn std::fmt::Display) -> Fault {
    let fault = Fault::new(Code::Damaged, format!("these bytes are no {what}: {why}"));
    fault.hint("everyone needs the same version of the program")
}

fn unwritten(why: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Internal, format!("internal error: what is sent cannot be written: {why}"))
}

/// Rows on their way, counted.
struct CountedRows {
    rows: Box<dyn RecordBatchReader + Send>,
    count: Arc<AtomicU64>,
}

impl Iterator for CountedRows {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.rows.next()?;
        if let Ok(batch) = &next {
            self.count.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        }
        Some(next)
    }
}

impl RecordBatchReader for CountedRows {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

/// Does what `order` says with the rows of one partition; gives the answer as bytes.
///
/// # Errors
/// The order is damaged or of another version; the rows cannot be read or counted.
pub fn fold_order(order: &[u8], partition: u32, rows: Box<dyn RecordBatchReader + Send>, memory_limit: u64) -> Result<Vec<u8>, Faults> {
    let (ordered, schema) = Ordered::decode(order)?;
    let PlanText { rules, path, .. } = ordered.plan().clone();
    let terms = Terms { rules, name: path, now: None, as_of: None, memory_limit, threads: 1 };
    let read = terms.read()?;
    let count = Arc::new(AtomicU64::new(0));
    let data = source::from_partition(&schema, partition, CountedRows { rows, count: count.clone() }, &read.options)?;
    let quiet = |faults: Faults| read.rules.quiet_in(faults, schema.fields().iter().map(|field| field.name().as_str()));
    let answer = match ordered {
        Ordered::Fold(order) => order.of_unit(partition).fold(data, &read.means()).map_err(quiet)?.encode()?,
        Ordered::Rows(order) => {
            let values = order.of_unit(partition).read(data, &read.means()).map_err(quiet)?;
            serde_json::to_vec(&values).map_err(|e| unwritten(&e))?
        }
    };
    let mut bytes = count.load(Ordering::Relaxed).to_le_bytes().to_vec();
    bytes.extend(answer);
    Ok(bytes)
}

/// An answer of a partition: how many rows were read for it, and the answer itself.
pub(super) fn answer(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let split = bytes.split_first_chunk::<8>();
    let (rows, answer) = split.ok_or_else(|| Fault::new(Code::Damaged, "an answer is cut short"))?;
    Ok((u64::from_le_bytes(*rows), answer))
}

/// Values of rows, read back.
pub(super) fn values(bytes: &[u8]) -> Result<RowValues, Fault> {
    serde_json::from_slice(bytes).map_err(|e| Fault::new(Code::Damaged, format!("these are no values of rows: {e}")))
}
