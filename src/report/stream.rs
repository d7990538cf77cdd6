//! What a report says of a stream: of the events since the last report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shown::{count, counted};
use crate::visible;

/// The events of a stream that a report speaks of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamReport {
    /// Which report of the stream it is, from 1.
    pub window: u64,
    /// When the window ended (RFC 3339, UTC).
    pub ended: String,
    /// How long it was open.
    pub seconds: f64,
    pub events_per_second: f64,
    /// How long events took, from when they were read until what became of them was written; none without events.
    pub latency_ms: Option<Latency>,
    /// Lines without an event.
    pub blank_lines: u64,
    /// Keys of events that no column is known by; they are passed on unread. The first 20.
    pub unknown_keys: Vec<String>,
    /// The last events of the window, so many, over which rules were judged that need all of them; none where that is all.
    pub measured_over: Option<u64>,
    /// Whether memory did not suffice to remember keys as long as it was asked.
    pub keys_forgotten: bool,
}

/// Latencies in milliseconds, to three digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Half of the events took no longer.
    pub p50: f64,
    /// Of 100 events, 99 took no longer.
    pub p99: f64,
    /// Of 1,000 events, 999 took no longer.
    pub p99_9: f64,
    pub max: f64,
}

/// As text for a terminal.
pub(super) fn lines(stream: &StreamReport) -> Vec<String> {
    let took = match &stream.latency_ms {
        Some(Latency { p50, p99, p99_9, max }) => {
            format!("; latency p50 {p50:.3} ms, p99 {p99:.3} ms, p99.9 {p99_9:.3} ms, max {max:.3} ms")
        }
        None => String::new(),
    };
    let rate = count(stream.events_per_second.round() as u64);
    let mut lines = vec![format!("  window {} of {:.1} s: {rate} events/s{took}", stream.window, stream.seconds)];
    if stream.blank_lines > 0 {
        lines.push(format!("  {} left out", counted(stream.blank_lines, "blank line")));
    }
    if !stream.unknown_keys.is_empty() {
        let keys: Vec<String> = stream.unknown_keys.iter().map(|key| format!("`{}`", visible::line(key))).collect();
        lines.push(format!("  keys that no column is known by, passed on unread: {}", keys.join(", ")));
    }
    if let Some(rows) = stream.measured_over {
        lines.push(format!("  rules that need a whole window saw its last {} alone: more do not fit in memory", counted(rows, "event")));
    }
    if stream.keys_forgotten {
        lines.push("  keys were forgotten before their time: more do not fit in memory".to_owned());
    }
    lines
}
