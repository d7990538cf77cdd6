//! Keys that arrive strictly ascending are all different: no hash, and constant memory.

use std::cmp::Ordering;

use arrow::array::{ArrayRef, BooleanArray, DynComparator, make_comparator};
use arrow::compute::{SortOptions, filter};
use arrow::error::ArrowError;

use super::Column;
use super::column::Numbers;
use crate::each_width;
use crate::rows::Mask;

/// A stretch of strictly ascending keys: the first and the last, and how many.
#[derive(Debug, Clone)]
pub(super) struct Run {
    first: Vec<ArrayRef>,
    last: Vec<ArrayRef>,
    pub rows: u64,
}

impl Run {
    /// The run that the selected rows of `columns` make; none if they do not ascend, or if equal values of these types
    /// may look unlike (−0 and 0).
    pub fn of(columns: &[&Column], selection: &Mask) -> Option<Self> {
        if columns
            .iter()
            .any(|c| c.array.data_type().is_floating() || c.array.data_type().is_nested() || !c.missing().and(selection).is_none())
        {
            return None;
        }
        let arrays = selected(columns, selection).ok()?;
        let len = arrays.first().map_or(0, |a| a.len());
        if len == 0 || !ascend(&arrays).ok()? {
            return None;
        }
        let row = |i: usize| arrays.iter().map(|a| a.slice(i, 1)).collect();
        Some(Self { first: row(0), last: row(len - 1), rows: len as u64 })
    }

    /// Goes on with a run that follows; gives whether the whole still ascends.
    pub fn extend(&mut self, next: Self) -> bool {
        let ascends = compare(&self.last, &next.first) == Ordering::Less;
        self.last = next.last;
        self.rows += next.rows;
        ascends
    }

    /// Whether no key is in two of the runs.
    pub fn are_apart(runs: &[&Self]) -> bool {
        let mut sorted = runs.to_vec();
        sorted.sort_by(|a, b| compare(&a.first, &b.first));
        sorted.windows(2).all(|w| compare(&w[0].last, &w[1].first) == Ordering::Less)
    }
}

fn selected(columns: &[&Column], selection: &Mask) -> Result<Vec<ArrayRef>, ArrowError> {
    let Mask::Bits(bits) = selection else {
        return Ok(if selection.is_none() { Vec::new() } else { columns.iter().map(|c| c.array.clone()).collect() });
    };
    let selected = BooleanArray::new(bits.clone(), None);
    columns.iter().map(|c| filter(&c.array, &selected)).collect()
}

/// Whether each row is greater than the one before, column by column.
fn ascend(arrays: &[ArrayRef]) -> Result<bool, ArrowError> {
    let comparators: Vec<DynComparator> = arrays.iter().map(|a| make_comparator(a, a, SortOptions::default())).collect::<Result<_, _>>()?;
    let first = Column::new(arrays[0].clone());
    let rest_ascends = |i: usize| {
        let orders = comparators[1..].iter().map(|c| c(i - 1, i));
        orders.into_iter().find(|o| o.is_ne()) == Some(Ordering::Less)
    };
    Ok(match first.numbers() {
        Some(Numbers::Ints { values, .. }) => each_width!(values, values => {
            (1..values.len()).all(|i| values[i - 1] < values[i] || (values[i - 1] == values[i] && rest_ascends(i)))
        }),
        Some(Numbers::Floats(_)) | None => (1..first.len()).all(|i| match comparators[0](i - 1, i) {
            Ordering::Less => true,
            Ordering::Equal => rest_ascends(i),
            Ordering::Greater => false,
        }),
    })
}

/// Two rows; types that do not compare count as equal, which proves nothing.
fn compare(a: &[ArrayRef], b: &[ArrayRef]) -> Ordering {
    let orders = a.iter().zip(b).map(|(a, b)| make_comparator(a, b, SortOptions::default()).map_or(Ordering::Equal, |c| c(0, 0)));
    orders.into_iter().find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}
