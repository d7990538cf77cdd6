//! A file of rows, written piece by piece: CSV, NDJSON or Parquet, as its name ends.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::diagnostic::{Code, Fault};
use crate::store;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsFormat {
    Csv,
    Ndjson,
    Parquet,
}

impl RowsFormat {
    /// As the name of `path` ends.
    ///
    /// # Errors
    /// It ends otherwise.
    pub fn of(path: &Path) -> Result<Self, Fault> {
        match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
            "csv" => Ok(Self::Csv),
            "ndjson" | "jsonl" => Ok(Self::Ndjson),
            "parquet" => Ok(Self::Parquet),
            extension => {
                let fault = Fault::new(Code::UnknownFormat, format!("{}: unknown format `{extension}`", path.display()));
                Err(fault.hint("use a name that ends in .csv, .ndjson, .jsonl or .parquet"))
            }
        }
    }
}

/// A file that rows are written to.
pub struct RowsFile {
    to: String,
    writer: Writer,
}

enum Writer {
    Csv(Box<arrow::csv::Writer<BufWriter<File>>>),
    Ndjson(arrow::json::LineDelimitedWriter<BufWriter<File>>),
    Parquet(Box<ArrowWriter<BufWriter<File>>>),
}

impl RowsFile {
    /// A row group of Parquet is written when it takes so much memory.
    const GROUP_BYTES_MAX: usize = 64 << 20;

    /// Begins the file, which messages call `to`, for rows of `columns`.
    ///
    /// # Errors
    /// Parquet has no such type, or the file cannot be written.
    pub fn begin(format: RowsFormat, columns: &SchemaRef, file: File, to: &Path) -> Result<Self, Fault> {
        let (to, file) = (to.display().to_string(), BufWriter::new(file));
        let writer = match format {
            RowsFormat::Csv => Writer::Csv(Box::new(arrow::csv::Writer::new(file))),
            RowsFormat::Ndjson => Writer::Ndjson(arrow::json::LineDelimitedWriter::new(file)),
            RowsFormat::Parquet => {
                let properties =
                    WriterProperties::builder().set_coerce_types(true).set_dictionary_enabled(!store::is_wide(columns)).build();
                let columns = store::held_in_parquet(columns)?;
                Writer::Parquet(Box::new(ArrowWriter::try_new(file, columns, Some(properties)).map_err(|e| cannot_write(&to, &e))?))
            }
        };
        Ok(Self { to, writer })
    }

    /// Writes rows. As CSV a batch without rows gives the header.
    ///
    /// # Errors
    /// A value cannot be written so, or the file cannot be.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        let to = &self.to;
        match &mut self.writer {
            Writer::Csv(writer) => writer.write(rows).map_err(|e| cannot_write(to, &e)),
            Writer::Ndjson(writer) => writer.write(rows).map_err(|e| cannot_write(to, &e)),
            Writer::Parquet(writer) => {
                writer.write(&store::as_parquet(rows)?).map_err(|e| cannot_write(to, &e))?;
                // It follows from the rows alone, so the file does.
                match writer.in_progress_size() > Self::GROUP_BYTES_MAX {
                    true => writer.flush().map_err(|e| cannot_write(to, &e)),
                    false => Ok(()),
                }
            }
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> Result<(), Fault> {
        let to = self.to;
        let mut file = match self.writer {
            Writer::Csv(writer) => writer.into_inner(),
            Writer::Ndjson(mut writer) => {
                writer.finish().map_err(|e| cannot_write(&to, &e))?;
                writer.into_inner()
            }
            Writer::Parquet(writer) => writer.into_inner().map_err(|e| cannot_write(&to, &e))?,
        };
        file.flush().map_err(|e| Fault::new(Code::of_writing(&e), format!("{to}: cannot write: {e}")))
    }
}

fn cannot_write(to: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Unwritable, format!("{to}: cannot write: {error}"))
}
