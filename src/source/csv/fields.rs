//! Where fields stand on their lines.

use memchr::memchr;

use super::CsvSource;
use super::record::Framed;
use crate::diagnostic::Fault;
use crate::source::Unit;

/// The character of its line, from 1, that the field of a column begins at; `places` are lines of the unit, from 0, on which
/// records begin, and columns. None where the field begins on a later line.
pub(super) fn starts(source: &CsvSource, unit: &Unit, places: &[(u32, usize)]) -> Result<Vec<Option<u32>>, Fault> {
    let bytes = source.bytes_of(unit, None)?;
    let positions = &source.positions[unit.file as usize];
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_unstable_by_key(|&at| places[at].0);
    let (mut found, mut line, mut at) = (vec![None; places.len()], 0, 0);
    for index in order {
        let (wanted, column) = places[index];
        while line < wanted {
            let Some(end) = memchr(b'\n', &bytes[at..]) else { return Ok(found) };
            (line, at) = (line + 1, at + end + 1);
        }
        let record = &bytes[at..];
        let mut framer = source.layout.framer(record, Some(positions.len()), true);
        if let Framed::Record { .. } = framer.frame(0) {
            let cell = positions.get(column).and_then(|&position| framer.cells().get(position).copied());
            found[index] = cell.and_then(|cell| characters(&record[..cell.start as usize]));
        }
    }
    Ok(found)
}

/// The character behind these bytes, if they are part of one line.
fn characters(before: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(before).ok().filter(|text| !text.contains('\n'))?;
    u32::try_from(text.chars().count() + 1).ok()
}
