//! Arithmetic of a query that fails where it leaves the range of its type, as that of single expressions does.
//!
//! DataFusion builds the expressions of its operators itself. So parts that may come out wrong are replaced in the plan by functions
//! ([`Part`]) that compute the same, checked. `AND`, `OR` and
//! `CASE` that hold such a part are replaced whole, since one side of them holds back another.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, merge_schema, split_conjunction_owned};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF};
use datafusion::prelude::col;

use super::part::Part;
use crate::sql::checked;

/// The plan with all parts checked that may come out wrong.
pub(super) fn checked(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let checked = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let is_condition = matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
        let names = NamePreserver::new(&node);
        let checking = Checking { schema: &schema, state };
        let node = node.map_expressions(|expression| {
            let name = names.save(&expression);
            let checked = if is_condition { checking.condition(expression)? } else { checking.part(expression)? };
            Ok(Transformed::yes(name.restore(checked)))
        })?;
        node.map_data(LogicalPlan::recompute_schema)
    })?;
    Ok(checked.data)
}

struct Checking<'a> {
    /// The columns that expressions see.
    schema: &'a DFSchema,
    state: &'a SessionState,
}

impl Checking<'_> {
    /// A condition, one part of it after the other: each may rely on those before it.
    fn condition(&self, condition: Expr) -> Result<Expr> {
        let parts = split_conjunction_owned(condition.clone());
        let mut checked = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            let guards: Vec<Expr> = parts[..place].iter().filter(|guard| !has_query(guard)).cloned().collect();
            checked.push(if guards.is_empty() || has_query(part) || !self.may_fail(part)? {
                self.part(part.clone())?
            } else {
                self.whole(&conjunction(guards.into_iter().chain([part.clone()])).unwrap_or_else(|| part.clone()))?
            });
        }
        Ok(conjunction(checked).unwrap_or(condition))
    }

    /// An expression, with what may fail in it checked.
    fn part(&self, expression: Expr) -> Result<Expr> {
        // The optimizer writes a condition of `CASE` with `AND` and `OR`.
        let is_joint = match &expression {
            Expr::BinaryExpr(BinaryExpr { op, .. }) => matches!(op, Operator::And | Operator::Or),
            Expr::Case(_) => true,
            _ => false,
        };
        if is_joint && !has_query(&expression) && self.may_fail(&expression)? {
            return self.whole(&expression);
        }
        let expression = expression.map_children(|child| Ok(Transformed::yes(self.part(child)?)))?.data;
        match self.alone(&expression)? {
            Some(part) if part.is_checked() => part.into_expression(),
            Some(_) | None => Ok(expression),
        }
    }

    fn may_fail(&self, expression: &Expr) -> Result<bool> {
        expression.exists(|part| Ok(self.alone(part)?.is_some_and(|part| part.is_checked())))
    }

    /// What an operator, cast or function computes of its operands; none for other expressions.
    fn alone(&self, expression: &Expr) -> Result<Option<Compiled>> {
        let computes = match expression {
            Expr::BinaryExpr(BinaryExpr { op, .. }) => {
                !matches!(op, Operator::And | Operator::Or) && !super::super::literals::compares(*op)
            }
            Expr::ScalarFunction(function) => !(function.func.inner().as_ref() as &dyn Any).is::<Part>(),
            Expr::Negative(_) | Expr::Cast(_) | Expr::TryCast(_) => true,
            _ => false,
        };
        let mut operands = 0;
        let mut literals = 0;
        expression.apply_children(|child| {
            operands += 1;
            literals += usize::from(matches!(child, Expr::Literal(..)));
            Ok(TreeNodeRecursion::Continue)
        })?;
        if !computes || operands == 0 {
            return Ok(None);
        }
        // A pattern or a unit stands there as such; where all is written, it is an operand all the same.
        let keeps_literals = literals < operands;
        let mut arguments = Arguments::default();
        let over = expression.clone().map_children(|child| match child {
            Expr::Literal(..) if keeps_literals => Ok(Transformed::no(child)),
            child => Ok(Transformed::yes(arguments.column(child, self.schema)?)),
        })?;
        self.compiled(expression, over.data, arguments).map(Some)
    }

    /// The whole expression as one part, over the columns and aggregates that stand in it.
    fn whole(&self, expression: &Expr) -> Result<Expr> {
        let mut arguments = Arguments::default();
        let over = expression.clone().transform_down(|part| match part {
            Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::AggregateFunction(_) | Expr::WindowFunction(_) => {
                Ok(Transformed::new(arguments.column(part, self.schema)?, true, TreeNodeRecursion::Jump))
            }
            other => Ok(Transformed::no(other)),
        })?;
        self.compiled(expression, over.data, arguments)?.into_expression()
    }

    fn compiled(&self, expression: &Expr, over: Expr, arguments: Arguments) -> Result<Compiled> {
        let schema = Arc::new(Schema::new(arguments.fields));
        let planned = self.state.create_physical_expr(over, &DFSchema::try_from(schema.as_ref().clone())?)?;
        let checked = checked::all(planned.clone(), &schema)?;
        let is_checked = planned.as_ref() != checked.as_ref();
        let data_type = expression.get_type(self.schema)?;
        let part = Part::new(expression.schema_name().to_string(), checked, schema, data_type);
        Ok(Compiled { part, is_checked, arguments: arguments.expressions })
    }
}

/// A part of an expression that computes by itself.
struct Compiled {
    part: Part,
    /// Whether it is computed otherwise than DataFusion would.
    is_checked: bool,
    arguments: Vec<Expr>,
}

impl Compiled {
    fn is_checked(&self) -> bool {
        self.is_checked
    }

    fn into_expression(self) -> Result<Expr> {
        Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(self.part)), self.arguments)))
    }
}

/// What a part is computed of: columns that stand for expressions.
#[derive(Default)]
struct Arguments {
    expressions: Vec<Expr>,
    fields: Vec<Field>,
}

impl Arguments {
    fn column(&mut self, expression: Expr, schema: &DFSchema) -> Result<Expr> {
        let place = match self.expressions.iter().position(|known| *known == expression) {
            Some(place) => place,
            None => {
                let data_type = expression.get_type(schema)?;
                self.fields.push(Field::new(format!("c{}", self.fields.len()), data_type, true));
                self.expressions.push(expression);
                self.expressions.len() - 1
            }
        };
        Ok(col(format!("c{place}")))
    }
}

fn has_query(expression: &Expr) -> bool {
    let is_query =
        |part: &Expr| Ok(matches!(part, Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_)));
    expression.exists(is_query).unwrap_or(true)
}
