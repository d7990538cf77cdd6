//! Ratios of integers: what sums and counts come to, exact until it is rounded once.

use num_bigint::{BigInt, BigUint, Sign};

use super::number::Number;

/// A ratio of integers, kept exact until it is read as a float.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fraction {
    numerator: BigInt,
    /// Positive.
    denominator: BigInt,
}

impl Fraction {
    pub fn new(numerator: BigInt, denominator: BigInt) -> Self {
        Self { numerator, denominator }
    }

    /// The fraction that a finite float is.
    pub fn of_float(x: f64) -> Self {
        let (mantissa, exponent) = decompose(x);
        let power = BigInt::from(1u8) << exponent.unsigned_abs();
        if exponent < 0 { Self::new(mantissa.into(), power) } else { Self::new(power * mantissa, BigInt::from(1u8)) }
    }

    /// The fraction that a finite number is.
    pub fn of_number(number: Number) -> Self {
        match number {
            Number::Float(x) => Self::of_float(x),
            Number::Int { value, scale } => {
                let power = BigInt::from(10u8).pow(u32::from(scale.unsigned_abs()));
                if scale < 0 { Self::new(power * value, BigInt::from(1u8)) } else { Self::new(value.into(), power) }
            }
        }
    }

    /// The point between `self` and `high` that lies `part` of `whole` of the way from the one to the other.
    pub fn towards(&self, high: &Fraction, (part, whole): (u128, u128)) -> Fraction {
        let low_share = &self.numerator * &high.denominator * (whole - part);
        let high_share = &high.numerator * &self.denominator * part;
        Fraction::new(low_share + high_share, &self.denominator * &high.denominator * whole)
    }

    /// The fraction in units of 2^-`places`, rounded down.
    pub(super) fn in_units(&self, places: u32) -> BigInt {
        let scaled = &self.numerator << places;
        let quotient = &scaled / &self.denominator;
        if scaled.sign() == Sign::Minus && &quotient * &self.denominator != scaled { quotient - 1u8 } else { quotient }
    }

    pub fn is_below(&self, other: &Fraction) -> bool {
        &self.numerator * &other.denominator < &other.numerator * &self.denominator
    }

    /// The nearest float to the root of a fraction that is not negative. A fraction that no float can hold may have a root that one can.
    pub fn root(&self) -> f64 {
        if self.numerator.sign() != Sign::Plus {
            return 0.0;
        }
        // A root of 65 or 66 bits, its last bit sticky, rounds to a float in one step.
        let gap = self.denominator.bits() as i64 - self.numerator.bits() as i64 + 130;
        let shift = gap + gap.rem_euclid(2);
        let (square, is_exact) = self.scaled(shift);
        let root = square.sqrt();
        let sticky = !is_exact || &root * &root != square;
        let bits = u128::try_from(&root).unwrap_or(u128::MAX) | u128::from(sticky);
        scale_by_power_of_two(bits, -shift / 2)
    }

    /// The magnitude times 2^`shift`, without what is behind the point; and whether nothing is.
    fn scaled(&self, shift: i64) -> (BigUint, bool) {
        let (numerator, denominator) = (self.numerator.magnitude(), self.denominator.magnitude());
        let (scaled, divisor) = match shift >= 0 {
            true => (numerator << shift as u64, denominator.clone()),
            false => (numerator.clone(), denominator << (-shift) as u64),
        };
        let quotient = &scaled / &divisor;
        let is_exact = &quotient * &divisor == scaled;
        (quotient, is_exact)
    }

    /// The nearest float, ties to even.
    pub fn as_f64(&self) -> f64 {
        if self.numerator.sign() == Sign::NoSign {
            return 0.0;
        }
        // A quotient of 64 or 65 bits, its last bit sticky, rounds to a float in one step.
        let shift = self.denominator.bits() as i64 - self.numerator.bits() as i64 + 64;
        let (quotient, is_exact) = self.scaled(shift);
        let bits = u128::try_from(&quotient).unwrap_or(u128::MAX) | u128::from(!is_exact);
        let magnitude = scale_by_power_of_two(bits, -shift);
        if self.numerator.sign() == Sign::Minus { -magnitude } else { magnitude }
    }

    /// (n·Σx² − (Σx)²) / (n·(n−1)): the sample variance, from exact sums.
    pub fn sample_variance(count: u64, sum: &Fraction, squares: &Fraction) -> Fraction {
        let n = BigInt::from(count);
        // Over the common denominator q·p² with Σx = a/p and Σx² = b/q.
        let (a, p) = (&sum.numerator, &sum.denominator);
        let (b, q) = (&squares.numerator, &squares.denominator);
        let numerator = &n * b * p * p - a * a * q;
        Fraction::new(numerator, q * p * p * &n * (&n - 1u8))
    }

    /// n·Σxy − Σx·Σy: n² times the covariance, from exact sums.
    pub fn covariance(count: u64, x: &Fraction, y: &Fraction, xy: &Fraction) -> Fraction {
        let n = BigInt::from(count);
        let numerator = &n * &xy.numerator * &x.denominator * &y.denominator - &x.numerator * &y.numerator * &xy.denominator;
        Fraction::new(numerator, &xy.denominator * &x.denominator * &y.denominator)
    }

    /// `self / √(a·b)`, which lies between −1 and 1; none where `a` or `b` is 0.
    pub fn over_roots(&self, a: &Fraction, b: &Fraction) -> Option<f64> {
        if a.numerator.sign() == Sign::NoSign || b.numerator.sign() == Sign::NoSign {
            return None;
        }
        let square = Fraction::new(
            &self.numerator * &self.numerator * &a.denominator * &b.denominator,
            &self.denominator * &self.denominator * &a.numerator * &b.numerator,
        );
        let root = square.root().min(1.0);
        Some(if self.numerator.sign() == Sign::Minus { -root } else { root })
    }

    pub fn divided_by(&self, n: u64) -> Fraction {
        Fraction::new(self.numerator.clone(), &self.denominator * n)
    }
}

/// Mantissa (with sign) and exponent of a finite float.
pub(super) fn decompose(x: f64) -> (i64, i32) {
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    (if bits >> 63 == 1 { -mantissa } else { mantissa }, exponent)
}

/// `bits · 2^exponent`, rounded once also where the result is subnormal.
fn scale_by_power_of_two(bits: u128, exponent: i64) -> f64 {
    let top = 128 - i64::from(bits.leading_zeros());
    let lowest = (top + exponent - 53).max(-1074);
    let drop = lowest - exponent;
    let kept = match drop {
        d if d <= 0 => bits,
        d if d > 127 => 0,
        d => {
            let (kept, rest, half) = (bits >> d, bits & ((1 << d) - 1), 1u128 << (d - 1));
            kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
        }
    };
    let unit = exponent.max(lowest);
    if unit > 1023 {
        return if kept == 0 { 0.0 } else { f64::INFINITY };
    }
    // Two factors, since a power of two may lie below the normal range.
    let half = unit / 2;
    kept as f64 * 2f64.powi(half as i32) * 2f64.powi((unit - half) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ratio(numerator: i64, denominator: i64) -> Fraction {
        Fraction::new(numerator.into(), denominator.into())
    }

    #[test]
    fn a_root_is_rounded_once_even_where_no_float_holds_its_square() {
        assert_eq!(ratio(2, 1).root(), std::f64::consts::SQRT_2);
        assert_eq!(ratio(9, 16).root(), 0.75);
        assert_eq!(ratio(0, 1).root(), 0.0);
        let tiny = Fraction::new(1.into(), BigInt::from(10).pow(400));
        assert_eq!((tiny.as_f64(), tiny.root()), (0.0, 1e-200));
        let huge = Fraction::new(BigInt::from(10).pow(400), 1.into());
        assert_eq!((huge.as_f64(), huge.root()), (f64::INFINITY, 1e200));
    }

    #[test]
    fn what_lies_between_does_not_overflow() {
        let (low, high) = (Fraction::of_float(-1.7e308), Fraction::of_float(1.7e308));
        assert_eq!(low.towards(&high, (1, 2)).as_f64(), 0.0);
        assert_eq!(low.towards(&high, (0, 1)).as_f64(), -1.7e308);
        // 1.7e308·0.8, by Python: float(Fraction(1.7e308) * 4 / 5)
        assert_eq!(low.towards(&high, (9, 10)).as_f64(), 1.36e308);
        let cents = |value| Fraction::of_number(Number::Int { value, scale: 2 });
        assert_eq!(cents(10).towards(&cents(20), (1, 2)).as_f64(), 0.15);
    }

    proptest! {
        #[test]
        fn a_float_is_the_fraction_that_it_is(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            prop_assert_eq!(Fraction::of_float(x).as_f64(), if x == 0.0 { 0.0 } else { x });
        }

        #[test]
        fn a_root_is_that_of_the_hardware(x in 0f64..f64::MAX) {
            // Hardware rounds roots once too (IEEE 754).
            prop_assert_eq!(Fraction::of_float(x).root(), x.sqrt());
        }
    }
}
