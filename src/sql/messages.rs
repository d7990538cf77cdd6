//! DataFusion's messages in one line, and in our words where it has none for a user.

use std::fmt::Display;

use crate::diagnostic::Misread;

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
