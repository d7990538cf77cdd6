//! Text to values, exactly: a value that would lose a digit is not a value of that type.

use arrow::datatypes::TimeUnit;
use chrono::{NaiveDate, NaiveDateTime};

use crate::types::Class;

/// What `text` (not missing, already trimmed) looks like.
///
/// Digits behind a leading zero (`017`, a postcode) or a plus (`+4917…`, a telephone number) and integers beyond
/// 64 bits are text: reading them as numbers would lose what they say.
pub fn classify(text: &str) -> Class {
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
pub fn is_wide(number: &str) -> bool {
    /// Of 2^53.
    const DIGITS: usize = 16;
    if number.len() < DIGITS {
        return false;
    }
    let whole = number.split('.').next().unwrap_or(number).trim_start_matches(['-', '+']);
    whole.bytes().all(|b| b.is_ascii_digit()) && whole.parse::<u64>().map_or(whole.len() > DIGITS, |n| n > EXACT_INTEGER_MAX)
}

/// `true`/`false`, `t`/`f`, `yes`/`no`, `1`/`0`, in any case; only the first pair is ever inferred.
pub fn boolean(text: &str) -> Option<bool> {
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
pub fn integer(text: &str) -> Option<i64> {
    short_decimal(text.as_bytes(), 0).filter(|_| !text.ends_with('.')).or_else(|| text.parse().ok())
}

/// Integers up to this are floats exactly.
pub const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// A float as people write it: digits, or `nan`, `inf`, `infinity` with a sign. Digits beyond the range are none, on
/// either side: `1e400` would become infinite, `1e-400` zero.
pub fn float(text: &str) -> Option<f64> {
    let x: f64 = text.parse().ok()?;
    let overflowed = x.is_infinite() && text.bytes().any(|b| b.is_ascii_digit());
    let underflowed = x == 0.0 && text.bytes().take_while(|b| !matches!(b, b'e' | b'E')).any(|b| matches!(b, b'1'..=b'9'));
    (!overflowed && !underflowed).then_some(x)
}

/// Whether a guess that `text` is a number would lose its zeros or its plus.
pub fn loses_its_form(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    // A date such as 0999-01-01 also begins with a zero, but has a dash among its first five bytes.
    match digits {
        [b'+', ..] => true,
        [b'0', b'0'..=b'9', ..] => !digits.iter().take(5).any(|&b| b == b'-'),
        _ => false,
    }
}

/// A decimal's digits as an integer scaled by `scale`; none where a digit would be lost.
pub fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
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

/// Those of 64 bits.
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

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub fn date(text: &str) -> Option<i32> {
    let b = text.as_bytes();
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&b[..4])? as i32, number(&b[5..7])?, number(&b[8..])?);
    // Columns of dates are read value by value: the days before each month, and no calendar type in between.
    const BEFORE: [i32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let month = usize::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = BEFORE[month] - BEFORE[month - 1] + i32::from(is_leap && month == 2);
    let day = day as i32;
    if day < 1 || day > month_days {
        return None;
    }
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let days = before * 365 + leap_days + BEFORE[month - 1] + i32::from(is_leap && month > 2) + day - 1;
    Some(days - DAYS_BEFORE_1970)
}

/// From the first of January of the year 1 to that of 1970.
const DAYS_BEFORE_1970: i32 = 719_162;

/// Days since 1970-01-01 of a date in a strftime format.
pub fn date_in(text: &str, format: &str) -> Option<i32> {
    days(NaiveDate::parse_from_str(text, format).ok()?)
}

fn days(date: NaiveDate) -> Option<i32> {
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// A point in time: seconds and nanoseconds since 1970, UTC where the text said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    pub seconds: i64,
    pub nanos: u32,
    /// Whether the text carried `Z` or an offset.
    pub zoned: bool,
}

impl Instant {
    /// The count of `unit` since 1970; none where a digit would be lost.
    pub fn in_unit(self, unit: TimeUnit) -> Option<i64> {
        let per_second = match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let nanos_per_unit = 1_000_000_000 / per_second;
        if i64::from(self.nanos) % nanos_per_unit != 0 {
            return None;
        }
        self.seconds.checked_mul(per_second)?.checked_add(i64::from(self.nanos) / nanos_per_unit)
    }
}

/// ISO 8601: a date, then optionally `T` or a space, `HH:MM[:SS[.fraction]]`, then `Z` or `±HH[:MM]`.
pub fn timestamp(text: &str) -> Option<Instant> {
    let day = i64::from(date(text.get(..10)?)?);
    let rest = &text.as_bytes()[10..];
    if rest.is_empty() {
        return Some(Instant { seconds: day * 86_400, nanos: 0, zoned: false });
    }
    if !matches!(rest[0], b'T' | b' ' | b't') || rest.len() < 6 || rest[3] != b':' {
        return None;
    }
    let (hour, minute) = (number(&rest[1..3])?, number(&rest[4..6])?);
    let mut at = 6;
    let (mut second, mut nanos) = (0, 0);
    if rest.get(at) == Some(&b':') {
        second = number(rest.get(at + 1..at + 3)?)?;
        at += 3;
        if rest.get(at) == Some(&b'.') {
            let digits = rest[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 || digits > 9 {
                return None;
            }
            nanos = number(&rest[at + 1..at + 1 + digits])? * 10u32.pow(9 - digits as u32);
            at += 1 + digits;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = offset_seconds(std::str::from_utf8(&rest[at..]).ok()?)?;
    let local = day * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(Instant { seconds: local - i64::from(offset.unwrap_or(0)), nanos, zoned: offset.is_some() })
}

/// A timestamp in a strftime format.
pub fn timestamp_in(text: &str, format: &str) -> Option<Instant> {
    if let Ok(zoned) = chrono::DateTime::parse_from_str(text, format) {
        let (seconds, nanos) = (zoned.timestamp(), zoned.timestamp_subsec_nanos());
        return Some(Instant { seconds, nanos, zoned: true });
    }
    let naive = NaiveDateTime::parse_from_str(text, format).ok()?.and_utc();
    Some(Instant { seconds: naive.timestamp(), nanos: naive.timestamp_subsec_nanos(), zoned: false })
}

/// Seconds east of UTC: `Z`, `UTC`, `+02:00`, `+0200`, `+02`; `Some(None)` for no offset at all.
pub fn offset_seconds(text: &str) -> Option<Option<i32>> {
    let (sign, rest) = match text {
        "" => return Some(None),
        "Z" | "z" | "UTC" => return Some(Some(0)),
        _ => match text.as_bytes()[0] {
            b'+' => (1, &text.as_bytes()[1..]),
            b'-' => (-1, &text.as_bytes()[1..]),
            _ => return None,
        },
    };
    let (hours, minutes) = match rest.len() {
        2 => (number(rest)?, 0),
        4 => (number(&rest[..2])?, number(&rest[2..])?),
        5 if rest[2] == b':' => (number(&rest[..2])?, number(&rest[3..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 3600 + minutes * 60) as i32))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
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
        fn dates_are_those_of_the_calendar(year in 0i32..10_000, month in 0u32..14, day in 0u32..33) {
            let calendar = NaiveDate::from_ymd_opt(year, month, day).and_then(days);
            prop_assert_eq!(date(&format!("{year:04}-{month:02}-{day:02}")), calendar);
        }

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

    #[test]
    fn timestamps_know_their_offset_and_unit() {
        let t = timestamp("1970-01-02T01:00:00.250+01:00").expect("timestamp");
        assert_eq!((t.seconds, t.nanos, t.zoned), (86_400, 250_000_000, true));
        assert_eq!(t.in_unit(TimeUnit::Millisecond), Some(86_400_250));
        assert_eq!(t.in_unit(TimeUnit::Second), None);
        assert_eq!(timestamp("1969-12-31").map(|t| t.seconds), Some(-86_400));
        assert_eq!(timestamp("2026-01-01T24:00:00"), None);
    }
}
