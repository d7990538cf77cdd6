//! DataFusion's messages in one line, and in our words where it has none for a user.

use std::fmt::Display;

use datafusion::common::{DataFusionError, SchemaError};

use crate::diagnostic::Misread;

/// A name that there is nothing of.
pub(super) enum Unknown {
    Column(String),
    Function(String),
}

/// The name that an error is about, where nothing is called so.
pub(super) fn unknown(error: &DataFusionError) -> Option<Unknown> {
    match error {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(Unknown::Column(field.flat_name())),
            _ => None,
        },
        DataFusionError::Plan(text) => {
            let name = text.strip_prefix("Invalid function '")?.split('\'').next()?;
            Some(Unknown::Function(name.to_owned()))
        }
        DataFusionError::Diagnostic(_, error) | DataFusionError::Context(_, error) => unknown(error),
        _ => None,
    }
}

/// Whether an error is about how SQL is written.
pub(super) fn is_of_parser(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::SQL(..) => true,
        DataFusionError::Diagnostic(_, error) | DataFusionError::Context(_, error) => is_of_parser(error),
        _ => false,
    }
}

/// The same as [`explained`], for an expression that could not be parsed.
pub(super) fn explained_in(error: impl Display, text: &str) -> Misread {
    let misread = explained(error);
    if !misread.what.starts_with("not SQL") || misread.hint.is_some() {
        return misread;
    }
    let hint = match text {
        _ if text.trim().is_empty() => "write a condition, such as `a > 0`",
        _ if text.contains("{{") || text.contains("${") => "placeholders are not filled in: write the value itself",
        _ if text.contains("&&") || text.contains("||") && text.contains(['<', '>', '=']) => "write `AND` and `OR`",
        _ if text.contains(" ? ") => "write `CASE WHEN … THEN … ELSE … END`",
        _ if text.contains("lambda ") => "write the condition itself, such as `x > 0`",
        _ if text.matches('(').count() != text.matches(')').count() => "each `(` needs its `)`",
        _ if text.matches('\'').count() % 2 == 1 => "each text needs a quote at both ends; a quote within it is written twice: `'it''s'`",
        _ if text.trim_start().to_lowercase().starts_with("select ") => "write the condition alone, without `SELECT` and `FROM`",
        _ if text.contains(" not null") || text.contains("!null") => "write `x IS NOT NULL`",
        _ if text.contains(".str.") || text.contains(".is") => "write SQL, such as `length(x) > 3` or `x IS NULL`; methods are not known",
        _ => "write a condition over the columns of a row, such as `price > 0 AND status = 'paid'`",
    };
    misread.hint(hint)
}

/// What DataFusion says of types and operators that do not go together, in plain words.
fn of_types(message: &str) -> Option<Misread> {
    let sides = |text: &str| {
        let [left, operator, right] = text.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
        Some((plain_type(left), operator.to_owned(), plain_type(right)))
    };
    if let Some(rest) = message.strip_prefix("Cannot infer common argument type for comparison operation ") {
        let (left, operator, right) = sides(rest)?;
        let hint = match (left.as_str(), right.as_str()) {
            ("text", "bool") | ("bool", "text") => "write text in single quotes: `x = 'true'`",
            ("bool", _) | (_, "bool") => "a column of true and false is a condition by itself: `x`, or `NOT x`",
            _ => "compare values of one type; `CAST(x AS double)` turns a value into another type",
        };
        return Some(Misread::new(format!("{left} is compared with {right} (`{operator}`)")).hint(hint));
    }
    if let Some(rest) = message.strip_prefix("Cannot coerce arithmetic expression ") {
        let (left, operator, right) = sides(rest.strip_suffix(" to valid types")?)?;
        let misread = Misread::new(format!("`{operator}` cannot be computed of {left} and {right}"));
        return Some(misread.hint("for text that holds a number write `CAST(x AS double)`"));
    }
    if let Some(misread) = of_arguments(message) {
        return Some(misread);
    }
    if message.ends_with("Unsupported binary operator: PGOverlap") {
        return Some(Misread::new("not SQL: `&&`").hint("write `AND`"));
    }
    let rest = message.strip_prefix("This feature is not implemented: ")?;
    Some(Misread::new(format!("not supported: {rest}")).hint("write it with `AND`, `OR`, `CASE` or the functions of SQL"))
}

/// A function that is given other values than it takes.
fn of_arguments(message: &str) -> Option<Misread> {
    let hint = "https://datafusion.apache.org/user-guide/sql/scalar_functions.html lists what each function takes";
    let (name, rest) = message.rsplit_once("Function '")?.1.split_once("' ")?;
    if let Some((takes, given)) = rest.strip_prefix("requires ").and_then(|rest| rest.split_once(", but received ")) {
        let given = given.split([' ', ',', '.']).next().unwrap_or(given);
        let takes = if takes == "String" { "text".to_owned() } else { takes.to_lowercase() };
        return Some(
            Misread::new(format!("`{name}` takes {takes}, and {} is given", plain_type(given)))
                .hint("write `CAST(x AS varchar)` or another type"),
        );
    }
    let (takes, given) = rest.strip_prefix("expects ")?.split_once(" arguments but received ")?;
    let given: String = given.chars().take_while(char::is_ascii_digit).collect();
    Some(Misread::new(format!("`{name}` takes {takes} values, and {given} are given")).hint(hint))
}

fn plain_type(name: &str) -> String {
    match name {
        "Utf8" | "LargeUtf8" | "Utf8View" => "text".to_owned(),
        "Boolean" => "bool".to_owned(),
        other => other.to_lowercase(),
    }
}

/// DataFusion's message without its backtrace, prefix and line breaks.
pub(super) fn one_line(error: impl Display) -> String {
    explained(error).to_string()
}

/// The same, with a hint where there is one.
pub(super) fn explained(error: impl Display) -> Misread {
    let text = error.to_string();
    // Patterns are explained in several lines, the last of which says what is wrong.
    if let Some(why) = text.lines().find_map(|line| line.trim().strip_prefix("error: ")) {
        return format!("not a regular expression: {}", why.trim_end_matches([')', '"'])).into();
    }
    let first = text.lines().next().unwrap_or_default();
    const PREFIXES: [&str; 8] = [
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "SQL error: ",
        "Schema error: ",
        "Arithmetic overflow: ",
        "Cast error: ",
        "Compute error: ",
    ];
    let mut message = first;
    while let Some(rest) = PREFIXES.iter().find_map(|p| message.strip_prefix(p)) {
        message = rest;
    }
    if let Some(inner) = message.strip_prefix("ParserError(\"").and_then(|m| m.strip_suffix("\")")) {
        return format!("not SQL: {}", inner.split(" at Line:").next().unwrap_or(inner)).into();
    }
    if message == "Divide by zero error" {
        return "division by zero".into();
    }
    if let Some(misread) = of_types(message) {
        return misread;
    }
    if message.contains("Dot access not supported") {
        return Misread::new("a name before a dot is a word of SQL").hint("put it in double quotes, such as `\"user\".age`");
    }
    if let Some(rest) = message.strip_prefix("No field named ") {
        let (name, hint) = rest.split_once(". ").unwrap_or((rest, ""));
        let name = name.trim_end_matches('.').trim_matches('"');
        let near = hint.strip_prefix("Did you mean '").and_then(|h| h.split('\'').next()).map(|h| h.trim_matches('"'));
        let misread = Misread::new(format!("unknown column `{name}`"));
        return match near {
            Some(near) => misread.hint(format!("did you mean `{near}`?")),
            None => misread,
        };
    }
    message.trim_end_matches('.').into()
}
