//! Whole queries: planned and computed by DataFusion, over tables that are held in memory, with the checks of [`super::checked`].
//!
//! What a query gives depends on its tables alone: one thread, batches of one size, exact sums, and no order but that of the rows and
//! the query's own. The plan is not rearranged where that could compute what the query holds back.

mod checking;
mod engine;
mod mistakes;
mod part;
mod rows;
mod run;
mod sums;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result as DfResult};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;

use self::engine::at_once;
use self::tables::{Contents, Held};
use super::literals;
use crate::diagnostic::Misread;

pub(crate) use self::mistakes::{tables_named, unknown_table};
pub(crate) use self::run::{Failed, Means, Returned};
pub(crate) use self::tables::{ROWS_MAX, TableRows, plain_column};

/// What queries call the batch.
pub(crate) const BATCH: &str = "batch";

/// Why a text is no query over these tables.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) why: Misread,
    /// Whether columns of other types might make it one.
    pub(crate) of_types: bool,
}

/// A table that a query may name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) name: &'a str,
    pub(crate) schema: &'a Schema,
    /// Columns without a value: that they are text is no more than a guess.
    pub(crate) unseen: &'a [String],
}

/// A query, planned over tables whose rows are not read yet.
pub(crate) struct Query {
    state: SessionState,
    plan: LogicalPlan,
    tables: Vec<PlannedTable>,
    names_rows: bool,
}

/// A table of a query, and what the query reads of it.
struct PlannedTable {
    name: String,
    /// Its columns as SQL sees them; of the batch, which row each is comes behind them.
    schema: SchemaRef,
    contents: Arc<Contents>,
    reads: BTreeSet<usize>,
}

/// What a query reads of a table.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    /// By index into the table's own columns, ascending.
    pub(crate) columns: Vec<usize>,
    /// What is handed to the query: those columns, then, if it names rows and this is the batch, which row each is.
    pub(crate) schema: SchemaRef,
    pub(crate) names_rows: bool,
}

impl Query {
    /// Plans `text` over the batch, the first of the `tables`, and others.
    ///
    /// # Errors
    /// It is no query, or does not fit the tables.
    pub(crate) fn plan(text: &str, tables: &[Named<'_>], now: DateTime<Utc>) -> Result<Self, Wrong> {
        let context = engine::context();
        let mut planned = Vec::new();
        for table in tables {
            let schema = tables::as_sql_sees(table.schema);
            let contents = Arc::new(Contents::default());
            let held = Arc::new(Held::new(schema.clone(), contents.clone()));
            context.register_table(table.name, held).map_err(mistakes::of_plan)?;
            planned.push(PlannedTable { name: table.name.to_owned(), schema, contents, reads: BTreeSet::new() });
        }
        let state = context.state();
        let known: Vec<&str> = tables.iter().map(|table| table.name).collect();
        let statement = mistakes::statement(text, &state)?;
        mistakes::ensure_known(&statement, &state, &known)?;
        let plan = at_once(state.statement_to_plan(statement)).map_err(|why| mistakes::of_names(&why, &state))?;
        mistakes::refuse(&plan, text)?;
        let (plan, names_rows) = Self::with_rows(plan, &mut planned).map_err(mistakes::of_plan)?;
        let settled = settled(plan, &state, now).map_err(mistakes::of_plan)?;
        mistakes::ensure_not_mixed(&settled, tables)?;
        let analyzed =
            state.analyzer().execute_and_check(settled, state.config_options().as_ref(), |_, _| {}).map_err(mistakes::of_plan)?;
        let checked = checking::checked(analyzed, &state).map_err(mistakes::of_plan)?;
        let plan = state.optimizer().optimize(checked, &state, |_, _| {}).map_err(mistakes::of_plan)?;
        let mut query = Self { state, plan, tables: planned, names_rows };
        query.find_reads().map_err(mistakes::of_plan)?;
        Ok(query)
    }

    /// The plan that gives which rows of the batch are returned, where each returned row is one of them; else the plan as it is.
    fn with_rows(plan: LogicalPlan, tables: &mut [PlannedTable]) -> DfResult<(LogicalPlan, bool)> {
        let Some(batch) = tables.first_mut() else { return Ok((plan, false)) };
        let fields = batch.schema.fields().iter().map(|field| field.as_ref().clone());
        let schema = Arc::new(Schema::new(fields.chain([rows::field()]).collect::<Vec<Field>>()));
        let source = provider_as_source(Arc::new(Held::new(schema.clone(), batch.contents.clone())));
        match rows::alone(&plan, &source)? {
            Some(named) => {
                batch.schema = schema;
                Ok((named, true))
            }
            None => Ok((plan, false)),
        }
    }

    fn find_reads(&mut self) -> DfResult<()> {
        let mut found: Vec<(String, Vec<usize>)> = Vec::new();
        self.plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let all = || (0..scan.source.schema().fields().len()).collect();
                found.push((scan.table_name.table().to_owned(), scan.projection.clone().unwrap_or_else(all)));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        for (name, columns) in found {
            let Some(table) = self.tables.iter_mut().find(|table| table.name == name) else {
                return Err(DataFusionError::Internal(format!("a table `{name}` that nobody named")));
            };
            table.reads.extend(columns);
        }
        Ok(())
    }

    /// Whether each row that it returns is a row of the batch.
    pub(crate) fn names_rows(&self) -> bool {
        self.names_rows
    }

    /// What it reads of a table, by its place among the tables.
    pub(crate) fn reads(&self, table: usize) -> Reads {
        let PlannedTable { schema, reads, .. } = &self.tables[table];
        let row = schema.fields().iter().position(|field| field.name() == rows::ROW);
        let columns: Vec<usize> = reads.iter().copied().filter(|&column| Some(column) != row).collect();
        let names_rows = row.is_some_and(|row| reads.contains(&row));
        let handed = columns.iter().copied().chain(row.filter(|_| names_rows)).map(|column| schema.field(column).clone());
        Reads { schema: Arc::new(Schema::new(handed.collect::<Vec<Field>>())), columns, names_rows }
    }
}

/// The clock, and what is written beside values, settled in every expression of the plan.
fn settled(plan: LogicalPlan, state: &SessionState, now: DateTime<Utc>) -> DfResult<LogicalPlan> {
    let settled = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expression| {
            let name = names.save(&expression);
            let settled = literals::settle_in_plan(expression, &schema, state, now)?;
            Ok(Transformed::yes(name.restore(settled)))
        })?;
        node.map_data(LogicalPlan::recompute_schema)
    })?;
    Ok(settled.data)
}
