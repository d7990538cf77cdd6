//! What reports show of bins and categories.

use arrow::datatypes::DataType;

use super::check::DriftCheck;
use super::sides::{Category, Sides};
use crate::findings::{Figures, GroupFigures, Outcome, figures};
use crate::metric::cells::{CellsKind, Value};
use crate::metric::{Number, is_numeric};
use crate::rules::bounds;
use crate::shown::{VALUE_MAX, count, counted, cut_short, digits, short};
use crate::statistics::Cell;

/// Categories that are listed.
const LISTED_MAX: usize = 20;
/// New and vanished values that the message names.
const NAMED_MAX: usize = 5;

/// The bins of numbers, with the shares of both sides.
pub(super) fn bins(check: &DriftCheck, cells: &[Cell], bins: &[usize], (a, b): (&[u64], &[u64])) -> Vec<GroupFigures> {
    let last = a.len().saturating_sub(1);
    let ends: Vec<f64> = (0..a.len()).map(|bin| bins.iter().rposition(|of| *of == bin).map_or(f64::NAN, |at| cells[at].high)).collect();
    let end = |bin: usize| number_text(ends[bin], &check.data_type);
    let name = |bin: usize| match bin {
        0 => format!("up to {}", end(0)),
        bin if bin == last => format!("above {}", end(bin - 1)),
        bin => format!("above {} to {}", end(bin - 1), end(bin)),
    };
    let counts = Counts::of(a.iter().sum(), b.iter().sum());
    (0..a.len()).map(|bin| counts.group(name(bin), a[bin], b[bin])).collect()
}

/// What reports show of categories.
#[derive(Default)]
pub(super) struct Told {
    /// Those that differ most, with the shares of both sides.
    pub groups: Vec<GroupFigures>,
    /// Which values are new, and which have vanished.
    pub says: Vec<String>,
    /// How many of them there are.
    pub figures: Figures,
}

pub(super) fn categories(check: &DriftCheck, all: &[Category], sides: &Sides) -> Told {
    let counts = Counts::of(sides.n, sides.m);
    let mut named: Vec<(String, &Category)> = all.iter().filter_map(|c| Some((value_text(c.value.as_ref()?, check)?, c))).collect();
    named.sort_by(|(x, c), (y, d)| counts.apart(d).cmp(&counts.apart(c)).then(x.cmp(y)));
    let groups = named.iter().take(LISTED_MAX).map(|(name, c)| counts.group(name.clone(), c.a, c.b)).collect();
    let mut says = Vec::new();
    let grouped = all.iter().filter(|category| category.value.is_none()).count();
    if grouped > 0 {
        let how = match sides.kind {
            CellsKind::Texts => "groups of their hash",
            CellsKind::Numbers => "ranges",
        };
        says.push(format!("values are compared in {} {how}", count(all.len() as u64)));
    }
    says.extend(list("new", named.iter().filter(|(_, c)| c.b == 0).map(|(name, c)| (name, c.a)), unnamed(all, check, |c| c.b == 0)));
    says.extend(list("vanished", named.iter().filter(|(_, c)| c.a == 0).map(|(name, c)| (name, c.b)), unnamed(all, check, |c| c.a == 0)));
    let tally = |is: fn(&Category) -> bool| all.iter().filter(|c| is(c)).fold((0u64, 0u64), |(n, rows), c| (n + 1, rows + c.a + c.b));
    let (new, vanished) = (tally(|c| c.b == 0), tally(|c| c.a == 0));
    let figures = Figures::from([
        (&figures::NEW_VALUES, new.0.into()),
        (&figures::NEW_VALUE_ROWS, new.1.into()),
        (&figures::VANISHED_VALUES, vanished.0.into()),
        (&figures::VANISHED_VALUE_ROWS, vanished.1.into()),
    ]);
    Told { groups, says, figures }
}

/// Values without a name of which something holds.
fn unnamed(all: &[Category], check: &DriftCheck, is: fn(&Category) -> bool) -> u64 {
    all.iter().filter(|c| is(c) && c.value.as_ref().is_none_or(|value| value_text(value, check).is_none())).count() as u64
}

/// `new: x (3 rows), y (1 row) and 4 more`; none where there are none.
fn list<'a>(word: &str, values: impl Iterator<Item = (&'a String, u64)>, unnamed: u64) -> Option<String> {
    let mut values: Vec<(&String, u64)> = values.collect();
    values.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let more = values.len().saturating_sub(NAMED_MAX) as u64 + unnamed;
    let named: Vec<String> =
        values.iter().take(NAMED_MAX).map(|(name, rows)| format!("`{}` ({})", cut_short(name, VALUE_MAX), counted(*rows, "row"))).collect();
    match (named.is_empty(), more) {
        (true, 0) => None,
        (true, more) => Some(format!("{word}: {}", counted(more, "value"))),
        (false, 0) => Some(format!("{word}: {}", named.join(", "))),
        (false, more) => Some(format!("{word}: {} and {} more", named.join(", "), count(more))),
    }
}

/// How many values both sides have.
struct Counts {
    n: u64,
    m: u64,
}

impl Counts {
    fn of(n: u64, m: u64) -> Self {
        Self { n, m }
    }

    /// How far apart the shares of a category are, in whole numbers.
    fn apart(&self, category: &Category) -> u128 {
        (u128::from(category.a) * u128::from(self.m)).abs_diff(u128::from(category.b) * u128::from(self.n))
    }

    fn group(&self, name: String, a: u64, b: u64) -> GroupFigures {
        let share = |count: u64, all: u64| if all == 0 { 0.0 } else { count as f64 / all as f64 };
        let (p, q) = (share(a, self.n), share(b, self.m));
        let percent = |x: f64| format!("{}%", digits(x * 100.0, 3));
        let message = match (a, b) {
            (_, 0) if a > 0 => format!("new: {}", percent(p)),
            (0, _) if b > 0 => format!("vanished: {} before", percent(q)),
            _ => format!("{}, {} before", percent(p), percent(q)),
        };
        let figures = Figures::from([
            (&figures::COUNT, a.into()),
            (&figures::SHARE, p.into()),
            (&figures::REFERENCE, q.into()),
            (&figures::DIFFERENCE, (p - q).into()),
        ]);
        GroupFigures {
            group: vec![Some(cut_short(&name, VALUE_MAX).into_owned())],
            // What is judged is all of them together.
            outcome: Outcome::NotJudged,
            message: message.into(),
            figures,
        }
    }
}

/// A value as people write it; none where only its hash is known.
fn value_text(value: &Value, check: &DriftCheck) -> Option<String> {
    match value {
        Value::Number(x) => Some(number_text(*x, &check.data_type)),
        Value::Text(text) => Some(text.clone()),
        Value::Hash(_) => None,
    }
}

/// A number, date, time or boolean, of the column's type.
fn number_text(x: f64, data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => (x != 0.0).to_string(),
        _ if is_numeric(data_type) || !x.is_finite() => {
            if x.fract() == 0.0 && x.abs() < 1e15 {
                format!("{x}")
            } else {
                short(x)
            }
        }
        _ => bounds::shown(Number::Int { value: x as i128, scale: 0 }, data_type),
    }
}
