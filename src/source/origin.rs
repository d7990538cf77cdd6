//! Turns row ids into places a person can find: file, line, record number.

use serde::Serialize;

use super::{RowId, Unit, UnitEnd};

/// Where a row came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Origin {
    pub file: String,
    /// Line on which the record begins, from 1; none for formats without lines.
    pub line: Option<u64>,
    /// Number of the record in its file, from 1, malformed records counted.
    pub row: u64,
}

/// The units read so far and what came before each of them in its file.
#[derive(Debug, Clone, Default)]
pub struct Places {
    units: Vec<UnitPlace>,
}

#[derive(Debug, Clone)]
struct UnitPlace {
    unit: Unit,
    rows_before: u64,
    /// Line, from 1, on which the unit begins; 0 for formats without lines.
    first_line: u64,
    records: u32,
    lines: u32,
    line_jumps: Vec<(u32, u32)>,
}

impl Places {
    /// Notes the next unit in order; `header_lines` is how many lines precede a text file's first record.
    pub fn push(&mut self, unit: Unit, end: &UnitEnd, header_lines: u64) {
        let same_file = self.units.last().filter(|u| u.unit.file == unit.file);
        let (rows_before, first_line) = match same_file {
            Some(u) => (u.rows_before + u64::from(u.records), u.first_line + u64::from(u.lines)),
            None => (0, if end.digest.is_some() { 1 + header_lines } else { 0 }),
        };
        let (records, lines, line_jumps) = (end.records, end.lines, end.line_jumps.clone());
        self.units.push(UnitPlace { unit, rows_before, first_line, records, lines, line_jumps });
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

    /// Where `row` stands; `files` are the source's.
    pub fn origin(&self, row: RowId, files: &[super::InputFile]) -> Origin {
        let place = &self.units[row.unit as usize];
        let line = (place.first_line > 0).then(|| place.first_line + u64::from(line_in_unit(&place.line_jumps, row.row)));
        Origin { file: files[place.unit.file as usize].path.clone(), line, row: place.rows_before + u64::from(row.row) + 1 }
    }
}

/// The line of `row` in its unit, from 0: `jumps` lists (row, line) where lines and rows part ways.
fn line_in_unit(jumps: &[(u32, u32)], row: u32) -> u32 {
    match jumps.partition_point(|&(r, _)| r <= row) {
        0 => row,
        after => {
            let (jump_row, jump_line) = jumps[after - 1];
            jump_line + (row - jump_row)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_follow_the_jumps() {
        // Row 2 spans three lines, so row 3 begins on line 5.
        let jumps = [(3, 5)];
        assert_eq!([0, 2, 3, 4].map(|r| line_in_unit(&jumps, r)), [0, 2, 5, 6]);
    }
}
