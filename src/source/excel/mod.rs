//! Workbooks: one sheet of an Excel or OpenDocument file.
//!
//! The sheet is written to the spool as delimited text once, and read from there like any other: types follow from the values,
//! contracts and missing texts count as they do for text. Rows keep the numbers that they have in the sheet.

mod cells;
mod sheet;
mod unpacked;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use self::cells::{Cell, Extent, field};
use self::sheet::Workbook;
use super::csv::CsvSource;
use super::format::Opening;
use super::origin::RowGaps;
use super::spool::cannot_spool;
use super::typed::damaged;
use super::{
    Chunk, Delimiter, Format, InputFile, Known, Malformed, Origins, Piece, Preread, Projection, ReadOptions, SchemaEvidence, Source,
    TakeChunk, TextLayout, Unit, UnitEnd,
};
use crate::diagnostic::{Code, Fault};
use crate::types::Tally;

/// A larger file is refused before it is opened: the texts of a workbook are held in memory while it is read.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// What a record begins with that holds what is wrong with a row. No text in UTF-8 has this byte.
const MARK: u8 = 0xff;

/// Sheets read as one table.
pub(super) struct ExcelSource {
    text: Arc<dyn Source>,
    known: Known,
}

impl ExcelSource {
    /// Opens the sheets that `options` name of the files.
    ///
    /// # Errors
    /// A file is no workbook, is damaged or too large; or it cannot be told which sheet is meant.
    pub(super) fn open(opening: Opening<'_>) -> Result<Self, Fault> {
        let Opening { files, options, contract, spool, .. } = opening;
        let (mut texts, mut gaps) = (Vec::new(), Vec::new());
        for file in files {
            let (path, out) = spool.create()?;
            let rows = written(&file, options, &path, out)?;
            file.ensure_unchanged()?;
            gaps.push(RowGaps::new(rows));
            texts.push(file.spooled(path)?);
        }
        // How delimited text of others is written says nothing of the text written here.
        let plain = ReadOptions {
            format: Some(Format::Csv),
            delimiter: Some(Delimiter::of(",")),
            quote: Some(Some(b'"')),
            header: options.header,
            text: TextLayout { header_separator: options.text.header_separator.clone(), ..TextLayout::default() },
            missing_values: options.missing_values.clone(),
            timezone_seconds: options.timezone_seconds,
            cut: options.cut,
            ..ReadOptions::default()
        };
        let text = CsvSource::open(texts, Format::Csv, &plain, contract)?;
        Ok(Self::over(Arc::new(text), gaps))
    }

    fn over(text: Arc<dyn Source>, gaps: Vec<RowGaps>) -> Self {
        let known = text.known().clone();
        let origins = Origins::Parts(known.files().to_vec(), gaps);
        let known = Known { format: Some(Format::Excel), origins, ..known };
        Self { text, known }
    }
}

/// Writes the sheet of `file` to `out`, which is at `spool`, as delimited text. Gives the numbers, from 0, of its rows that hold no record.
fn written(file: &InputFile, options: &ReadOptions, spool: &Path, out: impl Write) -> Result<Vec<u64>, Fault> {
    if file.bytes > FILE_BYTES_MAX {
        let what = format!("{}: a workbook of more than {} MiB is not read", file.path, FILE_BYTES_MAX >> 20);
        return Err(Fault::new(Code::TooLarge, what).hint("save the sheet as CSV"));
    }
    let bytes = file.read_at(0, file.bytes as usize)?;
    unpacked::fits(file, &bytes)?;
    // The library may panic where a workbook is damaged.
    let written = catch_unwind(AssertUnwindSafe(|| {
        let mut workbook = Workbook::open(file, bytes)?;
        let sheet = workbook.sheet(file, options.sheet.as_deref())?;
        let extent = workbook.extent(file, &sheet)?;
        let header_rows = options.header.unwrap_or(1);
        Writer { out, file, spool, header_rows, extent, gaps: Vec::new(), next: 0 }.write(&mut workbook, &sheet)
    }));
    written.unwrap_or_else(|_| Err(damaged(file, &"the workbook contradicts itself")))
}

/// Writes rows as they come.
struct Writer<'a, W> {
    out: W,
    file: &'a InputFile,
    /// Where it writes to.
    spool: &'a Path,
    /// So many rows name the columns.
    header_rows: u32,
    extent: Extent,
    gaps: Vec<u64>,
    /// The row behind the last one that was written.
    next: u64,
}

impl<W: Write> Writer<'_, W> {
    fn write(mut self, workbook: &mut Workbook, sheet: &str) -> Result<Vec<u64>, Fault> {
        let file = self.file;
        let mut header: Vec<String> = vec![String::new(); self.extent.width()];
        workbook.rows(file, sheet, &mut |number, cells| {
            self.gaps.extend(self.next..u64::from(number));
            self.next = u64::from(number) + 1;
            if self.header_rows > 0 {
                self.header_rows -= 1;
                header.fill(String::new());
                for (column, cell) in cells {
                    header[self.extent.index(*column)] = cell.text();
                }
                self.gaps.push(u64::from(number));
                return self.header(&header);
            }
            self.record(&header, number, cells)
        })?;
        self.out.flush().map_err(|e| cannot_spool(self.spool, &e))?;
        Ok(self.gaps)
    }

    fn header(&mut self, names: &[String]) -> Result<(), Fault> {
        let fields: Vec<String> = names.iter().map(|name| field(name)).collect();
        self.line(fields.join(",").as_bytes())
    }

    fn record(&mut self, header: &[String], number: u32, cells: &[(u32, Cell<'_>)]) -> Result<(), Fault> {
        let mut texts: Vec<&Cell<'_>> = vec![&Cell::Empty; self.extent.width()];
        for (column, cell) in cells {
            texts[self.extent.index(*column)] = cell;
        }
        let raw = texts.iter().map(|cell| cell.field()).collect::<Vec<_>>().join(",");
        let wrong = texts.iter().enumerate().find_map(|(i, cell)| cell.wrong().map(|why| (i, why)));
        let Some((index, why)) = wrong else { return self.line(raw.as_bytes()) };
        let place = cells::address(number, self.extent.first_column + index as u32);
        let column = header.get(index).filter(|name| !name.is_empty());
        let reason = match column {
            Some(name) => format!("{name}: cell {place} {why}"),
            None => format!("cell {place} {why}"),
        };
        let marked = serde_json::json!({ "column": column, "reason": reason, "raw": raw }).to_string();
        self.line(&[&[MARK], marked.as_bytes()].concat())
    }

    fn line(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.out.write_all(bytes).and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|e| cannot_spool(self.spool, &e))
    }
}

/// What was found wrong with a row when the sheet was read.
#[derive(serde::Deserialize)]
struct Marked {
    column: Option<String>,
    reason: String,
    raw: String,
}

/// The record, with what the sheet says of it.
fn unmarked(record: Malformed) -> Malformed {
    let marked = record.raw.strip_prefix(&[MARK]).and_then(|text| serde_json::from_slice::<Marked>(text).ok());
    match marked {
        Some(Marked { column, reason, raw }) => Malformed { row: record.row, reason, column, raw: raw.into_bytes() },
        None => record,
    }
}

impl Source for ExcelSource {
    fn known(&self) -> &Known {
        &self.known
    }

    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        self.text.cut(file, start)
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let end = self.text.read(unit, preread, projection, &mut |chunk| {
            each(Chunk { malformed: chunk.malformed.into_iter().map(unmarked).collect(), ..chunk })
        })?;
        Ok(UnitEnd { lines: None, ..end })
    }

    fn retyped(&self, evidence: &SchemaEvidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        let Origins::Parts(_, gaps) = &self.known.origins else { return Ok(None) };
        Ok(self.text.retyped(evidence)?.map(|text| Arc::new(Self::over(text, gaps.clone())) as Arc<dyn Source>))
    }

    fn tallies(&self, evidence: &SchemaEvidence) -> Vec<Tally> {
        self.text.tallies(evidence)
    }
}
