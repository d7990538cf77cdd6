//! What the data says of its own types, and what of that a report shows.

use serde::{Deserialize, Serialize};

use super::json::Shape;
use crate::types::TypeEvidence;

/// What a unit, or all units so far, say against or beyond the types their columns were read as.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Evidence {
    /// The format knows its types.
    #[default]
    None,
    /// Delimited text: column by column.
    Columns(Vec<TypeEvidence>),
    /// JSON: value by value, at any depth.
    Shape(Box<Shape>),
}

impl Evidence {
    /// Takes in what the units that follow say.
    pub fn merge(&mut self, later: Self) {
        match (&mut *self, later) {
            (_, Self::None) => {}
            (Self::Columns(seen), Self::Columns(more)) => crate::types::merge_evidence(seen, &more),
            (Self::Shape(seen), Self::Shape(more)) => seen.merge(*more),
            (_, later) => *self = later,
        }
    }
}
