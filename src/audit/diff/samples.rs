//! The first rows that differ, with their values here and there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::cells::Cells;
use super::columns::{PairedColumn, PairedColumns};
use super::{Batch, There};
use crate::audit::fold::Counted;
use crate::audit::samples::{Fetched, fetch};
use crate::diagnostic::Fault;
use crate::findings::Sample;
use crate::metric::paired::Paired;
use crate::rows::{RowId, RowSet};
use crate::source::{RowOrigins, Unit};

/// Why a row is shown.
#[derive(Debug, Clone)]
enum Kind {
    /// Which row it was there, and in which of the compared columns it differs.
    Changed(RowId, Vec<usize>),
    Added,
    Removed,
    /// Its key occurs several times.
    Repeated,
    WithoutKey,
}

impl Kind {
    fn reason(&self) -> &'static str {
        match self {
            Self::Changed(..) => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Repeated => "its key occurs several times",
            Self::WithoutKey => "it lacks a part of the key",
        }
    }
}

/// A row to be shown: 0 for one there, 1 for one of the batch.
struct Shown {
    side: usize,
    row: RowId,
    kind: Kind,
}

/// The first rows of each kind: as many of each as there is room for, and what is left to those that come first.
pub(super) fn of(
    (batch, totals, without_key): (Batch<'_>, &Counted, &RowSet),
    there: &There<'_>,
    (columns, paired, cells): (&PairedColumns, &Paired, &Cells),
    samples_max: usize,
) -> Result<Vec<Sample>, Fault> {
    let rows = |side: usize, rows: &RowSet, kind: Kind| -> Vec<Shown> {
        rows.iter().take(samples_max).map(|row| Shown { side, row, kind: kind.clone() }).collect()
    };
    let changed =
        cells.first.iter().map(|(&row, (other, differing))| Shown { side: 1, row, kind: Kind::Changed(*other, differing.clone()) });
    let kinds = vec![
        changed.collect(),
        rows(1, &paired.alone[1], Kind::Added),
        rows(0, &paired.alone[0], Kind::Removed),
        rows(1, &paired.repeated[1], Kind::Repeated),
        rows(0, &paired.repeated[0], Kind::Repeated),
        rows(1, without_key, Kind::WithoutKey),
        rows(0, &there.looked.without_key, Kind::WithoutKey),
    ];
    let shown = shared(kinds, samples_max);
    let mut wanted: [(BTreeSet<RowId>, BTreeSet<usize>); 2] = Default::default();
    for Shown { side, row, kind } in &shown {
        wanted[*side].0.insert(*row);
        wanted[*side].1.extend(columns.key.iter().map(|column| column.indices[*side]));
        if let Kind::Changed(other, differing) = kind {
            wanted[0].0.insert(*other);
            for (side, (_, columns_wanted)) in wanted.iter_mut().enumerate() {
                columns_wanted.extend(differing.iter().map(|&index| columns.compared[index].indices[side]));
            }
        }
    }
    let (job, source, plan, privacy) = batch;
    let origins = [&there.looked.origins, &totals.row_origins];
    let of = |side: usize| -> Result<Fetched, Fault> {
        let (rows, columns) = &wanted[side];
        match (rows.is_empty(), side) {
            (true, _) => Ok(Fetched::new()),
            (false, 0) => fetch((there.side.job, there.side.source, there.plan, privacy), &units_of(rows, origins[0]), rows, columns),
            (false, _) => fetch((job, source, plan, privacy), &units_of(rows, origins[1]), rows, columns),
        }
    };
    let fetched = [of(0)?, of(1)?];
    let known = [&there.side.source.known().origins, &source.known().origins];
    let values = |side: usize, row: RowId, columns: &mut dyn Iterator<Item = &PairedColumn>| -> Vec<(String, Json)> {
        let none = BTreeMap::new();
        let found = fetched[side].get(&row).unwrap_or(&none);
        columns.map(|column| (column.name.clone(), found.get(&column.indices[side]).cloned().unwrap_or(Json::Null))).collect()
    };
    let sample = |Shown { side, row, kind }: Shown| {
        let (differing, other) = match &kind {
            Kind::Changed(other, differing) => (differing.as_slice(), Some(*other)),
            Kind::Added | Kind::Removed | Kind::Repeated | Kind::WithoutKey => (&[][..], None),
        };
        let differing = || differing.iter().map(|&index| &columns.compared[index]);
        Sample {
            origin: origins[side].origin(row, known[side]),
            line_column: None,
            values: values(side, row, &mut columns.key.iter().chain(differing())),
            before: other.map(|other| values(0, other, &mut differing())).unwrap_or_default(),
            raw: None,
            reason: Some(kind.reason().to_owned()),
            same_key_as: other.map(|other| origins[0].origin(other, known[0])),
        }
    };
    Ok(shown.into_iter().map(sample).collect())
}

/// The units in which rows lie.
fn units_of(rows: &BTreeSet<RowId>, origins: &RowOrigins) -> Vec<Unit> {
    let units: BTreeSet<u32> = rows.iter().map(|row| row.unit).collect();
    units.into_iter().map(|unit| origins.unit(unit).clone()).collect()
}

/// At most `room` of all: the same number of each kind, and what is left to the kinds that come first.
fn shared(kinds: Vec<Vec<Shown>>, room: usize) -> Vec<Shown> {
    let present = kinds.iter().filter(|kind| !kind.is_empty()).count();
    let each = room / present.max(1);
    let mut left = room - kinds.iter().map(|kind| kind.len().min(each)).sum::<usize>();
    let mut shown = Vec::new();
    for kind in kinds {
        let more = kind.len().saturating_sub(each).min(left);
        left -= more;
        shown.extend(kind.into_iter().take(each + more));
    }
    shown
}
