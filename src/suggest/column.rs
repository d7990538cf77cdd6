//! A column as it is mined: each value by the number of its text, and by its size where it has one.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::diagnostic::{Code, Fault};
use crate::types::is_text;

/// The code of a missing value.
pub(super) const NONE: u32 = u32::MAX;

/// What can be said of the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Boolean,
    Integer,
    /// A float or a decimal.
    Real,
    Date,
    /// A point in time.
    Time,
    /// Of which nothing is said but its type: nested values, bytes.
    Other,
}

impl Kind {
    pub(super) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Boolean => Self::Boolean,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(..) => Self::Time,
            t if is_text(t) => Self::Text,
            t if t.is_integer() => Self::Integer,
            t if t.is_floating() => Self::Real,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => Self::Real,
            _ => Self::Other,
        }
    }

    /// Whether it has a size: numbers, dates, times.
    pub(super) fn is_ordered(self) -> bool {
        match self {
            Self::Integer | Self::Real | Self::Date | Self::Time => true,
            Self::Text | Self::Boolean | Self::Other => false,
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Real)
    }
}

/// A column of the rows that are mined.
pub(super) struct Column {
    pub name: String,
    pub data_type: DataType,
    pub kind: Kind,
    /// By row: the index into `texts`, or [`NONE`].
    pub codes: Vec<u32>,
    /// The different values, in the order of their first row.
    pub texts: Vec<String>,
    /// How often each occurs.
    pub counts: Vec<u32>,
    /// By row, where values have a size: NaN where missing. Days of dates, seconds of times.
    pub sizes: Vec<f64>,
    /// Rows that have a value.
    pub present: usize,
}

impl Column {
    /// # Errors
    /// None that a user could mend: sources give no types that cannot be shown.
    pub(super) fn of(field: &Field, array: &ArrayRef) -> Result<Self, Fault> {
        let (name, data_type, kind) = (field.name().clone(), field.data_type().clone(), Kind::of(field.data_type()));
        let mut column =
            Self { name, data_type, kind, codes: Vec::new(), texts: Vec::new(), counts: Vec::new(), sizes: Vec::new(), present: 0 };
        if kind == Kind::Other {
            return Self::without_values(column, array);
        }
        if kind.is_ordered() {
            column.sizes = sizes(array);
            if column.sizes.len() != array.len() {
                column.kind = Kind::Other;
                return Self::without_values(column, array);
            }
        }
        column.encode(array)?;
        Ok(column)
    }

    /// Nothing is said of its values, but which are missing.
    fn without_values(mut column: Self, array: &ArrayRef) -> Result<Self, Fault> {
        column.sizes.clear();
        column.present = array.len() - array.logical_null_count();
        let nulls = array.logical_nulls();
        column.codes = (0..array.len()).map(|row| if nulls.as_ref().is_some_and(|n| n.is_null(row)) { NONE } else { 0 }).collect();
        Ok(column)
    }

    fn encode(&mut self, array: &ArrayRef) -> Result<(), Fault> {
        let broken = |e: arrow::error::ArrowError| Fault::new(Code::Internal, format!("internal error: a value cannot be shown: {e}"));
        let plain = FormatOptions::new();
        let shown = ArrayFormatter::try_new(array, &plain).map_err(broken)?;
        let nulls = array.logical_nulls();
        let mut seen: HashMap<String, u32> = HashMap::new();
        let mut text = String::new();
        for row in 0..array.len() {
            let is_missing = nulls.as_ref().is_some_and(|n| n.is_null(row)) || self.sizes.get(row).is_some_and(|x| x.is_nan());
            if is_missing {
                self.codes.push(NONE);
                continue;
            }
            text.clear();
            shown.value(row).write(&mut text).map_err(broken)?;
            let code = match seen.get(&text) {
                Some(code) => *code,
                None => {
                    let code = self.texts.len() as u32;
                    seen.insert(text.clone(), code);
                    self.texts.push(text.clone());
                    self.counts.push(0);
                    code
                }
            };
            self.counts[code as usize] += 1;
            self.codes.push(code);
            self.present += 1;
        }
        Ok(())
    }

    /// How many different values there are.
    pub(super) fn distinct(&self) -> usize {
        self.texts.len()
    }

    /// Whether the row has a value.
    pub(super) fn has(&self, row: usize) -> bool {
        self.codes[row] != NONE
    }

    /// Codes from the most frequent value to the rarest; ties by text.
    pub(super) fn by_count(&self) -> Vec<usize> {
        let mut codes: Vec<usize> = (0..self.texts.len()).collect();
        codes.sort_by(|&a, &b| self.counts[b].cmp(&self.counts[a]).then_with(|| self.texts[a].cmp(&self.texts[b])));
        codes
    }

    /// The finite sizes in ascending order.
    pub(super) fn sorted_sizes(&self) -> Vec<f64> {
        let mut sizes: Vec<f64> = self.sizes.iter().copied().filter(|x| x.is_finite()).collect();
        sizes.sort_by(f64::total_cmp);
        sizes
    }
}

fn sizes(array: &ArrayRef) -> Vec<f64> {
    let safe = CastOptions { safe: true, ..CastOptions::default() };
    let floats = |array: &ArrayRef| cast_with_options(array, &DataType::Float64, &safe).ok();
    let whole = |to: DataType| cast_with_options(array, &to, &safe).ok();
    match array.data_type() {
        DataType::Date32 | DataType::Date64 => {
            let days = whole(DataType::Date32).and_then(|days| cast_with_options(&days, &DataType::Int32, &safe).ok());
            days.as_ref().and_then(floats).map(|floats| each(&floats)).unwrap_or_default()
        }
        DataType::Timestamp(_, zone) => {
            let micros = whole(DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, zone.clone()));
            let ticks = micros.and_then(|micros| cast_with_options(&micros, &DataType::Int64, &safe).ok());
            let seconds = |ticks: ArrayRef| {
                let ticks = ticks.as_primitive::<Int64Type>().clone();
                ticks.iter().map(|tick| tick.map_or(f64::NAN, |tick| tick as f64 / 1e6)).collect()
            };
            ticks.map(seconds).unwrap_or_default()
        }
        _ => floats(array).map(|floats| each(&floats)).unwrap_or_default(),
    }
}

fn each(floats: &ArrayRef) -> Vec<f64> {
    floats.as_primitive::<Float64Type>().iter().map(|x| x.unwrap_or(f64::NAN)).collect()
}
