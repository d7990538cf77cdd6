//! Published rows, to be read beside a batch: which files, and some columns of them.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3Default;

use super::location::Location;
use super::{Partition, Stamp, Stored, plain, replays_in, statistics};
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::metric::keys::{Foreign, TakeKeys};
use crate::metric::{Column, plain_floats};
use crate::paths::PathColumn;
use crate::rows::Mask;
use crate::rules::BoundColumn;
use crate::rules::published::{Bounds, Fetched, Kind, Wanted};
use crate::types::{is_text, micros, type_name};

/// Rows that are read at a time, and how many such batches ahead.
const BATCH_ROWS: usize = 1 << 14;
const BATCHES_AHEAD: usize = 4;

/// The files of a table at one time.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// What changes with the table; none where there is none.
    pub(super) version: Option<u128>,
    pub(super) files: Vec<TableFile>,
    /// The table's columns, where it has such for all files.
    pub(super) schema: Option<SchemaRef>,
}

/// A file of published rows, with its statistics where the table has them.
#[derive(Debug, Clone)]
pub(super) struct TableFile {
    pub location: Location,
    pub statistics: Option<Value>,
}

impl View {
    /// The parts in `directory` but for that of the batch `own`.
    pub(super) fn of_parts(directory: &Location, own: &Stamp) -> Result<Self, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{directory}: cannot read: {e}"));
        let (mut files, mut version) = (Vec::new(), Xxh3Default::new());
        for name in directory.names().map_err(|e| failed(&e))?.iter().filter(|name| plain::is_part(name)) {
            let location = directory.join(name);
            // A damaged part holds keys that nobody could see.
            match Stored::whole_at(&location)? {
                Stored::Batch(stamp) if !stamp.is_of_batch(own) => {
                    version.update(&stamp.digest().to_le_bytes());
                    version.update(replays_in(&location)?.join(" ").as_bytes());
                }
                Stored::Batch(_) => continue,
                // Whatever it is, it is read as it is now.
                Stored::Foreign => version.update(name.as_bytes()),
                Stored::Nothing | Stored::TakenAway(_) => continue,
            }
            files.push(TableFile { location, statistics: None });
        }
        let version = (!files.is_empty()).then(|| version.digest128());
        Ok(Self { version, files, schema: None })
    }

    /// Whether the table is as it was at another look.
    pub fn is_as_of(&self, other: &Self) -> bool {
        self.version == other.version
    }

    /// The rows wanted, as far as statistics cannot tell that no row of a file has a key of the batch.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn rows(&self, wanted: Wanted) -> Result<Fetched, Fault> {
        let there = |name: &str| self.schema.as_ref()?.field_with_name(name).ok().map(|field| field.data_type().clone());
        if let Some(why) = wanted.key.iter().find_map(|(column, _)| apart(column, &there(&column.name)?)) {
            return Ok(Fetched::OtherType(why));
        }
        let mut files = Vec::new();
        for file in &self.files {
            let location = &file.location;
            let of_footer = || {
                let opened = location.open().and_then(|file| file.ok_or_else(|| io::ErrorKind::NotFound.into()));
                let known = opened.and_then(|file| statistics::without_text(&file).map_err(io::Error::other));
                known.map_err(|e| Fault::new(Code::of_reading(&e), format!("{location}: cannot read: {e}")))
            };
            let known = file.statistics.clone().map_or_else(of_footer, Ok)?;
            if may_have(&known, &wanted, self.schema.as_deref()) {
                files.push(location.clone());
            }
        }
        Ok(if files.is_empty() { Fetched::NoRows } else { Fetched::Rows(Arc::new(PublishedRows { files, wanted })) })
    }
}

/// Whether a file may have a key of the batch. Text may look like a date, and is in another order: what a column's bounds
/// are of, the table's columns `schema` say.
fn may_have(known: &Value, wanted: &Wanted, schema: Option<&Schema>) -> bool {
    let bounds_of = |column: &str| {
        let there = statistics::bounds(known, column)?;
        let Some(schema) = schema else { return Some(there) };
        let kind = schema.field_with_name(column).ok().and_then(|field| Kind::of(field.data_type()));
        (kind == Some(there.kind)).then_some(there)
    };
    let apart = wanted.key.iter().any(|(column, bounds)| {
        let there = bounds_of(&column.name);
        bounds.as_ref().zip(there).is_some_and(|(batch, there)| !batch.may_meet(&there))
            // A row without a value may equal another one without.
            && known["nullCount"][&column.name].as_i64() == Some(0)
    });
    let too_old = wanted.since.as_ref().is_some_and(|(column, since)| {
        let newest = bounds_of(column).and_then(|there| match there.kind {
            Kind::Date => micros(&DataType::Date32, there.high),
            Kind::Time => Some(there.high),
            Kind::Integer => None,
        });
        newest.is_some_and(|newest| newest < *since) && known["nullCount"][column].as_i64() == Some(0)
    });
    !apart && !too_old
}

/// Rows of a table's files, of which some columns are read.
#[derive(Debug, Clone)]
pub struct PublishedRows {
    files: Vec<Location>,
    wanted: Wanted,
}

impl Foreign for PublishedRows {
    /// Some rows are read while those before are taken.
    fn each(&self, take: TakeKeys<'_>) -> io::Result<()> {
        std::thread::scope(|threads| {
            let (send, receive) = sync_channel(BATCHES_AHEAD);
            let reader = threads.spawn(move || self.read(&send));
            receive.iter().for_each(|(columns, rows): (Vec<Column>, Mask)| take(&columns, &rows));
            reader.join().unwrap_or_else(|_| Err(io::Error::other("internal error: reading published rows panicked")))
        })
    }
}

impl PublishedRows {
    fn read(&self, send: &SyncSender<(Vec<Column>, Mask)>) -> io::Result<()> {
        for location in &self.files {
            let failed = |e: &dyn std::fmt::Display| io::Error::other(format!("{location}: cannot read: {e}"));
            let file = location.open()?.ok_or_else(|| failed(&"it went away meanwhile"))?;
            let builder = footer::reader(file).map_err(|e| failed(&e))?;
            let schema = builder.schema().clone();
            let paths = PathColumn::all(&schema);
            let root = |name: &str| match schema.index_of(name) {
                Ok(index) => Some(index),
                Err(_) => paths.iter().find(|p| p.path == name).map(|p| p.root),
            };
            let more = self.wanted.since.iter().map(|(name, _)| name.as_str());
            let more = more.chain(self.wanted.replaced.iter().map(|(column, _)| column.name.as_str()));
            let names = self.wanted.key.iter().map(|(c, _)| c.name.as_str()).chain(more);
            let mask = ProjectionMask::roots(builder.parquet_schema(), names.filter_map(root));
            for (wanted, _) in &self.wanted.key {
                let there = schema.field_with_name(&wanted.name).map(|f| f.data_type().clone()).ok();
                let there = there.or_else(|| paths.iter().find(|p| p.path == wanted.name).map(|p| p.data_type.clone()));
                if let Some(why) = there.and_then(|there| apart(wanted, &there)) {
                    return Err(io::Error::other(why));
                }
            }
            let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(|e| failed(&e))?;
            for batch in reader {
                let batch = batch.map_err(|e| failed(&e))?;
                if send.send(self.of(&batch).map_err(|e| failed(&e))?).is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The key's columns of some rows, and which of these count: those of the window whose values the batch's types can hold.
    fn of(&self, batch: &RecordBatch) -> Result<(Vec<Column>, Mask), ArrowError> {
        let (mut columns, mut rows) = (Vec::new(), Mask::All);
        for (wanted, bounds) in &self.wanted.key {
            let array = column(batch, &wanted.name);
            let array = array.unwrap_or_else(|| new_null_array(&wanted.data_type, batch.num_rows()));
            let (array, same) = as_type(&array, &wanted.data_type)?;
            rows = rows.and(&same);
            if let Some(within) = bounds.as_ref().map(|bounds| within(&array, bounds)).transpose()? {
                rows = rows.and(&within);
            }
            columns.push(Column::new(array));
        }
        if let Some((name, since)) = &self.wanted.since
            && let Some(times) = column(batch, name).filter(|times| micros(times.data_type(), 0).is_some())
        {
            let wide = cast(&cast(&times, &ticks(times.data_type()))?, &DataType::Int64)?;
            let wide = wide.as_primitive::<Int64Type>();
            let is_new = |i: usize| wide.is_null(i) || micros(times.data_type(), wide.value(i).into()).is_none_or(|time| time >= *since);
            rows = rows.and(&Mask::new(BooleanBuffer::collect_bool(batch.num_rows(), is_new)));
        }
        if let Some((column, values)) = &self.wanted.replaced {
            let partition = Partition::new(&column.name, &column.data_type, values.clone());
            rows = rows.without(&Mask::from_boolean(&partition.has(batch)?, false));
        }
        Ok((columns, rows))
    }
}

/// The column, or the field of one, called `name`.
fn column(batch: &RecordBatch, name: &str) -> Option<ArrayRef> {
    batch.column_by_name(name).cloned().or_else(|| {
        let path = PathColumn::all(&batch.schema()).into_iter().find(|p| p.path == name)?;
        Some(path.values(batch.column(path.root)).array)
    })
}

/// Which integers or days lie within the bounds, or are missing; of other values all may.
fn within(array: &ArrayRef, bounds: &Bounds) -> Result<Mask, ArrowError> {
    let (Ok(low), Ok(high), Kind::Integer | Kind::Date) = (i64::try_from(bounds.low), i64::try_from(bounds.high), bounds.kind) else {
        return Ok(Mask::All);
    };
    // Unsigned values beyond the signed ones are missing then, and may be anything.
    let wide = cast(&cast(array, &ticks(array.data_type()))?, &DataType::Int64)?;
    let wide = wide.as_primitive::<Int64Type>();
    let values = wide.values();
    let inside = BooleanBuffer::collect_bool(wide.len(), |i| low <= values[i] && values[i] <= high);
    Ok(Mask::new(inside).or(&Mask::nulls(wide.nulls())))
}

/// The integers that dates or times of this type are.
fn ticks(data_type: &DataType) -> DataType {
    if *data_type == DataType::Date32 { DataType::Int32 } else { DataType::Int64 }
}

/// The values as another type, and which of them are the same there; nested ones are taken as they are cast.
pub(super) fn as_type(array: &ArrayRef, data_type: &DataType) -> Result<(ArrayRef, Mask), ArrowError> {
    if array.data_type() == data_type {
        return Ok((array.clone(), Mask::All));
    }
    let array = &plain_floats(array);
    let are_alike = are_comparable(array.data_type(), data_type);
    if !are_alike || !can_cast_types(array.data_type(), data_type) || !can_cast_types(data_type, array.data_type()) {
        return Ok((new_null_array(data_type, array.len()), Mask::None));
    }
    let there = cast(array, data_type)?;
    if array.data_type().is_nested() {
        return Ok((there, Mask::All));
    }
    let back = cast(&there, array.data_type())?;
    let same = not_distinct(&back, array)?;
    Ok((there, Mask::new(same.values().clone())))
}

/// Why no value of the column can be one of the type that is published, if so.
fn apart(column: &BoundColumn, published: &DataType) -> Option<String> {
    let (here, there) = (type_name(&column.data_type), type_name(published));
    let why = "values of such types are never equal; convert it with `transform`";
    (!are_comparable(published, &column.data_type)).then(|| format!("`{}` is {here}, and {there} in what is published: {why}", column.name))
}

/// Whether values of both types can be equal: 2 and 2.0 can, 2 and the text `2` cannot.
fn are_comparable(a: &DataType, b: &DataType) -> bool {
    let kind = |t: &DataType| match t {
        DataType::Dictionary(_, values) if is_text(values) => 0,
        t if is_text(t) => 0,
        t if t.is_numeric() => 1,
        DataType::Boolean => 2,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => 3,
        DataType::Time32(_) | DataType::Time64(_) => 4,
        DataType::Duration(_) | DataType::Interval(_) => 5,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => 6,
        _ => 7,
    };
    a.is_null() || b.is_null() || kind(a) == kind(b)
}
