//! A partition that is read ahead, and how polls take from all of them.

use std::collections::VecDeque;
use std::vec::IntoIter;

use super::{Limits, Moved, Polled, State};
use crate::kafka::fetching::Part;
use crate::kafka::trouble::Patience;
use crate::source::EventRecord;

/// What a record takes beside its own bytes.
const RECORD_BYTES: usize = size_of::<EventRecord>();
/// What a header takes beside its name and value.
const HEADER_BYTES: usize = size_of::<(String, Vec<u8>)>();

/// A partition that is read.
pub(super) struct Lane {
    pub partition: i32,
    /// The offset to fetch next.
    pub fetched: i64,
    /// The offset after what polls were given.
    pub handed: i64,
    pub high_watermark: i64,
    /// The broker that leads it, -1 if none does.
    pub leader: i32,
    /// Whether a thread fetches it now.
    pub is_busy: bool,
    /// How long trouble with it is still borne.
    pub patience: Patience,
    /// What it holds in memory.
    pub held: usize,
    ready: VecDeque<Ready>,
}

/// The events of a batch that nobody took yet.
struct Ready {
    records: IntoIter<EventRecord>,
    /// Of keys, values and headers.
    bytes: usize,
    /// With what it takes beside these.
    held: usize,
    next: i64,
}

impl Lane {
    pub(super) fn new(partition: i32, offset: i64, patience: Patience) -> Self {
        Self {
            partition,
            fetched: offset,
            handed: offset,
            high_watermark: offset,
            leader: -1,
            is_busy: false,
            patience,
            held: 0,
            ready: VecDeque::new(),
        }
    }

    /// Takes in what was fetched.
    pub(super) fn put(&mut self, part: Part) {
        let (bytes, held) = part.records.iter().fold((0, 0), |(bytes, all), record| (bytes + record.bytes(), all + held(record)));
        self.held += held;
        self.fetched = part.next;
        match self.ready.back_mut() {
            // Batches without events only move the offset.
            Some(last) if part.records.is_empty() => last.next = part.next,
            Some(_) | None => self.ready.push_back(Ready { records: part.records.into_iter(), bytes, held, next: part.next }),
        }
    }
}

/// What a record holds in memory.
fn held(record: &EventRecord) -> usize {
    record.bytes() + record.headers.len() * HEADER_BYTES + RECORD_BYTES
}

/// A poll under way.
pub(super) struct Taking<'a> {
    limits: &'a Limits,
    count: usize,
    bytes: usize,
    /// By lane: where it began, and what was taken.
    lanes: Vec<Option<(i64, Vec<EventRecord>)>>,
}

impl<'a> Taking<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, count: 0, bytes: 0, lanes: Vec::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= self.limits.records.max(1) || self.bytes >= self.limits.bytes.max(1)
    }

    pub(super) fn into_polled(self, lanes: &[Lane]) -> Polled {
        let mut polled = Polled::default();
        for (lane, taken) in lanes.iter().zip(self.lanes) {
            let Some((from, mut records)) = taken else { continue };
            let (partition, to, high_watermark) = (lane.partition, lane.handed, lane.high_watermark.max(lane.handed));
            polled.moved.push(Moved { partition, from, to, high_watermark });
            if polled.records.is_empty() {
                polled.records = records;
            } else {
                polled.records.append(&mut records);
            }
        }
        polled
    }

    /// Takes what is ready in a lane, as far as the limits allow.
    fn take(&mut self, at: usize, lane: &mut Lane) {
        while !self.is_full() {
            let Some(ready) = lane.ready.front_mut() else { return };
            let (_, out) = self.lanes[at].get_or_insert_with(|| (lane.handed, Vec::new()));
            let room = self.limits.records.max(1) - self.count;
            if ready.records.len() <= room && self.bytes + ready.bytes <= self.limits.bytes {
                self.count += ready.records.len();
                self.bytes += ready.bytes;
                lane.held -= ready.held;
                out.extend(&mut ready.records);
            } else if let Some(record) = ready.records.next() {
                let (bytes, held) = (record.bytes(), held(&record));
                self.count += 1;
                self.bytes += bytes;
                lane.held -= held;
                ready.held -= held;
                ready.bytes -= bytes;
                lane.handed = record.offset + 1;
                out.push(record);
            }
            if ready.records.len() == 0 {
                lane.handed = ready.next;
                lane.ready.pop_front();
            }
        }
    }
}

/// Takes what is ready in all lanes, each first in its turn.
pub(super) fn taken(state: &mut State, taking: &mut Taking<'_>) {
    let count = state.lanes.len();
    taking.lanes.resize_with(count, || None);
    for i in 0..count {
        let at = (state.turn + i) % count;
        taking.take(at, &mut state.lanes[at]);
        if taking.is_full() {
            state.turn = (at + 1) % count;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(offset: i64) -> EventRecord {
        let (key, value, headers) = (Some("key".into()), Some("value".into()), vec![("h".to_owned(), vec![0])]);
        EventRecord { topic: "t".into(), partition: 0, offset, timestamp_ms: 0, key, value, headers }
    }

    /// Ten bytes each, whatever they hold in memory.
    #[test]
    fn a_poll_counts_the_bytes_of_keys_values_and_headers_alone() {
        let mut lane = Lane::new(0, 0, Patience::new(Duration::ZERO));
        lane.put(Part { records: (0..9).map(record).collect(), next: 9 });
        for (bytes, count) in [(30, 3), (31, 4), (20, 2)] {
            let limits = Limits { records: 100, bytes, wait: Duration::ZERO };
            let mut taking = Taking::new(&limits);
            taking.lanes.resize_with(1, || None);
            taking.take(0, &mut lane);
            assert_eq!(taking.into_polled(std::slice::from_ref(&lane)).records.len(), count, "{bytes} bytes");
        }
        assert_eq!((lane.held, lane.handed), (0, 9));
    }
}
