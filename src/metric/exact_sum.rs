//! Sums of floats and of their squares without rounding: a superaccumulator.
//!
//! A finite float is `m · 2^e` with `|m| < 2^53`. Terms are added to bins by exponent, 32 exponents
//! a bin, in 128-bit integers: 85 bits for a term leave room for 2^42 of them. The sum is exact, so
//! it depends on no order; it is rounded once, when read.
//!
//! After R. Neal, "Fast exact summation using small and large superaccumulators" (2015).

use num_bigint::{BigInt, Sign};
use serde::{Deserialize, Serialize};

use super::fraction::{Fraction, decompose};

const BIN_EXPONENTS: i32 = 32;
/// Exponent of the smallest subnormal, squared.
const EXPONENT_MIN: i32 = -2148;
/// Exponent of the smallest subnormal.
const EXPONENT_UNIT: i32 = -1074;
/// From 2^-2148 to 2^1942 plus the 53 bits that a split square reaches further.
const BINS: usize = 131;

/// An exact sum of terms `m · 2^e`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "Option<Vec<(u8, i128)>>", try_from = "Option<Vec<(u8, i128)>>")]
pub struct ExactSum {
    bins: Option<Box<[i128; BINS]>>,
}

impl ExactSum {
    /// Adds `x`, which must be finite.
    pub fn add(&mut self, x: f64) {
        let (mantissa, exponent) = decompose(x);
        self.add_term(mantissa, exponent);
    }

    /// Adds `x²`, which need not be representable; `x` must be finite.
    pub fn add_square(&mut self, x: f64) {
        self.add_product(x, x);
    }

    /// Adds `x·y`, which need not be representable; both must be finite.
    pub fn add_product(&mut self, x: f64, y: f64) {
        let ((a, e), (b, f)) = (decompose(x), decompose(y));
        let product = i128::from(a) * i128::from(b);
        // Of a negative product the low part is still counted upwards from the high one.
        let low = (product & ((1 << 53) - 1)) as i64;
        let high = (product >> 53) as i64;
        self.add_term(low, e + f);
        self.add_term(high, e + f + 53);
    }

    /// Adds `x` so many times: into the same bins as if it were added one by one. `count` is below 2^40.
    pub fn add_times(&mut self, x: f64, count: u64) {
        let (mantissa, exponent) = decompose(x);
        self.add_term_times(mantissa, exponent, count);
    }

    /// Adds `x²` so many times.
    pub fn add_square_times(&mut self, x: f64, count: u64) {
        let (mantissa, exponent) = decompose(x);
        let square = i128::from(mantissa) * i128::from(mantissa);
        self.add_term_times((square & ((1 << 53) - 1)) as i64, 2 * exponent, count);
        self.add_term_times((square >> 53) as i64, 2 * exponent + 53, count);
    }

    fn add_term_times(&mut self, mantissa: i64, exponent: i32, count: u64) {
        let offset = exponent - EXPONENT_MIN;
        let bins = self.bins.get_or_insert_with(|| Box::new([0; BINS]));
        bins[(offset / BIN_EXPONENTS) as usize] += (i128::from(mantissa) << (offset % BIN_EXPONENTS)) * i128::from(count);
    }

    fn add_term(&mut self, mantissa: i64, exponent: i32) {
        let offset = exponent - EXPONENT_MIN;
        let bins = self.bins.get_or_insert_with(|| Box::new([0; BINS]));
        bins[(offset / BIN_EXPONENTS) as usize] += i128::from(mantissa) << (offset % BIN_EXPONENTS);
    }

    pub fn merge(&mut self, other: &Self) {
        let Some(theirs) = &other.bins else { return };
        let ours = self.bins.get_or_insert_with(|| Box::new([0; BINS]));
        for (a, b) in ours.iter_mut().zip(theirs.iter()) {
            *a += b;
        }
    }

    /// The sum as an integer times 2^[`EXPONENT_MIN`].
    fn total(&self) -> BigInt {
        let mut total = BigInt::ZERO;
        for &bin in self.bins.iter().flat_map(|b| b.iter().rev()) {
            total <<= BIN_EXPONENTS as usize;
            total += bin;
        }
        total
    }

    /// The sum in units of 2^-1074, the smallest float, if its terms are floats and not their products.
    pub fn whole(&self) -> BigInt {
        self.total() >> (EXPONENT_UNIT - EXPONENT_MIN) as usize
    }

    /// The sum in units of 2^-2148, the square of the smallest float.
    pub fn whole_of_squares(&self) -> BigInt {
        self.total()
    }

    /// The sum, as a fraction.
    pub fn fraction(&self) -> Fraction {
        Fraction::new(self.total(), BigInt::from(1u8) << (-EXPONENT_MIN) as usize)
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.bins.is_none()
    }

    /// Memory held beside the value itself.
    pub fn bytes(&self) -> usize {
        self.bins.as_ref().map_or(0, |b| size_of_val(b.as_ref()))
    }
}

impl From<ExactSum> for Option<Vec<(u8, i128)>> {
    /// The bins that are not zero.
    fn from(sum: ExactSum) -> Self {
        let bins = sum.bins?;
        Some((0u8..).zip(*bins).filter(|(_, bin)| *bin != 0).collect())
    }
}

impl TryFrom<Option<Vec<(u8, i128)>>> for ExactSum {
    type Error = &'static str;

    fn try_from(bins: Option<Vec<(u8, i128)>>) -> Result<Self, Self::Error> {
        let Some(sparse) = bins else { return Ok(Self::default()) };
        let mut bins = Box::new([0; BINS]);
        let mut next = 0;
        for (place, bin) in sparse {
            // 2^40 terms of 85 bits; several such sums still add up.
            let fits = bin != 0 && bin.unsigned_abs() >> 125 == 0 && place >= next;
            let place_of_bin = bins.get_mut(usize::from(place)).filter(|_| fits).ok_or("no sum has such bins")?;
            *place_of_bin = bin;
            next = place + 1;
        }
        Ok(Self { bins: Some(bins) })
    }
}

impl ExactSum {
    /// The sum as text, whole and exponent of 2: `-1fp-1074`. Equal sums are equal texts.
    fn written(&self) -> String {
        let total = self.total();
        match total.trailing_zeros() {
            None => "0p0".to_owned(),
            Some(zeros) => format!("{:x}p{}", total >> zeros, zeros as i64 + i64::from(EXPONENT_MIN)),
        }
    }

    /// The sum that [`ExactSum::written`] wrote.
    fn read(text: &str) -> Option<Self> {
        const HIGHEST: i64 = BIN_EXPONENTS as i64 * BINS as i64 + EXPONENT_MIN as i64;
        let (digits, exponent) = text.split_once('p')?;
        let exponent = exponent.parse::<i64>().ok().filter(|exponent| (i64::from(EXPONENT_MIN)..HIGHEST).contains(exponent))?;
        // The last bin also holds what lies beyond it: that many more digits, and a sign.
        let digits = Some(digits).filter(|digits| digits.len() <= BIN_EXPONENTS as usize * (BINS + 2) / 4 + 1)?;
        Self::of_total(&(BigInt::parse_bytes(digits.as_bytes(), 16)? << (exponent - i64::from(EXPONENT_MIN)) as u64))
    }

    /// The sum of integers or decimals: exact, unless no number of binary places is.
    pub(super) fn of_fraction(sum: &Fraction) -> Self {
        const PLACES: u32 = 512;
        Self::of_total(&(sum.in_units(PLACES) << (-EXPONENT_MIN as u32 - PLACES))).unwrap_or_default()
    }

    /// The sum as an integer times 2^[`EXPONENT_MIN`], unless it is too large for any.
    fn of_total(total: &BigInt) -> Option<Self> {
        let is_negative = total.sign() == Sign::Minus;
        let parts = total.magnitude().to_u32_digits();
        let mut bins = Box::new([0i128; BINS]);
        for (place, &part) in parts.iter().enumerate() {
            // What is beyond the last bin is its high part.
            let (bin, beyond) = (place.min(BINS - 1), place.saturating_sub(BINS - 1) as i32);
            let part = i128::from(part).checked_shl((beyond * BIN_EXPONENTS) as u32).filter(|_| beyond < 3)?;
            bins[bin] += if is_negative { -part } else { part };
        }
        Some(Self { bins: Some(bins) })
    }
}

/// Sums as a summary keeps them.
pub(super) mod kept {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::ExactSum;

    pub(crate) fn serialize<S: Serializer>(sum: &ExactSum, to: S) -> Result<S::Ok, S::Error> {
        if sum.is_empty() { to.serialize_none() } else { to.serialize_some(&sum.written()) }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ExactSum, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(ExactSum::default()) };
        ExactSum::read(&text).ok_or_else(|| D::Error::custom(format_args!("`{text}` is no sum")))
    }
}

/// A finite float in units of 2^-1074, the smallest float.
pub fn whole(x: f64) -> BigInt {
    let (mantissa, exponent) = decompose(x);
    BigInt::from(mantissa) << (exponent - EXPONENT_UNIT) as usize
}

/// The largest float that is at most `units` of 2^-1074.
pub fn float_at_most(units: &BigInt) -> f64 {
    let nearest = Fraction::new(units.clone(), BigInt::from(1u8) << -EXPONENT_UNIT as usize).as_f64().clamp(f64::MIN, f64::MAX);
    if whole(nearest) > *units { nearest.next_down().max(f64::MIN) } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cancellation_leaves_the_small_term() {
        let mut sum = ExactSum::default();
        for x in [1e300, 1.0, -1e300, f64::MIN_POSITIVE / 4.0, -f64::MIN_POSITIVE / 4.0] {
            sum.add(x);
        }
        assert_eq!(sum.fraction().as_f64(), 1.0);
    }

    #[test]
    fn squares_beyond_the_range_of_floats_stay_exact() {
        let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
        for x in [1e200, 1e200, 1e200] {
            sum.add(x);
            squares.add_square(x);
        }
        assert_eq!(Fraction::sample_variance(3, &sum.fraction(), &squares.fraction()).as_f64(), 0.0);
    }

    proptest! {
        #[test]
        fn many_times_is_one_by_one(x in any::<f64>().prop_filter("finite", |x| x.is_finite()), count in 0u64..50) {
            let (mut times, mut each) = ([ExactSum::default(), ExactSum::default()], [ExactSum::default(), ExactSum::default()]);
            times[0].add_times(x, count);
            times[1].add_square_times(x, count);
            for _ in 0..count {
                each[0].add(x);
                each[1].add_square(x);
            }
            if count > 0 {
                prop_assert_eq!(times, each);
            }
        }

        #[test]
        fn one_value_comes_back(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let mut sum = ExactSum::default();
            sum.add(x);
            prop_assert_eq!(sum.fraction().as_f64(), if x == 0.0 { 0.0 } else { x });
        }

        #[test]
        fn a_sum_as_text_reads_back(xs in prop::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 0..20)) {
            let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
            for x in xs {
                sum.add(x);
                squares.add_square(x);
            }
            for sum in [sum, squares] {
                let read = ExactSum::read(&sum.written()).expect("a sum");
                prop_assert_eq!(read.total(), sum.total());
                let mut twice = sum.clone();
                twice.merge(&read);
                prop_assert_eq!(twice.total(), sum.total() * 2);
            }
        }

        #[test]
        fn order_does_not_matter(mut xs in prop::collection::vec(-1e12f64..1e12, 1..50)) {
            let total = |xs: &[f64]| {
                let mut sum = ExactSum::default();
                xs.iter().for_each(|&x| sum.add(x));
                sum.fraction().as_f64()
            };
            let forward = total(&xs);
            xs.reverse();
            prop_assert_eq!(forward, total(&xs));
            let plain: f64 = xs.iter().sum();
            prop_assert!((forward - plain).abs() <= 1e-9 * xs.iter().map(|x| x.abs()).sum::<f64>());
        }
    }
}
