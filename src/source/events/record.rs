//! A record of a topic, as whoever fetched it hands it on.

use std::sync::Arc;

use bytes::Bytes;

/// One record of a Kafka topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Its number in the partition, from 0.
    pub offset: i64,
    /// Milliseconds since 1970: when it was made, or when the broker took it, as the topic is set up.
    pub timestamp_ms: i64,
    pub key: Option<Bytes>,
    /// None for a tombstone: a record that says that its key is deleted.
    pub value: Option<Bytes>,
    /// In their order; a name may stand twice.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl EventRecord {
    /// What its key, value and headers take.
    pub fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len) + headers
    }
}
