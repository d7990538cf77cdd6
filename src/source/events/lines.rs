//! Values as lines of text: record i is line i, whatever its value holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use memchr::memchr2;

use super::EventRecord;
use super::header::{HEADER_BYTES, schema_id};
use crate::source::Malformed;

/// A byte order mark; JSON text may begin with one, and it says nothing.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Stands for what is no value: an object is expected, and this is none.
const NO_OBJECT: u8 = b'0';

/// The values of records, one on each line.
#[derive(Debug)]
pub(super) struct Lines {
    pub text: Bytes,
    /// Where each line begins.
    pub starts: Vec<u64>,
    pub odd: OddValues,
}

/// Values that do not stand in their line as they are, by row.
#[derive(Debug, Default)]
pub(super) struct OddValues(BTreeMap<u64, Odd>);

#[derive(Debug)]
struct Odd {
    value: Bytes,
    /// Why there is nothing to be read, where that is so.
    reason: Option<&'static str>,
}

impl Lines {
    /// Joins the values. A byte becomes at most another byte, so that places within a value stay what they are.
    pub(super) fn of(records: &[EventRecord]) -> Self {
        let bytes: usize = records.iter().map(|record| record.value.as_ref().map_or(1, |value| value.len().max(1)) + 1).sum();
        let (mut text, mut starts) = (Vec::with_capacity(bytes + 1), Vec::with_capacity(records.len()));
        let mut odd = BTreeMap::new();
        // The first line is blank: a mark at the start of the text would be that of a file.
        text.push(b'\n');
        for (row, record) in (0u64..).zip(records) {
            let start = text.len();
            starts.push(start as u64);
            let value = record.value.clone().unwrap_or_default();
            let reason = match &record.value {
                None => Some("no value (a tombstone)"),
                Some(value) if value.is_empty() => Some("the value is empty"),
                Some(value) if value.iter().all(u8::is_ascii_whitespace) => Some("the value is blank"),
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
        Self { text: text.into(), starts, odd: OddValues(odd) }
    }
}

/// Makes a value one line of JSON; whether that changed nothing.
fn as_line(value: &mut [u8]) -> bool {
    let header = if schema_id(value).is_some() { HEADER_BYTES } else { 0 };
    value[..header].fill(b' ');
    let mark = if value[header..].starts_with(BOM) { BOM.len() } else { 0 };
    value[header..header + mark].fill(b' ');
    let mut at = header + mark;
    let mut is_as_it_is = at == 0;
    while let Some(found) = memchr2(b'\n', b'\r', &value[at..]) {
        // A tab is white space between values, as these are, and as little allowed within a string.
        value[at + found] = b'\t';
        at += found + 1;
        is_as_it_is = false;
    }
    is_as_it_is
}

impl OddValues {
    /// The malformed record at `row` as it came from the topic.
    pub(super) fn restore(&self, row: u64, malformed: &mut Malformed) {
        let Some(Odd { value, reason }) = self.0.get(&row) else { return };
        malformed.raw = value.to_vec();
        if let Some(reason) = reason {
            malformed.reason = (*reason).to_owned();
        }
    }
}
