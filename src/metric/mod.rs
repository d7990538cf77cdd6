//! Mergeable states: what is counted while the data goes by.
//!
//! A state folds the selected rows of one unit from empty and merges with the states of later
//! units, always in unit order. Every state is exact or says its error, is independent of how a
//! unit was cut into batches, and obeys the laws of [`State`], which tests check for all of them.
//! All states stand in one list, [`any::STATES`].

pub mod agreement;
pub mod any;
mod ascending;
pub mod budget;
pub mod canonical;
pub mod cells;
pub mod centroid;
mod certain;
mod column;
pub mod comoments;
pub mod completeness;
pub mod deviations;
pub mod distinct;
mod encoding;
pub mod exact_sum;
pub mod extrema;
pub mod fraction;
pub mod frequencies;
pub mod group_units;
pub mod grouped;
pub mod groups;
mod held_rows;
pub mod inputs;
pub mod json_schema;
pub mod keys;
pub mod members;
pub mod minhash;
pub mod moments;
pub mod number;
pub mod ordered;
pub mod overlaps;
pub mod overview;
pub mod paired;
pub mod periods;
pub mod personal;
mod plain;
pub mod row_sample;
pub mod runs;
pub mod select;
pub mod sequence;
pub mod stand_ins;
pub mod state;
pub mod stuck;
pub mod text_format;
pub mod transform;
pub mod within;

pub use self::any::{AnySpec, AnyState, Kind, STATES};
pub use self::budget::{Budget, Reservation};
pub use self::certain::ColumnStatistics;
pub use self::column::{Column, Floats, Ints, Numbers, is_held_alike, is_numeric, is_ordered, plain_floats};
pub use self::inputs::{Foreign, Inputs};
pub use self::number::Number;
pub use self::state::{Rows, State};
pub use self::transform::Transform;
