//! Files whose rows a batch takes the place of: removed, or written again without these rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch, not};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use deltalake_core::kernel::{Action, Remove};

use super::add::add;
use super::table::Table;
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::remote::Readable;
use crate::store::RESERVED;
use crate::store::location::Location;
use crate::store::parquet::{StagedFile, count_in, may_hold, replays_in, stored_at};
use crate::store::partition::Partition;
use crate::store::stamp::Stored;

/// Rows of a row group that is written again.
const GROUP_ROWS: usize = 1 << 20;

/// A file that has rows to be replaced.
pub(super) struct Hit {
    remove: Remove,
    location: Location,
    pub replaced_rows: u64,
    rows: u64,
    /// Its place among the table's files.
    index: usize,
}

/// The files of `table` that have rows of `partition`, but for its files `own`.
///
/// # Errors
/// A file cannot be read.
pub(super) fn hits(table: &Table<'_>, own: &[String], partition: &Partition) -> Result<Vec<Hit>, Fault> {
    let mut hits = Vec::new();
    for (index, file) in table.files()?.iter().enumerate() {
        let location = table.location.join(&file.path());
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"));
        let known = file.stats().and_then(|stats| serde_json::from_str(&stats).ok());
        if own.iter().any(|own| *own == file.path()) || !may_hold(partition, known.as_ref()) {
            continue;
        }
        if file.deletion_vector_descriptor().is_some() {
            let fault =
                Fault::new(Code::Unsupported, format!("{location}: another program deleted single rows of this file by a deletion vector"));
            return Err(fault.hint("`gate: { replace: … }` cannot tell which; rewrite the table's files without them"));
        }
        let (replaced_rows, rows) = count_in(partition, opened(&location).map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
        if replaced_rows > 0 {
            hits.push(Hit { remove: file.remove_action(true), location, replaced_rows, rows, index });
        }
    }
    Ok(hits)
}

/// The actions that take the rows of `partition` out of these files.
///
/// # Errors
/// A file cannot be read or written.
pub(super) fn actions(table: &Table<'_>, hits: Vec<Hit>, partition: &Partition) -> Result<Vec<Action>, Fault> {
    let mut actions = Vec::new();
    let schema = table.schema()?;
    let version = table.table.version().unwrap_or(0) + 1;
    for Hit { remove, location, replaced_rows, rows, index } in hits {
        actions.push(Action::Remove(remove));
        if replaced_rows < rows {
            let file = opened(&location).map_err(|e| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}")))?;
            let mut rest = without(file, partition, table.location, &schema)?;
            let name = finish(&mut rest, &location, &format!("{version}-{index}"))?;
            actions.push(Action::Add(add(rest.path(), name.clone())?));
            rest.place(&table.location.join(&name))?;
        }
    }
    Ok(actions)
}

fn opened(location: &Location) -> std::io::Result<Readable> {
    location.open()?.ok_or_else(|| std::io::ErrorKind::NotFound.into())
}

/// The rows of `file` that stay, of the table's types.
fn without(file: Readable, partition: &Partition, table: &Location, schema: &Schema) -> Result<StagedFile, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unwritable, format!("{table}: cannot write rows again: {e}"));
    let builder = footer::reader(file).map_err(|e| failed(&e))?;
    let of_table = |field: &FieldRef| schema.field_with_name(field.name()).map(|field| Arc::new(field.clone()));
    let fields: Vec<FieldRef> = builder.schema().fields().iter().map(of_table).collect::<Result<_, _>>().map_err(|e| failed(&e))?;
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let mut rest = StagedFile::create(&table.join(RESERVED), &schema)?;
    let encoder = rest.encoder();
    let mut group = encoder.group()?;
    // A value that does not fit is an error here, never a null.
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    let mut rows = 0;
    for batch in builder.build().map_err(|e| failed(&e))? {
        let batch = batch.map_err(|e| failed(&e))?;
        let stays = not(&partition.has(&batch).map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
        let batch = filter_record_batch(&batch, &stays).map_err(|e| failed(&e))?;
        let columns =
            batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast_with_options(column, field.data_type(), &exact));
        let columns = columns.collect::<Result<_, _>>().map_err(|e| failed(&e))?;
        group.add(&RecordBatch::try_new(schema.clone(), columns).map_err(|e| failed(&e))?)?;
        rows += batch.num_rows();
        if rows >= GROUP_ROWS {
            rest.append(std::mem::replace(&mut group, encoder.group()?).end()?)?;
            rows = 0;
        }
    }
    if rows > 0 {
        rest.append(group.end()?)?;
    }
    Ok(rest)
}

/// Writes the footer: what is left of a batch is still of that batch. Gives a name that no file
/// of other bytes has.
fn finish(rest: &mut StagedFile, was: &Location, version: &str) -> Result<String, Fault> {
    match stored_at(was)? {
        Stored::Batch(stamp) => {
            rest.finish_partial(&stamp, &replays_in(was)?)?;
            Ok(format!("{}.{:032x}.{version}.parquet", stamp.batch_id, rest.digest()?))
        }
        Stored::Foreign | Stored::Nothing | Stored::RolledBack(_) => {
            rest.finish_plain()?;
            Ok(format!("rest.{:032x}.{version}.parquet", rest.digest()?))
        }
    }
}
