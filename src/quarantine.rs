//! The quarantine as a place to work from: which batches left rows there, which rows and why, and taking them out to mend.

mod export;
mod masked;
mod rows_file;
mod spreadsheet;

use std::collections::BTreeMap;

use arrow::array::RecordBatchReader;
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::ParquetMetaData;

pub use self::export::{Exported, Form, as_text, export, export_malformed};
pub use self::masked::{MASKED, ensure_unmasked, masked, shown};
pub use self::rows_file::{RowsFile, RowsFormat};
pub use self::spreadsheet::harmless;
use crate::diagnostic::{Code, Fault};
use crate::privacy::{MaskKey, Privacy};
use crate::store::{Location, Quarantine, Readable, ReplayedRows, Stamp, done_in};

/// The columns that the quarantine adds to those of the source.
pub const RULES: &str = "_sluicegate_rules";
pub const REASON: &str = "_sluicegate_reason";
pub const FILE: &str = "_sluicegate_file";
pub const LINE: &str = "_sluicegate_line";
pub const ROW: &str = "_sluicegate_row";
pub const RAW: &str = "_sluicegate_raw";

/// All of them, in order.
pub const COLUMNS: [&str; 6] = [RULES, REASON, FILE, LINE, ROW, RAW];

/// What it adds beside to rows that were records of a topic.
pub const TOPIC: &str = "_sluicegate_topic";
pub const PARTITION: &str = "_sluicegate_partition";
pub const OFFSET: &str = "_sluicegate_offset";
/// The key of a record that could not be read: what it holds stands nowhere else.
pub const EVENT_KEY: &str = "_sluicegate_key";

/// All of these, in order.
pub const EVENT_COLUMNS: [&str; 4] = [TOPIC, PARTITION, OFFSET, EVENT_KEY];

/// The column that rows taken out have beside these: the part's name. With [`FILE`] and [`ROW`] it says which row one is.
pub const PART: &str = "_sluicegate_part";

/// The columns by which `replay --mended` finds the row that a mended one takes the place of.
pub const KEY: [&str; 3] = [PART, FILE, ROW];

/// What each rule does with the row, in the order of [`RULES`]; of a file of all failing rows.
pub const ON_FAIL: &str = "_sluicegate_on_fail";
/// Whether a rule keeps the row from being published; of such a file.
pub const SET_ASIDE: &str = "_sluicegate_set_aside";

/// Why rows were set aside that fail no rule themselves.
pub const WHOLE: &str = "the batch as a whole did not pass";

/// Whether a column of this name is none of a source's, but one that rows set aside or taken out have.
pub fn is_ours(column: &str) -> bool {
    [PART, MASKED, ON_FAIL, SET_ASIDE].contains(&column) || COLUMNS.contains(&column) || EVENT_COLUMNS.contains(&column)
}

/// Refuses columns that only rows have that were set aside: they belong to a batch already.
///
/// # Errors
/// There is one.
pub fn ensure_not_taken_out(columns: &Schema) -> Result<(), Fault> {
    ensure_unmasked(columns)?;
    match columns.fields().iter().find(|field| is_ours(field.name())) {
        None => Ok(()),
        Some(ours) => {
            let fault =
                Fault::new(Code::SetAsideBefore, format!("these rows were set aside before: they have the column `{}`", ours.name()));
            Err(fault.hint("`sluicegate replay --mended FILE` lets mended rows join their batch; to judge them as a batch of their own, leave out all columns `_sluicegate_…`"))
        }
    }
}

/// Which rows of a part have the values that the source gave: all but records that were never read.
pub fn has_values(batch: &RecordBatch) -> BooleanArray {
    let is_there = |name: &str, row: usize| batch.column_by_name(name).is_some_and(|column| column.is_valid(row));
    let schema = batch.schema();
    let values: Vec<usize> = (0..schema.fields().len()).filter(|&i| !is_ours(schema.field(i).name())).collect();
    // Where an expression of `clean` or `transform` failed there is a reason too, but the record was read.
    let was_read =
        |row: usize| !is_there(REASON, row) || !is_there(RAW, row) && values.iter().any(|&column| batch.column(column).is_valid(row));
    BooleanArray::new(BooleanBuffer::collect_bool(batch.num_rows(), was_read), None)
}

/// The rows that one batch left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub place: Location,
    pub stamp: Stamp,
    /// Rows that are set aside.
    pub rows: u64,
    /// What replays took out of it, since it is published.
    pub done: Vec<ReplayedRows>,
    /// How many rows each rule set aside; a row may have failed several.
    pub rules: BTreeMap<String, u64>,
}

/// What is in a quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// By batch id.
    pub parts: Vec<Part>,
    /// Parquet files that are not ours.
    pub foreign: Vec<Location>,
}

/// What is in `quarantine`.
///
/// # Errors
/// The directory is not there, or it or a part cannot be read.
pub fn listing(quarantine: &Quarantine) -> Result<Listing, Fault> {
    if quarantine.directory.local().is_some_and(|path| !path.is_dir()) {
        return Err(Fault::new(Code::FileNotFound, format!("{}: there is no such directory", quarantine.directory))
            .hint("no gate has set rows aside there"));
    }
    let contents = quarantine.contents()?;
    let mut parts = contents.parts.into_iter().map(|(place, stamp)| part(place, stamp)).collect::<Result<Vec<_>, _>>()?;
    parts.sort_by(|a, b| a.stamp.batch_id.cmp(&b.stamp.batch_id));
    Ok(Listing { parts, foreign: contents.foreign })
}

/// The parts of the batches `wanted`, or all where none is named.
///
/// # Errors
/// A batch has left nothing, or a part cannot be read.
pub fn parts_of(quarantine: &Quarantine, wanted: &[String]) -> Result<Vec<Part>, Fault> {
    let parts = listing(quarantine)?.parts;
    for batch in wanted {
        if !parts.iter().any(|p| p.stamp.batch_id == *batch) {
            let what = format!("{}: no rows of batch `{batch}` are there", quarantine.directory);
            return Err(Fault::new(Code::UnknownBatch, what).hint_nearest(batch, parts.iter().map(|p| p.stamp.batch_id.as_str())));
        }
    }
    Ok(parts.into_iter().filter(|p| wanted.is_empty() || wanted.contains(&p.stamp.batch_id)).collect())
}

/// What the part at `place` holds.
fn part(place: Location, stamp: Stamp) -> Result<Part, Fault> {
    let (mut rows, mut rules) = (0, BTreeMap::new());
    for batch in reader(&place, Some(&[RULES]))? {
        let batch = batch.map_err(|e| cannot_read(&place, &e))?;
        rows += batch.num_rows() as u64;
        for rule in batch.column(0).as_list::<i32>().values().as_string::<i32>().iter().flatten() {
            *rules.entry(rule.to_owned()).or_default() += 1;
        }
    }
    let done = done_in(&place)?;
    Ok(Part { place, stamp, rows, done, rules })
}

impl Part {
    /// All columns, the source's and ours.
    ///
    /// # Errors
    /// The part cannot be read.
    pub fn schema(&self) -> Result<SchemaRef, Fault> {
        Ok(reader(&self.place, None)?.schema())
    }

    /// Whether the batch was set aside as a whole, and nothing of it is published since.
    ///
    /// # Errors
    /// The part cannot be read.
    pub fn is_whole(&self) -> Result<bool, Fault> {
        if !self.done.is_empty() {
            return Ok(false);
        }
        for batch in reader(&self.place, Some(&[REASON]))? {
            let batch = batch.map_err(|e| cannot_read(&self.place, &e))?;
            if batch.column(0).as_string::<i32>().iter().any(|reason| reason == Some(WHOLE)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The columns that are masked wherever the rows are shown, without a key.
    ///
    /// # Errors
    /// The part cannot be read.
    pub fn masks(&self) -> Result<Privacy, Fault> {
        self.masks_with(None)
    }

    /// The same, to show rows with.
    ///
    /// # Errors
    /// The part cannot be read, or there is no key for a mask that hashes.
    pub fn privacy(&self, key: Option<MaskKey>) -> Result<Privacy, Fault> {
        let privacy = self.masks_with(key)?;
        privacy.ensure_key().map(|()| privacy)
    }

    fn masks_with(&self, key: Option<MaskKey>) -> Result<Privacy, Fault> {
        // A reader's own schema has no metadata.
        masked::of(opened(&self.place)?.schema(), key).ok_or_else(|| {
            Fault::new(Code::Damaged, format!("{}: the file is damaged: which columns are masked cannot be read", self.place))
        })
    }

    /// The rows that `rule` set aside, or all, in the order of the input.
    ///
    /// # Errors
    /// The part cannot be read.
    pub fn batches(&self, rule: Option<&str>) -> Result<impl Iterator<Item = Result<RecordBatch, Fault>>, Fault> {
        let (place, rule) = (self.place.clone(), rule.map(str::to_owned));
        Ok(reader(&self.place, None)?.map(move |batch| {
            let batch = batch.map_err(|e| cannot_read(&place, &e))?;
            let Some(rule) = &rule else { return Ok(batch) };
            let rules = batch.column_by_name(RULES).map(|c| c.as_list::<i32>());
            let names = |row: usize| rules.is_some_and(|r| r.value(row).as_string::<i32>().iter().any(|name| name == Some(rule.as_str())));
            let keep: BooleanArray = (0..batch.num_rows()).map(|row| Some(names(row))).collect();
            filter_record_batch(&batch, &keep).map_err(|e| cannot_read(&place, &e))
        }))
    }
}

/// How many rows are read at once: one cell may be as large as a file.
fn rows_at_once(part: &ParquetMetaData) -> usize {
    const ROWS_MAX: i64 = 1024;
    const BYTES_MAX: i64 = 64 << 20;
    let (bytes, rows) = part.row_groups().iter().fold((0, 0), |(bytes, rows), g| (bytes + g.total_byte_size(), rows + g.num_rows()));
    (BYTES_MAX.saturating_mul(rows) / bytes.max(1)).clamp(1, ROWS_MAX) as usize
}

fn opened(place: &Location) -> Result<ParquetRecordBatchReaderBuilder<Readable>, Fault> {
    let file = place.open().map_err(|e| cannot_read(place, &e))?;
    let file = file.ok_or_else(|| cannot_read(place, &"it went away meanwhile"))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| cannot_read(place, &e))?;
    ensure_ours(place, builder.schema()).map(|()| builder)
}

fn reader(place: &Location, columns: Option<&[&str]>) -> Result<ParquetRecordBatchReader, Fault> {
    let builder = opened(place)?;
    let rows_max = rows_at_once(builder.metadata());
    let builder = match columns {
        None => builder,
        Some(columns) => {
            let mask = parquet::arrow::ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder.with_projection(mask)
        }
    };
    builder.with_batch_size(rows_max).build().map_err(|e| cannot_read(place, &e))
}

/// Makes sure that a part has the columns that the quarantine adds: its stamp alone may have been written by anyone.
fn ensure_ours(place: &Location, schema: &Schema) -> Result<(), Fault> {
    let is_of_its_type = |name: &str, data_type: &DataType| match name {
        RULES => matches!(data_type, DataType::List(rule) if *rule.data_type() == DataType::Utf8),
        LINE | ROW | OFFSET => *data_type == DataType::Int64,
        PARTITION => *data_type == DataType::Int32,
        RAW | EVENT_KEY => *data_type == DataType::Binary,
        _ => *data_type == DataType::Utf8,
    };
    let is_of_events = schema.index_of(TOPIC).is_ok();
    let mut names = COLUMNS.iter().chain(EVENT_COLUMNS.iter().filter(|_| is_of_events));
    let strange = names.find(|name| !schema.field_with_name(name).is_ok_and(|field| is_of_its_type(name, field.data_type())));
    match strange {
        None => Ok(()),
        Some(name) => {
            let fault =
                Fault::new(Code::Damaged, format!("{place}: the file is damaged: its column `{name}` is not there, or of another type"));
            Err(fault.hint("Sluicegate did not write it so: bring it back from a backup, or move it away"))
        }
    }
}

fn cannot_read(place: &Location, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Unreadable, format!("{place}: cannot read: {error}"))
}
