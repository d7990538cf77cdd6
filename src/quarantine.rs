//! The quarantine as a place to work from: which batches left rows there, which rows and why, and taking them out to mend.

mod spreadsheet;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatchReader;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::diagnostic::Fault;
use crate::files::Draft;
use crate::store::{Location, Quarantine, Stamp};

/// The columns that the quarantine adds to those of the source.
pub const RULES: &str = "_sluicegate_rules";
pub const REASON: &str = "_sluicegate_reason";
pub const FILE: &str = "_sluicegate_file";
pub const LINE: &str = "_sluicegate_line";
pub const ROW: &str = "_sluicegate_row";
pub const RAW: &str = "_sluicegate_raw";

/// All of them, in order.
pub const COLUMNS: [&str; 6] = [RULES, REASON, FILE, LINE, ROW, RAW];

/// The rows that one batch left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub place: Location,
    pub stamp: Stamp,
    pub rows: u64,
    /// How many rows each rule set aside; a row may have failed several.
    pub rules: BTreeMap<String, u64>,
}

/// The parts in `quarantine`, by batch id.
///
/// # Errors
/// The directory or a part cannot be read, or is not there.
pub fn parts(quarantine: &Quarantine) -> Result<Vec<Part>, Fault> {
    if quarantine.directory.local().is_some_and(|path| !path.is_dir()) {
        return Err(Fault::new(format!("{}: there is no such directory", quarantine.directory)).hint("no gate has set rows aside there"));
    }
    let mut parts = quarantine.all()?.into_iter().map(|(place, stamp)| part(place, stamp)).collect::<Result<Vec<_>, _>>()?;
    parts.sort_by(|a, b| a.stamp.batch_id.cmp(&b.stamp.batch_id));
    Ok(parts)
}

/// The parts of the batches `wanted`, or all where none is named.
///
/// # Errors
/// A batch has left nothing, or a part cannot be read.
pub fn parts_of(quarantine: &Quarantine, wanted: &[String]) -> Result<Vec<Part>, Fault> {
    let parts = parts(quarantine)?;
    for batch in wanted {
        if !parts.iter().any(|p| p.stamp.batch_id == *batch) {
            let what = format!("{}: no rows of batch `{batch}` are there", quarantine.directory);
            return Err(Fault::new(what).hint_nearest(batch, parts.iter().map(|p| p.stamp.batch_id.as_str())));
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
    Ok(Part { place, stamp, rows, rules })
}

impl Part {
    /// All columns, the source's and ours.
    ///
    /// # Errors
    /// The part cannot be read.
    pub fn schema(&self) -> Result<SchemaRef, Fault> {
        Ok(reader(&self.place, None)?.schema())
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

fn reader(place: &Location, columns: Option<&[&str]>) -> Result<ParquetRecordBatchReader, Fault> {
    let file = place.open().map_err(|e| cannot_read(place, &e))?;
    let file = file.ok_or_else(|| cannot_read(place, &"it went away meanwhile"))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| cannot_read(place, &e))?;
    let builder = match columns {
        None => builder,
        Some(columns) => {
            let mask = parquet::arrow::ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder.with_projection(mask)
        }
    };
    builder.build().map_err(|e| cannot_read(place, &e))
}

fn cannot_read(place: &Location, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("{place}: cannot read: {error}"))
}

/// How rows taken out are written.
enum Export {
    Csv(Box<arrow::csv::Writer<BufWriter<File>>>),
    Ndjson(arrow::json::LineDelimitedWriter<BufWriter<File>>),
    Parquet(Box<ArrowWriter<BufWriter<File>>>),
}

/// What rows are taken out as.
#[derive(Debug, Clone, Copy, Default)]
pub struct Form {
    /// Without the columns that say where a row came from and why it is there.
    pub only_values: bool,
    /// With no cell that a spreadsheet would run; CSV only.
    pub for_spreadsheets: bool,
}

/// Writes the rows of `parts` that `rule` set aside, or all, to `to`: CSV, NDJSON or Parquet, as its name ends. The file
/// appears when it is whole. Gives how many rows it holds.
///
/// # Errors
/// The name ends otherwise, the batches have different columns, or a file cannot be read or written.
pub fn export(parts: &[Part], rule: Option<&str>, form: Form, to: &Path) -> Result<u64, Fault> {
    let failed = |e: std::io::Error| Fault::new(format!("{}: cannot write: {e}", to.display()));
    let draft = Draft::of(to).map_err(failed)?;
    let rows = write(parts, rule, form, to, draft.file().map_err(failed)?)?;
    draft.place().map(|()| rows).map_err(failed)
}

fn write(parts: &[Part], rule: Option<&str>, form: Form, to: &Path, file: File) -> Result<u64, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(format!("{}: cannot write: {e}", to.display()));
    let extension = to.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !matches!(extension, "csv" | "ndjson" | "jsonl" | "parquet") {
        let fault = Fault::new(format!("{}: unknown format `{extension}`", to.display()));
        return Err(fault.hint("a name that ends in .csv, .ndjson, .jsonl or .parquet"));
    }
    if form.for_spreadsheets && extension != "csv" {
        let fault = Fault::new(format!("{}: `--for-spreadsheets` is about cells of CSV", to.display()));
        return Err(fault.hint("a name that ends in .csv"));
    }
    let mut file = Some(BufWriter::new(file));
    let (mut export, mut schema, mut rows): (Option<Export>, Option<Arc<Schema>>, u64) = (None, None, 0);
    for part in parts {
        for batch in part.batches(rule)? {
            let batch = if form.only_values { values(&batch?)? } else { batch? };
            let batch = if extension == "parquet" { batch } else { as_text(&batch, extension == "csv")? };
            let batch = if form.for_spreadsheets { spreadsheet::harmless(&batch)? } else { batch };
            if schema.get_or_insert_with(|| batch.schema()).fields() != batch.schema().fields() {
                let what = format!("batch `{}` has other columns than `{}`", part.stamp.batch_id, parts[0].stamp.batch_id);
                return Err(Fault::new(what).hint("take batches out one by one"));
            }
            let export = match (&mut export, file.take()) {
                (Some(export), _) => export,
                (none @ None, Some(file)) => none.insert(match extension {
                    "csv" => Export::Csv(Box::new(arrow::csv::Writer::new(file))),
                    "parquet" => Export::Parquet(Box::new(ArrowWriter::try_new(file, batch.schema(), None).map_err(|e| failed(&e))?)),
                    _ => Export::Ndjson(arrow::json::LineDelimitedWriter::new(file)),
                }),
                (None, None) => return Err(failed(&"the file is gone")),
            };
            match export {
                Export::Csv(writer) => writer.write(&batch).map_err(|e| failed(&e))?,
                Export::Ndjson(writer) => writer.write(&batch).map_err(|e| failed(&e))?,
                Export::Parquet(writer) => writer.write(&batch).map_err(|e| failed(&e))?,
            }
            rows += batch.num_rows() as u64;
        }
    }
    let file = match export {
        None => file,
        Some(Export::Csv(writer)) => Some(writer.into_inner()),
        Some(Export::Ndjson(mut writer)) => {
            writer.finish().map_err(|e| failed(&e))?;
            Some(writer.into_inner())
        }
        Some(Export::Parquet(writer)) => Some(writer.into_inner().map_err(|e| failed(&e))?),
    };
    if let Some(mut file) = file {
        file.flush().map_err(|e| failed(&e))?;
    }
    Ok(rows)
}

/// The columns of the source.
fn values(batch: &RecordBatch) -> Result<RecordBatch, Fault> {
    let of_source = |(_, field): &(usize, &Arc<Field>)| !COLUMNS.contains(&field.name().as_str());
    let places: Vec<usize> = batch.schema().fields().iter().enumerate().filter(of_source).map(|(i, _)| i).collect();
    batch.project(&places).map_err(|e| Fault::new(format!("cannot take rows out: {e}")))
}

/// The rows as text can hold them: the raw record as text, and for CSV the rules in one cell.
///
/// # Errors
/// CSV cannot hold a nested column.
pub fn as_text(batch: &RecordBatch, is_csv: bool) -> Result<RecordBatch, Fault> {
    let schema = batch.schema();
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let text: Option<StringArray> = match (field.name().as_str(), column.data_type()) {
            (RAW, DataType::Binary) => {
                Some(column.as_binary::<i32>().iter().map(|raw| raw.map(|r| String::from_utf8_lossy(r).into_owned())).collect())
            }
            (RULES, DataType::List(_)) if is_csv => {
                let rules = column.as_list::<i32>();
                let joined = |row: usize| rules.value(row).as_string::<i32>().iter().flatten().collect::<Vec<_>>().join(" ");
                Some((0..rules.len()).map(|row| Some(joined(row))).collect())
            }
            (name, data_type) if is_csv && data_type.is_nested() => {
                let fault = Fault::new(format!("`{name}` is nested, which CSV cannot hold"));
                return Err(fault.hint("take the rows out as .ndjson or .parquet"));
            }
            _ => None,
        };
        match text {
            Some(text) => {
                fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
                columns.push(Arc::new(text));
            }
            None => {
                fields.push(field.clone());
                columns.push(column.clone());
            }
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| Fault::new(format!("cannot take rows out: {e}")))
}
