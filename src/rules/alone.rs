//! What a rule is judged by where there is no data.

use arrow::datatypes::Schema;

use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::sql::LazySql;
use crate::yaml::Spanned;

/// Gathers what is wrong with rules whatever the data is.
pub struct Alone<'a> {
    sql: &'a LazySql,
    /// The columns of the contract.
    schema: &'a Schema,
    file: &'a str,
    pub(crate) faults: Faults,
}

impl<'a> Alone<'a> {
    pub(crate) fn new(sql: &'a LazySql, schema: &'a Schema, file: &'a str) -> Self {
        Self { sql, schema, file, faults: Faults::default() }
    }

    /// Judges an SQL expression.
    pub fn sql(&mut self, text: &Spanned<String>) {
        if let Some(why) = self.sql.get().wrong_anyway(&text.value, self.schema) {
            self.fault_at(text, Code::InvalidSql, why);
        }
    }

    /// Notes a fault at `spanned`.
    pub fn fault_at<T>(&mut self, spanned: &Spanned<T>, code: Code, what: impl Into<Misread>) {
        self.faults.push(Fault::told(code, what).at(spanned.at.in_file(self.file)));
    }
}
