//! Turns row ids into places a person can find: file, line, record number.

use std::sync::Arc;

use arrow::buffer::BooleanBuffer;
use serde::{Deserialize, Serialize};

use super::event_places::EventPlaces;
use super::{InputFile, LineJumps, RowId, Unit, UnitEnd};
use crate::rows::Origin;

/// Where the rows of a source come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Files, in source order.
    Files(Vec<InputFile>),
    /// Files, in source order, of each of which only some rows are read; people number all of them.
    Parts(Vec<InputFile>, Vec<RowGaps>),
    /// Batches that a program holds in memory.
    Memory,
    /// Partitions that another system (Spark, Dask) holds: each is a unit, whose index is its number.
    Partitions,
    /// Records of a topic.
    Events(Arc<EventPlaces>),
}

impl Origins {
    /// The files; none where rows come from elsewhere.
    pub fn files(&self) -> &[InputFile] {
        match self {
            Self::Files(files) | Self::Parts(files, _) => files,
            Self::Memory | Self::Partitions | Self::Events(_) => &[],
        }
    }

    /// Whether rows are events of a stream, cut into batches where it came to be.
    pub fn are_events(&self) -> bool {
        matches!(self, Self::Events(_))
    }

    /// What the rows lie in, as people call it, and how many bytes it takes where it is stored; nothing where a program holds
    /// them.
    pub fn named(&self) -> Vec<(&str, u64)> {
        match self {
            Self::Files(files) | Self::Parts(files, _) => files.iter().map(|file| (file.path.as_str(), file.stored_bytes)).collect(),
            Self::Memory | Self::Partitions => Vec::new(),
            Self::Events(places) => vec![(&places.name, places.bytes)],
        }
    }
}

/// Rows of a file that are none of the source's: deleted ones, blank ones. The others are numbered without them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowGaps(Arc<[u64]>);

impl RowGaps {
    /// Of ascending numbers, from 0.
    pub(super) fn new(rows: Vec<u64>) -> Self {
        debug_assert!(rows.is_sorted());
        Self(rows.into())
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which of the file's `len` rows from `first` on are read; none where all are.
    pub(super) fn kept(&self, first: u64, len: u32) -> Option<BooleanBuffer> {
        let from = self.0.partition_point(|row| *row < first);
        let mut gaps = self.0[from..].iter().take_while(|row| **row < first + u64::from(len)).peekable();
        gaps.peek()?;
        let is_kept = |i: usize| gaps.next_if(|row| **row == first + i as u64).is_none();
        Some(BooleanBuffer::collect_bool(len as usize, is_kept))
    }

    /// What number the row has in the file that is the one of `index` among those that are read.
    fn in_file(&self, index: u64) -> u64 {
        // So many rows stand before the gap of this number and are read.
        let before = |gap: usize| self.0[gap] - gap as u64;
        let (mut low, mut high) = (0, self.0.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if before(middle) <= index { low = middle + 1 } else { high = middle }
        }
        index + low as u64
    }
}

/// The units read so far and what came before each of them in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowOrigins {
    units: Vec<UnitOrigin>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct UnitOrigin {
    unit: Unit,
    rows_before: u64,
    /// Line, from 1, on which the unit begins; 0 for formats without lines.
    first_line: u64,
    records: u32,
    lines: u32,
    comments: u32,
    line_jumps: LineJumps,
}

impl RowOrigins {
    /// Notes the next unit in order; `header_lines` is how many lines precede a text file's first record.
    pub fn push(&mut self, unit: Unit, end: &UnitEnd, header_lines: u64) {
        let same_file = self.units.last().filter(|u| u.unit.file == unit.file);
        let (rows_before, first_line) = match same_file {
            Some(u) => (u.rows_before + u64::from(u.records), u.first_line + u64::from(u.lines)),
            None => (0, if end.lines.is_some() { 1 + header_lines } else { 0 }),
        };
        let (records, lines, comments) = (end.records, end.lines.unwrap_or(0), end.comments);
        self.units.push(UnitOrigin { unit, rows_before, first_line, records, lines, comments, line_jumps: end.line_jumps.clone() });
    }

    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.iter().map(|u| &u.unit)
    }

    pub fn unit(&self, index: u32) -> &Unit {
        &self.units[index as usize].unit
    }

    /// Records in all units, malformed ones included.
    pub fn records(&self) -> u64 {
        self.units.iter().map(|u| u64::from(u.records)).sum()
    }

    /// Lines in all units that are comments.
    pub fn comments(&self) -> u64 {
        self.units.iter().map(|u| u64::from(u.comments)).sum()
    }

    /// Records of its file before the unit of this index.
    pub fn rows_before(&self, index: u32) -> u64 {
        self.units[index as usize].rows_before
    }

    /// Records in the unit of this index, malformed ones included.
    pub fn records_of(&self, index: u32) -> u32 {
        self.units[index as usize].records
    }

    /// The line of its unit, from 0, that `row` begins on; none for formats without lines.
    pub fn line_in_unit(&self, row: RowId) -> Option<u32> {
        let place = &self.units[row.unit as usize];
        (place.first_line > 0).then(|| place.line_jumps.line(row.row))
    }

    /// Where `row` stands in what `origins` names.
    pub fn origin(&self, row: RowId, origins: &Origins) -> Origin {
        let place = &self.units[row.unit as usize];
        let before = place.rows_before + u64::from(row.row);
        match origins {
            Origins::Files(files) => {
                let line = (place.first_line > 0).then(|| place.first_line + u64::from(place.line_jumps.line(row.row)));
                Origin::File { file: files[place.unit.file as usize].path.clone(), line, row: before + 1 }
            }
            Origins::Parts(files, gaps) => {
                let file = place.unit.file as usize;
                let row = gaps.get(file).map_or(before, |gaps| gaps.in_file(before)) + 1;
                Origin::File { file: files[file].path.clone(), line: None, row }
            }
            Origins::Memory => Origin::Memory { partition: None, index: before },
            Origins::Partitions => Origin::Memory { partition: Some(row.unit), index: u64::from(row.row) },
            Origins::Events(places) => places.origin(before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_keeps_its_line(heights in prop::collection::vec(1u32..4, 0..60), gaps in prop::collection::vec(0u32..2, 60)) {
            let (mut jumps, mut line, mut lines) = (LineJumps::default(), 0, Vec::new());
            for (row, (height, gap)) in heights.iter().zip(gaps).enumerate() {
                line += gap;
                jumps.push(row as u32, line);
                lines.push(line);
                line += height;
            }
            for (row, line) in lines.into_iter().enumerate() {
                prop_assert_eq!(jumps.line(row as u32), line);
            }
        }
    }

    proptest! {
        #[test]
        fn rows_between_gaps_keep_their_numbers(gaps in prop::collection::btree_set(0u64..80, 0..60), first in 0u64..50, len in 1u32..40) {
            let gaps: Vec<u64> = gaps.into_iter().collect();
            let (rows, of_gaps) = (RowGaps::new(gaps.clone()), |row: &u64| !gaps.contains(row));
            for (index, row) in (0..100).filter(of_gaps).enumerate() {
                prop_assert_eq!(rows.in_file(index as u64), row);
            }
            let expected: Vec<bool> = (first..first + u64::from(len)).map(|row| of_gaps(&row)).collect();
            match rows.kept(first, len) {
                None => prop_assert!(expected.iter().all(|kept| *kept)),
                Some(kept) => prop_assert_eq!(kept.iter().collect::<Vec<_>>(), expected),
            }
        }
    }

    #[test]
    fn rows_of_equal_height_are_one_stretch() {
        let mut jumps = LineJumps::default();
        (0..1000).for_each(|row| jumps.push(row, row * 6));
        assert_eq!(jumps.0.len(), 1);
    }
}
