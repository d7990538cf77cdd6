//! What is wrong with a query before any row is read.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;

use super::{BATCH, Named, Wrong, engine};
use crate::diagnostic::Misread;
use crate::sql::messages::{Unknown, explained, is_of_parser, unknown};
use crate::sql::mistakes;
use crate::sql::size::ensure_small;

const EXAMPLE: &str = "write a query, such as `SELECT * FROM batch WHERE price < 0`";

/// The tables that `text` names, each once.
///
/// # Errors
/// It is no query.
pub(crate) fn tables_named(text: &str) -> Result<Vec<String>, Misread> {
    let state = engine::context().state();
    let statement = statement(text, &state).map_err(|wrong| wrong.why)?;
    if samples(&statement) {
        return Err(
            Misread::new("`TABLESAMPLE` draws other rows each time").hint("leave it out; `where` says which rows the rule speaks of")
        );
    }
    let references = state.resolve_table_references(&statement).map_err(explained)?;
    let mut names: Vec<String> = references.iter().map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Whether a table of it is sampled: the planner leaves that word out without a sound.
fn samples(statement: &Statement) -> bool {
    struct Looks;
    impl ast::Visitor for Looks {
        type Break = ();
        fn pre_visit_table_factor(&mut self, table: &ast::TableFactor) -> ControlFlow<()> {
            match table {
                ast::TableFactor::Table { sample: Some(_), .. } | ast::TableFactor::Derived { sample: Some(_), .. } => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    match statement {
        Statement::Statement(statement) => ast::Visit::visit(statement.as_ref(), &mut Looks).is_break(),
        _ => false,
    }
}

/// The one query that `text` is.
pub(super) fn statement(text: &str, state: &SessionState) -> Result<Statement, Wrong> {
    let wrong = |why: Misread| Wrong { why, of_types: false };
    if text.trim().is_empty() {
        return Err(wrong(Misread::new("there is no query").hint(EXAMPLE)));
    }
    ensure_small(text).map_err(wrong)?;
    let dialect = state.config_options().sql_parser.dialect;
    let parsed = state.sql_to_statement(text, &dialect).map_err(|error| {
        let why = match root(&error) {
            DataFusionError::NotImplemented(_) => Misread::new("these are several statements, and one query is asked"),
            other => explained(other),
        };
        wrong(if why.hint.is_none() { why.hint(EXAMPLE) } else { why })
    })?;
    let is_query = matches!(&parsed, Statement::Statement(statement) if matches!(statement.as_ref(), ast::Statement::Query(_)));
    if !is_query {
        return Err(wrong(Misread::new("only a query can be asked: nothing is made, changed or set").hint(EXAMPLE)));
    }
    Ok(parsed)
}

/// Every table must be known.
pub(super) fn ensure_known(statement: &Statement, state: &SessionState, known: &[&str]) -> Result<(), Wrong> {
    let references = state.resolve_table_references(statement).map_err(of_plan)?;
    match references.iter().map(ToString::to_string).find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Wrong { why: unknown_table(&name, known), of_types: false }),
        None => Ok(()),
    }
}

/// A table that there is none of.
pub(crate) fn unknown_table(name: &str, known: &[&str]) -> Misread {
    let misread = Misread::new(format!("unknown table `{name}`"));
    let others: Vec<String> = known.iter().filter(|known| **known != BATCH).map(|name| format!("`{name}`")).collect();
    match (crate::diagnostic::nearest(name, known.iter().copied()), others.as_slice()) {
        (Some(near), _) => misread.hint(format!("did you mean `{near}`?")),
        (None, []) => {
            misread.hint(format!("the batch is the table `{BATCH}`; the section `sources` names others: `sources: {{ NAME: PATH }}`"))
        }
        (None, others) => misread.hint(format!("the batch is the table `{BATCH}`; of `sources` there is {}", others.join(", "))),
    }
}

/// What a plan holds that differs from run to run, never ends, or is not meant.
pub(super) fn refuse(plan: &LogicalPlan, text: &str) -> Result<(), Wrong> {
    let mut refused = None;
    let walked = plan.apply_with_subqueries(|node| {
        if matches!(node, LogicalPlan::RecursiveQuery(_)) {
            refused = Some(Misread::new("a recursive query may never end").hint("write it without `RECURSIVE`"));
        }
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                refused = refused.take().or_else(|| volatile(part));
                Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })?;
            refused = refused.take().or_else(|| mistakes::never_meant(expression, text));
            Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    walked.map_err(of_plan)?;
    refused.map_or(Ok(()), |why| Err(Wrong { why, of_types: false }))
}

fn volatile(part: &Expr) -> Option<Misread> {
    match part {
        Expr::ScalarFunction(f) if part.is_volatile_node() => {
            Some(Misread::new(format!("`{}` is volatile: it differs from run to run", f.name())).hint("leave it out"))
        }
        // It makes as many values as it is told, whatever the memory.
        Expr::ScalarFunction(f) if ["range", "generate_series"].contains(&f.name()) => Some(
            Misread::new(format!("`{}` makes values that no row has", f.name()))
                .hint("write a source with these values: `sources: { NAME: PATH }`"),
        ),
        _ => None,
    }
}

/// No text may be compared with a number, but in columns of which no value has been seen.
pub(super) fn ensure_not_mixed(plan: &LogicalPlan, tables: &[Named<'_>]) -> Result<(), Wrong> {
    let is_unseen = |name: &String| tables.iter().any(|table| table.unseen.contains(name));
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expression| {
            let mixed = mistakes::mixed(expression, &schema)?.filter(|mixed| !mixed.text_columns.iter().any(is_unseen));
            found = found.take().or(mixed);
            Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    walked.map_err(of_plan)?;
    found.map_or(Ok(()), |mixed| Err(Wrong { why: Misread::new(mixed.what).hint(mixed.hint), of_types: true }))
}

/// An error of a query that could not be planned.
pub(super) fn of_names(error: &DataFusionError, state: &SessionState) -> Wrong {
    let error = root(error);
    let why = match unknown(error) {
        Some(Unknown::Function(name)) => {
            let scalar = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
            mistakes::unknown_function(&name, scalar.chain(state.window_functions().keys()).map(String::as_str))
        }
        Some(Unknown::Column(_)) | None => explained(error),
    };
    let is_of_names = matches!(error, DataFusionError::SchemaError(..)) || unknown(error).is_some() || is_of_parser(error);
    Wrong { why: unqualified(why, error), of_types: !is_of_names }
}

/// Names of several tables: said in our words.
fn unqualified(why: Misread, error: &DataFusionError) -> Misread {
    match error {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::AmbiguousReference { field } => {
                let misread = Misread::new(format!("several tables have a column `{}`", field.name));
                misread.hint(format!("write which one is meant, such as `{BATCH}.{}`", field.name))
            }
            _ => why,
        },
        _ => why,
    }
}

/// An error of a plan that does not fit the columns.
pub(super) fn of_plan(error: DataFusionError) -> Wrong {
    Wrong { why: explained(root(&error)), of_types: true }
}

/// The error without what DataFusion was about to do.
pub(super) fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        other => other,
    }
}
