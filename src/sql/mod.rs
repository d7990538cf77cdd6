//! SQL expressions over rows, by DataFusion; built only when a rule file holds one.
//!
//! Unquoted names keep their case. `now()` is the run's clock; volatile functions are refused, so
//! that a report can be reproduced. NaN is null and −0 is 0. Arithmetic that leaves its type's
//! range, and a division by zero, fail the row instead of wrapping around.

mod checked;
mod constants;
mod evaluate;
mod guard;
mod literals;
mod messages;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::{SessionConfig, SessionContext};

use self::messages::explained;
use crate::diagnostic::{Fault, Misread};

/// Compiles expressions; holds DataFusion's function registry.
pub(crate) struct Sql {
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
    /// Why a part of it cannot be computed on any row, if that is so.
    pub broken: Option<String>,
    schema: SchemaRef,
    physical: Arc<dyn PhysicalExpr>,
    /// An array of text holds so many bytes at most.
    bytes_max: usize,
}

/// A row on which an expression could not be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFailure {
    pub row: usize,
    pub reason: String,
}

/// [`Sql`], built when the first expression asks for it: a rule file without one never pays for it.
pub(crate) struct LazySql {
    now: DateTime<Utc>,
    sql: OnceCell<Sql>,
    /// Faults of expressions over columns whose types are guesses so far.
    deferred_faults: RefCell<Vec<Fault>>,
}

impl LazySql {
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        Self { now, sql: OnceCell::new(), deferred_faults: RefCell::new(Vec::new()) }
    }

    pub(crate) fn get(&self) -> &Sql {
        self.sql.get_or_init(|| Sql::new(self.now))
    }

    /// The expression, unless a part of it can never be computed. `is_guess` tells columns whose type the data may still
    /// widen: `code <> 'N/A'` cannot be computed while all codes look like numbers. Then the fault is kept for later.
    ///
    /// # Errors
    /// What can never be computed, and why.
    pub(crate) fn accept(
        &self,
        expression: Expression,
        fault: impl Fn(&str) -> Fault,
        is_guess: impl Fn(usize) -> bool,
    ) -> Result<Expression, Fault> {
        let Some(why) = &expression.broken else { return Ok(expression) };
        let fault = fault(why);
        if !expression.columns.iter().any(|&c| is_guess(c)) {
            return Err(fault);
        }
        let fault = fault.hint("say in the `schema` section of what types the columns are");
        let mut deferred_faults = self.deferred_faults.borrow_mut();
        if !deferred_faults.contains(&fault) {
            deferred_faults.push(fault);
        }
        drop(deferred_faults);
        Ok(expression)
    }

    /// The faults kept for when the types of columns are settled.
    pub(crate) fn deferred_faults(&self) -> Vec<Fault> {
        self.deferred_faults.take()
    }
}

impl Sql {
    /// `now` is what `now()` and `current_date` mean.
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        let mut config = SessionConfig::new().with_target_partitions(1);
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let context = SessionContext::new_with_config(config);
        Self { context, now }
    }

    /// Compiles `text` against `schema`.
    ///
    /// # Errors
    /// The reason, in one line: not SQL, an unknown column or function, types that do not fit, a volatile function.
    pub(crate) fn compile(&self, text: &str, schema: &Schema) -> Result<Expression, Misread> {
        let visible = Schema::new(schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>());
        let full = DFSchema::try_from(visible).map_err(explained)?;
        let parsed = self.context.parse_sql_expr(text, &full).map_err(explained)?;
        refuse(&parsed)?;
        let names: BTreeSet<&str> = parsed.column_refs().into_iter().map(|c| c.name.as_str()).collect();
        let index = |name: &&str| schema.index_of(name).map_err(|_| format!("unknown column `{name}`"));
        let mut columns: Vec<usize> = names.iter().map(index).collect::<Result<_, _>>()?;
        columns.sort_unstable();
        let field = |&i: &usize| Field::new(schema.field(i).name(), schema.field(i).data_type().clone(), true);
        let own = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let own_df = DFSchema::try_from(own.as_ref().clone()).map_err(explained)?;
        let state = self.context.state();
        let parsed = literals::settle(parsed, &own_df, &state, self.now).map_err(explained)?;
        let planned = state.create_physical_expr(parsed, &own_df).map_err(explained)?;
        let checked = checked::all(planned, &own).map_err(explained)?;
        let data_type = checked.data_type(&own).map_err(explained)?;
        let (physical, broken) = constants::fold(checked, &own).map_err(explained)?;
        let bytes_max = evaluate::BYTES_MAX;
        Ok(Expression { text: text.to_owned(), columns, data_type, broken, schema: own, physical, bytes_max })
    }

    /// Compiles a condition.
    ///
    /// # Errors
    /// As [`Sql::compile`]; also where the expression is not true or false.
    pub(crate) fn condition(&self, text: &str, schema: &Schema) -> Result<Expression, Misread> {
        let expression = self.compile(text, schema)?;
        match expression.data_type {
            DataType::Boolean | DataType::Null => Ok(expression),
            ref other => Err(format!("gives {}, not true or false", crate::types::type_name(other)).into()),
        }
    }
}

/// Refuses what has no place in an expression over one row, or differs from run to run.
fn refuse(expression: &Expr) -> Result<(), Misread> {
    let mut refused = None;
    expression
        .apply(|e| {
            refused = match e {
                Expr::ScalarFunction(f) if e.is_volatile_node() => {
                    Some(Misread::new(format!("`{}` is volatile", f.name())).hint("it differs from run to run"))
                }
                Expr::AggregateFunction(f) => {
                    Some(Misread::new(format!("`{}` needs many rows", f.func.name())).hint("an expression sees one"))
                }
                Expr::WindowFunction(_) => Some(Misread::new("a window needs many rows").hint("an expression sees one")),
                Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) => {
                    Some("a subquery has no place in a row expression".into())
                }
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            Ok(TreeNodeRecursion::Stop)
        })
        .map_err(explained)?;
    refused.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;
