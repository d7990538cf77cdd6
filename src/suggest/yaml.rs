//! Names and values as YAML, regular expressions and SQL write them, and as a comment shows them.

use crate::shown::{count, counted, cut_short};
use crate::visible;

/// Words that YAML readers take for something else than text.
const SPECIAL: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];

/// A text as a YAML scalar within `{ }` or `[ ]`.
pub(super) fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !SPECIAL.contains(&text.to_ascii_lowercase().as_str());
    if is_word { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes, all that cannot be seen as escapes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' ' => out.push(' '),
            _ if !c.is_control() && !c.is_whitespace() && visible::line(c.encode_utf8(&mut [0; 4])) == c.to_string() => out.push(c),
            _ if (c as u32) <= 0xffff => out.push_str(&format!("\\u{:04x}", c as u32)),
            _ => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// A regular expression, or SQL: in single quotes where these leave it readable.
pub(super) fn code(text: &str) -> String {
    let is_plain = |c: char| c == ' ' || (!c.is_control() && !c.is_whitespace() && visible::line(&c.to_string()) == c.to_string());
    if text.chars().all(is_plain) { format!("'{}'", text.replace('\'', "''")) } else { quoted(text) }
}

/// A list of texts.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    format!("[{}]", texts.into_iter().map(scalar).collect::<Vec<_>>().join(", "))
}

/// A column's name in SQL.
pub(super) fn sql_name(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !SQL_WORDS.contains(&name);
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Words of SQL that are names of columns elsewhere; others are quoted for their form.
const SQL_WORDS: [&str; 62] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "between",
    "both",
    "by",
    "case",
    "cast",
    "column",
    "cross",
    "current",
    "date",
    "day",
    "default",
    "desc",
    "distinct",
    "else",
    "end",
    "exists",
    "extract",
    "false",
    "fetch",
    "first",
    "for",
    "from",
    "full",
    "group",
    "having",
    "hour",
    "in",
    "inner",
    "interval",
    "into",
    "is",
    "join",
    "last",
    "left",
    "like",
    "limit",
    "minute",
    "month",
    "natural",
    "not",
    "null",
    "on",
    "or",
    "order",
    "right",
    "second",
    "select",
    "table",
    "then",
    "time",
    "timestamp",
    "true",
    "union",
    "when",
    "where",
    "year",
];

/// A value or a name within a comment.
pub(super) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    let line = visible::line(text).into_owned();
    format!("`{}`", cut_short(&line, CHARACTERS_MAX))
}

/// A comment of one or more lines, indented.
pub(super) fn comment(text: &str, indent: usize, to: &mut String) {
    const WIDTH: usize = 118;
    let mut line = String::new();
    let begin = format!("{}#", " ".repeat(indent));
    for word in text.split(' ') {
        if !line.is_empty() && begin.chars().count() + line.chars().count() + 1 + word.chars().count() > WIDTH {
            to.push_str(&format!("{begin}{line}\n"));
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    to.push_str(&format!("{begin}{line}\n"));
}

/// "all 7 values", or "5 of 7 values".
pub(super) fn of_all(part: usize, all: usize, noun: &str) -> String {
    match part == all {
        true => format!("all {}", counted(all as u64, noun)),
        false => format!("{} of {}", count(part as u64), counted(all as u64, noun)),
    }
}
