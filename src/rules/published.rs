//! The table that batches are published to, as a rule sees it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};

use super::BoundColumn;
use crate::diagnostic::{Fault, Faults, Place};
use crate::identity::Identity;
use crate::metric::Number;
use crate::metric::keys::Foreign;
use crate::types::micros;

/// The columns of other data that a rule names.
#[derive(Debug, Clone)]
pub struct OtherColumns {
    pub schema: SchemaRef,
    /// Whether their types follow from values that were not all read yet.
    pub infers_types: bool,
}

/// Whoever can reach other data.
pub trait OtherData {
    /// Their columns; none where they cannot be reached.
    fn columns(&self, paths: &[String]) -> Option<Result<OtherColumns, Faults>>;
}

/// What a check wants beside the batch.
#[derive(Debug, Clone, PartialEq)]
pub enum InputQuery {
    /// Rows of the table that batches are published to.
    Published(KeyQuery),
    /// Rows of other data.
    Other(OtherQuery),
}

/// Keys of other data.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherQuery {
    /// What messages call the data.
    pub name: String,
    pub paths: Vec<String>,
    /// The columns of the key, as the batch has them, each with what it is called there.
    pub key: Vec<(BoundColumn, String)>,
    /// Where the rule file names it.
    pub at: Place,
    /// Which rows of it, where it is a table that is judged beside this one; then there are no paths.
    pub table: Option<TableRows>,
}

/// Rows of a table in which others look for their parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableRows {
    /// Those that pass, and those that are published already.
    Passing,
    /// Those of the batch that pass.
    New,
    /// Those of the batch that are set aside.
    SetAside,
}

/// Which rows of the table a batch's keys are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyQuery {
    /// The columns of the key, as the batch has them, each with its smallest and largest value where these are known.
    pub key: Vec<(BoundColumn, Option<Bounds>)>,
    /// A column of dates or times, and the microseconds since 1970 before which rows are too old to be looked at.
    pub since: Option<(String, i128)>,
    /// A column and the values of it, as text, whose rows the batch takes the place of.
    pub replaced: Option<(BoundColumn, BTreeSet<String>)>,
}

/// Smallest and largest value, as integers by which a kind of values is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub kind: OrdinalKind,
    pub low: i128,
    pub high: i128,
}

/// What can be ordered as integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrdinalKind {
    Integer,
    /// Days since 1970.
    Date,
    /// Microseconds since 1970.
    Time,
}

impl OrdinalKind {
    /// The kind of a column's values.
    pub fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Date32 => Some(Self::Date),
            DataType::Timestamp(..) => Some(Self::Time),
            other if other.is_integer() => Some(Self::Integer),
            _ => None,
        }
    }
}

impl Bounds {
    /// Of the extremes of a column.
    pub fn of(data_type: &DataType, (low, high): (Number, Number)) -> Option<Self> {
        let kind = OrdinalKind::of(data_type)?;
        let ordinal = |number: Number| match (kind, number) {
            (OrdinalKind::Time, Number::Int { value, .. }) => micros(data_type, value),
            (_, Number::Int { value, scale: 0 }) => Some(value),
            (_, Number::Int { .. } | Number::Float(_)) => None,
        };
        Some(Self { kind, low: ordinal(low)?, high: ordinal(high)? })
    }

    /// Whether values of both may be equal.
    pub fn may_meet(&self, other: &Self) -> bool {
        self.kind != other.kind || (self.low <= other.high && other.low <= self.high)
    }
}

/// What a rule must know of the table that batches are published to, to bind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTerms {
    /// The column by whose values the batch takes the place of published rows, if it does.
    pub replaces: Option<String>,
}

/// The table that batches are published to.
pub trait Published: Send + Sync {
    /// Says what the content is of the batch that is being judged, from which its id follows where it was given none.
    fn batch_is(&self, identity: Arc<Identity>);

    /// What rules must know to bind.
    fn terms(&self) -> PublishedTerms;

    /// The rows wanted but for those of this batch, as far as the table's statistics cannot tell that they have no key of
    /// the batch.
    ///
    /// # Errors
    /// The table cannot be read.
    fn rows(&self, wanted: &KeyQuery) -> Result<Fetched, Fault>;
}

/// What came of asking for published rows.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// Rows whose keys may be the batch's.
    Rows(Arc<dyn Foreign>),
    /// No published row can have a key of the batch.
    NoRows,
    /// A column of the key is of another kind there, as the text says: nothing could ever be equal.
    OtherType(String),
}
