//! Units of rows, encoded as a store keeps them.

use std::any::Any;

use arrow::array::RecordBatch;

use crate::diagnostic::{Code, Fault};
use crate::rows::{RowId, RowSet};

/// Encodes units of rows as a store keeps them; shared between threads.
pub trait Encoder: Send + Sync {
    /// Begins a unit.
    ///
    /// # Errors
    /// A type cannot be encoded.
    fn begin(&self) -> Result<Box<dyn UnitEncoder>, Fault>;

    /// Encodes a unit of which all rows are here.
    ///
    /// # Errors
    /// A type or a value cannot be encoded.
    fn encode(&self, rows: &[RecordBatch]) -> Result<Encoded, Fault> {
        let mut unit = self.begin()?;
        rows.iter().try_for_each(|rows| unit.write(rows))?;
        unit.close()
    }
}

/// A unit's rows being encoded.
pub trait UnitEncoder {
    /// Adds rows.
    ///
    /// # Errors
    /// A value cannot be encoded.
    fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault>;

    /// Ends the unit.
    ///
    /// # Errors
    /// The rows cannot be encoded.
    fn close(self: Box<Self>) -> Result<Encoded, Fault>;
}

/// A unit's rows, as an encoder made them for its stage.
pub struct Encoded(Box<dyn Any + Send>);

impl Encoded {
    pub fn new(rows: impl Any + Send) -> Self {
        Self(Box::new(rows))
    }

    /// What the encoder made.
    ///
    /// # Errors
    /// It is another stage's.
    pub fn into<T: Any>(self) -> Result<T, Fault> {
        self.0.downcast().map(|rows| *rows).map_err(|_| Fault::new(Code::Internal, "internal error: rows were encoded for another store"))
    }
}

/// Which rows of a unit are staged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StagedUnit {
    pub unit: u32,
    /// (first row, length), ascending.
    runs: Vec<(u32, u32)>,
}

impl StagedUnit {
    /// These rows of `unit`, ascending.
    pub fn of(unit: u32, rows: impl IntoIterator<Item = u32>) -> Self {
        let mut staged = Self { unit, runs: Vec::new() };
        staged.extend(rows);
        staged
    }

    /// More rows, ascending behind the others.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = u32>) {
        for row in rows {
            match self.runs.last_mut() {
                Some((first, len)) if *first + *len == row => *len += 1,
                Some(_) | None => self.runs.push((row, 1)),
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The rows, ascending.
    pub fn rows(&self) -> impl Iterator<Item = RowId> + '_ {
        self.runs.iter().flat_map(|&(first, len)| first..first + len).map(|row| RowId { unit: self.unit, row })
    }

    /// The same without those of `gone`.
    #[must_use]
    pub fn without(&self, gone: &RowSet) -> Self {
        Self::of(self.unit, self.rows().filter(|row| !gone.contains(*row)).map(|row| row.row))
    }

    /// Whether one of them is in `rows`.
    pub fn meets(&self, rows: &RowSet) -> bool {
        rows.len_of(self.unit) > 0 && self.rows().any(|row| rows.contains(row))
    }
}
