//! Bounds: `min`, `max`, `above`, `below`, the same four words in every rule that takes bounds.

use std::cmp::Ordering;
use std::fmt::Display;

use arrow::datatypes::DataType;

use super::Binder;
use super::bounds::{Bound, shown};
use super::earlier::{Earlier, End};
use super::words::{Decimal, Literal};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Outcome, Value};
use crate::metric::Number;
use crate::shown::{beside, count, percent_by};
use crate::text;
use crate::yaml::Spanned;

/// Bounds as a rule file gives them.
#[derive(Debug, Clone)]
pub(super) struct Given<'a, T = Literal> {
    pub min: Option<&'a Spanned<T>>,
    pub max: Option<&'a Spanned<T>>,
    pub above: Option<&'a Spanned<T>>,
    pub below: Option<&'a Spanned<T>>,
}

impl<'a, T: Display> Given<'a, T> {
    fn parts(&self) -> [(&'static str, Option<&'a Spanned<T>>, bool, bool); 4] {
        [
            ("min", self.min, true, true),
            ("max", self.max, true, false),
            ("above", self.above, false, true),
            ("below", self.below, false, false),
        ]
    }

    /// Reads the bounds that are given, each with `read`.
    ///
    /// # Errors
    /// There is none, one cannot be read, or nothing can pass: `has_room` denies that there is anything between a lower bound
    /// and an upper one.
    pub(super) fn read<B>(
        &self,
        to: &Binder<'_>,
        read: impl Fn(&Spanned<T>) -> Result<B, Fault>,
        has_room: impl Fn(&End<B>, &End<B>) -> bool,
    ) -> Result<Vec<End<B>>, Faults> {
        let mut faults = Faults::default();
        let mut ends = Vec::new();
        for (word, given, closed, lower) in self.parts() {
            let Some(given) = given else { continue };
            let bound = faults.take(read(given));
            ends.extend(bound.map(|bound| (word, given, End { bound, closed, lower })));
        }
        if self.parts().iter().all(|(_, given, ..)| given.is_none()) {
            faults.push(to.fault(Code::MissingWord, "no bound is given").hint("give `min`, `max`, `above` or `below`"));
        }
        let (lows, highs): (Vec<_>, Vec<_>) = ends.iter().partition(|(.., end)| end.lower);
        let mut pairs = lows.iter().flat_map(|low| highs.iter().map(move |high| (low, high)));
        if let Some(((low_word, low, _), (word, high, _))) = pairs.find(|((.., low), (.., high))| !has_room(low, high)) {
            let what = format!("nothing can pass: no value lies between `{low_word}: {}` and `{word}: {}`", low.value, high.value);
            faults.push(to.fault_at(high, Code::ConflictingWords, what));
        }
        faults.or_ok(ends.into_iter().map(|(.., end)| end).collect())
    }

    /// The bounds in words: "0 to 10", "above 0". `shown` writes one.
    pub(super) fn says(&self, shown: impl Fn(&T) -> String) -> String {
        let text = |given: Option<&Spanned<T>>| given.map(|given| shown(&given.value));
        match (text(self.min), text(self.max), text(self.above), text(self.below)) {
            (Some(min), Some(max), None, None) if min == max => format!("exactly {min}"),
            (Some(min), Some(max), None, None) => format!("{min} to {max}"),
            (min, max, above, below) => {
                let words = [("at least", min), ("above", above), ("at most", max), ("below", below)];
                words.into_iter().filter_map(|(word, b)| b.map(|b| format!("{word} {b}"))).collect::<Vec<_>>().join(" and ")
            }
        }
    }
}

/// Bounds that a measure is held against.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    ends: Vec<End<Number>>,
    warn: Option<Earlier<Number>>,
    /// The bounds in words: "0 to 10", "above 0".
    pub says: String,
}

impl Limits {
    /// Reads bounds as numbers, shares (`50%`) among them, or as values of `data_type` where one is given.
    ///
    /// # Errors
    /// There is none, one cannot be read, or no value lies within them.
    pub(super) fn read(given: &Given<'_>, data_type: Option<&DataType>, to: &Binder<'_>) -> Result<Self, Faults> {
        let read = reader(data_type, to);
        let has_room = |low: &End<Number>, high: &End<Number>| match compare(low.bound, high.bound) {
            Ordering::Less => true,
            Ordering::Equal => low.closed && high.closed,
            Ordering::Greater => false,
        };
        Ok(Self { ends: given.read(to, read, has_room)?, warn: None, says: given.says(|literal| literal.0.clone()) })
    }

    /// These, and the rule's `warn` beside them.
    ///
    /// # Errors
    /// It is no earlier limit than the one bound there is.
    pub(super) fn with_warn(self, data_type: Option<&DataType>, to: &Binder<'_>) -> Result<Self, Fault> {
        Ok(Self { warn: Earlier::beside(&self.ends, to, reader(data_type, to), compare)?, ..self })
    }

    /// What the measure should be, where it is not: behind "is 5, ".
    pub(super) fn should(&self, outcome: Outcome) -> String {
        match &self.warn {
            Some(warn) if outcome == Outcome::Warn => format!("a warning unless it is {}", warn.says),
            Some(_) | None => format!("expected {}", self.says),
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

    /// The measure, with digits enough to see on which side of each bound it lies.
    pub(super) fn shown(&self, measure: f64) -> String {
        let ends = self.ends.iter().chain(self.warn.iter().map(|warn| &warn.end));
        let bounds: Vec<f64> = ends.map(|end| end.bound.as_f64()).collect();
        beside(measure, &bounds)
    }

    /// The share `part` of `whole` as a percentage, with digits enough to see whether it keeps to the bounds.
    pub(super) fn shown_share(&self, part: u64, whole: u64) -> String {
        percent_by(part, whole, |part, whole| self.outcome_of_share(part, whole))
    }

    /// The outcome, given how the measure stands to a bound.
    fn outcome_by(&self, measure: impl Fn(Number) -> Ordering) -> Outcome {
        let holds = |end: &End<Number>| end.admits(measure(end.bound));
        match &self.warn {
            _ if !self.ends.iter().all(holds) => Outcome::Fail,
            Some(warn) if !holds(&warn.end) => Outcome::Warn,
            Some(_) | None => Outcome::Pass,
        }
    }
}

/// Bounds that a count is held against.
#[derive(Debug, Clone)]
pub(super) struct CountLimits {
    ends: Vec<End<u64>>,
    warn: Option<Earlier<u64>>,
    /// The bounds in words: "3 to 10", "above 2".
    pub says: String,
}

impl CountLimits {
    /// Reads bounds on a count.
    ///
    /// # Errors
    /// There is none, or no count lies within them.
    pub(super) fn read(given: &Given<'_, u64>, to: &Binder<'_>) -> Result<Self, Faults> {
        let first = |end: &End<u64>| end.bound.checked_add(u64::from(!end.closed));
        let last = |end: &End<u64>| end.bound.checked_sub(u64::from(!end.closed));
        let has_room = |low: &End<u64>, high: &End<u64>| first(low).zip(last(high)).is_some_and(|(low, high)| low <= high);
        let read = |bound: &Spanned<u64>| Ok(bound.value);
        let ends = given.read(to, read, has_room)?;
        if let Some(below) = given.below.filter(|below| below.value == 0) {
            return Err(to.fault_at(below, Code::ConflictingWords, "nothing can pass: no count is below 0").into());
        }
        Ok(Self { ends, warn: None, says: given.says(|&n| count(n)) })
    }

    /// These, and the rule's `warn` beside them.
    ///
    /// # Errors
    /// It is no earlier limit than the one bound there is.
    pub(super) fn with_warn(self, to: &Binder<'_>) -> Result<Self, Fault> {
        let read =
            |written: &Spanned<Literal>| super::earlier::count(&written.value).map_err(|why| to.fault_at(written, Code::InvalidValue, why));
        Ok(Self { warn: Earlier::beside(&self.ends, to, read, |a, b| a.cmp(&b))?, ..self })
    }

    /// What `warn` asks of a count that it warns of: "at least 100".
    pub(super) fn warns(&self, n: u64) -> Option<&str> {
        let warn = self.warn.as_ref().filter(|warn| !warn.end.admits(n.cmp(&warn.end.bound)))?;
        Some(&warn.says)
    }

    /// The bound that `n` breaks, in words: "fewer than 3".
    pub(super) fn breaks(&self, n: u64) -> Option<String> {
        self.broken(n).map(|end| {
            let word = match (end.lower, end.closed) {
                (true, true) => "fewer than",
                (true, false) => "not more than",
                (false, true) => "more than",
                (false, false) => "not fewer than",
            };
            format!("{word} {}", count(end.bound))
        })
    }

    /// The smallest and the largest count within the bounds.
    pub(super) fn span(&self) -> (u64, u64) {
        let firsts = self.ends.iter().filter(|end| end.lower).map(|end| end.bound + u64::from(!end.closed));
        let lasts = self.ends.iter().filter(|end| !end.lower).map(|end| end.bound - u64::from(!end.closed));
        (firsts.max().unwrap_or(0), lasts.min().unwrap_or(u64::MAX))
    }

    fn broken(&self, n: u64) -> Option<&End<u64>> {
        self.ends.iter().find(|end| !end.admits(n.cmp(&end.bound)))
    }
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

/// Reads a bound of a measure.
fn reader<'a>(data_type: Option<&'a DataType>, to: &'a Binder<'_>) -> impl Fn(&Spanned<Literal>) -> Result<Number, Fault> + 'a {
    move |literal| number(&literal.value, data_type).map_err(|why| to.fault_at(literal, Code::InvalidValue, why))
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
