//! Where something stands in a file.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::without_credentials;

/// Where something stands in a file a person wrote; lines and columns count from 1, line 0 means the whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    /// The column behind the last character.
    pub end_column: u32,
}

impl Place {
    /// The file as a whole.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: without_credentials(file.into()), line: 0, column: 0, end_line: 0, end_column: 0 }
    }

    /// Reads what its `Display` writes; where it ends is not told there.
    pub fn read(text: &str) -> Self {
        let numbers = text.rsplit_once(':').and_then(|(rest, column)| {
            let (file, line) = rest.rsplit_once(':')?;
            Some((file, line.parse::<u32>().ok()?, column.parse::<u32>().ok()?))
        });
        match numbers {
            Some((file, line, column)) => Self { file: file.to_owned(), line, column, end_line: line, end_column: column },
            None => Self { file: text.to_owned(), line: 0, column: 0, end_line: 0, end_column: 0 },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}
