//! Groups: the distinct combinations of some columns' values, and how many rows each has.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::{Array, StringArray, new_empty_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions, array_value_to_string};
use foldhash::{HashMap, HashMapExt};
use serde_json::Value as Json;

use super::budget::{Budget, Reservation};
use super::column::{Column, plain_floats};
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::rows::Mask;

/// More groups than this are not groups.
pub const GROUPS_MAX: usize = 10_000;

/// A summary keeps at most so many groups, with names of so many bytes in all; of more it keeps that there were too many.
pub(super) const KEPT_MAX: usize = 1_000;
pub(super) const KEPT_BYTES_MAX: usize = 1 << 16;

/// Memory that a group takes, roughly.
pub(super) const GROUP_BYTES: usize = 128;

/// So many combinations of values in a batch have a place each in a table.
const COMBINATIONS_MAX: usize = 1 << 14;

/// One value a grouping column; none where it is missing.
pub type GroupKey = Vec<Option<String>>;

/// The group's values as a person would write them: `f, 30-39`.
pub fn group_name(key: &GroupKey) -> String {
    let parts: Vec<&str> = key.iter().map(|v| v.as_deref().unwrap_or("(missing)")).collect();
    parts.join(", ")
}

/// The groups of a batch: for each row its group's number, and the groups' keys.
#[derive(Debug)]
pub struct BatchGroups {
    /// One a row; rows not selected have `u32::MAX`.
    pub codes: Vec<u32>,
    pub keys: Vec<GroupKey>,
}

impl BatchGroups {
    /// Groups the selected rows of `columns`.
    pub fn new(columns: &[&Column], selection: &Mask, len: usize) -> Self {
        let mut codes = vec![u32::MAX; len];
        selection.rows(len, |i| codes[i] = 0);
        // By column, each group's value, and which group of the columns before it is part of. Keys are put together once: there may
        // be many columns.
        let (mut texts_of, mut parts_of) = (Vec::with_capacity(columns.len()), Vec::<Vec<(u32, u32)>>::with_capacity(columns.len()));
        let mut groups = 1;
        for column in columns {
            let (values, texts) = value_codes(column, selection, len);
            let mut next: Vec<(u32, u32)> = Vec::new();
            // Few combinations have a place each; many are looked up.
            if groups * texts.len() <= COMBINATIONS_MAX {
                let mut combined = vec![u32::MAX; groups * texts.len()];
                for (code, &value) in codes.iter_mut().zip(&values).filter(|(code, _)| **code != u32::MAX) {
                    let place = &mut combined[*code as usize * texts.len() + value as usize];
                    if *place == u32::MAX {
                        next.push((*code, value));
                        *place = next.len() as u32 - 1;
                    }
                    *code = *place;
                }
                groups = next.len();
                texts_of.push(texts);
                parts_of.push(next);
                continue;
            }
            let mut combined: HashMap<(u32, u32), u32> = HashMap::new();
            let mut last = (u32::MAX, u32::MAX, 0);
            for (code, &value) in codes.iter_mut().zip(&values).filter(|(code, _)| **code != u32::MAX) {
                if (*code, value) != (last.0, last.1) {
                    let number = *combined.entry((*code, value)).or_insert_with(|| {
                        next.push((*code, value));
                        next.len() as u32 - 1
                    });
                    last = (*code, value, number);
                }
                *code = last.2;
            }
            groups = next.len();
            texts_of.push(texts);
            parts_of.push(next);
        }
        let key = |group: usize| {
            let (mut key, mut group) = (Vec::with_capacity(columns.len()), group);
            for (texts, parts) in texts_of.iter().zip(&parts_of).rev() {
                let (before, value) = parts[group];
                key.push(texts[value as usize].clone());
                group = before as usize;
            }
            key.reverse();
            key
        };
        Self { codes, keys: (0..groups).map(key).collect() }
    }
}

/// For each selected row the number of its value, and the values' texts.
fn value_codes(column: &Column, selection: &Mask, len: usize) -> (Vec<u32>, Vec<Option<String>>) {
    let mut codes = vec![0; len];
    // Number 0 is the missing value.
    let mut texts: Vec<Option<String>> = vec![None];
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut code_of = |text: &str| match numbers.get(text) {
        Some(&number) => number,
        None => {
            texts.push(Some(text.to_owned()));
            let number = texts.len() as u32 - 1;
            numbers.insert(text.to_owned(), number);
            number
        }
    };
    if let Some((keys, values)) = column.dictionary() {
        // A text may stand under several codes; each gets the number of its text, in the order of rows.
        let mut by_code = vec![0; values.len()];
        column.present(selection).rows(len, |i| {
            let known = &mut by_code[keys[i] as usize];
            if *known == 0 {
                *known = code_of(values.value(keys[i] as usize));
            }
            codes[i] = *known;
        });
        return (codes, texts);
    }
    let mut last: Option<(&str, u32)> = None;
    let is_text = column.for_each_text(selection, |i, text| {
        codes[i] = match last {
            Some((seen, code)) if seen == text => code,
            _ => code_of(text),
        };
        last = Some((text, codes[i]));
    });
    if !is_text {
        use std::fmt::Write;
        let array = plain_floats(&column.array);
        let formatter =
            ArrayFormatter::try_new(&array, &FormatOptions::new()).expect("`can_be_named` is asked before a column makes groups");
        let mut text = String::new();
        column.present(selection).rows(column.array.len(), |i| {
            text.clear();
            write!(text, "{}", formatter.value(i)).expect("what cannot be shown is shown as an error, and a string takes any text");
            codes[i] = code_of(&text);
        });
    }
    (codes, texts)
}

/// Whether values of a type have names, by which groups go.
///
/// # Errors
/// Why not: a time zone that nobody knows, a type that cannot be shown.
pub fn can_be_named(data_type: &DataType) -> Result<(), String> {
    let none = new_empty_array(data_type);
    ArrayFormatter::try_new(&none, &FormatOptions::new()).map(|_| ()).map_err(|e| e.to_string())
}

/// A value as it is written in a rule file, as the name that it has as a value of a column: `1` is `1.0` among floats.
pub fn name_of(written: &str, data_type: &DataType) -> Option<String> {
    let written = written.trim();
    let (whole, fraction) = written.split_once('.').unwrap_or((written, ""));
    let fraction = fraction.trim_end_matches('0');
    let written = match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale)
            if fraction.len() as i64 > i64::from(*scale) =>
        {
            // It would be rounded to the name of another value.
            return None;
        }
        integer if integer.is_integer() && fraction.is_empty() && !whole.is_empty() => whole,
        _ => written,
    };
    let text = StringArray::from(vec![written]);
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let value = plain_floats(&cast_with_options(&text, data_type, &options).ok()?);
    value.is_valid(0).then(|| array_value_to_string(&value, 0).ok()).flatten()
}

/// The groups and their counts where all columns are codes into dictionaries, none is missing, and every combination can
/// have a place; a group may come twice.
fn count_codes(columns: &[&Column], selection: &Mask, len: usize) -> Option<Vec<(GroupKey, u64)>> {
    let dictionaries = columns.iter().map(|c| c.dictionary().filter(|_| c.missing().is_none())).collect::<Option<Vec<_>>>()?;
    let places = dictionaries.iter().try_fold(1usize, |n, (_, texts)| n.checked_mul(texts.len()))?;
    if places > COMBINATIONS_MAX {
        return None;
    }
    let mut counts = vec![0u64; places];
    selection.rows(len, |i| {
        let place = dictionaries.iter().fold(0, |place, (codes, texts)| place * texts.len() + codes[i] as usize);
        counts[place] += 1;
    });
    let key = |mut place: usize| {
        let mut key: GroupKey = Vec::new();
        for (_, texts) in dictionaries.iter().rev() {
            key.push(Some(texts.value(place % texts.len()).to_owned()));
            place /= texts.len();
        }
        key.reverse();
        key
    };
    Some(counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(place, &count)| (key(place), count)).collect())
}

/// Counts rows by group.
#[derive(Debug)]
pub struct GroupCounts {
    counts: BTreeMap<GroupKey, u64>,
    overflow: bool,
    memory: Reservation,
}

/// Rows by group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupCountsOut {
    pub counts: BTreeMap<GroupKey, u64>,
    /// More than [`GROUPS_MAX`] groups, or more than a summary keeps: the counts are not complete.
    pub overflow: bool,
}

impl State for GroupCounts {
    const NAME: &'static str = "group_counts";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = GroupCountsOut;

    fn empty((): &(), _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { counts: BTreeMap::new(), overflow: false, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        if self.overflow {
            return Ok(());
        }
        if let Some(counts) = count_codes(columns, rows.selection, rows.len()) {
            for (key, count) in counts {
                *self.counts.entry(key).or_default() += count;
            }
            self.note_overflow();
            return Ok(());
        }
        let groups = BatchGroups::new(columns, rows.selection, rows.len());
        let mut counts = vec![0u64; groups.keys.len()];
        for &code in groups.codes.iter().filter(|c| **c != u32::MAX) {
            counts[code as usize] += 1;
        }
        for (key, count) in groups.keys.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            *self.counts.entry(key).or_default() += count;
        }
        self.note_overflow();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.overflow |= later.overflow;
        for (key, count) in later.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.note_overflow();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { counts: self.counts.clone(), overflow: self.overflow, memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&(self.overflow, &self.counts), to)
    }

    fn decode((): &(), types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (overflow, counts): (bool, BTreeMap<GroupKey, u64>) = encoding::read(from)?;
        Self::of(overflow, counts, types, memory)
    }

    fn finish(self, _: &Inputs) -> Result<GroupCountsOut, Fault> {
        Ok(GroupCountsOut { counts: self.counts, overflow: self.overflow })
    }

    const SUMMARISED: bool = true;
    const MINDS_TYPES: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        let bytes = |key: &GroupKey| key.iter().flatten().map(String::len).sum::<usize>();
        let fits = self.counts.len() <= KEPT_MAX && self.counts.keys().map(bytes).sum::<usize>() <= KEPT_BYTES_MAX;
        let kept = (fits && !self.overflow).then(|| self.counts.iter().collect::<Vec<_>>());
        encoding::to_json(&kept).map(Some)
    }

    fn of_summary((): &(), types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let kept: Option<Vec<(GroupKey, u64)>> = encoding::of_json(json)?;
        let overflow = kept.is_none();
        let kept = kept.unwrap_or_default();
        encoding::ensure(kept.len() <= KEPT_MAX && kept.is_sorted_by(|a, b| a.0 < b.0), "its groups are out of order")?;
        Self::of(overflow, kept.into_iter().collect(), types, memory)
    }
}

impl GroupCounts {
    fn of(overflow: bool, counts: BTreeMap<GroupKey, u64>, types: &[DataType], memory: &Arc<Budget>) -> Result<Self, Fault> {
        encoding::ensure_counts(counts.values().copied())?;
        encoding::ensure(counts.len() <= if overflow { 0 } else { GROUPS_MAX }, "it has more groups than there can be")?;
        encoding::ensure(counts.keys().all(|key| key.len() == types.len()), "a group is named by other columns")?;
        let mut state = Self { counts, overflow, memory: Reservation::new(memory) };
        state.note_overflow();
        Ok(state)
    }

    fn note_overflow(&mut self) {
        if self.overflow || self.counts.len() > GROUPS_MAX {
            self.overflow = true;
            self.counts.clear();
        }
        // Texts are short mostly; to add them up for every batch would cost more than they weigh.
        self.memory.resize(self.counts.len() * GROUP_BYTES);
    }
}
