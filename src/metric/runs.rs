//! The longest run of consecutive missing values, in source order.

use arrow::datatypes::DataType;

use super::completeness::MissingSpec;
use super::{Column, Rows, State};

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
    type Spec = MissingSpec;
    /// Length of the longest run.
    type Out = u64;
    const ORDERED: bool = true;

    fn empty(spec: &MissingSpec, _: &[DataType]) -> Self {
        Self { spec: spec.clone(), ..Self::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
        let missing = self.spec.mask(columns[0]).bits(rows.len());
        rows.selection.rows(rows.len(), |i| {
            self.push(missing.value(i));
        });
    }

    fn merge(&mut self, later: Self) {
        self.join(&later);
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn finish(self) -> Result<u64, std::io::Error> {
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
