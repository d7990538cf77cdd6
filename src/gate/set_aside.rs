//! Writes the rows set aside: their original columns, which rules each failed, where it came from, and its raw text.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Int32Builder, Int64Builder, RecordBatch, StringBuilder, UInt32Array, new_null_array,
};
use arrow::compute::{concat, filter_record_batch, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::rules_of_rows::{Named, RulesOfRows, Why};
use crate::audit::{Audited, Job};
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::{self, UnitSelection};
use crate::privacy::Privacy;
use crate::quarantine::{EVENT_KEY, FILE, LINE, OFFSET, PARTITION, RAW, REASON, ROW, RULES, TOPIC, ensure_not_taken_out, masked};
use crate::rows::{Mask, Origin, RowId, RowSet};
use crate::source::{Chunk, EventPlaces, Malformed, Origins, Projection, Source, Unit};
use crate::store::{Encoded, Quarantine, StagedPart};

/// Stages a part with the rows of `set_aside`, in input order; `whole` is why the batch went there as a whole, if it did.
pub(super) fn write(
    job: &Job<'_>,
    audited: &Audited,
    (set_aside, whole): (&RowSet, Option<&str>),
    quarantine: &Quarantine,
) -> Result<StagedPart, Fault> {
    let source = audited.source.as_ref();
    let schema = schema(source, &audited.privacy)?;
    let mut part = quarantine.stage(&schema)?;
    let encoder = part.encoder();
    let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
    let units: Vec<Unit> = set_aside.units().map(|u| audited.row_origins.unit(u).clone()).collect();
    let set_aside = Named { rows: set_aside, why: whole.map_or(Why::SetAside, Why::Whole) };
    let work = |unit: &Unit, preread| {
        let mut batches = Vec::new();
        source.read(unit, preread, &projection, &mut |chunk| {
            batches.extend(of_chunk(audited, &set_aside, &schema, &projection, unit, chunk)?);
            Ok(())
        })?;
        let has_rows = batches.iter().any(|batch| batch.num_rows() > 0);
        has_rows.then(|| encoder.encode(&batches)).transpose()
    };
    let append = |rows: Option<Encoded>| rows.map_or(Ok(()), |rows| part.append(rows));
    engine::each_unit(source, UnitSelection::Units(&units), job.threads, &job.cancel, work, append)?;
    Ok(part)
}

/// The source's columns, all nullable since a malformed record has none of them, then ours.
pub(super) fn schema(source: &dyn Source, privacy: &Privacy) -> Result<SchemaRef, Fault> {
    let mut fields: Vec<Field> = source.schema().fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    ensure_not_taken_out(source.schema())?;
    fields.extend([
        Field::new_list(RULES, Field::new_list_field(DataType::Utf8, true), false),
        Field::new(REASON, DataType::Utf8, true),
        Field::new(FILE, DataType::Utf8, false),
        Field::new(LINE, DataType::Int64, true),
        Field::new(ROW, DataType::Int64, false),
        Field::new(RAW, DataType::Binary, true),
    ]);
    match &source.known().origins {
        Origins::Files(_) | Origins::Parts(..) | Origins::Memory | Origins::Partitions => {}
        Origins::Events(_) => fields.extend([
            Field::new(TOPIC, DataType::Utf8, false),
            Field::new(PARTITION, DataType::Int32, false),
            Field::new(OFFSET, DataType::Int64, false),
            Field::new(EVENT_KEY, DataType::Binary, true),
        ]),
    }
    Ok(masked(&Schema::new(fields), privacy))
}

/// The chunk's rows that are wanted, malformed ones among them, in row order.
pub(super) fn of_chunk(
    audited: &Audited,
    named: &Named<'_>,
    schema: &SchemaRef,
    projection: &Projection,
    unit: &Unit,
    chunk: Chunk,
) -> Result<Option<RecordBatch>, Fault> {
    let failed = |e: arrow::error::ArrowError| Fault::new(Code::Internal, format!("cannot assemble rows: {e}"));
    let mask = named.rows.mask(unit.index, &chunk.rows);
    let unframed: Vec<u32> = chunk.malformed.iter().map(|m| m.row).collect();
    if mask.is_none() && unframed.is_empty() {
        return Ok(None);
    }
    let selected = match &mask {
        Mask::All => chunk.batch.clone(),
        Mask::None | Mask::Bits(_) => {
            filter_record_batch(&chunk.batch, &BooleanArray::new(mask.bits(chunk.rows.len()), None)).map_err(failed)?
        }
    };
    let mut rows: Vec<u32> = Vec::with_capacity(selected.num_rows() + unframed.len());
    mask.rows(chunk.rows.len(), |i| rows.push(chunk.rows.get(i)));
    rows.extend(&unframed);
    // Preparing again names the rows on which an expression fails, beside those that could not be read.
    let prepared = audited.plan.prepare.apply(chunk, projection).map_err(Faults::into_first)?;
    let mut malformed: Vec<Malformed> = prepared.into_iter().flat_map(|p| p.malformed).collect();
    malformed.sort_by_key(|m| m.row);
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_unstable_by_key(|&i| rows[i as usize]);
    let indices = UInt32Array::from(order.clone());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for array in selected.columns() {
        let nulls = new_null_array(array.data_type(), unframed.len());
        let all = concat(&[array.as_ref(), nulls.as_ref()]).map_err(failed)?;
        columns.push(take(&all, &indices, None).map_err(failed)?);
    }
    let ordered: Vec<u32> = order.iter().map(|&i| rows[i as usize]).collect();
    columns.extend(ours(audited, unit, &ordered, &malformed, named.why));
    if let Origins::Events(places) = &audited.source.known().origins {
        columns.extend(of_events(audited, places, unit, &ordered, &malformed));
    }
    RecordBatch::try_new(schema.clone(), columns).map(Some).map_err(failed)
}

/// Rules, reason, file, line, row and raw text of each row; of failing rows, behind the rules, what becomes of it.
fn ours(audited: &Audited, unit: &Unit, rows: &[u32], malformed: &[Malformed], why: Why<'_>) -> Vec<ArrayRef> {
    let mut rules = RulesOfRows::new(audited, unit, why);
    let (mut reasons, mut files) = (StringBuilder::new(), StringBuilder::new());
    let (mut lines, mut numbers, mut raws) = (Int64Builder::new(), Int64Builder::new(), BinaryBuilder::new());
    let whole = if let Why::Whole(whole) = why { Some(whole) } else { None };
    for &row in rows {
        let id = RowId { unit: unit.index, row };
        let bad = malformed.binary_search_by_key(&row, |m| m.row).ok().map(|i| &malformed[i]);
        rules.add(id, bad.is_some());
        let reason = bad.map(|m| audited.privacy.reason(&m.reason, m.column.as_deref(), &m.raw));
        reasons.append_option(reason.or_else(|| whole.map(str::to_owned)).or_else(|| rules.reason(id)));
        raws.append_option(bad.filter(|m| !m.raw.is_empty()).map(|m| m.raw.as_slice()));
        let origin = audited.row_origins.origin(id, &audited.source.known().origins);
        let (file, line, number) = origin.columns();
        files.append_value(&file);
        lines.append_option(line.map(|l| l as i64));
        numbers.append_value(number as i64);
    }
    let mut columns = rules.finish();
    columns.extend::<[ArrayRef; 5]>([
        Arc::new(reasons.finish()),
        Arc::new(files.finish()),
        Arc::new(lines.finish()),
        Arc::new(numbers.finish()),
        Arc::new(raws.finish()),
    ]);
    columns
}

/// Topic, partition and offset of each row, and the key of those that could not be read.
fn of_events(audited: &Audited, places: &EventPlaces, unit: &Unit, rows: &[u32], malformed: &[Malformed]) -> Vec<ArrayRef> {
    let (mut topics, mut partitions, mut offsets) = (StringBuilder::new(), Int32Builder::new(), Int64Builder::new());
    let (mut keys, before) = (BinaryBuilder::new(), audited.row_origins.rows_before(unit.index));
    for &row in rows {
        let at = before + u64::from(row);
        let (topic, partition, offset) = match places.origin(at) {
            Origin::Event { topic, partition, offset } => (topic, partition, offset),
            // Every row is a record.
            Origin::File { .. } | Origin::Memory { .. } => (String::new(), -1, -1),
        };
        topics.append_value(topic);
        partitions.append_value(partition);
        offsets.append_value(offset);
        let was_read = malformed.binary_search_by_key(&row, |bad| bad.row).is_err();
        keys.append_option(places.key(at).filter(|_| !was_read));
    }
    vec![Arc::new(topics.finish()), Arc::new(partitions.finish()), Arc::new(offsets.finish()), Arc::new(keys.finish())]
}
