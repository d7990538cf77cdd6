//! Schema drift: the batch's columns against the contract.

mod change;
mod compare;
pub mod delta_types;
pub mod diff;
pub mod earlier;
mod evolution;
mod node;
pub mod profile;
mod scale;
pub mod table;
#[cfg(test)]
mod tests;
mod widening;
mod written;

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Schema};
use chrono::format::{Item, StrftimeItems};
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::change::{ChangeKind, SchemaChange};
pub use self::evolution::{Evolution, Optional, Readers};
use self::profile::Profiles;
pub use self::widening::type_change;
use super::words::{Against, Literal, OnFail};
use crate::diagnostic::{Code, Fault, Faults};
use crate::privacy::Mask;
use crate::types::{Tally, parse_type};
use crate::yaml::{Spanned, misread};

/// The contract: which columns a batch has, of which types. If it names none, the destination's table is the contract, else earlier data.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaSection {
    /// Which changes are compatible, in the Confluent schema registry's meanings.
    #[serde(default)]
    pub evolution: Evolution,
    /// What follows an incompatible change. If left out: `reject`.
    pub on_fail: Option<Spanned<OnFail>>,
    /// The file of a JSON Schema that the records keep: the same as the rule `- json_schema: FILE`, by whose name its finding goes.
    /// If left out: the contract names none.
    pub json_schema: Option<Spanned<String>>,
    /// What the columns are compared with in the place of all else: a path, `published`, `baseline`, `{ runs: { last: 14 } }` (the last
    /// of them). If left out: the contract's columns, else the destination's table, else the baseline, else the last run.
    pub against: Option<Spanned<Against>>,
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
    /// How the values of columns looked earlier and how they look in the batch, where that is known.
    pub profiles: Option<&'a Profiles>,
}

impl SchemaSection {
    /// What can be checked without data.
    pub fn validate(&self, path: &str, faults: &mut Faults) {
        if let Some(on_fail) = self.on_fail.as_ref().filter(|o| o.value == OnFail::Quarantine) {
            let fault = Fault::new(Code::MisplacedWord, "a schema names no rows that could be set aside").at(on_fail.at.in_file(path));
            faults.push(fault.hint("write `reject`, `warn` or `info`"));
        }
        if let Some(against) = self.against.as_ref().filter(|_| !self.columns.0.is_empty()) {
            let what = "`columns` and `against` both say what the columns should be";
            faults.push(Fault::new(Code::ConflictingWords, what).at(against.at.in_file(path)).hint("leave one out"));
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
}
