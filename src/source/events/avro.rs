//! Values of Avro behind a schema registry's header: each names the schema that it was written with.
//!
//! Rows of several schemas are one table: columns by name, types wide enough for all. A record with a value that its column
//! cannot hold so is malformed.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;

use super::EventRecord;
use super::decoded::Decoded;
use super::header::{HEADER_BYTES, schema_id};
use super::lines::NO_VALUE;
use super::merged::{columns_of, conformed};
use super::registry::Registered;
use crate::diagnostic::{Code, Fault};
use crate::source::avro::WriterSchema;
use crate::source::typed::ColumnLayout;
use crate::source::{ContractColumn, Malformed, Projection, ReadOptions};

/// The records that were written with one schema.
struct Written<'a> {
    id: u32,
    registered: Arc<Registered>,
    rows: Vec<u32>,
    values: Vec<&'a [u8]>,
}

/// Why a record cannot be read, and of which column's value, if of one's.
type Why = (Option<String>, String);

/// Reads values all at once.
type ReadAll<'a> = dyn Fn(&[&[u8]]) -> Result<RecordBatch, Why> + 'a;

/// The values, each as its schema says.
///
/// # Errors
/// The schema registry does not answer, or a column is of a kind that cannot be judged.
pub(super) fn decode(records: &[EventRecord], name: &str, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Decoded, Fault> {
    let mut malformed = Vec::new();
    let mut bad = |row: u32, (column, reason): Why| {
        let raw = records[row as usize].value.as_deref().unwrap_or_default().to_vec();
        malformed.push(Malformed { row, reason, column, raw });
    };
    let written = by_schema(records, options, &mut bad)?;
    let mut tables: Vec<(&WriterSchema, ColumnLayout, &Written<'_>)> = Vec::new();
    for of_schema in &written {
        let Ok(schema) = of_schema.registered.as_ref() else { continue };
        let called = format!("{name}, schema {}", of_schema.id);
        tables.push((schema, ColumnLayout::of(&[&called], &[schema.schema().clone()], None)?, of_schema));
    }
    let schema = columns_of(&tables.iter().map(|(_, layout, _)| layout.schema.clone()).collect::<Vec<_>>(), contract);
    let (mut batches, mut rows) = (Vec::new(), Vec::new());
    for (writer, layout, of_schema) in &tables {
        let projection = Projection::new(&layout.schema, (0..layout.schema.fields().len()).collect());
        let read = |values: &[&[u8]]| -> Result<RecordBatch, Why> {
            let batch = writer.batch(values).map_err(|why| (None, format!("not a record of schema {}: {why}", of_schema.id)))?;
            let plain = layout.batch(batch.columns(), batch.num_rows(), &projection).map_err(|e| (None, e.to_string()))?;
            conformed(&plain, &schema).map_err(|(column, why)| (Some(column.clone()), format!("`{column}`: {why}")))
        };
        each_sound(&of_schema.values, 0, &read, &mut |from, read| match read {
            Ok(batch) => {
                rows.extend_from_slice(&of_schema.rows[from..from + batch.num_rows()]);
                batches.push(batch);
            }
            Err(why) => bad(of_schema.rows[from], why),
        });
    }
    malformed.sort_unstable_by_key(|bad| bad.row);
    in_order(&schema, &batches, rows).map(|(batch, rows)| Decoded { batch, rows, malformed })
}

/// The records by the schema that each names, in the order in which schemas come.
fn by_schema<'a>(records: &'a [EventRecord], options: &ReadOptions, bad: &mut dyn FnMut(u32, Why)) -> Result<Vec<Written<'a>>, Fault> {
    let registry = options.events.registry.as_ref().ok_or_else(|| {
        let fault = Fault::new(Code::MissingWord, "`value: avro` needs a schema registry, which says what an id stands for");
        fault.hint("name it: `source: { events: { value: avro, registry: http://host:8081 } }`")
    })?;
    let mut written: Vec<Written<'_>> = Vec::new();
    for (row, record) in (0u32..).zip(records) {
        let Some(value) = record.value.as_deref() else {
            bad(row, (None, NO_VALUE.to_owned()));
            continue;
        };
        let Some(id) = schema_id(value) else {
            bad(row, (None, "no schema registry's header: it begins with a zero byte and four bytes of a schema's id".to_owned()));
            continue;
        };
        let at = match written.iter().position(|of_schema| of_schema.id == id) {
            Some(at) => at,
            None => {
                let registered = registry.schema(id, &options.surroundings)?;
                written.push(Written { id, registered, rows: Vec::new(), values: Vec::new() });
                written.len() - 1
            }
        };
        let (of_schema, value) = (&mut written[at], &value[HEADER_BYTES..]);
        match of_schema.registered.as_ref() {
            Err(why) => bad(row, (None, why.clone())),
            Ok(schema) => match schema.ensure_record(value) {
                Err(why) => bad(row, (None, format!("not a record of schema {id}: {why}"))),
                Ok(()) => {
                    of_schema.rows.push(row);
                    of_schema.values.push(value);
                }
            },
        }
    }
    Ok(written)
}

/// Reads `values`, the first of which is number `from`, all at once if they can be; else in halves, down to each that cannot.
fn each_sound(values: &[&[u8]], from: usize, read: &ReadAll<'_>, each: &mut dyn FnMut(usize, Result<RecordBatch, Why>)) {
    if values.is_empty() {
        return;
    }
    match read(values) {
        Err(_) if values.len() > 1 => {
            let (former, latter) = values.split_at(values.len() / 2);
            each_sound(former, from, read, each);
            each_sound(latter, from + former.len(), read, each);
        }
        one => each(from, one),
    }
}

/// The rows of all batches in the order of their records.
fn in_order(schema: &SchemaRef, batches: &[RecordBatch], rows: Vec<u32>) -> Result<(RecordBatch, Vec<u32>), Fault> {
    let failed = |e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}"));
    let all = concat_batches(schema, batches).map_err(failed)?;
    if rows.is_sorted() {
        return Ok((all, rows));
    }
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_unstable_by_key(|&at| rows[at as usize]);
    let ordered = order.iter().map(|&at| rows[at as usize]).collect();
    Ok((take_record_batch(&all, &UInt32Array::from(order)).map_err(failed)?, ordered))
}
