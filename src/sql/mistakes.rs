//! What people write in SQL and do not mean: found before anything is planned, and said with what to write instead.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, BinaryExpr, InList};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use super::Columns;
use super::literals::compares;
use crate::diagnostic::{Misread, Sought, listing, nearest};
use crate::types::{is_text, type_name};

/// A comparison of text with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mixed {
    /// What is wrong.
    pub(super) what: String,
    pub(super) hint: String,
    /// The columns on the side of the text, by name.
    pub(super) text_columns: Vec<String>,
}

/// A condition that is always null, or one that the parser reads otherwise than it looks.
pub(super) fn never_meant(expression: &Expr, text: &str) -> Option<Misread> {
    let mut found = None;
    let walked = expression.apply(|part| {
        if let Expr::BinaryExpr(BinaryExpr { left, op, right }) = part {
            found = null_compared(left, *op, right).or_else(|| swallowed(*op, right, text));
        }
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.ok().and(found)
}

fn null_compared(left: &Expr, op: Operator, right: &Expr) -> Option<Misread> {
    let is_null = |e: &Expr| matches!(e, Expr::Literal(value, _) if value.is_null());
    let is_equality = matches!(op, Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
    let other = if is_null(right) { left } else { right };
    if !is_equality || (!is_null(left) && !is_null(right)) {
        return None;
    }
    let not = if op == Operator::Eq { "" } else { "NOT " };
    let misread = Misread::new(format!("a comparison with NULL is never true or false: `{} {op} NULL`", written(other)));
    Some(misread.hint(format!("write `{} IS {not}NULL`", written(other))))
}

/// `a IS NOT DISTINCT FROM 'x' AND b = 1`: the parser reads all behind `FROM` as one side.
fn swallowed(op: Operator, right: &Expr, text: &str) -> Option<Misread> {
    let words = match op {
        Operator::IsDistinctFrom => "IS DISTINCT FROM",
        Operator::IsNotDistinctFrom => "IS NOT DISTINCT FROM",
        _ => return None,
    };
    let Expr::BinaryExpr(BinaryExpr { op: inner @ (Operator::And | Operator::Or), .. }) = right else { return None };
    let upper = text.to_ascii_uppercase();
    let behind = upper.split("DISTINCT FROM").nth(1)?.trim_start();
    if behind.starts_with('(') {
        return None;
    }
    let joint = format!(" {inner} ");
    let at = upper.find("DISTINCT FROM").and_then(|from| upper[from..].find(joint.as_str()).map(|joint| from + joint));
    let misread = Misread::new(format!("`{words}` takes everything behind it as one side, the `{inner}` too"));
    Some(match at {
        Some(at) => misread.hint(format!("write `({}){}`", text[..at].trim(), &text[at..])),
        None => misread.hint(format!("put it in parentheses: `(a {words} b) {inner} …`")),
    })
}

/// The first comparison of text with a number.
pub(super) fn mixed(expression: &Expr, schema: &DFSchema) -> Result<Option<Mixed>> {
    let mut found = None;
    expression.apply(|part| {
        let pairs: Vec<(&Expr, &Expr)> = match part {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => vec![(left, right)],
            Expr::Between(Between { expr, low, high, .. }) => vec![(expr, low), (expr, high)],
            Expr::InList(InList { expr, list, .. }) => list.iter().map(|item| (expr.as_ref(), item)).collect(),
            _ => Vec::new(),
        };
        found = pairs.into_iter().find_map(|(left, right)| compared(left, right, schema));
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn compared(left: &Expr, right: &Expr, schema: &DFSchema) -> Option<Mixed> {
    let of = |e: &Expr| e.get_type(schema).ok();
    let (text, number, number_type) = match (of(left)?, of(right)?) {
        (l, r) if is_text(&l) && r.is_numeric() => (left, right, r),
        (l, r) if l.is_numeric() && is_text(&r) => (right, left, l),
        _ => return None,
    };
    let is_literal = |e: &Expr| matches!(e, Expr::Literal(..) | Expr::Negative(_));
    let kind = |data_type: &DataType, e: &Expr| if is_literal(e) { "a number".to_owned() } else { type_name(data_type) };
    let what =
        format!("text is compared with a number: `{}` is text, `{}` is {}", written(text), written(number), kind(&number_type, number));
    let hint = match (text, number) {
        (Expr::Literal(ScalarValue::Utf8(Some(value)), _), _) if value.trim().parse::<f64>().is_ok() => {
            format!("write `{}` without quotes", value.trim())
        }
        (Expr::Literal(..), _) => format!("write a number instead of `{}`", written(text)),
        (_, number) if is_literal(number) => {
            format!("write `'{0}'` in single quotes, or `CAST({1} AS double)`", written(number), written(text))
        }
        _ => format!("write `CAST({} AS double)`", written(text)),
    };
    let text_columns = text.column_refs().into_iter().map(|c| c.name.clone()).collect();
    Some(Mixed { what, hint, text_columns })
}

/// The part as a person would write it.
fn written(part: &Expr) -> String {
    match part {
        Expr::Literal(value, _) if is_text(&value.data_type()) => format!("'{value}'"),
        Expr::Literal(value, _) => value.to_string(),
        Expr::Negative(inner) => format!("-{}", written(inner)),
        Expr::Column(column) if column.name.chars().all(|c| c.is_alphanumeric() || c == '_') => column.name.clone(),
        Expr::Column(column) => format!("\"{}\"", column.name),
        Expr::ScalarFunction(f) => format!("{}({})", f.name(), f.args.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A name that no column has: double quotes name a column, and text stands in single ones.
pub(super) fn unknown_column(name: &str, text: &str, all: &Columns, sought: &Sought) -> Misread {
    let misread = Misread::new(format!("unknown column `{name}`"));
    let known = || all.fields().iter().map(|f| f.name().as_str());
    let is_quoted = text.contains(&format!("\"{name}\""));
    if let Some(hint) = (all.fields().len() == 1).then(|| crate::types::other_delimiter(&all.schema())).flatten() {
        return misread.hint(hint);
    }
    let near = if sought.admits(all.fields().len()) { nearest(name, known()) } else { None };
    match near {
        Some(near) if is_quoted => {
            misread.hint(format!("did you mean the column `{near}`? Double quotes name a column; text stands in single quotes: `'{name}'`"))
        }
        None if is_quoted => misread.hint(format!("double quotes name a column; text stands in single quotes: `'{name}'`")),
        None if is_value(name, text) => misread.hint(format!("if it is text, write it in single quotes: `'{name}'`")),
        Some(near) => misread.hint(format!("did you mean `{near}`?")),
        None => Misread { hint: listing(known()), ..misread },
    }
}

/// Whether the bare word `name` stands behind a comparison, where a text would.
fn is_value(name: &str, text: &str) -> bool {
    text.match_indices(name)
        .any(|(at, _)| text[..at].trim_end().ends_with(['=', '<', '>']) || text[..at].trim_end().to_lowercase().ends_with(" like"))
}

/// Functions of Python and of other SQL dialects, and what to write.
const FUNCTIONS: &[(&str, &str)] = &[
    ("len str_len strlen char_length_of size nchar", "length(x)"),
    ("isnull is_null isna isnan_or_null", "x IS NULL"),
    ("notnull is_not_null notna isnotnull", "x IS NOT NULL"),
    ("nvl_if coalesce_to zeroifnull", "coalesce(x, 0)"),
    ("mid slice substring_of", "substr(x, 1, 3)"),
    ("charindex locate indexof index find", "strpos(x, 'a')"),
    ("ucase toupper uppercase to_upper", "upper(x)"),
    ("lcase tolower lowercase to_lower casefold", "lower(x)"),
    ("strip", "trim(x)"),
    ("lstrip", "ltrim(x)"),
    ("rstrip", "rtrim(x)"),
    ("str string to_string tostring varchar text", "CAST(x AS varchar)"),
    ("int integer to_int toint to_integer bigint", "CAST(x AS bigint)"),
    ("float double to_float to_number tonumber to_double number try_to_number", "CAST(x AS double)"),
    ("bool boolean to_boolean", "CAST(x AS boolean)"),
    ("safe_cast try_convert", "TRY_CAST(x AS bigint)"),
    ("convert", "CAST(x AS bigint)"),
    (
        "regexp_matches regexp_match_any rlike regex regexp regex_match matches re_match regexp_contains regexp_extract",
        "regexp_like(x, '^[A-Z]+$')",
    ),
    ("startswith begins_with", "starts_with(x, 'a')"),
    ("endswith", "ends_with(x, 'a')"),
    ("includes has instring", "contains(x, 'a')"),
    ("year", "date_part('year', x)"),
    ("month", "date_part('month', x)"),
    ("day dayofmonth", "date_part('day', x)"),
    ("hour", "date_part('hour', x)"),
    ("weekday dayofweek dow isodow", "date_part('dow', x)"),
    ("getdate sysdate curdate utcnow current_timestamp_utc localtimestamp", "now()"),
    ("datediff date_diff timestampdiff", "date_part('epoch', a - b)"),
    ("dateadd date_add adddate timestampadd", "x + INTERVAL '1 day'"),
    ("square", "power(x, 2)"),
    ("mod", "x % 2"),
    ("ceiling", "ceil(x)"),
    ("truncate", "trunc(x)"),
    ("if iif iff", "CASE WHEN x > 0 THEN 1 ELSE 0 END"),
    ("isin in_set", "x IN ('a', 'b')"),
    ("between", "x BETWEEN 1 AND 2"),
    ("isnumeric isdigit is_numeric isdecimal", "regexp_like(x, '^[0-9]+$')"),
    ("minimum", "least(a, b)"),
    ("maximum", "greatest(a, b)"),
    ("abs_value", "abs(x)"),
];

/// A function that there is none of.
pub(super) fn unknown_function<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Misread {
    let misread = Misread::new(format!("unknown function `{name}`"));
    let plain = name.to_lowercase();
    if let Some((_, write)) = FUNCTIONS.iter().find(|(names, _)| names.split(' ').any(|theirs| theirs == plain)) {
        return misread.hint(format!("write `{write}`"));
    }
    if let Some((object, method)) = plain.rsplit_once('.') {
        let write =
            FUNCTIONS.iter().find(|(names, _)| names.split(' ').any(|theirs| theirs == method)).map_or("length(x)", |(_, write)| write);
        return misread.hint(format!("`{}` has no methods in SQL; write such as `{write}`", object.split('.').next().unwrap_or(object)));
    }
    match nearest(name, known) {
        Some(near) => misread.hint(format!("did you mean `{near}(…)`?")),
        None => misread.hint("the functions are those of DataFusion: https://datafusion.apache.org/user-guide/sql/scalar_functions.html"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sql;
    use super::*;
    use arrow::datatypes::{Field, Schema};
    use chrono::DateTime;

    fn sql() -> Sql {
        Sql::new(DateTime::UNIX_EPOCH)
    }

    #[test]
    fn no_function_that_is_replaced_is_known_and_what_is_written_instead_can_be_parsed() {
        let schema = Schema::new(["x", "a", "b"].map(|name| Field::new(name, DataType::Null, true)).to_vec());
        for (_, write) in FUNCTIONS {
            sql().parsed(write, &Columns::of(&schema.fields)).unwrap_or_else(|why| panic!("{write}: {why}"));
        }
        let known = sql().function_names();
        let replaced = FUNCTIONS.iter().flat_map(|(names, _)| names.split(' '));
        assert_eq!(replaced.filter(|name| known.iter().any(|k| k == name)).collect::<Vec<_>>(), [""; 0], "these are functions");
    }

    #[test]
    fn what_is_never_meant_is_named() {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, true), Field::new("s", DataType::Utf8, true)]);
        let says = |text: &str| sql().condition(text, &schema).expect_err(text).to_string();
        assert_eq!(says("s = NULL"), "a comparison with NULL is never true or false: `s = NULL`; write `s IS NULL`");
        assert_eq!(says("n <> null and n > 0"), "a comparison with NULL is never true or false: `n != NULL`; write `n IS NOT NULL`");
        assert_eq!(
            says("s is not distinct from 'x' and n = 1"),
            "`IS NOT DISTINCT FROM` takes everything behind it as one side, the `AND` too; write `(s is not distinct from 'x') and n = 1`"
        );
        assert!(sql().condition("(s is not distinct from 'x') and n = 1", &schema).is_ok());
        let mixed = |text: &str| sql().condition(text, &schema).expect(text).mixed.map(|m| format!("{}; {}", m.what, m.hint));
        assert_eq!(
            mixed("n > '30'").as_deref(),
            Some("text is compared with a number: `'30'` is text, `n` is int64; write `30` without quotes")
        );
        assert_eq!(
            mixed("s in ('a', 1)").as_deref(),
            Some("text is compared with a number: `s` is text, `1` is a number; write `'1'` in single quotes, or `CAST(s AS double)`")
        );
        assert_eq!(mixed("n > 30 and s = 'a' and length(s) between 1 and 3"), None);
    }
}
