//! Fences as ratios of integers: what lies outside is decided by the definition, and nothing is rounded.

use arrow::datatypes::DataType;
use num_bigint::{BigInt, Sign};

use crate::metric::exact_sum::{float_at_most, whole};
use crate::metric::fraction::Fraction;
use crate::metric::number::Number;
use crate::metric::select::Inside;

/// What a column's values are whole numbers of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// 2^-1074, the smallest float: of floats and logarithms.
    Float,
    /// 10^-scale: of integers and decimals.
    Decimal(i8),
}

impl Unit {
    pub(super) fn of(data_type: &DataType, log: bool) -> Self {
        match data_type {
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) if !log => Self::Decimal(*scale),
            whole if whole.is_integer() && !log => Self::Decimal(0),
            _ => Self::Float,
        }
    }

    /// So many units are `numerator / denominator`, as a float.
    pub(super) fn shown(self, numerator: &BigInt, denominator: &BigInt) -> f64 {
        match self {
            Self::Float => Fraction::new(numerator.clone(), denominator << 1074usize),
            Self::Decimal(scale) if scale < 0 => Fraction::new(numerator * power_of_ten(scale), denominator.clone()),
            Self::Decimal(scale) => Fraction::new(numerator.clone(), denominator * power_of_ten(scale)),
        }
        .as_f64()
    }

    /// Nothing finite lies outside.
    pub(super) fn everything(self) -> Inside {
        match self {
            Self::Float => Inside::Floats { low: f64::MIN, high: f64::MAX },
            Self::Decimal(_) => Inside::Integers { low: i128::MIN, high: i128::MAX },
        }
    }
}

fn power_of_ten(scale: i8) -> BigInt {
    BigInt::from(10u8).pow(u32::from(scale.unsigned_abs()))
}

/// A finite number of a column in its unit.
pub(super) fn whole_of(number: Number) -> BigInt {
    match number {
        Number::Int { value, .. } => BigInt::from(value),
        Number::Float(x) => whole(x),
    }
}

/// A limit as it was written: the shortest decimal that reads as this float.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    numerator: BigInt,
    denominator: BigInt,
}

impl Limit {
    /// Of a finite float above 0.
    pub(super) fn new(x: f64) -> Self {
        let text = x.to_string();
        let (integer, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let numerator = format!("{integer}{fraction}").parse().unwrap_or_default();
        Self { numerator, denominator: BigInt::from(10u8).pow(fraction.len() as u32) }
    }

    pub(super) fn as_f64(&self) -> f64 {
        Fraction::new(self.numerator.clone(), self.denominator.clone()).as_f64()
    }

    /// Whether its square is less than `numerator / denominator`.
    pub(super) fn has_square_below(&self, numerator: u128, denominator: u64) -> bool {
        &self.numerator * &self.numerator * denominator < &self.denominator * &self.denominator * numerator
    }

    /// Whether it is less than `numerator / denominator`.
    pub(super) fn is_below(&self, numerator: u64, denominator: u64) -> bool {
        &self.numerator * denominator < &self.denominator * numerator
    }
}

/// The fences `low / per` and `high / per`, in a column's unit; a value on a fence lies inside.
#[derive(Debug, Clone)]
pub(super) struct Between {
    low: BigInt,
    high: BigInt,
    per: BigInt,
}

impl Between {
    fn around(centre: BigInt, reach: BigInt, per: BigInt) -> Self {
        Self { low: &centre - &reach, high: centre + reach, per }
    }

    /// Tukey: x < Q1 − k·IQR or x > Q3 + k·IQR, of quartiles in eighths of the unit.
    pub(super) fn tukey(k: &Limit, q1: &BigInt, q3: &BigInt) -> Self {
        let reach = &k.numerator * (q3 - q1);
        Self { low: q1 * &k.denominator - &reach, high: q3 * &k.denominator + reach, per: &k.denominator * 8 }
    }

    /// Iglewicz and Hoaglin: 0.6745·|x − median| / MAD > t, of a median in eighths and a MAD in quarters of the unit.
    pub(super) fn modified_z(t: &Limit, median: &BigInt, mad: &BigInt) -> Self {
        Self::around(median * 6745 * &t.denominator, &t.numerator * mad * 2 * 10_000, &t.denominator * 8 * 6745)
    }

    /// |x − median| / (1.253314·s/n) > t, of a median in eighths of the unit and the sum s of n absolute deviations.
    pub(super) fn mean_deviation(t: &Limit, median: &BigInt, sum: &BigInt, count: u64) -> Self {
        let million = BigInt::from(count) * 1_000_000 * &t.denominator;
        Self::around(median * &million, &t.numerator * 1_253_314 * sum * 8, million * 8)
    }

    /// |x − mean| / s > t, of Σx and Σx² of n values. Times n and squared, that is (n·x − Σx)² > t²·n·(n·Σx² − (Σx)²)/(n − 1);
    /// the left side is the square of an integer, so the root of the right side may be cut off.
    pub(super) fn zscore(t: &Limit, count: u64, sum: &BigInt, squares: &BigInt) -> Self {
        let n = BigInt::from(count);
        let spread = &n * squares - sum * sum;
        let right =
            &t.numerator * &t.numerator * &n * spread / (&t.denominator * &t.denominator * BigInt::from(count.saturating_sub(1).max(1)));
        Self::around(sum.clone(), right.sqrt(), n)
    }

    /// `below` and `above` the median, in what the column holds and not in its unit; the median is in eighths of the unit.
    pub(super) fn reaching(unit: Unit, median: &BigInt, below: f64, above: f64) -> Self {
        let scaled = |reach: f64| match unit {
            Unit::Float => whole(reach) << 1077usize,
            Unit::Decimal(scale) if scale < 0 => (whole(reach) << 3usize) / power_of_ten(scale),
            Unit::Decimal(scale) => (whole(reach) << 3usize) * power_of_ten(scale),
        };
        let median = median << 1074usize;
        Self { low: &median - scaled(below), high: median + scaled(above), per: BigInt::from(8u8) << 1074usize }
    }

    /// The fences as floats.
    pub(super) fn shown(&self, unit: Unit) -> (f64, f64) {
        (unit.shown(&self.low, &self.per), unit.shown(&self.high, &self.per))
    }

    /// The smallest and the largest value of the column inside.
    pub(super) fn inside(&self, unit: Unit) -> Inside {
        let low = -floor(&-&self.low, &self.per);
        let high = floor(&self.high, &self.per);
        match unit {
            Unit::Float => Inside::Floats { low: -float_at_most(&-low), high: float_at_most(&high) },
            Unit::Decimal(_) => Inside::Integers { low: narrow(&low), high: narrow(&high) },
        }
    }
}

/// `numerator / denominator` rounded down; the denominator is positive.
fn floor(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let quotient = numerator / denominator;
    if (numerator % denominator).sign() == Sign::Minus { quotient - 1 } else { quotient }
}

fn narrow(x: &BigInt) -> i128 {
    i128::try_from(x).unwrap_or(if x.sign() == Sign::Minus { i128::MIN } else { i128::MAX })
}

/// All that lies inside one or the other.
pub(super) fn either(a: Inside, b: Inside) -> Inside {
    match (a, b) {
        (Inside::Integers { low: a, high: c }, Inside::Integers { low: b, high: d }) => Inside::Integers { low: a.min(b), high: c.max(d) },
        (Inside::Floats { low: a, high: c }, Inside::Floats { low: b, high: d }) => Inside::Floats { low: a.min(b), high: c.max(d) },
        (Inside::Integers { .. }, Inside::Floats { .. }) | (Inside::Floats { .. }, Inside::Integers { .. }) => a,
    }
}
