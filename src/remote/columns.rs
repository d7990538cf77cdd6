//! The column chunks of a row group that are read: fetched in one go where they fit, else each in windows.

use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::answer::fault_in;
use crate::diagnostic::Fault;

/// What is held of a row group at a time.
const HELD_BYTES_MAX: u64 = 64 << 20;
/// The least that is worth a request.
const WINDOW_MIN: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Columns {
    chunks: Mutex<Vec<Chunk>>,
    window: u64,
    failed: Mutex<Option<Fault>>,
}

/// A range of the object, and the part of it that is held.
#[derive(Debug)]
struct Chunk {
    range: Range<u64>,
    at: u64,
    held: Bytes,
}

impl Columns {
    /// Over these ranges, which `fetch` gets all at once.
    pub(super) fn new(ranges: &[Range<u64>], fetch: impl FnOnce(&[Range<u64>]) -> io::Result<Vec<Bytes>>) -> io::Result<Self> {
        let mut ranges: Vec<Range<u64>> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let window = (HELD_BYTES_MAX / (ranges.len() as u64).max(1)).max(WINDOW_MIN);
        let held = if total <= HELD_BYTES_MAX { fetch(&ranges)? } else { vec![Bytes::new(); ranges.len()] };
        let chunks = ranges.into_iter().zip(held).map(|(range, held)| Chunk { at: range.start, range, held }).collect();
        Ok(Self { chunks: Mutex::new(chunks), window, failed: Mutex::default() })
    }

    pub(super) fn failure(&self) -> Option<Fault> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bytes of `wanted`, and perhaps some behind them; `fetch` gets what is not held.
    pub(super) fn at_least(&self, wanted: Range<u64>, fetch: impl Fn(Range<u64>) -> io::Result<Bytes>) -> io::Result<Bytes> {
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        let fetch = |range: Range<u64>| fetch(range).inspect_err(|error| self.note(error));
        let Some(chunk) = chunks.iter_mut().find(|chunk| chunk.range.contains(&wanted.start) && wanted.end <= chunk.range.end) else {
            return fetch(wanted);
        };
        let held = chunk.at..chunk.at + chunk.held.len() as u64;
        if !held.contains(&wanted.start) || wanted.end > held.end {
            let end = wanted.end.max(wanted.start + self.window).min(chunk.range.end);
            chunk.held = fetch(wanted.start..end)?;
            chunk.at = wanted.start;
        }
        Ok(chunk.held.slice((wanted.start - chunk.at) as usize..))
    }

    /// Keeps the fault: readers of Parquet hand on its text alone.
    fn note(&self, error: &io::Error) {
        if let Some(fault) = fault_in(error) {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn bytes_of(range: &Range<u64>) -> Bytes {
        range.clone().map(|at| (at >> 18) as u8).collect::<Vec<u8>>().into()
    }

    #[test]
    fn what_fits_is_fetched_at_once_and_what_does_not_in_windows() {
        let asked = RefCell::new(Vec::new());
        let fetch = |range: Range<u64>| {
            asked.borrow_mut().push(range.clone());
            Ok(bytes_of(&range))
        };
        let all = |ranges: &[Range<u64>]| Ok(ranges.iter().map(bytes_of).collect());
        let small = Columns::new(&[5 << 20..6 << 20, 0..2 << 20], all).expect("columns");
        let part = small.at_least(3 << 18..(3 << 18) + 9, fetch).expect("held");
        assert_eq!((part[0], part.len(), asked.borrow().len()), (3, (2 << 20) - (3 << 18), 0));
        let large = Columns::new(&[0..40 << 20, 50 << 20..90 << 20], |_| Err(io::ErrorKind::Other.into())).expect("columns");
        for start in [0, 1 << 20, 31 << 20, 32 << 20] {
            assert_eq!(large.at_least(start..start + 9, fetch).expect("fetched")[0], (start >> 18) as u8);
        }
        large.at_least(60 << 20..61 << 20, fetch).expect("fetched");
        assert_eq!(asked.into_inner(), [0..32 << 20, 32 << 20..40 << 20, 60 << 20..90 << 20]);
    }
}
