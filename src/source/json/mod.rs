//! JSON: one object a line, or an array of objects.
//!
//! Types are strict: `"17"` is a string and `1.5` no integer. They follow from all values alone: the
//! first unit suggests them, and where a later value has another kind, or another key, the pass
//! starts again. Objects become structs, arrays lists, and values of several kinds text. In an array, a record whose
//! brackets or quotes do not pair may cost its neighbours: nothing else says where the next one begins.

mod builder;
mod digits;
mod events;
mod inference;
mod layout;
mod plan;
mod reading;
mod record;
mod scalars;

use std::io::Read;
use std::sync::Arc;

use arrow::datatypes::{DataType, Fields, Schema};

pub use self::events::{EventReader, ReadLines, without_mark};
use self::layout::{Layout, RecordRegion, last_element_end};
use self::plan::{ContractNode, ReadPlan};
pub use self::reading::RecordSpan;
use self::reading::{RecordFrames, UnitReader, first_problem, shape_of};
use super::foreign;
use super::shape::{FIELDS_MAX, Shape};
use super::{
    ContractColumn, Cut, FileStart, Format, InputFile, Known, Piece, Preread, Projection, ReadOptions, SchemaEvidence, Source, TakeChunk,
    UNIT_BYTES_MAX, Unit, UnitEnd, units,
};
use crate::diagnostic::{Code, Fault};
use crate::types::Tally;

/// JSON files read as one table.
#[derive(Debug)]
pub(super) struct JsonSource {
    common: Arc<Common>,
    /// How a record is read.
    plan: ReadPlan,
    known: Known,
}

/// What does not change when types do.
#[derive(Debug)]
struct Common {
    /// But for the columns.
    known: Known,
    regions: Vec<RecordRegion>,
    contract: Vec<ContractColumn>,
    missing: Vec<String>,
    timezone_seconds: Option<i32>,
    cut: Cut,
    /// Where in the document the array is; where it is the whole document, nothing may follow it.
    json_path: Vec<String>,
    contradiction: Contradiction,
}

/// What follows where most values of a column are not of the contract's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contradiction {
    /// The column is read as of another type, which the schema's finding tells.
    IsOfColumn,
    /// Each record stands for itself: few of them are no evidence of what a column is.
    IsOfRecords,
}

impl JsonSource {
    /// Opens `files`: finds their records, and guesses types from the first unit where `contract` gives none.
    ///
    /// # Errors
    /// A file cannot be read, or holds no array where one is expected.
    pub(super) fn open(files: Vec<InputFile>, format: Format, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Self, Fault> {
        Self::open_with(Contradiction::IsOfColumn, files, format, options, contract)
    }

    /// The same for the values of a micro-batch, one a line: one that is not of the contract's type is malformed, however many
    /// are so.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn of_events(values: InputFile, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Self, Fault> {
        Self::open_with(Contradiction::IsOfRecords, vec![values], Format::Ndjson, options, contract)
    }

    fn open_with(
        contradiction: Contradiction,
        files: Vec<InputFile>,
        format: Format,
        options: &ReadOptions,
        contract: &[ContractColumn],
    ) -> Result<Self, Fault> {
        // An empty file is a file of no lines, but it is no JSON document.
        if let Some(empty) = files.iter().find(|f| f.bytes == 0 && format == Format::Json) {
            return Err(Fault::new(Code::Empty, format!("{} is empty", empty.path)).hint("an array of objects is expected"));
        }
        let region = |file: &InputFile| {
            if format == Format::Ndjson { RecordRegion::of_lines(file) } else { RecordRegion::of_document(file, &options.json_path) }
        };
        let regions = files.iter().map(region).collect::<Result<Vec<_>, _>>()?;
        let starts = regions.iter().map(|region| FileStart { at: region.start, lines: region.lines, ..FileStart::default() }).collect();
        let common = Common {
            known: Known { starts, columns_have_order: false, ..Known::of_text(format, files) },
            regions,
            contract: contract.to_vec(),
            missing: options.missing_values.clone().unwrap_or_default(),
            timezone_seconds: options.timezone_seconds,
            cut: options.cut,
            json_path: options.json_path.clone(),
            contradiction,
        };
        let mut source = Self::of(Arc::new(common), &Shape::default(), Vec::new());
        let mut unit = units::next(&source, None)?;
        // Units without records (blank lines, an empty array) say nothing.
        while let Some((first, preread)) = unit {
            let bytes = source.bytes_of(&first, preread)?;
            let shape = shape_of(source.frames(&first, &bytes), &source.common.missing);
            source = Self::of(source.common.clone(), &shape, Vec::new());
            source.bounded(&shape)?;
            unit = if shape.fields.is_empty() { units::next(&source, Some(&first))? } else { None };
        }
        if source.known.schema.fields().is_empty() {
            source.known.no_columns = Some(source.why_no_columns()?);
        }
        Ok(source)
    }

    /// The source whose types follow from `shape` and from the contract, but for what it says of `contradicted` paths.
    fn of(common: Arc<Common>, shape: &Shape, contradicted: Vec<(String, Vec<String>)>) -> Self {
        let overruled = contradicted.iter().map(|(path, _)| path.clone()).collect();
        let plan = shape.fields_plan(&ContractNode::new(&common.contract, overruled), "");
        let schema = Arc::new(Schema::new(plan.fields()));
        let notes = notes(common.known.files(), schema.fields());
        let known = Known { schema, contradicted, notes, ..common.known.clone() };
        Self { common, plan, known }
    }

    /// Why no record gives a column: what is wrong with the first one.
    fn why_no_columns(&self) -> Result<Fault, Fault> {
        let mut next = units::next(self, None)?;
        while let Some((unit, preread)) = next {
            let bytes = self.bytes_of(&unit, preread)?;
            let file = &self.files()[unit.file as usize];
            if let Some((line, why)) = first_problem(self.frames(&unit, &bytes)) {
                let line =
                    if unit.start == self.known.starts[unit.file as usize].at { self.known.header_lines(unit.file) + line } else { 0 };
                let place = if line > 0 { format!("{}:{line}", file.path) } else { file.path.clone() };
                let fault = Fault::new(Code::Damaged, format!("{place}: no record can be read: {why}"));
                let head = file.read_at(0, file.bytes.min(4096) as usize)?;
                return Ok(foreign::looks_like(&head).into_iter().fold(fault, Fault::hint));
            }
            next = units::next(self, Some(&unit))?;
        }
        let path = self.files().first().map_or("the data", |file| file.path.as_str());
        let fault = Fault::new(Code::Empty, format!("{path}: there are no records with keys, so there are no columns"));
        Ok(fault.hint("name the columns in the rule file, so that an empty batch has them: `schema: { columns: { id: int64 } }`"))
    }

    fn files(&self) -> &[InputFile] {
        self.known.files()
    }

    /// Refuses records that have too many different keys to be columns.
    fn bounded(&self, shape: &Shape) -> Result<(), Fault> {
        if !shape.is_map {
            return Ok(());
        }
        let what = format!("{}: records have more than {FIELDS_MAX} different keys", self.files()[0].path);
        Err(Fault::new(Code::TooLarge, what).hint("keys that are data belong into values"))
    }

    fn bytes_of(&self, unit: &Unit, preread: Preread) -> Result<Vec<u8>, Fault> {
        if let Some(bytes) = preread {
            return Ok(bytes);
        }
        let (file, region) = (&self.files()[unit.file as usize], &self.common.regions[unit.file as usize]);
        // Whoever found the unit saw where the array closes in it; a process that was handed it has to look.
        if region.layout == Layout::Array && unit.end == file.bytes && region.close.get().is_none() {
            return Ok(self.text_from(unit.file as usize, unit.start)?.0);
        }
        let close = region.close.get().copied().unwrap_or(unit.end);
        file.read_at(unit.start, (unit.end.min(close) - unit.start) as usize)
    }

    fn frames<'a>(&self, unit: &Unit, bytes: &'a [u8]) -> RecordFrames<'a> {
        let (file, region) = (&self.files()[unit.file as usize], &self.common.regions[unit.file as usize]);
        RecordFrames::new(bytes, region.layout, unit.start == region.start, unit.end == file.bytes)
    }

    /// The text of the unit that begins at `start`, and where it ends.
    fn text_from(&self, file: usize, start: u64) -> Result<(Vec<u8>, u64), Fault> {
        let (input, region) = (&self.files()[file], &self.common.regions[file]);
        let rest = (input.bytes - start) as usize;
        let mut want = self.common.cut.unit_bytes.min(UNIT_BYTES_MAX);
        loop {
            let len = want.min(rest);
            let mut bytes = input.read_at(start, len)?;
            let (end, closes) = match region.layout {
                Layout::Lines => (memchr::memrchr(b'\n', &bytes).map_or(0, |n| n + 1), false),
                Layout::Array => last_element_end(&bytes),
            };
            if closes {
                bytes.truncate(end);
                self.closed_at(file, start + end as u64)?;
                return Ok((bytes, input.bytes));
            }
            if len == rest {
                return Ok((bytes, input.bytes));
            }
            if end > 0 {
                bytes.truncate(end);
                return Ok((bytes, start + end as u64));
            }
            want = Cut::more(want, input, start)?;
        }
    }

    /// Notes where the array closes; behind an array that is the whole document nothing may stand.
    fn closed_at(&self, file: usize, close: u64) -> Result<(), Fault> {
        let input = &self.files()[file];
        if self.common.regions[file].close.set(close).is_err() {
            return Ok(());
        }
        if !self.common.json_path.is_empty() {
            return layout::ends_well(input, close, &self.common.json_path);
        }
        let mut at = close;
        let mut buffer = vec![0; 1 << 16];
        let mut handle = input.open()?;
        std::io::Seek::seek(&mut handle, std::io::SeekFrom::Start(close)).map_err(|e| super::file::cannot_read(&input.path, &e))?;
        loop {
            let read = handle.read(&mut buffer).map_err(|e| super::file::cannot_read(&input.path, &e))?;
            if let Some(found) = buffer[..read].iter().position(|b| !b.is_ascii_whitespace()) {
                let what = format!("{}: text behind the array's closing bracket, at byte {}", input.path, at + found as u64 + 1);
                return Err(
                    Fault::new(Code::InvalidLayout, what).hint("a JSON file holds one array; `--format ndjson` reads one object a line")
                );
            }
            if read == 0 {
                return Ok(());
            }
            at += read as u64;
        }
    }
}

impl Source for JsonSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// Whole records, about [`Cut::unit_bytes`] of them.
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        if start >= self.files()[file as usize].bytes {
            return Ok(None);
        }
        let (text, end) = self.text_from(file as usize, start)?;
        Ok(Some(Piece { end, bytes: end - start, preread: Some(text) }))
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let bytes = self.bytes_of(unit, preread)?;
        let mut reader = UnitReader::new(self, self.frames(unit, &bytes), projection);
        while !reader.is_done() {
            let chunk = reader.chunk()?;
            if !chunk.rows.is_empty() || !chunk.malformed.is_empty() {
                each(chunk)?;
            }
        }
        Ok(reader.end())
    }

    fn retyped(&self, evidence: &SchemaEvidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        let SchemaEvidence::Shape(shape) = evidence else { return Ok(None) };
        self.bounded(shape)?;
        let mut contradicted = self.known.contradicted.clone();
        match self.common.contradiction {
            Contradiction::IsOfColumn => shape.contradicted("", &mut contradicted),
            Contradiction::IsOfRecords => {}
        }
        let again = Self::of(self.common.clone(), shape, contradicted);
        Ok((again.plan != self.plan).then(|| Arc::new(again) as Arc<dyn Source>))
    }

    fn tallies(&self, evidence: &SchemaEvidence) -> Vec<Tally> {
        let mut tallies = Vec::new();
        if let SchemaEvidence::Shape(shape) = evidence {
            shape.tallies("", &self.plan, &mut tallies);
        }
        tallies
    }
}

/// What a reader of the report should know of the files and the keys in them.
fn notes(files: &[InputFile], fields: &Fields) -> Vec<String> {
    // Alone, such a file is a batch without rows, and the rule `rows` speaks of it.
    let empty = files.iter().filter(|f| f.bytes == 0 && files.len() > 1);
    let mut notes: Vec<String> = empty.map(|f| format!("{} has no bytes", f.path)).collect();
    odd_keys("", fields, &mut notes);
    notes
}

/// Notes keys that hardly any rule means: empty ones, and those with blanks around.
fn odd_keys(path: &str, fields: &Fields, notes: &mut Vec<String>) {
    for field in fields {
        let here = if path.is_empty() { field.name().clone() } else { format!("{path}.{}", field.name()) };
        if field.name().trim().is_empty() {
            notes.push(format!("a key is empty or blank: `{}`", here.escape_debug()));
        } else if field.name().trim() != field.name() {
            notes.push(format!("blanks are part of the key `{}`", here.escape_debug()));
        }
        match field.data_type() {
            DataType::Struct(inner) => odd_keys(&here, inner, notes),
            DataType::List(item) if let DataType::Struct(inner) = item.data_type() => odd_keys(&format!("{here}[]"), inner, notes),
            _ => {}
        }
    }
}
