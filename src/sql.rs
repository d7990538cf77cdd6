//! SQL expressions over rows, by DataFusion; built only when a rule file holds one.
//!
//! Unquoted names keep their case. `now()` is the run's clock; volatile functions are refused, so
//! that a report can be reproduced. NaN is null.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::{SessionConfig, SessionContext};

/// Compiles expressions; holds DataFusion's function registry.
pub struct Sql {
    context: SessionContext,
    now: DateTime<Utc>,
}

/// A compiled expression over some columns.
#[derive(Debug, Clone)]
pub struct Expression {
    /// As written.
    pub text: String,
    /// Indices into the schema it was compiled against, ascending.
    pub columns: Vec<usize>,
    pub data_type: DataType,
    schema: SchemaRef,
    physical: Arc<dyn PhysicalExpr>,
}

/// A row on which an expression could not be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFailure {
    pub row: usize,
    pub reason: String,
}

/// [`Sql`], built when the first expression asks for it: a rule file without one never pays for it.
pub struct LazySql {
    now: DateTime<Utc>,
    sql: OnceCell<Sql>,
}

impl LazySql {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { now, sql: OnceCell::new() }
    }

    pub fn get(&self) -> &Sql {
        self.sql.get_or_init(|| Sql::new(self.now))
    }
}

impl Sql {
    /// `now` is what `now()` and `current_date` mean.
    pub fn new(now: DateTime<Utc>) -> Self {
        let mut config = SessionConfig::new().with_target_partitions(1);
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let context = SessionContext::new_with_config(config);
        Self { context, now }
    }

    /// Compiles `text` against `schema`.
    ///
    /// # Errors
    /// The reason, in one line: not SQL, an unknown column or function, types that do not fit, a volatile function.
    pub fn compile(&self, text: &str, schema: &Schema) -> Result<Expression, String> {
        let visible = Schema::new(schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>());
        let full = DFSchema::try_from(visible).map_err(one_line)?;
        let parsed = self.context.parse_sql_expr(text, &full).map_err(one_line)?;
        refuse(&parsed)?;
        let names: BTreeSet<&str> = parsed.column_refs().into_iter().map(|c| c.name.as_str()).collect();
        let mut columns: Vec<usize> = names.iter().filter_map(|n| schema.index_of(n).ok()).collect();
        columns.sort_unstable();
        let field = |&i: &usize| Field::new(schema.field(i).name(), schema.field(i).data_type().clone(), true);
        let own = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let own_df = DFSchema::try_from(own.as_ref().clone()).map_err(one_line)?;
        let parsed = if reads_clock(&parsed) { self.with_clock(parsed, &own_df).map_err(one_line)? } else { parsed };
        let physical = self.context.state().create_physical_expr(parsed, &own_df).map_err(one_line)?;
        let data_type = physical.data_type(&own).map_err(one_line)?;
        Ok(Expression { text: text.to_owned(), columns, data_type, schema: own, physical })
    }

    /// Puts the run's clock in the place of `now()` and its kin: DataFusion does so while simplifying.
    fn with_clock(&self, expression: Expr, schema: &DFSchema) -> datafusion::common::Result<Expr> {
        let state = self.context.state();
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(schema.clone()))
            .with_config_options(state.config_options().clone())
            .with_query_execution_start_time(Some(self.now))
            .build();
        let simplifier = ExprSimplifier::new(context);
        simplifier.simplify(simplifier.coerce(expression, schema)?)
    }

    /// Compiles a condition.
    ///
    /// # Errors
    /// As [`Sql::compile`]; also where the expression is not true or false.
    pub fn condition(&self, text: &str, schema: &Schema) -> Result<Expression, String> {
        let expression = self.compile(text, schema)?;
        match expression.data_type {
            DataType::Boolean | DataType::Null => Ok(expression),
            ref other => Err(format!("gives {}, not true or false", crate::types::type_name(other))),
        }
    }
}

/// Whether a function in the expression depends on the run rather than on the row.
fn reads_clock(expression: &Expr) -> bool {
    let stable = |e: &Expr| matches!(e, Expr::ScalarFunction(f) if f.func.signature().volatility == Volatility::Stable);
    expression.exists(|e| Ok(stable(e))).unwrap_or(false)
}

/// Refuses what has no place in an expression over one row, or differs from run to run.
fn refuse(expression: &Expr) -> Result<(), String> {
    let mut refused = None;
    expression
        .apply(|e| {
            refused = match e {
                Expr::ScalarFunction(f) if e.is_volatile_node() => Some(format!("`{}` is volatile; it differs from run to run", f.name())),
                Expr::AggregateFunction(f) => Some(format!("`{}` needs many rows; an expression sees one", f.func.name())),
                Expr::WindowFunction(_) => Some("a window needs many rows; an expression sees one".to_owned()),
                Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) => {
                    Some("a subquery has no place in a row expression".to_owned())
                }
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            Ok(TreeNodeRecursion::Stop)
        })
        .map_err(one_line)?;
    refused.map_or(Ok(()), Err)
}

impl Expression {
    /// Computes the expression over `arrays` (its columns, in order), `len` rows each.
    ///
    /// Where a batch fails it is halved until the failing rows stand alone; those are null in the
    /// result and named beside it.
    pub fn evaluate(&self, arrays: &[ArrayRef], len: usize) -> (ArrayRef, Vec<RowFailure>) {
        let mut failures = Vec::new();
        let parts = self.parts(arrays, 0, len, &mut failures);
        let array = match parts.as_slice() {
            [one] => one.clone(),
            many => {
                let refs: Vec<&dyn Array> = many.iter().map(AsRef::as_ref).collect();
                arrow::compute::concat(&refs).unwrap_or_else(|_| arrow::array::new_null_array(&self.data_type, len))
            }
        };
        (array, failures)
    }

    /// Computes a condition: true, false or null a row; rows that fail are null and named.
    pub fn test(&self, arrays: &[ArrayRef], len: usize) -> (BooleanArray, Vec<RowFailure>) {
        let (array, failures) = self.evaluate(arrays, len);
        match array.as_boolean_opt() {
            Some(booleans) => (booleans.clone(), failures),
            None => (BooleanArray::new_null(len), failures),
        }
    }

    fn parts(&self, arrays: &[ArrayRef], start: usize, len: usize, failures: &mut Vec<RowFailure>) -> Vec<ArrayRef> {
        let reason = match self.once(arrays, len) {
            Ok(array) => return vec![array],
            Err(reason) => reason,
        };
        if len == 1 {
            failures.push(RowFailure { row: start, reason: format!("{}: {reason}", self.text) });
            return vec![arrow::array::new_null_array(&self.data_type, 1)];
        }
        let half = len / 2;
        let slices = |from: usize, n: usize| arrays.iter().map(|a| a.slice(from, n)).collect::<Vec<_>>();
        let mut parts = self.parts(&slices(0, half), start, half, failures);
        parts.extend(self.parts(&slices(half, len - half), start + half, len - half, failures));
        parts
    }

    fn once(&self, arrays: &[ArrayRef], len: usize) -> Result<ArrayRef, String> {
        let options = RecordBatchOptions::new().with_row_count(Some(len));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays.to_vec(), &options).map_err(one_line)?;
        let value = self.physical.evaluate(&batch).map_err(one_line)?;
        value.into_array(len).map_err(one_line)
    }
}

/// DataFusion's message without its backtrace, prefix and line breaks.
fn one_line(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let prefixes =
        ["Error during planning: ", "Execution error: ", "Arrow error: ", "SQL error: ", "Schema error: ", "type_coercion\ncaused by\n"];
    let mut message = first;
    while let Some(rest) = prefixes.iter().find_map(|p| message.strip_prefix(p)) {
        message = rest;
    }
    if let Some(inner) = message.strip_prefix("ParserError(\"").and_then(|m| m.strip_suffix("\")")) {
        return format!("not SQL: {}", inner.split(" at Line:").next().unwrap_or(inner));
    }
    if message.contains("Dot access not supported") {
        return "a name before a dot is a word of SQL; put it in double quotes, such as `\"user\".age`".into();
    }
    if let Some(rest) = message.strip_prefix("No field named ") {
        let (name, hint) = rest.split_once(". ").unwrap_or((rest, ""));
        let name = name.trim_end_matches('.').trim_matches('"');
        let near = hint.strip_prefix("Did you mean '").and_then(|h| h.split('\'').next()).map(|h| h.trim_matches('"'));
        return near.map_or_else(|| format!("unknown column `{name}`"), |near| format!("unknown column `{name}`; did you mean `{near}`?"));
    }
    message.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    fn schema() -> Schema {
        Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("userId", DataType::Int64, true)])
    }

    #[test]
    fn failing_rows_are_found_one_by_one() {
        let sql = Sql::new(DateTime::UNIX_EPOCH);
        let expression = sql.compile("10 / a", &schema()).expect("compiles");
        let a: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(0), None, Some(0), Some(2)]));
        let (values, failures) = expression.evaluate(&[a], 5);
        let values: Vec<Option<i64>> = values.as_primitive::<arrow::datatypes::Int64Type>().iter().collect();
        assert_eq!(values, [Some(2), None, None, None, Some(5)]);
        assert_eq!(failures.iter().map(|f| f.row).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn now_is_the_clock_of_the_run() {
        let sql = Sql::new(DateTime::UNIX_EPOCH);
        let condition = sql.condition("now() = TIMESTAMP '1970-01-01T00:00:00Z' AND current_date() = DATE '1970-01-01'", &schema());
        let (holds, failures) = condition.expect("compiles").test(&[], 2);
        assert_eq!((holds.true_count(), failures), (2, Vec::new()));
    }

    #[test]
    fn names_keep_their_case_and_volatile_functions_are_refused() {
        let sql = Sql::new(DateTime::UNIX_EPOCH);
        assert_eq!(sql.condition("userId > 1", &schema()).expect("compiles").columns, [1]);
        assert!(sql.compile("userid > 1", &schema()).is_err());
        assert!(sql.compile("random() > 0.5", &schema()).expect_err("refused").contains("volatile"));
        assert!(sql.compile("sum(a)", &schema()).expect_err("refused").contains("many rows"));
        assert!(sql.condition("a + 1", &schema()).expect_err("refused").contains("int64"));
    }
}
