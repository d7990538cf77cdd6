//! Rows whose value is one of a short list, value by value.

use arrow::datatypes::DataType;

use super::column::{Floats, Numbers};
use super::{Column, Rows, State};
use crate::each_width;
use crate::rows::RowSet;

/// A value to look for, in the column's own terms.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// At the column's scale; a count since 1970 for dates and times.
    Int(i128),
    Float(f64),
    /// Compared without the white space around it, in lower case.
    Text(String),
}

/// The rows of each wanted value.
#[derive(Debug, Clone, PartialEq)]
pub struct StandIns {
    wanted: Vec<Wanted>,
    rows: Vec<RowSet>,
}

impl State for StandIns {
    /// The values to look for, no two alike.
    type Spec = Vec<Wanted>;
    /// By wanted value.
    type Out = Vec<RowSet>;

    fn empty(wanted: &Vec<Wanted>, _: &[DataType]) -> Self {
        Self { wanted: wanted.clone(), rows: vec![RowSet::default(); wanted.len()] }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
        let present = columns[0].present(rows.selection);
        let mut found: Vec<Vec<u32>> = vec![Vec::new(); self.wanted.len()];
        let mut note = |i: usize, is: &dyn Fn(&Wanted) -> bool| {
            if let Some(which) = self.wanted.iter().position(is) {
                found[which].push(rows.numbers.get(i));
            }
        };
        match columns[0].numbers() {
            Some(Numbers::Ints { values, .. }) => each_width!(values, values => {
                present.rows(rows.len(), |i| note(i, &|w| *w == Wanted::Int(i128::from(values[i]))));
            }),
            Some(Numbers::Floats(Floats::F32(values))) => {
                present.rows(rows.len(), |i| note(i, &|w| *w == Wanted::Float(f64::from(values[i]))));
            }
            Some(Numbers::Floats(Floats::F64(values))) => present.rows(rows.len(), |i| note(i, &|w| *w == Wanted::Float(values[i]))),
            None => {
                let longest = self.wanted.iter().map(|w| if let Wanted::Text(t) = w { t.len() } else { 0 }).max().unwrap_or(0);
                columns[0].for_each_text(rows.selection, |i, text| {
                    let trimmed = text.trim();
                    if trimmed.len() <= longest {
                        note(i, &|w| matches!(w, Wanted::Text(t) if t.eq_ignore_ascii_case(trimmed)));
                    }
                });
            }
        }
        for (set, more) in self.rows.iter_mut().zip(found) {
            set.insert_unit(rows.unit, more);
        }
    }

    fn merge(&mut self, later: Self) {
        for (set, more) in self.rows.iter_mut().zip(&later.rows) {
            set.union(more);
        }
    }

    fn bytes(&self) -> usize {
        self.rows.iter().map(RowSet::bytes).sum()
    }

    fn finish(self) -> Result<Self::Out, std::io::Error> {
        Ok(self.rows)
    }
}
