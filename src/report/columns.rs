//! What a report says of a column beyond its figures: what it looks like, and what is remarkable.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rows::Origin;

/// What a column is for, as far as its values tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nearly all values differ, and they are whole numbers or look like keys: it is not drawn.
    Identifier,
}

/// What is remarkable about a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    pub kind: AlertKind,
    /// The same in a few words.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// There is no value at all.
    Empty,
    /// One value only.
    Constant,
    /// No value occurs twice.
    Unique,
    /// More than half of the values are missing.
    MostlyMissing,
    /// Some value seems to stand for a missing one.
    StandIns,
    /// Half of the numbers or more are 0.
    Zeros,
    /// The distribution has a long tail: the skewness is beyond 3 or below −3.
    Skewed,
    /// Text or JSON holds values of several types.
    MixedKinds,
    /// Most values have one format, and some do not.
    MixedFormats,
    /// Another column says nearly the same.
    Correlated,
}

/// How many values of a text column have a format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FormatCount {
    /// `e-mail`, `URL`, `UUID`, `date %Y-%m-%d`, `number with unit`, or a shape: `pattern 999-aa`, where 9 is a digit, `a` a letter.
    pub format: String,
    pub count: u64,
}

/// A value that does not have the format of most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exception {
    pub value: String,
    /// Its first row.
    pub origin: Origin,
}

/// Formats of a text column's values, where most have one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Formats {
    /// Most frequent first: the first is that of at least nine in ten values.
    pub formats: Vec<FormatCount>,
    /// Values that do not have the first format.
    pub exceptions: u64,
    /// The first of these, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Exception>,
    /// Of numbers with a unit: how often each unit stands there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<FormatCount>,
}

/// A fence of a rule `outliers`: values beyond it are outliers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fence {
    /// The finding that it belongs to.
    pub rule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// How lengths of text reach, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lengths {
    pub min: u64,
    pub max: u64,
}

/// How a histogram's bins divide the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Bins of equal width.
    #[default]
    Linear,
    /// Each bin ends at a multiple of where it begins. Only values above 0 have a bin; the others are counted below.
    Log,
    /// A bin an hour, a day, a month or a year, in UTC.
    Hours,
    Days,
    Months,
    Years,
}

impl Scale {
    pub(super) fn is_linear(&self) -> bool {
        *self == Self::Linear
    }

    /// What a bin is one of.
    pub(super) fn one(self) -> &'static str {
        match self {
            Self::Linear | Self::Log => "bin",
            Self::Hours => "hour",
            Self::Days => "day",
            Self::Months => "month",
            Self::Years => "year",
        }
    }
}

/// How other data lie over the bins of a histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overlay {
    /// Whose distribution it is: the baseline's or an earlier run's.
    pub of: String,
    /// The share of its values in each bin. Where it keeps cells of several values, a cell that lies over an edge is divided evenly.
    pub shares: Vec<f64>,
    /// The share of its values below the first bin.
    pub below: f64,
    /// The share of its values above the last bin.
    pub above: f64,
}

/// How columns go together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correlations {
    /// Rows that were looked at: all, or a sample that follows from the data alone.
    pub rows: u64,
    /// Whether these are all rows.
    pub exact: bool,
    /// Columns that were looked at.
    pub columns: u64,
    /// Columns that were left out, since there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// The strongest first; weaker ones than 0.3 are left out.
    pub pairs: Vec<Correlation>,
}

/// How two columns go together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correlation {
    pub columns: [String; 2],
    /// Of numbers: Pearson's r, −1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pearson: Option<f64>,
    /// Of numbers: Spearman's ρ, which is Pearson's r of the ranks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spearman: Option<f64>,
    /// Of columns with few different values: Cramér's V, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cramers_v: Option<f64>,
}

impl Correlation {
    /// The strongest of its coefficients, without sign.
    pub fn strength(&self) -> f64 {
        [self.pearson, self.spearman, self.cramers_v].into_iter().flatten().fold(0.0, |most, r| most.max(r.abs()))
    }
}

/// Columns whose values name each row: none is missing, and no two rows have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateKey {
    pub columns: Vec<String>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
