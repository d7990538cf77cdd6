//! YAML with positions: a spanned tree, and serde over it that reports every mistake.

mod de;
mod tree;

pub use de::{LITERAL, Spanned, misread, read};
pub use tree::{Entry, Node, Position, Value};
