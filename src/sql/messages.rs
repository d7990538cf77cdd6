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
