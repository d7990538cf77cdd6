//! Change data by key: which rows of a batch count, and which rows of the table they take the place of.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch, UInt32Array, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, FieldRef, Float64Type, Schema, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};
use deltalake_core::kernel::LogicalFileView;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::deleted;
use super::rewrite::{Leaving, opened, refuse_vectors};
use super::table::{DeltaStore, Table};
use crate::diagnostic::{Code, Fault};
use crate::footer;
use crate::store::location::Location;
use crate::store::merge::Merge;
use crate::store::parquet::{StagedFile, statistics};
use crate::store::stamp::Stamp;
use crate::types::type_name;

/// What becomes of a batch's rows.
pub(super) struct Merged {
    /// Those that will be in the table.
    stay: BooleanBuffer,
    /// Those that delete the row of their key.
    pub deletes: u64,
    /// Those of which a newer one is there: in the batch, in the table, or among what was deleted.
    pub late: u64,
    /// Rows of the table that go.
    pub replaced: u64,
    /// All deleted keys from now on, if they change.
    deleted: Option<(SchemaRef, Vec<RecordBatch>)>,
}

/// The newest row of a key in the batch.
struct Newest {
    row: usize,
    sequence: Box<[u8]>,
    deletes: bool,
    is_late: bool,
}

impl Merged {
    /// Looks what the batch's finished file changes in the table; marks the rows that go as `leaving`.
    ///
    /// # Errors
    /// A row has no key or no sequence, or a file cannot be read.
    pub(super) fn of(table: Option<&Table<'_>>, whole: &StagedFile, merge: &Merge<'_>, leaving: &mut Leaving) -> Result<Self, Fault> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(whole.readable()?).map_err(|e| cannot(&e))?;
        let keys = Keys::of(merge, reader.schema())?;
        let mut batch = Batch { newest: Vec::new(), at: HashMap::new(), rows: 0 };
        for rows in reader.build().map_err(|e| cannot(&e))? {
            batch.take(&keys, merge, &rows.map_err(|e| cannot(&e))?)?;
        }
        let (mut replaced, mut old) = (0, Vec::new());
        if let Some(table) = table {
            old = deleted::read(table)?;
            let mut hits = Vec::new();
            let known = statistics::of(&whole.readable()?).map_err(|e| cannot(&e))?;
            for (index, file) in table.files()?.into_iter().enumerate() {
                if !leaving.has_all_of(index) && keys.may_meet(table, &file, &known)? {
                    let rows = batch.beside(table, &file, &keys)?;
                    hits.push((index, file, rows));
                }
            }
            for rows in &old {
                batch.beside_deleted(&keys, rows)?;
            }
            // Only now it is known of each key whether the batch has its newest row.
            for (index, file, (all, rows)) in hits {
                let mut gone = BooleanBufferBuilder::new(all);
                gone.append_n(all, false);
                rows.iter().filter(|(_, key)| !batch.newest[*key].is_late).for_each(|(row, _)| gone.set_bit(*row, true));
                replaced += leaving.rows(index, &file, gone.finish());
            }
        }
        let deleted = batch.deleted(&keys, whole, &old)?;
        let mut stay = BooleanBufferBuilder::new(batch.rows);
        stay.append_n(batch.rows, false);
        let counts = || batch.newest.iter().filter(|newest| !newest.is_late);
        counts().filter(|newest| !newest.deletes).for_each(|newest| stay.set_bit(newest.row, true));
        let deletes = counts().filter(|newest| newest.deletes).count() as u64;
        let stay = stay.finish();
        let late = batch.rows as u64 - stay.count_set_bits() as u64 - deletes;
        Ok(Self { stay, deletes, late, replaced, deleted })
    }

    /// The rows that stay as a file of their own; none if all do.
    ///
    /// # Errors
    /// A file cannot be read or written, or rows were lost.
    pub(super) fn kept(
        &self,
        whole: &StagedFile,
        directory: &Location,
        schema: &SchemaRef,
        stamp: &Stamp,
    ) -> Result<Option<StagedFile>, Fault> {
        if self.stay.count_set_bits() == self.stay.len() {
            return Ok(None);
        }
        let mut kept = StagedFile::create(directory, schema)?;
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(whole.readable()?).and_then(|builder| builder.build()).map_err(|e| cannot(&e))?;
        let mut begin = 0;
        kept.append_rows(reader.map(|batch| {
            let batch = batch.map_err(|e| cannot(&e))?;
            let stay = BooleanArray::new(self.stay.slice(begin, batch.num_rows()), None);
            begin += batch.num_rows();
            filter_record_batch(&batch, &stay).map_err(|e| cannot(&e))
        }))?;
        kept.finish(stamp, &[])?;
        if kept.rows_written()? + self.deletes + self.late != whole.rows_written()? {
            return Err(Fault::new(Code::Internal, "internal error: rows were lost on their way into the table")
                .hint("nothing was published; please report this"));
        }
        Ok(Some(kept))
    }

    /// Writes down which keys are deleted from now on, if that changes; gives the version of the transaction that says so.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write_deleted(&mut self, store: &DeltaStore) -> Result<Option<i64>, Fault> {
        self.deleted.take().map(|(schema, keys)| deleted::write(store, &schema, keys)).transpose()
    }
}

fn cannot(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Unreadable, format!("cannot merge the batch into the table: {error}"))
}

/// Refuses a sequence whose order is not that of time or numbers: as text, 10 comes before 9.
fn ensure_ordered(sequence: Option<&FieldRef>) -> Result<(), Fault> {
    let Some(sequence) = sequence.filter(|field| !field.data_type().is_numeric() && !field.data_type().is_temporal()) else {
        return Ok(());
    };
    let what = format!("`{}` is {}, and a sequence is a time or a number that grows", sequence.name(), type_name(sequence.data_type()));
    Err(Fault::new(Code::NotReplaceable, what).hint("give the column such a type in the contract, or name another one"))
}

fn has_nan(column: &ArrayRef) -> bool {
    let as_double = cast_with_options(column, &DataType::Float64, &CastOptions::default());
    as_double.is_ok_and(|values| values.as_primitive::<Float64Type>().iter().flatten().any(f64::is_nan))
}

/// Keys and sequences as bytes: equal ones are the same, and newer sequences are greater.
struct Keys {
    columns: Vec<FieldRef>,
    key: RowConverter,
    sequence: RowConverter,
}

impl Keys {
    fn of(merge: &Merge<'_>, schema: &Schema) -> Result<Self, Fault> {
        let names = merge.key.iter().map(String::as_str).chain([merge.sequence]);
        let columns = names.map(|name| match schema.fields().iter().find(|field| field.name() == name) {
            Some(field) => Ok(field.clone()),
            None => {
                let fault = Fault::new(Code::NotReplaceable, format!("the published rows have no column `{name}` to merge by"));
                Err(fault.hint_nearest(name, schema.fields().iter().map(|field| field.name().as_str())))
            }
        });
        let columns: Vec<FieldRef> = columns.collect::<Result<_, _>>()?;
        ensure_ordered(columns.last())?;
        let converter = |fields: &[FieldRef]| {
            let fields = fields.iter().map(|field| SortField::new(field.data_type().clone())).collect();
            RowConverter::new(fields).map_err(|e| cannot(&e))
        };
        let (key, sequence) = (converter(&columns[..merge.key.len()])?, converter(&columns[merge.key.len()..])?);
        Ok(Self { columns, key, sequence })
    }

    fn key_columns(&self) -> &[FieldRef] {
        &self.columns[..self.columns.len() - 1]
    }

    /// Keys and sequences of rows, in the batch's types.
    fn rows(&self, batch: &RecordBatch) -> Result<(Rows, Rows), Fault> {
        let exact = CastOptions { safe: false, ..CastOptions::default() };
        let column = |field: &FieldRef| -> Result<ArrayRef, Fault> {
            match batch.column_by_name(field.name()) {
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
                Some(column) => cast_with_options(column, field.data_type(), &exact).map_err(|e| cannot(&e)),
            }
        };
        let columns: Vec<ArrayRef> = self.columns.iter().map(column).collect::<Result<_, _>>()?;
        let (key, sequence) = columns.split_at(columns.len() - 1);
        let key = self.key.convert_columns(key).map_err(|e| cannot(&e))?;
        Ok((key, self.sequence.convert_columns(sequence).map_err(|e| cannot(&e))?))
    }

    /// Refuses rows of which it is unclear what they change.
    fn ensure_known(&self, batch: &RecordBatch) -> Result<(), Fault> {
        // A NaN would be newer than everything that comes.
        let lacks = |field: &&FieldRef| {
            batch
                .column_by_name(field.name())
                .is_none_or(|column| column.null_count() > 0 || (field.data_type().is_floating() && has_nan(column)))
        };
        let Some(field) = self.columns.iter().find(lacks) else { return Ok(()) };
        let what = format!("a row to be published has no `{}`, so it is unclear what it updates", field.name());
        let names: Vec<&str> = self.columns.iter().map(|field| field.name().as_str()).collect();
        let hint = format!("nothing was published; set such rows aside: `rules: [{{ missing: {{ columns: [{}] }} }}]`", names.join(", "));
        Err(Fault::new(Code::NotReplaceable, what).hint(hint))
    }

    /// Whether a data file may have a key of the batch, of which this is known.
    fn may_meet(&self, table: &Table<'_>, file: &LogicalFileView, batch: &Value) -> Result<bool, Fault> {
        let known = file.stats().and_then(|stats| serde_json::from_str(&stats).ok()).unwrap_or_default();
        let known = table.constants_of(file)?.known(known);
        let is_apart = |field: &FieldRef| {
            let (ours, theirs) = (statistics::bounds(batch, field.name()), statistics::bounds(&known, field.name()));
            ours.zip(theirs).is_some_and(|(ours, theirs)| ours.kind == theirs.kind && !ours.may_meet(&theirs))
        };
        // Text may look like a date, and is in another order.
        let has_order = |field: &&FieldRef| crate::rules::published::OrdinalKind::of(field.data_type()).is_some();
        Ok(!self.key_columns().iter().filter(has_order).any(is_apart))
    }
}

/// The newest rows of a batch, by key.
struct Batch {
    newest: Vec<Newest>,
    at: HashMap<Box<[u8]>, usize>,
    rows: usize,
}

impl Batch {
    /// Takes in more rows. Of two with one sequence the later one in the source counts.
    fn take(&mut self, keys: &Keys, merge: &Merge<'_>, rows: &RecordBatch) -> Result<(), Fault> {
        keys.ensure_known(rows)?;
        let (key, sequence) = keys.rows(rows)?;
        let deletes = merge.deletes.map(|deletes| deletes(rows)).transpose()?;
        for i in 0..rows.num_rows() {
            let deletes = deletes.as_ref().is_some_and(|deletes| deletes.is_valid(i) && deletes.value(i));
            let newest = || Newest { row: self.rows + i, sequence: sequence.row(i).as_ref().into(), deletes, is_late: false };
            match self.at.get(key.row(i).as_ref()) {
                Some(&at) if *self.newest[at].sequence <= *sequence.row(i).as_ref() => self.newest[at] = newest(),
                Some(_) => {}
                None => {
                    self.at.insert(key.row(i).as_ref().into(), self.newest.len());
                    let newest = newest();
                    self.newest.push(newest);
                }
            }
        }
        self.rows += rows.num_rows();
        Ok(())
    }

    /// Which rows of a data file have a key of the batch, of how many; keys of which the table has a newer row are late.
    fn beside(&mut self, table: &Table<'_>, file: &LogicalFileView, keys: &Keys) -> Result<(usize, Vec<(usize, usize)>), Fault> {
        refuse_vectors(table, file)?;
        let (location, constants) = (table.location.descend(&file.path()), table.constants_of(file)?);
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"));
        let builder = footer::reader(opened(&location)?).map_err(|e| failed(&e))?;
        let all = builder.metadata().file_metadata().num_rows() as usize;
        let roots: Vec<usize> = keys.columns.iter().filter_map(|field| builder.schema().index_of(field.name()).ok()).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let (mut begin, mut found) = (0, Vec::new());
        for rows in builder.with_projection(mask).build().map_err(|e| failed(&e))? {
            let rows = rows.and_then(|rows| constants.complete(rows)).map_err(|e| failed(&e))?;
            let (key, sequence) = keys.rows(&rows)?;
            for i in 0..rows.num_rows() {
                if let Some(&at) = self.at.get(key.row(i).as_ref()) {
                    self.newest[at].is_late |= *sequence.row(i).as_ref() >= *self.newest[at].sequence;
                    found.push((begin + i, at));
                }
            }
            begin += rows.num_rows();
        }
        Ok((all, found))
    }

    /// The same of keys that were deleted.
    fn beside_deleted(&mut self, keys: &Keys, rows: &RecordBatch) -> Result<(), Fault> {
        let (key, sequence) = keys.rows(rows)?;
        for i in 0..rows.num_rows() {
            if let Some(&at) = self.at.get(key.row(i).as_ref()) {
                self.newest[at].is_late |= *sequence.row(i).as_ref() >= *self.newest[at].sequence;
            }
        }
        Ok(())
    }

    /// All deleted keys from now on: those before whose key has no newer row, and those of the batch. None if they stay as they are.
    fn deleted(&self, keys: &Keys, whole: &StagedFile, old: &[RecordBatch]) -> Result<Option<(SchemaRef, Vec<RecordBatch>)>, Fault> {
        let (mut all, mut has_changed) = (Vec::new(), false);
        for rows in old {
            let (key, _) = keys.rows(rows)?;
            let is_newer = |i: usize| self.at.get(key.row(i).as_ref()).is_some_and(|&at| !self.newest[at].is_late);
            let stay: BooleanArray = (0..rows.num_rows()).map(|i| Some(!is_newer(i))).collect();
            has_changed |= stay.true_count() < rows.num_rows();
            all.push(filter_record_batch(rows, &stay).map_err(|e| cannot(&e))?);
        }
        let mut wanted: Vec<usize> =
            self.newest.iter().filter(|newest| newest.deletes && !newest.is_late).map(|newest| newest.row).collect();
        wanted.sort_unstable();
        if wanted.is_empty() && !has_changed {
            return Ok(None);
        }
        let fields: Vec<FieldRef> = keys.columns.iter().map(|field| field.as_ref().clone().with_nullable(true).into()).collect();
        let schema: SchemaRef = Schema::new(fields).into();
        let builder = ParquetRecordBatchReaderBuilder::try_new(whole.readable()?).map_err(|e| cannot(&e))?;
        let (mut begin, mut next) = (0, wanted.iter().peekable());
        for rows in builder.build().map_err(|e| cannot(&e))? {
            let rows = rows.map_err(|e| cannot(&e))?;
            let mut here = Vec::new();
            while let Some(row) = next.next_if(|row| **row < begin + rows.num_rows()) {
                here.push((row - begin) as u32);
            }
            begin += rows.num_rows();
            if !here.is_empty() {
                all.push(take_record_batch(&rows, &UInt32Array::from(here)).map_err(|e| cannot(&e))?);
            }
        }
        let of_schema = |rows: RecordBatch| {
            let columns = keys.columns.iter().map(|field| rows.column_by_name(field.name()).cloned());
            let columns: Option<Vec<ArrayRef>> = columns.collect();
            let columns = columns.ok_or_else(|| cannot(&"the deleted keys of the table are those of other columns"))?;
            RecordBatch::try_new(schema.clone(), columns).map_err(|e| cannot(&e))
        };
        Ok(Some((schema.clone(), all.into_iter().map(of_schema).collect::<Result<_, _>>()?)))
    }
}
