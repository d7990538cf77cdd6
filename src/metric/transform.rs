//! Values as a measure sees them: as they are, or their logarithm.

use super::column::{Column, for_each_float};
use crate::rows::Mask;

/// What is done to values before they are measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// The natural logarithm; values that have none are left out.
    pub log: bool,
}

impl Transform {
    pub const IDENTITY: Self = Self { log: false };

    /// The value as the measure sees it; none where it has no logarithm.
    pub fn apply(&self, x: f64) -> Option<f64> {
        match self.log {
            true if x > 0.0 => Some(x.ln()),
            true => None,
            false => Some(x),
        }
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
