//! A column as rules see it.

use arrow::datatypes::DataType;

/// A column a rule is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundColumn {
    pub index: usize,
    pub name: String,
    pub data_type: DataType,
}
