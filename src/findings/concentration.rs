//! Where failures concentrate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value of a column that failing rows have more often than chance explains. All counts are of rows that were looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Concentration {
    pub column: String,
    /// The value; null where it is missing.
    pub value: Option<String>,
    pub failing_rows: u64,
    /// Failing rows that have the value.
    pub failing_rows_with: u64,
    /// Rows that the rule speaks of.
    pub rows: u64,
    /// Of these, rows that have the value.
    pub rows_with: u64,
    /// How many times as often rows with the value fail as the others; null where no other row fails.
    pub lift: Option<f64>,
    /// The lower end of its interval (95%).
    pub lift_low: f64,
    /// The upper end; null where there is none.
    pub lift_high: Option<f64>,
    /// How probable so many failing rows with the value are by chance, times the number of values that were tried.
    pub adjusted_p_value: f64,
}
