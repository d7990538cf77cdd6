//! What a report will speak of: the events since the last report.

use std::collections::{BTreeSet, VecDeque};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::latency::Latencies;
use crate::audit::Tally;
use crate::diagnostic::{Code, Fault};

/// Unknown keys that are named.
const UNKNOWN_MAX: usize = 20;

/// Rows are kept in batches of so many, at least.
const BATCH_ROWS: usize = 8192;

/// The events since the last report, counted; with their rows, where rules need them.
pub struct Window {
    /// From 1.
    pub number: u64,
    pub(super) first_event: u64,
    pub(super) tally: Tally,
    pub(super) good: u64,
    pub(super) bad: u64,
    pub(super) blank_lines: u64,
    pub(super) unknown_keys: BTreeSet<String>,
    pub(super) latencies: Latencies,
    /// Whether a rule that looks for repeated keys remembered fewer than it should.
    pub(super) forgot_early: bool,
    pub(super) kept: Option<Kept>,
}

impl Window {
    pub(super) fn first(kept_bytes_max: Option<usize>) -> Self {
        Self {
            number: 1,
            first_event: 0,
            tally: Tally::default(),
            good: 0,
            bad: 0,
            blank_lines: 0,
            unknown_keys: BTreeSet::new(),
            latencies: Latencies::new(),
            forgot_early: false,
            kept: kept_bytes_max.map(Kept::new),
        }
    }

    pub(super) fn after(before: &Self, kept_bytes_max: Option<usize>) -> Self {
        let first_event = before.first_event + before.tally.records();
        Self { number: before.number + 1, first_event, ..Self::first(kept_bytes_max) }
    }

    pub(super) fn keep(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        self.kept.as_mut().map_or(Ok(()), |kept| kept.push(batch))
    }

    pub(super) fn count(&mut self, events: u64, good: u64, bad: u64, blank_lines: u64, unknown_keys: Vec<String>) {
        self.tally.read(events);
        self.good += good;
        self.bad += bad;
        self.blank_lines += blank_lines;
        for key in unknown_keys {
            if self.unknown_keys.len() < UNKNOWN_MAX {
                self.unknown_keys.insert(key);
            }
        }
    }

    /// Whether no event came.
    pub fn is_empty(&self) -> bool {
        self.tally.records() == 0
    }
}

/// The last rows of a window, as they were read.
pub(super) struct Kept {
    bytes_max: usize,
    bytes: usize,
    batches: VecDeque<(RecordBatch, usize)>,
    /// Not yet enough for a batch.
    small: Vec<RecordBatch>,
    small_rows: usize,
    /// How many rows had to go.
    pub(super) gone: u64,
}

impl Kept {
    fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, batches: VecDeque::new(), small: Vec::new(), small_rows: 0, gone: 0 }
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.small_rows += batch.num_rows();
        self.small.push(batch.clone());
        if self.small_rows < BATCH_ROWS {
            return Ok(());
        }
        self.join()?;
        while self.bytes > self.bytes_max && self.batches.len() > 1 {
            if let Some((batch, bytes)) = self.batches.pop_front() {
                self.bytes -= bytes;
                self.gone += batch.num_rows() as u64;
            }
        }
        Ok(())
    }

    fn join(&mut self) -> Result<(), Fault> {
        let Some(first) = self.small.first() else { return Ok(()) };
        let joined = concat_batches(&first.schema(), &self.small)
            .map_err(|e| Fault::new(Code::Internal, format!("cannot keep the rows of a window: {e}")))?;
        let bytes = joined.get_array_memory_size();
        self.small.clear();
        self.small_rows = 0;
        self.bytes += bytes;
        self.batches.push_back((joined, bytes));
        Ok(())
    }

    /// All that is kept, the oldest first.
    pub(super) fn into_batches(mut self) -> Result<Vec<RecordBatch>, Fault> {
        self.join()?;
        Ok(self.batches.into_iter().map(|(batch, _)| batch).collect())
    }
}
