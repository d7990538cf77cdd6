//! Batch and baseline, side by side.

use std::cmp::Ordering;

use crate::metric::cells::{CellsKind, CellsOut, Pair, Value, align};
use crate::statistics::Cell;

/// What both hold, cell by cell.
pub(super) struct Sides {
    pub pairs: Vec<Pair>,
    pub kind: CellsKind,
    /// Values of the batch, and of the baseline.
    pub n: u64,
    pub m: u64,
}

/// A value, or what stands for several, and how often each side has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Category {
    pub a: u64,
    pub b: u64,
    /// Its name, where there is but one value of it.
    pub value: Option<Value>,
}

impl Sides {
    pub(super) fn of(ours: &CellsOut, theirs: &CellsOut) -> Self {
        Self { pairs: align(ours, theirs), kind: ours.kind, n: ours.count, m: theirs.count }
    }

    /// Whether each value stands for itself.
    pub(super) fn is_exact(&self) -> bool {
        self.pairs.iter().all(is_told)
    }

    /// Whether the baseline has one value only, as far as it tells.
    pub(super) fn is_constant(&self) -> bool {
        let mut there = self.pairs.iter().filter(|pair| pair.b > 0);
        matches!((there.next(), there.next()), (Some(Pair { b_only: Some(_), .. }), None))
    }

    /// Categories, ascending by cell. A cell that holds several values is one.
    pub(super) fn categories(&self) -> Vec<Category> {
        let mut categories = Vec::with_capacity(self.pairs.len());
        for pair in &self.pairs {
            match (&pair.a_only, &pair.b_only) {
                (Some(a), Some(b)) if !a.is_same(b) => {
                    categories.push(Category { a: pair.a, b: 0, value: Some(a.clone()) });
                    categories.push(Category { a: 0, b: pair.b, value: Some(b.clone()) });
                }
                (Some(a), Some(b)) => categories.push(Category { a: pair.a, b: pair.b, value: Some(named(a, b)) }),
                (Some(a), None) if pair.b == 0 => categories.push(Category { a: pair.a, b: 0, value: Some(a.clone()) }),
                (None, Some(b)) if pair.a == 0 => categories.push(Category { a: 0, b: pair.b, value: Some(b.clone()) }),
                (Some(_) | None, None) | (None, Some(_)) => categories.push(Category { a: pair.a, b: pair.b, value: None }),
            }
        }
        categories
    }

    /// Cells in the order of their numbers.
    pub(super) fn numbers(&self) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(self.pairs.len());
        for pair in &self.pairs {
            match (number(pair.a_only.as_ref()), number(pair.b_only.as_ref())) {
                (Some(x), Some(y)) => match x.total_cmp(&y) {
                    Ordering::Equal => cells.push(Cell::atom(x, pair.a, pair.b)),
                    Ordering::Less => cells.extend([Cell::atom(x, pair.a, 0), Cell::atom(y, 0, pair.b)]),
                    Ordering::Greater => cells.extend([Cell::atom(y, 0, pair.b), Cell::atom(x, pair.a, 0)]),
                },
                (Some(x), None) if pair.b == 0 => cells.push(Cell::atom(x, pair.a, 0)),
                (None, Some(y)) if pair.a == 0 => cells.push(Cell::atom(y, 0, pair.b)),
                (Some(_) | None, None) | (None, Some(_)) => {
                    let (low, high) = pair.edges.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
                    // Beyond the infinities the order has places that no number stands at.
                    let low = if low.is_nan() { f64::NEG_INFINITY } else { low };
                    let high = if high.is_nan() { f64::INFINITY } else { high };
                    cells.push(Cell { a: pair.a, b: pair.b, low, high });
                }
            }
        }
        cells
    }

    /// Rows of the batch whose value the baseline never had: at least, and at most.
    pub(super) fn new_rows(&self) -> (u64, u64) {
        let (mut least, mut most) = (0, 0);
        for pair in &self.pairs {
            let is_new = pair.b == 0 || matches!((&pair.a_only, &pair.b_only), (Some(a), Some(b)) if !a.is_same(b));
            least += if is_new { pair.a } else { 0 };
            most += if is_new || !is_told(pair) { pair.a } else { 0 };
        }
        (least, most)
    }
}

/// Whether nothing is hidden inside the cell.
fn is_told(pair: &Pair) -> bool {
    (pair.a == 0 || pair.a_only.is_some()) && (pair.b == 0 || pair.b_only.is_some())
}

/// Of two that are the same, the one with a name.
fn named(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Hash(_), Value::Text(_)) => b.clone(),
        (Value::Number(_) | Value::Text(_) | Value::Hash(_), _) => a.clone(),
    }
}

/// The number; −0 is 0.
fn number(value: Option<&Value>) -> Option<f64> {
    match value {
        Some(Value::Number(x)) => Some(x + 0.0),
        Some(Value::Text(_) | Value::Hash(_)) | None => None,
    }
}
