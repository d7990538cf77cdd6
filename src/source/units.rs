//! Units: how the input is cut, and the one walk over them.

use serde::{Deserialize, Serialize};

use super::{InputFile, LineJumps, SchemaEvidence, Source};
use crate::diagnostic::{Code, Fault};

/// A slice of the input, fixed by the input alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    pub index: u32,
    /// Which of the input's files it is of; 0 where there are none.
    pub file: u32,
    /// What `start..end` counts is the source's business: bytes of text, row groups of Parquet, rows in memory.
    pub start: u64,
    pub end: u64,
    /// How much of [`super::Known::bytes`] it is.
    pub bytes: u64,
}

impl Unit {
    /// Whether it may be what comes behind `before`: it goes on where that ended, or is of a later file.
    pub fn may_follow(&self, before: &Self) -> bool {
        if self.file == before.file { self.start == before.end } else { self.file > before.file }
    }
}

/// What is known of a unit once it has been read whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitEnd {
    /// Records, malformed ones included.
    pub records: u32,
    /// Physical lines; none for formats without lines.
    pub lines: Option<u32>,
    /// Lines that are comments.
    pub comments: u32,
    /// On which lines of the unit its rows begin.
    pub line_jumps: LineJumps,
    /// xxh3-128 of the unit's bytes; none where the content is digested otherwise ([`super::Known::digests_units`]).
    pub digest: Option<u128>,
    /// What the data said about its columns' types.
    pub evidence: SchemaEvidence,
}

/// Bytes read while looking for a unit's end, so that they need not be read twice.
pub type Preread = Option<Vec<u8>>;

/// Where a unit ends, found from where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub end: u64,
    /// How much of [`super::Known::bytes`] it is.
    pub bytes: u64,
    pub preread: Preread,
}

/// The unit after `previous`, or the first one: it goes on where that ended, or begins the next file. None at the end.
///
/// # Errors
/// The source cannot be read.
pub(super) fn next<S: Source + ?Sized>(source: &S, previous: Option<&Unit>) -> Result<Option<(Unit, Preread)>, Fault> {
    let starts = &source.known().starts;
    let (index, mut file, mut start) = match previous {
        Some(unit) => (unit.index + 1, unit.file as usize, unit.end),
        None => (0, 0, starts.first().map_or(0, |s| s.at)),
    };
    while file < starts.len() {
        if let Some(Piece { end, bytes, preread }) = source.cut(file as u32, start)? {
            return Ok(Some((Unit { index, file: file as u32, start, end, bytes }, preread)));
        }
        file += 1;
        start = starts.get(file).map_or(0, |s| s.at);
    }
    Ok(None)
}

/// The most text of a unit: what Arrow's text columns and the positions of cells can count, with room to spare.
pub(super) const UNIT_BYTES_MAX: usize = 1 << 30;

/// Sizes of what is read at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Text of a unit, at least, unless the file ends first.
    pub unit_bytes: usize,
    /// Rows of a record batch, at most.
    pub batch_rows: usize,
}

impl Cut {
    /// How much to read where `bytes` from `start` of `file` hold no whole record.
    ///
    /// # Errors
    /// A record is longer than any unit.
    pub(super) fn more(bytes: usize, file: &InputFile, start: u64) -> Result<usize, Fault> {
        if bytes < UNIT_BYTES_MAX {
            return Ok(bytes.saturating_mul(2).min(UNIT_BYTES_MAX));
        }
        let what = format!("{}: the record at byte {} is longer than {} MiB", file.path, start + 1, UNIT_BYTES_MAX >> 20);
        Err(Fault::new(Code::TooLarge, what).hint("do its records end with line ends, LF or CRLF?"))
    }
}

impl Default for Cut {
    fn default() -> Self {
        Self { unit_bytes: 16 << 20, batch_rows: 8192 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Chunk, Projection, ReadOptions, Spool};

    // Arrow counts a text column's bytes in 31 bits, a cell its place in 32.
    const _: () = assert!(UNIT_BYTES_MAX < i32::MAX as usize);

    /// Every record of the units, as text, and what the units say at their ends.
    fn read(source: &dyn Source, units: &[(Unit, Preread)]) -> (Vec<String>, Vec<UnitEnd>) {
        let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
        let (mut records, mut ends) = (Vec::new(), Vec::new());
        for (unit, preread) in units {
            let each = &mut |chunk: Chunk| {
                records.push(format!("{:?} {:?} {:?}", chunk.batch.columns(), chunk.rows, chunk.malformed));
                Ok(())
            };
            ends.push(source.read(unit, preread.clone(), &projection, each).unwrap_or_else(|f| panic!("{f}")));
        }
        (records, ends)
    }

    #[test]
    fn a_unit_reads_alike_in_a_process_that_did_not_look_for_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let rows: Vec<String> = (0..40).map(|i| format!("{{\"a\": {i}, \"b\": \"x{i}\"}}")).collect();
        let array = rows.join(",\n ");
        let files = [
            ("d.csv", format!("a,b\n{}", (0..40).map(|i| format!("{i},\"x\n{i}\"\n")).collect::<String>()), ""),
            ("d.ndjson", rows.join("\n"), ""),
            ("d.json", format!("[{array}]\n\n"), ""),
            ("e.json", format!("{{\"v\": 1, \"d\": [{array}], \"behind\": [{{\"a\": 1}}, 2]}}\n"), "d"),
        ];
        for (name, text, json_path) in files {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("written");
            let json_path = if json_path.is_empty() { Vec::new() } else { vec![json_path.to_owned()] };
            let options = ReadOptions { json_path, cut: Cut { unit_bytes: 100, batch_rows: 7 }, ..ReadOptions::default() };
            let open = || {
                let opened = crate::source::open(&[path.display().to_string()], &options, &[], &Spool::new(dir.path()));
                opened.unwrap_or_else(|f| panic!("{f}"))
            };
            let here = open();
            let mut units: Vec<(Unit, Preread)> = Vec::new();
            while let Some(next) = here.next_unit(units.last().map(|(unit, _)| unit)).unwrap_or_else(|f| panic!("{f}")) {
                units.push(next);
            }
            assert!(units.len() > 2, "{name}");
            let expected = read(here.as_ref(), &units);
            assert_eq!(expected.1.iter().map(|end| end.records).sum::<u32>(), 40, "{name}");
            units.iter_mut().for_each(|(_, preread)| *preread = None);
            assert_eq!(read(here.as_ref(), &units), expected, "{name}, again");
            assert_eq!(read(open().as_ref(), &units), expected, "{name}, elsewhere");
        }
    }

    #[test]
    fn a_record_longer_than_any_unit_is_refused_with_its_place() {
        let file = InputFile::stat(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("a file");
        assert_eq!(Cut::more(16 << 20, &file, 7).ok(), Some(32 << 20));
        assert_eq!(Cut::more(UNIT_BYTES_MAX - 1, &file, 7).ok(), Some(UNIT_BYTES_MAX));
        let fault = Cut::more(UNIT_BYTES_MAX, &file, 7).expect_err("a fault");
        assert!(fault.what.ends_with("the record at byte 8 is longer than 1024 MiB"), "{}", fault.what);
    }
}
