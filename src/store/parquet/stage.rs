//! Rows staged as one Parquet file, a row group a unit.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::batch::{BatchFile, BatchPiece};
use super::groups::EncodedGroup;
use super::staged::StagedFile;
use super::values;
use crate::diagnostic::{Code, Fault};
use crate::remote::Readable;
use crate::rows::RowSet;
use crate::store::encoded::{Encoded, Encoder, StagedUnit};
use crate::store::interface::{BatchRows, Commit, Committed, Stage};
use crate::store::location::Location;
use crate::store::merge::Merge;
use crate::store::partition::Partition;
use crate::store::stamp::Stamp;
use crate::types::places;

/// Where a finished file goes, and how.
pub(in crate::store) trait Target: Send {
    /// How many rows of other batches a commit would take the place of.
    ///
    /// # Errors
    /// Those of the commit, as far as they can be foreseen.
    fn rehearse(&self, staged: &StagedFile, what: &Commit<'_>) -> Result<u64, Fault>;

    /// Which rows the finished file holds, as the store tells it once they are published.
    ///
    /// # Errors
    /// It cannot be read back.
    fn content(&self, staged: &StagedFile) -> Result<String, Fault>;

    /// See [`Stage::ensure_merges`].
    ///
    /// # Errors
    /// They do not merge.
    fn ensure_merges(&self, staged: &StagedFile, merge: &Merge<'_>) -> Result<(), Fault> {
        let _ = (staged, merge);
        Err(Fault::new(Code::Internal, "internal error: rows cannot be merged by their key here"))
    }

    /// Makes of the finished file those that are published, where these are others.
    ///
    /// # Errors
    /// They cannot be written, or the rows cannot be divided as the place asks.
    fn divide(&mut self, staged: &StagedFile, stamp: &Stamp, replays: &[String]) -> Result<(), Fault> {
        let _ = (staged, stamp, replays);
        Ok(())
    }

    /// How many rows are in what will be published.
    ///
    /// # Errors
    /// It cannot be read back.
    fn count(&self, staged: &StagedFile) -> Result<u64, Fault> {
        staged.rows_written()
    }

    /// Publishes the finished file in place of what is there of its batch, durably.
    ///
    /// # Errors
    /// The place cannot be written.
    fn commit(&mut self, staged: &mut StagedFile, what: &Commit<'_>) -> Result<Committed, Fault>;
}

/// The rows with just these columns, in this order; none if they have others.
fn of_columns(batch: &RecordBatch, schema: &SchemaRef) -> Option<RecordBatch> {
    let own = batch.schema();
    let (wanted, there) = (places(schema), places(&own));
    let column = |field: &FieldRef| {
        let column = there.get(field.name().as_str()).map(|&place| batch.column(place));
        column.filter(|column| column.data_type() == field.data_type()).cloned()
    };
    let columns: Vec<ArrayRef> = schema.fields().iter().map(column).collect::<Option<_>>()?;
    // Columns that came later are in files that were put together since; the batch has no value there.
    let is_other =
        |(field, column): (&FieldRef, &ArrayRef)| !wanted.contains_key(field.name().as_str()) && column.null_count() < column.len();
    let is_all = !own.fields().iter().zip(batch.columns()).any(is_other);
    is_all.then(|| RecordBatch::try_new(schema.clone(), columns).ok()).flatten()
}

/// A staged file on its way to `to`.
pub(in crate::store) struct ParquetStage<T> {
    file: StagedFile,
    /// The unit of each of its row groups.
    units: Vec<StagedUnit>,
    schema: SchemaRef,
    /// Where it is, and where what is made of it is written.
    directory: Location,
    to: T,
}

impl<T> ParquetStage<T> {
    /// Begins a file for rows of the columns `schema` in `directory`.
    ///
    /// # Errors
    /// The place cannot be written, or a type cannot be written as Parquet.
    pub(crate) fn create(directory: Location, schema: SchemaRef, to: T) -> Result<Self, Fault> {
        Ok(Self { file: StagedFile::create(&directory, &schema)?, units: Vec::new(), schema, directory, to })
    }

    /// Another file in its place, with the rows of row group `group` of `source` that are not in `gone`.
    fn append_rest(&self, to: &mut StagedFile, source: &Readable, group: usize, gone: &RowSet) -> Result<(), Fault> {
        let unit = &self.units[group];
        if !unit.meets(gone) {
            return to.append_copy(source, group);
        }
        let mut keep = unit.rows().map(|row| Some(!gone.contains(row)));
        let mut rest = to.encoder().group();
        let mut rows = 0;
        for batch in self.file.read_group(group)? {
            let mask: BooleanArray = keep.by_ref().take(batch.num_rows()).collect();
            let batch = filter_record_batch(&batch, &mask).map_err(|e| Fault::new(Code::Internal, format!("cannot filter: {e}")))?;
            if batch.num_rows() > 0 {
                rest.add(&batch)?;
                rows += batch.num_rows();
            }
        }
        if rows > 0 { to.append(rest.end()?) } else { Ok(()) }
    }
}

impl<T: Target> Stage for ParquetStage<T> {
    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(self.file.encoder())
    }

    fn append(&mut self, unit: StagedUnit, rows: Encoded) -> Result<(), Fault> {
        self.file.append(rows.into::<EncodedGroup>()?)?;
        self.units.push(unit);
        Ok(())
    }

    fn units(&self) -> &[StagedUnit] {
        &self.units
    }

    /// Row groups that lose nothing are copied as bytes; where none loses anything, the file stays as it is.
    fn remove(&mut self, rows: &RowSet) -> Result<u64, Fault> {
        if !self.units.iter().any(|unit| unit.meets(rows)) {
            return Ok(0);
        }
        self.file.finish_plain()?;
        let mut rest = StagedFile::create(&self.directory, &self.schema)?;
        let source = self.file.readable()?;
        (0..self.units.len()).try_for_each(|group| self.append_rest(&mut rest, &source, group, rows))?;
        let removed = self.file.rows() - rest.rows();
        self.file = rest;
        self.units = self.units.iter().map(|unit| unit.without(rows)).filter(|unit| !unit.is_empty()).collect();
        Ok(removed)
    }

    /// In a new file, with the row groups of both as they are.
    fn join(&mut self, published: &dyn BatchRows) -> Result<u64, Fault> {
        let published: &dyn Any = published;
        let Some(published) = published.downcast_ref::<BatchFile>() else {
            return Err(Fault::new(Code::Internal, "internal error: rows cannot join those of another store"));
        };
        let refused = || {
            let what = format!("batch `{}` is published with other columns than the rules make now", published.batch);
            Fault::new(Code::NotReplayable, what).hint("gate the batch again with `--supersede`")
        };
        self.file.finish_plain()?;
        let mut whole = StagedFile::create(&self.directory, &self.schema)?;
        if published.pieces.iter().all(BatchPiece::is_plain) {
            for piece in &published.pieces {
                let there = ParquetRecordBatchReaderBuilder::try_new(piece.open()?).map_err(|e| piece.cannot_read(&e))?;
                if there.schema().fields() != self.schema.fields() {
                    return Err(refused());
                }
                let source = piece.open()?;
                (0..there.metadata().num_row_groups()).try_for_each(|group| whole.append_copy(&source, group))?;
            }
        } else {
            let rows = published.read()?.map(|batch| of_columns(&batch?, &self.schema).ok_or_else(refused));
            whole.append_rows(rows)?;
        }
        let before = whole.rows();
        let source = self.file.readable()?;
        (0..self.units.len()).try_for_each(|group| whole.append_copy(&source, group))?;
        self.file = whole;
        Ok(before)
    }

    fn finish(&mut self, stamp: &Stamp, replays: &[String]) -> Result<(), Fault> {
        self.file.finish(stamp, replays)?;
        self.to.divide(&self.file, stamp, replays)
    }

    fn count(&self) -> Result<u64, Fault> {
        self.to.count(&self.file)
    }

    fn content(&self) -> Result<Option<(String, i64)>, Fault> {
        Ok(Some((self.to.content(&self.file)?, self.file.written()?)))
    }

    fn values_of(&self, column: &str, judged: Option<&DataType>) -> Result<Partition, Fault> {
        values::of(self.file.readable()?, column, judged)
    }

    fn ensure_merges(&self, merge: &Merge<'_>) -> Result<(), Fault> {
        self.to.ensure_merges(&self.file, merge)
    }

    fn rehearse(&self, what: &Commit<'_>) -> Result<u64, Fault> {
        self.to.rehearse(&self.file, what)
    }

    fn commit(&mut self, what: &Commit<'_>) -> Result<Committed, Fault> {
        self.to.commit(&mut self.file, what)
    }
}
