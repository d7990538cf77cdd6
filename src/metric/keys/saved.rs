//! Keys as bytes: partition by partition, so that what is on disk need not be in memory at once.
//!
//! Equal keys give equal bytes, whichever of them were spilled and in whatever order units were merged.

use std::io::{Read, Write};

use super::key::{FOREIGN, PARTITIONS, Record, UnitKeys, partition};
use super::spill::Spill;
use crate::diagnostic::{Code, Fault};
use crate::metric::encoding;

/// So many partitions are taken out of the units at a time: each time all keys in memory are looked at.
const TOGETHER: usize = 16;
/// So many records are read at a time.
const CHUNK: usize = 1 << 14;

/// Writes the keys in memory and on disk.
pub(super) fn write(units: &[UnitKeys], spills: &[Spill], to: &mut dyn Write) -> Result<(), Fault> {
    for first in (0..PARTITIONS).step_by(TOGETHER) {
        let mut together: Vec<Vec<Record>> = vec![Vec::new(); TOGETHER];
        for (index, records) in (first..).zip(&mut together) {
            for spill in spills {
                spill.read(index, records).map_err(cannot_read)?;
            }
        }
        for (unit, entries) in units {
            for entry in entries {
                if let Some(records) = partition(entry.hash).checked_sub(first).and_then(|place| together.get_mut(place)) {
                    records.push(Record { hash: entry.hash, unit: *unit, row: entry.row });
                }
            }
        }
        for mut records in together {
            records.sort_unstable_by_key(|r| (r.unit, r.row));
            encoding::write_bytes(&(records.len() as u64).to_le_bytes(), to)?;
            for chunk in records.chunks(CHUNK) {
                let bytes: Vec<u8> = chunk.iter().flat_map(|record| record.to_bytes()).collect();
                encoding::write_bytes(&bytes, to)?;
            }
        }
    }
    Ok(())
}

/// Reads what [`write`] wrote; `take` gets it in parts.
pub(super) fn read(from: &mut dyn Read, mut take: impl FnMut(Vec<Record>) -> Result<(), Fault>) -> Result<(), Fault> {
    for index in 0..PARTITIONS {
        let (mut left, mut last) = (encoding::read_u64(from)?, None);
        while left > 0 {
            let count = left.min(CHUNK as u64) as usize;
            let mut bytes = vec![0; count * Record::BYTES];
            from.read_exact(&mut bytes).map_err(encoding::unreadable)?;
            let records: Vec<Record> = bytes.as_chunks().0.iter().map(Record::from_bytes).collect();
            for record in &records {
                let is_next = last < Some((record.unit, record.row)) && record.unit != FOREIGN;
                encoding::ensure(is_next && partition(record.hash) == index, "its keys are out of order")?;
                last = Some((record.unit, record.row));
            }
            take(records)?;
            left -= count as u64;
        }
    }
    Ok(())
}

fn cannot_read(why: std::io::Error) -> Fault {
    Fault::new(Code::ScratchFailed, format!("cannot read back what was spilled: {why}"))
}
