//! Text to values, exactly: a value that would lose a digit is not a value of that type.

mod numerals;
mod time;

pub use self::numerals::NumberForm;
pub(crate) use self::time::{common, date, date_in, offset_seconds, timestamp, timestamp_in};

use crate::types::Class;

/// What `text` (not missing, already trimmed) looks like.
///
/// Digits behind a leading zero (`017`, a postcode) or a plus (`+4917…`, a telephone number) and integers beyond
/// 64 bits are text: reading them as numbers would lose what they say.
pub(crate) fn classify(text: &str) -> Class {
    match text.as_bytes() {
        [] | [b'+', ..] => Class::Text,
        [b't' | b'T' | b'f' | b'F', ..] if boolean(text).is_some() && text.len() > 1 => Class::Boolean,
        [b'0'..=b'9' | b'-' | b'.', ..] => classify_number_or_time(text),
        _ if float(text).is_some() => Class::Float,
        _ => Class::Text,
    }
}

fn classify_number_or_time(text: &str) -> Class {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse::<i64>() {
            Ok(_) if leading_zero => Class::Text,
            Ok(n) if n.unsigned_abs() > EXACT_INTEGER_MAX => Class::WideInteger,
            Ok(_) => Class::Integer,
            Err(_) => Class::Text,
        };
    }
    if !leading_zero && float(text).is_some() {
        return if is_wide(text) { Class::Text } else { Class::Float };
    }
    if date(text).is_some() {
        return Class::Date;
    }
    match timestamp(text) {
        Some(t) if t.zoned => Class::TimestampZoned,
        Some(_) => Class::Timestamp,
        None => Class::Text,
    }
}

/// Whether a number without an exponent has more digits before its point than a float holds exactly: two identifiers
/// beyond 2^53 could become one.
pub(crate) fn is_wide(number: &str) -> bool {
    /// The digits that 2^53 has.
    const DIGITS: usize = 16;
    if number.len() < DIGITS {
        return false;
    }
    let whole = number.split('.').next().unwrap_or(number).trim_start_matches(['-', '+']);
    whole.bytes().all(|b| b.is_ascii_digit()) && whole.parse::<u64>().map_or(whole.len() > DIGITS, |n| n > EXACT_INTEGER_MAX)
}

/// `true`/`false`, `t`/`f`, `yes`/`no`, `1`/`0`, in any case; only the first pair is ever inferred.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    match text.len() {
        1 if is("1") || is("t") || is("y") => Some(true),
        1 if is("0") || is("f") || is("n") => Some(false),
        2 if is("no") => Some(false),
        3 if is("yes") => Some(true),
        4 if is("true") => Some(true),
        5 if is("false") => Some(false),
        _ => None,
    }
}

/// An integer: digits, perhaps behind a sign.
pub(crate) fn integer(text: &str) -> Option<i64> {
    short_decimal(text.as_bytes(), 0).filter(|_| !text.ends_with('.')).or_else(|| text.parse().ok())
}

/// Integers up to this are floats exactly.
pub(crate) const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// A float as people write it: digits, or `nan`, `inf`, `infinity` with a sign. A number beyond the range of floats is none:
/// `1e400` would become infinite, `1e-400` zero.
pub(crate) fn float(text: &str) -> Option<f64> {
    let x: f64 = text.parse().ok()?;
    let overflowed = x.is_infinite() && text.bytes().any(|b| b.is_ascii_digit());
    let underflowed = x == 0.0 && text.bytes().take_while(|b| !matches!(b, b'e' | b'E')).any(|b| matches!(b, b'1'..=b'9'));
    (!overflowed && !underflowed).then_some(x)
}

/// Whether a guess that `text` is a number would lose its zeros or its plus.
pub(crate) fn loses_its_form(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    // A date such as 0999-01-01 also begins with a zero, but has a dash among its first five bytes.
    match digits {
        [b'+', ..] => true,
        [b'0', b'0'..=b'9', ..] => !digits.iter().take(5).any(|&b| b == b'-'),
        _ => false,
    }
}

/// A decimal's digits as an integer scaled by `scale`; none where a digit would be lost.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    if let Some(value) = short_decimal(text.as_bytes(), scale) {
        let fits = POWERS_OF_TEN.get(usize::from(precision)).is_none_or(|limit| value.unsigned_abs() < *limit);
        return fits.then_some(i128::from(value));
    }
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let mut value: i128 = 0;
    let mut fraction = 0i32;
    let (mut seen_point, mut seen_digit) = (false, false);
    for &b in digits {
        match b {
            b'0'..=b'9' => {
                seen_digit = true;
                if seen_point && fraction == i32::from(scale) {
                    if b != b'0' {
                        return None;
                    }
                    continue;
                }
                value = value.checked_mul(10)?.checked_add(i128::from(b - b'0'))?;
                fraction += i32::from(seen_point);
            }
            b'.' if !seen_point => seen_point = true,
            _ => return None,
        }
    }
    if !seen_digit {
        return None;
    }
    value = value.checked_mul(10i128.checked_pow((i32::from(scale) - fraction) as u32)?)?;
    let limit = 10i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

/// The powers of ten that 64 bits hold.
const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The usual case of [`decimal`]: a few digits that 64 bits hold beyond doubt; none for all else.
fn short_decimal(text: &[u8], scale: i8) -> Option<i64> {
    /// Digits and zeros that are appended, together.
    const DIGITS_MAX: usize = 18;
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    if digits.len() > DIGITS_MAX {
        return None;
    }
    let digit = |b: &u8| Some(b.wrapping_sub(b'0')).filter(|d| *d < 10).map(i64::from);
    let whole = digits.iter().map_while(digit);
    let (mut value, seen) = whole.fold((0, 0), |(value, seen), digit| (value * 10 + digit, seen + 1));
    let mut zeros = usize::try_from(scale).ok()?;
    let mut fraction = 0;
    if let Some((b'.', rest)) = digits[seen..].split_first() {
        (value, fraction) = rest.iter().map_while(digit).fold((value, 0), |(value, seen), digit| (value * 10 + digit, seen + 1));
        zeros = zeros.checked_sub(fraction)?;
        if fraction < rest.len() {
            return None;
        }
    } else if seen < digits.len() {
        return None;
    }
    if seen + fraction == 0 || seen + fraction + zeros > DIGITS_MAX {
        return None;
    }
    value *= POWERS_OF_TEN[zeros] as i64;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes() {
        let cases = [
            ("12", Class::Integer),
            ("-12", Class::Integer),
            ("017", Class::Text),
            ("+491701234567", Class::Text),
            ("+1.5", Class::Text),
            ("+inf", Class::Text),
            ("-017", Class::Text),
            ("0e5", Class::Float),
            ("1E5", Class::Float),
            (".5", Class::Float),
            ("5.", Class::Float),
            ("-.5e-3", Class::Float),
            ("0x1F", Class::Text),
            ("1_000", Class::Text),
            ("1,5", Class::Text),
            ("--5", Class::Text),
            ("9007199254740992.0", Class::Float),
            ("9007199254740993.0", Class::Text),
            ("12345678901234567890.5", Class::Text),
            ("1.2345678901234567e30", Class::Float),
            ("1e-400", Class::Text),
            ("-0.0e-999", Class::Float),
            ("5e-324", Class::Float),
            ("99999999999999999999", Class::Text),
            ("9007199254740993", Class::WideInteger),
            ("1e400", Class::Text),
            ("1.5e3", Class::Float),
            ("NaN", Class::Float),
            ("0.5", Class::Float),
            ("true", Class::Boolean),
            ("t", Class::Text),
            ("2026-02-28", Class::Date),
            ("2026-02-30", Class::Text),
            ("2026-02-28 10:00", Class::Timestamp),
            ("2026-02-28T10:00:00.5Z", Class::TimestampZoned),
            ("17 USD", Class::Text),
        ];
        for (text, class) in cases {
            assert_eq!(classify(text), class, "{text}");
        }
    }

    proptest! {
        #[test]
        fn integers_are_those_of_the_standard_library(text in "[+-]?[0-9]{0,20}[.x]?[0-9]{0,2}") {
            prop_assert_eq!(integer(&text), text.parse::<i64>().ok());
        }

        /// The short way and the long way, which one more zero behind the point makes it take.
        #[test]
        fn short_decimals_are_decimals(text in "-?[0-9]{0,12}[.][0-9]{0,6}", precision in 1u8..20, scale in 0i8..6) {
            let long = format!("{text}{}", "0".repeat(20));
            let expected = if text.bytes().any(|b| b.is_ascii_digit()) { decimal(&long, precision, scale) } else { None };
            prop_assert_eq!(decimal(&text, precision, scale), expected);
        }
    }

    #[test]
    fn decimals_lose_nothing() {
        assert_eq!(decimal("12.3", 15, 2), Some(1230));
        assert_eq!(decimal("-0.05", 15, 2), Some(-5));
        assert_eq!(decimal("1.230", 15, 2), Some(123));
        assert_eq!(decimal("1.234", 15, 2), None);
        assert_eq!(decimal("1000", 5, 2), None);
        assert_eq!(decimal("", 5, 2), None);
    }
}
