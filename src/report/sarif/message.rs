//! Texts of SARIF: what a reader would take for a placeholder or a link is escaped.

use serde_json::{Value as Json, json};

use crate::report::told;

/// A message, by sections 3.11.5 and 3.11.6 of the standard: braces are doubled, and brackets that would make a link are escaped.
pub(super) fn message(text: &str) -> Json {
    let text = told::text(text);
    let plain = if text.contains("](") { text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]") } else { text };
    json!({ "text": plain.replace('{', "{{").replace('}', "}}") })
}

/// A text that is no message.
pub(super) fn plain(text: &str) -> String {
    told::text(text)
}
