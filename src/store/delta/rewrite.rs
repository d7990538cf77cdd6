//! Rows that go from a table: files without any left are removed, others are written again without these rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use deltalake_core::kernel::{Action, LogicalFileView};

use super::add::add;
use super::name::COMPACTED;
use super::pieces::Piece;
use super::table::Table;
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::remote::Readable;
use crate::store::RESERVED;
use crate::store::location::Location;
use crate::store::parquet::{Span, StagedFile};

/// Which rows of which files go, by their place among the table's files.
#[derive(Default)]
pub(super) struct Leaving(BTreeMap<usize, (LogicalFileView, Rows)>);

enum Rows {
    All,
    Some(BooleanBuffer),
}

impl Leaving {
    /// The rows of a batch go.
    pub(super) fn piece(&mut self, table: &Table<'_>, piece: Piece) -> Result<(), Fault> {
        let Some((first, span)) = piece.within else {
            self.0.insert(piece.index, (piece.file, Rows::All));
            return Ok(());
        };
        let all: u64 = table.contents_of(&piece.file)?.iter().map(|span| span.rows).sum();
        let gone = BooleanBuffer::collect_bool(all as usize, |row| (first..first + span.rows).contains(&(row as u64)));
        self.rows(piece.index, &piece.file, gone);
        Ok(())
    }

    /// These rows of a file go; gives how many were not to go before.
    pub(super) fn rows(&mut self, index: usize, file: &LogicalFileView, gone: BooleanBuffer) -> u64 {
        match self.0.get_mut(&index) {
            None => {
                let count = gone.count_set_bits();
                if count > 0 {
                    self.0.insert(index, (file.clone(), Rows::Some(gone)));
                }
                count as u64
            }
            Some((_, Rows::All)) => 0,
            Some((_, Rows::Some(before))) => {
                let both = &*before | &gone;
                let count = both.count_set_bits() - before.count_set_bits();
                *before = both;
                count as u64
            }
        }
    }

    /// Whether all rows of this file go already.
    pub(super) fn has_all_of(&self, index: usize) -> bool {
        matches!(self.0.get(&index), Some((_, Rows::All)))
    }

    /// The actions that take the rows out of the table.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(super) fn actions(self, table: &Table<'_>) -> Result<Vec<Action>, Fault> {
        let mut actions = Vec::new();
        let version = table.table.version().unwrap_or(0) + 1;
        for (index, (file, rows)) in self.0 {
            actions.push(Action::Remove(file.remove_action(true)));
            let Rows::Some(gone) = rows else { continue };
            if gone.count_set_bits() == gone.len() {
                continue;
            }
            refuse_vectors(table, &file)?;
            let (mut rest, spans) = rest(table, &file, &gone)?;
            rest.finish_spans(&spans)?;
            let name = name_of_rest(&file, &spans, rest.digest()?, &format!("{version}-{index}"));
            let mut added = add(rest.path(), name.clone())?;
            added.partition_values = file.partition_values_map();
            actions.push(Action::Add(added));
            rest.place(&table.location.descend(&name))?;
        }
        Ok(actions)
    }
}

/// Refuses a file of which another program deleted single rows.
///
/// # Errors
/// It has such.
pub(super) fn refuse_vectors(table: &Table<'_>, file: &LogicalFileView) -> Result<(), Fault> {
    if file.deletion_vector_descriptor().is_none() {
        return Ok(());
    }
    let location = table.location.descend(&file.path());
    let fault = Fault::new(Code::Unsupported, format!("{location}: another program deleted single rows of this file by a deletion vector"));
    Err(fault.hint("which rows are left cannot be told here; rewrite the table's files without deletion vectors"))
}

/// The file, to be read.
///
/// # Errors
/// It is not there, or cannot be opened.
pub(super) fn opened(location: &Location) -> Result<Readable, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"));
    location.open().map_err(|e| failed(&e))?.ok_or_else(|| failed(&"it went away meanwhile"))
}

/// The rows of a file that stay, and whose these are.
fn rest(table: &Table<'_>, file: &LogicalFileView, gone: &BooleanBuffer) -> Result<(StagedFile, Vec<Span>), Fault> {
    let location = table.location.descend(&file.path());
    let (mut spans, mut first) = (Vec::new(), 0);
    for span in table.contents_of(file)? {
        let rows = span.rows as usize;
        let stay = (rows - gone.slice(first, rows).count_set_bits()) as u64;
        if stay > 0 {
            spans.push(Span { rows: stay, is_partial: span.is_partial || stay < span.rows, ..span });
        }
        first += rows;
    }
    let mut from = FileRows::open(table, &location)?;
    let mut rest = StagedFile::create(&table.location.join(RESERVED), &from.schema)?;
    let mut begin = 0;
    let rows = std::iter::from_fn(|| {
        let batch = from.next()?;
        Some(batch.and_then(|batch| {
            let stay = BooleanArray::new(!&gone.slice(begin, batch.num_rows()), None);
            begin += batch.num_rows();
            filter_record_batch(&batch, &stay).map_err(|e| cannot_write(table, &e))
        }))
    });
    rest.append_rows(rows)?;
    Ok((rest, spans))
}

fn cannot_write(table: &Table<'_>, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Unwritable, format!("{}: cannot write rows again: {error}", table.location))
}

/// What is left of a batch is still of that batch; a name that no file of other bytes has.
fn name_of_rest(was: &LogicalFileView, spans: &[Span], digest: u128, version: &str) -> String {
    let path = was.path();
    let directory = path.rsplit_once('/').map_or(String::new(), |(directory, _)| format!("{directory}/"));
    let stem = match spans {
        [Span { stamp: Some(stamp), .. }] => format!("{}.", stamp.batch_id),
        [] | [Span { stamp: None, .. }] => "rest.".to_owned(),
        _ => COMPACTED.to_owned(),
    };
    format!("{directory}{stem}{digest:032x}.{version}.parquet")
}

/// The rows of a data file, of the table's types; without partition columns.
pub(super) struct FileRows {
    pub schema: SchemaRef,
    reader: parquet::arrow::arrow_reader::ParquetRecordBatchReader,
    location: Location,
}

impl FileRows {
    /// # Errors
    /// The file cannot be read, or has a column that the table has not.
    pub(super) fn open(table: &Table<'_>, location: &Location) -> Result<Self, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"));
        let builder = footer::reader(opened(location)?).map_err(|e| failed(&e))?;
        let own = table.terms.by_name();
        let of_table = |field: &FieldRef| match own.get(field.name().as_str()) {
            Some(own) => Ok((*own).clone()),
            None => Err(failed(&format!("the table has no column `{}`", field.name()))),
        };
        let fields: Vec<FieldRef> = builder.schema().fields().iter().map(of_table).collect::<Result<_, _>>()?;
        let reader = builder.build().map_err(|e| failed(&e))?;
        Ok(Self { schema: Arc::new(Schema::new(fields)), reader, location: location.clone() })
    }
}

impl Iterator for FileRows {
    type Item = Result<RecordBatch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        let failed = |e: arrow::error::ArrowError| Fault::new(Code::Unreadable, format!("{}: cannot read: {e}", self.location));
        Some(batch.and_then(|batch| of_types(&batch, &self.schema)).map_err(failed))
    }
}

/// The columns in the types of `schema`. A value that does not fit is an error, never a null.
fn of_types(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast_with_options(column, field.data_type(), &exact));
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
}
