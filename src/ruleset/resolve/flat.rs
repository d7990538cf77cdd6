//! A rule file as one text that says all by itself: for those who read it elsewhere, without the files and variables of this run.

use crate::yaml::{Node, Value};

/// The tree as YAML, which is read as the same tree.
pub(in crate::ruleset) fn flat(tree: &Node) -> String {
    let (mut tree, mut out) = (tree.clone(), String::new());
    escape(&mut tree, true);
    block(&tree, 0, &mut out);
    out.trim_start().to_owned() + "\n"
}

/// Lets `${` stay text where it would be read as a variable again. Variables of the environment are looked up later.
fn escape(node: &mut Node, is_top: bool) {
    match &mut node.value {
        Value::Null => {}
        Value::Scalar { text, .. } => *text = text.replace("${", "$${"),
        Value::Sequence(items) => items.iter_mut().for_each(|item| escape(item, false)),
        Value::Mapping(entries) => {
            for entry in entries.iter_mut().filter(|entry| !(is_top && entry.key == "notify")) {
                match &mut entry.value.value {
                    Value::Mapping(keys) if is_top && entry.key == "source" => {
                        keys.iter_mut().filter(|key| key.key != "http").for_each(|key| escape(&mut key.value, false));
                    }
                    Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => escape(&mut entry.value, false),
                }
            }
        }
    }
}

fn block(node: &Node, indent: usize, out: &mut String) {
    let begin = |out: &mut String| {
        out.push('\n');
        out.push_str(&"  ".repeat(indent));
    };
    match &node.value {
        Value::Null => out.push_str(" ~"),
        Value::Scalar { text, quoted: false } if !text.contains('\n') => {
            out.push(' ');
            out.push_str(text);
        }
        Value::Scalar { text, .. } => {
            out.push(' ');
            out.push_str(&quote(text));
        }
        Value::Sequence(items) if items.is_empty() => out.push_str(" []"),
        Value::Mapping(entries) if entries.is_empty() => out.push_str(" {}"),
        Value::Sequence(items) => {
            for item in items {
                begin(out);
                out.push('-');
                block(item, indent + 1, out);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                begin(out);
                out.push_str(&quote(&entry.key));
                out.push(':');
                block(&entry.value, indent + 1, out);
            }
        }
    }
}

/// A text in quotes, whose escapes JSON and YAML have in common.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_text_is_read_as_the_same_tree() {
        let text = "a: 1\nb: 'x: y'\nc: [a b, \"q\\tz\", ~, {d: {}, e: []}]\nf:\n  - g: h, i [j]\n    k: |\n      two\n      lines\n  - [1, [2]]\n'odd \"key\"': 017\n";
        let canonical = |text: &str| {
            let mut out = String::new();
            Node::parse(text, "t").expect("YAML").canonical(&mut out);
            out
        };
        let tree = Node::parse(text, "t").expect("YAML");
        assert_eq!(canonical(&flat(&tree)), canonical(text));
    }
}
