//! The first rows of the data, cell by cell, and how they become data again once some cells are spoilt.
//!
//! Of delimited text, text of fixed width and workbooks every cell is kept as it was written. Spoilt, it is written as plain
//! CSV and read anew: so a letter in a number does what it would do in the file. Other formats hold values of a type; there a
//! spoilt cell is a value of that type, or the error cannot be made.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options, concat, concat_batches, take};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::util::display::FormatOptions;

use crate::diagnostic::{Code, Fault};
use crate::metric::is_numeric;
use crate::source::{
    self, Chunk, ContractColumn, Delimiter, Format, NumberForm, Projection, ReadOptions, SchemaEvidence, Source, Spool, TextLayout,
};
use crate::types::is_text;

/// How much of the data is taken.
#[derive(Debug, Clone, Copy)]
pub struct SampleLimits {
    pub rows: usize,
    /// Bytes of all cells.
    pub bytes: usize,
}

/// Some rows.
#[derive(Debug)]
pub struct Sample {
    pub(super) columns: Vec<SampleColumn>,
    pub(super) rows: usize,
    /// Whether there are more rows than were taken.
    pub(super) is_part: bool,
    /// Records among them that cannot be read.
    pub(super) malformed: u64,
    pub(super) form: Form,
}

/// How a sample becomes data again.
#[derive(Debug)]
pub(super) enum Form {
    /// As CSV. The token stands for a missing value; none where no text is missing.
    Text { options: Box<ReadOptions>, contract: Vec<ContractColumn>, missing: Option<String> },
    /// As it came.
    Typed { batch: RecordBatch, options: Box<ReadOptions> },
}

#[derive(Debug)]
pub(super) struct SampleColumn {
    pub name: String,
    pub kind: Kind,
    /// None where nothing is there, and where the values are of a kind that is not written as text.
    pub values: Vec<Option<String>>,
    /// How a date is written, where the contract says so.
    pub format: Option<String>,
    /// Once it is known.
    pub data_type: Option<DataType>,
    pub distinct: usize,
    pub present: usize,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number {
        whole: bool,
    },
    /// Dates and points in time.
    Time,
    Flag,
    /// Lists, bytes and the like.
    Other,
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Flag,
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Self::Time,
            other if is_text(other) => Self::Text,
            other if is_numeric(other) => Self::Number { whole: other.is_integer() },
            _ => Self::Other,
        }
    }
}

/// A spoilt cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub row: u32,
    pub column: usize,
    pub value: Option<String>,
}

/// What an error changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Cells(Vec<Cell>),
    /// The first row becomes a copy of the second.
    Copies(Vec<(u32, u32)>),
}

/// Whether a format holds text that is read as values.
pub fn holds_text(source: &dyn Source) -> bool {
    matches!(source.known().format, Some(Format::Csv | Format::Tsv | Format::Fixed | Format::Excel))
}

impl Sample {
    /// The first rows of `source`. Where it [`holds_text`], all its columns must be read as text, and `contract` says what they
    /// are.
    ///
    /// # Errors
    /// The data cannot be read, or there are no rows.
    pub fn of(source: Arc<dyn Source>, options: &ReadOptions, contract: &[ContractColumn], limits: SampleLimits) -> Result<Self, Fault> {
        let is_text = holds_text(source.as_ref());
        let Taken { schema, batch, is_part, malformed } = take_first(source, limits)?;
        if batch.num_rows() == 0 {
            return Err(Fault::new(Code::Empty, "there are no rows that could be spoilt").hint("name data that the rules accept"));
        }
        let mut columns = Vec::new();
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            let kind = if is_text { Kind::Text } else { Kind::of(field.data_type()) };
            let values = texts(array, kind)?;
            let format = contract.iter().find(|c| c.name == *field.name()).and_then(|c| c.format.clone());
            let present = values.iter().flatten().count();
            let distinct = values.iter().flatten().collect::<BTreeSet<_>>().len();
            columns.push(SampleColumn { name: field.name().clone(), kind, values, format, data_type: None, distinct, present });
        }
        let form = match is_text {
            false => Form::Typed { batch: batch.clone(), options: Box::new(options.clone()) },
            true => {
                let tokens = options.missing_values.clone();
                let missing = tokens.map_or(Some(String::new()), |t| t.iter().find(|t| t.is_empty()).or(t.first()).cloned());
                Form::Text { options: Box::new(as_written(options)), contract: contract.to_vec(), missing }
            }
        };
        Ok(Self { columns, rows: batch.num_rows(), is_part, malformed, form })
    }

    /// Whether cells are text that is read as values.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.form, Form::Text { .. })
    }

    /// How numbers are written.
    pub(super) fn numbers(&self) -> NumberForm {
        match &self.form {
            Form::Text { options, .. } => options.text.numbers,
            Form::Typed { .. } => NumberForm::default(),
        }
    }

    /// Takes what the columns turned out to be once they were read.
    pub(super) fn settle(&mut self, schema: &Schema) {
        for column in &mut self.columns {
            if let Ok(field) = schema.field_with_name(&column.name) {
                column.kind = Kind::of(field.data_type());
                column.data_type = Some(field.data_type().clone());
            }
        }
    }

    /// Whether the column can hold this value.
    pub(super) fn takes(&self, column: usize, value: Option<&str>) -> bool {
        match (&self.form, value) {
            (Form::Text { missing, .. }, None) => missing.is_some(),
            (Form::Text { missing, .. }, Some(value)) => missing.as_deref() != Some(value),
            (Form::Typed { batch, .. }, None) => batch.schema().field(column).is_nullable(),
            (Form::Typed { batch, .. }, Some(value)) => {
                typed(&[Some(value.to_owned())], batch.column(column).data_type()).is_ok_and(|array| array.is_valid(0))
            }
        }
    }

    /// The rows with this change as data; text goes through the file at `path`.
    ///
    /// # Errors
    /// The file cannot be written or read, which is no fault of the data.
    pub(super) fn with(&self, change: &Change, path: &Path) -> Result<Arc<dyn Source>, Fault> {
        match &self.form {
            Form::Typed { batch, options } => {
                let changed = spoilt(batch, change).map_err(|e| Fault::new(Code::Internal, format!("cannot change values: {e}")))?;
                source::from_batches(&batch.schema(), vec![changed], options)
            }
            Form::Text { options, contract, missing } => {
                let failed = |e: std::io::Error| Fault::new(Code::ScratchFailed, format!("{}: cannot write: {e}", path.display()));
                fs::write(path, self.csv(change, missing.as_deref().unwrap_or_default())).map_err(failed)?;
                let directory = path.parent().unwrap_or(path);
                source::open(&[path.display().to_string()], options, contract, &Spool::new(directory))
            }
        }
    }

    fn csv(&self, change: &Change, missing: &str) -> String {
        let mut out = String::new();
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        line(&mut out, names.iter().map(|name| Some(*name)), missing);
        let mut row: Vec<Option<&str>> = Vec::new();
        let mut cells = match change {
            Change::Cells(cells) => cells.iter().peekable(),
            Change::Copies(_) => [].iter().peekable(),
        };
        for i in 0..self.rows as u32 {
            let from = match change {
                Change::Copies(copies) => copies.iter().find(|(to, _)| *to == i).map_or(i, |(_, from)| *from),
                Change::Cells(_) => i,
            };
            row.clear();
            row.extend(self.columns.iter().map(|column| column.values[from as usize].as_deref()));
            while let Some(cell) = cells.next_if(|cell| cell.row == i) {
                row[cell.column] = cell.value.as_deref();
            }
            line(&mut out, row.iter().copied(), missing);
        }
        out
    }
}

/// How the sample is read that was written as CSV: values as in the data, the layout as we write it.
fn as_written(options: &ReadOptions) -> ReadOptions {
    let text = TextLayout { numbers: options.text.numbers, sniff: options.text.sniff, ..TextLayout::default() };
    ReadOptions {
        format: Some(Format::Csv),
        delimiter: Some(Delimiter::Text(",".to_owned())),
        quote: Some(Some(b'"')),
        header: Some(1),
        text,
        missing_values: options.missing_values.clone(),
        timezone_seconds: options.timezone_seconds,
        ..ReadOptions::default()
    }
}

/// One record. What is not there is written as `missing`; all else that might be read otherwise stands in quotes.
fn line<'a>(out: &mut String, cells: impl ExactSizeIterator<Item = Option<&'a str>>, missing: &str) {
    let is_only = cells.len() == 1;
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(',');
        }
        let text = cell.unwrap_or(missing);
        // A line that holds nothing at all would be no record.
        let needs_quotes = text.contains([',', '"', '\n', '\r']) || text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
        if needs_quotes || is_only && text.is_empty() {
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(text);
        }
    }
    out.push('\n');
}

struct Taken {
    schema: SchemaRef,
    batch: RecordBatch,
    is_part: bool,
    malformed: u64,
}

/// The first rows of `source`, with the types that these call for.
fn take_first(mut source: Arc<dyn Source>, limits: SampleLimits) -> Result<Taken, Fault> {
    /// As many as an audit makes.
    const PASSES_MAX: usize = 4;
    for _ in 0..PASSES_MAX {
        let (taken, evidence) = read_first(source.as_ref(), limits)?;
        match source.retyped(&evidence)? {
            Some(retyped) => source = retyped,
            None => return Ok(taken),
        }
    }
    Err(Fault::new(Code::TypesUnsettled, "the columns' types did not settle").hint("give the types in the rule file's `schema` section"))
}

fn read_first(source: &dyn Source, limits: SampleLimits) -> Result<(Taken, SchemaEvidence), Fault> {
    let schema = source.schema().clone();
    let projection = Projection::new(&schema, (0..schema.fields().len()).collect());
    let (mut chunks, mut rows, mut bytes, mut malformed) = (Vec::<RecordBatch>::new(), 0, 0, 0);
    let (mut evidence, mut previous, mut is_part) = (SchemaEvidence::None, None, false);
    while !is_part && let Some((unit, preread)) = source.next_unit(previous.as_ref())? {
        let mut take = |chunk: Chunk| {
            if is_part {
                return Ok(());
            }
            let mut len = chunk.batch.num_rows().min(limits.rows - rows);
            let size = bytes_of(&chunk.batch) / chunk.batch.num_rows().max(1);
            // One row at least, however long it is.
            len = len.min((limits.bytes.saturating_sub(bytes) / size.max(1)).max(usize::from(rows == 0)));
            is_part = len < chunk.batch.num_rows();
            (rows, bytes) = (rows + len, bytes + len * size);
            malformed += chunk.malformed.len() as u64;
            chunks.push(chunk.batch.slice(0, len));
            Ok(())
        };
        evidence.merge(source.read(&unit, preread, &projection, &mut take)?.evidence);
        previous = Some(unit);
    }
    let batch = concat_batches(&schema, &chunks).map_err(|e| Fault::new(Code::Damaged, format!("cannot join the rows: {e}")))?;
    Ok((Taken { schema, batch, is_part, malformed }, evidence))
}

fn bytes_of(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|array| array.to_data().get_slice_memory_size().unwrap_or_default()).sum()
}

/// The values as text; none of kinds that are not written as text.
fn texts(array: &ArrayRef, kind: Kind) -> Result<Vec<Option<String>>, Fault> {
    if kind == Kind::Other || !can_cast_types(array.data_type(), &DataType::Utf8) {
        // Whether something is there is known all the same.
        return Ok((0..array.len()).map(|i| array.is_valid(i).then(String::new)).collect());
    }
    let text = cast(array, &DataType::Utf8).map_err(|e| Fault::new(Code::UnsupportedType, format!("cannot write values as text: {e}")))?;
    Ok(text.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect())
}

/// Text as values of a type; null where it is none.
fn typed(values: &[Option<String>], data_type: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    let text: ArrayRef = Arc::new(values.iter().map(Option::as_deref).collect::<StringArray>());
    cast_with_options(&text, data_type, &CastOptions { safe: true, format_options: FormatOptions::default() })
}

fn spoilt(batch: &RecordBatch, change: &Change) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut from: Vec<u32> = (0..batch.num_rows() as u32).collect();
    let mut columns = batch.columns().to_vec();
    match change {
        Change::Copies(copies) => {
            copies.iter().for_each(|(to, of)| from[*to as usize] = *of);
            let from = UInt32Array::from(from);
            columns = columns.iter().map(|column| take(column, &from, None)).collect::<Result<_, _>>()?;
        }
        Change::Cells(cells) => {
            for (i, column) in columns.iter_mut().enumerate() {
                let of_column: Vec<&Cell> = cells.iter().filter(|cell| cell.column == i).collect();
                if of_column.is_empty() {
                    continue;
                }
                let values: Vec<Option<String>> = of_column.iter().map(|cell| cell.value.clone()).collect();
                // Behind the values that are there stand the new ones, and each row takes one of both.
                let both = concat(&[column.as_ref(), typed(&values, column.data_type())?.as_ref()])?;
                let mut from: Vec<u32> = (0..batch.num_rows() as u32).collect();
                for (n, cell) in of_column.iter().enumerate() {
                    from[cell.row as usize] = (batch.num_rows() + n) as u32;
                }
                *column = take(&both, &UInt32Array::from(from), None)?;
            }
        }
    }
    RecordBatch::try_new(batch.schema(), columns)
}
