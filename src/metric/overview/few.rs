//! Counts of values while there are few different ones.

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
    counts: HashMap<Box<str>, (u64, RowId)>,
    text_bytes: usize,
}

impl FewTexts {
    /// Takes in `count` more of `text`, the first of which is in `row`.
    pub(super) fn add(&mut self, text: &str, count: u64, row: RowId) {
        match self.counts.get_mut(text) {
            Some((there, first)) => {
                *there += count;
                *first = row.min(*first);
            }
            None => {
                self.text_bytes += text.len();
                self.counts.insert(text.into(), (count, row));
            }
        }
    }

    pub(super) fn is_too_many(&self) -> bool {
        self.counts.len() > VALUES_MAX || self.text_bytes > TEXT_BYTES_MAX
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64, RowId)> + '_ {
        self.counts.iter().map(|(text, (count, row))| (text.as_ref(), *count, *row))
    }

    pub(super) fn bytes(&self) -> usize {
        self.text_bytes + self.counts.capacity() * size_of::<(Box<str>, (u64, RowId))>()
    }
}
