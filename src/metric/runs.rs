//! The longest run of consecutive missing values, in source order.

use std::sync::Arc;

use arrow::datatypes::DataType;

use super::completeness::MissingSpec;
use super::{Budget, Column, Inputs, Rows, State};
use crate::diagnostic::Fault;

/// Runs of missing values: the longest, and those at both ends so that units can be joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MissingRuns {
    spec: MissingSpec,
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
        Self { spec: spec.clone(), ..Self::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let missing = self.spec.mask(columns[0]).bits(rows.len());
        rows.selection.rows(rows.len(), |i| {
            self.push(missing.value(i));
        });
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.join(&later);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(self, _: &Inputs) -> Result<u64, Fault> {
        Ok(self.longest)
    }
}

impl MissingRuns {
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
