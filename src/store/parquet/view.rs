//! The Parquet files of a table as a view of its published rows: which files, and some columns of them.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use arrow::datatypes::{DataType, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use serde_json::Value;

use super::constants::Constants;
use super::statistics;
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::metric::Column;
use crate::metric::keys::{Foreign, TakeKeys};
use crate::paths::PathColumn;
use crate::rows::Mask;
use crate::rules::published::{Fetched, KeyQuery, OrdinalKind};
use crate::store::beside::{apart, keys_of};
use crate::store::interface::Snapshot;
use crate::store::location::Location;
use crate::types::micros;

/// Rows that are read at a time, and how many such batches ahead.
const BATCH_ROWS: usize = 1 << 14;
const BATCHES_AHEAD: usize = 4;

/// The files of a table at one time.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct FilesView {
    /// What changes with the table; none where there is none.
    pub version: Option<u128>,
    pub files: Vec<TableFile>,
    /// The table's columns, where it has such for all files.
    pub schema: Option<SchemaRef>,
}

/// A file of published rows, with its statistics where the table has them.
#[derive(Debug, Clone)]
pub(in crate::store) struct TableFile {
    pub location: Location,
    pub statistics: Option<Value>,
    pub constants: Constants,
    /// Rows of it that do not count, in their order.
    pub without: Vec<Range<u64>>,
}

impl Snapshot for FilesView {
    fn version(&self) -> Option<u128> {
        self.version
    }

    fn rows(&self, wanted: KeyQuery) -> Result<Fetched, Fault> {
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
            if may_have(&file.constants.known(known), &wanted, self.schema.as_deref()) {
                files.push(file.clone());
            }
        }
        Ok(if files.is_empty() { Fetched::NoRows } else { Fetched::Rows(Arc::new(FileRows { files, wanted })) })
    }
}

/// Whether a file may have a key of the batch. Text may look like a date, and is in another order: what a column's bounds
/// are of, the table's columns `schema` say.
fn may_have(known: &Value, wanted: &KeyQuery, schema: Option<&Schema>) -> bool {
    let bounds_of = |column: &str| {
        let there = statistics::bounds(known, column)?;
        let Some(schema) = schema else { return Some(there) };
        let kind = schema.field_with_name(column).ok().and_then(|field| OrdinalKind::of(field.data_type()));
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
            OrdinalKind::Date => micros(&DataType::Date32, there.high),
            OrdinalKind::Time => Some(there.high),
            OrdinalKind::Integer => None,
        });
        newest.is_some_and(|newest| newest < *since) && known["nullCount"][column].as_i64() == Some(0)
    });
    !apart && !too_old
}

/// All of so many rows but those `without`, which are in their order.
fn all_but(without: &[Range<u64>], rows: u64) -> RowSelection {
    let (mut selectors, mut next) = (Vec::new(), 0);
    for gone in without {
        selectors.push(RowSelector::select((gone.start - next) as usize));
        selectors.push(RowSelector::skip((gone.end - gone.start) as usize));
        next = gone.end;
    }
    selectors.push(RowSelector::select((rows - next) as usize));
    RowSelection::from(selectors)
}

/// Rows of a table's files, of which some columns are read.
#[derive(Debug, Clone)]
struct FileRows {
    files: Vec<TableFile>,
    wanted: KeyQuery,
}

impl Foreign for FileRows {
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

impl FileRows {
    fn read(&self, send: &SyncSender<(Vec<Column>, Mask)>) -> io::Result<()> {
        for TableFile { location, constants, without, .. } in &self.files {
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
            let rows = builder.metadata().file_metadata().num_rows().unsigned_abs();
            let builder = if without.is_empty() { builder } else { builder.with_row_selection(all_but(without, rows)) };
            let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(|e| failed(&e))?;
            for batch in reader {
                let batch = batch.and_then(|batch| constants.complete(batch)).map_err(|e| failed(&e))?;
                if send.send(keys_of(&batch, &self.wanted).map_err(|e| failed(&e))?).is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
