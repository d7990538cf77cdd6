//! Completeness: how many rows have a value (Deequ's definition; NaN is missing).

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::buffer::{BooleanBuffer, MutableBuffer};
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::budget::Budget;
use super::column::Column;
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::rows::Mask;

/// What counts as missing beside null and NaN.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MissingSpec {
    /// Texts that stand for a missing value.
    pub tokens: Vec<String>,
    /// Whether text of white space alone is missing.
    pub blank: bool,
}

impl MissingSpec {
    /// The rows whose value is missing.
    pub fn mask(&self, column: &Column) -> Mask {
        if self.tokens.is_empty() && !self.blank {
            return column.missing().clone();
        }
        let mut bits = MutableBuffer::from_len_zeroed(column.len().div_ceil(8));
        column.for_each_text(&Mask::All, |i, text| {
            if (self.blank && text.trim().is_empty()) || self.tokens.iter().any(|t| t == text) {
                arrow::util::bit_util::set_bit(&mut bits, i);
            }
        });
        column.missing().or(&Mask::new(BooleanBuffer::new(bits.into(), 0, column.len())))
    }
}

/// Counts rows, and missing values of one column; over no column, rows alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completeness {
    counts: Counts,
}

/// Rows seen, and how many of them had no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub rows: u64,
    pub missing: u64,
}

impl From<Counts> for Completeness {
    fn from(counts: Counts) -> Self {
        Self { counts }
    }
}

impl State for Completeness {
    const NAME: &'static str = "completeness";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = Counts;

    fn empty((): &(), _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { counts: Counts::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        self.counts.rows += rows.selection.count(rows.len()) as u64;
        if let Some(column) = columns.first() {
            self.counts.missing += rows.selection.and(column.missing()).count(rows.len()) as u64;
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.counts.rows += later.counts.rows;
        self.counts.missing += later.counts.missing;
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.counts, to)
    }

    fn decode((): &(), _: &[DataType], _: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        Self::of(encoding::read(from)?)
    }

    fn finish(self, _: &Inputs) -> Result<Counts, Fault> {
        Ok(self.counts)
    }

    const SUMMARISED: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        encoding::to_json(&self.counts).map(Some)
    }

    fn of_summary((): &(), _: &[DataType], _: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        Self::of(encoding::of_json(json)?)
    }
}

impl Completeness {
    fn of(counts: Counts) -> Result<Self, Fault> {
        encoding::ensure_counts([counts.rows])?;
        encoding::ensure(counts.missing <= counts.rows, "more rows are missing than there are")?;
        Ok(Self { counts })
    }
}
