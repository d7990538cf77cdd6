//! How text is written: the forms that nearly all values have.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Part};
use super::column::{Column, Kind};
use super::yaml::{code, of_all, shown};
use crate::shown::{count, counted};

/// Fewer values say nothing about how others are written.
const VALUES_MIN: usize = 30;

/// At least this part of the values has one of the forms that are suggested.
const MOST: f64 = 0.95;

/// More forms than this are no form.
const FORMS_MAX: usize = 4;

/// A form that fewer than this part of the values has is no habit.
const HABIT_MIN: f64 = 0.01;

/// At least this part of the values keeps to a habit of writing.
const HABIT: f64 = 0.97;

/// Longer texts have no form.
const LENGTH_MAX: usize = 80;

/// Columns of text for which no set was found (`in_sets`).
pub(super) fn suggest(columns: &[Column], in_sets: &[&str]) -> Vec<Candidate> {
    let is_open = |column: &&Column| column.kind == Kind::Text && column.present >= VALUES_MIN && !in_sets.contains(&column.name.as_str());
    let of_column = |column: &Column| of_forms(column).or_else(|| of_habits(column));
    columns.iter().filter(is_open).filter_map(of_column).collect()
}

/// What a character is, in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Digit,
    Upper,
    Lower,
    /// A letter without case.
    Letter,
    Other(char),
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            '0'..='9' => Self::Digit,
            _ if c.is_uppercase() => Self::Upper,
            _ if c.is_lowercase() => Self::Lower,
            _ if c.is_alphabetic() => Self::Letter,
            _ => Self::Other(c),
        }
    }

    fn regex(self, is_ascii: bool) -> String {
        match (self, is_ascii) {
            (Self::Digit, _) => "[0-9]".to_owned(),
            (Self::Upper, true) => "[A-Z]".to_owned(),
            (Self::Lower, true) => "[a-z]".to_owned(),
            (Self::Upper, false) => r"\p{Lu}".to_owned(),
            (Self::Lower, false) => r"\p{Ll}".to_owned(),
            (Self::Letter, _) => r"\p{L}".to_owned(),
            (Self::Other(c), _) => regex::escape(&c.to_string()),
        }
    }
}

/// Characters of one class in a row, and how many: none where it may be any number.
type Run = (Class, Option<u32>);

/// How exactly a form is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// How many of each.
    Lengths,
    /// One or more of each.
    Runs,
}

fn form(text: &str, detail: Detail) -> Vec<Run> {
    let mut runs: Vec<(Class, u32)> = Vec::new();
    for c in text.chars() {
        let class = Class::of(c);
        match runs.last_mut() {
            Some((last, length)) if *last == class => *length += 1,
            Some(_) | None => runs.push((class, 1)),
        }
    }
    let told = |(class, length): (Class, u32)| match (detail, class) {
        (Detail::Runs, Class::Digit | Class::Upper | Class::Lower | Class::Letter) => (class, None),
        (Detail::Lengths, _) | (Detail::Runs, Class::Other(_)) => (class, Some(length)),
    };
    runs.into_iter().map(told).collect()
}

fn regex_of(form: &[Run], is_ascii: bool) -> String {
    let run = |(class, length): &Run| {
        let one = class.regex(is_ascii);
        match length {
            None => format!("{one}+"),
            Some(1) => one,
            Some(length) => format!("{one}{{{length}}}"),
        }
    };
    format!("^{}$", form.iter().map(run).collect::<String>())
}

/// Values with so many rows each, by form: the most frequent form first.
fn forms(column: &Column, detail: Detail) -> Vec<(Vec<Run>, usize, String)> {
    let mut found: BTreeMap<Vec<Run>, (usize, usize)> = BTreeMap::new();
    for (at, text) in column.texts.iter().enumerate() {
        let entry = found.entry(form(text, detail)).or_insert((0, at));
        entry.0 += column.counts[at] as usize;
        if column.counts[at] > column.counts[entry.1] {
            entry.1 = at;
        }
    }
    let mut found: Vec<_> = found.into_iter().map(|(form, (times, at))| (form, times, column.texts[at].clone())).collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found
}

/// The few forms that nearly all values have: of codes, numbers with units, times.
fn of_forms(column: &Column) -> Option<Candidate> {
    let is_code = |text: &String| text.contains(|c: char| c.is_ascii_digit()) || text.chars().count() <= 4;
    let codes: u32 = (0..column.distinct()).filter(|&at| is_code(&column.texts[at])).map(|at| column.counts[at]).sum();
    if (codes as usize) * 10 < column.present * 9 || column.texts.iter().any(|text| text.chars().count() > 4 * LENGTH_MAX) {
        return None;
    }
    for detail in [Detail::Lengths, Detail::Runs] {
        let found = forms(column, detail);
        let is_usual = |(_, times, _): &&(Vec<Run>, usize, String)| *times as f64 >= HABIT_MIN * column.present as f64 && *times >= 5;
        let usual: Vec<_> = found.iter().take_while(is_usual).collect();
        let those: usize = usual.iter().map(|(_, times, _)| times).sum();
        let is_short = usual.iter().all(|(form, ..)| form.len() <= 14);
        // Many rare forms beside the usual ones: there are more than were seen.
        let rare = found.len() - usual.len();
        let is_closed = rare * 50 <= column.present || found.len() == usual.len();
        if usual.is_empty() || usual.len() > FORMS_MAX || (those as f64) < MOST * column.present as f64 || !is_short || !is_closed {
            continue;
        }
        let is_ascii = usual.iter().all(|(_, _, text)| text.is_ascii());
        let regexes: Vec<String> = usual.iter().map(|(form, ..)| code(&regex_of(form, is_ascii))).collect();
        let written = if regexes.len() == 1 { regexes[0].clone() } else { format!("[{}]", regexes.join(", ")) };
        let such: Vec<String> = usual.iter().map(|(_, _, text)| shown(text)).collect();
        let mut why = format!("{}: {} are written like {}", shown(&column.name), of_all(those, column.present, "value"), such.join(" or "));
        match found.get(usual.len()) {
            Some((_, _, other)) => why.push_str(&format!(", not like {}.", shown(other))),
            None => why.push('.'),
        }
        let expected = (column.present - those) as f64 / column.codes.len() as f64;
        return Some(Candidate::about(Part::Formats, "pattern", &column.name, vec![("regex", written)], why, expected));
    }
    None
}

/// A habit of writing: an expression, what it says, whether it can be asked of a text.
type Habit = (&'static str, &'static str, fn(&str) -> bool);

/// Habits, each with others that it makes needless.
const HABITS: [Habit; 6] = [
    (r"^\S+( \S+)*$", "has single blanks between words, and none at its ends", |text| {
        !text.is_empty() && text.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace))
    }),
    (r"^\P{Ll}+$", "has no small letters", |text| !text.is_empty() && !text.contains(char::is_lowercase)),
    (r"^\P{Lu}+$", "has no capitals", |text| !text.is_empty() && !text.contains(char::is_uppercase)),
    (r"^\P{Ll}*\p{Lu}", "begins with a capital", |text| text.chars().find(|c| c.is_alphabetic()).is_some_and(|c| c.is_uppercase())),
    (r"\p{Ll}", "has small letters", |text| text.contains(char::is_lowercase)),
    (r"^[^0-9]+$", "has no digits", |text| !text.is_empty() && !text.contains(|c: char| c.is_ascii_digit())),
];

/// What nearly all texts keep to.
fn of_habits(column: &Column) -> Option<Candidate> {
    if column.distinct() < 5 {
        return None;
    }
    let times = |holds: &dyn Fn(&str) -> bool| {
        (0..column.distinct()).filter(|&at| holds(&column.texts[at])).map(|at| column.counts[at] as usize).sum::<usize>()
    };
    let with_letters = times(&|text| text.contains(char::is_alphabetic));
    if (with_letters as f64) < HABIT * column.present as f64 {
        return None;
    }
    let kept: Vec<&Habit> = HABITS.iter().filter(|(_, _, holds)| times(holds) as f64 >= HABIT * column.present as f64).collect();
    if kept.is_empty() {
        return None;
    }
    let all = times(&|text| kept.iter().all(|(_, _, holds)| holds(text)));
    if (all as f64) < MOST * column.present as f64 {
        return None;
    }
    let said: Vec<&str> = kept.iter().map(|(_, said, _)| *said).collect();
    let said = match said.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    };
    let mut why = format!(
        "{}: of {} all but {} {said}",
        shown(&column.name),
        counted(column.present as u64, "text"),
        count((column.present - all) as u64)
    );
    if all == column.present {
        why = format!("{}: each of {} {said}", shown(&column.name), counted(column.present as u64, "text"));
    }
    why.push('.');
    let regexes: Vec<String> = kept.iter().map(|(regex, ..)| code(regex)).collect();
    let words = match regexes.len() {
        1 => vec![("regex", regexes[0].clone())],
        _ => vec![("regex", format!("[{}]", regexes.join(", "))), ("match", "all".to_owned())],
    };
    let expected = (column.present - all) as f64 / column.codes.len() as f64;
    Some(Candidate::about(Part::Formats, "pattern", &column.name, words, why, expected))
}
