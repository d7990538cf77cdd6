//! Delimited text: CSV and TSV.

mod ahead;
mod column;
pub mod framing;
mod guess;
mod header;
mod reading;
mod record;
mod scan;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use self::column::{ColumnReader, UnitText};
use self::header::Header;
use self::reading::UnitReader;
use self::record::{Cell, Dialect};
use super::{
    Chunk, ContractColumn, Cut, Evidence, Format, InputFile, Preread, Projection, ReadOptions, Source, UNIT_BYTES_MAX, Unit, UnitEnd,
};
use crate::diagnostic::Fault;
use crate::types::{Class, Tally, TypeEvidence};

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
    heads: Vec<FileHead>,
    /// Columns read otherwise than the contract asked, with examples of what contradicts it.
    contradicted: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FileHead {
    bytes: u64,
    lines: u64,
    positions: Vec<usize>,
    digest: u128,
    /// What was read otherwise than it stands in the header.
    notes: Vec<String>,
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
            let Header { names: file_names, bytes, lines, notes } = Header::of(file, dialect, header, contract)?;
            if i == 0 {
                names.clone_from(&file_names);
            }
            let digest = xxhash_rust::xxh3::xxh3_128(&file.read_at(0, bytes as usize)?);
            heads.push(FileHead { bytes, lines, positions: header::positions(&names, &file_names, file, &files[0])?, digest, notes });
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
            for (reader, (class, mixed)) in self.columns.iter_mut().zip(classes) {
                if reader.guessed {
                    // A column that is text in the destination's table stays text.
                    (reader.class, reader.mixed) = (reader.class.join(class), mixed);
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
            None => self.files[unit.file as usize].read_at(unit.start, (unit.end - unit.start) as usize),
        }
    }

    fn text<'a>(&'a self, bytes: &'a [u8]) -> UnitText<'a> {
        let utf8 = std::str::from_utf8(bytes).ok();
        let quote = self.dialect.quote.unwrap_or(b'"');
        UnitText::new(bytes, utf8, quote, &self.missing, self.timezone_seconds)
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
        let mut reader = UnitReader::new(self, &bytes, projection, &self.heads[unit.file as usize].positions);
        while reader.at < bytes.len() {
            let chunk = reader.chunk()?;
            if !chunk.rows.is_empty() || !chunk.malformed.is_empty() {
                each(chunk)?;
            }
        }
        Ok(reader.end(&bytes))
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

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<(&String, usize, usize)> = Vec::new();
        for (file, note) in self.heads.iter().enumerate().flat_map(|(i, head)| head.notes.iter().map(move |n| (i, n))) {
            match notes.iter_mut().find(|(known, ..)| *known == note) {
                Some((.., files)) => *files += 1,
                None => notes.push((note, file, 1)),
            }
        }
        let said = |(note, first, files): (&String, usize, usize)| match files {
            1 => format!("{}: {note}", self.files[first].path),
            _ => format!("{} and {}: {note}", self.files[first].path, crate::shown::counted(files as u64 - 1, "more file")),
        };
        notes.into_iter().map(said).collect()
    }

    fn fingerprint(&self) -> Option<u128> {
        None
    }

    fn retyped(&self, evidence: &Evidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        let mut columns = self.columns.clone();
        let mut contradicted = self.contradicted.clone();
        let Evidence::Columns(evidence) = evidence else { return Ok(None) };
        for e in evidence {
            let reader = &mut columns[e.column];
            if reader.guessed {
                let joined = reader.class.join(e.class);
                reader.mixed |= joined == Class::Text && !matches!(reader.class, Class::Missing | Class::Text);
                reader.class = joined;
            } else if e.failures * 2 > e.present {
                let some_fit = e.failures < e.present;
                reader.class = e.class.join(if some_fit { Class::of_type(&reader.data_type) } else { Class::Missing });
                (reader.guessed, reader.is_strict) = (true, false);
                reader.mixed = some_fit && reader.class == Class::Text;
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

    fn tallies(&self, evidence: &Evidence) -> Vec<Tally> {
        let Evidence::Columns(evidence) = evidence else { return Vec::new() };
        let mixed = evidence.iter().filter(|e| e.kinds.len() > 1);
        mixed.map(|e| Tally::of_classes(&self.columns[e.column].name, &e.kinds)).collect()
    }
}

impl CsvSource {
    /// The text of the unit that begins at `start`: whole records, about [`Cut::unit_bytes`] of them.
    fn cut(&self, file: &InputFile, start: u64) -> Result<Vec<u8>, Fault> {
        let rest = (file.bytes - start) as usize;
        let mut want = self.cut.unit_bytes.min(UNIT_BYTES_MAX);
        loop {
            let len = want.min(rest);
            let mut bytes = file.read_at(start, len)?;
            let end = framing::last_record_end(&bytes, self.dialect, self.columns.len(), len == rest);
            if end > 0 {
                bytes.truncate(end);
                return Ok(bytes);
            }
            want = Cut::more(want, file, start)?;
        }
    }
}

/// Texts from elsewhere than a record (a directory's name) as a column: of the contract's type if all of them
/// can be read as it, else of the type they look like.
pub(super) fn column_of_texts(texts: &[Option<&str>], contract: Option<&ContractColumn>) -> ArrayRef {
    let joined: String = texts.iter().flatten().copied().collect();
    let mut cells = Vec::with_capacity(texts.len());
    let mut at = 0u32;
    for text in texts {
        let len = text.map_or(0, str::len) as u32;
        cells.push(Cell { start: at, end: at + len, escaped: false });
        at += len;
    }
    let missing = [String::new()];
    let text = UnitText::new(joined.as_bytes(), Some(&joined), b'"', &missing, None);
    let class = texts.iter().flatten().fold(Class::Missing, |class, text| class.join(crate::text::classify(text)));
    let guess = ColumnReader { data_type: class.data_type(), class, guessed: true, ..guess::contract_reader("", &[]) };
    let plain = ColumnReader { data_type: DataType::Utf8, class: Class::Text, ..guess.clone() };
    let asked = contract
        .filter(|c| c.data_type.is_some())
        .map(|c| ColumnReader { name: String::new(), ..guess::contract_reader(&c.name, std::slice::from_ref(c)) });
    for reader in asked.iter().chain([&guess]) {
        let mut unreadable = Vec::new();
        let array = reader.read(&cells, &text, &mut unreadable, &mut TypeEvidence::new(0));
        if unreadable.is_empty() {
            return array;
        }
    }
    plain.read(&cells, &text, &mut Vec::new(), &mut TypeEvidence::new(0))
}
