//! Cells as a summary keeps them: few of them, as text that reads well.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::super::encoding;
use super::super::number::decimal;
use super::super::ordered::{order_of, value_at};
use super::key::text_key;
use super::numbers::NumberCells;
use super::table::{Entry, coarsened, smallest_shift};
use super::texts::{NAME_CHARS_MAX, TextCells};
use crate::diagnostic::Fault;

/// A summary keeps at most so many cells of a column.
pub const SUMMARY_CELLS: usize = 256;
/// Texts are kept by their hashes where their names take too much room: at most so many.
const HASHES_MAX: usize = 160;
/// Room for the names of cells, in characters, and what each of them takes beside its name.
const ROOM: usize = 2400;
const ROOM_BESIDE: usize = 7;
/// Digits of a number that is told apart from others in a cell wider than itself.
const DIGITS_MAX: usize = 8;

/// Cells of numbers: `value:count` with the shortest number in a cell, `value=count` where it is the only one in a wider cell.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NumbersKept {
    shift: u32,
    missing: u64,
    cells: String,
}

/// Texts by name, those without by `hash:count`; without names, cells of hashes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextsKept {
    shift: u32,
    missing: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<BTreeMap<String, u64>>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    cells: String,
}

/// Cells read back: with the shift, what they count in all, rows without a value, and names.
pub(super) struct Read {
    pub(super) shift: u32,
    pub(super) cells: Vec<Entry>,
    pub(super) count: u64,
    pub(super) missing: u64,
    pub(super) names: Option<Vec<String>>,
}

pub(super) fn numbers(state: &NumberCells, missing: u64) -> Result<Json, Fault> {
    let entries = state.entries();
    let keys: Vec<u64> = entries.iter().map(|entry| entry.key).collect();
    let mut shift = state.shift().max(smallest_shift(&keys, SUMMARY_CELLS));
    let mut entries = coarsened(entries, shift);
    // The shortest number in a cell gets no longer where the cell gets wider, so there is one smallest shift that fits.
    let room = |entries: &[Entry], shift| entries.iter().map(|e| digits(inside(e.key, shift)) + ROOM_BESIDE).sum::<usize>();
    while room(&entries, shift) > ROOM {
        shift += 1;
        entries = coarsened(entries, shift);
    }
    let mut cells = String::new();
    for Entry { key, count, mixed } in entries {
        let value = value_at(key);
        let is_told = !mixed && (shift == 0 || digits(value) <= DIGITS_MAX);
        let (name, sign) = match is_told {
            true => (decimal(value), if shift == 0 { ':' } else { '=' }),
            false => (decimal(inside(key, shift)), ':'),
        };
        let space = if cells.is_empty() { "" } else { " " };
        _ = write!(cells, "{space}{name}{sign}{count}");
    }
    encoding::to_json(&NumbersKept { shift, missing, cells })
}

pub(super) fn read_numbers(json: &Json) -> Result<Read, Fault> {
    let NumbersKept { shift, missing, cells } = encoding::of_json(json)?;
    encoding::ensure(shift < u64::BITS, "an order has 64 bits")?;
    let mut entries = Vec::new();
    for cell in cells.split_ascii_whitespace() {
        let (value, count) = cell.split_once([':', '=']).ok_or_else(|| not_a_cell(cell))?;
        let value = value.parse::<f64>().ok().filter(|x| !x.is_nan()).ok_or_else(|| not_a_cell(cell))?;
        let mixed = shift > 0 && !cell.contains('=');
        let key = if mixed { order_of(value) >> shift << shift } else { order_of(value) };
        entries.push((key, counted(cell, count)?, mixed));
    }
    let (cells, count) = super::table::read(entries, shift)?;
    encoding::ensure(cells.len() <= SUMMARY_CELLS, "it has more cells than there can be")?;
    encoding::ensure_counts([missing])?;
    Ok(Read { shift, cells, count, missing, names: None })
}

pub(super) fn texts(state: &TextCells, missing: u64) -> Result<Json, Fault> {
    let (entries, names) = (state.entries(), state.names());
    let name_of = |key: &u64| names.as_ref().and_then(|names| names.get(key).copied());
    let beside = |entry: &Entry| name_of(&entry.key).map_or(16, str::len) + ROOM_BESIDE;
    let is_named = names.is_some() && entries.len() <= SUMMARY_CELLS && entries.iter().map(beside).sum::<usize>() <= ROOM;
    let mut kept = TextsKept { shift: 0, missing, names: None, cells: String::new() };
    let mut unnamed = entries;
    if is_named {
        let named = |entry: &Entry| Some((name_of(&entry.key)?.to_owned(), entry.count));
        kept.names = Some(unnamed.iter().filter_map(named).collect());
        unnamed.retain(|entry| name_of(&entry.key).is_none());
    } else {
        let keys: Vec<u64> = unnamed.iter().map(|entry| entry.key).collect();
        kept.shift = state.shift().max(smallest_shift(&keys, HASHES_MAX));
        unnamed = coarsened(unnamed, kept.shift);
    }
    let width = (64 - kept.shift).div_ceil(4) as usize;
    for Entry { key, count, .. } in unnamed {
        let space = if kept.cells.is_empty() { "" } else { " " };
        _ = write!(kept.cells, "{space}{:0width$x}:{count}", key >> kept.shift);
    }
    encoding::to_json(&kept)
}

pub(super) fn read_texts(json: &Json) -> Result<Read, Fault> {
    let TextsKept { shift, missing, names, cells } = encoding::of_json(json)?;
    encoding::ensure(shift < u64::BITS && (shift == 0 || names.is_none()), "texts with names have no cells wider than one of them")?;
    let mut entries = Vec::new();
    for cell in cells.split_ascii_whitespace() {
        let (index, count) = cell.split_once(':').ok_or_else(|| not_a_cell(cell))?;
        let index = u64::from_str_radix(index, 16).ok().filter(|index| index << shift >> shift == *index);
        entries.push((index.ok_or_else(|| not_a_cell(cell))? << shift, counted(cell, count)?, shift > 0));
    }
    for (name, count) in names.iter().flatten() {
        encoding::ensure(name.chars().count() <= NAME_CHARS_MAX, "it names a text that is too long")?;
        entries.push((text_key(name), *count, false));
    }
    entries.sort_unstable();
    let (cells, count) = super::table::read(entries, shift)?;
    encoding::ensure(cells.len() <= SUMMARY_CELLS, "it has more cells than there can be")?;
    encoding::ensure_counts([missing])?;
    Ok(Read { shift, cells, count, missing, names: names.map(|names| names.into_keys().collect()) })
}

fn not_a_cell(cell: &str) -> Fault {
    encoding::damaged(&format!("`{cell}` is no cell"))
}

fn counted(cell: &str, count: &str) -> Result<u64, Fault> {
    count.parse().map_err(|_| not_a_cell(cell))
}

/// Digits of a number as it is written.
fn digits(x: f64) -> usize {
    let text = format!("{x:e}");
    text.split('e').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count()
}

/// A number with as few digits as any in the cell that holds `key`, and the nearest to 0 of these.
fn inside(key: u64, shift: u32) -> f64 {
    let low = value_at(key >> shift << shift);
    let high = value_at(key | ((1 << shift) - 1));
    if low.is_sign_negative() {
        // The cell ends with the number that is nearest to 0; −0 itself is in the next one.
        return -shortest((-high).max(f64::from_bits(1)), -low);
    }
    shortest(low, high)
}

/// The same between two numbers that are not negative; what is no number counts as beyond all.
fn shortest(low: f64, high: f64) -> f64 {
    let high = if high.is_nan() { f64::INFINITY } else { high };
    if low == 0.0 || low.is_infinite() {
        return low;
    }
    for behind in 0..17 {
        let text = format!("{low:.behind$e}");
        let Some((mantissa, exponent)) = text.split_once('e') else { continue };
        let digits: u64 = mantissa.replace('.', "").parse().unwrap_or_default();
        // The nearest with so many digits, or else the next one up.
        for digits in [digits, digits + 1] {
            let exponent = exponent.parse::<i32>().unwrap_or_default() - behind as i32;
            let x: f64 = format!("{digits}e{exponent}").parse().unwrap_or(f64::INFINITY);
            if low <= x && x <= high {
                return x;
            }
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cell_is_named_by_a_short_number_in_it() {
        let named = |x: f64, shift| decimal(inside(order_of(x), shift));
        // From 2^-13 to 1.125 times as much: 0.000122 to 0.000137.
        assert_eq!(named(0.000_137_329, 49), "1.3e-4");
        assert_eq!(named(-1.234_567_89, 49), "-1.2");
        assert_eq!(named(1_234_567.0, 49), "1.2e6");
        assert_eq!(named(0.1, 0), "0.1");
        assert_eq!(named(0.0, 52), "0");
        assert_eq!((named(f64::INFINITY, 52), named(f64::NEG_INFINITY, 52)), ("inf".to_owned(), "-inf".to_owned()));
    }

    proptest! {
        #[test]
        fn the_name_of_a_cell_lies_in_it_and_is_no_longer_in_a_wider_one(x in any::<f64>(), shift in 0u32..63) {
            prop_assume!(!x.is_nan());
            let name = inside(order_of(x), shift);
            prop_assert_eq!(order_of(name) >> shift, order_of(x) >> shift, "{}", name);
            prop_assert_eq!(order_of(decimal(name).parse().expect("a number")), order_of(name));
            prop_assert!(digits(inside(order_of(x), shift + 1)) <= digits(name));
        }
    }
}
