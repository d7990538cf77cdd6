//! JSON that reads well in a diff: a line for each member, and lists of numbers and texts in lines of some width.

use serde_json::Value as Json;

const WIDTH: usize = 110;

/// Words of a long text that share a line: a count that changes then changes one line.
const WORDS: usize = 12;
/// Characters of a long text without words that share a line.
const CHARACTERS: usize = 64;
/// The key of the lines of a long text.
const LINES: &str = "lines";

/// Keys that say what follows stand before others.
const FIRST: [&str; 10] = ["sluicegate_summary", "dataset", "rows", "batches", "name", "type", "nullable", "masked", "state", "version"];

/// The text of `value`, with a line end behind it.
pub(super) fn pretty(value: &Json) -> String {
    let mut text = String::new();
    write(&in_lines(value), 0, &mut text);
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
            let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
            let mut members: Vec<(&String, &Json)> = members.iter().collect();
            members.sort_by_key(|(name, _)| rank(name));
            for (i, (name, member)) in members.into_iter().enumerate() {
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

/// The same with long texts as their lines; [`whole`] takes that back.
fn in_lines(value: &Json) -> Json {
    match value {
        Json::String(text) if text.len() > WIDTH => {
            let words: Vec<&str> = text.split_inclusive(' ').collect();
            let characters: Vec<char> = text.chars().collect();
            let lines: Vec<String> = match words.len() {
                0..WORDS => characters.chunks(CHARACTERS).map(|chunk| chunk.iter().collect()).collect(),
                _ => words.chunks(WORDS).map(<[&str]>::concat).collect(),
            };
            serde_json::json!({ LINES: lines })
        }
        Json::Object(members) => Json::Object(members.iter().map(|(name, member)| (name.clone(), in_lines(member))).collect()),
        Json::Array(items) => Json::Array(items.iter().map(in_lines).collect()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => value.clone(),
    }
}

/// Lines as the text that they were.
pub(super) fn whole(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let lines = members.get(LINES).filter(|_| members.len() == 1).and_then(Json::as_array);
            let texts: Option<Vec<&str>> = lines.map(|lines| lines.iter().map(Json::as_str).collect()).unwrap_or_default();
            match texts {
                Some(texts) => Json::String(texts.concat()),
                None => Json::Object(members.into_iter().map(|(name, member)| (name, whole(member))).collect()),
            }
        }
        Json::Array(items) => Json::Array(items.into_iter().map(whole).collect()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => value,
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
        let (words, letters) = ("ab:12 ".repeat(200), "ü".repeat(500));
        let value = serde_json::json!({ "a": { "b": { "c": many, "d": [{ "e": 1 }], "f": [], "g": words, "h": letters } }, "rows": 1 });
        let text = pretty(&value);
        assert!(text.starts_with("{\n \"rows\": 1"), "{text}");
        assert_eq!(whole(serde_json::from_str::<Json>(&text).expect("JSON")), value);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH + 10), "{text}");
    }
}
