//! Which row of the batch each row is that a query returns, where it is one.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, TableSource};

use super::BATCH;

/// The column behind those of the batch that says which row it is. Queries cannot name it: it is not there when they are read.
pub(super) const ROW: &str = "row of the batch";

pub(super) fn field() -> Field {
    Field::new(ROW, DataType::UInt64, false)
}

/// The plan that gives which rows of the batch `plan` returns, and nothing else; none where what it returns are no rows of the batch.
/// `batch` has the column [`ROW`].
pub(super) fn alone(plan: &LogicalPlan, batch: &Arc<dyn TableSource>) -> Result<Option<LogicalPlan>> {
    let Some((plan, row)) = carried(plan, batch)? else { return Ok(None) };
    Ok(Some(LogicalPlan::Projection(Projection::try_new(vec![Expr::Column(row)], Arc::new(plan))?)))
}

/// `plan` with the column that says which row of the batch each of its rows is.
///
/// Conditions, computed columns, windows, orders and limits keep rows what they are, and so does a join on the side of which no row is
/// made up; of an inner join with the batch on both sides, it is the row on the left. Groups and distinct rows are no rows of the batch.
fn carried(plan: &LogicalPlan, batch: &Arc<dyn TableSource>) -> Result<Option<(LogicalPlan, Column)>> {
    let through = |input: &LogicalPlan| -> Result<Option<(LogicalPlan, Column)>> {
        let Some((input, row)) = carried(input, batch)? else { return Ok(None) };
        Ok(Some((plan.with_new_exprs(plan.expressions(), vec![input])?, row)))
    };
    match plan {
        LogicalPlan::TableScan(scan) if scan.table_name.table() == BATCH => {
            let row = Column::new(Some(scan.table_name.clone()), ROW);
            Ok(Some((LogicalPlanBuilder::scan(scan.table_name.clone(), batch.clone(), None)?.build()?, row)))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            Ok(through(&alias.input)?.map(|(plan, _)| (plan, Column::new(Some(alias.alias.clone()), ROW))))
        }
        LogicalPlan::Projection(projection) => {
            let Some((input, row)) = carried(&projection.input, batch)? else { return Ok(None) };
            let expressions = projection.expr.iter().cloned().chain([Expr::Column(row.clone())]).collect();
            Ok(Some((LogicalPlan::Projection(Projection::try_new(expressions, Arc::new(input))?), row)))
        }
        LogicalPlan::Filter(filter) => through(&filter.input),
        LogicalPlan::Sort(sort) => through(&sort.input),
        LogicalPlan::Limit(limit) => through(&limit.input),
        LogicalPlan::Window(window) => through(&window.input),
        LogicalPlan::Join(join) => {
            let (left, right) = match join.join_type {
                JoinType::Inner => (true, true),
                JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => (true, false),
                JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => (false, true),
                JoinType::Full => (false, false),
            };
            let joined = |left: LogicalPlan, right: LogicalPlan| plan.with_new_exprs(plan.expressions(), vec![left, right]);
            if left && let Some((input, row)) = carried(&join.left, batch)? {
                return Ok(Some((joined(input, join.right.as_ref().clone())?, row)));
            }
            if right && let Some((input, row)) = carried(&join.right, batch)? {
                return Ok(Some((joined(join.left.as_ref().clone(), input)?, row)));
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}
