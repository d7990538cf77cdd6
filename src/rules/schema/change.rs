//! One difference between two sets of columns, its kind and its words.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::findings::FindingCode;
use crate::types::KindCount;

/// What became of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    ColumnAdded,
    ColumnRemoved,
    /// Suspected: one of a fitting type stands in the place of one that is gone, or has values like those it had.
    ColumnRenamed,
    /// The same name in upper and lower case otherwise.
    KeyCaseChanged,
    NestedFieldAdded,
    NestedFieldRemoved,
    Reordered,
    TypeWidened,
    TypeNarrowed,
    TypeChanged,
    /// Values are written otherwise than the contract says, or than before.
    FormatChanged,
    /// Numbers moved by a constant factor, such as 100 or 1000.
    ScaleShifted,
    NullabilityRelaxed,
    NullabilityTightened,
}

impl ChangeKind {
    pub const ALL: [Self; 14] = [
        Self::ColumnAdded,
        Self::ColumnRemoved,
        Self::ColumnRenamed,
        Self::KeyCaseChanged,
        Self::NestedFieldAdded,
        Self::NestedFieldRemoved,
        Self::Reordered,
        Self::TypeWidened,
        Self::TypeNarrowed,
        Self::TypeChanged,
        Self::FormatChanged,
        Self::ScaleShifted,
        Self::NullabilityRelaxed,
        Self::NullabilityTightened,
    ];

    /// Its code, and what it means in a sentence.
    fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::ColumnAdded => ("schema/column-added", "The batch has a column that the contract does not name."),
            Self::ColumnRemoved => ("schema/column-removed", "The batch lacks a column."),
            Self::ColumnRenamed => (
                "schema/column-renamed",
                "A column of another name stands in the place of one that is gone, or has values like those it had.",
            ),
            Self::KeyCaseChanged => ("schema/key-case-changed", "A name is written otherwise in upper and lower case."),
            Self::NestedFieldAdded => ("schema/nested-field-added", "A struct has a field that the contract does not name."),
            Self::NestedFieldRemoved => ("schema/nested-field-removed", "A struct lacks a field."),
            Self::Reordered => ("schema/reordered", "A column stands in another place."),
            Self::TypeWidened => ("schema/type-widened", "A type holds more than the contract's."),
            Self::TypeNarrowed => ("schema/type-narrowed", "A type holds less than the contract's."),
            Self::TypeChanged => ("schema/type-changed", "A type is another than the contract's."),
            Self::FormatChanged => ("schema/format-changed", "Values are written otherwise than the contract says, or than before."),
            Self::ScaleShifted => ("schema/scale-shifted", "Numbers moved by a constant factor, such as 100 or 1000."),
            Self::NullabilityRelaxed => ("schema/nullability-relaxed", "A required column has missing values."),
            Self::NullabilityTightened => ("schema/nullability-tightened", "A column that may be missing can no longer be."),
        }
    }

    pub fn code(self) -> FindingCode {
        FindingCode::new(self.told().0)
    }

    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        self.told().1
    }

    /// What it is for whoever comes from the other side.
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::ColumnAdded => Self::ColumnRemoved,
            Self::ColumnRemoved => Self::ColumnAdded,
            Self::NestedFieldAdded => Self::NestedFieldRemoved,
            Self::NestedFieldRemoved => Self::NestedFieldAdded,
            Self::TypeWidened => Self::TypeNarrowed,
            Self::TypeNarrowed => Self::TypeWidened,
            Self::NullabilityRelaxed => Self::NullabilityTightened,
            Self::NullabilityTightened => Self::NullabilityRelaxed,
            Self::ColumnRenamed | Self::KeyCaseChanged | Self::Reordered | Self::TypeChanged | Self::FormatChanged | Self::ScaleShifted => {
                self
            }
        }
    }

    /// Whether the batch has no column, or field, of the contract's name.
    pub fn takes_a_column_away(self) -> bool {
        use ChangeKind::*;
        match self {
            ColumnRemoved | ColumnRenamed | KeyCaseChanged | NestedFieldRemoved => true,
            ColumnAdded | NestedFieldAdded | Reordered | TypeWidened | TypeNarrowed | TypeChanged | FormatChanged | ScaleShifted
            | NullabilityRelaxed | NullabilityTightened => false,
        }
    }
}

/// What stands before a shape of values in `from` and `to`.
pub(super) const LIKE: &str = "like ";

/// One difference between the contract and the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaChange {
    /// The column, or the path of a nested field.
    pub path: String,
    pub kind: ChangeKind,
    /// What the contract says.
    pub from: Option<String>,
    /// What the batch has.
    pub to: Option<String>,
    /// Whether the contract's `evolution` allows it.
    pub compatible: bool,
    /// Values that show it.
    pub examples: Vec<String>,
    /// Of values of several types: how many there are of each.
    pub kinds: Vec<KindCount>,
    /// Of a suspected rename: how much the values of both columns are alike, in percent, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alike_percent: Option<u8>,
    /// `kind` among the codes of findings.
    #[serde(default)]
    pub code: FindingCode,
}

impl SchemaChange {
    pub(super) fn new(path: &str, kind: ChangeKind, compatible: bool) -> Self {
        let (path, code) = (path.to_owned(), kind.code());
        Self { path, kind, from: None, to: None, compatible, examples: Vec::new(), kinds: Vec::new(), alike_percent: None, code }
    }

    /// The change in words, where two contracts are compared and no rows are known of.
    pub fn told(&self) -> String {
        match (self.kind, self.to.as_deref()) {
            (ChangeKind::NullabilityRelaxed, Some("optional")) => format!("`{}` was required and may be missing now", self.path),
            (ChangeKind::NullabilityTightened, _) => format!("`{}` was optional and is required now", self.path),
            (ChangeKind::FormatChanged, Some(to)) if self.examples.is_empty() => {
                format!("`{}` is written as {to}, and was as {}", self.path, self.from.as_deref().unwrap_or_default())
            }
            _ => self.to_string(),
        }
    }

    /// The change in words, and what to write in the contract where that can be said.
    pub fn advised(&self) -> String {
        match self.zoned() {
            Some(zoned) => format!("{self}: the values have a time zone and the contract's type has none; write `type: \"{zoned}\"`"),
            None => self.to_string(),
        }
    }

    /// The contract's type with the zone that the values have, where that is all it lacks.
    fn zoned(&self) -> Option<String> {
        let unit = self.from.as_deref()?.strip_prefix("timestamp(")?.strip_suffix(')')?;
        let is_zoned = |name: &str| name.starts_with("timestamp(") && name.contains(',');
        let has_zone = self.to.iter().flat_map(|to| to.split('/')).any(is_zoned) || self.kinds.iter().any(|k| is_zoned(&k.data_type));
        (self.kind == ChangeKind::TypeChanged && !unit.contains(',') && has_zone).then(|| format!("timestamp({unit}, UTC)"))
    }
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, none) = (&self.path, String::new());
        let (from, to) = (self.from.as_ref().unwrap_or(&none), self.to.as_ref().unwrap_or(&none));
        match self.kind {
            ChangeKind::ColumnAdded if to.is_empty() => write!(f, "`{path}` added")?,
            ChangeKind::ColumnAdded => write!(f, "`{path}` added ({to})")?,
            ChangeKind::ColumnRemoved if from.is_empty() => write!(f, "`{path}` removed")?,
            ChangeKind::ColumnRemoved => write!(f, "`{path}` removed (was {from})")?,
            ChangeKind::ColumnRenamed => write!(f, "`{path}` probably renamed to `{to}`")?,
            ChangeKind::KeyCaseChanged => write!(f, "`{path}` now written `{to}`")?,
            ChangeKind::NestedFieldAdded => write!(f, "field `{path}` added ({to})")?,
            ChangeKind::NestedFieldRemoved => write!(f, "field `{path}` removed (was {from})")?,
            ChangeKind::Reordered => write!(f, "`{path}` moved from {from} to {to}")?,
            ChangeKind::TypeWidened => write!(f, "`{path}` widened from {from} to {to}")?,
            ChangeKind::TypeNarrowed => write!(f, "`{path}` narrowed from {from} to {to}")?,
            ChangeKind::TypeChanged => write!(f, "`{path}` changed from {from} to {to}")?,
            ChangeKind::FormatChanged if to.starts_with(LIKE) => write!(f, "`{path}` is written {to} and was {from}")?,
            ChangeKind::FormatChanged => write!(f, "`{path}` is no longer written as {from}")?,
            ChangeKind::ScaleShifted => write!(f, "`{path}` was {from} and is {to}")?,
            ChangeKind::NullabilityRelaxed => write!(f, "`{path}` is required and has missing values")?,
            ChangeKind::NullabilityTightened => write!(f, "`{path}` was optional and can no longer be missing")?,
        }
        if let Some(percent) = self.alike_percent {
            write!(f, " (their values are {percent} % alike)")?;
        }
        if !self.kinds.is_empty() {
            let kinds: Vec<String> = self.kinds.iter().map(|k| format!("{} {}", crate::shown::count(k.count), k.data_type)).collect();
            write!(f, " ({})", kinds.join(", "))?;
        }
        if !self.examples.is_empty() {
            let examples: Vec<String> = self.examples.iter().map(|e| format!("`{e}`")).collect();
            write!(f, ", such as {}", examples.join(", "))?;
        }
        Ok(())
    }
}
