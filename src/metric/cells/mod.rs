//! How values are distributed: counts by cell of a 64-bit order, the same however the data are cut and merged.
//!
//! A cell is a prefix of the order. At shift 0 every value has a cell of its own; where there are too many cells, all of them
//! become twice as wide, until there are few enough (the uniform collapse of I. Epicoco et al., "UDDSketch", 2020). The shift
//! that this ends at is the smallest that fits: it follows from the values alone, and not from their order.

mod key;
mod numbers;
mod out;
mod rows;
mod shapes;
mod summary;
mod table;
mod texts;

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde_json::Value as Json;

pub use self::key::text_key;
use self::numbers::NumberCells;
pub use self::out::{Cell, CellsKind, CellsOut, Pair, Value, align};
pub use self::rows::RowsOfValues;
pub use self::shapes::{Shapes, shape_of};
pub use self::summary::SUMMARY_CELLS;
use self::texts::{TextCells, as_it_is};
use super::budget::{Budget, Reservation};
use super::column::{Column, is_ordered};
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;

/// Counts of a column's values by cell: of 65,536 numbers at most, or of a million texts, each value by itself.
#[derive(Debug)]
pub struct Cells {
    values: Values,
    missing: u64,
    memory: Reservation,
}

#[derive(Debug, Clone)]
enum Values {
    Numbers(NumberCells),
    Texts(TextCells),
}

/// What is saved: missing values, the shift, cells, names of texts.
type Saved = (u64, u32, Vec<(u64, u64, bool)>, Option<Vec<String>>);

impl State for Cells {
    const NAME: &'static str = "cells";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = CellsOut;

    fn empty((): &(), types: &[DataType], memory: &Arc<Budget>) -> Self {
        let values = match kind_of(&types[0]) {
            CellsKind::Numbers => Values::Numbers(NumberCells::new()),
            CellsKind::Texts => Values::Texts(TextCells::new()),
        };
        Self { values, missing: 0, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let column = columns[0];
        self.missing += rows.selection.and(column.missing()).count(rows.len()) as u64;
        match &mut self.values {
            Values::Numbers(numbers) => numbers.update(column, &column.present(rows.selection)),
            Values::Texts(texts) => texts.update(column, rows.selection, as_it_is),
        }
        self.account();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.missing += later.missing;
        match (&mut self.values, later.values) {
            (Values::Numbers(ours), Values::Numbers(theirs)) => ours.merge(theirs),
            (Values::Texts(ours), Values::Texts(theirs)) => ours.merge(theirs),
            (Values::Numbers(_), Values::Texts(_)) | (Values::Texts(_), Values::Numbers(_)) => {
                return Err(encoding::damaged("it counted values of another kind"));
            }
        }
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { values: self.values.clone(), missing: self.missing, memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let (shift, cells, names) = match &self.values {
            Values::Numbers(numbers) => (numbers.shift(), numbers.entries(), None),
            Values::Texts(texts) => (texts.shift(), texts.entries(), texts.names()),
        };
        let names: Option<Vec<&str>> = names.map(|names| names.into_values().collect());
        encoding::write(&(self.missing, shift, table::saved(&cells), names), to)
    }

    fn decode(spec: &(), types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (missing, shift, cells, names): Saved = encoding::read(from)?;
        encoding::ensure_counts([missing])?;
        let (cells, count) = table::read(cells, shift)?;
        let mut state = Self { missing, ..Self::empty(spec, types, memory) };
        state.values = match &state.values {
            Values::Numbers(_) => {
                let fits = cells.len() <= numbers::CELLS_MAX || (shift == 0 && count <= numbers::EXACT_MAX);
                encoding::ensure(fits && names.is_none(), "it has more cells than there can be")?;
                Values::Numbers(NumberCells::of(&cells, shift, count))
            }
            Values::Texts(_) => {
                texts::ensure_can_be(&cells, shift, names.as_deref())?;
                Values::Texts(TextCells::of(&cells, shift, count, names))
            }
        };
        state.account();
        Ok(state)
    }

    fn finish(self, _: &Inputs) -> Result<CellsOut, Fault> {
        let (kind, shift, cells, count) = match &self.values {
            Values::Numbers(numbers) => (CellsKind::Numbers, numbers.shift(), numbers.cells(), numbers.count),
            Values::Texts(texts) => (CellsKind::Texts, texts.shift(), texts.cells(), texts.count),
        };
        Ok(CellsOut { kind, shift, cells, count, missing: self.missing })
    }

    const SUMMARISED: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        Ok(Some(match &self.values {
            Values::Numbers(numbers) => summary::numbers(numbers, self.missing)?,
            Values::Texts(texts) => summary::texts(texts, self.missing)?,
        }))
    }

    fn of_summary(spec: &(), types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let mut state = Self::empty(spec, types, memory);
        state.missing = match &mut state.values {
            Values::Numbers(numbers) => {
                let read = summary::read_numbers(json)?;
                *numbers = NumberCells::of(&read.cells, read.shift, read.count);
                read.missing
            }
            Values::Texts(texts) => {
                let read = summary::read_texts(json)?;
                *texts = TextCells::of(&read.cells, read.shift, read.count, read.names);
                read.missing
            }
        };
        state.account();
        Ok(state)
    }
}

impl Cells {
    fn account(&mut self) {
        self.memory.resize(match &self.values {
            Values::Numbers(numbers) => numbers.bytes(),
            Values::Texts(texts) => texts.bytes(),
        });
    }
}

/// What a column's values are to cells.
pub fn kind_of(data_type: &DataType) -> CellsKind {
    if is_ordered(data_type) || matches!(data_type, DataType::Boolean) { CellsKind::Numbers } else { CellsKind::Texts }
}
