//! The text of a rule file as JSON, for those who build on it in another language.

use crate::diagnostic::Faults;
use crate::yaml::{Node, Value};

/// The rule file `text` as JSON, in its order. Each single value is a text that begins with `q` if it stood in quotes, and with
/// `p` if not: what it is read as depends on that, and so does the digest.
///
/// # Errors
/// It is not YAML.
pub fn marked(text: &str, path: &str) -> Result<String, Faults> {
    let (tree, faults) = Node::read(text, path);
    let mut out = String::new();
    if let Some(tree) = tree {
        write(&tree, &mut out);
    }
    faults.or_ok(out)
}

fn write(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Scalar { text, quoted } => quote(&format!("{}{text}", if *quoted { 'q' } else { 'p' }), out),
        Value::Sequence(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write(item, out);
            }
            out.push(']');
        }
        Value::Mapping(entries) => {
            out.push('{');
            for (i, entry) in entries.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                quote(&entry.key, out);
                out.push(':');
                write(&entry.value, out);
            }
            out.push('}');
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_the_quotes_of_a_rule_file_are_kept() {
        let json = marked("b: '1'\na: [1, ~, \"x\\ty\", { d: no, c: 017 }] # said\n", "r.yaml").expect("YAML");
        assert_eq!(json, r#"{"b":"q1","a":["p1",null,"qx\ty",{"d":"pno","c":"p017"}]}"#);
        assert_eq!(marked("", "r.yaml").expect("nothing is YAML"), "null");
        assert!(marked("a: [1", "r.yaml").is_err());
        assert!(marked("a: 1\na: 2\n", "r.yaml").is_err(), "a key stands twice");
    }
}
