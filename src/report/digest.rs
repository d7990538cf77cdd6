//! Digests by which a result is known from run to run.

use std::fmt::Write;

use ring::digest::{Context, SHA256};

/// The SHA-256 of several texts in hexadecimal digits; none runs into the next.
pub(super) fn of(parts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
