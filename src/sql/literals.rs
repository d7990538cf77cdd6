//! What is settled in an expression before it is planned: the clock, functions that are only another way of writing, and
//! the types of numbers and times that are written in it.
//!
//! A number that is compared with a column is read as the column's type, as the bounds of `range` are: `x <= 0.1` holds
//! for a float32 `x` of 0.1, though as a float64 it is a little more.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, SubsecRound, Utc};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{Between, BinaryExpr, Case, Cast, InList, ScalarFunction};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

/// Functions that DataFusion computes only once they are written as something else.
const REWRITTEN: [&str; 10] =
    ["now", "current_date", "current_time", "coalesce", "nvl", "nvl2", "arrow_cast", "arrow_try_cast", "cast_to_type", "try_cast_to_type"];

/// Digits of the clock behind the second. Tables hold microseconds, and nanoseconds end in 2262.
const MICROS: u16 = 6;

/// The most digits that a decimal of 128 bits has.
const DIGITS_MAX: u8 = 38;

pub(super) fn settle(expression: Expr, schema: &DFSchema, state: &SessionState, now: DateTime<Utc>) -> Result<Expr> {
    let context = at_clock(schema, state, now);
    let bound = bound(expression, schema, &context)?;
    let coerced = ExprSimplifier::new(context.clone()).coerce(bound, schema)?;
    rewrite(coerced, &context, |_| true)
}

/// The same for an expression of a plan, whose types are coerced with all others of the plan.
pub(super) fn settle_in_plan(expression: Expr, schema: &DFSchema, state: &SessionState, now: DateTime<Utc>) -> Result<Expr> {
    let context = at_clock(schema, state, now);
    rewrite(bound(expression, schema, &context)?, &context, |_| true)
}

fn at_clock(schema: &DFSchema, state: &SessionState, now: DateTime<Utc>) -> SimplifyContext {
    SimplifyContext::builder()
        .with_schema(Arc::new(schema.clone()))
        .with_config_options(state.config_options().clone())
        .with_query_execution_start_time(Some(now.trunc_subsecs(MICROS)))
        .build()
}

fn bound(expression: Expr, schema: &DFSchema, context: &SimplifyContext) -> Result<Expr> {
    let at_clock = rewrite(expression, context, |f| f.args.is_empty())?;
    Ok(at_clock.transform_up(|e| Ok(Transformed::yes(bind(e, schema))))?.data)
}

/// Only these functions are rewritten: a full simplification would compute constants unchecked.
fn rewrite(expression: Expr, context: &SimplifyContext, which: impl Fn(&ScalarFunction) -> bool) -> Result<Expr> {
    let rewritten = expression.transform_up(|e| match e {
        Expr::ScalarFunction(f) if REWRITTEN.contains(&f.func.name()) && which(&f) => Ok(match f.func.simplify(f.args, context)? {
            ExprSimplifyResult::Simplified(clock @ Expr::Literal(ScalarValue::TimestampNanosecond(..), _)) => {
                Transformed::yes(in_micros(clock))
            }
            ExprSimplifyResult::Simplified(simple) => Transformed::yes(simple),
            ExprSimplifyResult::Original(args) => Transformed::no(Expr::ScalarFunction(ScalarFunction { func: f.func, args })),
        }),
        other => Ok(Transformed::no(other)),
    });
    Ok(rewritten?.data)
}

/// Gives what is written beside a value that value's type, where both are compared.
fn bind(expression: Expr, schema: &DFSchema) -> Expr {
    let beside = |written: Expr, value: &Expr| match value.get_type(schema) {
        Ok(data_type) => as_type(written, &data_type),
        // Planning says what is wrong.
        Err(_) => written,
    };
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            let bound_right = beside(*right, &left);
            let bound_left = beside(*left, &bound_right);
            let [left, right] = days_beside_times([bound_left, bound_right], schema);
            Expr::BinaryExpr(BinaryExpr { left: left.into(), op, right: right.into() })
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let (low, high) = (beside(*low, &expr), beside(*high, &expr));
            let [expr, low, high] = days_beside_times([*expr, low, high], schema);
            Expr::Between(Between { expr: expr.into(), negated, low: low.into(), high: high.into() })
        }
        Expr::InList(InList { expr, list, negated }) => {
            let list = list.into_iter().map(|e| beside(e, &expr)).collect();
            Expr::InList(InList { expr, list, negated })
        }
        Expr::Case(Case { expr: Some(expr), when_then_expr, else_expr }) => {
            let when_then_expr = when_then_expr.into_iter().map(|(when, then)| (beside(*when, &expr).into(), then)).collect();
            Expr::Case(Case { expr: Some(expr), when_then_expr, else_expr })
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "nullif" && args.len() == 2 => {
            let second = beside(args[1].clone(), &args[0]);
            let [first, _] = args.try_into().expect("there are two of them");
            Expr::ScalarFunction(ScalarFunction { func, args: vec![first, second] })
        }
        other => other,
    }
}

pub(super) fn compares(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// Days that are compared with times: all as microseconds. DataFusion takes nanoseconds, which end in 2262, and
/// 9999-12-31 stands for "never" in many tables.
fn days_beside_times<const N: usize>(parts: [Expr; N], schema: &DFSchema) -> [Expr; N] {
    let types: Vec<DataType> = parts.iter().filter_map(|p| p.get_type(schema).ok()).collect();
    let is_day = |t: &DataType| matches!(t, DataType::Date32 | DataType::Date64);
    let is_time = |t: &DataType| matches!(t, DataType::Timestamp(unit, _) if *unit != TimeUnit::Nanosecond);
    let are_both = types.iter().any(is_day) && types.iter().any(is_time);
    if types.len() < N || !are_both || !types.iter().all(|t| is_day(t) || is_time(t)) {
        return parts;
    }
    parts.map(|part| Expr::Cast(Cast::new(part.into(), DataType::Timestamp(TimeUnit::Microsecond, None))))
}

/// What is written, as a value of `data_type`, where that is closer to its text than DataFusion's own reading.
fn as_type(written: Expr, data_type: &DataType) -> Expr {
    match data_type {
        DataType::Float32 => match number(&written) {
            Some(x) => Expr::Literal(ScalarValue::Float32(Some(x as f32)), None),
            None => written,
        },
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            decimal(&written, *p, *s).map_or(written, |value| Expr::Literal(value, None))
        }
        // Times are written as nanoseconds, which end in 2262; most columns reach further.
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond, zone) => match &written {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) if !is_finer(text) => {
                Expr::Cast(Cast::new(written.into(), DataType::Timestamp(TimeUnit::Microsecond, zone.clone())))
            }
            _ => in_micros(written),
        },
        DataType::Date32 | DataType::Date64 => in_micros(written),
        _ => written,
    }
}

/// The number that is written.
fn number(written: &Expr) -> Option<f64> {
    match written {
        Expr::Negative(inner) => number(inner).map(|x| -x),
        Expr::Literal(ScalarValue::Float64(Some(x)), _) => Some(*x),
        Expr::Literal(ScalarValue::Int64(Some(x)), _) => Some(*x as f64),
        _ => None,
    }
}

/// A number with a fraction as an exact decimal, if it can be compared with decimals of this precision and scale.
fn decimal(written: &Expr, precision: u8, scale: i8) -> Option<ScalarValue> {
    if !matches!(written, Expr::Literal(ScalarValue::Float64(_), _) | Expr::Negative(_)) {
        return None;
    }
    // The shortest text that means this float is the text as written, up to 15 digits.
    let text = number(written)?.to_string();
    let digits = text.trim_start_matches('-').replace('.', "").trim_start_matches('0').len();
    let fraction = text.split_once('.').map_or(0, |(_, f)| f.len());
    let own_scale = i8::try_from(fraction).ok()?;
    let whole = (i16::from(precision) - i16::from(scale)).max(digits as i16 - fraction as i16);
    if digits > 15 || whole + i16::from(scale.max(own_scale)) > i16::from(DIGITS_MAX) {
        return None;
    }
    let value = crate::text::decimal(&text, DIGITS_MAX, own_scale)?;
    let own_precision = u8::try_from(digits.max(fraction).max(1)).ok()?;
    Some(ScalarValue::Decimal128(Some(value), own_precision, own_scale))
}

/// A time that is a whole number of microseconds, as such.
fn in_micros(written: Expr) -> Expr {
    match written {
        Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), zone), metadata) if nanos % 1000 == 0 => {
            Expr::Literal(ScalarValue::TimestampMicrosecond(Some(nanos / 1000), zone), metadata)
        }
        Expr::Cast(Cast { expr, field }) => match (expr.as_ref(), field.data_type()) {
            (Expr::Literal(ScalarValue::Utf8(Some(text)), _), DataType::Timestamp(TimeUnit::Nanosecond, zone)) if !is_finer(text) => {
                Expr::Cast(Cast::new(expr, DataType::Timestamp(TimeUnit::Microsecond, zone.clone())))
            }
            _ => Expr::Cast(Cast { expr, field }),
        },
        other => other,
    }
}

/// Whether a written time may say more than microseconds.
fn is_finer(text: &str) -> bool {
    text.split_once('.').is_some_and(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).count() > 6)
}
