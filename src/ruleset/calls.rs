//! Rules as calls of the Python builder: what stands in a rule file, written in Python.

use crate::yaml::{Entry, Node, Value};

/// Python's keywords: the builder's parameter for such a word has an underscore behind it.
const KEYWORDS: [&str; 32] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for",
    "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with",
    "yield",
];

/// The rules of `text`, a list as it stands below `rules:`, each as `.name(…)`. `first` says which word stands first in the call
/// of a rule, without its name.
pub fn calls(text: &str, first: impl Fn(&str) -> Option<&'static str>) -> Vec<String> {
    let Some(Node { value: Value::Sequence(items), .. }) = Node::read(text, "example").0 else { return Vec::new() };
    let call = |item: &Node| match &item.value {
        Value::Mapping(rule) => rule.first().map(|rule| format!(".{}({})", rule.key, words(rule, first(&rule.key)))),
        Value::Scalar { text, .. } => Some(format!(".{text}()")),
        Value::Null | Value::Sequence(_) => None,
    };
    items.iter().filter_map(call).collect()
}

fn words(rule: &Entry, first: Option<&str>) -> String {
    let is_first = |entry: &&Entry| Some(entry.key.as_str()) == first || first == Some("column") && entry.key == "columns";
    let entries = rule.value.entries();
    let by_place = entries.iter().find(is_first).map(|entry| literal(&entry.value));
    let by_name = entries.iter().filter(|entry| !is_first(entry)).map(|e| format!("{}={}", parameter(&e.key), literal(&e.value)));
    by_place.into_iter().chain(by_name).collect::<Vec<_>>().join(", ")
}

/// The parameter for a word.
pub fn parameter(word: &str) -> String {
    let underscore = if KEYWORDS.contains(&word) { "_" } else { "" };
    format!("{word}{underscore}")
}

/// A value in Python.
fn literal(node: &Node) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match &node.value {
        Value::Null => "None".to_owned(),
        Value::Scalar { text, quoted: true } => quoted(text),
        Value::Scalar { text, quoted: false } => match text.as_str() {
            "true" => "True".to_owned(),
            "false" => "False".to_owned(),
            number if number.parse::<i64>().is_ok_and(|n| n.to_string() == number) => number.to_owned(),
            number if number.parse::<f64>().is_ok_and(|n| format!("{n:?}") == number) => number.to_owned(),
            text => day(text).unwrap_or_else(|| quoted(text)),
        },
        Value::Sequence(items) => format!("[{}]", join(items.iter().map(literal).collect())),
        Value::Mapping(entries) => {
            format!("{{{}}}", join(entries.iter().map(|e| format!("{}: {}", quoted(&e.key), literal(&e.value))).collect()))
        }
    }
}

/// `2026-01-01` as `date(2026, 1, 1)`.
fn day(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    let number = |part: &str, digits: usize| part.parse::<u32>().ok().filter(|_| part.len() == digits);
    Some(format!("date({}, {}, {})", number(year, 4)?, number(month, 2)?, number(day, 2)?))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_as_calls_of_the_builder() {
        let text = "- range: { column: price, above: 0, max: 1.5 }   # euros\n- values: { columns: [a, b], in: [\"1\", no, true] }\n- range: { column: day, min: 2026-01-31 }\n- duplicates: {}\n- rows\n- pattern: { column: a, regex: '^\\d+$' }\n- rows: { against: { published: { last: 3 batches } } }\n";
        let first = |rule: &str| (!matches!(rule, "duplicates" | "rows")).then_some("column");
        let expected = [
            r#".range("price", above=0, max=1.5)"#,
            r#".values(["a", "b"], in_=["1", "no", True])"#,
            r#".range("day", min=date(2026, 1, 31))"#,
            ".duplicates()",
            ".rows()",
            r#".pattern("a", regex="^\\d+$")"#,
            r#".rows(against={"published": {"last": "3 batches"}})"#,
        ];
        assert_eq!(calls(text, first), expected);
    }
}
