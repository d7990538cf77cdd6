//! What a finding says to people.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// Statements, one after the other. They are joined only where they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Message(Vec<String>);

/// How JSON has it, among the other fields of what says it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Written {
    /// What was found, in words.
    message: String,
    /// The same, each statement by itself; left out where there is but one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<String>,
}

impl Message {
    /// Adds a statement.
    pub fn push(&mut self, statement: impl Into<String>) {
        self.0.push(statement.into());
    }

    pub fn statements(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn statements_mut(&mut self) -> &mut [String] {
        &mut self.0
    }

    pub fn into_statements(self) -> Vec<String> {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With `before` in front of the first statement.
    #[must_use]
    pub fn introduced(mut self, before: &str) -> Self {
        if let Some(first) = self.0.first_mut() {
            first.insert_str(0, before);
        }
        self
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl From<String> for Message {
    fn from(statement: String) -> Self {
        Self(if statement.is_empty() { Vec::new() } else { vec![statement] })
    }
}

impl From<&str> for Message {
    fn from(statement: &str) -> Self {
        statement.to_owned().into()
    }
}

impl From<Vec<String>> for Message {
    fn from(statements: Vec<String>) -> Self {
        Self(statements)
    }
}

impl FromIterator<String> for Message {
    fn from_iter<I: IntoIterator<Item = String>>(statements: I) -> Self {
        Self(statements.into_iter().collect())
    }
}

impl Extend<String> for Message {
    fn extend<I: IntoIterator<Item = String>>(&mut self, statements: I) {
        self.0.extend(statements);
    }
}

impl From<Message> for Written {
    fn from(message: Message) -> Self {
        let joined = message.to_string();
        Self { message: joined, messages: if message.0.len() > 1 { message.0 } else { Vec::new() } }
    }
}

impl From<Written> for Message {
    fn from(Written { message, messages }: Written) -> Self {
        if messages.is_empty() { message.into() } else { Self(messages) }
    }
}

impl JsonSchema for Message {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Message".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_come_back_as_they_were_said() {
        for (statements, json) in [
            (vec![], r#"{"message":""}"#),
            (vec!["one; and the same"], r#"{"message":"one; and the same"}"#),
            (vec!["one", "two; still two"], r#"{"message":"one; two; still two","messages":["one","two; still two"]}"#),
        ] {
            let message: Message = statements.into_iter().map(str::to_owned).collect();
            assert_eq!(serde_json::to_string(&message).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<Message>(json).expect("a message"), message);
        }
    }
}
