//! Cells of texts and of everything else that has no order, by hash.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow::array::Array;
use foldhash::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::super::canonical::RowBytes;
use super::super::column::Column;
use super::super::encoding;
use super::key::text_key;
use super::out::{Cell, Value};
use super::table::{Entry, Table};
use crate::diagnostic::Fault;
use crate::rows::Mask;

/// So many different texts are told apart.
pub(super) const CELLS_MAX: usize = 1 << 20;
/// More than these share so many cells: then hashes need to become shorter once, and not with every few that are new.
const SHARED_MAX: usize = 1 << 19;
/// So many different texts are kept by name.
pub(super) const NAMES_MAX: usize = 10_000;
/// Characters of a text that is kept by name.
pub(super) const NAME_CHARS_MAX: usize = 64;

/// A fault unless texts can have these cells, and some of them these names.
pub(super) fn ensure_can_be(cells: &[Entry], shift: u32, names: Option<&[String]>) -> Result<(), Fault> {
    encoding::ensure(cells.len() <= if shift == 0 { CELLS_MAX } else { SHARED_MAX }, "it has more cells than there can be")?;
    let Some(names) = names else { return Ok(()) };
    let is_there = |name: &String| cells.binary_search_by_key(&text_key(name), |cell| cell.key).is_ok();
    let can_be = |name: &String| name.chars().count() <= NAME_CHARS_MAX && is_there(name);
    encoding::ensure(shift == 0 && cells.len() <= NAMES_MAX && names.iter().all(can_be), "it names what is not there")
}

/// A text told as it is.
pub(super) fn as_it_is(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// Texts by hash, and by name while there are few.
#[derive(Debug, Clone)]
pub(super) struct TextCells {
    table: Table,
    /// Short texts by their hash; none once there were too many different ones.
    names: Option<HashMap<u64, Box<str>>>,
    name_bytes: usize,
    /// Values in all.
    pub(super) count: u64,
}

impl TextCells {
    pub(super) fn new() -> Self {
        Self { table: Table::new(CELLS_MAX, SHARED_MAX), names: Some(HashMap::default()), name_bytes: 0, count: 0 }
    }

    /// Takes in what `told` makes of each text of a column.
    pub(super) fn update(&mut self, column: &Column, selection: &Mask, told: impl Fn(&str) -> Cow<'_, str>) {
        let (present, len) = (column.present(selection), column.len());
        if let Some((codes, texts)) = column.dictionary()
            && texts.len() <= len
        {
            let mut counts = vec![0u64; texts.len()];
            present.rows(len, |i| counts[codes[i] as usize] += 1);
            let texts = counts.into_iter().zip(texts.iter()).filter(|(count, _)| *count > 0);
            return texts.for_each(|(count, text)| self.add(&told(text.unwrap_or_default()), count));
        }
        // Neighbours are often alike.
        let mut last: Option<(&str, u64)> = None;
        let is_text = column.for_each_text(selection, |_, text| match &mut last {
            Some((seen, count)) if *seen == text => *count += 1,
            _ => {
                if let Some((seen, count)) = last.replace((text, 1)) {
                    self.add(&told(seen), count);
                }
            }
        });
        if let Some((seen, count)) = last {
            self.add(&told(seen), count);
        }
        if !is_text {
            let mut encoder = RowBytes::default();
            encoder.encode(&[column], len);
            present.rows(len, |i| {
                self.count += 1;
                self.table.add(xxh3_64(encoder.row(i)), 1);
            });
            self.forget_too_many();
        }
    }

    fn add(&mut self, text: &str, count: u64) {
        let key = text_key(text);
        self.count += count;
        if self.table.add(key, count) {
            self.name(key, text);
        }
    }

    fn name(&mut self, key: u64, text: &str) {
        if let Some(names) = &mut self.names
            && text.len() <= NAME_CHARS_MAX * 4
            && text.chars().count() <= NAME_CHARS_MAX
            && names.insert(key, text.into()).is_none()
        {
            self.name_bytes += text.len();
        }
        self.forget_too_many();
    }

    fn forget_too_many(&mut self) {
        if self.table.len() > NAMES_MAX || self.table.shift() > 0 {
            self.forget_names();
        }
    }

    fn forget_names(&mut self) {
        (self.names, self.name_bytes) = (None, 0);
    }

    pub(super) fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.table.merge(&later.table);
        match later.names {
            Some(names) if self.names.is_some() => names.iter().for_each(|(key, text)| self.name(*key, text)),
            Some(_) => {}
            None => self.forget_names(),
        }
        self.forget_too_many();
    }

    pub(super) fn bytes(&self) -> usize {
        let names = self.names.as_ref().map_or(0, |names| names.capacity() * size_of::<(u64, Box<str>)>());
        self.table.bytes() + names + self.name_bytes
    }

    pub(super) fn shift(&self) -> u32 {
        self.table.shift()
    }

    /// The cells, ascending.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.table.entries()
    }

    /// The names of texts, by hash; none where they are not kept.
    pub(super) fn names(&self) -> Option<BTreeMap<u64, &str>> {
        self.names.as_ref().map(|names| names.iter().map(|(key, text)| (*key, text.as_ref())).collect())
    }

    /// The state with these cells, which hold `count` values, and with the names of some of them.
    pub(super) fn of(entries: &[Entry], shift: u32, count: u64, names: Option<Vec<String>>) -> Self {
        let table = Table::of(entries, shift, Table::new(CELLS_MAX, SHARED_MAX));
        let mut state = Self { table, names: names.is_some().then(HashMap::default), name_bytes: 0, count };
        names.iter().flatten().for_each(|name| state.name(text_key(name), name));
        state
    }

    pub(super) fn cells(&self) -> Vec<Cell> {
        let shift = self.shift();
        let value = |key: u64| match self.names.as_ref().and_then(|names| names.get(&key)) {
            Some(name) => Value::Text(name.as_ref().to_owned()),
            None => Value::Hash(key),
        };
        let cell = |entry: Entry| Cell { index: entry.key >> shift, count: entry.count, only: (!entry.mixed).then(|| value(entry.key)) };
        self.entries().into_iter().map(cell).collect()
    }
}
