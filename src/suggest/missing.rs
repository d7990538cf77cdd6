//! Values that are always there, or nearly always; columns that are missing together; stand-ins for missing values.

use std::collections::HashSet;

use super::candidate::{Candidate, Part};
use super::column::{Column, Kind};
use super::yaml::{list, shown};
use crate::shown::{count, counted, percent};

/// Fewer rows say nothing about what is always there.
const ROWS_MIN: usize = 20;

/// Missing values are suspected to be errors up to this part of the rows.
const RARE: f64 = 0.04;

/// Beyond this part a column is hardly ever filled, and no limit means anything.
const MOSTLY: f64 = 0.5;

/// A column is held against so many others on either side, and is given up as one of a group after so many that are unlike it:
/// against all of them, thousands of columns would take for ever.
const OTHERS_MAX: usize = 100;

pub(super) fn suggest(columns: &[Column], rows: usize) -> Vec<Candidate> {
    if rows < ROWS_MIN {
        return Vec::new();
    }
    let groups = together(columns, rows);
    let are_together: HashSet<&str> = groups.iter().flat_map(|group| &group.columns).map(String::as_str).collect();
    let mut all = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let missing = rows - column.present;
        let share = missing as f64 / rows as f64;
        let (name, of) = (shown(&column.name), counted(rows as u64, "row"));
        let why = match missing {
            0 => format!("{name}: never missing in {of}."),
            _ => format!("{name}: missing in {} of {of} ({}).", count(missing as u64), percent(missing as u64, rows as u64)),
        };
        if missing == 0 || (share <= RARE && !is_explained(index, columns) && !are_together.contains(column.name.as_str())) {
            all.push(Candidate::about(Part::Missing, "missing", &column.name, Vec::new(), why, share));
        } else if share <= MOSTLY && share > 0.0 {
            let limit = tolerated(share);
            all.push(Candidate::about(Part::Missing, "missing", &column.name, vec![("tolerate", format!("{limit}%"))], why, share));
        }
    }
    all.extend(disguised(columns));
    groups.into_iter().chain(all).collect()
}

/// How much may be missing, with room for chance and for days that differ, in percent.
fn tolerated(share: f64) -> u32 {
    let roomy = (share * 1.5 + 0.02) * 100.0;
    (roomy / 5.0).ceil() as u32 * 5
}

/// Whether another column says why values are missing: where they are, that column is missing too, or has one value.
fn is_explained(index: usize, columns: &[Column]) -> bool {
    let column = &columns[index];
    let rows: Vec<usize> = (0..column.codes.len()).filter(|&row| !column.has(row)).collect();
    if rows.len() < 5 {
        return false;
    }
    let explains = |other: &&Column| {
        if other.name == column.name {
            return false;
        }
        let both = rows.iter().filter(|&&row| !other.has(row)).count();
        let lacks = other.codes.len() - other.present;
        if both * 2 >= rows.len() && lacks <= 4 * both && lacks * 2 < other.codes.len() {
            return true;
        }
        if other.kind == Kind::Other || other.distinct() > 50 {
            return false;
        }
        let mut times = vec![0usize; other.distinct()];
        rows.iter().filter(|&&row| other.has(row)).for_each(|&row| times[other.codes[row] as usize] += 1);
        // Rows that have the value are mostly those that lack this one.
        times.iter().zip(&other.counts).any(|(&lacking, &all)| lacking * 2 >= rows.len() && lacking * 2 >= all as usize)
    };
    columns[index.saturating_sub(OTHERS_MAX)..].iter().take(2 * OTHERS_MAX + 1).any(|other| explains(&other))
}

/// Columns of which a row has all values or none.
fn together(columns: &[Column], rows: usize) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut taken = vec![false; columns.len()];
    let lacks = |column: &Column| rows - column.present;
    for (i, column) in columns.iter().enumerate() {
        let missing = lacks(column);
        if taken[i] || missing < 10 || column.present < 10 {
            continue;
        }
        let mut group = vec![i];
        let (mut unlike, mut others) = (0, 0);
        for (j, other) in columns.iter().enumerate().skip(i + 1) {
            if taken[j] || lacks(other) < 10 || lacks(other).abs_diff(missing) * 20 > missing {
                continue;
            }
            let apart = (0..rows).filter(|&row| column.has(row) != other.has(row)).count();
            if apart * 20 <= missing {
                group.push(j);
                unlike += apart;
            } else if others == OTHERS_MAX {
                break;
            } else {
                others += 1;
            }
        }
        if group.len() < 2 {
            continue;
        }
        group.iter().for_each(|&j| taken[j] = true);
        let names: Vec<String> = group.iter().map(|&j| columns[j].name.clone()).collect();
        let why =
            format!("Missing in the same rows: {} of {} have no value in any of them.", count(missing as u64), counted(rows as u64, "row"));
        let words = vec![("together", list(names.iter().map(String::as_str)))];
        found.push(Candidate::new(Part::Missing, "missing", names, words, why, unlike as f64 / rows as f64));
    }
    found
}

/// Columns to look for stand-ins in: the rule knows what they look like, and says in which columns there are any.
fn disguised(columns: &[Column]) -> Vec<Candidate> {
    let looks = |column: &&Column| !matches!(column.kind, Kind::Boolean | Kind::Other) && column.present > 0;
    let rule = |column: &Column| {
        let why = format!("{}: values that stand in for missing ones, such as `unknown` or 999.", shown(&column.name));
        Candidate::about(Part::Missing, "missing", &column.name, vec![("disguised", "true".to_owned())], why, 0.02)
    };
    columns.iter().filter(looks).map(rule).collect()
}
