//! How large a workbook is once it is unpacked, before anything unpacks it into memory: a few kilobytes can hold gigabytes.

use std::io::Read;
use std::ops::Range;

use flate2::read::DeflateDecoder;
use memchr::memmem;

use crate::diagnostic::{Code, Fault};
use crate::source::InputFile;
use crate::source::typed::damaged;

/// All parts of a workbook together, unpacked.
const UNPACKED_MAX: u64 = 2 << 30;
/// Cells of a sheet that are held at a time.
const CELLS_MAX: u64 = 20_000_000;

/// What a ZIP archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Xlsx,
    Xlsb,
    Ods,
}

/// The kind of workbook in the archive `bytes`, by the names of its parts.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    let entries = entries(bytes)?;
    let has = |name: &[u8]| entries.iter().any(|entry| entry.name.eq_ignore_ascii_case(name));
    match () {
        () if has(b"xl/workbook.bin") => Some(Kind::Xlsb),
        () if has(b"xl/workbook.xml") => Some(Kind::Xlsx),
        () if has(b"content.xml") => Some(Kind::Ods),
        // Some writers put it elsewhere.
        () if has(b"[Content_Types].xml") => Some(Kind::Xlsx),
        () => None,
    }
}

/// Refuses a workbook that would not fit into memory.
///
/// # Errors
/// It is too large unpacked, or not what an archive is.
pub(super) fn fits(file: &InputFile, bytes: &[u8]) -> Result<(), Fault> {
    if !bytes.starts_with(b"PK") {
        return Ok(());
    }
    let too_large = |what: String| Err(Fault::new(Code::TooLarge, format!("{}: {what}", file.path)).hint("save the sheet as CSV"));
    let entries = entries(bytes).ok_or_else(|| damaged(file, &"its end is not that of a ZIP archive").hint("it may be cut short"))?;
    if entries.iter().map(|entry| entry.size).sum::<u64>() > UNPACKED_MAX {
        return too_large(format!("unpacked, this workbook has more than {} MiB", UNPACKED_MAX >> 20));
    }
    for entry in &entries {
        let is_table = entry.name.eq_ignore_ascii_case(b"content.xml");
        let mut held = Vec::new();
        // What an archive says of its parts need not be so.
        let size = match entry.unpacked(bytes).map(|part| part.take(entry.size + 1)) {
            None => return Err(damaged(file, &"a part of it lies outside of it, or is packed in an unknown way")),
            Some(mut part) if is_table => part.read_to_end(&mut held).map(|size| size as u64),
            Some(mut part) => std::io::copy(&mut part, &mut std::io::sink()),
        };
        let size = size.map_err(|e| damaged(file, &format!("a part of it cannot be unpacked: {e}")))?;
        if size != entry.size {
            return Err(damaged(file, &"a part of it is of another size than it says"));
        }
        if is_table && repeated_cells(&held) > CELLS_MAX {
            return too_large(format!("its sheets come to more than {} million cells", CELLS_MAX / 1_000_000));
        }
    }
    Ok(())
}

/// A part of an archive.
struct Entry<'a> {
    name: &'a [u8],
    is_packed: bool,
    /// Unpacked, as the archive says.
    size: u64,
    data: Option<Range<usize>>,
}

impl Entry<'_> {
    fn unpacked<'b>(&self, bytes: &'b [u8]) -> Option<Box<dyn Read + 'b>> {
        let data = bytes.get(self.data.clone()?)?;
        Some(if self.is_packed { Box::new(DeflateDecoder::new(data)) } else { Box::new(data) })
    }
}

fn number(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(len)?)?;
    let value = field.iter().rev().try_fold(0u64, |value, byte| Some(value.checked_mul(256)? + u64::from(*byte)))?;
    usize::try_from(value).ok()
}

/// The parts that the archive's directory lists; none if there is no such directory.
fn entries(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    const END: &[u8] = b"PK\x05\x06";
    // A comment of up to 64 KiB may stand behind it.
    let tail = bytes.len().saturating_sub(66_000);
    let end = tail + memmem::rfind(&bytes[tail..], END)?;
    let (count, mut at) = (number(bytes, end + 10, 2)?, number(bytes, end + 16, 4)?);
    let mut entries = Vec::new();
    // 65,535 parts, or a place beyond 4 GiB, would be written elsewhere; no workbook has them.
    for _ in 0..count {
        if bytes.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
            return None;
        }
        let (method, packed, name_len) = (number(bytes, at + 10, 2)?, number(bytes, at + 20, 4)?, number(bytes, at + 28, 2)?);
        let behind = number(bytes, at + 30, 2)? + number(bytes, at + 32, 2)?;
        let header = number(bytes, at + 42, 4)?;
        let name = bytes.get(at + 46..at + 46 + name_len)?;
        let start = header + 30 + number(bytes, header + 26, 2)? + number(bytes, header + 28, 2)?;
        let data = matches!(method, 0 | 8).then(|| start..start.saturating_add(packed));
        let size = number(bytes, at + 24, 4)? as u64;
        entries.push(Entry { name, is_packed: method == 8, size, data });
        at += 46 + name_len + behind;
    }
    Some(entries)
}

/// How many cells the largest sheet of an OpenDocument table comes to, once cells and rows that are said to repeat are written
/// out: down to the last row and out to the last column with a value.
fn repeated_cells(xml: &[u8]) -> u64 {
    let (mut rows, mut rows_with_value, mut columns, mut width, mut most) = (0u64, 0u64, 0u64, 0u64, 0u64);
    for start in memmem::find_iter(xml, b"<table:") {
        let tag = &xml[start + 7..];
        let tag = &tag[..memchr::memchr(b'>', tag).unwrap_or(tag.len())];
        let times = |attribute: &[u8]| -> u64 {
            let Some(at) = memmem::find(tag, attribute) else { return 1 };
            let digits = tag[at + attribute.len()..].iter().skip(2).take_while(|b| b.is_ascii_digit());
            digits.fold(0u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
        };
        if tag.starts_with(b"table-row") && !tag.starts_with(b"table-rows") {
            rows = rows.saturating_add(times(b"number-rows-repeated"));
            columns = 0;
        } else if tag.starts_with(b"table-cell") || tag.starts_with(b"covered-table-cell") {
            columns = columns.saturating_add(times(b"number-columns-repeated"));
            if memmem::find(tag, b"value-type").is_some() || memmem::find(tag, b"formula").is_some() {
                (rows_with_value, width) = (rows, width.max(columns));
            }
        } else if tag.starts_with(b"table ") {
            (rows, rows_with_value, width) = (0, 0, 0);
        }
        most = most.max(rows_with_value.saturating_mul(width));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_cells_count_as_often_as_they_are_said_to() {
        let row = |rows: u64, cells: &str| format!("<table:table-row table:number-rows-repeated=\"{rows}\">{cells}</table:table-row>");
        let value = |columns: u64| format!("<table:table-cell table:number-columns-repeated=\"{columns}\" office:value-type=\"float\"/>");
        let blank = "<table:table-cell table:number-columns-repeated=\"16000\"/>";
        let table = |rows: &[String]| format!("<table:table table:name=\"a\">{}</table:table>", rows.concat());
        let plain = table(&[row(1, &(value(3) + blank)), row(1, &value(2)), row(1_048_574, blank)]);
        assert_eq!(repeated_cells(plain.as_bytes()), 6);
        assert_eq!(repeated_cells(table(&[row(1_000_000, &value(1000))]).as_bytes()), 1_000_000_000);
        assert_eq!(repeated_cells(table(&[row(1, &value(1)), row(1000, blank), row(1, &value(9))]).as_bytes()), 1002 * 9);
    }
}
