//! Keys that arrive strictly ascending are all different: no hash, and constant memory.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DynComparator, make_comparator};
use arrow::compute::{SortOptions, filter};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use super::column::{Column, Numbers, is_ordered};
use crate::each_width;
use crate::rows::Mask;

/// A stretch of strictly ascending keys: the first and the last, and how many.
///
/// Rows that ascend by some of a key's columns differ in the whole key: an identifier among the columns proves all of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Run {
    /// The columns by which the keys ascend, by their place in the key.
    order: Vec<usize>,
    first: Vec<Value>,
    last: Vec<Value>,
    pub rows: u64,
}

impl Run {
    /// The run that the selected rows of `columns` make, by the same columns as the run `before`; none if they do not
    /// ascend.
    pub(super) fn of(columns: &[&Column], selection: &Mask, before: Option<&Self>) -> Option<Self> {
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
        let row = |i: usize| arrays.iter().map(|a| Value::of(a, i)).collect::<Option<_>>();
        Some(Self { first: row(0)?, last: row(len - 1)?, rows: len as u64, order })
    }

    /// Goes on with a run that follows; gives whether the whole still ascends.
    pub(super) fn extend(&mut self, next: Self) -> bool {
        let ascends = self.last < next.first;
        self.last = next.last;
        self.rows += next.rows;
        ascends
    }

    /// Whether it is a run of keys of so many columns.
    pub(super) fn is_sound(&self, columns: usize) -> bool {
        let lens = [self.order.len(), self.first.len(), self.last.len()];
        let ascends = self.first.cmp(&self.last) == if self.rows == 1 { Ordering::Equal } else { Ordering::Less };
        self.rows > 0 && lens[0] > 0 && lens == [lens[0]; 3] && self.order.iter().all(|&c| c < columns) && ascends
    }

    /// Whether no key is in two of the runs.
    pub(super) fn are_apart(runs: &[&Self]) -> bool {
        // Units may have found other columns that settle what these leave alike.
        let common = |a: &[usize], b: &[usize]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let Some(columns) = runs.iter().map(|run| common(&run.order, &runs[0].order)).min() else { return true };
        let mut sorted = runs.to_vec();
        sorted.sort_by(|a, b| a.first[..columns].cmp(&b.first[..columns]));
        sorted.windows(2).all(|w| w[0].last[..columns] < w[1].first[..columns])
    }
}

/// A value at one end of a run, in the order of its column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Value {
    /// An integer, the digits of a decimal, a day or instant, or 0 and 1 for false and true.
    Integer(i128),
    /// Text or bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// Whether values of a type can be held so. Not floats: −0 and 0 are one key and look different.
    fn is_of(data_type: &DataType) -> bool {
        use DataType::{Binary, Boolean, Dictionary, Int32, LargeBinary, LargeUtf8, Utf8, Utf8View};
        match data_type {
            Boolean | Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary => true,
            Dictionary(key, value) => **key == Int32 && **value == Utf8,
            other => is_ordered(other) && !other.is_floating(),
        }
    }

    /// The value in `row`, which has one.
    fn of(array: &ArrayRef, row: usize) -> Option<Self> {
        let bytes = |bytes: &[u8]| Some(Self::Bytes(bytes.to_vec()));
        let column = Column::new(array.slice(row, 1));
        if let Some(Numbers::Ints { values, .. }) = column.numbers() {
            return Some(Self::Integer(each_width!(values, values => i128::from(values[0]))));
        }
        match array.data_type() {
            DataType::Boolean => Some(Self::Integer(i128::from(array.as_boolean().value(row)))),
            DataType::Binary => bytes(array.as_binary::<i32>().value(row)),
            DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row)),
            _ => {
                let mut text = None;
                column.for_each_text(&Mask::All, |_, value| text = bytes(value.as_bytes()));
                text
            }
        }
    }
}

/// Whether every selected row has a value, and equal values of its type look alike (not so −0 and 0).
fn is_candidate(column: &Column, selection: &Mask) -> bool {
    Value::is_of(column.array.data_type()) && column.missing().and(selection).is_none()
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
