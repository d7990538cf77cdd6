//! Counts of values while there are few different ones.

use std::borrow::Cow;

use foldhash::HashMap;

use crate::rows::RowId;

/// So many different values are counted, each by itself.
pub const VALUES_MAX: usize = 10_000;
/// Different texts that are counted have so many bytes in all.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

/// How often each number occurs: integers as they are, floats as their place in the order of floats.
#[derive(Debug, Clone, Default)]
pub(super) struct FewNumbers {
    counts: HashMap<i128, u64>,
}

impl FewNumbers {
    pub(super) fn add(&mut self, key: i128, count: u64) {
        *self.counts.entry(key).or_default() += count;
    }

    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    pub(super) fn is_too_many(&self) -> bool {
        self.counts.len() > VALUES_MAX
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i128, u64)> + '_ {
        self.counts.iter().map(|(key, count)| (*key, *count))
    }

    pub(super) fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<(i128, u64)>()
    }
}

/// How often each text occurs, and the first row that has it.
#[derive(Debug, Clone, Default)]
pub(super) struct FewTexts {
    /// Texts of so few bytes that they are their own keys: looking them up takes a third of the time.
    short: HashMap<u64, (u64, RowId)>,
    long: HashMap<Box<str>, (u64, RowId)>,
    text_bytes: usize,
}

/// A short text as a number: its bytes, and how many there are.
fn packed(text: &str) -> Option<u64> {
    let mut bytes = [0; 8];
    let len = text.len();
    if len > 7 {
        return None;
    }
    bytes[..len].copy_from_slice(text.as_bytes());
    bytes[7] = len as u8;
    Some(u64::from_le_bytes(bytes))
}

/// The text that was packed.
fn unpacked(key: u64) -> String {
    let bytes = key.to_le_bytes();
    String::from_utf8_lossy(&bytes[..usize::from(bytes[7]).min(7)]).into_owned()
}

impl FewTexts {
    /// Takes in `count` more of `text`, the first of which is in `row`.
    pub(super) fn add(&mut self, text: &str, count: u64, row: RowId) {
        let there = match packed(text) {
            Some(key) => self.short.get_mut(&key),
            None => self.long.get_mut(text),
        };
        if let Some((there, first)) = there {
            *there += count;
            *first = row.min(*first);
            return;
        }
        self.text_bytes += text.len();
        match packed(text) {
            Some(key) => _ = self.short.insert(key, (count, row)),
            None => _ = self.long.insert(text.into(), (count, row)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    pub(super) fn is_too_many(&self) -> bool {
        self.len() > VALUES_MAX || self.text_bytes > TEXT_BYTES_MAX
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, u64, RowId)> + '_ {
        let short = self.short.iter().map(|(key, (count, row))| (Cow::<str>::Owned(unpacked(*key)), *count, *row));
        short.chain(self.long.iter().map(|(text, (count, row))| (Cow::Borrowed(text.as_ref()), *count, *row)))
    }

    pub(super) fn bytes(&self) -> usize {
        let (short, long) = (size_of::<(u64, (u64, RowId))>(), size_of::<(Box<str>, (u64, RowId))>());
        self.text_bytes + self.short.capacity() * short + self.long.capacity() * long
    }
}
