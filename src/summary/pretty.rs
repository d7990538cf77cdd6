//! JSON that reads well in a diff: a line for each member, and lists of numbers and texts in lines of some width.

use serde_json::Value as Json;

const WIDTH: usize = 110;

/// The text of `value`, with a line end behind it.
pub(super) fn pretty(value: &Json) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text
}

fn write(value: &Json, depth: usize, to: &mut String) {
    let flat = value.to_string();
    if flat.len() + depth <= WIDTH && depth > 2 {
        to.push_str(&flat);
        return;
    }
    match value {
        Json::Object(members) if !members.is_empty() => {
            to.push('{');
            for (i, (name, member)) in members.iter().enumerate() {
                line(i, depth + 1, to);
                to.push_str(&Json::from(name.as_str()).to_string());
                to.push_str(": ");
                write(member, depth + 1, to);
            }
            close('}', depth, to);
        }
        Json::Array(items) if items.iter().any(|item| item.is_object()) => {
            to.push('[');
            for (i, item) in items.iter().enumerate() {
                line(i, depth + 1, to);
                write(item, depth + 1, to);
            }
            close(']', depth, to);
        }
        Json::Array(items) if !items.is_empty() => {
            to.push('[');
            let mut used = usize::MAX;
            for (i, item) in items.iter().enumerate() {
                let text = item.to_string();
                if used.saturating_add(text.len() + 1) > WIDTH {
                    line(i, depth + 1, to);
                    used = depth + 1;
                } else {
                    to.push(',');
                }
                to.push_str(&text);
                used += text.len() + 1;
            }
            close(']', depth, to);
        }
        _ => to.push_str(&flat),
    }
}

fn line(index: usize, depth: usize, to: &mut String) {
    if index > 0 {
        to.push(',');
    }
    to.push('\n');
    to.extend(std::iter::repeat_n(' ', depth));
}

fn close(bracket: char, depth: usize, to: &mut String) {
    to.push('\n');
    to.extend(std::iter::repeat_n(' ', depth));
    to.push(bracket);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_no_line_is_long() {
        let many: Vec<Json> = (0..500).map(|i| Json::from(i * 1000)).collect();
        let value = serde_json::json!({ "a": { "b": { "c": many, "d": [{ "e": 1 }], "f": [], "g": "x" } } });
        let text = pretty(&value);
        assert_eq!(serde_json::from_str::<Json>(&text).expect("JSON"), value);
        assert!(text.lines().all(|line| line.len() <= WIDTH + 10), "{text}");
    }
}
