//! How columns of numbers and times stand to each other: one before the other, one the sum or the product of others.

use super::candidate::{Candidate, Part};
use super::column::{Column, Kind};
use super::sample::place;
use super::yaml::{code, of_all, shown, sql_name};

/// Fewer rows that have all values say nothing.
const ROWS_MIN: usize = 40;

/// At most this part of the rows may break a relation.
const BROKEN_MAX: f64 = 0.05;

/// Values that were dealt out anew break it at least this often.
const BY_CHANCE_MIN: f64 = 0.15;

/// Of more columns than this, the first ones are looked at.
const COLUMNS_MAX: usize = 14;

/// So many rows are enough.
const SAMPLE_MAX: usize = 20_000;

/// More rules than this are not read by anyone.
const RULES_MAX: usize = 12;

pub(super) fn suggest(columns: &[Column], rows: usize) -> Vec<Candidate> {
    let numbers: Vec<&Column> =
        columns.iter().filter(|column| column.kind.is_number() && column.distinct() > 2).take(COLUMNS_MAX).collect();
    let rows = Rows::of(rows);
    let mut all = Vec::new();
    let mut made: Vec<&str> = Vec::new();
    for c in &numbers {
        if let Some(candidate) = computed(c, &numbers, &made, &rows) {
            made.extend(
                columns.iter().map(|column| column.name.as_str()).filter(|name| candidate.columns.iter().any(|there| there == name)),
            );
            all.push(candidate);
        }
    }
    all.extend(ordered(columns, &made, &rows));
    all.truncate(RULES_MAX);
    all
}

/// The rows that are looked at, and as many in an order of chance.
struct Rows {
    rows: Vec<usize>,
    dealt: Vec<usize>,
}

impl Rows {
    fn of(rows: usize) -> Self {
        let of = rows.div_ceil(SAMPLE_MAX).max(1) as u64;
        let rows: Vec<usize> = (0..rows).filter(|&row| of == 1 || place(row as u64).is_multiple_of(of)).collect();
        let mut dealt = rows.clone();
        dealt.sort_by_key(|&row| place(!(row as u64)));
        Self { rows, dealt }
    }

    /// How many rows have all values, and how many of them break the relation; the last column's values may be dealt out anew.
    fn broken(&self, columns: &[&Column], is_dealt: bool, holds: impl Fn(&[f64]) -> bool) -> (usize, usize) {
        let (mut whole, mut broken) = (0, 0);
        let mut values = vec![0.0; columns.len()];
        for (&row, &other) in self.rows.iter().zip(&self.dealt) {
            let last = columns.len() - 1;
            for (at, column) in columns.iter().enumerate() {
                values[at] = column.sizes[if is_dealt && at == last { other } else { row }];
            }
            if values.iter().all(|x| x.is_finite()) {
                whole += 1;
                broken += usize::from(!holds(&values));
            }
        }
        (whole, broken)
    }

    /// How many rows break a relation of how many that have all values, if it holds, and not by chance.
    fn held(&self, columns: &[&Column], holds: impl Fn(&[f64]) -> bool) -> Option<(usize, usize)> {
        let (whole, broken) = self.broken(columns, false, &holds);
        if whole < ROWS_MIN || broken as f64 > BROKEN_MAX * whole as f64 {
            return None;
        }
        let (all, by_chance) = self.broken(columns, true, &holds);
        let (chance, observed) = (by_chance as f64 / all.max(1) as f64, broken as f64 / whole as f64);
        (chance >= BY_CHANCE_MIN && chance >= 5.0 * observed).then_some((whole, broken))
    }
}

fn candidate(columns: &[&Column], sql: &str, said: &str, (whole, broken): (usize, usize)) -> Candidate {
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let why = format!("{said}: so in {}.", of_all(whole - broken, whole, "row"));
    let expected = broken as f64 / columns[0].codes.len().max(1) as f64;
    Candidate::new(Part::Pairs, "expression", names, vec![("sql", code(sql))], why, expected)
}

/// Pairs of which one never comes after the other, or is never larger.
fn ordered(columns: &[Column], made: &[&str], rows: &Rows) -> Vec<Candidate> {
    let may = |column: &&Column| column.kind.is_ordered() && column.distinct() > 2 && !made.contains(&column.name.as_str());
    let columns: Vec<&Column> = columns.iter().filter(may).take(2 * COLUMNS_MAX).collect();
    let reaches: Vec<Reach> = columns.iter().map(|column| Reach::of(column)).collect();
    let mut found: Vec<(usize, usize, (usize, usize), bool)> = Vec::new();
    for (i, a) in columns.iter().enumerate() {
        for (j, b) in columns.iter().enumerate() {
            if i == j || !compare((a, reaches[i]), (b, reaches[j])) {
                continue;
            }
            // The same value in both columns is another rule, and found only once.
            let equal = if i < j { rows.held(&[a, b], |x| x[0] == x[1]) } else { None };
            if let Some(held) = equal {
                found.push((i, j, held, true));
            } else if !found.iter().any(|(x, y, _, is_equal)| *is_equal && (*x, *y) == (j, i))
                && let Some(held) = rows.held(&[a, b], |x| x[0] <= x[1])
            {
                found.push((i, j, held, false));
            }
        }
    }
    // a before b and b before c say that a is before c.
    let follows =
        |i: usize, j: usize| found.iter().any(|(x, y, _, _)| *x == i && *y != j && found.iter().any(|(z, w, _, _)| z == y && *w == j));
    let is_needed = |(i, j, _, is_equal): &&(usize, usize, (usize, usize), bool)| *is_equal || !follows(*i, *j);
    let rule = |(i, j, held, is_equal): &(usize, usize, (usize, usize), bool)| {
        let (a, b) = (columns[*i], columns[*j]);
        let sign = if *is_equal { "=" } else { "<=" };
        let said = match (is_equal, a.kind) {
            (true, _) => format!("{} and {} are the same", shown(&a.name), shown(&b.name)),
            (false, Kind::Date | Kind::Time) => format!("{} is not after {}", shown(&a.name), shown(&b.name)),
            (false, _) => format!("{} is not more than {}", shown(&a.name), shown(&b.name)),
        };
        candidate(&[a, b], &format!("{} {sign} {}", sql_name(&a.name), sql_name(&b.name)), &said, *held)
    };
    found.iter().filter(is_needed).map(rule).collect()
}

/// How far a column reaches.
#[derive(Clone, Copy)]
struct Reach {
    low: f64,
    middle: f64,
    high: f64,
}

impl Reach {
    fn of(column: &Column) -> Self {
        let sizes = column.sorted_sizes();
        let at = |index: usize| sizes.get(index).copied().unwrap_or(0.0);
        Self { low: at(0), middle: at(sizes.len() / 2), high: at(sizes.len().saturating_sub(1)) }
    }
}

/// Whether two columns can be compared: both times, or numbers of one kind of thing, which reach about as far.
fn compare((a, a_reach): (&Column, Reach), (b, b_reach): (&Column, Reach)) -> bool {
    match (a.kind.is_number(), b.kind.is_number()) {
        (true, true) => {}
        (false, false) => return a.data_type == b.data_type,
        (true, false) | (false, true) => return false,
    }
    // Half of the one lies within the other.
    a_reach.low >= 0.0
        && b_reach.low >= 0.0
        && a_reach.middle >= b_reach.low
        && a_reach.middle <= b_reach.high
        && b_reach.middle <= 20.0 * a_reach.middle.max(1.0)
}

/// How two columns give a third: the sign between them, and what it does.
type Way = (&'static str, fn(f64, f64) -> f64);

/// What a column is computed from: the sum, the difference or the product of two others.
fn computed(c: &Column, numbers: &[&Column], made: &[&str], rows: &Rows) -> Option<Candidate> {
    let is_free = |column: &&Column| column.name != c.name && !made.contains(&column.name.as_str());
    let others: Vec<&Column> = numbers.iter().copied().filter(is_free).collect();
    if made.contains(&c.name.as_str()) {
        return None;
    }
    // Written with cents, a product is rounded.
    let near = |x: f64, y: f64| (x - y).abs() <= 0.0051_f64.max(y.abs() * 1e-9);
    let few = Rows { rows: rows.rows.iter().copied().take(300).collect(), dealt: rows.dealt.iter().copied().take(300).collect() };
    for (i, a) in others.iter().enumerate() {
        for b in &others[i + 1..] {
            let ways: [Way; 2] = [("+", |a, b| a + b), ("*", |a, b| a * b)];
            for (sign, compute) in ways {
                let holds = |x: &[f64]| near(compute(x[0], x[1]), x[2]);
                let (whole, broken) = few.broken(&[a, b, c], false, holds);
                if whole < ROWS_MIN || broken * 5 > whole {
                    continue;
                }
                let Some(held) = rows.held(&[a, b, c], holds) else { continue };
                let names = [a, b, &c].map(|column| sql_name(&column.name));
                let is_whole = [a, b, &c].iter().all(|column| column.kind == Kind::Integer);
                let sql = match is_whole {
                    true => format!("{} = {} {sign} {}", names[2], names[0], names[1]),
                    false => format!("abs({} - {} {sign} {}) < 0.01", names[2], names[0], names[1]),
                };
                let sql = if !is_whole && sign == "+" { format!("abs({} - ({} + {})) < 0.01", names[2], names[0], names[1]) } else { sql };
                let word = if sign == "+" { "the sum" } else { "the product" };
                let said = format!("{} is {word} of {} and {}", shown(&c.name), shown(&a.name), shown(&b.name));
                return Some(candidate(&[a, b, c], &sql, &said, held));
            }
        }
    }
    None
}
