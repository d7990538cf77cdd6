//! Rows on their way out of the quarantine, to be mended elsewhere.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};

use super::{
    EVENT_KEY, FILE, KEY, LINE, MASKED, OFFSET, ON_FAIL, PART, PARTITION, Part, RAW, REASON, ROW, RULES, RowsFile, RowsFormat, TOPIC,
    has_values, is_ours, shown, spreadsheet,
};
use crate::diagnostic::{Code, Fault};
use crate::files::Draft;
use crate::privacy::{MaskKey, Privacy};
use crate::store::{self, Location, Stored};

/// What was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    pub rows: u64,
    /// Records that are not among them: they were never read, and have no values.
    pub malformed: u64,
}

/// Which rows are taken out, and with which columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Rows with values, and what says which rows they are and why they were set aside.
    Rows,
    /// The same, without why.
    Values,
    /// Records that were never read: their text and why, with room for the values.
    Malformed,
}

/// What rows are taken out as.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Without the columns that say why a row was set aside.
    pub only_values: bool,
    /// With no cell that a spreadsheet would run; CSV only. Such a file is for reading: it does not say which row is which,
    /// so that its quoted cells are never taken for mended ones.
    pub for_spreadsheets: bool,
    /// With the values of masked columns.
    pub unmasked: bool,
    /// What values of columns with `mask: hash` are hashed with.
    pub mask_key: Option<MaskKey>,
}

/// Writes the rows of `parts` that `rule` set aside, or all, to `to`: CSV, NDJSON or Parquet, as its name ends. Records that
/// were never read are left out. The file appears when it is whole.
///
/// # Errors
/// The name ends otherwise, the batches have different columns, or a file cannot be read or written.
pub fn export(parts: &[Part], rule: Option<&str>, form: &Form, to: &Path) -> Result<Exported, Fault> {
    whole(parts, rule, if form.only_values { What::Values } else { What::Rows }, form, to)
}

/// Writes the records of `parts` that were never read to `to`, in the same way: which they are, why they could not be read,
/// their text, and empty columns for their values.
///
/// # Errors
/// As for [`export`].
pub fn export_malformed(parts: &[Part], rule: Option<&str>, form: &Form, to: &Path) -> Result<u64, Fault> {
    let form = Form { for_spreadsheets: false, ..form.clone() };
    whole(parts, rule, What::Malformed, &form, to).map(|exported| exported.rows)
}

fn whole(parts: &[Part], rule: Option<&str>, what: What, form: &Form, to: &Path) -> Result<Exported, Fault> {
    let failed = |e: std::io::Error| Fault::new(Code::of_writing(&e), format!("{}: cannot write: {e}", to.display()));
    if !matches!(store::stored_at(&Location::Local(to.to_owned()))?, Stored::Nothing | Stored::Foreign) {
        let fault = Fault::new(Code::Occupied, format!("{}: rows that were published or set aside are there", to.display()));
        return Err(fault.hint("they would be lost; take rows out to another file"));
    }
    let draft = Draft::of(to).map_err(failed)?;
    let exported = write(parts, rule, what, form, to, draft.file().map_err(failed)?)?;
    draft.place().map(|()| exported).map_err(failed)
}

fn write(parts: &[Part], rule: Option<&str>, what: What, form: &Form, to: &Path, file: File) -> Result<Exported, Fault> {
    let format = RowsFormat::of(to)?;
    if form.for_spreadsheets && format != RowsFormat::Csv {
        let fault = Fault::new(Code::ConflictingOptions, format!("{}: `--for-spreadsheets` is about cells of CSV", to.display()));
        return Err(fault.hint("use a name that ends in .csv"));
    }
    let mut file = Some(file);
    let (mut out, mut schema, mut exported): (Option<RowsFile>, Option<Arc<Schema>>, Exported) = (None, None, Exported::default());
    for part in parts {
        // A part without rows has columns too.
        let none = RecordBatch::new_empty(part.schema()?);
        let privacy = if form.unmasked { Privacy::default() } else { part.privacy(form.mask_key.clone())? };
        for batch in [Ok(none)].into_iter().chain(part.batches(rule)?) {
            let (batch, left_out) = what.of(&batch?, part.place.name(), &privacy)?;
            exported.malformed += left_out;
            let batch = match format {
                RowsFormat::Parquet => batch,
                RowsFormat::Csv | RowsFormat::Ndjson => as_text(&batch, format == RowsFormat::Csv)?,
            };
            let batch = if form.for_spreadsheets { spreadsheet::harmless(&without_part(batch))? } else { batch };
            if schema.get_or_insert_with(|| batch.schema()).fields() != batch.schema().fields() {
                let what = format!("batch `{}` has other columns than `{}`", part.stamp.batch_id, parts[0].stamp.batch_id);
                return Err(Fault::new(Code::SchemaDiffers, what).hint("take batches out one by one"));
            }
            if let Some(file) = file.take() {
                out = Some(RowsFile::begin(format, &batch.schema(), file, to)?);
            }
            out.as_mut().map_or(Ok(()), |out| out.write(&batch))?;
            exported.rows += batch.num_rows() as u64;
        }
    }
    out.map_or(Ok(()), RowsFile::finish)?;
    Ok(exported)
}

impl What {
    /// The rows wanted of a part called `part`, and how many were left out since they were never read.
    fn of(self, batch: &RecordBatch, part: &str, privacy: &Privacy) -> Result<(RecordBatch, u64), Fault> {
        let failed = |e: arrow::error::ArrowError| Fault::new(Code::Internal, format!("cannot take rows out: {e}"));
        let was_read = has_values(batch);
        let malformed = was_read.false_count() as u64;
        let (keep, left_out, ours): (_, _, &[&str]) = match self {
            Self::Rows => (was_read, malformed, &[RULES, REASON, PART, FILE, LINE, ROW, TOPIC, PARTITION, OFFSET]),
            Self::Values => (was_read, malformed, &KEY),
            Self::Malformed => {
                (not(&was_read).map_err(failed)?, 0, &[PART, FILE, LINE, ROW, TOPIC, PARTITION, OFFSET, EVENT_KEY, REASON, RAW])
            }
        };
        let kept = shown(&filter_record_batch(batch, &keep).map_err(failed)?, privacy)?;
        let part: ArrayRef = Arc::new(StringArray::from(vec![part; kept.num_rows()]));
        let schema = kept.schema();
        let values = schema.fields().iter().zip(kept.columns()).filter(|(field, _)| !is_ours(field.name()));
        let mut columns: Vec<(FieldRef, ArrayRef)> = values.map(|(field, column)| (field.clone(), column.clone())).collect();
        for &name in ours {
            match kept.column_by_name(name) {
                Some(column) => columns.push((schema.field_with_name(name).map_err(failed)?.clone().into(), column.clone())),
                None if name == PART => columns.push((Arc::new(Field::new(name, DataType::Utf8, false)), part.clone())),
                // Rows of files have no topic.
                None => {}
            }
        }
        if !privacy.is_empty() {
            let names = privacy.columns().map(|(name, _)| name).collect::<Vec<_>>().join(" ");
            let names = Arc::new(StringArray::from(vec![names; kept.num_rows()]));
            columns.push((Arc::new(Field::new(MASKED, DataType::Utf8, false)), names));
        }
        let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = columns.into_iter().unzip();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)?;
        Ok((batch, left_out))
    }
}

/// The columns but for that which names the part.
fn without_part(mut batch: RecordBatch) -> RecordBatch {
    if let Ok(index) = batch.schema().index_of(PART) {
        batch.remove_column(index);
    }
    batch
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
            (RAW | EVENT_KEY, DataType::Binary) => {
                Some(column.as_binary::<i32>().iter().map(|raw| raw.map(|r| String::from_utf8_lossy(r).into_owned())).collect())
            }
            (RULES | ON_FAIL, DataType::List(_)) if is_csv => {
                let rules = column.as_list::<i32>();
                let joined = |row: usize| rules.value(row).as_string::<i32>().iter().flatten().collect::<Vec<_>>().join(" ");
                Some((0..rules.len()).map(|row| Some(joined(row))).collect())
            }
            (name, data_type) if is_csv && data_type.is_nested() => {
                let fault = Fault::new(Code::UnsupportedType, format!("`{name}` is nested, which CSV cannot hold"));
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
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|e| Fault::new(Code::Internal, format!("cannot take rows out: {e}")))
}
