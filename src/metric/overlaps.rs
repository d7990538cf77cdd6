//! Rows whose range of time or numbers overlaps that of another row.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::column::{Column, Numbers};
use super::held_rows::{HeldRow, HeldRows};
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::{Mask, RowSet};

/// The ranges of all rows: 24 bytes each.
#[derive(Debug)]
pub struct Overlaps {
    spec: OverlapsSpec,
    ranges: HeldRows<Range>,
}

/// Begin, end, unit, row.
type Range = (i64, i64, u32, u32);

impl HeldRow for Range {
    fn id(&self) -> (u32, u32) {
        (self.2, self.3)
    }
}

/// What a range holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapsSpec {
    /// Whether its end is still in it.
    pub inclusive: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverlapsOut {
    /// Rows with a range.
    pub ranges: u64,
    /// Rows whose range has something in common with another's.
    pub overlapping: RowSet,
    /// Rows whose range ends before it begins.
    pub inverted: RowSet,
}

/// The values of a column as they stand; open ends where they are missing.
fn ends(column: &Column, len: usize, open: i64) -> Vec<i64> {
    let missing = column.missing().bits(len);
    let mut values = vec![open; len];
    if let Some(Numbers::Ints { values: found, .. }) = column.numbers() {
        let narrow = |value: i128| i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
        each_width!(found, found => {
            for (i, value) in values.iter_mut().enumerate().filter(|(i, _)| !missing.value(*i)) {
                *value = narrow(i128::from(found[i]));
            }
        });
    }
    values
}

impl State for Overlaps {
    const NAME: &'static str = "overlaps";
    const VERSION: u32 = 1;
    type Spec = OverlapsSpec;
    /// None where the ranges do not fit the memory limit.
    type Out = Option<OverlapsOut>;
    const FORKS: bool = false;

    fn empty(spec: &OverlapsSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { spec: *spec, ranges: HeldRows::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let [from, to] = columns else { return Ok(()) };
        let whole = rows.selection.without(&from.missing().and(to.missing()));
        if self.ranges.is_over() || matches!(whole, Mask::None) {
            return Ok(());
        }
        let (from, to) = (ends(from, rows.len(), i64::MIN), ends(to, rows.len(), i64::MAX));
        let mut ranges = Vec::with_capacity(rows.len());
        whole.rows(rows.len(), |i| ranges.push((from[i], to[i], rows.unit, rows.numbers.get(i))));
        self.ranges.extend(ranges);
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.ranges.merge(later.ranges);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec, ranges: self.ranges.fork() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        self.ranges.encode(to)
    }

    fn decode(spec: &OverlapsSpec, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        Ok(Self { spec: *spec, ranges: HeldRows::decode(memory, from)? })
    }

    fn finish(mut self, _: &Inputs) -> Result<Self::Out, Fault> {
        let Some(all) = self.ranges.all() else { return Ok(None) };
        let ranges = all.len() as u64;
        let is_inverted = |range: &Range| range.1 < range.0;
        let inverted = row_set(all.iter().filter(|range| is_inverted(range)).map(|range| (range.2, range.3)).collect());
        if self.spec.inclusive {
            all.retain(|range| !is_inverted(range));
            all.iter_mut().for_each(|range| range.1 = range.1.saturating_add(1));
        } else {
            // What ends where it begins holds nothing.
            all.retain(|range| range.0 < range.1);
        }
        all.sort_unstable();
        let (mut overlapping, mut furthest) = (Vec::new(), i64::MIN);
        for (i, &(from, to, unit, row)) in all.iter().enumerate() {
            let meets_earlier = i > 0 && from < furthest;
            // They stand in the order of their beginnings: if any later one begins before this ends, the next one does.
            let meets_later = all.get(i + 1).is_some_and(|next| next.0 < to);
            if meets_earlier || meets_later {
                overlapping.push((unit, row));
            }
            furthest = furthest.max(to);
        }
        Ok(Some(OverlapsOut { ranges, overlapping: row_set(overlapping), inverted }))
    }
}

fn row_set(mut rows: Vec<(u32, u32)>) -> RowSet {
    rows.sort_unstable();
    let mut set = RowSet::default();
    rows.chunk_by(|a, b| a.0 == b.0).for_each(|unit| set.insert_unit(unit[0].0, unit.iter().map(|row| row.1).collect()));
    set
}
