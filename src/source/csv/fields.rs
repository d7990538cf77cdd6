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
    for of_line in order.chunk_by(|a, b| places[*a].0 == places[*b].0) {
        while line < places[of_line[0]].0 {
            let Some(end) = memchr(b'\n', &bytes[at..]) else { return Ok(found) };
            (line, at) = (line + 1, at + end + 1);
        }
        let record = &bytes[at..];
        let mut framer = source.layout.framer(record, Some(positions.len()), true);
        if let Framed::Record { .. } = framer.frame(0) {
            let cells = framer.cells();
            let start = |index: usize| Some(cells.get(*positions.get(places[index].1)?)?.start as usize);
            let mut starts: Vec<(usize, usize)> = of_line.iter().filter_map(|&index| Some((start(index)?, index))).collect();
            starts.sort_unstable();
            // From one field to the next: lines may be long, and many of their fields asked for.
            let (mut counted, mut before) = (0, 0);
            for (start, index) in starts {
                let Some(more) = characters(&record[before..start]) else { break };
                (counted, before) = (counted + more, start);
                found[index] = u32::try_from(counted + 1).ok();
            }
        }
    }
    Ok(found)
}

/// How many characters these bytes are, if they are part of one line.
fn characters(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\n'))?;
    Some(text.chars().count())
}
