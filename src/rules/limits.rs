//! Bounds on one measure: `min`, `max`, `above`, `below`.

use std::cmp::Ordering;

use arrow::datatypes::DataType;

use super::Binder;
use super::bounds::{Bound, shown};
use super::words::{Decimal, Literal};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Outcome, Value};
use crate::metric::Number;
use crate::text;
use crate::yaml::Spanned;

/// A measure's bounds, as a rule file gives them.
#[derive(Debug, Clone, Default)]
pub(super) struct Given<'a> {
    pub min: Option<&'a Spanned<Literal>>,
    pub max: Option<&'a Spanned<Literal>>,
    pub above: Option<&'a Spanned<Literal>>,
    pub below: Option<&'a Spanned<Literal>>,
}

/// Bounds that a measure is held against.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    bounds: Vec<Held>,
    warn: Option<Earlier>,
    /// The bounds in words: "0 to 10", "above 0".
    pub says: String,
}

/// A bound, whether the measure may equal it, whether it is a lower one.
pub(super) type Held = (Number, bool, bool);

/// `warn`: a bound of the same kind as the one that is given, and in words.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    bound: Held,
    pub says: String,
}

impl Earlier {
    /// Whether `measure` is past it.
    pub(super) fn is_past(&self, measure: Number) -> bool {
        !holds(self.bound, compare(measure, self.bound.0))
    }
}

/// Whether a measure that stands so to a bound is within it.
fn holds((_, inclusive, lower): Held, measure_to_bound: Ordering) -> bool {
    match measure_to_bound {
        Ordering::Equal => inclusive,
        Ordering::Greater => lower,
        Ordering::Less => !lower,
    }
}

impl Limits {
    /// Reads bounds as numbers, shares (`50%`) among them, or as values of `data_type` where one is given.
    ///
    /// # Errors
    /// There is none, one cannot be read, or no value lies within them.
    pub(super) fn read(given: &Given<'_>, data_type: Option<&DataType>, to: &Binder<'_>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut bounds = Vec::new();
        let parts = [(given.min, true, true), (given.max, true, false), (given.above, false, true), (given.below, false, false)];
        for (literal, inclusive, lower) in parts {
            let Some(literal) = literal else { continue };
            let read = number(&literal.value, data_type).map_err(|why| to.fault_at(literal, Code::InvalidValue, why));
            bounds.extend(faults.take(read).map(|number| (number, inclusive, lower)));
        }
        if parts.iter().all(|(literal, ..)| literal.is_none()) {
            faults.push(to.fault(Code::MissingWord, "no bound is given").hint("give `min`, `max`, `above` or `below`"));
        }
        let has_room = |(low, closed, _): &(Number, bool, bool), (high, also_closed, _): &(Number, bool, bool)| {
            compare(*low, *high).is_lt() || (compare(*low, *high).is_eq() && *closed && *also_closed)
        };
        let (lows, highs): (Vec<_>, Vec<_>) = bounds.iter().partition(|(_, _, lower)| *lower);
        if lows.iter().any(|low| highs.iter().any(|high| !has_room(low, high))) {
            faults.push(to.fault(Code::ConflictingWords, "the bounds leave no room for any value"));
        }
        let text = |l: Option<&Spanned<Literal>>| l.map(|l| l.value.0.clone());
        let says = match (text(given.min), text(given.max), given.above, given.below) {
            (Some(min), Some(max), None, None) if min == max => format!("exactly {min}"),
            (Some(min), Some(max), None, None) => format!("{min} to {max}"),
            (min, max, above, below) => {
                let words = [("at least", min), ("at most", max), ("above", text(above)), ("below", text(below))];
                words.into_iter().filter_map(|(word, b)| b.map(|b| format!("{word} {b}"))).collect::<Vec<_>>().join(" and ")
            }
        };
        let warn = if faults.is_empty() { faults.take(earlier(&bounds, data_type, to)).flatten() } else { None };
        faults.or_ok(Self { bounds, warn, says })
    }

    /// What the measure should be, where it is not: behind "is 5, ".
    pub(super) fn should(&self, outcome: Outcome) -> String {
        match &self.warn {
            Some(warn) if outcome == Outcome::Warn => format!("and warns unless it is {}", warn.says),
            Some(_) | None => format!("and should be {}", self.says),
        }
    }

    /// How `measure` stands to the bounds.
    pub(super) fn outcome(&self, measure: Number) -> Outcome {
        self.outcome_by(|bound| compare(measure, bound))
    }

    /// How the share `part` of `whole`, which is more than 0, stands to the bounds: 7 of 125 is 5.6 %, whatever floats make of it.
    pub(super) fn outcome_of_share(&self, part: u64, whole: u64) -> Outcome {
        self.outcome_by(|bound| match exact(bound) {
            Some(bound) => bound.compare_share(part, whole),
            None => compare(Number::Float(part as f64 / whole as f64), bound),
        })
    }

    /// The outcome, given how the measure stands to a bound.
    fn outcome_by(&self, measure: impl Fn(Number) -> Ordering) -> Outcome {
        let is_within = |held: &Held| holds(*held, measure(held.0));
        match &self.warn {
            _ if !self.bounds.iter().all(is_within) => Outcome::Fail,
            Some(warn) if !is_within(&warn.bound) => Outcome::Warn,
            Some(_) | None => Outcome::Pass,
        }
    }
}

/// `warn` as a bound of the kind of the one that is given.
///
/// # Errors
/// It cannot be read, is no earlier limit, or nothing says which bound it is earlier than.
pub(super) fn earlier(bounds: &[Held], data_type: Option<&DataType>, to: &Binder<'_>) -> Result<Option<Earlier>, Fault> {
    let Some(written) = &to.warn else { return Ok(None) };
    let [(bound, inclusive, lower)] = *bounds else {
        let fault =
            to.fault_at(written, Code::ConflictingWords, "`warn` stands beside two bounds, and nothing says which it is earlier than");
        return Err(fault.hint("write two rules, each with a bound and its `warn`"));
    };
    let warn = number(&written.value, data_type).map_err(|why| to.fault_at(written, Code::InvalidValue, why))?;
    let word = match (lower, inclusive) {
        (true, true) => "at least",
        (true, false) => "above",
        (false, true) => "at most",
        (false, false) => "below",
    };
    if compare(warn, bound) != if lower { Ordering::Greater } else { Ordering::Less } {
        let side = if lower { "greater" } else { "less" };
        let fault = to.fault_at(written, Code::ConflictingWords, "`warn` is not an earlier limit than the bound, so it would never warn");
        return Err(fault.hint(format!("write what is {side}")));
    }
    Ok(Some(Earlier { bound: (warn, inclusive, lower), says: format!("{word} {}", written.value) }))
}

/// A bound as a decimal, where it is one.
fn exact(bound: Number) -> Option<Decimal> {
    match bound {
        Number::Int { value, scale } => Decimal::new(value, scale.into()),
        Number::Float(_) => None,
    }
}

/// Numbers of different scales compare by value.
fn compare(a: Number, b: Number) -> Ordering {
    match (a, b) {
        (Number::Int { value: x, scale: s }, Number::Int { value: y, scale: t }) if (0..=30).contains(&s) && (0..=30).contains(&t) => {
            let lift = |v: i128, by: i8| 10i128.checked_pow(by.unsigned_abs().into()).and_then(|f| v.checked_mul(f));
            let common = s.max(t);
            match (lift(x, common - s), lift(y, common - t)) {
                (Some(x), Some(y)) => x.cmp(&y),
                _ => a.as_f64().total_cmp(&b.as_f64()),
            }
        }
        // −0 is 0.
        _ => (a.as_f64() + 0.0).total_cmp(&(b.as_f64() + 0.0)),
    }
}

fn number(literal: &Literal, data_type: Option<&DataType>) -> Result<Number, String> {
    let written = literal.0.trim();
    if let Some(data_type) = data_type {
        return Ok(match Bound::read(literal, data_type)? {
            Bound::Exact { value, scale } => Number::Int { value, scale: scale as i8 },
            Bound::Float(x) => Number::Float(x),
            Bound::Text(_) => return Err("text has no measure".into()),
        });
    }
    if let Some(decimal) = Decimal::parse(written) {
        return Ok(Number::Int { value: decimal.digits(), scale: decimal.scale() as i8 });
    }
    // Infinities, and numbers of more digits than decimals have here.
    let share = written.strip_suffix('%').map(str::trim_end);
    let x = text::float(share.unwrap_or(written)).filter(|x| !x.is_nan()).ok_or_else(|| format!("`{written}` is not a number"))?;
    Ok(Number::Float(if share.is_some() { x / 100.0 } else { x }))
}

/// A measure as reports write it: dates and decimals as text, all else as a number.
pub(super) fn measure_json(measure: Number, data_type: Option<&DataType>) -> Value {
    match (measure, data_type) {
        (Number::Float(x), _) => x.into(),
        (Number::Int { value, scale: 0 }, None) => i64::try_from(value).map_or_else(|_| value.to_string().into(), Into::into),
        (Number::Int { value, scale: 0 }, Some(t)) if t.is_integer() => {
            i64::try_from(value).map_or_else(|_| value.to_string().into(), Into::into)
        }
        (number, Some(data_type)) => shown(number, data_type).into(),
        (number, None) => number.to_string().into(),
    }
}
