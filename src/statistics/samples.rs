//! Two samples, counted in the same cells.

/// How many values of the batch (`a`) and of the baseline (`b`) lie between two values, both included. Cells stand in the order of
/// their values and do not overlap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub a: u64,
    pub b: u64,
    pub low: f64,
    pub high: f64,
}

impl Cell {
    /// A cell of one value.
    pub fn atom(value: f64, a: u64, b: u64) -> Self {
        Self { a, b, low: value, high: value }
    }

    /// Whether all values in it are equal.
    pub fn is_atom(&self) -> bool {
        self.low == self.high
    }

    /// Whether nothing says in which order its values of both samples stand.
    pub fn is_mixed(&self) -> bool {
        self.a > 0 && self.b > 0 && !self.is_atom()
    }
}

/// How many values the batch has, and the baseline.
pub(super) fn totals(cells: &[Cell]) -> (u64, u64) {
    cells.iter().fold((0, 0), |(a, b), cell| (a + cell.a, b + cell.b))
}
