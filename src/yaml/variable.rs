//! Variables within YAML: `{ max: ${most} }` is none, since a brace ends a value there; so braces of variables are hidden from the
//! parser. Places stay what they are: as many characters stand for them.

use std::borrow::Cow;

use crate::diagnostic::Fault;

/// Stand for `${` and `}`: characters that Unicode leaves to private use.
const BEGIN: &str = "\u{F5B0}\u{F5B1}";
const END: &str = "\u{F5B2}";

/// The text without braces of variables.
pub(super) fn hidden(text: &str) -> Cow<'_, str> {
    if !text.contains("${") {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let is_name = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        match inner.find(['}', '\n', '{']).filter(|end| is_name && inner[*end..].starts_with('}')) {
            Some(end) => {
                out.push_str(BEGIN);
                out.push_str(&inner[..end]);
                out.push_str(END);
                rest = &inner[end + 1..];
            }
            None => {
                out.push_str("${");
                rest = inner;
            }
        }
    }
    out.push_str(rest);
    out.into()
}

/// What was hidden in it as it was written.
pub(super) fn shown(text: String) -> String {
    if text.contains(BEGIN) { text.replace(BEGIN, "${").replace(END, "}") } else { text }
}

/// A fault that may quote the text.
pub(super) fn shown_in(fault: Fault) -> Fault {
    Fault { what: shown(fault.what), hint: fault.hint.map(shown), ..fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Node;

    #[test]
    fn a_variable_is_one_value_wherever_it_stands() {
        let text = "a: { max: ${most}, min: '${least:-0}' }\nb: [${x}, ${y:-a b}]\nc: ${z}/path # ${comment}\n";
        let node = Node::parse(text, "t").expect("YAML");
        let text = |key: &str| node.get("a").and_then(|a| a.value.get(key)).and_then(|e| e.value.text().map(str::to_owned));
        assert_eq!(text("max").as_deref(), Some("${most}"));
        assert_eq!(text("min").as_deref(), Some("${least:-0}"));
        assert_eq!(node.get("a").and_then(|a| a.value.get("min")).map(|e| e.key_at.column), Some(20));
        assert_eq!(node.get("c").and_then(|c| c.value.text()), Some("${z}/path"));
        assert_eq!(shown(hidden("${a} ${ {b} ${c\n}").into_owned()), "${a} ${ {b} ${c\n}");
    }
}
