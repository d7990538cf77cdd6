//! Records that stand in no file: a schema, and the bytes of each record.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow_avro::reader::ReaderBuilder;

use super::avro_type::AvroType;
use super::{plain_header, put_long};

/// What ends the one block that records are put into; it need not be random where nobody looks for it.
const SYNC: [u8; 16] = *b"sluicegate block";

/// The schema that records were written with.
#[derive(Debug)]
pub(in crate::source) struct WriterSchema {
    header: Vec<u8>,
    record_type: AvroType,
    schema: SchemaRef,
}

impl WriterSchema {
    /// Of a schema as JSON.
    ///
    /// # Errors
    /// It is none, or is not of a record.
    pub(in crate::source) fn of(json: &str) -> Result<Self, String> {
        let record_type = AvroType::of(json).filter(|of| matches!(of, AvroType::Record(_))).ok_or("it is not the schema of a record")?;
        let header = plain_header(json, SYNC);
        let schema = carefully(|| Ok(ReaderBuilder::new().build(Cursor::new(&header)).map_err(|e| e.to_string())?.schema()))?;
        Ok(Self { header, record_type, schema })
    }

    /// The columns of its records.
    pub(in crate::source) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Refuses bytes that are not exactly one record.
    ///
    /// # Errors
    /// They are not.
    pub(in crate::source) fn ensure_record(&self, bytes: &[u8]) -> Result<(), String> {
        self.record_type.is_one(bytes)
    }

    /// The records, each of which is one, as rows.
    ///
    /// # Errors
    /// A value cannot be held by its column.
    pub(in crate::source) fn batch(&self, records: &[&[u8]]) -> Result<RecordBatch, String> {
        let mut file = self.header.clone();
        put_long(&mut file, records.len() as i64);
        put_long(&mut file, records.iter().map(|record| record.len()).sum::<usize>() as i64);
        records.iter().for_each(|record| file.extend_from_slice(record));
        file.extend_from_slice(&SYNC);
        let batch = carefully(|| {
            let reader = ReaderBuilder::new().with_batch_size(records.len()).build(Cursor::new(&file)).map_err(|e| e.to_string())?;
            let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
            concat_batches(&self.schema, &batches).map_err(|e| e.to_string())
        })?;
        match batch.num_rows() == records.len() {
            true => Ok(batch),
            false => Err(format!("{} records were read as {}", records.len(), batch.num_rows())),
        }
    }
}

/// The library takes some contradictions for impossible.
fn carefully<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("it contradicts itself".to_owned()))
}
