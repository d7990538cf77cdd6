//! Bounds of decimals of up to 76 digits.

use arrow::datatypes::i256;

use crate::rules::earlier::End;

/// A bound as a count of 10^-scale of its column, rounded down and up; equal where it is exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wide {
    down: i256,
    up: i256,
}

impl Wide {
    /// Reads a decimal number, exactly, whatever its digits; one beyond all values of the type is taken for the nearest of them.
    pub(super) fn read(written: &str, scale: i8) -> Option<Self> {
        let written = written.trim();
        let (mantissa, exponent) = match written.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
            None => (written, 0),
        };
        let (is_negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        // How many of the digits stand before the point of a count of 10^-scale.
        let places = whole.len() as i64 + i64::from(exponent) + i64::from(scale);
        let whole = usize::try_from(places).unwrap_or(0);
        let significant = digits.iter().position(|digit| *digit != b'0');
        let kept = digits.iter().chain(std::iter::repeat(&b'0')).take(if significant.is_some() { whole } else { 0 });
        let add = |value: Option<i256>, digit: &u8| value?.checked_mul(i256::from(10))?.checked_add(i256::from(i32::from(digit - b'0')));
        let size = kept.fold(Some(i256::ZERO), add).unwrap_or(i256::MAX);
        let has_more = digits.iter().skip(whole).any(|digit| *digit != b'0');
        let beyond = if has_more { size.checked_add(i256::ONE).unwrap_or(i256::MAX) } else { size };
        Some(match is_negative {
            true => Self { down: beyond.wrapping_neg(), up: size.wrapping_neg() },
            false => Self { down: size, up: beyond },
        })
    }
}

impl End<Wide> {
    /// The lowest value that a lower bound admits.
    pub(super) fn lowest(&self) -> i256 {
        if self.closed { self.bound.up } else { self.bound.down.checked_add(i256::ONE).unwrap_or(i256::MAX) }
    }

    /// The highest value that an upper bound admits.
    pub(super) fn highest(&self) -> i256 {
        if self.closed { self.bound.down } else { self.bound.up.checked_sub(i256::ONE).unwrap_or(i256::MIN) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_exact_to_the_last_digit() {
        let read = |text: &str, scale: i8| Wide::read(text, scale).map(|wide| (wide.down.to_string(), wide.up.to_string()));
        let pair = |down: &str, up: &str| Some((down.to_owned(), up.to_owned()));
        let long = "12345678901234567890123456789012345678901234567890";
        assert_eq!(read(long, 0), pair(long, long));
        assert_eq!(read(&format!("-{long}.5"), 0), pair("-12345678901234567890123456789012345678901234567891", &format!("-{long}")));
        assert_eq!(read("0.105", 2), pair("10", "11"));
        assert_eq!(read("-0.105", 2), pair("-11", "-10"));
        assert_eq!(read("1.5e3", 1), pair("15000", "15000"));
        assert_eq!(read("25e-3", 2), pair("2", "3"));
        assert_eq!(read("0e30000", 0), pair("0", "0"));
        assert_eq!(read("150", -2), pair("1", "2"));
        assert_eq!(read("1e200", 0).map(|(down, _)| down), Some(i256::MAX.to_string()));
        for text in ["", "-", ".", "1.2.3", "ten", "1e", "NaN", "inf", "--1"] {
            assert_eq!(read(text, 2), None, "{text}");
        }
    }

    #[test]
    fn open_bounds_begin_behind_their_value() {
        let end = |text: &str, closed: bool, lower: bool| End { bound: Wide::read(text, 1).expect("a bound"), closed, lower };
        let values = [end("0.15", true, true).lowest(), end("0.15", false, true).lowest(), end("0.1", false, true).lowest()];
        assert_eq!(values, [2, 2, 2].map(i256::from));
        let values = [end("0.15", true, false).highest(), end("0.15", false, false).highest(), end("0.1", false, false).highest()];
        assert_eq!(values, [1, 1, 0].map(i256::from));
    }
}
