use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::TestHandle;
use super::{Alone, Binder, GroupFacts, Judge, RowTest, Rule, Subject, Tested};
use crate::diagnostic::{Fault, Faults};
use crate::metric::Column;
use crate::rows::Mask;
use crate::yaml::Spanned;

/// Rows for which a condition does not hold.
///
/// The condition is SQL over the row, true for good rows. Where it is null (a value it needs is
/// missing) the row passes, unless `nulls: fail`. A row on which it cannot be computed fails: a
/// division by zero, a sum that its type cannot hold, a cast of text that is no number. A part that
/// cannot be computed on any row (`q / 0`) is a fault. Names keep their case; `now()` is the run's
/// clock. docs/formats.md says more of SQL.
///
/// - Missing values and NaN: both are null in SQL; a condition that is null passes, unless `nulls: fail`.
/// - Infinities: they are values; one that arithmetic makes is an error, and the row fails.
/// - No rows: `no_data`.
///
/// Why: most of what makes a row right is how its columns stand to each other.
///
/// ```yaml
/// - expression: { sql: "shipped_at >= ordered_at" }
/// - expression: { sql: "total = quantity * price", nulls: fail }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expression {
    /// The condition, true for good rows.
    sql: Spanned<String>,
}

impl Rule for Expression {
    const NAME: &'static str = "expression";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = true;

    fn validate(&self, alone: &mut Alone<'_>) {
        alone.sql(&self.sql);
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let condition = to.condition(&self.sql)?;
        let columns = condition.columns.clone();
        let test = to.row_test(ExpressionTest(condition), &columns);
        Ok(Box::new(ExpressionCheck { test, says: format!("for which `{}` does not hold", self.sql.value) }))
    }
}

struct ExpressionTest(crate::sql::Expression);

impl RowTest for ExpressionTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let arrays: Vec<ArrayRef> = columns.iter().map(|c| c.array.clone()).collect();
        let (holds, failures) = self.0.test(&arrays, len);
        let mut fails = Mask::from_boolean(&holds, true).not();
        let mut unknown = Mask::nulls(arrow::array::Array::nulls(&holds));
        if !failures.is_empty() {
            let mut failed = vec![false; len];
            failures.iter().for_each(|f| failed[f.row] = true);
            let failed = Mask::new(failed.into());
            fails = fails.or(&failed);
            unknown = unknown.without(&failed);
        }
        Tested { fails, unknown }
    }
}

#[derive(Clone)]
struct ExpressionCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for ExpressionCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}
