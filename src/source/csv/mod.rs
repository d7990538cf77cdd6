//! Delimited text: CSV and TSV.

mod column;
pub mod framing;
mod guess;
mod reading;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use self::column::{ColumnReader, Text};
use self::framing::Dialect;
use self::reading::Reading;
use super::{Chunk, ContractColumn, Cut, Format, InputFile, Preread, Projection, ReadOptions, Source, Unit, UnitEnd};
use crate::diagnostic::Fault;
use crate::types::{Class, TypeEvidence};

/// CSV or TSV files read as one table.
#[derive(Debug)]
pub struct CsvSource {
    files: Vec<InputFile>,
    format: Format,
    dialect: Dialect,
    missing: Vec<String>,
    timezone_seconds: Option<i32>,
    cut: Cut,
    columns: Vec<ColumnReader>,
    schema: SchemaRef,
    /// Per file: bytes and lines before the first record, and for each column its position in the record.
    heads: Vec<Head>,
    /// Columns read otherwise than the contract asked, with examples of what contradicts it.
    contradicted: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    bytes: u64,
    lines: u64,
    positions: Vec<usize>,
    digest: u128,
}

impl CsvSource {
    /// Opens `files`: reads their headers, and guesses the types that `contract` does not give from the first unit.
    ///
    /// # Errors
    /// A file cannot be read, is empty, repeats a column name, or names other columns than the first.
    pub fn open(files: Vec<InputFile>, format: Format, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Self, Fault> {
        let delimiter = options.delimiter.unwrap_or(if format == Format::Tsv { b'\t' } else { b',' });
        let dialect = Dialect { delimiter, quote: options.quote.unwrap_or(Some(b'"')) };
        let header = options.header.unwrap_or(true);
        let mut names: Vec<String> = Vec::new();
        let mut heads = Vec::with_capacity(files.len());
        for (i, file) in files.iter().enumerate() {
            let (file_names, bytes, lines) = guess::header(file, dialect, header, contract)?;
            if i == 0 {
                names = file_names.clone();
            }
            let digest = xxhash_rust::xxh3::xxh3_128(&read_at(file, 0, bytes as usize)?);
            heads.push(Head { bytes, lines, positions: guess::positions(&names, &file_names, file, &files[0])?, digest });
        }
        let columns = names.iter().map(|name| guess::contract_reader(name, contract)).collect();
        let missing = options.missing_values.clone().unwrap_or_else(|| vec![String::new()]);
        let mut source = Self {
            files,
            format,
            dialect,
            missing,
            timezone_seconds: options.timezone_seconds,
            cut: options.cut,
            columns,
            schema: Arc::new(Schema::empty()),
            heads,
            contradicted: Vec::new(),
        };
        source.guess_types()?;
        Ok(source)
    }

    /// Guesses from the first unit the types that no contract gives.
    fn guess_types(&mut self) -> Result<(), Fault> {
        self.rebuild_schema();
        if let Some((unit, preread)) = self.next_unit(None)? {
            let bytes = self.bytes_of(&unit, preread)?;
            let classes = guess::classes(self, &bytes, &self.heads[unit.file as usize].positions);
            for (reader, class) in self.columns.iter_mut().zip(classes) {
                if reader.guessed {
                    reader.class = class;
                    reader.data_type = guess::guessed_type(class, self.timezone_seconds);
                }
            }
        }
        self.rebuild_schema();
        Ok(())
    }

    fn rebuild_schema(&mut self) {
        let field = |c: &ColumnReader| Field::new(&c.name, c.data_type.clone(), true);
        self.schema = Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()));
    }

    fn bytes_of(&self, unit: &Unit, preread: Preread) -> Result<Vec<u8>, Fault> {
        match preread {
            Some(bytes) => Ok(bytes),
            None => read_at(&self.files[unit.file as usize], unit.start, (unit.end - unit.start) as usize),
        }
    }

    fn text<'a>(&'a self, bytes: &'a [u8]) -> Text<'a> {
        let utf8 = std::str::from_utf8(bytes).ok();
        let quote = self.dialect.quote.unwrap_or(b'"');
        Text { bytes, utf8, quote, missing: &self.missing, timezone_seconds: self.timezone_seconds }
    }

    /// Whether a blank line is a record: only where a record has one field, which is then empty.
    fn blank_is_record(&self) -> bool {
        self.columns.len() == 1
    }
}

impl Source for CsvSource {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn files(&self) -> &[InputFile] {
        &self.files
    }

    fn format(&self) -> Format {
        self.format
    }

    fn next_unit(&self, previous: Option<&Unit>) -> Result<Option<(Unit, Preread)>, Fault> {
        let (index, mut file, mut start) = match previous {
            Some(unit) => (unit.index + 1, unit.file as usize, unit.end),
            None => (0, 0, self.heads.first().map_or(0, |h| h.bytes)),
        };
        while let Some(input) = self.files.get(file) {
            if start < input.bytes {
                let bytes = self.cut(input, start)?;
                let end = start + bytes.len() as u64;
                return Ok(Some((Unit { index, file: file as u32, start, end }, Some(bytes))));
            }
            file += 1;
            start = self.heads.get(file).map_or(0, |h| h.bytes);
        }
        Ok(None)
    }

    fn read(
        &self,
        unit: &Unit,
        preread: Preread,
        projection: &Projection,
        each: &mut dyn FnMut(Chunk) -> Result<(), Fault>,
    ) -> Result<UnitEnd, Fault> {
        let bytes = self.bytes_of(unit, preread)?;
        let mut reading = Reading::new(self, &bytes, projection, &self.heads[unit.file as usize].positions);
        while reading.at < bytes.len() {
            let chunk = reading.chunk()?;
            if !chunk.rows.is_empty() || !chunk.malformed.is_empty() {
                each(chunk)?;
            }
        }
        Ok(reading.end(&bytes))
    }

    fn header_lines(&self, file: u32) -> u64 {
        self.heads[file as usize].lines
    }

    fn head_digest(&self, file: u32) -> u128 {
        self.heads[file as usize].digest
    }

    fn judged_columns(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|&c| self.columns[c].data_type != DataType::Utf8).collect()
    }

    fn fingerprint(&self) -> Option<u128> {
        None
    }

    fn retyped(&self, evidence: &[TypeEvidence]) -> Result<Option<Arc<dyn Source>>, Fault> {
        let mut columns = self.columns.clone();
        let mut contradicted = self.contradicted.clone();
        for e in evidence {
            let reader = &mut columns[e.column];
            if reader.guessed {
                reader.class = reader.class.join(e.class);
            } else if e.failures * 2 > e.present {
                let some_fit = e.failures < e.present;
                reader.class = e.class.join(if some_fit { Class::of_type(&reader.data_type) } else { Class::Missing });
                reader.guessed = true;
                reader.format = None;
                contradicted.push((reader.name.clone(), e.examples.clone()));
            } else {
                continue;
            }
            reader.data_type = guess::guessed_type(reader.class, self.timezone_seconds);
        }
        let same = |(a, b): (&ColumnReader, &ColumnReader)| a.data_type == b.data_type && a.guessed == b.guessed;
        if columns.iter().zip(&self.columns).all(same) {
            return Ok(None);
        }
        let (files, heads, missing) = (self.files.clone(), self.heads.clone(), self.missing.clone());
        let Self { format, dialect, timezone_seconds, cut, .. } = *self;
        let schema = self.schema.clone();
        let mut source = Self { files, format, dialect, missing, timezone_seconds, cut, columns, schema, heads, contradicted };
        source.rebuild_schema();
        Ok(Some(Arc::new(source)))
    }

    fn contradicted(&self) -> Vec<(String, Vec<String>)> {
        self.contradicted.clone()
    }
}

impl CsvSource {
    /// The text of the unit that begins at `start`: whole records, about [`Cut::unit_bytes`] of them.
    fn cut(&self, file: &InputFile, start: u64) -> Result<Vec<u8>, Fault> {
        let rest = (file.bytes - start) as usize;
        let mut want = self.cut.unit_bytes;
        loop {
            let len = want.min(rest);
            let mut bytes = read_at(file, start, len)?;
            let end = framing::last_record_end(&bytes, self.dialect, self.columns.len(), len == rest);
            if end > 0 {
                bytes.truncate(end);
                return Ok(bytes);
            }
            want = want.saturating_mul(2);
        }
    }
}

fn read_at(file: &InputFile, start: u64, len: usize) -> Result<Vec<u8>, Fault> {
    file.ensure_unchanged()?;
    let mut bytes = vec![0; len];
    File::open(&file.path).and_then(|f| f.read_exact_at(&mut bytes, start)).map_err(|e| super::location::cannot_read(&file.path, &e))?;
    Ok(bytes)
}
