//! How large values are: fences around the bulk, and round numbers that hold it.

use chrono::{DateTime, Datelike, Days, NaiveDate};

use super::candidate::{Candidate, Part};
use super::column::{Column, Kind};
use super::yaml::{of_all, shown};
use crate::shown::digits;

/// Fewer values say nothing about how large others are.
const VALUES_MIN: usize = 30;

/// Tukey's outer fence.
const FENCE: f64 = 3.0;

/// At most this part of the values lies outside and is suspected.
const OUTSIDE_MAX: f64 = 0.03;

/// Columns that hold amounts: `names` tell rows apart, and how large they are says nothing.
pub(super) fn suggest(columns: &[Column], names: &[&str]) -> Vec<Candidate> {
    let is_amount = |column: &&Column| column.kind.is_ordered() && !names.contains(&column.name.as_str());
    columns.iter().filter(is_amount).filter_map(of_column).collect()
}

fn of_column(column: &Column) -> Option<Candidate> {
    let sizes = column.sorted_sizes();
    if sizes.len() < VALUES_MIN || sizes.first() == sizes.last() {
        return None;
    }
    let bulk = Bulk::of(&sizes);
    let inside = &sizes[bulk.start..bulk.end];
    let (low, high) = (inside[0], inside[inside.len() - 1]);
    let outside = sizes.len() - inside.len();
    let (min, max) = match column.kind {
        Kind::Date | Kind::Time => days(column.kind, low, high),
        Kind::Integer | Kind::Real | Kind::Text | Kind::Boolean | Kind::Other => numbers(column, inside, &sizes, &bulk),
    };
    let words: Vec<(&'static str, String)> =
        [("min", min), ("max", max)].into_iter().filter_map(|(word, value)| Some((word, value?))).collect();
    if words.is_empty() {
        return None;
    }
    let mut why = format!(
        "{}: {} lie between {} and {}",
        shown(&column.name),
        of_all(inside.len(), sizes.len(), "value"),
        size(column.kind, low),
        size(column.kind, high)
    );
    match (bulk.start > 0, bulk.end < sizes.len()) {
        (false, false) => why.push('.'),
        (_, true) => why.push_str(&format!(
            "; the next is {}, the largest {}.",
            size(column.kind, sizes[bulk.end]),
            size(column.kind, sizes[sizes.len() - 1])
        )),
        (true, false) => why.push_str(&format!(
            "; the next is {}, the smallest {}.",
            size(column.kind, sizes[bulk.start - 1]),
            size(column.kind, sizes[0])
        )),
    }
    Some(Candidate::about(Part::Ranges, "range", &column.name, words, why, outside as f64 / column.codes.len() as f64))
}

/// A size as it is read.
pub(super) fn size(kind: Kind, x: f64) -> String {
    match kind {
        Kind::Date => day(x).map_or_else(|| digits(x, 6), |day| day.to_string()),
        Kind::Time => day((x / 86_400.0).floor()).map_or_else(|| digits(x, 6), |day| day.to_string()),
        Kind::Integer if x.abs() < 1e15 => format!("{}", x as i64),
        Kind::Integer | Kind::Real | Kind::Text | Kind::Boolean | Kind::Other => digits(x, 6),
    }
}

fn day(days: f64) -> Option<NaiveDate> {
    DateTime::from_timestamp(days as i64 * 86_400, 0).map(|time| time.date_naive())
}

/// Which of the sorted values are the bulk; the others lie beyond the fences, and away from it.
struct Bulk {
    start: usize,
    end: usize,
}

impl Bulk {
    fn of(sizes: &[f64]) -> Self {
        let n = sizes.len();
        let whole = Self { start: 0, end: n };
        let at = |share: f64| sizes[((n - 1) as f64 * share).round() as usize];
        let (q1, median, q3) = (at(0.25), at(0.5), at(0.75));
        // Of even values both tails are alike, but for chance; of a lognormal with a sigma of 0.5 one is 2.3 times the other.
        let is_skewed = sizes[0] >= 0.0 && q3 - median > median - q1 && at(0.95) - median > 1.7 * (median - at(0.05));
        let shift = if sizes[0] > 0.0 { 0.0 } else { (median / 10.0).max(at(0.95) / 1000.0) };
        let transform = |x: f64| if is_skewed && x + shift > 0.0 { (x + shift).ln() } else { x };
        let mut spread = transform(q3) - transform(q1);
        if spread <= 0.0 {
            // Half of the values are one: what tells is how far the rest reaches.
            spread = (transform(at(0.95)) - transform(at(0.05))) / 2.0;
        }
        if spread <= 0.0 || (is_skewed && sizes[0] < 0.0) {
            return whole;
        }
        let fences = (transform(q1) - FENCE * spread, transform(q3) + FENCE * spread);
        let mut start = sizes.partition_point(|&x| transform(x) < fences.0);
        let mut end = sizes.partition_point(|&x| transform(x) <= fences.1);
        if start >= end {
            return whole;
        }
        // A tail that goes on is no error. What lies outside is suspected where the step to it is a good part of the bulk, or where
        // there is more of it than of what lies a little further in: a tail of the bulk itself grows thinner.
        let step = |a: f64, b: f64| transform(b) - transform(a);
        let inner = (transform(q1) - (FENCE - 1.0) * spread, transform(q3) + (FENCE - 1.0) * spread);
        let further_in =
            (sizes.partition_point(|&x| transform(x) < inner.0) - start, end - sizes.partition_point(|&x| transform(x) <= inner.1));
        if start > 0 && step(sizes[start - 1], sizes[start]) < spread / 2.0 && start * 2 < further_in.0 * 3 {
            start = 0;
        }
        if end < n && step(sizes[end - 1], sizes[end]) < spread / 2.0 && (n - end) * 2 < further_in.1 * 3 {
            end = n;
        }
        if (start + (n - end)) as f64 > OUTSIDE_MAX * n as f64 { whole } else { Self { start, end } }
    }
}

/// Round bounds around numbers.
fn numbers(column: &Column, inside: &[f64], all: &[f64], bulk: &Bulk) -> (Option<String>, Option<String>) {
    let (low, high) = (inside[0], inside[inside.len() - 1]);
    let reach = high - low;
    let few = column.kind == Kind::Integer && reach <= 30.0;
    let often = |x: f64| inside.iter().filter(|&&y| y == x).count() >= 10;
    let room = if few { 1.0 } else { reach * 0.25 };
    // Codes of so many digits, such as postcodes: what has more or fewer is none.
    if let Some((least, greatest)) = digits_of(column, low, high) {
        return (Some(format!("{least}")), Some(format!("{greatest}")));
    }
    // What is counted or measured is not below zero.
    let min = match () {
        () if few && often(low) => low,
        () if low >= 0.0 && low <= reach => 0.0,
        () => round(low - room, reach, false),
    };
    let max = match () {
        () if few && often(high) => high,
        () if high <= 1.0 && low >= 0.0 && high > 0.5 && column.kind == Kind::Real => 1.0,
        () if high <= 100.0 && high > 90.0 && low >= 0.0 && !few => 100.0,
        () => round(high + room, reach, true),
    };
    // A bound lies before what is suspected.
    let min = if bulk.start > 0 && min <= all[bulk.start - 1] { between(low, all[bulk.start - 1]) } else { min };
    let max = if bulk.end < all.len() && max >= all[bulk.end] { between(high, all[bulk.end]) } else { max };
    let text = |x: f64| if column.kind == Kind::Integer { format!("{}", x as i64) } else { plain(x) };
    (Some(text(min)), Some(text(max)))
}

/// The bounds of numbers of as many digits as all of these have, if they are codes and fill them.
fn digits_of(column: &Column, low: f64, high: f64) -> Option<(i64, i64)> {
    let (low, high) = (low as i64, high as i64);
    let is_code = column.kind == Kind::Integer && low >= 100 && high >= 3 * low;
    let count = low.checked_ilog10()?;
    let least = 10i64.pow(count);
    (is_code && high.checked_ilog10() == Some(count)).then(|| (least, least.saturating_mul(10) - 1))
}

/// A short number between the bulk and the first suspect; the end of the bulk if there is none.
fn between(end: f64, suspect: f64) -> f64 {
    let middle = (end + suspect) / 2.0;
    let short = |n: usize| digits(middle, n).parse().ok().filter(|x: &f64| (*x >= end && *x < suspect) || (*x <= end && *x > suspect));
    (1..=4).find_map(short).unwrap_or(end)
}

/// The number in plain digits.
fn plain(x: f64) -> String {
    let text = format!("{x}");
    if text.contains(['e', 'E']) || text.len() > 20 { format!("{x:e}") } else { text }
}

/// The next number of few digits, up or down.
fn round(x: f64, reach: f64, up: bool) -> f64 {
    let step = 10f64.powf((reach.max(x.abs() / 10.0).max(f64::MIN_POSITIVE)).log10().floor() - 1.0) * 5.0;
    let steps = x / step;
    let rounded = if up { steps.ceil() } else { steps.floor() } * step;
    // Without the digits that binary fractions add.
    digits(rounded, 12).parse().unwrap_or(rounded)
}

/// Bounds of days: the first of January, and a century that no honest date reaches.
fn days(kind: Kind, low: f64, high: f64) -> (Option<String>, Option<String>) {
    let per_day = if kind == Kind::Time { 86_400.0 } else { 1.0 };
    let (Some(first), Some(last)) = (day((low / per_day).floor()), day((high / per_day).floor())) else { return (None, None) };
    let span = (last - first).num_days().max(365) as u64;
    let from = first.checked_sub_days(Days::new(span)).map(|day| day.year());
    let to = last.checked_add_days(Days::new(span.max(5 * 365))).map(|day| day.year());
    let is_year = |year: &i32| (1..=9998).contains(year);
    (from.filter(is_year).map(|year| format!("{year:04}-01-01")), to.filter(is_year).map(|year| format!("{year:04}-12-31")))
}
