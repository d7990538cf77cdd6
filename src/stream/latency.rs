//! How long events took, from when their bytes were read until what became of them was written.

use hdrhistogram::Histogram;

use crate::report::stream::Latency;

/// The longest that is told apart: an hour.
const MICROS_MAX: u64 = 3_600_000_000;

/// Latencies of events, to three digits.
#[derive(Debug)]
pub(super) struct Latencies(Option<Histogram<u64>>);

impl Latencies {
    pub(super) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, MICROS_MAX, 3).ok())
    }

    pub(super) fn record(&mut self, events: u64, micros: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(micros.clamp(1, MICROS_MAX), events);
        }
    }

    /// In milliseconds; none where there was no event.
    pub(super) fn summary(&self) -> Option<Latency> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Some(Latency { p50: at(0.5), p99: at(0.99), p99_9: at(0.999), max: histogram.max() as f64 / 1000.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_events_and_not_of_the_pieces() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.summary(), None);
        // 990 events took 1 ms, 10 took 50 ms, in two pieces.
        latencies.record(990, 1000);
        latencies.record(10, 50_000);
        let summary = latencies.summary().expect("events");
        let near = |value: f64, expected: f64| (value / expected - 1.0).abs() < 1e-3;
        assert!(near(summary.p50, 1.0) && near(summary.p99, 1.0), "{summary:?}");
        assert!(near(summary.p99_9, 50.0) && near(summary.max, 50.0), "{summary:?}");
    }
}
