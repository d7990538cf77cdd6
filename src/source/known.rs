//! What is known of data before its rows are read: plain values, the same for every source.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::{Format, InputFile, Origins};
use crate::diagnostic::Fault;
use crate::metric::ColumnStatistics;
use crate::rows::Origin;

/// What a source knows once it is opened.
#[derive(Debug, Clone)]
pub struct Known {
    /// Every column, as batches will hold it.
    pub schema: SchemaRef,
    /// The format of the files; none where rows come from no file.
    pub format: Option<Format>,
    /// Which version of a table was read; none where the data is no table with versions.
    pub table_version: Option<u64>,
    /// Where rows come from.
    pub origins: Origins,
    /// Where the records of each file begin: one entry for each value of [`super::Unit::file`].
    pub starts: Vec<FileStart>,
    /// The data's size, for the progress bar.
    pub bytes: u64,
    /// How many rows there are.
    pub rows: Option<u64>,
    /// By column, what is certain of its values; empty where nothing is.
    pub statistics: Vec<Option<ColumnStatistics>>,
    /// A digest of the files' footers, from which version 0.1 derived the ids of batches.
    pub footers: Option<u128>,
    /// Whether reading a unit digests it. Else the content is digested only when someone asks, since it costs reading all.
    pub digests_units: bool,
    /// Whether types that no contract gives are guessed from the values, and may widen.
    pub infers_types: bool,
    /// Whether the order of columns means something: the keys of JSON objects have none, and any of them may be absent.
    pub columns_have_order: bool,
    /// What it costs to look at some columns again.
    pub rereading: Rereading,
    /// Columns of which no value has been seen: they are text for want of a better guess.
    pub without_values: Vec<String>,
    /// Why there are no columns, where there are none.
    pub no_columns: Option<Fault>,
    /// Columns whose values may turn out malformed: they are read whatever the rules need, so that every run judges the same
    /// records.
    pub judged_columns: Vec<usize>,
    /// Columns read otherwise than the contract asked, with examples of the values that contradict it.
    pub contradicted: Vec<(String, Vec<String>)>,
    /// What a reader of the report should know of how the data was read: names that were made up or trimmed, files without
    /// a byte.
    pub notes: Vec<String>,
    /// What a reader of the report should know and was asked for: lines that were passed over, a dialect that was found out.
    pub remarks: Vec<String>,
    /// What lines that are comments begin with.
    pub comment: Option<String>,
}

/// What it costs to look at some columns again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rereading {
    /// Nothing: they are in memory.
    Free,
    /// Reading and decoding those columns.
    OfThose,
    /// Reading all of them: text is framed record by record.
    OfAll,
}

/// Where a file's records begin, and what stands before them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileStart {
    /// What [`super::Unit::start`] is for the file's first unit.
    pub at: u64,
    /// Lines before the first record.
    pub lines: u64,
    /// How many of them are comments.
    pub comments: u64,
    /// Digest of what stands outside the records, before the first and behind the last: it is content too; 0 where nothing is digested.
    pub digest: u128,
}

impl Known {
    /// Of files that say their types themselves; what else is known is for the format to add.
    pub(super) fn of_typed(format: Format, schema: SchemaRef, files: Vec<InputFile>) -> Self {
        let (starts, bytes) = (vec![FileStart::default(); files.len()], files.iter().map(|f| f.bytes).sum());
        Self { format: Some(format), starts, ..Self::of(schema, Origins::Files(files), bytes) }
    }

    /// Of rows that are in memory.
    pub(super) fn in_memory(schema: SchemaRef, rows: u64, bytes: u64) -> Self {
        let of_rows = Self::of(schema, Origins::Memory, bytes);
        Self { starts: vec![FileStart::default()], rows: Some(rows), digests_units: false, rereading: Rereading::Free, ..of_rows }
    }

    /// Of rows that another system holds in partitions.
    pub(super) fn in_partitions(schema: SchemaRef) -> Self {
        let of_rows = Self::of(schema, Origins::Partitions, 0);
        Self { starts: vec![FileStart::default()], digests_units: false, ..of_rows }
    }

    fn of(schema: SchemaRef, origins: Origins, bytes: u64) -> Self {
        Self {
            schema,
            format: None,
            table_version: None,
            origins,
            starts: Vec::new(),
            bytes,
            rows: None,
            statistics: Vec::new(),
            footers: None,
            digests_units: true,
            infers_types: false,
            columns_have_order: true,
            rereading: Rereading::OfThose,
            without_values: Vec::new(),
            no_columns: None,
            judged_columns: Vec::new(),
            contradicted: Vec::new(),
            notes: Vec::new(),
            remarks: Vec::new(),
            comment: None,
        }
    }

    /// Of files of text, whose columns become known later.
    pub(super) fn of_text(format: Format, files: Vec<InputFile>) -> Self {
        let plain = Self::of_typed(format, Arc::new(Schema::empty()), files);
        Self { infers_types: true, rereading: Rereading::OfAll, ..plain }
    }

    /// The format's name; `memory`, `partitions` or `events` where rows come from no file.
    pub fn format_name(&self) -> &'static str {
        match (self.format, &self.origins) {
            _ if self.table_version.is_some() => "delta",
            (Some(format), _) => format.name(),
            (None, Origins::Files(_) | Origins::Parts(..) | Origins::Memory) => Origin::MEMORY,
            (None, Origins::Partitions) => "partitions",
            (None, Origins::Events(_)) => "events",
        }
    }

    /// The files, in source order; none where rows come from elsewhere.
    pub fn files(&self) -> &[InputFile] {
        self.origins.files()
    }

    /// What is certain of a column without reading it.
    pub fn statistics_of(&self, column: usize) -> Option<ColumnStatistics> {
        self.statistics.get(column).copied().flatten()
    }

    /// Digest of what precedes the first record of `file`.
    pub fn head_digest(&self, file: u32) -> u128 {
        self.starts.get(file as usize).map_or(0, |s| s.digest)
    }

    /// Lines before the first record of `file`.
    pub fn header_lines(&self, file: u32) -> u64 {
        self.starts.get(file as usize).map_or(0, |s| s.lines)
    }
}
