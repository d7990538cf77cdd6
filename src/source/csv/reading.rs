//! Reading one unit: frame records, convert their fields, name what is malformed.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use memchr::memchr;

use super::CsvSource;
use super::column::{UnitText, Unreadable};
use super::extent::BOM;
use super::layout::AnyFramer;
use super::record::{Cell, Framed};
use crate::diagnostic::{Code, Fault};
use crate::rows::RowNumbers;
use crate::source::{Chunk, LineJumps, Malformed, Projection, SchemaEvidence, UnitEnd};
use crate::types::{Class, TypeEvidence};

/// Cells held at a time, so that wide tables take no more memory than long ones.
const BATCH_CELLS_MAX: usize = 1 << 20;

/// The state of reading one unit.
pub(super) struct UnitReader<'a> {
    source: &'a CsvSource,
    text: UnitText<'a>,
    projection: &'a Projection,
    positions: &'a [usize],
    /// The position in the record of each projected column.
    wanted: Vec<usize>,
    pub(super) at: usize,
    row: u32,
    lines: u32,
    comments: u32,
    line_jumps: LineJumps,
    evidence: Vec<TypeEvidence>,
    framer: AnyFramer<'a>,
    batch_rows: usize,
}

impl<'a> UnitReader<'a> {
    pub(super) fn new(source: &'a CsvSource, bytes: &'a [u8], projection: &'a Projection, positions: &'a [usize]) -> Self {
        let nothing = |&column: &usize| TypeEvidence::new(column);
        let batch_rows = (BATCH_CELLS_MAX / projection.columns.len().max(1)).max(64).min(source.cut.batch_rows.max(1));
        Self {
            source,
            text: source.text(bytes),
            projection,
            positions,
            wanted: projection.columns.iter().map(|&column| positions[column]).collect(),
            at: 0,
            row: 0,
            lines: 0,
            comments: 0,
            line_jumps: LineJumps::default(),
            evidence: projection.columns.iter().map(nothing).collect(),
            framer: source.layout.framer_of_all(bytes, Some(positions.len())),
            batch_rows,
        }
    }

    /// Frames and converts the next records, up to a batch of them.
    pub(super) fn chunk(&mut self) -> Result<Chunk, Fault> {
        let mut cells: Vec<Vec<Cell>> = vec![Vec::with_capacity(self.batch_rows); self.projection.columns.len()];
        let mut rows: Vec<u32> = Vec::with_capacity(self.batch_rows);
        let mut ends: Vec<(usize, usize)> = Vec::with_capacity(self.batch_rows);
        let mut malformed = Vec::new();
        while rows.len() + malformed.len() < self.batch_rows && self.at < self.text.bytes.len() {
            let start = self.at;
            let (end, reason, lines) = match self.framer.frame(start) {
                Framed::Blank { next } if !self.source.blank_is_record() => {
                    self.at = next;
                    self.lines += 1;
                    continue;
                }
                Framed::Blank { next } => {
                    self.at = next;
                    (start, None, 1)
                }
                Framed::Comment { next } => {
                    self.at = next;
                    self.lines += 1;
                    self.comments += 1;
                    continue;
                }
                Framed::Record { end, next, lines } => {
                    self.at = next;
                    (end, self.ragged(start).or_else(|| self.not_utf8(start, end)), lines)
                }
                Framed::Bad { end, next, lines, reason } => {
                    self.at = next;
                    (end, Some(self.framer.why(reason)), lines)
                }
                Framed::Incomplete => unreachable!("a unit ends at a record, so framing it as final never runs short"),
            };
            let row = self.next_row(lines);
            match reason {
                Some(reason) => {
                    let raw = self.text.bytes[start..end].to_vec();
                    malformed.push(Malformed { row, reason, column: None, raw });
                }
                None => {
                    let record = self.framer.cells();
                    for (column, &position) in cells.iter_mut().zip(&self.wanted) {
                        column.push(record[position]);
                    }
                    rows.push(row);
                    ends.push((start, end));
                }
            }
        }
        self.convert(&cells, rows, &ends, malformed)
    }

    fn next_row(&mut self, lines: u32) -> u32 {
        let row = self.row;
        self.line_jumps.push(row, self.lines);
        self.row += 1;
        self.lines += lines;
        row
    }

    /// Why a record whose fields are well formed does not belong to this table, if so.
    fn ragged(&self, start: usize) -> Option<String> {
        let (expected, found) = (self.positions.len(), self.framer.cells().len());
        let record = &self.text.bytes[start..];
        if record[0] == BOM[0] && record.starts_with(BOM) {
            return Some("a byte order mark inside the file: were files joined?".into());
        }
        if expected != found {
            return Some(format!("{found} fields where the header has {expected}"));
        }
        // With more columns, lines that end with a carriage return alone make too many fields.
        let Cell { start: from, end: to, .. } = self.framer.cells()[0];
        let holds_return = expected == 1 && from as usize == start && memchr(b'\r', &self.text.bytes[start..to as usize]).is_some();
        holds_return.then(|| "a carriage return that ends no line".to_owned())
    }

    fn not_utf8(&self, start: usize, end: usize) -> Option<String> {
        if self.text.utf8.is_some() {
            return None;
        }
        let error = std::str::from_utf8(&self.text.bytes[start..end]).err()?;
        Some(format!("not UTF-8 at byte {}", error.valid_up_to() + 1))
    }

    fn convert(
        &mut self,
        cells: &[Vec<Cell>],
        rows: Vec<u32>,
        ends: &[(usize, usize)],
        mut malformed: Vec<Malformed>,
    ) -> Result<Chunk, Fault> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(cells.len());
        let mut unreadable: Vec<Unreadable> = Vec::new();
        let mut faulty: Vec<(usize, String, &str)> = Vec::new();
        for ((cells, &index), evidence) in cells.iter().zip(&self.projection.columns).zip(&mut self.evidence) {
            let reader = &self.source.columns[index];
            arrays.push(reader.read(cells, &self.text, &mut unreadable, evidence));
            faulty.extend(unreadable.drain(..).map(|Unreadable { index, reason }| (index, reason, reader.name.as_str())));
        }
        // The first column that a record fails in names why; its bytes are copied once, however many columns fail.
        faulty.sort_by_key(|(index, ..)| *index);
        faulty.dedup_by_key(|(index, ..)| *index);
        let faulty: Vec<Malformed> = faulty
            .into_iter()
            .map(|(index, reason, column)| {
                let (start, end) = ends[index];
                let raw = self.text.bytes[start..end].to_vec();
                Malformed { row: rows[index], reason, column: Some(column.to_owned()), raw }
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let mut batch = RecordBatch::try_new_with_options(self.projection.schema.clone(), arrays, &options)
            .map_err(|e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}")))?;
        let mut rows = RowNumbers::of(rows);
        if !faulty.is_empty() {
            let is_faulty = |row: u32| faulty.binary_search_by_key(&row, |m| m.row).is_ok();
            let keep = BooleanBuffer::collect_bool(rows.len(), |i| !is_faulty(rows.get(i)));
            let filter = arrow::array::BooleanArray::new(keep.clone(), None);
            batch = arrow::compute::filter_record_batch(&batch, &filter)
                .map_err(|e| Fault::new(Code::Internal, format!("cannot filter a batch: {e}")))?;
            rows = rows.filter(&keep);
            malformed.extend(faulty);
            malformed.sort_by_key(|m| m.row);
        }
        Ok(Chunk { batch, rows, malformed })
    }

    pub(super) fn end(self, bytes: &[u8]) -> UnitEnd {
        let evidence = self.evidence.into_iter().filter(|e| e.present > 0 || e.class != Class::Missing || !e.kinds.is_empty()).collect();
        UnitEnd {
            records: self.row,
            lines: Some(self.lines),
            comments: self.comments,
            line_jumps: self.line_jumps,
            digest: Some(xxhash_rust::xxh3::xxh3_128(bytes)),
            evidence: SchemaEvidence::Columns(evidence),
        }
    }
}
