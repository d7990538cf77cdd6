//! Columns with few values: which ones there are, and which rare ones are misspelled.

use std::collections::HashMap;

use super::candidate::{Candidate, Part};
use super::column::{Column, Kind};
use super::yaml::{list, of_all, shown};
use crate::shown::count;

/// A longer list is not read by anyone.
const MEMBERS_MAX: usize = 100;

/// More different values than this are no set, however many of them are misspelled.
const DISTINCT_MAX: usize = 600;

/// Fewer values say nothing about which others there are.
const VALUES_MIN: usize = 30;

/// A value that is a misspelled one is so many times rarer than that.
const RARER: u32 = 10;

/// Values outside the set may be this part of all.
const OUTSIDE_MAX: f64 = 0.06;

pub(super) fn suggest(columns: &[Column]) -> Vec<Candidate> {
    let homes: Vec<Home<'_>> = columns.iter().filter_map(Home::of).collect();
    columns.iter().filter_map(|column| of_column(column, &homes)).collect()
}

/// A column of few texts, by them.
struct Home<'a> {
    column: &'a Column,
    times: HashMap<&'a str, u32>,
}

impl<'a> Home<'a> {
    fn of(column: &'a Column) -> Option<Self> {
        let is_small = column.kind == Kind::Text && column.distinct() <= DISTINCT_MAX;
        is_small.then(|| Self { column, times: column.texts.iter().map(String::as_str).zip(column.counts.iter().copied()).collect() })
    }
}

fn of_column(column: &Column, homes: &[Home<'_>]) -> Option<Candidate> {
    let distinct = column.distinct();
    let is_set = column.kind == Kind::Text || (column.kind == Kind::Integer && is_code(column));
    if !is_set || column.present < VALUES_MIN || !(2..=DISTINCT_MAX).contains(&distinct) {
        return None;
    }
    let order = column.by_count();
    let (mut members, mut outside): (Vec<usize>, Vec<(usize, String)>) = (Vec::new(), Vec::new());
    for &code in &order {
        match suspected(column, code, &order, homes) {
            Some(why) => outside.push((code, why)),
            None => members.push(code),
        }
    }
    let times = |codes: &[usize]| codes.iter().map(|&code| column.counts[code] as usize).sum::<usize>();
    members = without_strays(column, members, &mut outside);
    let rare = outside.iter().map(|(code, _)| column.counts[*code] as usize).sum::<usize>();
    let is_short = members.len() >= 2 && members.len() <= MEMBERS_MAX && members.len() * 10 <= times(&members);
    if !is_short || rare as f64 > OUTSIDE_MAX * column.present as f64 || !is_closed(column, &members) {
        return None;
    }
    let least = members.iter().map(|&code| column.counts[code]).min().unwrap_or(0);
    let mut why = format!(
        "{}: {} are one of {}, each there {}.",
        shown(&column.name),
        of_all(times(&members), column.present, "value"),
        if members.len() == 2 { "two".to_owned() } else { format!("these {}", members.len()) },
        if least == 1 { "at least once".to_owned() } else { format!("at least {} times", count(u64::from(least))) }
    );
    if let Some((_, said)) = outside.first() {
        why.push_str(&format!(" {said}."));
    }
    let mut texts: Vec<&str> = members.iter().map(|&code| column.texts[code].as_str()).collect();
    match column.kind {
        Kind::Integer => texts.sort_by_key(|text| text.parse::<i64>().unwrap_or(i64::MAX)),
        Kind::Text | Kind::Boolean | Kind::Real | Kind::Date | Kind::Time | Kind::Other => texts.sort_unstable(),
    }
    let written = if column.kind == Kind::Integer { format!("[{}]", texts.join(", ")) } else { list(texts) };
    let expected = rare as f64 / column.codes.len() as f64;
    let set = Candidate::about(Part::Sets, "values", &column.name, vec![("in", written)], why, expected);
    Some(Candidate { members: members.len(), ..set })
}

/// Whether whole numbers are a code: few, and either two or with gaps between them. The others are counted, and have a range.
fn is_code(column: &Column) -> bool {
    let sizes = column.sorted_sizes();
    let reach = sizes.last().copied().unwrap_or(0.0) - sizes.first().copied().unwrap_or(0.0);
    column.distinct() == 2 || (column.distinct() <= 8 && reach >= 2.0 * column.distinct() as f64)
}

/// Why a value is suspected to be no member, if it is: a much more frequent one is written nearly so, or it is at home in
/// another column.
fn suspected(column: &Column, code: usize, order: &[usize], homes: &[Home<'_>]) -> Option<String> {
    if column.kind != Kind::Text {
        return None;
    }
    let (text, times) = (&column.texts[code], column.counts[code]);
    let frequent = order.iter().copied().take_while(|&other| column.counts[other] >= times.saturating_mul(RARER));
    let plain = normal(text);
    for other in frequent {
        let meant = &column.texts[other];
        let differs = if normal(meant) == plain {
            "is written otherwise"
        } else if is_misspelled(&plain, &normal(meant)) {
            "is misspelled"
        } else {
            continue;
        };
        return Some(format!("{} looks as if {} {differs}", shown(text), shown(meant)));
    }
    at_home(text, times, column, homes).map(|home| format!("{} is a value of {}", shown(text), shown(home)))
}

/// The other column in which the value is frequent, if it is rare in this one.
fn at_home<'a>(text: &str, times: u32, column: &Column, homes: &[Home<'a>]) -> Option<&'a str> {
    if times as usize * 100 > column.present {
        return None;
    }
    let is_frequent = |there: &&u32| **there >= times.saturating_mul(RARER) && **there >= 10;
    let has = |home: &&Home<'a>| home.column.name != column.name && home.times.get(text).filter(is_frequent).is_some();
    // Columns of the same kind of values (two cities) say nothing.
    homes.iter().filter(has).find(|home| !shares_values(column, home)).map(|home| home.column.name.as_str())
}

/// Whether two columns have frequent values in common.
fn shares_values(a: &Column, b: &Home<'_>) -> bool {
    let frequent = |times: u32, column: &Column| times as usize * 100 > column.present;
    let there = |code: usize| b.times.get(a.texts[code].as_str()).is_some_and(|&times| frequent(times, b.column));
    (0..a.distinct()).any(|code| frequent(a.counts[code], a) && there(code))
}

/// A text without what makes no difference: case, blanks, marks.
fn normal(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a text is another one with one character wrong, or two of many.
pub(super) fn is_misspelled(text: &str, meant: &str) -> bool {
    let (a, b) = (text.chars().count(), meant.chars().count());
    let allowed = match b {
        0..=2 => return false,
        3..=8 => 1,
        _ => 2,
    };
    // Digits are no letters that someone missed: a code beside another is another code.
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let are_codes = digits(meant) * 2 >= b;
    a.abs_diff(b) <= allowed && !are_codes && strsim::osa_distance(text, meant) <= allowed
}

/// The members, without values that hardly occur beside values that all occur often.
fn without_strays(column: &Column, members: Vec<usize>, outside: &mut Vec<(usize, String)>) -> Vec<usize> {
    let stray = ((column.present / 2_000) as u32).max(2);
    let (strays, often): (Vec<usize>, Vec<usize>) = members.iter().copied().partition(|&code| column.counts[code] <= stray);
    let times = |codes: &[usize]| codes.iter().map(|&code| column.counts[code] as usize).sum::<usize>();
    let least = often.iter().map(|&code| column.counts[code]).min().unwrap_or(0);
    if strays.is_empty() || often.len() < 2 || least < stray * 10 || times(&strays) as f64 > OUTSIDE_MAX / 2.0 * column.present as f64 {
        return members;
    }
    for code in strays {
        let times = match column.counts[code] {
            1 => "once".to_owned(),
            2 => "twice".to_owned(),
            more => format!("{} times", count(u64::from(more))),
        };
        outside.push((code, format!("{} occurs {times}", shown(&column.texts[code]))));
    }
    often
}

/// Whether other values are hardly to be expected: none of the members is rare.
fn is_closed(column: &Column, members: &[usize]) -> bool {
    // Good and Turing: the next value is a new one about as often as values have occurred once.
    let once = members.iter().filter(|&&code| column.counts[code] == 1).count();
    let twice = members.iter().filter(|&&code| column.counts[code] == 2).count();
    once == 0 && twice * 50 <= members.len().max(50)
}
