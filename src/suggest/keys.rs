//! Columns that tell rows apart, alone or in pairs; columns by which rows are sorted.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::candidate::{Candidate, Part};
use super::column::{Column, Kind, NONE};
use super::yaml::{list, shown};
use crate::shown::counted;

/// Fewer rows say nothing.
const ROWS_MIN: usize = 30;

/// At most this part of the rows may repeat a key: those are suspected to be errors.
const REPEATED_MAX: f64 = 0.02;

/// So many pairs of columns are tried, at most.
const PAIRS_MAX: usize = 800;

/// If values met by chance, so many rows or more would repeat a pair that is suggested as a key.
const BY_CHANCE_MIN: f64 = 20.0;

pub(super) fn suggest(columns: &[Column], rows: usize) -> Vec<Candidate> {
    if rows < ROWS_MIN {
        return Vec::new();
    }
    let mut all = single(columns, rows);
    if all.is_empty() {
        all.extend(pair(columns, rows));
    }
    all.extend(columns.iter().filter_map(sorted));
    all
}

fn of(names: &[&Column], repeated: usize, rows: usize) -> Candidate {
    let told = names.iter().map(|column| shown(&column.name)).collect::<Vec<_>>().join(" and ");
    let distinct = (rows - repeated) as u64;
    let why = match names.len() {
        1 => format!("{told}: {} in {}.", counted(distinct, "different value"), counted(rows as u64, "row")),
        _ => format!(
            "{told}: {} in {}, and no column alone tells rows apart.",
            counted(distinct, "different pair"),
            counted(rows as u64, "row")
        ),
    };
    let columns: Vec<String> = names.iter().map(|column| column.name.clone()).collect();
    let words = vec![("key", list(columns.iter().map(String::as_str)))];
    Candidate::new(Part::Keys, "duplicates", columns, words, why, repeated as f64 / rows as f64)
}

/// Columns each of whose values is another one: names and codes, not measurements, which differ by themselves.
fn single(columns: &[Column], rows: usize) -> Vec<Candidate> {
    const KEYS_MAX: usize = 3;
    let is_key = |(at, column): &(usize, &Column)| {
        let repeated = column.present - column.distinct();
        let is_full = column.present as f64 >= 0.95 * rows as f64;
        // Values may differ by chance, and then some of many are the same: only of what is called a key are these errors.
        let is_meant = repeated == 0 || is_called(column);
        is_full && is_meant && repeated as f64 <= REPEATED_MAX * rows as f64 && is_name(column, *at)
    };
    let keys = columns.iter().enumerate().filter(is_key).take(KEYS_MAX);
    keys.map(|(_, column)| of(&[column], column.present - column.distinct(), column.present)).collect()
}

/// Whether it has the name of a key.
fn is_called(column: &Column) -> bool {
    const NAMES: [&str; 11] = ["id", "key", "uuid", "guid", "code", "number", "no", "nr", "index", "sku", "email"];
    let name = column.name.to_lowercase();
    name.split(|c: char| !c.is_alphanumeric()).any(|word| NAMES.contains(&word)) || (name.ends_with("id") && !name.ends_with("paid"))
}

/// Whether a column looks as if it named things: by its name, its place or the form of its values.
fn is_name(column: &Column, at: usize) -> bool {
    let is_called = is_called(column);
    match column.kind {
        // Numbers differ by themselves where they are long.
        Kind::Integer => {
            let sizes = column.sorted_sizes();
            let reach = sizes.last().copied().unwrap_or(0.0) - sizes.first().copied().unwrap_or(0.0) + 1.0;
            is_called || at == 0 || reach <= 1.1 * column.present as f64
        }
        Kind::Text => {
            let is_short = column.texts.iter().map(String::len).max().unwrap_or(0) <= 64;
            let has_digits =
                column.texts.iter().filter(|text| text.contains(|c: char| c.is_ascii_digit())).count() * 10 >= column.distinct() * 9;
            is_called || (is_short && (at == 0 || has_digits))
        }
        Kind::Boolean | Kind::Real | Kind::Date | Kind::Time | Kind::Other => false,
    }
}

/// The pair of columns that tells rows apart, where chance would not.
fn pair(columns: &[Column], rows: usize) -> Option<Candidate> {
    let may = |column: &&Column| {
        let is_full = column.present as f64 >= 0.95 * rows as f64;
        matches!(column.kind, Kind::Text | Kind::Integer | Kind::Date | Kind::Time) && is_full && column.distinct() >= 2
    };
    let columns: Vec<&Column> = columns.iter().filter(may).collect();
    let pairs = columns.iter().enumerate().flat_map(|(i, a)| columns[i + 1..].iter().map(move |b| (*a, *b)));
    let mut best: Option<(usize, &Column, &Column)> = None;
    for (a, b) in pairs.filter(|(a, b)| a.distinct() * b.distinct() >= rows).take(PAIRS_MAX) {
        let by_chance = rows as f64 * (rows as f64 - 1.0) / 2.0 * same(a) * same(b);
        if by_chance < BY_CHANCE_MIN
            || best.is_some_and(|(_, first, other)| a.distinct() + b.distinct() >= first.distinct() + other.distinct())
        {
            continue;
        }
        // Errors in either part repeat a pair now and then; that many, and far fewer than chance would.
        let limit = (REPEATED_MAX * rows as f64).min(by_chance / 10.0) as usize;
        let mut seen: HashSet<(u32, u32), FixedState> = HashSet::default();
        let whole = (0..rows).filter(|&row| a.codes[row] != NONE && b.codes[row] != NONE);
        let repeated = whole.filter(|&row| !seen.insert((a.codes[row], b.codes[row]))).take(limit + 1).count();
        if repeated <= limit {
            best = Some((repeated, a, b));
        }
    }
    best.map(|(repeated, a, b)| of(&[a, b], repeated, rows))
}

/// How probable it is that two rows have the same value.
fn same(column: &Column) -> f64 {
    let pairs = |n: f64| n * (n - 1.0);
    let same: f64 = column.counts.iter().map(|&times| pairs(f64::from(times))).sum();
    same / pairs(column.present as f64).max(1.0)
}

/// A column whose values never step back.
fn sorted(column: &Column) -> Option<Candidate> {
    if !column.kind.is_ordered() || column.distinct() < 20 || column.present < 50 {
        return None;
    }
    let present = || column.sizes.iter().filter(|x| !x.is_nan());
    let back = present().zip(present().skip(1)).filter(|(a, b)| b < a).count();
    (back == 0).then(|| {
        let why = format!("{}: never steps back in {}.", shown(&column.name), counted(column.present as u64, "row"));
        Candidate::about(Part::Keys, "order", &column.name, Vec::new(), why, 0.0)
    })
}
