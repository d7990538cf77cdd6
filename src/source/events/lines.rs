//! Values as lines of text: record i is line i, whatever its value holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use memchr::memchr2;

use super::EventRecord;
use super::header::{HEADER_BYTES, schema_id};
use crate::source::Malformed;

/// A byte order mark; JSON text may begin with one, and it says nothing.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Why a tombstone cannot be read.
pub(super) const NO_VALUE: &str = "no value (a tombstone)";

/// Stands for what is no value: an object is expected, and this is none.
const NO_OBJECT: u8 = b'0';

/// Which line each row is, where values were joined to text.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Where each begins; nothing where units count rows.
    starts: Vec<u64>,
    /// Values that do not stand in their line as they are, by row.
    odd: BTreeMap<u32, Odd>,
}

#[derive(Debug)]
struct Odd {
    value: Bytes,
    /// Why there is nothing to be read, where that is so.
    reason: Option<&'static str>,
}

/// The values as lines of text. A byte becomes at most another byte, so that places within a value stay what they are.
pub(super) fn joined(records: &[EventRecord]) -> (Bytes, Lines) {
    let bytes: usize = records.iter().map(|record| record.value.as_ref().map_or(1, |value| value.len().max(1)) + 1).sum();
    let (mut text, mut starts) = (Vec::with_capacity(bytes + 1), Vec::with_capacity(records.len()));
    let mut odd = BTreeMap::new();
    // The first line is blank: a mark at the start of the text would be that of a file.
    text.push(b'\n');
    for (row, record) in (0u32..).zip(records) {
        let start = text.len();
        starts.push(start as u64);
        let value = record.value.clone().unwrap_or_default();
        let reason = match &record.value {
            None => Some(NO_VALUE),
            Some(value) if value.is_empty() => Some("the value is empty"),
            Some(value) if value[before_text(value)..].iter().all(u8::is_ascii_whitespace) => Some("the value is blank"),
            Some(_) => None,
        };
        let is_as_it_is = match reason {
            Some(_) => {
                text.push(NO_OBJECT);
                false
            }
            None => {
                text.extend_from_slice(&value);
                as_line(&mut text[start..])
            }
        };
        if !is_as_it_is {
            odd.insert(row, Odd { value, reason });
        }
        text.push(b'\n');
    }
    (text.into(), Lines { starts, odd })
}

/// How many bytes stand before the text: a schema registry's header, a byte order mark.
fn before_text(value: &[u8]) -> usize {
    let header = if schema_id(value).is_some() { HEADER_BYTES } else { 0 };
    if value[header..].starts_with(BOM) { header + BOM.len() } else { header }
}

/// Makes a value one line of JSON; whether that changed nothing.
fn as_line(value: &mut [u8]) -> bool {
    let mut at = before_text(value);
    value[..at].fill(b' ');
    let mut is_as_it_is = at == 0;
    while let Some(found) = memchr2(b'\n', b'\r', &value[at..]) {
        // A tab is white space between values, as these are, and as little allowed within a string.
        value[at + found] = b'\t';
        at += found + 1;
        is_as_it_is = false;
    }
    is_as_it_is
}

impl Lines {
    /// The first row of the unit that begins at `start`.
    pub(super) fn first(&self, start: u64) -> u32 {
        if self.starts.is_empty() { start as u32 } else { self.starts.partition_point(|&line| line < start) as u32 }
    }

    /// A malformed record of the unit whose first row is `first`, as it came from the topic.
    pub(super) fn restore(&self, first: u32, malformed: &mut Malformed) {
        let Some(Odd { value, reason }) = self.odd.get(&(first + malformed.row)) else { return };
        malformed.raw = value.to_vec();
        if let Some(reason) = reason {
            malformed.reason = (*reason).to_owned();
        }
    }
}
