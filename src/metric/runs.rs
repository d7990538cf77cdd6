//! The longest run of consecutive missing values, in source order.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::column::Column;
use super::completeness::MissingSpec;
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;

/// Runs of missing values.
#[derive(Debug, Clone)]
pub struct MissingRuns {
    spec: MissingSpec,
    counted: Counted,
}

/// The longest run, and those at both ends so that units can be joined.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Counted {
    rows: u64,
    /// Run at the head; equal to `rows` when everything is missing.
    head: u64,
    /// Run at the tail.
    tail: u64,
    longest: u64,
}

impl State for MissingRuns {
    const NAME: &'static str = "missing_runs";
    const VERSION: u32 = 1;
    type Spec = MissingSpec;
    /// Length of the longest run.
    type Out = u64;
    const ORDERED: bool = true;

    fn empty(spec: &MissingSpec, _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { spec: spec.clone(), counted: Counted::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let missing = self.spec.mask(columns[0]).bits(rows.len());
        rows.selection.rows(rows.len(), |i| {
            self.counted.push(missing.value(i));
        });
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.counted.join(&later.counted);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.counted, to)
    }

    fn decode(spec: &MissingSpec, _: &[DataType], _: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let counted: Counted = encoding::read(from)?;
        encoding::ensure_counts([counted.rows])?;
        let Counted { rows, head, tail, longest } = counted;
        encoding::ensure(head.max(tail) <= longest && longest <= rows, "a run is longer than it can be")?;
        Ok(Self { spec: spec.clone(), counted })
    }

    fn finish(self, _: &Inputs) -> Result<u64, Fault> {
        Ok(self.counted.longest)
    }
}

impl Counted {
    fn push(&mut self, missing: bool) {
        self.tail = if missing { self.tail + 1 } else { 0 };
        if missing && self.head == self.rows {
            self.head += 1;
        }
        self.longest = self.longest.max(self.tail);
        self.rows += 1;
    }

    fn join(&mut self, later: &Self) {
        self.longest = self.longest.max(later.longest).max(self.tail + later.head);
        if self.head == self.rows {
            self.head += later.head;
        }
        self.tail = if later.tail == later.rows { self.tail + later.tail } else { later.tail };
        self.rows += later.rows;
    }
}
