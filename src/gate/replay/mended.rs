//! Rows that were taken out of the quarantine and mended: which row each of them takes the place of, and its values.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options, concat_batches, interleave};
use arrow::datatypes::{DataType, FieldRef, Int64Type, Schema, SchemaRef};

use super::cannot;
use crate::diagnostic::{Code, Fault, Faults};
use crate::privacy::Privacy;
use crate::quarantine::{FILE, KEY, PART, ROW, ensure_unmasked, is_ours};
use crate::rows::RowId;
use crate::ruleset::RuleFile;
use crate::source::{
    self, Chunk, ContractColumn, Format, Known, Malformed, Projection, ReadOptions, RowOrigins, SchemaEvidence, Source, Spool,
};
use crate::types::places;

/// A file of mended rows.
pub struct Mended {
    path: String,
    /// Of the file's bytes: the same file again has nothing to do.
    pub digest: String,
    options: ReadOptions,
    spool: Spool,
    keys: Vec<Key>,
    /// Reasons quote no value of a source with masked columns.
    privacy: Privacy,
}

/// Which row a mended one takes the place of, and where it stands in its file.
#[derive(Debug, Clone)]
struct Key {
    part: String,
    file: String,
    row: i64,
    at: RowId,
    /// For people.
    place: String,
}

impl Mended {
    /// Reads which rows were mended in the file at `path`, which holds rows as `quarantine export` writes them; files that
    /// must be read twice go to `scratch`.
    ///
    /// # Errors
    /// The file or a record cannot be read, or a row does not say which one it is, or stands twice.
    pub fn open(path: &Path, rules: &RuleFile, scratch: &Path) -> Result<Self, Faults> {
        let of_rules = rules.sections.read_options(&rules.path)?;
        let bytes = std::fs::read(path).map_err(|e| Fault::new(Code::of_reading(&e), format!("{}: cannot read: {e}", path.display())))?;
        // How the file is laid out is for us to know, who wrote it; what the texts in it mean, the rule file says.
        let ReadOptions { missing_values, timezone_seconds, .. } = of_rules;
        let mut mended = Self {
            path: path.display().to_string(),
            digest: format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes)),
            options: ReadOptions { missing_values, timezone_seconds, ..ReadOptions::default() },
            spool: Spool::new(scratch),
            keys: Vec::new(),
            privacy: rules.privacy(None),
        };
        mended.keys = mended.read_keys()?;
        Ok(mended)
    }

    /// The names of the parts that rows are of, each with the place of one.
    pub fn parts(&self) -> Vec<(&str, &str)> {
        let mut parts: Vec<(&str, &str)> = Vec::new();
        for key in &self.keys {
            if !parts.iter().any(|(part, _)| *part == key.part) {
                parts.push((&key.part, &key.place));
            }
        }
        parts
    }

    fn source(&self, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Arc<dyn Source>, Fault> {
        let open = |options: &ReadOptions| source::open(std::slice::from_ref(&self.path), options, contract, &self.spool);
        let source = open(options)?;
        match (source.known().format, &options.missing_values) {
            // A missing value is written as an empty field, whatever it was in the source.
            (Some(Format::Csv | Format::Tsv), Some(tokens)) => {
                let missing_values = Some(tokens.iter().cloned().chain([String::new()]).collect());
                open(&ReadOptions { missing_values, ..options.clone() })
            }
            _ => Ok(source),
        }
    }

    fn read_keys(&self) -> Result<Vec<Key>, Faults> {
        let typed =
            |name: &str, data_type| ContractColumn { name: name.to_owned(), data_type: Some(data_type), format: None, is_strict: false };
        let contract = [typed(PART, DataType::Utf8), typed(FILE, DataType::Utf8), typed(ROW, DataType::Int64)];
        let source = self.source(&self.options, &contract)?;
        ensure_unmasked(source.schema())?;
        if let Some(name) = KEY.into_iter().find(|name| source.schema().index_of(name).is_err()) {
            let fault = Fault::new(Code::InvalidMended, format!("{}: there is no column `{name}`", self.path));
            return Err(fault.hint("keep the columns that `quarantine export` adds: they say which row each mended row replaces").into());
        }
        let column = |name: &str| source.schema().index_of(name).map_err(|e| cannot(&e));
        let projection = Projection::new(source.schema(), KEY.into_iter().map(column).collect::<Result<_, _>>()?);
        let read = Read::all(source.as_ref(), &projection)?;
        let mut faults = Faults(read.malformed.iter().map(|(at, bad)| read.unreadable(source.as_ref(), *at, bad, &self.privacy)).collect());
        let mut keys: Vec<Key> = Vec::new();
        let mut seen: HashMap<(String, String, i64), String> = HashMap::new();
        for (batch, rows) in &read.batches {
            let text = |name: &str| fitted(batch.column_by_name(name), &DataType::Utf8, name, &self.path);
            let (part, file) = (text(PART)?, text(FILE)?);
            let row = fitted(batch.column_by_name(ROW), &DataType::Int64, ROW, &self.path)?;
            for (i, &at) in rows.iter().enumerate() {
                let place = read.place(source.as_ref(), at);
                if [&part, &file, &row].into_iter().any(|column| column.is_null(i)) {
                    let fault = Fault::new(Code::InvalidMended, format!("{place}: it does not say which row it takes the place of"));
                    faults.push(fault.hint("the columns `_sluicegate_…` stay as `quarantine export` writes them"));
                    continue;
                }
                let text = |column: &ArrayRef| column.as_string::<i32>().value(i).to_owned();
                let key = Key { part: text(&part), file: text(&file), row: row.as_primitive::<Int64Type>().value(i), at, place };
                match seen.insert((key.part.clone(), key.file.clone(), key.row), key.place.clone()) {
                    None => keys.push(key),
                    Some(first) => faults
                        .push(Fault::new(Code::InvalidMended, format!("{}: {} is there twice, first at {first}", key.place, key.named()))),
                }
            }
        }
        faults.or_ok(keys)
    }

    /// The rows that take the place of some of the part called `part`, whose values are of `columns`.
    ///
    /// # Errors
    /// The columns are others, or a value is not of its column's type.
    pub(super) fn rows_of(&self, part: &str, columns: &SchemaRef) -> Result<MendedRows, Faults> {
        // Times without a zone were brought to UTC when the source was read.
        let is_local = |field: &FieldRef| matches!(field.data_type(), DataType::Timestamp(_, None));
        let timezone_seconds = self.options.timezone_seconds.filter(|_| !columns.fields().iter().any(is_local));
        let options = ReadOptions { timezone_seconds, ..self.options.clone() };
        let contract: Vec<ContractColumn> = columns.fields().iter().map(as_text_says).collect();
        let source = self.source(&options, &contract)?;
        let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
        let read = Read::all(source.as_ref(), &projection)?;
        let again = source.retyped(&read.evidence)?;
        self.ensure_columns(again.as_ref().unwrap_or(&source).schema(), columns, source.known())?;
        let own: HashMap<RowId, &Key> = self.keys.iter().filter(|key| key.part == part).map(|key| (key.at, key)).collect();
        let malformed = read.malformed.iter().filter(|(at, _)| own.contains_key(at));
        Faults(malformed.map(|(at, bad)| read.unreadable(source.as_ref(), *at, bad, &self.privacy)).collect()).or_ok(())?;
        let (mut batches, mut rows) = (Vec::new(), Vec::new());
        for (batch, at) in &read.batches {
            let wanted: Vec<usize> = (0..at.len()).filter(|&i| own.contains_key(&at[i])).collect();
            let there = batch.schema();
            let places = places(&there);
            let values = |field: &FieldRef| match places.get(field.name().as_str()).map(|&place| batch.column(place)) {
                Some(array) => fitted(Some(array), field.data_type(), field.name(), &self.path),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            };
            let values = columns.fields().iter().map(values).collect::<Result<Vec<_>, _>>()?;
            let batch = RecordBatch::try_new(columns.clone(), values).map_err(|e| cannot(&e))?;
            let indices: UInt32Array = wanted.iter().map(|&i| i as u32).collect::<Vec<u32>>().into();
            batches.push(arrow::compute::take_record_batch(&batch, &indices).map_err(|e| cannot(&e))?);
            rows.extend(wanted.into_iter().map(|i| own[&at[i]].clone()));
        }
        let values = concat_batches(columns, &batches).map_err(|e| cannot(&e))?;
        let by_key = rows.iter().enumerate().map(|(i, key)| ((key.file.clone(), key.row), i)).collect();
        Ok(MendedRows { values, rows, by_key, is_csv: matches!(source.known().format, Some(Format::Csv | Format::Tsv)) })
    }

    fn ensure_columns(&self, there: &Schema, columns: &Schema, known: &Known) -> Result<(), Faults> {
        let mut faults = Faults::default();
        let names = || columns.fields().iter().map(|field| field.name().as_str());
        let (of_file, of_batch) = (places(there), places(columns));
        for field in there.fields().iter().filter(|field| !is_ours(field.name()) && !of_batch.contains_key(field.name().as_str())) {
            let fault = Fault::new(Code::InvalidMended, format!("{}: the batch has no column `{}`", self.path, field.name()));
            faults.push(fault.hint_nearest(field.name(), names()));
        }
        // NDJSON leaves out what is missing.
        let is_lacking = |name: &&str| known.columns_have_order && !of_file.contains_key(name);
        for name in names().filter(is_lacking) {
            faults.push(Fault::new(Code::InvalidMended, format!("{}: the column `{name}` of the batch is not there", self.path)));
        }
        for field in columns.fields().iter().filter(|field| known.infers_types && *field.data_type() == DataType::Binary) {
            let fault = Fault::new(Code::UnsupportedType, format!("{}: `{}` is binary, which text cannot hold", self.path, field.name()));
            faults.push(fault.hint("take the rows out as .parquet"));
        }
        faults.or_ok(())
    }
}

impl Key {
    fn named(&self) -> String {
        format!("row {} of {}", self.row, self.file)
    }
}

/// How a column that was written as text is read: of its own type, where text can be.
fn as_text_says(field: &FieldRef) -> ContractColumn {
    fn is_readable(data_type: &DataType) -> bool {
        match data_type {
            DataType::Utf8 | DataType::Boolean | DataType::Date32 | DataType::Timestamp(..) | DataType::Decimal128(..) => true,
            DataType::Struct(fields) => fields.iter().all(|field| is_readable(field.data_type())),
            DataType::List(item) => is_readable(item.data_type()),
            other => other.is_integer() || matches!(other, DataType::Float32 | DataType::Float64),
        }
    }
    let data_type = Some(field.data_type().clone()).filter(is_readable);
    ContractColumn { name: field.name().clone(), data_type, format: None, is_strict: false }
}

/// The values as another type, where each is the same there.
fn fitted(array: Option<&ArrayRef>, data_type: &DataType, name: &str, path: &str) -> Result<ArrayRef, Fault> {
    let other = || {
        let fault =
            Fault::new(Code::InvalidMended, format!("{path}: `{name}` holds values that are not {}", crate::types::type_name(data_type)));
        fault.hint("a file in the format in which rows were taken out keeps their types; .parquet keeps all of them")
    };
    let array = array.ok_or_else(|| cannot(&format!("`{name}` went away")))?;
    if array.data_type() == data_type {
        return Ok(array.clone());
    }
    if !can_cast_types(array.data_type(), data_type) {
        return Err(other());
    }
    let there = cast_with_options(array, data_type, &CastOptions { safe: false, ..CastOptions::default() }).map_err(|_| other())?;
    if data_type.is_nested() || data_type.is_string() || *array.data_type() == DataType::Null {
        return Ok(there);
    }
    let back = cast(&there, array.data_type()).map_err(|_| other())?;
    let same = not_distinct(&back, array).map_err(|_| other())?;
    if same.false_count() == 0 { Ok(there) } else { Err(other()) }
}

/// A file read whole.
struct Read {
    row_origins: RowOrigins,
    batches: Vec<(RecordBatch, Vec<RowId>)>,
    malformed: Vec<(RowId, Malformed)>,
    evidence: SchemaEvidence,
}

impl Read {
    fn all(source: &dyn Source, projection: &Projection) -> Result<Self, Fault> {
        let mut all =
            Self { row_origins: RowOrigins::default(), batches: Vec::new(), malformed: Vec::new(), evidence: SchemaEvidence::default() };
        let mut next = source.next_unit(None)?;
        while let Some((unit, preread)) = next {
            let end = source.read(&unit, preread, projection, &mut |chunk: Chunk| {
                let id = |row| RowId { unit: unit.index, row };
                all.malformed.extend(chunk.malformed.into_iter().map(|bad| (id(bad.row), bad)));
                all.batches.push((chunk.batch, chunk.rows.iter().map(id).collect()));
                Ok(())
            })?;
            all.row_origins.push(unit.clone(), &end, source.known().header_lines(unit.file));
            all.evidence.merge(end.evidence);
            next = source.next_unit(Some(&unit))?;
        }
        Ok(all)
    }

    /// Where a row stands, for people.
    fn place(&self, source: &dyn Source, at: RowId) -> String {
        self.row_origins.origin(at, &source.known().origins).to_string()
    }

    fn unreadable(&self, source: &dyn Source, at: RowId, bad: &Malformed, privacy: &Privacy) -> Fault {
        let reason = privacy.reason(&bad.reason, bad.column.as_deref(), &bad.raw);
        Fault::new(Code::InvalidMended, format!("{}: cannot be read: {reason}", self.place(source, at)))
    }
}

/// The rows that take the place of some of a part's.
pub(super) struct MendedRows {
    values: RecordBatch,
    rows: Vec<Key>,
    by_key: HashMap<(String, i64), usize>,
    is_csv: bool,
}

impl MendedRows {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Which of them takes the place of each row of a batch of the part.
    pub(super) fn places_in(&self, batch: &RecordBatch) -> Vec<Option<usize>> {
        let (Some(files), Some(rows)) = (batch.column_by_name(FILE), batch.column_by_name(ROW)) else {
            return vec![None; batch.num_rows()];
        };
        let (files, rows) = (files.as_string::<i32>(), rows.as_primitive::<Int64Type>());
        (0..batch.num_rows()).map(|i| self.by_key.get(&(files.value(i).to_owned(), rows.value(i))).copied()).collect()
    }

    /// Whether a row has no value at all.
    pub(super) fn is_empty(&self, index: usize) -> bool {
        self.values.columns().iter().all(|column| column.is_null(index))
    }

    /// Where a row stands, and which one it takes the place of.
    pub(super) fn place_of(&self, index: usize) -> (&str, String) {
        (&self.rows[index].place, self.rows[index].named())
    }

    /// The values that take the place of rows of `batch`: of pairs of a row in it and one of these.
    pub(super) fn values_for(&self, batch: &RecordBatch, pairs: &[(usize, usize)]) -> Result<RecordBatch, Fault> {
        let own = batch.schema();
        let places = places(&own);
        let column = |(field, mended): (&FieldRef, &ArrayRef)| {
            let Some(before) = places.get(field.name().as_str()).map(|&place| batch.column(place)) else {
                return Err(cannot(&format!("`{}` went away", field.name())));
            };
            let texts = before.as_string_opt::<i32>().filter(|_| self.is_csv);
            // An empty field stands for a missing value and for an empty text: it leaves whichever was there.
            let is_kept =
                |row: usize, index: usize| mended.is_null(index) && texts.is_some_and(|t| t.is_valid(row) && t.value(row).is_empty());
            let from: Vec<(usize, usize)> =
                pairs.iter().map(|&(row, index)| if is_kept(row, index) { (0, row) } else { (1, index) }).collect();
            interleave(&[before.as_ref(), mended.as_ref()], &from).map_err(|e| cannot(&e))
        };
        let columns = self.values.schema().fields().iter().zip(self.values.columns()).map(column).collect::<Result<_, _>>()?;
        RecordBatch::try_new(self.values.schema(), columns).map_err(|e| cannot(&e))
    }
}
