//! Columns that follow from another one: each value of the one comes with one value of the other, but for errors.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::candidate::{Candidate, Followed, Part};
use super::column::{Column, Kind, NONE};
use super::sample::place;
use super::yaml::{list, of_all, shown};
use crate::shown::counted;

/// So many rows are enough to see what follows from what.
const ROWS_MAX: usize = 30_000;

/// Of more columns than this, the first ones are looked at.
const COLUMNS_MAX: usize = 60;

/// Fewer rows that share a value with another row say nothing.
const SHARED_MIN: usize = 40;

/// At most this part of those rows may differ from the others of their group.
const BROKEN_MAX: f64 = 0.08;

/// They differ so many times less often than values that were dealt out anew.
const RATIO_MIN: f64 = 6.0;

/// Values that were dealt out anew differ at least this often: else the column is constant, and follows from anything.
const BY_CHANCE_MIN: f64 = 0.05;

/// More pairs of columns than this are not tried.
const FOUND_MAX: usize = 250;

/// A rule for each pair of columns of which one follows from the other.
pub(super) fn suggest(columns: &[Column], rows: usize) -> Vec<Candidate> {
    let dealt = dealt(rows);
    let rows: Vec<usize> = spread(rows);
    let from: Vec<&Column> = columns.iter().filter(|column| determines(column)).take(COLUMNS_MAX).collect();
    let to: Vec<&Column> = columns.iter().filter(|column| column.kind != Kind::Other && column.distinct() >= 2).take(COLUMNS_MAX).collect();
    let mut found: Vec<(usize, usize, Followed)> = Vec::new();
    for (i, a) in from.iter().enumerate() {
        for (j, b) in to.iter().enumerate().filter(|(_, b)| b.name != a.name) {
            if let Some(followed) = follows(a, b, &rows, &dealt) {
                found.push((i, j, followed));
            }
        }
    }
    // Those that are followed by most columns first: should there be too many, the others go.
    let followers = |i: usize| found.iter().filter(|(at, ..)| *at == i).count();
    let mut order: Vec<&(usize, usize, Followed)> = found.iter().collect();
    order.sort_by_key(|(i, j, _)| (std::cmp::Reverse(followers(*i)), *i, *j));
    order.into_iter().take(FOUND_MAX).map(|(i, j, followed)| candidate(from[*i], to[*j], *followed)).collect()
}

/// Whether values of the column may say what those of others are: they repeat, and are no measurements.
fn determines(column: &Column) -> bool {
    let is_name = matches!(column.kind, Kind::Text | Kind::Integer | Kind::Boolean | Kind::Date);
    is_name && column.distinct() >= 2 && column.distinct() * 3 <= column.present * 2
}

/// Some of the rows, or all.
fn spread(rows: usize) -> Vec<usize> {
    match rows.div_ceil(ROWS_MAX) {
        0 | 1 => (0..rows).collect(),
        of => (0..rows).filter(|&row| place(row as u64).is_multiple_of(of as u64)).collect(),
    }
}

/// The rows in an order that has nothing to do with the data: what chance would bring together.
fn dealt(rows: usize) -> Vec<usize> {
    let mut kept = spread(rows);
    kept.sort_by_key(|&row| place(!(row as u64)));
    kept
}

fn follows(a: &Column, b: &Column, rows: &[usize], dealt: &[usize]) -> Option<Followed> {
    // A few rows tell what does not follow.
    const FEW: usize = 2_000;
    if rows.len() > 2 * FEW && a.distinct() < FEW / 4 {
        let first = rows.iter().zip(rows).take(FEW).map(|(&x, &y)| (a.codes[x], b.codes[y]));
        let few = paired(first);
        if few.broken as f64 > 2.0 * BROKEN_MAX * few.shared as f64 {
            return None;
        }
    }
    let real = paired(rows.iter().map(|&row| (a.codes[row], b.codes[row])));
    let limit = BROKEN_MAX * real.shared as f64;
    if real.shared < SHARED_MIN || real.broken as f64 > limit || real.usual * 5 > real.broken.max(5) {
        return None;
    }
    let chance = paired(rows.iter().zip(dealt).map(|(&x, &y)| (a.codes[x], b.codes[y])));
    let by_chance = chance.broken as f64 / chance.shared.max(1) as f64;
    let observed = real.broken as f64 / real.shared as f64;
    (by_chance >= BY_CHANCE_MIN && by_chance >= RATIO_MIN * observed && chance.broken >= 20).then_some(real)
}

/// How well the second of each pair follows from the first.
fn paired(pairs: impl Iterator<Item = (u32, u32)>) -> Followed {
    let mut times: HashMap<(u32, u32), u32, FixedState> = HashMap::default();
    pairs.filter(|(a, b)| *a != NONE && *b != NONE).for_each(|pair| *times.entry(pair).or_default() += 1);
    let mut groups: HashMap<u32, (u32, u32), FixedState> = HashMap::default();
    for (&(a, _), &count) in &times {
        let group = groups.entry(a).or_default();
        group.0 += count;
        group.1 = group.1.max(count);
    }
    let mut found = Followed { shared: 0, groups: 0, broken: 0, usual: 0, values: groups.len() };
    for &(all, most) in groups.values().filter(|(all, _)| *all >= 2) {
        found.shared += all as usize;
        found.groups += 1;
        found.broken += (all - most) as usize;
    }
    for (&(a, _), &count) in &times {
        let (all, most) = groups[&a];
        // An error is rare in its group: what comes again and again is a second value.
        if count < most && count >= 3 && u64::from(count) * 20 > u64::from(all) {
            found.usual += count as usize;
        }
    }
    found
}

fn candidate(a: &Column, b: &Column, followed: Followed) -> Candidate {
    // Where a group is small, an error leaves no majority, and both rows fail.
    let times = if followed.shared < 12 * followed.groups { 2.0 } else { 1.0 };
    let expected = times * followed.broken as f64 / followed.shared.max(1) as f64;
    let columns = vec![a.name.clone(), b.name.clone()];
    let words = vec![("key", list([a.name.as_str()])), ("on", list([b.name.as_str()])), ("keep", "majority".to_owned())];
    let why = format!(
        "{} follows from {}: {} that share one of {} agree.",
        shown(&b.name),
        shown(&a.name),
        of_all(followed.shared - followed.broken, followed.shared, "row"),
        counted(followed.groups as u64, "value")
    );
    let rule = Candidate::new(Part::Dependencies, "conflicts", columns, words, why, expected);
    Candidate { followed: Some(followed), ..rule }
}

/// Of all candidates: for each column that follows the one that it is best said to follow from, and one rule for all that follow
/// from the same one.
pub(super) fn chosen(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let (found, mut all): (Vec<Candidate>, Vec<Candidate>) = candidates.into_iter().partition(|candidate| candidate.followed.is_some());
    let followers = |name: &str| found.iter().filter(|rule| rule.columns[0] == name).count();
    let rank = |rule: &Candidate| {
        let followed = rule.followed.as_ref();
        let (shared, groups, values) = followed.map_or((0, 1, 0), |f| (f.shared, f.groups.max(1), f.values));
        (shared / groups >= 3, followers(&rule.columns[0]), shared, std::cmp::Reverse(values))
    };
    let mut kept: Vec<&Candidate> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for rule in &found {
        let to = rule.columns[1].as_str();
        if !seen.contains(&to) {
            seen.push(to);
            // The first of those that rank alike.
            let of_column = found.iter().filter(|other| other.columns[1] == to);
            kept.extend(of_column.reduce(|best, other| if rank(other) > rank(best) { other } else { best }));
        }
    }
    let mut done: Vec<&str> = Vec::new();
    for rule in &kept {
        let from = rule.columns[0].as_str();
        if !done.contains(&from) {
            done.push(from);
            let those: Vec<&Candidate> = kept.iter().copied().filter(|other| other.columns[0] == from).collect();
            all.push(gathered(&those));
        }
    }
    all
}

/// One rule for all that follows from one column.
fn gathered(those: &[&Candidate]) -> Candidate {
    let first = those[0];
    if those.len() == 1 {
        return first.clone();
    }
    let names: Vec<&str> = those.iter().map(|rule| rule.columns[1].as_str()).collect();
    let told = names.iter().map(|name| shown(name)).collect::<Vec<_>>();
    let (last, before) = told.split_last().map_or((String::new(), String::new()), |(last, before)| (last.clone(), before.join(", ")));
    let least =
        those.iter().filter_map(|rule| rule.followed).map(|f| (f.shared - f.broken) as f64 / f.shared.max(1) as f64).fold(1.0, f64::min);
    let groups = first.followed.map_or(0, |followed| followed.groups);
    let agree = if least < 1.0 { format!("at least {} agree", floor_percent(least)) } else { "all agree".to_owned() };
    let why = format!(
        "{before} and {last} follow from {}: of the rows that share one of {}, {agree}.",
        shown(&first.columns[0]),
        counted(groups as u64, "value")
    );
    let words = vec![first.words[0].clone(), ("on", list(names.iter().copied())), first.words[2].clone()];
    let columns = std::iter::once(first.columns[0].clone()).chain(names.iter().map(|name| (*name).to_owned())).collect();
    let expected = those.iter().map(|rule| rule.expected).sum();
    Candidate::new(Part::Dependencies, "conflicts", columns, words, why, expected)
}

/// A share as percent with one digit, rounded down: it is "at least".
fn floor_percent(share: f64) -> String {
    format!("{:.1}%", (share * 1000.0).floor() / 10.0)
}
