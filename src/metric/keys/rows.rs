//! Which rows have a key.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::metric::canonical::{Normalize, RowBytes};
use crate::metric::column::Column;
use crate::rows::Mask;

/// The rows whose keys are counted, by what of their key is missing. A missing value equals a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRows {
    /// No part of the key is missing.
    Whole,
    /// A part of the key is missing, and another one is there.
    Partial,
    All,
}

impl KeyRows {
    /// Those of the selected rows whose keys are counted.
    pub(super) fn of(self, columns: &[&Column], selection: &Mask) -> Mask {
        match self {
            Self::All => selection.clone(),
            Self::Whole => whole(columns, selection),
            Self::Partial if columns.iter().all(|column| column.missing().is_none()) => Mask::None,
            Self::Partial => selection.without(&whole(columns, selection)).without(&empty(columns, selection)),
        }
    }
}

/// The hash of each of `len` rows' keys, as [`super::Keys`] counts them; none for rows that are not among the selected, or whose
/// keys are not counted.
pub fn hashes(columns: &[&Column], (counted, normalize): (KeyRows, Normalize), selection: &Mask, len: usize) -> Vec<Option<u128>> {
    let selection = counted.of(columns, selection);
    let mut hashes = vec![None; len];
    if selection.is_none() {
        return hashes;
    }
    let normalized: Vec<Option<Column>> = columns.iter().map(|column| normalize.column(column)).collect();
    let columns: Vec<&Column> = columns.iter().zip(&normalized).map(|(plain, normal)| normal.as_ref().unwrap_or(plain)).collect();
    let mut bytes = RowBytes::default();
    bytes.encode(&columns, len);
    selection.rows(len, |row| hashes[row] = Some(xxh3_128(bytes.row(row))));
    hashes
}

fn whole(columns: &[&Column], selection: &Mask) -> Mask {
    columns.iter().fold(selection.clone(), |rows, column| column.present(&rows))
}

/// The selected rows of whose key every part is missing.
pub(super) fn empty(columns: &[&Column], selection: &Mask) -> Mask {
    if columns.iter().any(|column| column.missing().is_none()) {
        return Mask::None;
    }
    columns.iter().fold(selection.clone(), |rows, column| rows.and(column.missing()))
}
