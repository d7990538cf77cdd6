//! Bounds, and `warn`: an earlier limit in a rule's own unit.

use std::cmp::Ordering;

use schemars::{Schema, SchemaGenerator, json_schema};

use super::Binder;
use super::words::{Decimal, Duration, Literal, Margin, Tolerance};
use crate::diagnostic::{Code, Fault, Misread};
use crate::yaml::Spanned;

/// What `warn` is for a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierLimit {
    /// The rule has no limit that another one could come before.
    None,
    /// Beside `tolerate`: a share or a count of failing rows.
    Rows,
    /// Beside `tolerance`: a distance from a share.
    Margin,
    /// Beside `max_age`: a stretch of time.
    Age,
    /// Beside a bound: a value of the measure.
    Bound,
    /// Beside a bound: a count.
    Count,
}

impl EarlierLimit {
    /// What is wrong with `written`, as far as that can be known without the data.
    ///
    /// # Errors
    /// It is no limit of this kind.
    pub fn check(self, written: &Literal) -> Result<(), Misread> {
        match self {
            Self::Rows => written.0.parse::<Tolerance>().map(|_| ()),
            Self::Margin => written.0.parse::<Margin>().map(|_| ()),
            Self::Age => written.0.parse::<Duration>().map(|_| ()),
            Self::Count => count(written).map(|_| ()),
            // A bound is read as the type of its measure.
            Self::Bound | Self::None => Ok(()),
        }
    }

    /// What may be written, as a JSON Schema.
    pub fn schema(self, generator: &mut SchemaGenerator) -> Schema {
        match self {
            Self::Rows => generator.subschema_for::<Tolerance>(),
            Self::Margin => generator.subschema_for::<Margin>(),
            Self::Age => generator.subschema_for::<Duration>(),
            Self::Count => json_schema!({ "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": r"^\s*\d+(\.0*)?\s*$" },
            ]}),
            Self::Bound | Self::None => generator.subschema_for::<Literal>(),
        }
    }
}

/// `warn` beside the one limit of a rule, read as that limit is; none if there is no `warn`.
///
/// # Errors
/// It cannot be read, is no earlier limit, or the rule has not exactly one limit.
pub(super) fn beside_one<T>(limits: &[T], to: &Binder<'_>, is_earlier: impl Fn(T, T) -> bool) -> Result<Option<T>, Fault>
where
    T: Copy + std::str::FromStr<Err = Misread> + std::fmt::Display,
{
    let Some(written) = &to.warn else { return Ok(None) };
    let fault = |what: String| to.fault_at(written, Code::ConflictingWords, what);
    match *limits {
        [limit] => {
            let warn = to.own_warn()?.filter(|&warn| is_earlier(warn, limit));
            warn.map(Some).ok_or_else(|| fault(format!("`warn` is not an earlier limit than {limit}, so it would never warn")))
        }
        [] => Err(fault("`warn` is an earlier limit, and there is none that it could come before".to_owned())),
        [_, _, ..] => Err(fault("`warn` stands beside several limits, and nothing says which it is earlier than".to_owned())
            .hint("write a rule for each limit, with its `warn`")),
    }
}

/// A count of rows: `10`, `10.0`.
pub(super) fn count(written: &Literal) -> Result<u64, Misread> {
    let whole = Decimal::parse(&written.0).filter(|d| d.scale() == 0 && !written.0.contains('%'));
    let count = whole.and_then(|d| u64::try_from(d.digits()).ok());
    count.ok_or_else(|| Misread::new(format!("`{written}` is not a count")).hint("write a whole number, such as `100`"))
}

/// A count as a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub u64);

impl std::str::FromStr for Count {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        count(&Literal(text.to_owned())).map(Self)
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::shown::count(self.0))
    }
}

/// A bound that was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct End<B> {
    pub bound: B,
    /// Whether the bound itself is allowed.
    pub closed: bool,
    pub lower: bool,
}

impl<B> End<B> {
    /// Whether a measure that stands so to the bound is within it.
    pub(super) fn admits(&self, measure_to_bound: Ordering) -> bool {
        match measure_to_bound {
            Ordering::Equal => self.closed,
            Ordering::Greater => self.lower,
            Ordering::Less => !self.lower,
        }
    }
}

/// An earlier bound of the same kind as the one that is given, and in words.
#[derive(Debug, Clone)]
pub(super) struct Earlier<B> {
    pub end: End<B>,
    pub says: String,
}

impl<B: Copy> Earlier<B> {
    /// `warn` beside the bounds `ends`; none if there is no `warn`.
    ///
    /// # Errors
    /// It cannot be read, is no earlier limit, or nothing says which bound it is earlier than.
    pub(super) fn beside(
        ends: &[End<B>],
        to: &Binder<'_>,
        read: impl Fn(&Spanned<Literal>) -> Result<B, Fault>,
        compare: impl Fn(B, B) -> Ordering,
    ) -> Result<Option<Self>, Fault> {
        let Some(written) = &to.warn else { return Ok(None) };
        let [End { bound, closed, lower }] = *ends else {
            let what = "`warn` stands beside two bounds, and nothing says which it is earlier than";
            let fault = to.fault_at(written, Code::ConflictingWords, what);
            return Err(fault.hint("write two rules, each with one bound and its `warn`"));
        };
        let warn = read(written)?;
        if compare(warn, bound) != if lower { Ordering::Greater } else { Ordering::Less } {
            let what = "`warn` is not an earlier limit than the bound, so it would never warn";
            let side = if lower { "more than the bound" } else { "less than the bound" };
            return Err(to.fault_at(written, Code::ConflictingWords, what).hint(format!("write {side}")));
        }
        let word = match (lower, closed) {
            (true, true) => "at least",
            (true, false) => "above",
            (false, true) => "at most",
            (false, false) => "below",
        };
        Ok(Some(Self { end: End { bound: warn, closed, lower }, says: format!("{word} {}", written.value) }))
    }
}
