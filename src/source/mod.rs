//! Opens data as *units* of Arrow record batches.
//!
//! A unit is a slice fixed by the input alone: a Parquet row group, or about 16 MiB of text ending
//! at a record. A row is named by its unit and its number in the unit ([`RowId`]); file and line
//! numbers come from prefix sums over the units once those are known ([`Places`]). A record that
//! cannot be framed or converted is a [`Malformed`] record: counted, kept raw, never dropped, and
//! never a reason for its neighbours to shift.

mod arrow_ipc;
mod avro;
pub mod csv;
mod evidence;
mod file;
mod json;
mod location;
mod origin;
mod parquet;
mod partitions;
mod spool;
mod typed;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

pub use evidence::Evidence;
pub use file::InputFile;
pub use location::Format;
pub use origin::{Origin, Places};
pub use spool::{Encoding, Spool};

use self::location::Located;
use self::origin::LineJumps;
use crate::confines::Confines;
use crate::diagnostic::{Code, Fault};
use crate::metric::ColumnStatistics;
use crate::rows::{RowId, RowNumbers};
use crate::types::Tally;

/// A slice of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    pub index: u32,
    /// Index into the source's files.
    pub file: u32,
    /// Bytes `start..end` of a text file; row group `start` of a Parquet file.
    pub start: u64,
    pub end: u64,
}

/// A record that could not be framed, read as the contract's types, or computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// Its row number in the unit.
    pub row: u32,
    /// Why, with the column where there is one.
    pub reason: String,
    /// The column whose value could not be read.
    pub column: Option<String>,
    /// The record's bytes as they stand in the file, without the line end; empty for Parquet.
    pub raw: Vec<u8>,
}

/// Some rows of a unit, in order, with the malformed records that stand among them.
#[derive(Debug)]
pub struct Chunk {
    /// The projected columns, in the projection's order.
    pub batch: RecordBatch,
    pub rows: RowNumbers,
    pub malformed: Vec<Malformed>,
}

/// What is known of a unit once it has been read whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitEnd {
    /// Records, malformed ones included.
    pub records: u32,
    /// Physical lines; none for formats without lines.
    pub lines: Option<u32>,
    /// On which lines of the unit its rows begin.
    pub line_jumps: LineJumps,
    /// xxh3-128 of the unit's bytes; none where the source has a [`Source::fingerprint`].
    pub digest: Option<u128>,
    /// What the data said about its columns' types.
    pub evidence: Evidence,
}

/// What to read of each unit.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Indices into the source's schema, ascending.
    pub columns: Vec<usize>,
    /// The schema of the batches.
    pub schema: SchemaRef,
    /// Whether arrays may come in a smaller form than the schema's, as the file holds them: text as codes into a
    /// dictionary, decimals in 64 bits.
    pub compact: bool,
}

impl Projection {
    /// The columns `columns` (ascending, no repeats) of `schema`.
    pub fn new(schema: &SchemaRef, mut columns: Vec<usize>) -> Self {
        columns.sort_unstable();
        columns.dedup();
        let fields: Vec<_> = columns.iter().map(|&i| schema.fields()[i].clone()).collect();
        Self { columns, schema: Arc::new(arrow::datatypes::Schema::new(fields)), compact: false }
    }

    /// The same, for a reader that takes compact arrays.
    #[must_use]
    pub fn compact(self) -> Self {
        Self { compact: true, ..self }
    }
}

/// Bytes read while looking for a unit's end, so that they need not be read twice.
pub type Preread = Option<Vec<u8>>;

/// Something that can be read unit by unit, more than once.
pub trait Source: Send + Sync {
    /// Every column, as batches will hold it.
    fn schema(&self) -> &SchemaRef;

    /// The files, in source order.
    fn files(&self) -> &[InputFile];

    /// The format of every file.
    fn format(&self) -> Format;

    /// The unit after `previous`, or none at the end. Depends on the input alone.
    ///
    /// # Errors
    /// The file cannot be read, or has changed since it was opened.
    fn next_unit(&self, previous: Option<&Unit>) -> Result<Option<(Unit, Preread)>, Fault>;

    /// Reads `unit`, handing on chunks in row order.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or `each` fails.
    fn read(
        &self,
        unit: &Unit,
        preread: Preread,
        projection: &Projection,
        each: &mut dyn FnMut(Chunk) -> Result<(), Fault>,
    ) -> Result<UnitEnd, Fault>;

    /// Columns whose values may turn out malformed: they are read whatever the rules need, so that
    /// every run judges the same records.
    fn judged_columns(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Digest of what precedes the first record of `file`; none for formats whose bytes are not digested.
    fn head_digest(&self, file: u32) -> u128 {
        let _ = file;
        0
    }

    /// What is certain of a column without reading it; none where nothing is.
    fn statistics(&self, column: usize) -> Option<ColumnStatistics> {
        let _ = column;
        None
    }

    /// How many rows there are, where that is known without reading them.
    fn rows(&self) -> Option<u64> {
        None
    }

    /// How much of [`Source::bytes`] a unit is.
    fn unit_bytes(&self, unit: &Unit) -> u64 {
        unit.end - unit.start
    }

    /// Lines before the first record of `file`.
    fn header_lines(&self, file: u32) -> u64 {
        let _ = file;
        0
    }

    /// A digest known without reading the data, where the format has one (Parquet's footers).
    fn fingerprint(&self) -> Option<u128>;

    /// The data's size in bytes, for the progress bar and small-input decisions.
    fn bytes(&self) -> u64 {
        self.files().iter().map(|f| f.bytes).sum()
    }

    /// A source with other types, if what the text said of its columns calls for it.
    ///
    /// # Errors
    /// The files cannot be read again.
    fn retyped(&self, evidence: &Evidence) -> Result<Option<Arc<dyn Source>>, Fault>;

    /// How the types of columns differ from what the contract asked: (column, examples of values that contradict it).
    fn contradicted(&self) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }

    /// What a reader of the report should know of how the data was read: names that were made up or trimmed, files
    /// without a byte.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// What kinds of values stand in columns that hold more than one kind.
    fn tallies(&self, evidence: &Evidence) -> Vec<Tally> {
        let _ = evidence;
        Vec::new()
    }
}

/// How to read the data; what the rule file's `source` section says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    pub format: Option<Format>,
    pub delimiter: Option<u8>,
    pub quote: Option<Option<u8>>,
    pub header: Option<bool>,
    /// Tokens read as missing; `None` means the format's default (the empty field for text).
    pub missing_values: Option<Vec<String>>,
    /// How text is encoded.
    pub encoding: Encoding,
    /// Keys from the top of a JSON document to the array that holds the records.
    pub json_path: Vec<String>,
    /// Offset in seconds east of UTC for timestamps without a zone.
    pub timezone_seconds: Option<i32>,
    /// How the data is cut while it is read; nothing in a report depends on it.
    pub cut: Cut,
    /// Below what every file must be, where the paths are of a rule file that is not trusted.
    pub confines: Option<Confines>,
}

/// The most text of a unit: what Arrow's text columns and the positions of cells can count, with room to spare.
const UNIT_BYTES_MAX: usize = 1 << 30;

/// Sizes of what is read at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Text of a unit, at least, unless the file ends first.
    pub unit_bytes: usize,
    /// Rows of a record batch, at most.
    pub batch_rows: usize,
}

impl Cut {
    /// How much to read where `bytes` from `start` of `file` hold no whole record.
    ///
    /// # Errors
    /// A record is longer than any unit.
    fn more(bytes: usize, file: &InputFile, start: u64) -> Result<usize, Fault> {
        if bytes < UNIT_BYTES_MAX {
            return Ok(bytes.saturating_mul(2).min(UNIT_BYTES_MAX));
        }
        let what = format!("{}: the record at byte {} is longer than {} MiB", file.path, start + 1, UNIT_BYTES_MAX >> 20);
        Err(Fault::new(Code::TooLarge, what).hint("do its records end with line ends, LF or CRLF?"))
    }
}

impl Default for Cut {
    fn default() -> Self {
        Self { unit_bytes: 16 << 20, batch_rows: 8192 }
    }
}

/// The type a contract gives a column, and how its text is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractColumn {
    pub name: String,
    pub data_type: Option<arrow::datatypes::DataType>,
    /// strftime format of a date or timestamp.
    pub format: Option<String>,
    /// Whether text must be written as a value of this type would be: nobody has said that `007` is a number.
    pub is_strict: bool,
}

/// Opens `paths`: files, globs, directories, or `-` for standard input. What cannot be read where it lies goes to `spool`.
///
/// # Errors
/// Nothing is there, a format is unknown or mixed, or a file cannot be opened as its format.
pub fn open(paths: &[String], options: &ReadOptions, contract: &[ContractColumn], spool: &Spool) -> Result<Arc<dyn Source>, Fault> {
    let Located { format, files, keys } = location::locate(paths, options, spool)?;
    // A path into a document says that there is one.
    let format = if format == Format::Ndjson && !options.json_path.is_empty() { Format::Json } else { format };
    let files: Vec<InputFile> = files.into_iter().map(|file| spool.plain(file, format, options.encoding)).collect::<Result<_, _>>()?;
    let source: Arc<dyn Source> = match format {
        Format::Csv | Format::Tsv => Arc::new(csv::CsvSource::open(files, format, options, contract)?),
        Format::Ndjson | Format::Json => Arc::new(json::JsonSource::open(files, format, options, contract)?),
        Format::Parquet => Arc::new(parquet::ParquetSource::open(files, options, contract)?),
        Format::Arrow => Arc::new(arrow_ipc::ArrowSource::open(files, options)?),
        Format::Avro => Arc::new(avro::AvroSource::open(files, options)?),
    };
    partitions::Partitioned::over(source, &keys, contract)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Arrow counts a text column's bytes in 31 bits, a cell its place in 32.
    const _: () = assert!(UNIT_BYTES_MAX < i32::MAX as usize);

    #[test]
    fn a_record_longer_than_any_unit_is_refused_with_its_place() {
        let file = InputFile::stat(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("a file");
        assert_eq!(Cut::more(16 << 20, &file, 7).ok(), Some(32 << 20));
        assert_eq!(Cut::more(UNIT_BYTES_MAX - 1, &file, 7).ok(), Some(UNIT_BYTES_MAX));
        let fault = Cut::more(UNIT_BYTES_MAX, &file, 7).expect_err("a fault");
        assert!(fault.what.ends_with("the record at byte 8 is longer than 1024 MiB"), "{}", fault.what);
    }
}
