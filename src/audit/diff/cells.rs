//! The values of rows that differ, held against each other.
//!
//! Only rows are read of which the hashes differ. They are taken apart by the hash of their key, so that those of one part of both
//! data sets fit in memory; past the memory limit they wait on disk.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::UInt64Type;
use foldhash::{HashMap, HashMapExt};

use super::columns::{PairedColumn, PairedColumns};
use super::kept::{KeptRows, Parts, UnitRows, failed};
use super::side::Side;
use crate::audit::Job;
use crate::diagnostic::{Code, Fault};
use crate::engine::UnitSelection;
use crate::metric::canonical::RowBytes;
use crate::metric::paired::{Paired, in_nanoseconds};
use crate::metric::{Column, Number};
use crate::rows::{RowId, RowSet};
use crate::rules::paired::Apart;
use crate::source::RowOrigins;

/// What the values of rows that differ say.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// The batch's rows that changed.
    pub(super) changed: RowSet,
    /// By compared column, how many.
    pub(super) by_column: Vec<u64>,
    /// The first of them: the row there, and the compared columns that differ.
    pub(super) first: BTreeMap<RowId, (RowId, Vec<usize>)>,
}

/// Looks at the values of the rows that differ.
///
/// # Errors
/// They cannot be read again, or the disk fails.
pub(super) fn compare(
    sides: [(&Side<'_>, &RowOrigins); 2],
    columns: &PairedColumns,
    paired: &Paired,
    samples_max: usize,
) -> Result<Cells, Fault> {
    let mut cells = Cells { by_column: vec![0; columns.compared.len()], ..Cells::default() };
    let rows = paired.differing[1].len();
    if rows == 0 {
        return Ok(cells);
    }
    let parts = Parts::for_rows(rows);
    let [there, here] = [0, 1].map(|side| {
        let (of, origins) = sides[side];
        fetched(of, origins, columns, &paired.differing[side], parts)
    });
    let (there, here) = (there?, here?);
    let mut changed: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let job: &Job<'_> = sides[1].0.job;
    for part in 0..parts.count() {
        job.cancel.check()?;
        let (there, here) = match (there.part(part)?, here.part(part)?) {
            (Some(there), Some(here)) => (there, here),
            (None, None) => continue,
            (Some(_), None) | (None, Some(_)) => return Err(changed_meanwhile()),
        };
        let compared = Part::of(&there, &here)?.compare(columns)?;
        for (row, other, differing) in compared {
            differing.iter().for_each(|&column| cells.by_column[column] += 1);
            changed.entry(row.unit).or_default().push(row.row);
            cells.first.insert(row, (other, differing));
            if cells.first.len() > samples_max {
                cells.first.pop_last();
            }
        }
    }
    changed.into_iter().for_each(|(unit, rows)| cells.changed.insert_unit(unit, rows));
    Ok(cells)
}

/// The rows of one side, with their compared columns.
fn fetched(side: &Side<'_>, origins: &RowOrigins, columns: &PairedColumns, rows: &RowSet, parts: Parts) -> Result<KeptRows, Fault> {
    let mut kept = KeptRows::new(&side.job.budget);
    let units: Vec<_> = rows.units().map(|unit| origins.unit(unit).clone()).collect();
    let wanted = columns.of_side(side.number);
    side.read(
        &wanted,
        (UnitSelection::Units(&units), false),
        |unit: &mut UnitRows, number, found| {
            let selected = found.selected.and(&rows.mask(number, &found.numbers));
            unit.take(number, found, &selected, columns)
        },
        |_, _, unit| kept.push(unit.in_order(parts)?),
    )?;
    Ok(kept)
}

/// The rows of one part of both data sets, side by side.
struct Part {
    there: RecordBatch,
    here: RecordBatch,
    /// For each row here, that of the same key there.
    partner: Vec<u32>,
}

impl Part {
    fn of(there: &[RecordBatch], here: &[RecordBatch]) -> Result<Self, Fault> {
        let whole = |batches: &[RecordBatch]| concat_batches(&batches[0].schema(), batches).map_err(failed);
        let (there, here) = (whole(there)?, whole(here)?);
        let mut by_key: HashMap<[u64; 2], u32> = HashMap::with_capacity(there.num_rows());
        (0..there.num_rows()).for_each(|row| _ = by_key.insert(key(&there, row), row as u32));
        let partner = (0..here.num_rows()).map(|row| by_key.get(&key(&here, row)).copied());
        let partner = partner.collect::<Option<Vec<u32>>>().ok_or_else(changed_meanwhile)?;
        Ok(Self { there, here, partner })
    }

    /// The rows that changed: here, there, and in which of the compared columns.
    fn compare(&self, columns: &PairedColumns) -> Result<Vec<(RowId, RowId, Vec<usize>)>, Fault> {
        let len = self.here.num_rows();
        let partner = UInt32Array::from(self.partner.clone());
        let mut differing: Vec<Vec<usize>> = vec![Vec::new(); len];
        for (index, column) in columns.compared.iter().enumerate() {
            let there = take(self.there.column(UnitRows::OWN + index), &partner, None).map_err(failed)?;
            each_difference(column, &there, self.here.column(UnitRows::OWN + index), |row| differing[row].push(index));
        }
        let found = differing.into_iter().enumerate().filter(|(_, columns)| !columns.is_empty());
        Ok(found.map(|(row, columns)| (id(&self.here, row), id(&self.there, self.partner[row] as usize), columns)).collect())
    }
}

fn key(batch: &RecordBatch, row: usize) -> [u64; 2] {
    [0, 1].map(|column| batch.column(column).as_primitive::<UInt64Type>().value(row))
}

fn id(batch: &RecordBatch, row: usize) -> RowId {
    let place = batch.column(2).as_primitive::<UInt64Type>().value(row);
    RowId { unit: (place >> 32) as u32, row: place as u32 }
}

/// Calls `each` with the rows in which both differ by more than they may.
fn each_difference(column: &PairedColumn, there: &ArrayRef, here: &ArrayRef, mut each: impl FnMut(usize)) {
    let len = here.len();
    let ([there_formed, here_formed], mut bytes) =
        ([there, here].map(|array| column.form.column(array)), [(); 2].map(|()| RowBytes::default()));
    bytes[0].encode(&[&there_formed], len);
    bytes[1].encode(&[&here_formed], len);
    let numbers = column.apart.map(|apart| (apart, [there, here].map(|array| Column::new(array.clone()))));
    for row in 0..len {
        if bytes[0].row(row) == bytes[1].row(row) {
            continue;
        }
        let is_near = numbers.as_ref().is_some_and(|(apart, [there, here])| {
            number(*apart, there, row).zip(number(*apart, here, row)).is_some_and(|(there, here)| apart.holds(there, here))
        });
        if !is_near {
            each(row);
        }
    }
}

/// The number in a row; none where a value is missing. Of times, nanoseconds.
fn number(apart: Apart, column: &Column, row: usize) -> Option<Number> {
    let number = column.number(row).filter(|number| !matches!(number, Number::Float(x) if x.is_nan()))?;
    match apart {
        Apart::Absolute(_) | Apart::Relative(_) => Some(number),
        Apart::Time(_) => in_nanoseconds(column.array.data_type(), number),
    }
}

fn changed_meanwhile() -> Fault {
    Fault::new(Code::Unreadable, "the data changed while they were compared")
}
