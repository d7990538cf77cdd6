//! The rows whose value is one of some that cells have told.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::DataType;

use super::key::text_key;
use crate::diagnostic::Fault;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::column::{Column, for_each_float};
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
use crate::metric::ordered::order_of;
use crate::metric::state::{Rows, State};
use crate::rows::RowSet;

/// Finds the rows whose value has one of the wanted places in the order of cells.
#[derive(Debug)]
pub struct RowsOfValues {
    wanted: Vec<u64>,
    rows: RowSet,
    memory: Reservation,
}

impl RowsOfValues {
    fn is_wanted(&self, key: u64) -> bool {
        self.wanted.binary_search(&key).is_ok()
    }
}

impl State for RowsOfValues {
    const NAME: &'static str = "rows_of_values";
    const VERSION: u32 = 1;
    /// Places in the order of cells at shift 0, ascending.
    type Spec = Vec<u64>;
    type Out = RowSet;

    fn empty(wanted: &Vec<u64>, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { wanted: wanted.clone(), rows: RowSet::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let (column, mut found) = (columns[0], Vec::new());
        let present = column.present(rows.selection);
        if let Some((codes, texts)) = column.dictionary() {
            let wanted: Vec<bool> = texts.iter().map(|text| self.is_wanted(text_key(text.unwrap_or_default()))).collect();
            present.rows(rows.len(), |i| {
                if wanted[codes[i] as usize] {
                    found.push(rows.numbers.get(i));
                }
            });
        } else if column.numbers().is_some() {
            for_each_float(column, &present, |i, x| {
                if self.is_wanted(order_of(x)) {
                    found.push(rows.numbers.get(i));
                }
            });
        } else if let Some(values) = column.array.as_boolean_opt() {
            present.rows(rows.len(), |i| {
                if self.is_wanted(order_of(f64::from(u8::from(values.value(i))))) {
                    found.push(rows.numbers.get(i));
                }
            });
        } else {
            column.for_each_text(rows.selection, |i, text| {
                if self.is_wanted(text_key(text)) {
                    found.push(rows.numbers.get(i));
                }
            });
        }
        self.rows.insert_unit(rows.unit, found);
        self.memory.resize(self.rows.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.rows.union(&later.rows);
        self.memory.absorb(later.memory);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { wanted: self.wanted.clone(), rows: self.rows.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.rows, to)
    }

    fn decode(wanted: &Vec<u64>, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let rows: RowSet = encoding::read(from)?;
        let mut memory = Reservation::new(memory);
        memory.resize(rows.bytes());
        Ok(Self { wanted: wanted.clone(), rows, memory })
    }

    fn finish(self, _: &Inputs) -> Result<RowSet, Fault> {
        Ok(self.rows)
    }
}
