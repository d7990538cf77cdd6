//! What is asked of the batch and other data together, and what comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::Schema;

use crate::diagnostic::Place;
use crate::rows::RowSet;
use crate::rules::words::Over;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryAsked {
    pub sql: String,
    /// The other tables: what they are called, and where they are.
    pub sources: Vec<(String, Vec<String>)>,
    /// Whether each row that it returns was found to be a row of the batch.
    pub names_rows: bool,
    /// Columns of the batch without a value: that they are text is no more than a guess.
    pub unseen: Vec<String>,
    /// SQL: the rows of the batch that it sees.
    pub condition: Option<String>,
    pub over: Over,
    /// Where it stands in the rule file.
    pub at: Place,
}

/// What a query returned.
#[derive(Debug, Clone)]
pub struct QueryAnswer {
    /// Rows of the batch that it saw.
    pub rows: u64,
    /// Records of other data that cannot be read, by the name of their table.
    pub unreadable: Vec<(String, u64)>,
    pub returned: ReturnedRows,
}

#[derive(Debug, Clone)]
pub enum ReturnedRows {
    /// Rows of the batch.
    OfBatch(Arc<RowSet>),
    /// Other rows: how many, and the first of them in words.
    Others { count: u64, first: Vec<String> },
}

/// What came of a query.
#[derive(Debug, Clone)]
pub enum Queried {
    Answer(Box<QueryAnswer>),
    /// It cannot be asked here, and why.
    Unfit(String),
}

/// The columns that the text of a query mentions, in their own order.
pub(super) fn mentioned(sql: &str, schema: &Schema) -> Vec<usize> {
    let is_apart = |c: char| !c.is_alphanumeric() && c != '_';
    // What stands in double quotes is one name, blanks and all.
    let parts = sql.split('"').enumerate();
    let words: BTreeSet<&str> =
        parts.flat_map(|(at, part)| if at % 2 == 1 { vec![part] } else { part.split(is_apart).collect() }).collect();
    (0..schema.fields().len()).filter(|&column| words.contains(schema.field(column).name().as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};

    #[test]
    fn a_column_is_mentioned_by_its_whole_name() {
        let names = ["id", "price", "unit price", "b"];
        let schema = Schema::new(names.map(|name| Field::new(name, DataType::Int64, true)).to_vec());
        let of = |sql: &str| mentioned(sql, &schema);
        assert_eq!(of("SELECT * FROM batch WHERE price < 0"), [1]);
        assert_eq!(of("SELECT b.id FROM batch AS b WHERE \"unit price\" < 0 AND prices > 1"), [0, 2, 3]);
        assert_eq!(of("SELECT count(*) FROM batch"), [0usize; 0]);
    }
}
