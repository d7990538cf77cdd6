//! Delimited text: CSV and TSV.

mod ahead;
mod column;
mod extent;
mod fields;
mod fixed;
pub mod framing;
mod guess;
mod header;
mod layout;
mod numerals;
mod one_column;
mod reading;
mod record;
mod rich;
mod scan;
mod sniff;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema};

use self::column::{ColumnReader, UnitText};
use self::extent::Extent;
use self::header::{Header, HeaderForm};
use self::layout::Layout;
use self::reading::UnitReader;
use self::record::{Cell, Dialect};
use super::{
    ContractColumn, Cut, FileStart, Format, InputFile, Known, NumberForm, Piece, Preread, Projection, ReadOptions, SchemaEvidence, Source,
    TakeChunk, UNIT_BYTES_MAX, Unit, UnitEnd, units,
};
use crate::diagnostic::Fault;
use crate::types::{Class, Tally, TypeEvidence};

/// CSV or TSV files read as one table.
#[derive(Debug, Clone)]
pub struct CsvSource {
    known: Known,
    layout: Layout,
    numbers: NumberForm,
    missing: Vec<String>,
    timezone_seconds: Option<i32>,
    cut: Cut,
    columns: Vec<ColumnReader>,
    /// By file, for each column its position in the record.
    positions: Vec<Vec<usize>>,
    /// By file, where its records end.
    ends: Vec<u64>,
}

impl CsvSource {
    /// Opens `files`: reads their headers, and guesses the types that `contract` does not give from the first unit.
    ///
    /// # Errors
    /// A file cannot be read, is empty, repeats a column name, or names other columns than the first.
    pub fn open(files: Vec<InputFile>, format: Format, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Self, Fault> {
        let sniffed = if options.text.sniff { Some(sniff::dialect(&files[0], format, options)?) } else { None };
        let options = sniffed.as_ref().map_or(options, |sniffed| &sniffed.options);
        let layout = Layout::of(options, format)?;
        let form = HeaderForm {
            layout: &layout,
            rows: options.header.unwrap_or(1),
            separator: options.text.header_separator.as_deref(),
            contract,
        };
        let mut names: Vec<String> = Vec::new();
        let (mut starts, mut positions, mut ends, mut notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (i, file) in files.iter().enumerate() {
            let extent = Extent::of(file, &options.text)?;
            let Header { names: file_names, bytes, lines, comments, notes: of_file } = Header::of(file, extent, form)?;
            let divided = one_column::would_be_several(file, extent, &file_names, form, options.delimiter.is_some())?;
            if i == 0 {
                names.clone_from(&file_names);
            }
            let mut outside = file.read_at(0, bytes as usize)?;
            if extent.end < file.bytes {
                outside.extend(file.read_at(extent.end, (file.bytes - extent.end) as usize)?);
            }
            starts.push(FileStart { at: bytes, lines, comments, digest: xxhash_rust::xxh3::xxh3_128(&outside) });
            positions.push(header::positions(&names, &file_names, file, &files[0])?);
            ends.push(extent.end);
            notes.extend(of_file.into_iter().chain(divided).map(|note| (i, note)));
        }
        // The first of several counts.
        let known: HashMap<&str, &ContractColumn> = contract.iter().rev().map(|column| (column.name.as_str(), column)).collect();
        let columns = names.iter().map(|name| guess::contract_reader(name, known.get(name.as_str()).copied())).collect();
        let missing = options.missing_values.clone().unwrap_or_else(|| vec![String::new()]);
        let remarks = sniffed.as_ref().map(|sniffed| sniffed.remark.clone()).into_iter().chain(Extent::remarks(&options.text)).collect();
        let (notes, comment) = (said_once(&notes, &files), options.text.comment.clone());
        let known = Known { starts, notes, remarks, comment, ..Known::of_text(format, files) };
        let (timezone_seconds, cut, numbers) = (options.timezone_seconds, options.cut, options.text.numbers);
        let mut source = Self { known, layout, numbers, missing, timezone_seconds, cut, columns, positions, ends };
        source.guess_types()?;
        Ok(source)
    }

    /// Guesses from the first unit the types that no contract gives.
    fn guess_types(&mut self) -> Result<(), Fault> {
        if let Some((unit, preread)) = units::next(self, None)? {
            let bytes = self.bytes_of(&unit, preread)?;
            let classes = guess::classes(self, &bytes, &self.positions[unit.file as usize]);
            for (reader, (class, mixed)) in self.columns.iter_mut().zip(classes) {
                if reader.guessed {
                    // A column that is text in the destination's table stays text.
                    (reader.class, reader.mixed) = (reader.class.join(class), mixed);
                    reader.data_type = guess::guessed_type(class, self.timezone_seconds);
                }
            }
        }
        self.types_are_known();
        Ok(())
    }

    /// Brings what is known into line with the columns' types.
    fn types_are_known(&mut self) {
        let field = |c: &ColumnReader| Field::new(&c.name, c.data_type.clone(), true);
        self.known.schema = Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()));
        let is_unseen = |c: &&ColumnReader| c.guessed && c.class == Class::Missing;
        self.known.without_values = self.columns.iter().filter(is_unseen).map(|c| c.name.clone()).collect();
        self.known.judged_columns = (0..self.columns.len()).filter(|&c| self.columns[c].data_type != DataType::Utf8).collect();
    }

    fn bytes_of(&self, unit: &Unit, preread: Preread) -> Result<Vec<u8>, Fault> {
        match preread {
            Some(bytes) => Ok(bytes),
            None => self.known.files()[unit.file as usize].read_at(unit.start, (unit.end - unit.start) as usize),
        }
    }

    fn text<'a>(&'a self, bytes: &'a [u8]) -> UnitText<'a> {
        let utf8 = std::str::from_utf8(bytes).ok();
        let text = UnitText::new(bytes, utf8, &self.layout, &self.missing);
        UnitText { numbers: self.numbers, timezone_seconds: self.timezone_seconds, ..text }
    }

    /// Whether a blank line is a record: only where a record has one field, which is then empty.
    fn blank_is_record(&self) -> bool {
        self.columns.len() == 1
    }
}

impl Source for CsvSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// Whole records, about [`Cut::unit_bytes`] of them.
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        let (file, end) = (&self.known.files()[file as usize], self.ends[file as usize]);
        if start >= end {
            return Ok(None);
        }
        let text = self.text_from(file, start, end)?;
        let bytes = text.len() as u64;
        Ok(Some(Piece { end: start + bytes, bytes, preread: Some(text) }))
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let bytes = self.bytes_of(unit, preread)?;
        let mut reader = UnitReader::new(self, &bytes, projection, &self.positions[unit.file as usize]);
        while reader.at < bytes.len() {
            let chunk = reader.chunk()?;
            if !chunk.rows.is_empty() || !chunk.malformed.is_empty() {
                each(chunk)?;
            }
        }
        Ok(reader.end(&bytes))
    }

    fn retyped(&self, evidence: &SchemaEvidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        let SchemaEvidence::Columns(evidence) = evidence else { return Ok(None) };
        let mut again = self.clone();
        for e in evidence {
            let reader = &mut again.columns[e.column];
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
                again.known.contradicted.push((reader.name.clone(), e.examples.clone()));
            } else {
                continue;
            }
            reader.data_type = guess::guessed_type(reader.class, self.timezone_seconds);
        }
        let same = |(a, b): (&ColumnReader, &ColumnReader)| a.data_type == b.data_type && a.guessed == b.guessed;
        if again.columns.iter().zip(&self.columns).all(same) {
            return Ok(None);
        }
        again.types_are_known();
        Ok(Some(Arc::new(again)))
    }

    fn field_starts(&self, unit: &Unit, places: &[(u32, usize)]) -> Result<Vec<Option<u32>>, Fault> {
        fields::starts(self, unit, places)
    }

    fn tallies(&self, evidence: &SchemaEvidence) -> Vec<Tally> {
        let SchemaEvidence::Columns(evidence) = evidence else { return Vec::new() };
        let mixed = evidence.iter().filter(|e| e.kinds.len() > 1);
        mixed.map(|e| Tally::of_classes(&self.columns[e.column].name, &e.kinds)).collect()
    }
}

impl CsvSource {
    /// The text of the unit that begins at `start` of a file whose records end at `end`.
    fn text_from(&self, file: &InputFile, start: u64, end: u64) -> Result<Vec<u8>, Fault> {
        let rest = (end - start) as usize;
        let mut want = self.cut.unit_bytes.min(UNIT_BYTES_MAX);
        loop {
            let len = want.min(rest);
            let mut bytes = file.read_at(start, len)?;
            let end = self.layout.last_record_end(&bytes, self.columns.len(), len == rest);
            if end > 0 {
                bytes.truncate(end);
                return Ok(bytes);
            }
            want = Cut::more(want, file, start)?;
        }
    }
}

/// What files were read otherwise than their headers say, each note once: in which file first, and in how many more.
fn said_once(notes: &[(usize, String)], files: &[InputFile]) -> Vec<String> {
    let mut once: Vec<(&String, usize, u64)> = Vec::new();
    for (file, note) in notes {
        match once.iter_mut().find(|(known, ..)| *known == note) {
            Some((.., more)) => *more += 1,
            None => once.push((note, *file, 0)),
        }
    }
    let said = |(note, first, more): (&String, usize, u64)| match more {
        0 => format!("{}: {note}", files[first].path),
        _ => format!("{} and {}: {note}", files[first].path, crate::shown::counted(more, "more file")),
    };
    once.into_iter().map(said).collect()
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
    let layout = Layout::Plain(Dialect { delimiter: b',', quote: None });
    let text = UnitText::new(joined.as_bytes(), Some(&joined), &layout, &missing);
    let class = texts.iter().flatten().fold(Class::Missing, |class, text| class.join(crate::text::classify(text)));
    let guess = ColumnReader { data_type: class.data_type(), class, guessed: true, ..guess::contract_reader("", None) };
    let plain = ColumnReader { data_type: DataType::Utf8, class: Class::Text, ..guess.clone() };
    let asked = contract
        .filter(|c| c.data_type.is_some())
        .map(|c| ColumnReader { name: String::new(), ..guess::contract_reader(&c.name, Some(c)) });
    for reader in asked.iter().chain([&guess]) {
        let mut unreadable = Vec::new();
        let array = reader.read(&cells, &text, &mut unreadable, &mut TypeEvidence::new(0));
        if unreadable.is_empty() {
            return array;
        }
    }
    plain.read(&cells, &text, &mut Vec::new(), &mut TypeEvidence::new(0))
}
