//! Vectors in lists of numbers: read one by one, and their mean.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Reservation};
use super::column::Column;
use super::encoding;
use super::exact_sum::ExactSum;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;

/// Whether values of this type are lists of numbers; the length of all of them, where the type says it.
pub fn is_vector(data_type: &DataType) -> Option<Option<usize>> {
    match data_type {
        DataType::List(field) | DataType::LargeList(field) if field.data_type().is_numeric() => Some(None),
        DataType::FixedSizeList(field, length) if field.data_type().is_numeric() => Some(usize::try_from(*length).ok()),
        _ => None,
    }
}

/// The vectors of a column, as floats of 64 bits.
pub struct Vectors {
    values: Float64Array,
    /// Where each begins, and the last ends.
    places: Places,
}

enum Places {
    Lists(Vec<usize>),
    Fixed { first: usize, length: usize },
}

impl Vectors {
    /// Of lists of numbers; none of other values.
    pub fn of(array: &ArrayRef) -> Option<Self> {
        let (values, places) = match array.data_type() {
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                (lists.values().clone(), Places::Lists(lists.offsets().iter().map(|&at| at as usize).collect()))
            }
            DataType::LargeList(_) => {
                let lists = array.as_list::<i64>();
                (lists.values().clone(), Places::Lists(lists.offsets().iter().map(|&at| at as usize).collect()))
            }
            DataType::FixedSizeList(..) => {
                let lists = array.as_fixed_size_list();
                (lists.values().clone(), Places::Fixed { first: lists.value_offset(0) as usize, length: lists.value_length() as usize })
            }
            _ => return None,
        };
        let values = cast(&values, &DataType::Float64).ok()?;
        Some(Self { values: values.as_primitive::<Float64Type>().clone(), places })
    }

    /// The vector of a row.
    ///
    /// # Errors
    /// One of its numbers is missing, NaN or infinite.
    pub fn get(&self, row: usize) -> Result<&[f64], NotFinite> {
        let range = match &self.places {
            Places::Lists(ends) => ends[row]..ends[row + 1],
            Places::Fixed { first, length } => first + row * length..first + (row + 1) * length,
        };
        let is_missing = self.values.nulls().is_some_and(|nulls| range.clone().any(|at| nulls.is_null(at)));
        let vector = &self.values.values()[range];
        if is_missing || vector.iter().any(|x| !x.is_finite()) { Err(NotFinite) } else { Ok(vector) }
    }
}

/// A vector with a number that is missing, NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFinite;

/// The mean of vectors: an exact sum for each of their numbers.
#[derive(Debug)]
pub struct Centroid {
    counted: Counted,
    memory: Reservation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counted {
    rows: u64,
    sums: Vec<ExactSum>,
}

/// The mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CentroidOut {
    /// Vectors that it is taken over: those of the right length, with numbers only.
    pub rows: u64,
    pub mean: Vec<f64>,
}

impl Centroid {
    fn account(&mut self) {
        self.memory.resize(self.counted.sums.iter().map(|sum| sum.bytes() + size_of::<ExactSum>()).sum());
    }
}

impl State for Centroid {
    const NAME: &'static str = "centroid";
    const VERSION: u32 = 1;
    /// How many numbers a vector has.
    type Spec = usize;
    type Out = CentroidOut;

    fn empty(dim: &usize, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { counted: Counted { rows: 0, sums: vec![ExactSum::default(); *dim] }, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let Some(vectors) = Vectors::of(&columns[0].array) else { return Ok(()) };
        let counted = &mut self.counted;
        columns[0].present(rows.selection).rows(rows.len(), |i| {
            if let Ok(vector) = vectors.get(i)
                && vector.len() == counted.sums.len()
            {
                counted.rows += 1;
                counted.sums.iter_mut().zip(vector).for_each(|(sum, &x)| sum.add(x));
            }
        });
        self.account();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.counted.rows += later.counted.rows;
        self.counted.sums.iter_mut().zip(&later.counted.sums).for_each(|(sum, later)| sum.merge(later));
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { counted: self.counted.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.counted, to)
    }

    fn decode(dim: &usize, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let counted: Counted = encoding::read(from)?;
        encoding::ensure_counts([counted.rows])?;
        encoding::ensure(counted.sums.len() == *dim, "its vectors have another length")?;
        let mut state = Self { counted, ..Self::empty(dim, types, memory) };
        state.account();
        Ok(state)
    }

    fn finish(self, _: &Inputs) -> Result<CentroidOut, Fault> {
        let Counted { rows, sums } = self.counted;
        let mean = sums.iter().map(|sum| sum.fraction().divided_by(rows.max(1)).as_f64()).collect();
        Ok(CentroidOut { rows, mean })
    }
}
