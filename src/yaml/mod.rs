//! YAML with positions: a spanned tree, and serde over it that reports every mistake.

mod de;
mod error;
mod invalid;
mod number;
mod position;
mod tree;
mod variable;

pub use de::{LITERAL, Spanned, read, read_on};
pub use error::misread;
pub use position::{FileName, Position};
pub use tree::{Entry, Node, Value};
