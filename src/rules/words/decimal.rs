//! A decimal number, exactly as it is written.

use std::cmp::Ordering;
use std::fmt;

/// `digits / 10^scale`: what is written as `5.6%` is 56 / 1000, and no float near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    /// More digits behind the point than this are not read. With a count of rows beside it, the digits of what is
    /// compared still fit an integer.
    const SCALE_MAX: u32 = 18;
    pub const ONE: Self = Self { digits: 1, scale: 0 };

    /// Reads `5.6`, `-0.01`, `.5`, `1e-3`; `%` behind it divides by a hundred. Zeros at the end do not count.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, hundredths) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 2),
            None => (text, 0),
        };
        let (mantissa, exponent) = match number.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
            None => (number, 0),
        };
        let (sign, unsigned) = match mantissa.as_bytes().first()? {
            b'-' => (-1, &mantissa[1..]),
            b'+' => (1, &mantissa[1..]),
            _ => (1, mantissa),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut digits: i128 = 0;
        for b in whole.bytes().chain(fraction.bytes()) {
            digits = digits.checked_mul(10)?.checked_add(i128::from(b - b'0'))?;
        }
        Self::reduced(sign * digits, i32::try_from(fraction.len()).ok()? + hundredths - i32::from(exponent))
    }

    /// `digits / 10^scale` with as few digits as can be; none if there are too many.
    fn reduced(mut digits: i128, mut scale: i32) -> Option<Self> {
        while scale > 0 && digits % 10 == 0 {
            (digits, scale) = (digits / 10, scale - 1);
        }
        while scale < 0 && digits != 0 {
            (digits, scale) = (digits.checked_mul(10)?, scale + 1);
        }
        let scale = if digits == 0 { 0 } else { u32::try_from(scale).ok()? };
        (scale <= Self::SCALE_MAX).then_some(Self { digits, scale })
    }

    /// `digits / 10^scale`; none where there are too many digits behind the point.
    pub fn new(digits: i128, scale: i32) -> Option<Self> {
        Self::reduced(digits, scale)
    }

    pub fn digits(self) -> i128 {
        self.digits
    }

    pub fn scale(self) -> u32 {
        self.scale
    }

    /// The nearest float.
    pub fn as_f64(self) -> f64 {
        format!("{}e-{}", self.digits, self.scale).parse().expect("digits and an exponent are a number")
    }

    pub fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// How this stands to `other`; exact.
    pub fn compare(self, other: Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        let lifted = |d: Self| d.digits.checked_mul(10i128.pow(scale - d.scale));
        match (lifted(self), lifted(other)) {
            (Some(ours), Some(theirs)) => ours.cmp(&theirs),
            // What does not fit is far larger than what was not lifted.
            (None, _) => self.digits.cmp(&0),
            (_, None) => 0.cmp(&other.digits),
        }
    }

    /// Whether it is less than 0.
    pub fn is_negative(self) -> bool {
        self.digits < 0
    }

    /// How `part` of `whole` stands to this; exact. `whole` is more than 0.
    pub fn compare_share(self, part: u64, whole: u64) -> Ordering {
        // At most 2^64 · 10^18, which is less than 2^127.
        let lifted = i128::from(part) * self.denominator();
        match self.digits.checked_mul(i128::from(whole)) {
            Some(limit) => lifted.cmp(&limit),
            None => 0.cmp(&self.digits),
        }
    }

    /// The whole part of this many times `factor`; none if it does not fit.
    pub fn times(self, factor: u64) -> Option<i128> {
        Some(self.digits.checked_mul(i128::from(factor))? / self.denominator())
    }

    /// A hundred times as much: what stands before a percent sign.
    pub fn percent(self) -> Self {
        Self::reduced(self.digits, self.scale as i32 - 2).unwrap_or(self)
    }

    fn denominator(self) -> i128 {
        10i128.pow(self.scale)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let (sign, point) = (if self.digits < 0 { "-" } else { "" }, if scale == 0 { "" } else { "." });
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn a_percentage_is_the_decimal_that_is_written() {
        for (percent, decimal, shown) in
            [("5.6%", "0.056", "5.6"), ("7%", ".07", "7"), ("100 %", "1.0", "100"), ("0%", "-0", "0"), ("1e-3", "0.1%", "0.1")]
        {
            assert_eq!(read(percent), read(decimal));
            assert_eq!(read(percent).percent().to_string(), shown);
        }
        assert_eq!(read("-12.50").to_string(), "-12.5");
        assert_eq!(read("1e3").to_string(), "1000");
        for text in ["", "%", ".", "-", "five", "1.2.3", "0x10", "1e", "1e400", "0.0000000000000000001", "+-1", "inf", "NaN"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn counts_are_compared_without_rounding() {
        assert_eq!(read("5.6%").compare_share(7, 125), Ordering::Equal);
        assert_eq!(read("0.1").compare_share(100_000_000_000_000_001, 1_000_000_000_000_000_000), Ordering::Greater);
        assert_eq!(read("0.1").compare_share(99_999_999_999_999_999, 1_000_000_000_000_000_000), Ordering::Less);
        assert_eq!(read("-1").compare_share(0, 3), Ordering::Greater);
        assert_eq!(read("0.999999999999999999").compare_share(u64::MAX, u64::MAX), Ordering::Greater);
        assert_eq!(read("1e30").compare_share(u64::MAX, 1), Ordering::Less);
        assert_eq!(read("0.5").compare(read("0.25")), Ordering::Greater);
        assert_eq!(read("100%").compare(Decimal::ONE), Ordering::Equal);
        assert_eq!(read("-1e37").compare(read("0.000000000000000001")), Ordering::Less);
        assert_eq!(read("0.5").compare(read("1e37")), Ordering::Less);
        assert_eq!(read("0.07").as_f64(), 0.07);
    }
}
