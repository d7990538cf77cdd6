//! Values as a measure sees them: as they are, their logarithm, or their distance from a centre.

use super::column::{Column, for_each_float};
use crate::rows::Mask;

/// First the logarithm, then the distance.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Transform {
    /// The natural logarithm; values that have none are left out.
    pub log: bool,
    /// The distance from this.
    #[serde(with = "super::plain::maybe_float")]
    pub around: Option<f64>,
}

impl Transform {
    pub const IDENTITY: Self = Self { log: false, around: None };

    /// The value as the measure sees it; none where it has no logarithm.
    pub fn apply(&self, x: f64) -> Option<f64> {
        let x = match self.log {
            true if x > 0.0 => x.ln(),
            true => return None,
            false => x,
        };
        Some(self.around.map_or(x, |centre| (x - centre).abs()))
    }

    pub fn is_identity(&self) -> bool {
        *self == Self::IDENTITY
    }

    /// Calls `each` with every selected row and its value, where it has one.
    pub fn for_each(&self, column: &Column, selection: &Mask, mut each: impl FnMut(usize, f64)) {
        if self.is_identity() {
            return for_each_float(column, selection, each);
        }
        for_each_float(column, selection, |i, x| {
            if let Some(x) = self.apply(x) {
                each(i, x);
            }
        });
    }
}
