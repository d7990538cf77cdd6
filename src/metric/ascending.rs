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
///
/// Rows that ascend by some of a key's columns differ in the whole key: an identifier among the columns proves all of them.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The columns by which the keys ascend, by their place in the key.
    order: Vec<usize>,
    first: Vec<ArrayRef>,
    last: Vec<ArrayRef>,
    pub rows: u64,
}

impl Run {
    /// The run that the selected rows of `columns` make, by the same columns as the run `before`; none if they do not
    /// ascend.
    pub fn of(columns: &[&Column], selection: &Mask, before: Option<&Self>) -> Option<Self> {
        let order = match before {
            Some(before) if before.order.iter().all(|&c| is_candidate(columns[c], selection)) => before.order.clone(),
            Some(_) => return None,
            None => order(columns, selection).ok()??,
        };
        let arrays: Vec<ArrayRef> = order.iter().map(|&c| selected(columns[c], selection)).collect::<Result<_, _>>().ok()?;
        let len = arrays.first().map_or(0, |a| a.len());
        if len == 0 || !ascend(&arrays).ok()? {
            return None;
        }
        let row = |i: usize| arrays.iter().map(|a| a.slice(i, 1)).collect();
        Some(Self { first: row(0), last: row(len - 1), rows: len as u64, order })
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
        // Units may have found other columns that settle what these leave alike.
        let common = |a: &[usize], b: &[usize]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let Some(columns) = runs.iter().map(|run| common(&run.order, &runs[0].order)).min() else { return true };
        let mut sorted = runs.to_vec();
        sorted.sort_by(|a, b| compare(&a.first[..columns], &b.first[..columns]));
        sorted.windows(2).all(|w| compare(&w[0].last[..columns], &w[1].first[..columns]) == Ordering::Less)
    }
}

/// Whether every selected row has a value, and equal values of its type look alike (not so −0 and 0).
fn is_candidate(column: &Column, selection: &Mask) -> bool {
    let data_type = column.array.data_type();
    !data_type.is_floating() && !data_type.is_nested() && column.missing().and(selection).is_none()
}

/// Columns by which the selected rows ascend strictly: each settles some of the neighbours that are alike so far, and
/// puts none of them in the wrong order.
fn order(columns: &[&Column], selection: &Mask) -> Result<Option<Vec<usize>>, ArrowError> {
    let mut order = Vec::new();
    let mut alike: Option<Vec<usize>> = None;
    loop {
        let settled = order.len();
        for (place, column) in columns.iter().enumerate() {
            if order.contains(&place) || !is_candidate(column, selection) {
                continue;
            }
            let array = selected(column, selection)?;
            let comparator = make_comparator(&array, &array, SortOptions::default())?;
            let rows = alike.get_or_insert_with(|| (1..array.len()).collect());
            if !rows.iter().all(|&i| comparator(i - 1, i).is_le()) {
                continue;
            }
            let still: Vec<usize> = rows.iter().copied().filter(|&i| comparator(i - 1, i).is_eq()).collect();
            if still.len() < rows.len() || rows.is_empty() {
                order.push(place);
                *rows = still;
            }
            if rows.is_empty() {
                return Ok(Some(order));
            }
        }
        if order.len() == settled {
            return Ok(None);
        }
    }
}

fn selected(column: &Column, selection: &Mask) -> Result<ArrayRef, ArrowError> {
    match selection {
        Mask::None => Ok(column.array.slice(0, 0)),
        Mask::All => Ok(column.array.clone()),
        Mask::Bits(bits) => filter(&column.array, &BooleanArray::new(bits.clone(), None)),
    }
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
