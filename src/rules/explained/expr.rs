//! Arithmetic that is written and computed at once, so that what is shown is what was computed.

use std::fmt::Display;
use std::ops::{Add, Div, Mul, Sub};

use crate::findings::{Figure, Value};

/// How tightly the outermost operation of an expression binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binds {
    Sum,
    Product,
    Whole,
}

/// An expression of numbers, as Python writes it, and what it comes to.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Expr {
    text: String,
    pub value: f64,
    binds: Binds,
}

impl Expr {
    fn whole(text: String, value: f64) -> Self {
        let binds = if text.starts_with('-') { Binds::Sum } else { Binds::Whole };
        Self { text, value, binds }
    }

    /// The number that a value is.
    pub(in crate::rules) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(n) => Some(Self::whole(n.to_string(), *n as f64)),
            Value::Float(x) if x.is_finite() => Some((*x).into()),
            Value::Float(_) | Value::Text(_) | Value::Nothing => None,
        }
    }

    /// The number that a figure is.
    pub(in crate::rules) fn of_figure(figure: &Figure) -> Option<Self> {
        Self::of(&figure.value)
    }

    pub(in crate::rules) fn text(&self) -> &str {
        &self.text
    }

    /// The text within an operation that binds as tightly as `by`.
    fn within(&self, by: Binds) -> String {
        if self.binds < by { format!("({})", self.text) } else { self.text.clone() }
    }

    fn call(name: &str, arguments: &[&Self], value: f64) -> Self {
        let arguments: Vec<&str> = arguments.iter().map(|argument| argument.text.as_str()).collect();
        Self::whole(format!("{name}({})", arguments.join(", ")), value)
    }

    pub(in crate::rules) fn abs(self) -> Self {
        Self::call("abs", &[&self], self.value.abs())
    }

    pub(in crate::rules) fn sqrt(self) -> Self {
        Self::call("sqrt", &[&self], self.value.sqrt())
    }

    pub(in crate::rules) fn exp(self) -> Self {
        Self::call("exp", &[&self], self.value.exp())
    }

    pub(in crate::rules) fn ln(self) -> Self {
        Self::call("log", &[&self], self.value.ln())
    }

    pub(in crate::rules) fn log2(self) -> Self {
        Self::call("log2", &[&self], self.value.log2())
    }

    pub(in crate::rules) fn squared(self) -> Self {
        let text = format!("{}**2", self.within(Binds::Whole));
        Self { text, value: self.value * self.value, binds: Binds::Product }
    }

    pub(in crate::rules) fn raised_to(self, power: Self) -> Self {
        let text = format!("{}**{}", self.within(Binds::Whole), power.within(Binds::Whole));
        Self { text, value: self.value.powf(power.value), binds: Binds::Product }
    }

    pub(in crate::rules) fn max(self, other: Self) -> Self {
        Self::call("max", &[&self, &other], self.value.max(other.value))
    }

    /// Rounded to a whole number, halves to the even one, as Python rounds.
    pub(in crate::rules) fn rounded(self) -> Self {
        Self::call("round", &[&self], self.value.round_ties_even())
    }

    /// The least of several.
    pub(in crate::rules) fn least(of: &[Self]) -> Self {
        Self::call("min", &of.iter().collect::<Vec<_>>(), of.iter().map(|one| one.value).fold(f64::INFINITY, f64::min))
    }

    /// The largest of several.
    pub(in crate::rules) fn largest(of: &[Self]) -> Self {
        Self::call("max", &of.iter().collect::<Vec<_>>(), of.iter().map(|one| one.value).fold(f64::NEG_INFINITY, f64::max))
    }

    /// A function of scipy.stats, whose value is known.
    pub(in crate::rules) fn scipy(name: &str, arguments: &[&Self], value: f64) -> Self {
        Self::call(name, arguments, value)
    }

    /// All together; 0 where there are none.
    pub(in crate::rules) fn sum(of: impl IntoIterator<Item = Self>) -> Self {
        of.into_iter().reduce(Add::add).unwrap_or_else(|| 0.0.into())
    }
}

impl From<f64> for Expr {
    fn from(x: f64) -> Self {
        Self::whole(number(x), x)
    }
}

impl From<u64> for Expr {
    fn from(n: u64) -> Self {
        Self::whole(n.to_string(), n as f64)
    }
}

macro_rules! operators {
    ($($operator:ident $method:ident $sign:literal $binds:ident $right:ident;)*) => {$(
        impl $operator for Expr {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                let text = format!(concat!("{} ", $sign, " {}"), self.within(Binds::$binds), other.within(Binds::$right));
                Self { text, value: self.value.$method(other.value), binds: Binds::$binds }
            }
        }
    )*};
}
operators! {
    Add add "+" Sum Product;
    Sub sub "-" Sum Product;
    Mul mul "*" Product Whole;
    Div div "/" Product Whole;
}

/// A number with all of its digits: it is read back as the same.
pub(super) fn number(x: f64) -> String {
    match x.abs() {
        _ if x == 0.0 => "0".to_owned(),
        size if x.fract() == 0.0 && size < 1e15 => format!("{x:.0}"),
        size if !(1e-4..1e15).contains(&size) => format!("{x:e}"),
        _ => x.to_string(),
    }
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Is {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Is {
    fn sign(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }

    fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Above => a > b,
            Self::AtLeast => a >= b,
            Self::Below => a < b,
            Self::AtMost => a <= b,
        }
    }
}

/// Comparisons, of which one must hold, or all.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Test {
    pub(super) text: String,
    pub(super) holds: bool,
}

impl Test {
    pub(in crate::rules) fn of(a: impl Into<Expr>, is: Is, b: impl Into<Expr>) -> Self {
        let (a, b) = (a.into(), b.into());
        Self { text: format!("{} {} {}", a.text, is.sign(), b.text), holds: is.holds(&a.value, &b.value) }
    }

    /// Of dates, times and other texts, which stand in the order of their characters.
    pub(super) fn of_texts(a: &str, is: Is, b: &str) -> Self {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        Self { text: format!("{} {} {}", quoted(a), is.sign(), quoted(b)), holds: is.holds(&a, &b) }
    }

    pub(in crate::rules) fn or(self, other: Self) -> Self {
        Self { text: format!("{} or {}", self.text, other.text), holds: self.holds || other.holds }
    }

    pub(in crate::rules) fn and(self, other: Self) -> Self {
        Self { text: format!("{} and {}", self.text, other.text), holds: self.holds && other.holds }
    }
}

/// A value as an explanation writes it.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Nothing => "none".to_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Float(x) => number(*x),
        Value::Text(text) => text.clone(),
    }
}

/// A name in words: `rows_in_scope` is `rows in scope`.
pub(super) fn words(name: impl Display) -> String {
    name.to_string().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_computed() {
        let e = |x: f64| Expr::from(x);
        for (made, text, value) in [
            ((e(1.0) + e(2.0)) * e(3.0), "(1 + 2) * 3", 9.0),
            (e(1.0) - (e(2.0) - e(3.0)), "1 - (2 - 3)", 2.0),
            (e(8.0) / (e(2.0) * e(2.0)), "8 / (2 * 2)", 2.0),
            (e(1.5) - e(-2.0), "1.5 - (-2)", 3.5),
            ((e(2.0) - e(4.0)).squared() / e(0.5), "(2 - 4)**2 / 0.5", 8.0),
            (e(1e-9).max(e(2e-5)), "max(1e-9, 2e-5)", 2e-5),
            (e(-2.0) * e(3.0), "(-2) * 3", -6.0),
        ] {
            assert_eq!((made.text(), made.value), (text, value));
        }
    }
}
