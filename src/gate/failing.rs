//! Writes every row on which a rule fails, whatever the rule does with it: all of them, not only those that a report shows.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::rules_of_rows::{Named, Why};
use super::set_aside::{of_chunk, schema};
use crate::audit::{Audited, Job};
use crate::diagnostic::{Code, Fault};
use crate::engine::{self, UnitSelection};
use crate::files::Draft;
use crate::quarantine::{self, ON_FAIL, RULES, RowsFile, RowsFormat, SET_ASIDE};
use crate::rows::RowSet;
use crate::source::{Projection, Unit};

/// Writes them to the file `to`, whole or not at all, in the order of the input; `set_aside` are not published.
///
/// # Errors
/// The data cannot be read again, or the file cannot be written.
pub(super) fn write(job: &Job<'_>, audited: &Audited, set_aside: &RowSet, to: &Path) -> Result<(), Fault> {
    let cannot_write =
        |e: std::io::Error| Fault::new(Code::of_writing(&e), format!("{}: failing rows cannot be written: {e}", to.display()));
    let format = RowsFormat::of(to)?;
    let (source, columns) = (audited.source.as_ref(), columns(&schema(audited.source.as_ref(), &audited.privacy)?));
    let draft = Draft::of(to).map_err(cannot_write)?;
    let nothing = as_written(&RecordBatch::new_empty(columns.clone()), audited, format)?;
    let mut file = RowsFile::begin(format, &nothing.schema(), draft.file().map_err(cannot_write)?, to)?;
    // A file without rows has columns too.
    file.write(&nothing)?;
    let failing = failing(audited);
    let units: Vec<Unit> = failing.units().map(|unit| audited.row_origins.unit(unit).clone()).collect();
    let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
    let named = Named { rows: &failing, why: Why::Fails(set_aside) };
    let work = |unit: &Unit, preread| {
        let mut batches = Vec::new();
        source.read(unit, preread, &projection, &mut |chunk| {
            if let Some(rows) = of_chunk(audited, &named, &columns, &projection, unit, chunk)? {
                batches.push(as_written(&rows, audited, format)?);
            }
            Ok(())
        })?;
        Ok(batches)
    };
    let append = |batches: Vec<RecordBatch>| batches.iter().try_for_each(|rows| file.write(rows));
    engine::each_unit(source, UnitSelection::Units(&units), job.threads, &job.cancel, work, append)?;
    file.finish()?;
    draft.place().map_err(cannot_write)
}

/// Every row that a finding names, and every record that could not be read.
fn failing(audited: &Audited) -> RowSet {
    let of_findings = audited.findings.iter().flat_map(|found| [found.rows.as_ref(), found.spared.as_ref()]);
    RowSet::of_all(of_findings.chain([&audited.malformed_rows]))
}

/// The columns of rows set aside, with what each rule does with the row, and whether one keeps it.
fn columns(set_aside: &SchemaRef) -> SchemaRef {
    let mut fields = Vec::new();
    for field in set_aside.fields() {
        fields.push(field.clone());
        if field.name() == RULES {
            fields.push(Arc::new(Field::new_list(ON_FAIL, Field::new_list_field(DataType::Utf8, true), false)));
            fields.push(Arc::new(Field::new(SET_ASIDE, DataType::Boolean, false)));
        }
    }
    Arc::new(Schema::new(fields))
}

/// The rows with masked values masked, as the format holds them. A table of cells is opened by people: none runs as a formula.
fn as_written(rows: &RecordBatch, audited: &Audited, format: RowsFormat) -> Result<RecordBatch, Fault> {
    let rows = quarantine::shown(rows, &audited.privacy)?;
    match format {
        RowsFormat::Parquet => Ok(rows),
        RowsFormat::Ndjson => quarantine::as_text(&rows, false),
        RowsFormat::Csv => quarantine::harmless(&quarantine::as_text(&flat(&rows)?, true)?),
    }
}

/// The rows with nested values as JSON.
fn flat(rows: &RecordBatch) -> Result<RecordBatch, Fault> {
    let (mut fields, mut columns): (Vec<Arc<Field>>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let is_nested = field.data_type().is_nested() && !matches!(field.name().as_str(), RULES | ON_FAIL);
        let (field, column) = match is_nested {
            true => (Arc::new(Field::new(field.name(), DataType::Utf8, true)), Arc::new(as_json(column)?) as ArrayRef),
            false => (field.clone(), column.clone()),
        };
        fields.push(field);
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| cannot(&e))
}

/// Each value as JSON, on one line.
fn as_json(column: &ArrayRef) -> Result<StringArray, Fault> {
    let schema = Schema::new(vec![Field::new("v", column.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![column.clone()]).map_err(|e| cannot(&e))?;
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    writer.write(&batch).and_then(|()| writer.finish()).map_err(|e| cannot(&e))?;
    let text = String::from_utf8(writer.into_inner()).map_err(|e| cannot(&e))?;
    // Each line is `{"v":…}`, or `{}` for a null.
    Ok(text.lines().map(|line| line.strip_prefix("{\"v\":").and_then(|value| value.strip_suffix('}'))).collect())
}

fn cannot(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Internal, format!("failing rows cannot be assembled: {error}"))
}
