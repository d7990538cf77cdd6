//! Turns row ids into places a person can find: file, line, record number.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{EventPlaces, InputFile, LineJumps, RowId, Unit, UnitEnd};
use crate::rows::Origin;

/// Where the rows of a source come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Files, in source order.
    Files(Vec<InputFile>),
    /// Batches that a program holds in memory.
    Memory,
    /// Records of a topic.
    Events(Arc<EventPlaces>),
}

impl Origins {
    /// The files; none where rows come from elsewhere.
    pub fn files(&self) -> &[InputFile] {
        match self {
            Self::Files(files) => files,
            Self::Memory | Self::Events(_) => &[],
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
            Self::Files(files) => files.iter().map(|file| (file.path.as_str(), file.stored_bytes)).collect(),
            Self::Memory => Vec::new(),
            Self::Events(places) => vec![(&places.name, places.bytes)],
        }
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

    /// Where `row` stands in what `origins` names.
    pub fn origin(&self, row: RowId, origins: &Origins) -> Origin {
        let place = &self.units[row.unit as usize];
        let before = place.rows_before + u64::from(row.row);
        match origins {
            Origins::Files(files) => {
                let line = (place.first_line > 0).then(|| place.first_line + u64::from(place.line_jumps.line(row.row)));
                Origin::File { file: files[place.unit.file as usize].path.clone(), line, row: before + 1 }
            }
            Origins::Memory => Origin::Memory { index: before },
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

    #[test]
    fn rows_of_equal_height_are_one_stretch() {
        let mut jumps = LineJumps::default();
        (0..1000).for_each(|row| jumps.push(row, row * 6));
        assert_eq!(jumps.0.len(), 1);
    }
}
