//! The classes of errors, and how each is made in a few rows.

use std::collections::BTreeSet;

use super::cells;
use super::random::Random;
use super::sample::{Cell, Change, Kind, Sample, SampleColumn};

/// A class of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Missing,
    Swapped,
    Tenfold,
    Thousandfold,
    Fahrenheit,
    Typo,
    Duplicate,
    Category,
    Format,
    Shifted,
}

impl Class {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Missing,
        Self::Swapped,
        Self::Tenfold,
        Self::Thousandfold,
        Self::Fahrenheit,
        Self::Typo,
        Self::Duplicate,
        Self::Category,
        Self::Format,
        Self::Shifted,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Swapped => "swapped",
            Self::Tenfold => "unit_10",
            Self::Thousandfold => "unit_1000",
            Self::Fahrenheit => "unit_fahrenheit",
            Self::Typo => "typo",
            Self::Duplicate => "duplicate",
            Self::Category => "category",
            Self::Format => "format",
            Self::Shifted => "shifted",
        }
    }
}

/// An error that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub change: Change,
    /// What was done, without a value of the data.
    pub what: String,
    /// The rows, ascending.
    pub rows: Vec<u32>,
    /// The other column of a swap.
    pub with: Option<usize>,
}

/// Columns of more different values than these hold no categories.
pub(super) const CATEGORIES_MAX: usize = 50;
const CODES_MAX: usize = 20;

impl SampleColumn {
    /// Whether all values are there and no two alike.
    pub(super) fn is_key(&self) -> bool {
        self.present == self.values.len() && self.distinct == self.present && self.present > 1
    }

    /// Whether few values come again and again.
    pub(super) fn is_category(&self) -> bool {
        match self.kind {
            Kind::Text => self.distinct <= CATEGORIES_MAX && self.distinct * 5 <= self.present,
            Kind::Number { whole: true } => self.distinct <= CODES_MAX && self.distinct * 10 <= self.present,
            Kind::Number { whole: false } | Kind::Time | Kind::Flag | Kind::Other => false,
        }
    }
}

/// Makes an error of `class` in `count` rows of `column`; or says why it cannot be made.
pub(super) fn make(sample: &Sample, class: Class, column: usize, count: usize, random: &mut Random) -> Result<Made, String> {
    let at = &sample.columns[column];
    match class {
        Class::Missing => one_by_one(sample, column, count, random, "left out", |old, _| old.map(|_| None)),
        Class::Swapped => swap(sample, column, count, random),
        Class::Tenfold | Class::Thousandfold | Class::Fahrenheit => unit(sample, class, column, count, random),
        Class::Typo => typo(sample, column, count, random),
        Class::Duplicate if at.is_key() => {
            let values = &at.values;
            one_by_one(sample, column, count, random, "that of another row", |old, random| {
                values.get(random.below(values.len())).filter(|other| other.as_ref() != old).cloned()
            })
        }
        Class::Duplicate => Err("its values come again as they are".to_owned()),
        Class::Category => category(sample, column, count, random),
        Class::Format => format(sample, column, count, random),
        Class::Shifted => shift(sample, column, count, random),
    }
}

/// Makes `count` rows copies of others.
pub(super) fn copy_rows(sample: &Sample, count: usize, random: &mut Random) -> Result<Made, String> {
    if sample.rows < 2 {
        return Err("there is one row".to_owned());
    }
    // The rows copied stand before their copies and are no copies themselves.
    let order = random.shuffled(sample.rows);
    let mut rows: Vec<u32> = order.iter().copied().filter(|&row| row > 0).take(count).collect();
    rows.sort_unstable();
    let is_copy: BTreeSet<u32> = rows.iter().copied().collect();
    let mut copies = Vec::new();
    for &row in &rows {
        let mut from = random.below(row as usize) as u32;
        while is_copy.contains(&from) {
            from -= 1;
        }
        copies.push((row, from));
    }
    Ok(Made { change: Change::Copies(copies), what: "the whole row is that of another".to_owned(), rows, with: None })
}

/// The new value for an old one: none where nothing would change, and within it none for a missing one.
type NewValue<'a> = dyn FnMut(Option<&String>, &mut Random) -> Option<Option<String>> + 'a;

fn one_by_one(
    sample: &Sample,
    column: usize,
    count: usize,
    random: &mut Random,
    what: &str,
    mut new: impl FnMut(Option<&String>, &mut Random) -> Option<Option<String>>,
) -> Result<Made, String> {
    let new: &mut NewValue<'_> = &mut new;
    let (values, mut spoilt, mut is_refused) = (&sample.columns[column].values, Vec::new(), false);
    for row in random.shuffled(sample.rows) {
        if spoilt.len() == count {
            break;
        }
        let Some(value) = new(values[row as usize].as_ref(), random) else { continue };
        if sample.takes(column, value.as_deref()) {
            spoilt.push(Cell { row, column, value });
        } else {
            is_refused = true;
        }
    }
    if spoilt.is_empty() {
        return Err(if is_refused { "the column's type does not allow it" } else { "no value would change" }.to_owned());
    }
    spoilt.sort_by_key(|cell| cell.row);
    let rows = spoilt.iter().map(|cell| cell.row).collect();
    Ok(Made { change: Change::Cells(spoilt), what: format!("the value is {what}"), rows, with: None })
}

fn swap(sample: &Sample, column: usize, count: usize, random: &mut Random) -> Result<Made, String> {
    let is_alike = |a: Kind, b: Kind| match (a, b) {
        (Kind::Text, Kind::Text) | (Kind::Number { .. }, Kind::Number { .. }) | (Kind::Time, Kind::Time) => true,
        (Kind::Text | Kind::Number { .. } | Kind::Time | Kind::Flag | Kind::Other, _) => false,
    };
    let kind = sample.columns[column].kind;
    let find = |mut range: std::ops::Range<usize>| range.find(|&other| is_alike(kind, sample.columns[other].kind));
    let Some(with) = find(column + 1..sample.columns.len()) else {
        return Err(match find(0..column) {
            Some(_) => "it was swapped with the column of its kind before it",
            None => "no other column is of its kind",
        }
        .to_owned());
    };
    let (ours, theirs) = (&sample.columns[column].values, &sample.columns[with].values);
    let mut spoilt = Vec::new();
    for row in random.shuffled(sample.rows) {
        let (a, b) = (&ours[row as usize], &theirs[row as usize]);
        if spoilt.len() == 2 * count {
            break;
        }
        if a != b && sample.takes(column, b.as_deref()) && sample.takes(with, a.as_deref()) {
            spoilt.push(Cell { row, column, value: b.clone() });
            spoilt.push(Cell { row, column: with, value: a.clone() });
        }
    }
    if spoilt.is_empty() {
        return Err("the columns' types do not allow it, or the values are the same".to_owned());
    }
    spoilt.sort_by_key(|cell| (cell.row, cell.column));
    let rows = spoilt.iter().step_by(2).map(|cell| cell.row).collect();
    let what = format!("the value is changed with that of `{}`", sample.columns[with].name);
    Ok(Made { change: Change::Cells(spoilt), what, rows, with: Some(with) })
}

fn unit(sample: &Sample, class: Class, column: usize, count: usize, random: &mut Random) -> Result<Made, String> {
    let (at, form) = (&sample.columns[column], sample.numbers());
    match (at.kind, class) {
        (Kind::Time, Class::Thousandfold) => {
            let what = "near 1970: seconds taken for milliseconds";
            one_by_one(sample, column, count, random, what, |old, _| cells::near_1970(old?, at.format.as_deref()).map(Some))
        }
        (Kind::Number { whole: true }, _) if at.is_key() => Err("no two values are alike: it tells rows apart".to_owned()),
        (Kind::Number { .. }, _) if at.distinct <= 2 => Err("it has two values at most".to_owned()),
        (Kind::Number { .. }, Class::Fahrenheit) if !is_temperature(&at.name) => Err("its name speaks of no temperature".to_owned()),
        (Kind::Number { .. }, Class::Fahrenheit) => {
            one_by_one(sample, column, count, random, "in °F instead of °C", |old, _| cells::fahrenheit(old?, form).map(Some))
        }
        (Kind::Number { .. }, Class::Tenfold) => {
            one_by_one(sample, column, count, random, "10 times as large", |old, _| cells::times_ten(old?, 1, form).map(Some))
        }
        (Kind::Number { .. }, _) => {
            one_by_one(sample, column, count, random, "1,000 times as large", |old, _| cells::times_ten(old?, 3, form).map(Some))
        }
        (Kind::Text | Kind::Time | Kind::Flag | Kind::Other, _) => Err("its values have no unit".to_owned()),
    }
}

fn is_temperature(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    words.any(|word| matches!(word, "temp" | "temps" | "celsius") || word.starts_with("temperature"))
}

fn typo(sample: &Sample, column: usize, count: usize, random: &mut Random) -> Result<Made, String> {
    let at = &sample.columns[column];
    let known: BTreeSet<&String> = if at.is_category() { at.values.iter().flatten().collect() } else { BTreeSet::new() };
    match at.kind {
        Kind::Text => one_by_one(sample, column, count, random, "mistyped by a letter", |old, random| {
            cells::mistyped(old?, random).filter(|new| !known.contains(new)).map(Some)
        }),
        Kind::Number { .. } | Kind::Time if sample.is_text() => {
            one_by_one(sample, column, count, random, "written with a letter for a digit", |old, random| {
                cells::letter_in_number(old?, random).map(Some)
            })
        }
        Kind::Number { .. } | Kind::Time | Kind::Flag | Kind::Other => Err("a mistyped value is another value of its type".to_owned()),
    }
}

fn category(sample: &Sample, column: usize, count: usize, random: &mut Random) -> Result<Made, String> {
    let at = &sample.columns[column];
    if !at.is_category() {
        return Err("it has no categories".to_owned());
    }
    let known: BTreeSet<&String> = at.values.iter().flatten().collect();
    let next = at.values.iter().flatten().filter_map(|value| value.parse::<i64>().ok()).max().map(|max| max.saturating_add(1).to_string());
    let is_number = matches!(at.kind, Kind::Number { .. });
    one_by_one(sample, column, count, random, "one that did not occur before", |old, random| match is_number {
        true => old.and(next.clone()).map(Some),
        false => cells::unseen(old?, random).filter(|new| !known.contains(new)).map(Some),
    })
}

fn format(sample: &Sample, column: usize, count: usize, random: &mut Random) -> Result<Made, String> {
    let (at, form) = (&sample.columns[column], sample.numbers());
    let what = "written in another way";
    match at.kind {
        Kind::Text => one_by_one(sample, column, count, random, what, |old, _| cells::text_otherwise(old?).map(Some)),
        Kind::Number { .. } if sample.is_text() => {
            one_by_one(sample, column, count, random, what, |old, _| cells::number_otherwise(old?, form).map(Some))
        }
        Kind::Time if sample.is_text() => one_by_one(sample, column, count, random, what, |old, _| cells::day_first(old?).map(Some)),
        Kind::Flag if sample.is_text() => one_by_one(sample, column, count, random, what, |old, _| cells::flag_otherwise(old?).map(Some)),
        Kind::Number { .. } | Kind::Time | Kind::Flag | Kind::Other => Err("the data hold values, and not how they are written".to_owned()),
    }
}

/// The values from this column on stand one column further, as behind a stray separator; the last one is lost.
fn shift(sample: &Sample, column: usize, count: usize, random: &mut Random) -> Result<Made, String> {
    if !sample.is_text() {
        return Err("values of a type stay in their column".to_owned());
    }
    let last = sample.columns.len() - 1;
    if column == last {
        return Err("no column stands behind it".to_owned());
    }
    if !sample.takes(column, None) {
        return Err("no text means missing".to_owned());
    }
    let value = |row: u32, column: usize| sample.columns[column].values[row as usize].clone();
    let is_changed = |row: u32| (column..=last).any(|i| value(row, i) != if i == column { None } else { value(row, i - 1) });
    let mut rows: Vec<u32> = random.shuffled(sample.rows).into_iter().filter(|&row| is_changed(row)).take(count).collect();
    if rows.is_empty() {
        return Err("no value would change".to_owned());
    }
    rows.sort_unstable();
    let cells = rows.iter().flat_map(|&row| {
        let moved = (column..=last).map(move |i| (i, if i == column { None } else { value(row, i - 1) }));
        moved.map(move |(column, value)| Cell { row, column, value })
    });
    let change = Change::Cells(cells.collect());
    Ok(Made { change, what: "the values from here on stand one column further".to_owned(), rows, with: None })
}
