//! What a rule file says of a topic's records.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::registry::Registry;

/// How the records of a topic become rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventOptions {
    pub value: EventValue,
    /// Where schemas are asked for. One for the whole run: every micro-batch is a source of its own.
    pub registry: Option<Arc<Registry>>,
    /// What becomes columns beside the value; each stands once.
    pub columns: Vec<EventColumn>,
    pub key: EventKey,
    pub tombstones: Tombstones,
}

/// How the values of records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventValue {
    /// A JSON object, with a schema registry's header before it or without.
    #[default]
    Json,
    /// A record of Avro behind a schema registry's header.
    Avro,
    /// Text in UTF-8: one column, `value`.
    Text,
}

/// What of a record becomes a column beside its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventColumn {
    /// `kafka_key`: the record's key.
    Key,
    /// `kafka_headers`: its headers as JSON text, `[{"key": "trace", "value": "a1"}]`.
    Headers,
    /// `kafka_partition`: the number of its partition.
    Partition,
    /// `kafka_offset`: its number in the partition.
    Offset,
    /// `kafka_timestamp`: when it was made, or when the broker took it.
    Timestamp,
}

impl EventColumn {
    /// What the column is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "kafka_key",
            Self::Headers => "kafka_headers",
            Self::Partition => "kafka_partition",
            Self::Offset => "kafka_offset",
            Self::Timestamp => "kafka_timestamp",
        }
    }

    /// As a rule file writes it.
    pub fn word(self) -> &'static str {
        self.name().trim_start_matches("kafka_")
    }
}

/// What type the column `kafka_key` is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventKey {
    /// Text; a key that is not UTF-8 is written in hexadecimal digits behind `\x`, so that nothing of it is lost.
    #[default]
    Text,
    /// Bytes.
    Binary,
}

/// What becomes of records without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tombstones {
    /// They cannot be read as rows, and are set aside.
    #[default]
    Malformed,
    /// They are no rows: the report says how many were passed over.
    Skip,
}
