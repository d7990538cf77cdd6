//! What the section `gate` says of Delta tables alone: change data merged by key, small files put together.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault, Faults};
use crate::rules::words::Texts;
use crate::yaml::Spanned;

/// How rows of change data become those of a table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Merge")]
pub struct MergeSection {
    /// The columns by which a row is known; each row has a value in all of them.
    pub key: Texts,
    /// The column that says which of two rows of one key is newer: a time, or a number that grows. A row that is not newer than what
    /// the table has, or had before it was deleted, is ignored and counted as `late`.
    pub sequence: String,
    /// SQL: rows for which it is true delete the row of their key. If left out: no row deletes.
    pub delete: Option<String>,
}

/// When small files are put together, and into how large ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compaction {
    /// As soon as there are so many small files, in one partition if the table has such. If left out: 100.
    #[schemars(range(min = 2))]
    #[serde(default = "Compaction::files")]
    pub files: u64,
    /// A file of so many rows is not small, and none is made larger. If left out: 1000000.
    #[schemars(range(min = 1))]
    #[serde(default = "Compaction::rows")]
    pub rows: u64,
}

impl Compaction {
    pub(super) fn files() -> u64 {
        100
    }

    pub(super) fn rows() -> u64 {
        1_000_000
    }
}

/// What can be checked without data; `replaces` says whether rows are replaced by their values too.
pub(super) fn validate(
    (merge, replaces): (Option<&Spanned<MergeSection>>, bool),
    compact: Option<&Spanned<Compaction>>,
    path: &str,
    faults: &mut Faults,
) {
    if let Some(merge) = merge {
        let refused = |what: &str, hint: &str| Fault::new(Code::ConflictingOptions, what).at(merge.at.in_file(path)).hint(hint);
        if replaces {
            let hint = "leave one of them out: `merge` goes by the key of each row";
            faults.push(refused("rows are merged by their key, or replaced by a column's values, and not both", hint));
        }
        if merge.value.key.0.is_empty() {
            faults.push(refused("`merge` needs a key", "write `key: [id]`"));
        }
    }
    if let Some(compact) = compact.filter(|compact| compact.value.files < 2 || compact.value.rows == 0) {
        let what = "`compact` puts two files together at the least, into files of a row at the least";
        let fault = Fault::new(Code::InvalidValue, what).at(compact.at.in_file(path));
        faults.push(fault.hint("write `compact: { files: 100, rows: 1000000 }`"));
    }
}
