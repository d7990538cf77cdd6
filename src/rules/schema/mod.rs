//! Schema drift: the batch's columns against the contract.

mod compare;
pub mod delta_types;
pub mod table;

use std::collections::BTreeMap;
use std::fmt;

use arrow::datatypes::{DataType, Schema};
use chrono::format::{Item, StrftimeItems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{Literal, OnFail};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::FindingCode;
use crate::privacy::Mask;
use crate::types::{KindCount, Tally, parse_type, type_name};
use crate::yaml::{Spanned, misread};

/// The contract: which columns a batch has, of which types. If it names none, the destination's table is the contract.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaSection {
    /// Which changes are compatible, in the Confluent schema registry's meanings.
    #[serde(default)]
    pub evolution: Evolution,
    /// What follows an incompatible change. If left out: `reject`.
    pub on_fail: Option<Spanned<OnFail>>,
    /// The columns, in order; names may be paths of nested fields. If left out: the destination's table is the contract.
    #[serde(default)]
    pub columns: super::words::Ordered<Spanned<ColumnContract>>,
}

/// What a column, or the field at a path (`address.city`, `items[].price`), must be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnContract {
    /// `int64`, `float64`, `decimal(15,2)`, `string`, `bool`, `date`, `timestamp(ms, UTC)`, `struct<city: string>`, `list<int64>`, ….
    /// If left out: the type is inferred, or is that of the file.
    pub r#type: Option<TypeName>,
    /// Every row has a value: a row without one is set aside. `false` says that values may be missing.
    /// If left out: `false`; nothing is required.
    pub required: Option<bool>,
    /// How a date or timestamp is written in text, in strftime's terms: `%d.%m.%Y`. If left out: ISO 8601.
    pub format: Option<Spanned<String>>,
    /// What reports show in the place of its values. If left out: values are shown.
    pub mask: Option<Mask>,
    /// What the column holds. If left out: nothing is shown.
    #[serde(rename = "description")]
    pub _description: Option<String>,
}

/// The name of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName(pub DataType);

impl<'de> Deserialize<'de> for TypeName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let literal = Literal::deserialize(deserializer)?;
        parse_type(&literal.0).map(TypeName).map_err(misread)
    }
}

impl JsonSchema for TypeName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TypeName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "The name of a type: `int64`, `decimal(15,2)`, `timestamp(ms, UTC)`, …" })
    }
}

/// Whether `format` is one that dates and times can be read by.
pub fn is_strftime(format: &str) -> bool {
    !StrftimeItems::new(format).any(|item| item == Item::Error)
}

/// Which changes are compatible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evolution {
    /// None, not even another order of columns.
    Exact,
    /// New optional columns, lost optional columns and wider types pass: readers of the new schema can read old data.
    #[default]
    Backward,
    /// New columns, lost optional columns and narrower types pass: readers of the contract's schema can read the batch.
    Forward,
    /// Both: only optional columns may come and go.
    Full,
    /// All, but that a required column is gone.
    Any,
}

/// What became of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    ColumnAdded,
    ColumnRemoved,
    /// Suspected: one of a fitting type stands in the place of one that is gone.
    ColumnRenamed,
    /// The same name in upper and lower case otherwise.
    KeyCaseChanged,
    NestedFieldAdded,
    NestedFieldRemoved,
    Reordered,
    TypeWidened,
    TypeNarrowed,
    TypeChanged,
    /// Dates or timestamps are written otherwise than the contract says.
    FormatChanged,
    NullabilityRelaxed,
    NullabilityTightened,
}

impl ChangeKind {
    pub const ALL: [Self; 13] = [
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
        Self::NullabilityRelaxed,
        Self::NullabilityTightened,
    ];

    /// Its code, and what it means in a sentence.
    fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::ColumnAdded => ("schema/column-added", "The batch has a column that the contract does not name."),
            Self::ColumnRemoved => ("schema/column-removed", "The batch lacks a column."),
            Self::ColumnRenamed => {
                ("schema/column-renamed", "A column of another name and a fitting type stands in the place of one that is gone.")
            }
            Self::KeyCaseChanged => ("schema/key-case-changed", "A name is written otherwise in upper and lower case."),
            Self::NestedFieldAdded => ("schema/nested-field-added", "A struct has a field that the contract does not name."),
            Self::NestedFieldRemoved => ("schema/nested-field-removed", "A struct lacks a field."),
            Self::Reordered => ("schema/reordered", "A column stands in another place."),
            Self::TypeWidened => ("schema/type-widened", "A type holds more than the contract's."),
            Self::TypeNarrowed => ("schema/type-narrowed", "A type holds less than the contract's."),
            Self::TypeChanged => ("schema/type-changed", "A type is another than the contract's."),
            Self::FormatChanged => ("schema/format-changed", "Dates or timestamps are written otherwise than the contract says."),
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

    /// Whether the batch has no column, or field, of the contract's name.
    pub fn takes_a_column_away(self) -> bool {
        use ChangeKind::*;
        match self {
            ColumnRemoved | ColumnRenamed | KeyCaseChanged | NestedFieldRemoved => true,
            ColumnAdded | NestedFieldAdded | Reordered | TypeWidened | TypeNarrowed | TypeChanged | FormatChanged | NullabilityRelaxed
            | NullabilityTightened => false,
        }
    }
}

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
    /// `kind` among the codes of findings.
    #[serde(default)]
    pub code: FindingCode,
}

impl SchemaChange {
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
            ChangeKind::FormatChanged => write!(f, "`{path}` is no longer written as {from}")?,
            ChangeKind::NullabilityRelaxed => write!(f, "`{path}` is required and has missing values")?,
            ChangeKind::NullabilityTightened => write!(f, "`{path}` was optional and can no longer be missing")?,
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

/// The batch as the comparison sees it.
pub struct Observed<'a> {
    pub schema: &'a Schema,
    /// Columns whose text contradicts the contract's type, with examples.
    pub contradicted: &'a [(String, Vec<String>)],
    /// Missing values by column, where counted.
    pub missing: &'a BTreeMap<String, u64>,
    /// What kinds of values stand in columns of several.
    pub tallies: &'a [Tally],
    /// Whether columns have an order: the keys of JSON objects have none.
    pub is_ordered: bool,
}

impl SchemaSection {
    /// What can be checked without data.
    pub fn validate(&self, path: &str, faults: &mut Faults) {
        if let Some(on_fail) = self.on_fail.as_ref().filter(|o| o.value == OnFail::Quarantine) {
            let fault = Fault::new(Code::MisplacedWord, "a schema names no rows that could be set aside").at(on_fail.at.in_file(path));
            faults.push(fault.hint("write `reject`, `warn` or `info`"));
        }
        for (name, contract) in &self.columns.0 {
            let Some(format) = &contract.format else { continue };
            let fault = |code, what: String| Fault::new(code, what).at(format.at.in_file(path));
            if !contract.r#type.as_ref().is_some_and(|t| matches!(t.0, DataType::Date32 | DataType::Timestamp(..))) {
                faults.push(fault(Code::MisplacedWord, format!("`format` of `{name}` has no meaning: it is for dates and timestamps")));
            } else if !is_strftime(&format.value) {
                faults.push(
                    fault(Code::InvalidValue, format!("`{}` is not a strftime format", format.value)).hint("such as `%d.%m.%Y %H:%M`"),
                );
            }
        }
    }

    /// Whether `evolution` allows a change; `optional` says so of what came or went (of a rename: both).
    fn allows(&self, kind: ChangeKind, optional: bool) -> bool {
        use ChangeKind::*;
        match self.evolution {
            // Without its column, no row has the value that the contract requires.
            Evolution::Any => match kind {
                ColumnRemoved | NestedFieldRemoved | ColumnRenamed | KeyCaseChanged => optional,
                ColumnAdded | NestedFieldAdded | Reordered | TypeWidened | TypeNarrowed | TypeChanged | FormatChanged
                | NullabilityRelaxed | NullabilityTightened => true,
            },
            Evolution::Exact => false,
            Evolution::Backward => match kind {
                ColumnAdded | NestedFieldAdded | ColumnRenamed | KeyCaseChanged => optional,
                // The registry lets any field go; here the contract demands a value of every row.
                ColumnRemoved | NestedFieldRemoved => optional,
                Reordered | TypeWidened | NullabilityRelaxed => true,
                TypeNarrowed | TypeChanged | FormatChanged | NullabilityTightened => false,
            },
            Evolution::Forward => match kind {
                ColumnRemoved | NestedFieldRemoved | ColumnRenamed | KeyCaseChanged => optional,
                ColumnAdded | NestedFieldAdded | Reordered | TypeNarrowed | NullabilityTightened => true,
                TypeWidened | TypeChanged | FormatChanged | NullabilityRelaxed => false,
            },
            Evolution::Full => match kind {
                ColumnAdded | ColumnRemoved | NestedFieldAdded | NestedFieldRemoved | ColumnRenamed | KeyCaseChanged => optional,
                Reordered => true,
                TypeWidened | TypeNarrowed | TypeChanged | FormatChanged | NullabilityRelaxed | NullabilityTightened => false,
            },
        }
    }
}

fn change(path: &str, kind: ChangeKind, compatible: bool) -> SchemaChange {
    SchemaChange {
        path: path.to_owned(),
        kind,
        from: None,
        to: None,
        compatible,
        examples: Vec::new(),
        kinds: Vec::new(),
        code: kind.code(),
    }
}

/// How one type differs from another: whether every value of the one is a value of the other. None where they are the same.
pub fn type_change(from: &DataType, to: &DataType) -> Option<ChangeKind> {
    if type_name(from) == type_name(to) {
        None
    } else if widens(from, to) {
        Some(ChangeKind::TypeWidened)
    } else if widens(to, from) {
        Some(ChangeKind::TypeNarrowed)
    } else {
        Some(ChangeKind::TypeChanged)
    }
}

/// Whether `to` admits what `from` holds, by Avro's promotions (int to long to double) and their likes.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    let integer = |t: &DataType| match t {
        Int8 => Some((true, 8)),
        Int16 => Some((true, 16)),
        Int32 => Some((true, 32)),
        Int64 => Some((true, 64)),
        UInt8 => Some((false, 8)),
        UInt16 => Some((false, 16)),
        UInt32 => Some((false, 32)),
        UInt64 => Some((false, 64)),
        _ => None,
    };
    match (from, to) {
        (Float32, Float64) | (Date32, Timestamp(..)) => true,
        (Timestamp(a, x), Timestamp(b, y)) => x == y && a < b,
        (Decimal128(p, s), Decimal128(q, t)) => t >= s && i16::from(*q) - i16::from(*t) >= i16::from(*p) - i16::from(*s),
        (from, Float64) => integer(from).is_some(),
        (from, to) => match (integer(from), integer(to)) {
            (Some((a, n)), Some((b, m))) => n < m && (b || !a),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_is_a_partial_order() {
        assert_eq!(type_change(&DataType::Int32, &DataType::Int64), Some(ChangeKind::TypeWidened));
        assert_eq!(type_change(&DataType::Int64, &DataType::Int32), Some(ChangeKind::TypeNarrowed));
        assert_eq!(type_change(&DataType::UInt32, &DataType::Int64), Some(ChangeKind::TypeWidened));
        assert_eq!(type_change(&DataType::Int32, &DataType::UInt64), Some(ChangeKind::TypeChanged));
        assert_eq!(type_change(&DataType::Int64, &DataType::Utf8), Some(ChangeKind::TypeChanged));
        assert_eq!(type_change(&DataType::Decimal128(10, 2), &DataType::Decimal128(12, 2)), Some(ChangeKind::TypeWidened));
        assert_eq!(type_change(&DataType::Decimal128(10, 2), &DataType::Decimal128(10, 4)), Some(ChangeKind::TypeChanged));
    }
}
