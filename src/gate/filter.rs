//! Takes rows out of a staged file that turned out, after the fold, not to pass.

use arrow::array::BooleanArray;

use super::staging::{Staged, StagedUnit};
use crate::diagnostic::{Code, Fault};
use crate::rows::{RowId, RowSet};
use crate::store::{Columns, StagedFile, Stamp};

/// The staged rows that are not in `set_aside`. Row groups that lose nothing are copied as bytes;
/// where none loses anything, the staged file is returned as it is. With it come the columns it is written with.
pub(super) fn without(staged: Staged, set_aside: &RowSet, stamp: &Stamp) -> Result<(StagedFile, Columns), Fault> {
    let Staged { mut file, units, columns, directory } = staged;
    let loses =
        |unit: &StagedUnit| set_aside.len_of(unit.unit) > 0 && rows(unit).any(|row| set_aside.contains(RowId { unit: unit.unit, row }));
    let losing: Vec<bool> = units.iter().map(loses).collect();
    if !losing.contains(&true) {
        return Ok((file, columns));
    }
    file.finish(stamp)?;
    let mut filtered = StagedFile::create(&directory, &columns)?;
    let encoder = filtered.encoder();
    let source = file.readable()?;
    for (group, (unit, loses)) in units.iter().zip(losing).enumerate() {
        if !loses {
            filtered.append_copy(&source, group)?;
            continue;
        }
        let mut keep = rows(unit).map(|row| Some(!set_aside.contains(RowId { unit: unit.unit, row })));
        let mut kept = Vec::new();
        for batch in file.read_group(group)? {
            let mask: BooleanArray = keep.by_ref().take(batch.num_rows()).collect();
            let batch = arrow::compute::filter_record_batch(&batch, &mask)
                .map_err(|e| Fault::new(Code::Internal, format!("cannot filter: {e}")))?;
            kept.extend((batch.num_rows() > 0).then_some(batch));
        }
        if !kept.is_empty() {
            filtered.append(encoder.encode(&kept)?)?;
        }
    }
    Ok((filtered, columns))
}

/// The rows of the unit that its row group holds, in order.
pub(super) fn rows(unit: &StagedUnit) -> impl Iterator<Item = u32> + '_ {
    unit.runs.iter().flat_map(|&(first, len)| first..first + len)
}
