//! Texts that are written otherwise than before: dates in another order, commas for points.

use std::collections::BTreeMap;

use super::profile::VALUES_MIN;
use crate::metric::cells::{CellsOut, Value};

/// How most texts looked before, and how they look now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewritten {
    pub(super) before: String,
    pub(super) now: String,
}

/// So much of the values has one of a few shapes, where they have a format at all.
const MOST: f64 = 0.9;
/// So few of them are left of a format that is gone.
const FEW: f64 = 0.1;
/// More shapes than these are no format.
const SHAPES_MAX: usize = 8;

/// Whether the shapes of most values are gone and others came. `a` and `b` count shapes, in which each digit is a 9.
pub(super) fn rewritten(a: &CellsOut, b: &CellsOut) -> Option<Rewritten> {
    let (old, new) = (Shares::of(a, collapsed)?, Shares::of(b, collapsed)?);
    let (most, most_now) = (old.most()?, new.most()?);
    let (detailed, detailed_now) = (Shares::of(a, str::to_owned)?, Shares::of(b, str::to_owned)?);
    let (before, now) = (detailed.first()?, detailed_now.first()?);
    let is_gone = new.of_these(&most) <= FEW && old.of_these(&most_now) <= FEW;
    // Numbers grow; the digits of dates and of the like only change places.
    let is_turned = collapsed(before.0) == collapsed(now.0)
        && collapsed(now.0).matches('9').count() >= 3
        && before.0 != now.0
        && before.1.min(now.1) > 0.95;
    (is_gone || is_turned).then(|| Rewritten { before: before.0.to_owned(), now: now.0.to_owned() })
}

/// The shape with digits in a row as one, without a sign: how long numbers are is no format.
fn collapsed(shape: &str) -> String {
    let mut out = String::new();
    for c in shape.trim_start_matches(['-', '+']).chars() {
        if !(c == '9' && out.ends_with('9')) {
            out.push(c);
        }
    }
    out
}

/// What share of values has which shape.
struct Shares(BTreeMap<String, f64>);

impl Shares {
    /// None where there are too few values, or shapes without a name.
    fn of(shapes: &CellsOut, told: impl Fn(&str) -> String) -> Option<Self> {
        let (mut counts, mut all, mut unnamed) = (BTreeMap::<String, u64>::new(), 0, 0);
        for cell in &shapes.cells {
            match &cell.only {
                Some(Value::Text(shape)) if shape.is_empty() => {}
                Some(Value::Text(shape)) => {
                    *counts.entry(told(shape)).or_default() += cell.count;
                    all += cell.count;
                }
                Some(Value::Hash(_) | Value::Number(_)) | None => {
                    unnamed += cell.count;
                    all += cell.count;
                }
            }
        }
        let says_enough = all >= VALUES_MIN && unnamed as f64 <= FEW * all as f64;
        says_enough.then(|| Self(counts.into_iter().map(|(shape, count)| (shape, count as f64 / all as f64)).collect()))
    }

    /// The few most frequent shapes that most values have; none where there are more.
    fn most(&self) -> Option<Vec<&str>> {
        let mut shapes: Vec<(&str, f64)> = self.0.iter().map(|(shape, share)| (shape.as_str(), *share)).collect();
        shapes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        let mut sum = 0.0;
        for (i, (_, share)) in shapes.iter().enumerate().take(SHAPES_MAX) {
            sum += share;
            if sum >= MOST {
                return Some(shapes[..=i].iter().map(|(shape, _)| *shape).collect());
            }
        }
        None
    }

    fn first(&self) -> Option<(&str, f64)> {
        let (shape, share) = self.0.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)))?;
        Some((shape, *share))
    }

    /// The share of the values that have one of these shapes.
    fn of_these(&self, shapes: &[&str]) -> f64 {
        shapes.iter().filter_map(|shape| self.0.get(*shape)).sum()
    }
}
