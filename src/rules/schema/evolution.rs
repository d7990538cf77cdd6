//! Which changes are compatible: who can still read what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ChangeKind;

/// Which changes are compatible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evolution {
    /// None, not even another order of columns.
    Exact,
    /// Readers of the new columns can read old data: new optional columns, lost columns and wider types pass.
    #[default]
    Backward,
    /// Readers of the old columns can read new data: new columns, lost optional columns and narrower types pass.
    Forward,
    /// Both: optional columns may come and go, types stay.
    Full,
    /// All, but that a required column is gone.
    Any,
}

impl Evolution {
    pub const ALL: [Self; 5] = [Self::Exact, Self::Backward, Self::Forward, Self::Full, Self::Any];

    /// Whether a change with these consequences is compatible.
    pub fn allows(self, readers: Readers) -> bool {
        match self {
            Self::Exact => false,
            Self::Backward => readers.new_read_old,
            Self::Forward => readers.old_read_new,
            Self::Full => readers.new_read_old && readers.old_read_new,
            Self::Any => true,
        }
    }
}

/// Which of a change's two sides needs no value: null stands for one where a batch has no such column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Optional {
    /// The column as it was.
    pub old: bool,
    /// The column as it is now.
    pub new: bool,
}

/// Who can read what after a change, as the Confluent schema registry asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readers {
    /// Whoever reads by the new columns can read all data that keeps to the old ones.
    pub new_read_old: bool,
    /// Whoever reads by the old columns can read all data that keeps to the new ones.
    pub old_read_new: bool,
}

impl Readers {
    /// Nobody is broken.
    pub const ALL: Self = Self { new_read_old: true, old_read_new: true };

    /// After a change. Columns are read by name; one that is missing is null, which is all that an optional column needs; one
    /// that nobody asked for is passed over.
    pub fn after(kind: ChangeKind, optional: Optional) -> Self {
        use ChangeKind::*;
        let readers = |new_read_old, old_read_new| Self { new_read_old, old_read_new };
        match kind {
            ColumnAdded | NestedFieldAdded => readers(optional.new, true),
            ColumnRemoved | NestedFieldRemoved => readers(true, optional.old),
            // To readers a name is gone and another came.
            ColumnRenamed | KeyCaseChanged => readers(optional.new, optional.old),
            Reordered => readers(true, true),
            TypeWidened | NullabilityRelaxed => readers(true, false),
            TypeNarrowed | NullabilityTightened => readers(false, true),
            TypeChanged | FormatChanged | ScaleShifted => readers(false, false),
        }
    }
}
