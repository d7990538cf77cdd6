//! Change data: rows that insert, update and delete those of a table by their key. The newest counts.

use arrow::array::{BooleanArray, RecordBatch};

use crate::diagnostic::Fault;

/// Which rows of a batch delete.
pub type Deletes<'a> = dyn Fn(&RecordBatch) -> Result<BooleanArray, Fault> + 'a;

/// How the rows of a batch become those of a table.
#[derive(Clone, Copy)]
pub struct Merge<'a> {
    /// The columns by which a row is known.
    pub key: &'a [String],
    /// The column that says which of two rows of one key is newer.
    pub sequence: &'a str,
    /// Without it no row deletes.
    pub deletes: Option<&'a Deletes<'a>>,
}
