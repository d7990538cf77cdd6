//! SQL expressions over rows, by DataFusion; built only when a rule file holds one.
//!
//! Unquoted names keep their case. `now()` is the run's clock; volatile functions are refused, so
//! that a report can be reproduced. NaN is null and −0 is 0. Arithmetic that leaves its type's
//! range, and a division by zero, fail the row instead of wrapping around.

mod checked;
mod columns;
mod constants;
mod costly;
mod evaluate;
mod guard;
mod literals;
mod messages;
mod mistakes;
pub(crate) mod query;
mod size;

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

pub(crate) use self::columns::Columns;
use self::columns::{Tables, nullable};
use self::messages::{Unknown, explained};
use self::mistakes::Mixed;
use crate::diagnostic::{Fault, Misread, Sought};

/// Compiles expressions; holds DataFusion's function registry.
pub(crate) struct Sql {
    context: SessionContext,
    now: DateTime<Utc>,
    tables: Tables,
    sought: Sought,
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
    /// A comparison of text with a number in it.
    mixed: Option<Mixed>,
    schema: SchemaRef,
    physical: Arc<dyn PhysicalExpr>,
    /// An array of text holds so many bytes at most.
    bytes_max: usize,
}

/// How much is known of a column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// It does not change any more.
    Settled,
    /// It is what the values so far look like.
    Guess,
    /// No value has been seen: it is text for want of a better guess.
    Unseen,
}

impl Expression {
    /// The name of the column that has the index `column` in the schema it was compiled against.
    fn name_of(&self, column: usize) -> Option<&str> {
        let own = self.columns.iter().position(|&c| c == column)?;
        Some(self.schema.field(own).name())
    }
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

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(crate) fn get(&self) -> &Sql {
        self.sql.get_or_init(|| Sql::new(self.now))
    }

    /// The expression, unless a part of it can never be computed, or compares text with a number. `certainty` tells columns
    /// whose type the data may still widen: `code <> 'N/A'` cannot be computed while all codes look like numbers. Then the
    /// fault is kept for later.
    ///
    /// # Errors
    /// What can never be computed, and why.
    pub(crate) fn accept(
        &self,
        expression: Expression,
        fault: impl Fn(&str) -> Fault,
        certainty: impl Fn(usize) -> Certainty,
    ) -> Result<Expression, Fault> {
        let all = |wanted: Certainty| expression.columns.iter().any(|&c| certainty(c) == wanted);
        let no_value = |name: &String| {
            expression.columns.iter().any(|&c| certainty(c) == Certainty::Unseen && expression.name_of(c) == Some(name.as_str()))
        };
        let mixed = expression.mixed.as_ref().filter(|mixed| !mixed.text_columns.iter().any(no_value));
        let fault = match (&mixed, &expression.broken) {
            (Some(mixed), _) => fault(&mixed.what).hint(&mixed.hint),
            (None, Some(why)) => fault(why),
            (None, None) => return Ok(expression),
        };
        if !all(Certainty::Guess) {
            return Err(fault);
        }
        let types = "say in the `schema` section of what types the columns are";
        let hint = mixed.map_or_else(|| types.to_owned(), |mixed| format!("{}; or {types}", mixed.hint));
        let fault = fault.hint(hint);
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
        Self { context, now, tables: Tables::default(), sought: Sought::default() }
    }

    /// Compiles `text` over the columns `all`.
    ///
    /// # Errors
    /// The reason, in one line: not SQL, an unknown column or function, types that do not fit, a volatile function.
    pub(crate) fn compile(&self, text: &str, all: &Columns) -> Result<Expression, Misread> {
        let parsed = self.parsed(text, all)?;
        let names: BTreeSet<&str> = parsed.column_refs().into_iter().map(|c| c.name.as_str()).collect();
        let index = |name: &&str| all.index_of(name).ok_or_else(|| format!("unknown column `{name}`"));
        let mut columns: Vec<usize> = names.iter().map(index).collect::<Result<_, _>>()?;
        columns.sort_unstable();
        let field = |&i: &usize| Field::new(all.fields()[i].name(), all.fields()[i].data_type().clone(), true);
        let own = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let own_df = DFSchema::try_from(own.as_ref().clone()).map_err(explained)?;
        let mixed = mistakes::mixed(&parsed, &own_df).map_err(explained)?;
        let state = self.context.state();
        let parsed = literals::settle(parsed, &own_df, &state, self.now).map_err(explained)?;
        let planned = state.create_physical_expr(parsed, &own_df).map_err(explained)?;
        let checked = checked::all(planned, &own).map_err(explained)?;
        let data_type = checked.data_type(&own).map_err(explained)?;
        let (physical, broken) = constants::fold(checked, &own).map_err(explained)?;
        let bytes_max = evaluate::BYTES_MAX;
        Ok(Expression { text: text.to_owned(), columns, data_type, broken, mixed, schema: own, physical, bytes_max })
    }

    /// Parses `text`, whose columns are among `all`; types are not looked at.
    fn parsed(&self, text: &str, all: &Columns) -> Result<Expr, Misread> {
        size::ensure_small(text)?;
        let visible = DFSchema::try_from(nullable(&all.spoken_of(text))).map_err(explained)?;
        let parsed = self.context.parse_sql_expr(text, &visible).map_err(|error| match messages::unknown(&error) {
            Some(Unknown::Column(name)) => mistakes::unknown_column(&name, text, all, &self.sought),
            Some(Unknown::Function(name)) => mistakes::unknown_function(&name, self.function_names().iter().map(String::as_str)),
            None => messages::explained_in(error, text),
        })?;
        refuse(&parsed)?;
        mistakes::never_meant(&parsed, text).map_or(Ok(parsed), Err)
    }

    /// The names of all functions over one row.
    fn function_names(&self) -> Vec<String> {
        self.context.state().scalar_functions().keys().cloned().collect()
    }

    /// What is wrong with `text` whatever the columns are, of which those of `schema` are known.
    pub(crate) fn wrong_anyway(&self, text: &str, schema: &Schema) -> Option<Misread> {
        /// Nobody names more columns in one expression.
        const COLUMNS_MAX: usize = 1000;
        if let Err(why) = size::ensure_small(text) {
            return Some(why);
        }
        let mut schema = self.tables.columns(schema).spoken_of(text);
        for _ in 0..COLUMNS_MAX {
            let full = DFSchema::try_from(schema.clone()).ok()?;
            let unknown = match self.context.parse_sql_expr(text, &full) {
                Ok(_) => None,
                Err(error) => messages::unknown(&error),
            };
            match unknown {
                Some(Unknown::Column(name)) if !name.contains('.') && schema.index_of(&name).is_err() => {
                    let fields = schema.fields().iter().map(|f| f.as_ref().clone());
                    schema = Schema::new(fields.chain([Field::new(name, DataType::Null, true)]).collect::<Vec<_>>());
                }
                // A nested field of a column that nothing is known of.
                Some(Unknown::Column(_)) => return None,
                Some(Unknown::Function(_)) => return self.parsed(text, &Columns::of(&schema.fields)).err(),
                None => {
                    // Types are not known, so what is said of them means nothing.
                    let depends_on_types = self.context.parse_sql_expr(text, &full).err().is_some_and(|e| !messages::is_of_parser(&e));
                    return if depends_on_types { None } else { self.parsed(text, &Columns::of(&schema.fields)).err() };
                }
            }
        }
        None
    }

    /// Compiles a condition.
    ///
    /// # Errors
    /// As [`Sql::compile`]; also where the expression is not true or false.
    pub(crate) fn condition(&self, text: &str, schema: &Schema) -> Result<Expression, Misread> {
        if let Some(known) = self.tables.condition(text, schema) {
            return known;
        }
        let condition = self.new_condition(text, &self.tables.columns(schema));
        self.tables.keep(text, schema, &condition);
        condition
    }

    fn new_condition(&self, text: &str, all: &Columns) -> Result<Expression, Misread> {
        let expression = self.compile(text, all)?;
        match expression.data_type {
            DataType::Boolean | DataType::Null => Ok(expression),
            ref other => {
                let what = format!("a condition is true or false, and this is {}", crate::types::type_name(other));
                Err(Misread::new(what).hint("compare it with something, such as `… > 0`"))
            }
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
                    Some(Misread::new(format!("`{}` is volatile: it differs from run to run", f.name())).hint("leave it out"))
                }
                Expr::AggregateFunction(f) => Some(aggregate(f.func.name())),
                Expr::WindowFunction(_) => Some(Misread::new("a window needs many rows").hint("an expression sees one")),
                Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) => {
                    Some(Misread::new("a subquery has no place in an expression over one row").hint("write a condition such as `a > b`"))
                }
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            Ok(TreeNodeRecursion::Stop)
        })
        .map_err(explained)?;
    refused.map_or(Ok(()), Err)
}

/// A function over many rows, and the rule that gives its figure.
fn aggregate(name: &str) -> Misread {
    let misread = Misread::new(format!("`{name}` needs many rows, and an expression sees one"));
    match name {
        "count" => misread.hint("write `- rows: { min: 1 }`, or `- statistic: { column: NAME, of: distinct, min: 1 }`"),
        "avg" | "mean" => misread.hint("write `- statistic: { column: NAME, of: mean, max: 100 }`"),
        "sum" | "min" | "max" | "median" | "stddev" => {
            misread.hint(format!("write `- statistic: {{ column: NAME, of: {name}, max: 100 }}`"))
        }
        _ => misread.hint("the rule `statistic` judges figures of a column"),
    }
}

#[cfg(test)]
mod tests;
