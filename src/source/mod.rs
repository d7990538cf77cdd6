//! Opens data as *units* of Arrow record batches.
//!
//! A unit is a slice fixed by the input alone: a Parquet row group, or about 16 MiB of text ending
//! at a record. A row is named by its unit and its number in the unit ([`RowId`]); file and line
//! numbers come from prefix sums over the units once those are known ([`RowOrigins`]). A record that
//! cannot be framed or converted is a [`Malformed`] record: counted, kept raw, never dropped, and
//! never a reason for its neighbours to shift.

mod arrow_ipc;
mod avro;
mod by_partition;
pub mod csv;
mod delta;
mod digest;
mod event_places;
mod events;
mod evidence;
mod excel;
mod file;
mod foreign;
#[macro_use]
mod format;
mod http;
mod json;
mod known;
mod lines;
mod location;
mod memory;
mod orc;
mod origin;
mod parquet;
mod partitions;
mod shape;
mod spool;
mod streamed;
mod text_layout;
mod typed;
mod units;
mod valueless;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

pub use crate::text::NumberForm;
pub use delta::TableState;
pub use event_places::EventPlaces;
pub use events::{EventColumn, EventKey, EventOptions, EventRecord, EventValue, Registry, Tombstones};
pub use evidence::SchemaEvidence;
pub use file::{InputFile, nearest_beside};
pub use http::{
    AnswerLength, HttpHeader, HttpLimits, HttpOptions, Paging, PagingBy, PostLimits, Reach, Remembered, TextPart, VARIABLE_PREFIX,
    Variables, check_header, is_on_the_web, post_json, post_json_with, text_parts,
};
pub use json::{EventReader, ReadLines, RecordSpan, without_mark};
pub use known::{FileStart, Known, Rereading};
pub use lines::LineJumps;
pub use origin::{Origins, RowGaps, RowOrigins};
pub use spool::{Encoding, Spool};
pub use text_layout::{Delimiter, FixedColumn, TextLayout};
pub use units::{Cut, Piece, Preread, Unit, UnitEnd};

use self::format::Opening;
use self::location::Located;
use self::units::UNIT_BYTES_MAX;
use crate::confines::Confines;
use crate::diagnostic::{Code, Fault};
use crate::remote::Surroundings;
use crate::rows::{RowId, RowNumbers};
use crate::types::Tally;

formats! {
    Csv "csv" ["csv", "txt"], text, format::looks_like_anything,
        |o| Ok(Arc::new(csv::CsvSource::open(o.files, o.format, o.options, o.contract)?));
    Tsv "tsv" ["tsv", "tab"], text, format::looks_like_anything,
        |o| Ok(Arc::new(csv::CsvSource::open(o.files, o.format, o.options, o.contract)?));
    /// Lines of columns of fixed width.
    Fixed "fixed" ["fwf"], text, format::looks_like_anything,
        |o| Ok(Arc::new(csv::CsvSource::open(o.files, o.format, o.options, o.contract)?));
    /// One JSON object a line.
    Ndjson "ndjson" ["ndjson", "jsonl"], text, |head| format::begins(head, b"{"),
        |o| Ok(Arc::new(json::JsonSource::open(o.files, o.format, o.options, o.contract)?));
    /// An array of JSON objects.
    Json "json" ["json"], text, |head| format::begins(head, b"["),
        |o| Ok(Arc::new(json::JsonSource::open(o.files, o.format, o.options, o.contract)?));
    Parquet "parquet" ["parquet", "pq"], binary, |head| head.starts_with(b"PAR1"),
        |o| Ok(Arc::new(parquet::ParquetSource::open(o.files, o.options, o.contract)?));
    /// Arrow IPC, file or stream.
    Arrow "arrow" ["arrow", "arrows", "ipc", "feather"], binary,
        |head| head.starts_with(b"ARROW1") || head.starts_with(b"\xff\xff\xff\xff"),
        |o| Ok(Arc::new(arrow_ipc::ArrowSource::open(o.files, o.options)?));
    /// Avro object container files.
    Avro "avro" ["avro"], binary, |head| head.starts_with(b"Obj\x01"), |o| Ok(Arc::new(avro::AvroSource::open(o.files, o.options)?));
    Orc "orc" ["orc"], binary, |head| head.starts_with(b"ORC"), |o| Ok(Arc::new(orc::OrcSource::open(o.files, o.options, o.contract)?));
    /// One sheet of an Excel or OpenDocument workbook.
    Excel "excel" ["xlsx", "xlsm", "xlsb", "xls", "ods"], binary, format::is_workbook,
        |o| Ok(Arc::new(excel::ExcelSource::open(o)?));
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

/// Takes some of a unit's rows, in row order.
pub type TakeChunk<'a> = dyn FnMut(Chunk) -> Result<(), Fault> + 'a;

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

/// Something that can be read unit by unit, more than once.
///
/// What is known beforehand is a value, [`Known`]. A format cuts each of its files into units ([`Source::cut`]) and reads one
/// unit ([`Source::read`]); the walk over all of them is the same for every source.
pub trait Source: Send + Sync {
    /// What is known before a row is read.
    fn known(&self) -> &Known;

    /// The end of the unit that begins at `start` of `file`; none where nothing of the file is left. Depends on the input
    /// alone.
    ///
    /// # Errors
    /// The file cannot be read, or has changed since it was opened.
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault>;

    /// Reads `unit`, handing on chunks in row order.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or `each` fails.
    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault>;

    /// A digest of the content, for which all of it is read, where reading units makes none
    /// ([`Known::digests_units`]).
    ///
    /// # Errors
    /// A file cannot be read, or has changed since it was opened.
    fn digest(&self) -> Result<u128, Fault> {
        digest::of_files(self.known())
    }

    /// A source with other types, if `evidence`, which all units gave together, calls for it.
    ///
    /// Types follow from the evidence alone: see [`settled`].
    ///
    /// # Errors
    /// The data cannot be read with any types.
    fn retyped(&self, evidence: &SchemaEvidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        let _ = evidence;
        Ok(None)
    }

    /// The character of its line, from 1, that the field of a column begins at; `places` are lines of the unit, from 0, on
    /// which records begin, and columns. None where records are not divided by delimiters or widths.
    ///
    /// # Errors
    /// The file cannot be read, or has changed since it was opened.
    fn field_starts(&self, unit: &Unit, places: &[(u32, usize)]) -> Result<Vec<Option<u32>>, Fault> {
        let _ = unit;
        Ok(vec![None; places.len()])
    }

    /// What kinds of values stand in columns that hold more than one kind.
    fn tallies(&self, evidence: &SchemaEvidence) -> Vec<Tally> {
        let _ = evidence;
        Vec::new()
    }
}

impl dyn Source + '_ {
    /// Every column, as batches will hold it.
    pub fn schema(&self) -> &SchemaRef {
        &self.known().schema
    }

    /// The unit after `previous`, or the first one; none at the end. Depends on the input alone.
    ///
    /// # Errors
    /// The input cannot be read, or has changed since it was opened.
    pub fn next_unit(&self, previous: Option<&Unit>) -> Result<Option<(Unit, Preread)>, Fault> {
        units::next(self, previous)
    }
}

/// `source` with the types that were settled elsewhere: `passes` holds what each pass that had to be started again had seen,
/// in their order.
///
/// The first types of a source follow from its first unit and the contract, every later ones from the types before and what
/// a pass with those saw. So a process that opens the same input anew, and is given the evidence, reads it with the same types.
///
/// # Errors
/// The data cannot be read with any types.
pub fn settled(source: Arc<dyn Source>, passes: &[SchemaEvidence]) -> Result<Arc<dyn Source>, Fault> {
    passes.iter().try_fold(source, |source, evidence| Ok(source.retyped(evidence)?.unwrap_or(source)))
}

/// How to read the data; what the rule file's `source` section says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    pub format: Option<Format>,
    pub delimiter: Option<Delimiter>,
    pub quote: Option<Option<u8>>,
    /// Lines that name the columns; 0 for none.
    pub header: Option<u32>,
    /// How text is laid out otherwise.
    pub text: TextLayout,
    /// Whether a word that means nothing in the data's format is a fault.
    pub refuses_idle_words: bool,
    /// Tokens read as missing; `None` means the format's default (the empty field for text).
    pub missing_values: Option<Vec<String>>,
    /// How text is encoded.
    pub encoding: Encoding,
    /// The sheet of a workbook, by its name or its number from 1; the only one with data, if nothing says otherwise.
    pub sheet: Option<String>,
    /// Keys from the top of a JSON document to the array that holds the records.
    pub json_path: Vec<String>,
    /// Which state of a Delta table is read; the last one, if nothing says otherwise.
    pub table_state: Option<TableState>,
    /// Offset in seconds east of UTC for timestamps without a zone.
    pub timezone_seconds: Option<i32>,
    /// How the data is cut while it is read; nothing in a report depends on it.
    pub cut: Cut,
    /// How data on the web is fetched.
    pub http: HttpOptions,
    /// Below what every file must be, where the paths are of a rule file that is not trusted.
    pub confines: Option<Confines>,
    /// What stores elsewhere need to know of this machine.
    pub surroundings: Arc<Surroundings>,
    /// How records of a topic become rows.
    pub events: EventOptions,
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

/// Opens `paths`: files, globs, directories, a Delta table, URLs, or `-` for standard input. What cannot be read where it lies goes
/// to `spool`.
///
/// # Errors
/// Nothing is there, a format is unknown or mixed, or a file cannot be opened as its format. [`Code::Unchanged`]: all of it is on
/// the web, and each answer is one that is remembered.
pub fn open(paths: &[String], options: &ReadOptions, contract: &[ContractColumn], spool: &Spool) -> Result<Arc<dyn Source>, Fault> {
    if let Some(table) = delta::open(paths, options)? {
        return Ok(table);
    }
    let Located { format, files, keys } = location::locate(paths, options, spool)?;
    // A path into a document says that there is one.
    let format = if format == Format::Ndjson && !options.json_path.is_empty() { Format::Json } else { format };
    if options.refuses_idle_words {
        options.ensure_of(format)?;
    }
    let files: Vec<InputFile> = files.into_iter().map(|file| spool.plain(file, format, options.encoding)).collect::<Result<_, _>>()?;
    let source = Format::open(Opening { files, format, options, contract, spool })?;
    Ok(with_contract(partitions::Partitioned::over(source, &keys, contract)?, contract))
}

/// `source`, whose columns without a value, that are of no type, have the type that the contract gives them.
pub fn with_contract(source: Arc<dyn Source>, contract: &[ContractColumn]) -> Arc<dyn Source> {
    valueless::Typed::over(source, contract)
}

/// Rows that are in memory already, as a source like any other. `options` say which texts mean missing and how rows are cut;
/// the rest of them is for files.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, Int64Array, RecordBatch};
/// use sluicegate::source::{self, ReadOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let income: ArrayRef = Arc::new(Int64Array::from(vec![1200, 3100]));
/// let batch = RecordBatch::try_from_iter([("income", income)])?;
/// let source = source::from_batches(&batch.schema(), vec![batch], &ReadOptions::default()).map_err(|fault| fault.to_string())?;
/// assert_eq!(source.known().rows, Some(2));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// A batch has other columns than `schema`, or columns that cannot be judged.
pub fn from_batches(schema: &SchemaRef, batches: Vec<RecordBatch>, options: &ReadOptions) -> Result<Arc<dyn Source>, Fault> {
    Ok(Arc::new(memory::MemorySource::of(schema, batches, options)?))
}

/// The same for rows that a reader gives one batch after the other: an Arrow stream. All are held in memory, since a second
/// look may ask for them again.
///
/// # Errors
/// Those of the reader, and of [`from_batches`].
pub fn from_reader(reader: impl RecordBatchReader, options: &ReadOptions) -> Result<Arc<dyn Source>, Fault> {
    let schema = reader.schema();
    let batches =
        reader.collect::<Result<Vec<_>, _>>().map_err(|e| Fault::new(Code::Unreadable, format!("cannot read the batches: {e}")))?;
    from_batches(&schema, batches, options)
}

/// The same for a stream of which only so many bytes shall be held in memory: more goes to `spool`.
///
/// # Errors
/// Those of the reader, and of [`from_batches`]; the stream cannot be written down.
pub fn from_stream(
    reader: Box<dyn RecordBatchReader + Send>,
    options: &ReadOptions,
    spool: &Spool,
    memory: u64,
) -> Result<Arc<dyn Source>, Fault> {
    match streamed::read(reader, options, spool, memory)? {
        streamed::Streamed::Held(schema, batches) => from_batches(&schema, batches, options),
        streamed::Streamed::Spooled(source) => Ok(Arc::new(*source)),
    }
}

/// The rows of one partition that another system (Spark, Dask) holds, as `rows` gives them, one batch after the other: one unit,
/// whose index is the partition's `number`. They are read once, and not held. `schema` is that of all partitions; `rows` may leave
/// out columns that are not asked for.
///
/// # Errors
/// A column cannot be judged, or `rows` has one that `schema` does not have, or of another type.
pub fn from_partition(
    schema: &SchemaRef,
    number: u32,
    rows: impl RecordBatchReader + Send + 'static,
    options: &ReadOptions,
) -> Result<Arc<dyn Source>, Fault> {
    Ok(Arc::new(by_partition::PartitionSource::one(schema, number, Box::new(rows), options)?))
}

/// The same partitions, to whoever judges what others counted of them: their columns are known, and no row is read here.
///
/// # Errors
/// A column cannot be judged.
pub fn of_partitions(schema: &SchemaRef, options: &ReadOptions) -> Result<Arc<dyn Source>, Fault> {
    Ok(Arc::new(by_partition::PartitionSource::all(schema, options)?))
}

/// Records of a topic, held in memory, as a source like any other: one micro-batch, whose rows stand in the order of
/// `records`. Reports call it `name`: `kafka://host/topic`.
///
/// # Errors
/// A value has a column that is called as one of those that `options` add to it.
pub fn events(records: Vec<EventRecord>, name: &str, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Arc<dyn Source>, Fault> {
    events::open(records, name, options, contract)
}
