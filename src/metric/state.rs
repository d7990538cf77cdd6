//! What every state is: [`State`], and the rows it is offered.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::budget::Budget;
use super::column::Column;
use super::inputs::Inputs;
use crate::diagnostic::{Code, Fault};
use crate::rows::{Mask, RowNumbers};

/// Rows on offer to a state: some of a record batch's.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub unit: u32,
    pub numbers: &'a RowNumbers,
    /// The rows the state shall see.
    pub selection: &'a Mask,
}

impl Rows<'_> {
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

/// A state that stands in the list of all states, [`super::any::STATES`]; only that list says so.
pub trait Listed {
    /// What it counts, in a sentence.
    const COUNTS: &'static str;
}

/// Something counted over rows, unit by unit.
///
/// Laws: `merge` is associative and `empty` is its identity; folding rows in any number of batches
/// gives the same state; states not marked [`State::ORDERED`] also merge in any order; a state that was
/// encoded and decoded merges, encodes and finishes as before.
pub trait State: Listed + Send + Sized + 'static {
    /// What saved folds and documentation call it: stable and unique.
    const NAME: &'static str;
    /// Raised with every change of what it counts or how it is encoded.
    const VERSION: u32;
    /// Whether the order of rows matters, so that only the states of neighbours merge, in order.
    const ORDERED: bool = false;
    /// Whether a copy costs little enough to be made where a state parts from its twin.
    const FORKS: bool = true;
    /// Whether it counts by group; what it counts in each goes by the same name and version without groups.
    const GROUPED: bool = false;
    /// What to count: plain values. Equal specs over equal columns are counted once.
    type Spec: Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What was counted.
    type Out: Send + Sync + 'static;

    /// Nothing counted yet of columns of the given types; what grows with the data is held in `memory`.
    fn empty(spec: &Self::Spec, types: &[DataType], memory: &Arc<Budget>) -> Self;

    /// Takes in the selected rows of `columns`, which are of the types given to [`State::empty`].
    ///
    /// # Errors
    /// What does not fit the memory limit cannot be written to disk.
    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault>;

    /// Takes in what `later` counted of the units that follow.
    ///
    /// # Errors
    /// See [`State::update`].
    fn merge(&mut self, later: Self) -> Result<(), Fault>;

    /// A copy that goes its own way.
    ///
    /// # Errors
    /// What was spilled cannot be copied.
    fn fork(&self) -> Result<Self, Fault>;

    /// Writes what was counted; equal states give equal bytes.
    ///
    /// # Errors
    /// Spilled data cannot be read back, or `to` cannot be written.
    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault>;

    /// Reads what [`State::encode`] wrote, of a state of the same spec and types.
    ///
    /// # Errors
    /// The bytes are damaged, or those of another state.
    fn decode(spec: &Self::Spec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault>;

    /// What was counted; `inputs` holds what a spec names of other data.
    ///
    /// # Errors
    /// Spilled data cannot be read back, or an input is missing or cannot be read.
    fn finish(self, inputs: &Inputs) -> Result<Self::Out, Fault>;

    /// Whether a second look at the same rows may be needed for what it does not keep. Asked at the end of a unit and before: what is
    /// not needed then is let go of, and read anew if it is needed after all.
    fn looks_again(&self, at_end: bool) -> bool {
        let _ = at_end;
        true
    }

    /// Whether a summary can hold it: it names no rows, does not mind their order, and is small whatever the data.
    const SUMMARISED: bool = false;

    /// Whether what it keeps depends on how values are held: numbers by their digits, by their bits or by their names. What was
    /// kept of columns that are held in different ways does not merge then.
    const MINDS_TYPES: bool = false;

    /// What a summary keeps of it; none where there is too much to keep. It follows from the values alone, and not from how
    /// they were cut or merged: merging what was kept and keeping what was merged give the same.
    ///
    /// # Errors
    /// It cannot be written, which is a mistake of ours.
    fn summarise(&self) -> Result<Option<Json>, Fault> {
        Ok(None)
    }

    /// The state of which a summary kept `json`. It merges with others that were kept.
    ///
    /// # Errors
    /// This is nothing that [`State::summarise`] gives.
    fn of_summary(spec: &Self::Spec, types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let _ = (spec, types, memory, json);
        Err(Fault::new(Code::Damaged, format!("no summary holds `{}`", Self::NAME)))
    }
}
