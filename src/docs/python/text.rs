//! Texts as Python writes them.

use serde_json::Value as Json;

/// How long a line may be.
pub(super) const LINE_MAX: usize = 120;

/// A value by itself.
pub(super) fn literal(value: &Json) -> String {
    match value {
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        // A text of JSON is one of Python.
        Json::Null | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

/// `min_rows` as `MinRows`.
pub(super) fn title(word: &str) -> String {
    let part = |part: &str| part.get(..1).map_or(String::new(), |first| first.to_uppercase() + &part[1..]);
    word.split('_').map(part).collect()
}

/// What a schema says of itself.
pub(super) fn description(schema: &Json) -> String {
    schema.get("description").and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// A docstring whose lines are indented, without a line end.
pub(super) fn docstring(says: &str, indent: &str) -> String {
    let lines = wrapped(says, LINE_MAX - indent.len() - 8);
    let raw = if says.contains('\\') { "r" } else { "" };
    let body: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(i, line)| if i == 0 || line.is_empty() { line.clone() } else { format!("{indent}{line}") })
        .collect();
    let body = body.join("\n").replace("\"\"\"", "'''");
    match lines.len() {
        1 if !body.ends_with('"') => format!("{raw}\"\"\"{body}\"\"\""),
        _ => format!("{raw}\"\"\"{body}\n{indent}\"\"\""),
    }
}

/// Markdown in lines of at most `width` characters; what stands in fences stays as it is.
fn wrapped(says: &str, width: usize) -> Vec<String> {
    let (mut out, mut is_code): (Vec<String>, bool) = (Vec::new(), false);
    // How far the next line is indented that goes on with what the last one says.
    let mut hang = None;
    for line in says.trim_end().lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if is_code || is_fence || line.is_empty() {
            out.push(line.trim_end().to_owned());
            hang = None;
            continue;
        }
        let is_item = line.trim_start().starts_with("- ");
        let indent = line.len() - line.trim_start().len();
        let hang = match hang.filter(|_| !is_item) {
            Some(hang) => hang,
            None => {
                out.push(" ".repeat(indent));
                *hang.insert(if is_item { indent + 2 } else { indent })
            }
        };
        for word in line.split_whitespace() {
            let last = out.last_mut().expect("a line was begun");
            let gap = usize::from(!last.trim_start().is_empty());
            if last.chars().count() + gap + word.chars().count() > width && gap > 0 {
                out.push(format!("{}{word}", " ".repeat(hang)));
            } else {
                last.push_str(if gap > 0 { " " } else { "" });
                last.push_str(word);
            }
        }
    }
    out
}
