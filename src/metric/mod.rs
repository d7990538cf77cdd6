//! Mergeable states: what is counted while the data goes by.
//!
//! A state folds the selected rows of one unit from empty and merges with the states of later
//! units, always in unit order. Every state is exact or says its error, is independent of how a
//! unit was cut into batches, and obeys the laws of [`State`], which tests check for all of them.

mod ascending;
pub mod budget;
pub mod canonical;
mod certain;
mod column;
pub mod comoments;
pub mod completeness;
pub mod distinct;
pub mod exact_sum;
pub mod extrema;
pub mod frequencies;
pub mod grouped;
pub mod groups;
pub mod keys;
pub mod moments;
pub mod number;
pub mod ordered;
pub mod runs;
pub mod select;
pub mod sequence;
pub mod stand_ins;
pub mod stuck;
pub mod transform;

use std::fmt::Debug;

use arrow::datatypes::DataType;

pub use self::budget::Budget;
pub use self::certain::ColumnStatistics;
pub use self::column::{Column, Floats, Ints, Numbers, is_numeric, is_ordered, plain_floats};
pub use self::number::Number;
pub use self::transform::Transform;

use crate::rows::{Mask, RowNumbers};

/// Rows on offer to a state: some of a record batch's.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub unit: u32,
    pub numbers: &'a RowNumbers,
    /// The rows the state shall see.
    pub selection: &'a Mask,
    pub budget: &'a Budget,
}

impl Rows<'_> {
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

/// Something counted over rows, unit by unit.
///
/// Laws: `merge` is associative and `empty` is its identity; folding rows in any number of batches
/// gives the same state; states not marked [`State::ORDERED`] also merge in any order.
pub trait State: Send + Sized + Clone + 'static {
    /// What to count; equal specs over equal columns are counted once.
    type Spec: Clone + PartialEq + Debug + Send + Sync + 'static;
    /// What was counted.
    type Out: Send + Sync + 'static;
    /// Whether the order of rows matters, so that states merge in unit order only.
    const ORDERED: bool = false;
    /// Whether a copy costs little enough to be made where a state parts from its like; what spills is not copied.
    const COPIES: bool = true;

    fn empty(spec: &Self::Spec, types: &[DataType]) -> Self;

    /// Takes in the selected rows of `columns`, which are of the types given to [`State::empty`].
    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]);

    /// Takes in what `later` counted of the units that follow.
    fn merge(&mut self, later: Self);

    /// Memory held, in bytes.
    fn bytes(&self) -> usize;

    /// # Errors
    /// Spilled data cannot be read back.
    fn finish(self) -> Result<Self::Out, std::io::Error>;
}
