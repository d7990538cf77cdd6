//! What cells come to, and two of them side by side.

use std::borrow::Cow;

use super::key::text_key;
use crate::metric::ordered::value_at;

/// What a column's values are to cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellsKind {
    /// Numbers, dates, times and booleans, in their order.
    Numbers,
    /// Text and everything else, by hash: its cells have no order that means anything.
    Texts,
}

/// How often values occur, by cell of a 64-bit order.
#[derive(Debug, Clone, PartialEq)]
pub struct CellsOut {
    pub kind: CellsKind,
    /// Low bits of the order that share a cell; with 0 every value has a cell of its own.
    pub shift: u32,
    /// Those that hold values, ascending.
    pub cells: Vec<Cell>,
    /// Values that are there.
    pub count: u64,
    /// Rows without a value.
    pub missing: u64,
}

/// A cell that holds values.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub index: u64,
    pub count: u64,
    /// Its one value, if no other is in it.
    pub only: Option<Value>,
}

/// A value that has a cell for itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Booleans are 0 and 1, dates and times a count since 1970, decimals the nearest float.
    Number(f64),
    Text(String),
    /// A text that is too long to be kept, or one of too many: its hash.
    Hash(u64),
}

impl Value {
    /// Whether both stand for one value.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(text), Self::Hash(hash)) | (Self::Hash(hash), Self::Text(text)) => text_key(text) == *hash,
            (Self::Number(_) | Self::Text(_) | Self::Hash(_), _) => self == other,
        }
    }
}

impl CellsOut {
    /// The values at the edges of a cell; none where cells have no order.
    pub fn edges(&self, index: u64) -> Option<(f64, f64)> {
        edges(self.kind, self.shift, index)
    }

    /// The quantile at `p` of finite numbers, by linear interpolation (Hyndman and Fan's type 7): what it is most likely, and
    /// between what it must be where numbers share cells. None where there is no finite number.
    pub fn quantile(&self, p: f64) -> Option<(f64, f64, f64)> {
        let spans: Vec<(u64, (f64, f64))> = self.cells.iter().filter_map(|cell| Some((cell.count, self.span(cell)?))).collect();
        let count: u64 = spans.iter().map(|(count, _)| count).sum();
        let place = count.checked_sub(1)? as f64 * p.clamp(0.0, 1.0);
        let (rank, beyond) = (place.floor() as u64, place.fract());
        let at = |rank: u64| {
            let mut before = 0;
            for &(count, (low, high)) in &spans {
                if rank < before + count {
                    // As if the numbers of a cell stood at equal distances.
                    let part = ((rank - before) as f64 + 0.5) / count as f64;
                    return (low * (1.0 - part) + high * part, low, high);
                }
                before += count;
            }
            spans.last().map_or((0.0, 0.0, 0.0), |(_, (low, high))| (*high, *low, *high))
        };
        let (a, b) = (at(rank), at(rank + u64::from(beyond > 0.0)));
        let between = |a: f64, b: f64| if a == b { a } else { a * (1.0 - beyond) + b * beyond };
        Some((between(a.0, b.0), between(a.1, b.1), between(a.2, b.2)))
    }

    /// The finite numbers between which those of a cell lie.
    fn span(&self, cell: &Cell) -> Option<(f64, f64)> {
        match &cell.only {
            Some(Value::Number(x)) => x.is_finite().then_some((*x, *x)),
            Some(Value::Text(_) | Value::Hash(_)) => None,
            None => self.edges(cell.index).map(|(low, high)| (low.max(f64::MIN), high.min(f64::MAX))),
        }
    }

    /// The same at a coarser shift: cells that become one lose their value, unless it is the same.
    pub fn coarser(&self, shift: u32) -> Cow<'_, Self> {
        if shift <= self.shift {
            return Cow::Borrowed(self);
        }
        let mut cells: Vec<Cell> = Vec::new();
        for cell in &self.cells {
            let index = cell.index >> (shift - self.shift);
            match cells.last_mut().filter(|last| last.index == index) {
                Some(last) => {
                    last.count += cell.count;
                    last.only = None;
                }
                None => cells.push(Cell { index, ..cell.clone() }),
            }
        }
        Cow::Owned(Self { shift, cells, ..self.clone() })
    }
}

fn edges(kind: CellsKind, shift: u32, index: u64) -> Option<(f64, f64)> {
    match kind {
        CellsKind::Numbers => {
            let low = index << shift;
            let value = |order, beyond: f64| Some(value_at(order)).filter(|x| !x.is_nan()).unwrap_or(beyond);
            Some((value(low, f64::NEG_INFINITY), value(low | ((1 << shift) - 1), f64::INFINITY)))
        }
        CellsKind::Texts => None,
    }
}

/// A cell of two distributions: how often each has values in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub index: u64,
    pub a: u64,
    pub b: u64,
    /// The one value that `a` has in it.
    pub a_only: Option<Value>,
    pub b_only: Option<Value>,
    /// The lowest and the highest value that it may hold; none where cells have no order.
    pub edges: Option<(f64, f64)>,
}

impl Pair {
    /// Whether all values in it are one and the same: nothing is hidden inside the cell.
    pub fn is_exact(&self) -> bool {
        match (&self.a_only, &self.b_only) {
            (Some(a), Some(b)) => a.is_same(b),
            (Some(_), None) => self.b == 0,
            (None, Some(_)) => self.a == 0,
            (None, None) => false,
        }
    }
}

/// Both on the coarser of their shifts, cell by cell, ascending.
pub fn align(a: &CellsOut, b: &CellsOut) -> Vec<Pair> {
    let shift = a.shift.max(b.shift);
    let (a, b) = (a.coarser(shift), b.coarser(shift));
    let (mut ours, mut theirs) = (a.cells.iter().peekable(), b.cells.iter().peekable());
    let mut pairs = Vec::with_capacity(a.cells.len().max(b.cells.len()));
    loop {
        let index = match (ours.peek(), theirs.peek()) {
            (Some(x), Some(y)) => x.index.min(y.index),
            (Some(x), None) => x.index,
            (None, Some(y)) => y.index,
            (None, None) => return pairs,
        };
        let (x, y) = (ours.next_if(|x| x.index == index), theirs.next_if(|y| y.index == index));
        pairs.push(Pair {
            index,
            a: x.map_or(0, |x| x.count),
            b: y.map_or(0, |y| y.count),
            a_only: x.and_then(|x| x.only.clone()),
            b_only: y.and_then(|y| y.only.clone()),
            edges: edges(a.kind, shift, index),
        });
    }
}
