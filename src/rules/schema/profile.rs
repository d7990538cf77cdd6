//! How the values of a column looked earlier and how they look now.

use std::collections::BTreeMap;

use crate::metric::cells::{CellsOut, Value, align};

/// What is known of a column's values.
#[derive(Debug, Clone, Default)]
pub struct ColumnProfile {
    /// How they are distributed.
    pub cells: Option<CellsOut>,
    /// Of text: how they are written.
    pub shapes: Option<CellsOut>,
}

/// Profiles of columns by name: of earlier data, and of the batch.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    /// Whose the earlier ones are, in words.
    pub label: String,
    pub old: BTreeMap<String, ColumnProfile>,
    pub new: BTreeMap<String, ColumnProfile>,
}

/// Fewer values than these say nothing of the others.
pub(super) const VALUES_MIN: u64 = 30;

/// Profiles that are so much alike are probably those of one column under two names.
pub(super) const ALIKE_MIN: f64 = 0.9;
/// Profiles that are less alike than this are not those of one column.
pub(super) const UNLIKE_MAX: f64 = 0.5;

impl Profiles {
    /// From 0 to 1, how much the values of `old` and `new` are alike; none where too little is known of them.
    pub(super) fn likeness(&self, old: &str, new: &str) -> Option<f64> {
        let (old, new) = (self.old.get(old)?, self.new.get(new)?);
        let shapes = old.shapes.as_ref().zip(new.shapes.as_ref());
        let cells = old.cells.as_ref().zip(new.cells.as_ref()).filter(|(a, b)| a.kind == b.kind);
        let (a, b) = match cells {
            // Names of texts tell them apart; where there are too many, how they are written does.
            Some((a, b)) if shapes.is_none() || (are_named(a) && are_named(b)) => (a, b),
            Some(_) | None => shapes?,
        };
        let enough = a.count >= VALUES_MIN && b.count >= VALUES_MIN;
        let missing = |of: &CellsOut| of.missing as f64 / (of.missing + of.count).max(1) as f64;
        enough.then(|| overlap(a, b) * (1.0 - (missing(a) - missing(b)).abs()))
    }
}

/// Whether texts are few enough to be kept by name.
fn are_named(cells: &CellsOut) -> bool {
    let is_named = |only: &Option<Value>| matches!(only, Some(Value::Text(_) | Value::Number(_)));
    cells.cells.iter().all(|cell| is_named(&cell.only)) && cells.cells.len() as u64 * 2 <= cells.count
}

/// The share of values that both have in common: 1 less half the sum of all differences, and less of that what chance alone makes
/// of samples of one distribution. Numbers are compared in 16 ranges that hold as many of `a` each.
fn overlap(a: &CellsOut, b: &CellsOut) -> f64 {
    const RANGES: u64 = 16;
    let mut bins: Vec<(u64, u64)> = Vec::new();
    let mut open = (0, 0);
    for pair in align(a, b) {
        open = (open.0 + pair.a, open.1 + pair.b);
        if pair.edges.is_none() || open.0 * RANGES >= a.count {
            bins.push(std::mem::take(&mut open));
        }
    }
    bins.push(open);
    let (n, m) = (a.count.max(1) as f64, b.count.max(1) as f64);
    let (mut apart, mut by_chance) = (0.0, 0.0);
    for (a, b) in bins {
        let (p, q) = (a as f64 / n, b as f64 / m);
        let both = (a + b) as f64 / (n + m);
        apart += (p - q).abs() / 2.0;
        // The mean size of a normal deviation.
        by_chance += (std::f64::consts::FRAC_2_PI * both * (1.0 - both) * (1.0 / n + 1.0 / m)).sqrt() / 2.0;
    }
    1.0 - (apart - by_chance).max(0.0)
}
