//! All values of a column, each with its count.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::collect::{Collect, CollectSpec, VALUE_BYTES};
use crate::diagnostic::Fault;
use crate::metric::budget::Budget;
use crate::metric::column::Column;
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
use crate::metric::number::Number;
use crate::metric::ordered::Window;
use crate::metric::state::{Rows, State};
use crate::metric::transform::Transform;

/// All finite values, each with its count: for whoever has one look alone. As far as the memory limit lets.
///
/// Whether they fit depends on how many different ones there are, and on nothing else that is held.
#[derive(Debug)]
pub struct AllValues {
    values: Collect,
    limit: u64,
    /// They did not fit, and were let go.
    overflow: bool,
}

impl State for AllValues {
    const NAME: &'static str = "all_values";
    const VERSION: u32 = 1;
    type Spec = Transform;
    /// Ascending values with their counts; none where they do not fit the memory limit.
    type Out = Option<Vec<(Number, u64)>>;

    fn empty(transform: &Transform, types: &[DataType], memory: &Arc<Budget>) -> Self {
        let spec = CollectSpec { windows: vec![Window::ALL], transform: *transform };
        Self { values: Collect::empty(&spec, types, memory), limit: memory.limit(), overflow: false }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        if !self.overflow {
            self.values.update(rows, columns)?;
            self.give_up_beyond_limit();
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.overflow |= later.overflow;
        self.values.merge(later.values)?;
        self.give_up_beyond_limit();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { values: self.values.fork()?, limit: self.limit, overflow: self.overflow })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.overflow, to)?;
        self.values.encode(to)
    }

    fn decode(transform: &Transform, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let overflow: bool = encoding::read(from)?;
        let state = Self::empty(transform, types, memory);
        let values = Collect::decode(state.values.spec(), types, memory, from)?;
        encoding::ensure(!overflow || values.is_empty(), "it has values that did not fit")?;
        let mut state = Self { values, overflow, ..state };
        state.give_up_beyond_limit();
        Ok(state)
    }

    fn finish(self, inputs: &Inputs) -> Result<Self::Out, Fault> {
        if self.overflow { Ok(None) } else { self.values.finish(inputs).map(Some) }
    }
}

impl AllValues {
    fn give_up_beyond_limit(&mut self) {
        if self.overflow || (self.values.len() * VALUE_BYTES) as u64 > self.limit {
            self.overflow = true;
            self.values.clear();
        }
    }
}
