//! Which units are looked at: all of little data, so that nothing depends on how it is cut; of more, some in which rows fail, and others
//! beside them.

use std::collections::BTreeSet;

use crate::rows::RowSet;
use crate::source::{Rereading, RowOrigins, Source, Unit};

/// So many rows are looked at in any case.
const ROWS_ALL: u64 = 100_000;

/// Whether all rows are looked at.
pub(super) fn are_few(origins: &RowOrigins) -> bool {
    origins.records() <= ROWS_ALL
}

/// The units to look at: of each finding the one with most of its rows, and others at even distances, up to a part of all that is as
/// large as reading it again is cheap.
pub(super) fn chosen<'a>(
    source: &dyn Source,
    (units, origins): (&[Unit], &RowOrigins),
    findings: impl Iterator<Item = &'a RowSet>,
) -> Vec<Unit> {
    let most = match source.known().rereading {
        // Columns of few values are decoded in no time.
        Rereading::Free | Rereading::OfThose => (units.len() / 5).max(2),
        Rereading::OfAll => (units.len() / 10).max(1),
    };
    if units.len() <= most || are_few(origins) {
        return units.to_vec();
    }
    let mut chosen: BTreeSet<u32> = BTreeSet::new();
    for rows in findings.take(most.div_ceil(2)) {
        let fullest = rows.units().max_by_key(|&unit| (rows.len_of(unit), std::cmp::Reverse(unit)));
        chosen.extend(fullest);
    }
    // From the middle of each stretch, so that neither the first unit nor the last stands for all.
    let even = (0..most).map(|i| (units.len() * (2 * i + 1) / (2 * most)) as u32);
    for unit in even {
        if chosen.len() < most {
            chosen.insert(unit);
        }
    }
    units.iter().filter(|unit| chosen.contains(&unit.index)).cloned().collect()
}
